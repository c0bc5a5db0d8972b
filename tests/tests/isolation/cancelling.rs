//! Many runs that do all to be left alone are cancelled at once, and nothing of them is left.

use futures_util::future::join_all;
use reqwest::Method;
use sandboxed_tests::{Server, until};
use serde_json::json;

use crate::{
    backends::Backend,
    begin, cancel, delete,
    leftovers::{Traces, sleepers},
    machine::Machine,
    of_kind, run, server, speaks, workspace,
};

on_each_backend!(
    fifty_runs_are_cancelled_at_once_and_nothing_of_them_is_left,
    runs_that_are_being_cancelled_when_the_server_is_killed_are_cancelled_by_the_next,
);

const WORKSPACES: usize = 5;
/// Processes of one run that sleep.
const EACH: usize = 7;

/// Starts what clings to life for `mark` seconds, and then does `last`. Children, sessions of their own, orphans, a daemon, a process without variables; none of them heeds a signal that it
/// can refuse.
pub(crate) fn clinging(mark: &str, last: &str) -> String {
    let script = r#"
trap '' HUP INT TERM
sleep MARK &
setsid sleep MARK &
(setsid sleep MARK &)
bash -c 'trap "" HUP INT TERM; sleep MARK; sleep MARK' &
perl -e 'use POSIX; exit if fork; POSIX::setsid(); exit if fork; exec "sleep", "MARK"'
env -i "$(command -v setsid)" "$(command -v sleep)" MARK &
echo up
"#;
    format!("{}{last}\n", script.replace("MARK", mark))
}

/// Runs in five workspaces, and a neighbour.
struct Crowd {
    server: Server,
    machine: Machine,
    backend: &'static Backend,
    mark: String,
    workspaces: Vec<String>,
    missions: Vec<String>,
    neighbour: String,
    neighbours_mission: String,
    neighbours_mark: String,
}

impl Crowd {
    async fn new(backend: &'static Backend, runs: usize) -> Self {
        let machine = Machine::new().await;
        let server = server(
            backend,
            &[
                ("SANDBOXED_SH__MISSIONS__MAX_PARALLEL", "100"),
                ("SANDBOXED_SH__MISSIONS__MAX_PARALLEL_PER_WORKSPACE", "100"),
            ],
        )
        .await;
        let (mark, neighbours_mark) = (format!("3{}.1", server.pid()), format!("3{}.2", server.pid()));
        let neighbour = workspace(&server, backend, json!({})).await;
        let script = format!("echo up; exec sleep {neighbours_mark}");
        let neighbours_mission = begin(&server, &neighbour, &script).await;
        speaks(&server, &neighbours_mission).await;
        let mut workspaces = Vec::new();
        for _ in 0..WORKSPACES {
            workspaces.push(workspace(&server, backend, json!({})).await);
        }
        let script = clinging(&mark, &format!("sleep {mark}"));
        let missions = (0..runs).map(|number| begin(&server, &workspaces[number % WORKSPACES], &script));
        let missions = join_all(missions).await;
        until("all processes", async || (sleepers(&mark).len() == runs * EACH).then_some(())).await;
        Self { server, machine, backend, mark, workspaces, missions, neighbour, neighbours_mission, neighbours_mark }
    }

    async fn traces_of_runs(&self) -> Traces {
        let started = join_all(self.missions.iter().map(|mission| of_kind(&self.server, mission, "run_started"))).await;
        let runs: Vec<String> = started.iter().flatten().map(|body| body["run"].as_str().unwrap().to_owned()).collect();
        assert_eq!(runs.len(), self.missions.len());
        Traces::of(runs)
    }

    /// The workspaces are usable; then they are removed, and with them all that is left of them.
    async fn ends_without_a_trace(mut self) {
        assert_eq!(sleepers(&self.neighbours_mark).len(), 1, "the neighbour's process is gone");
        assert_eq!(self.server.api.state(&self.neighbours_mission).await, "running");
        assert!(self.machine.is_alive());
        let again = run(&self.server, &self.workspaces[0], "echo again").await;
        assert_eq!(self.server.api.printed(&again).await, "again\n");
        cancel(&self.server, &again).await;
        let traces = Traces::of_all(&self.server);
        cancel(&self.server, &self.neighbours_mission).await;
        for workspace in self.workspaces.iter().chain([&self.neighbour]) {
            delete(&self.server, workspace).await;
        }
        assert_eq!(traces.found(), Vec::<String>::new(), "left by {}", self.backend.id);
    }
}

async fn fifty_runs_are_cancelled_at_once_and_nothing_of_them_is_left(backend: &'static Backend) {
    let crowd = Crowd::new(backend, 50).await;
    let traces = crowd.traces_of_runs().await;
    assert!(!traces.found().is_empty(), "nothing is known of what runs");

    join_all(crowd.missions.iter().map(|mission| cancel(&crowd.server, mission))).await;

    assert_eq!(sleepers(&crowd.mark), Vec::<u32>::new());
    assert_eq!(traces.found(), Vec::<String>::new());
    for mission in &crowd.missions {
        assert_eq!(crowd.server.api.state(mission).await, "cancelled");
    }
    crowd.ends_without_a_trace().await;
}

async fn runs_that_are_being_cancelled_when_the_server_is_killed_are_cancelled_by_the_next(backend: &'static Backend) {
    let mut crowd = Crowd::new(backend, 15).await;
    let traces = crowd.traces_of_runs().await;
    // Nobody hears the answers: the server is killed as soon as the first of the runs is.
    let requests = crowd.missions.iter().map(|mission| {
        let path = format!("/missions/{mission}/cancel");
        tokio::spawn(crowd.server.api.request(Method::POST, &path).send())
    });
    let requests: Vec<_> = requests.collect();
    until("the first to be killed", async || (sleepers(&crowd.mark).len() < 15 * EACH).then_some(())).await;
    crowd.server.crash();
    for request in requests {
        let _ = request.await.unwrap();
    }
    crowd.server.restart().await;

    let cancelled = crowd.missions.iter().map(async |mission| {
        let (_, answer) = crowd.server.api.call(Method::POST, &format!("/missions/{mission}/cancel"), None).await;
        assert!(answer["state"] == "cancelled" || answer["code"] == "mission.illegal_state", "{answer}");
    });
    join_all(cancelled).await;

    for mission in &crowd.missions {
        crowd.server.api.reaches(mission, &["cancelled", "awaiting_user", "interrupted", "failed"]).await;
    }
    assert_eq!(sleepers(&crowd.mark), Vec::<u32>::new());
    assert_eq!(traces.found(), Vec::<String>::new());
    crowd.ends_without_a_trace().await;
}

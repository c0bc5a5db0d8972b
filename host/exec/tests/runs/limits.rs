//! What process trees may use together.

use nix::unistd::Uid;
use sandboxed_exec::{Exit, Guard, Limits, Run, RunSpec};
use sandboxed_model::RunId;

use crate::lab::{Lab, is_alive, lines, pids, text, until, within};

fn group() -> Limits {
    assert!(Uid::effective().is_root(), "limits are tried as root");
    assert_eq!(Limits::unavailable(), std::collections::BTreeMap::new(), "this machine cannot limit everything");
    Limits { group: format!("test-{}", RunId::new()), ..Limits::default() }
}

fn limited(lab: &Lab, limits: &Limits, script: &str) -> RunSpec {
    let mut spec = lab.script(script);
    spec.guard = Guard { limits: Some(limits.clone()), ..Guard::default() };
    spec
}

/// Groups of this name that are left.
fn left(limits: &Limits) -> usize {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let points = mounts.lines().filter(|line| line.contains(" cgroup")).filter_map(|line| line.split(' ').nth(1));
    points.filter(|point| std::path::Path::new(point).join("sandboxed-sh").join(&limits.group).exists()).count()
}

#[tokio::test]
async fn a_tree_that_fills_its_memory_is_killed_and_the_kernels_part_in_it_is_known() {
    let lab = Lab::new();
    let limits = Limits { memory: Some(64 << 20), ..group() };
    let script = "perl -e '$x = \"x\" x 1_000_000 for 1..3; my @a; push @a, \"y\" x 1_000_000 while 1'; echo after $?";

    let run = lab.start(limited(&lab, &limits, script)).await;

    assert_eq!(text(&run).await, "after 137\n");
    assert_eq!(within(run.exit()).await, Exit::Code(0));
    let usage = lab.supervisor.usage(run.id()).await.unwrap().unwrap();
    assert_eq!(usage.oom_kills, 1);
    assert!(usage.memory_peak.unwrap() > 32 << 20, "{usage:?}");
    assert_eq!(left(&limits), 0);
}

#[tokio::test]
async fn a_fork_bomb_comes_to_its_limit_and_the_neighbours_go_on() {
    let lab = Lab::new();
    let limits = Limits { processes: Some(40), ..group() };
    let bomb = lab.start(limited(&lab, &limits, "b() { b | b & }; b 2>/dev/null & echo forked; exec sleep 1000")).await;
    let neighbour = Limits { processes: Some(40), ..group() };
    assert_eq!(lines(&bomb, 1).await, ["forked"]);

    let run = lab.start(limited(&lab, &neighbour, "(echo one) | cat; echo two")).await;

    assert_eq!(text(&run).await, "one\ntwo\n");
    within(run.exit()).await;
    let usage = Limits::usage(&limits.group).unwrap();
    assert!(usage.processes.unwrap() <= 40, "{usage:?}");
    bomb.kill().await.unwrap();
    within(bomb.exit()).await;
    assert_eq!((left(&limits), left(&neighbour)), (0, 0));
}

#[tokio::test]
async fn trees_of_a_group_share_its_limit_and_what_they_use_is_known_of_each() {
    let lab = Lab::new();
    let limits = Limits { processes: Some(30), cpu_millis: Some(500), ..group() };
    let first = lab.start(limited(&lab, &limits, "for i in $(seq 20); do sleep 1000 & done; echo up; wait")).await;
    assert_eq!(lines(&first, 1).await, ["up"]);

    let second: Run =
        lab.start(limited(&lab, &limits, "for i in $(seq 20); do sleep 1000 & done; echo up; wait")).await;

    let of_group = until("the second to come to the limit", async || {
        let usage = Limits::usage(&limits.group)?;
        (usage.processes? == 30).then_some(usage)
    })
    .await;
    let of_first = lab.supervisor.usage(first.id()).await.unwrap().unwrap();
    assert_eq!((of_group.processes, of_first.processes), (Some(30), Some(21)));
    for run in [first, second] {
        run.kill().await.unwrap();
        within(run.exit()).await;
    }
    assert_eq!(left(&limits), 0);
}

#[tokio::test]
async fn what_a_dead_supervisor_left_is_removed_with_its_groups() {
    let lab = Lab::new();
    let limits = Limits { processes: Some(40), ..group() };
    let run = lab.start(limited(&lab, &limits, "sleep 1000 & echo $!; wait")).await;
    let payload = pids(&run, 1).await[0];

    nix::sys::signal::kill(lab.shim(run.id()), nix::sys::signal::Signal::SIGKILL).unwrap();

    assert!(matches!(within(run.exit()).await, Exit::Lost(_)));
    assert!(!is_alive(payload));
    assert_eq!(left(&limits), 0);
}

#[tokio::test]
async fn a_group_whose_name_leads_elsewhere_is_refused() {
    let lab = Lab::new();
    for name in ["", "..", "a/b", "a b"] {
        let limits = Limits { group: name.to_owned(), processes: Some(40), ..Limits::default() };

        let error = lab.supervisor.start(limited(&lab, &limits, "true")).await.unwrap_err();

        assert_eq!(error.failure().code, "run.limits", "{name}");
    }
}

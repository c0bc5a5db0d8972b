//! Agents that take all they can get. What they do has an end, and neither the server nor the neighbours feel it.

use sandboxed_tests::{Server, config, server::Options, until};
use serde_json::{Value, json};

use crate::{
    backends::{ALL, Backend, SMALL_TMP},
    begin, cancel,
    cancelling::clinging,
    leftovers::sleepers,
    memory, of_kind, run, said, server, speaks, workspace,
};

on_each_backend!(
    a_bomb_of_processes_ends_at_the_limit_and_its_workspace_is_usable_after_it,
    a_mission_that_fills_memory_is_told_apart_from_one_that_crashes,
    what_ignores_signals_and_hides_from_its_parents_ends_with_its_mission,
    a_listener_that_was_left_is_gone_and_its_port_is_free,
    output_without_end_takes_the_room_of_its_limit_and_a_neighbour_is_served,
    one_line_of_200_megabytes_is_cut_and_takes_no_memory_of_the_servers,
);

/// A workspace with a neighbour whose work goes on meanwhile.
struct Neighbours {
    server: Server,
    workspace: String,
    neighbour: String,
    neighbours_mission: String,
}

impl Neighbours {
    async fn new(backend: &Backend, server: Server, body: Value) -> Self {
        let (workspace, neighbour) =
            (workspace(&server, backend, body).await, workspace(&server, backend, json!({})).await);
        let count = "n=0; until [ -e stop ]; do n=$((n + 1)); echo $n; sleep 0.05; done";
        let neighbours_mission = begin(&server, &neighbour, count).await;
        speaks(&server, &neighbours_mission).await;
        Self { server, workspace, neighbour, neighbours_mission }
    }

    /// The neighbour has gone on, goes on, and can do new things.
    async fn are_well(&self) {
        let seen = self.server.api.get(&format!("/missions/{}", self.neighbours_mission)).await["last_seq"].clone();
        self.server.api.follow(&self.neighbours_mission, seen.as_u64().unwrap(), |e| e["kind"] == "tool_output").await;
        let exec = json!({ "command": ["echo", "well"] });
        let path = format!("/workspaces/{}/exec", self.neighbour);
        let answer = self.server.api.request(reqwest::Method::POST, &path).json(&exec).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("well"), "nothing new can be started beside it");
    }

    async fn end(&self) {
        let tree = self.server.data_dir().join(format!("workspaces/{}/tree/stop", self.neighbour));
        std::fs::write(tree, "").unwrap();
        let ended = self.server.api.reaches(&self.neighbours_mission, &["awaiting_user"]).await;
        assert_eq!(ended["last_outcome"], "completed");
    }
}

async fn a_bomb_of_processes_ends_at_the_limit_and_its_workspace_is_usable_after_it(backend: &Backend) {
    const LIMIT: u32 = 64;
    let limits = json!({ "limits": { "processes": LIMIT } });
    let them = Neighbours::new(backend, Server::start_with(backend.server()).await, limits).await;
    let mark = format!("4{}.1", them.server.pid());
    // Each makes two, until no more can be made; then they stay.
    let bomb = format!("echo up; bomb() {{ bomb & bomb & sleep {mark}; wait; }}; bomb");

    let mission = begin(&them.server, &them.workspace, &bomb).await;
    until("the limit to be reached", async || {
        let said = of_kind(&them.server, &mission, "tool_output").await;
        said.iter().any(|body| body["text"].as_str().unwrap().contains("fork")).then_some(())
    })
    .await;
    assert!(sleepers(&mark).len() <= LIMIT as usize, "{} processes sleep", sleepers(&mark).len());
    them.are_well().await;
    cancel(&them.server, &mission).await;

    assert_eq!(sleepers(&mark), Vec::<u32>::new());
    assert_eq!(said(&them.server, &them.workspace, "echo usable").await, "usable\n");
    them.end().await;
}

async fn a_mission_that_fills_memory_is_told_apart_from_one_that_crashes(backend: &Backend) {
    let limits = json!({ "limits": { "memory": 96 << 20 } });
    let them = Neighbours::new(backend, Server::start_with(backend.server()).await, limits).await;
    let fill = "perl -e 'my @a; push @a, \"x\" x (1 << 20) while 1' || exit 1";

    let filled = run(&them.server, &them.workspace, fill).await;
    let crashed = run(&them.server, &them.workspace, "kill -9 $$").await;

    let filled = them.server.api.get(&format!("/missions/{filled}")).await;
    assert_eq!(filled["problem"]["code"], "run.out_of_memory", "{filled}");
    assert!(filled["problem"]["message"].as_str().unwrap().contains("96 MiB"), "{filled}");
    assert!(filled["problem"]["hint"].is_string(), "{filled}");
    let crashed = them.server.api.get(&format!("/missions/{crashed}")).await;
    assert_eq!((&crashed["last_outcome"], &crashed["problem"]), (&json!("failed"), &Value::Null), "{crashed}");
    them.are_well().await;
    them.end().await;
}

#[tokio::test]
async fn what_is_memory_in_the_file_system_has_an_end() {
    for (backend, small) in ALL.iter().filter_map(|backend| Some((backend, backend.small_tmp?))) {
        let component = format!("component = \"{}.wasm\"\n", backend.id);
        let (there, here) = match backend.id {
            // It has a table already.
            "nspawn" => ("config = { images".to_owned(), format!("config = {{ {small}images")),
            _ => (component.clone(), format!("{component}{small}\n")),
        };
        let config = (backend.config)().unwrap_or_else(config::of_tests).replacen(&there, &here, 1);
        let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;
        let workspace = workspace(&server, backend, json!({})).await;
        let fill = "for d in /tmp /dev/shm; do head -c 64M /dev/zero >$d/file 2>/dev/null || stat -c %s $d/file; done";

        let printed = said(&server, &workspace, fill).await;

        assert_eq!(printed, format!("{}\n{}\n", SMALL_TMP, SMALL_TMP / 2), "{}", backend.id);
    }
}

async fn what_ignores_signals_and_hides_from_its_parents_ends_with_its_mission(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let mark = format!("4{}.2", server.pid());

    let mission = run(&server, &workspace, &clinging(&mark, "exit 0")).await;

    assert_eq!(sleepers(&mark), Vec::<u32>::new());
    let ended = server.api.get(&format!("/missions/{mission}")).await;
    assert_eq!(ended["last_outcome"], "completed");
}

async fn a_listener_that_was_left_is_gone_and_its_port_is_free(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let listen = "perl -MIO::Socket::INET -MPOSIX -e '
        my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => \"127.0.0.1\", LocalPort => 8765) or exit 1;
        exit if fork; setsid; sleep 1000' && echo listening";
    assert_eq!(said(&server, &workspace, listen).await, "listening\n");

    let probe = format!("(exec 3<>/dev/tcp/127.0.0.1/8765) 2>/dev/null || echo closed\n{listen}");
    assert_eq!(said(&server, &workspace, &probe).await, "closed\nlistening\n");
}

/// Bytes of all files below a directory.
fn size(directory: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    sizes.map(|(path, metadata)| if metadata.is_dir() { size(&path) } else { metadata.len() }).sum()
}

/// The most memory that a process has had.
fn peak(pid: u32) -> u64 {
    memory(pid, "VmHWM:")
}

async fn output_without_end_takes_the_room_of_its_limit_and_a_neighbour_is_served(backend: &Backend) {
    const LIMIT: u64 = 8 << 20;
    let server = server(backend, &[("SANDBOXED_SH__RUNS__SPOOL_LIMIT", "8MiB")]).await;
    let them = Neighbours::new(backend, server, json!({})).await;
    let before = peak(them.server.pid());
    // What an agent writes in two seconds that writes 100 MB a second.
    let flood = "yes 'a line of sixty-four bytes, as an agent might write without an end' | head -c 200000000";

    let mission = begin(&them.server, &them.workspace, flood).await;
    speaks(&them.server, &mission).await;
    them.are_well().await;
    let ended = them.server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_eq!(ended["last_outcome"], "completed", "{ended}");
    let kept = size(&them.server.data_dir().join("runs"));
    assert!(kept <= 2 * LIMIT, "{kept} bytes of output are kept");
    let grown = peak(them.server.pid()) - before;
    assert!(grown < 96 << 20, "the server took {grown} bytes of memory");
    let printed = them.server.api.printed(&mission).await;
    assert!(printed.len() < 16 << 20, "{} bytes are in the event log", printed.len());
    them.are_well().await;
    them.end().await;
}

async fn one_line_of_200_megabytes_is_cut_and_takes_no_memory_of_the_servers(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let before = peak(server.pid());

    let mission = run(&server, &workspace, "head -c 200000000 /dev/zero | tr '\\0' x").await;

    let grown = peak(server.pid()) - before;
    assert!(grown < 96 << 20, "the server took {grown} bytes of memory");
    let printed = server.api.printed(&mission).await;
    assert!(printed.starts_with("xxxx") && printed.len() < 16 << 20, "{} bytes are kept", printed.len());
    assert_eq!(said(&server, &workspace, "echo next").await, "next\n");
}

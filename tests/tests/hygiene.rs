//! What a process in a workspace finds around it, and where a secret is that it was given.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use reqwest::Method;
use sandboxed_tests::{Server, server::Options, until, within};
use serde_json::{Value, json};

const BACKENDS: [&str; 2] = ["bubblewrap", "host"];
/// The variables that a process finds besides those of its shell; `SANDBOXED_SH_RUN` is the number of the run.
const VARIABLES: [&str; 16] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LOGNAME",
    "NODE_USE_ENV_PROXY",
    "NO_PROXY",
    "PATH",
    "SANDBOXED_SH_RUN",
    "SHELL",
    "USER",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Those that bash sets by itself.
const OF_BASH: [&str; 4] = ["OLDPWD", "PWD", "SHLVL", "_"];

/// Something that is nowhere else on the machine.
fn canary(name: &str) -> String {
    format!("canary-{name}-{:016x}", rand::random::<u64>())
}

/// A server that has a secret in its own environment, and the harness `stumbling`, which may use it.
async fn server(canary: &str) -> Server {
    let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
    };
    let component = guests.join("stumbling-harness.wasm").canonicalize().unwrap();
    let config = include_str!("../../config/sandboxed.toml")
        .replace("\n[secrets]\n", "\n[secrets]\nkey = { env = \"THE_KEY\" }\n");
    let table = format!(
        "\n[[plugin]]\nid = \"stumbling\"\nkind = \"harness\"\ngrants.secrets = [\"key\"]\ncomponent = \"{}\"\n",
        component.display()
    );
    let environment = ["THE_KEY", "DASHBOARD_PASSWORD", "AWS_SECRET_ACCESS_KEY", "SANDBOXED_SH_TOKEN"];
    let environment = environment.map(|name| (name.to_owned(), canary.to_owned())).to_vec();
    Server::start_with(Options { config: Some(config + &table), environment, ..Options::default() }).await
}

async fn workspace(server: &Server, backend: &str) -> Value {
    server.api.post("/workspaces", json!({ "backend": backend })).await
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}

/// What a command prints, on both streams.
async fn exec(server: &Server, workspace: &Value, script: &str) -> String {
    let body = json!({ "command": ["bash", "-c", script] });
    let request = server.api.request(Method::POST, &format!("/workspaces/{}/exec", id(workspace))).json(&body);
    let text = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| Some(line["text"].as_str()?.to_owned())).collect()
}

/// What a terminal shows for a script until it ends.
async fn in_terminal(server: &Server, workspace: &Value, script: &str) -> String {
    let body = json!({ "command": ["bash", "-c", script], "tty": { "rows": 50, "cols": 500 } });
    let process = server.api.post(&format!("/workspaces/{}/processes", id(workspace)), body).await;
    let request = server.api.request(Method::GET, &format!("/processes/{}/output", id(&process)));
    within("the terminal", async { request.send().await.unwrap().text().await.unwrap() }).await.replace('\r', "")
}

/// What a mission's script prints, on its standard output.
async fn in_mission(server: &Server, workspace: &Value, script: &str) -> String {
    let mission = json!({ "prompt": script, "harness": "shell", "workspace": id(workspace) });
    let mission = server.api.mission_with(mission).await;
    server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    server.api.printed(&mission).await
}

/// What a tool's program prints.
async fn in_tool(server: &Server, workspace: &Value, script: &str) -> String {
    let body = json!({ "workspace": id(workspace), "arguments": { "command": script } });
    let ran = server.api.post("/plugins/workspace/tools/run_command", body).await;
    ran["content"][0]["value"]["stdout"].as_str().unwrap_or_else(|| panic!("{ran}")).to_owned()
}

/// Every process of the machine with one of its files, as far as it can be read.
fn processes(file: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    all.filter_map(|process| Some((process.clone(), std::fs::read(process.join(file)).ok()?))).collect()
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// The files below a directory that hold something.
fn files_with(directory: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), needle));
        } else if kind.is_file() && holds(&std::fs::read(entry.path()).unwrap_or_default(), needle) {
            found.push(entry.path());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_in_the_process_that_was_given_it_and_in_no_argument_file_log_event_or_answer() {
    let canary = canary("secret");
    let server = server(&canary).await;
    for backend in BACKENDS {
        let workspace = workspace(&server, backend).await;
        // It waits for its end to be asked for, and has the secret meanwhile.
        let script = format!(
            "# TOKEN=secret:key\necho length ${{#TOKEN}}\nmkfifo gate\nread -r < gate\n[ ${{#TOKEN}} = {} ]",
            canary.len()
        );
        let mission = json!({ "prompt": script, "harness": "stumbling", "workspace": id(&workspace) });
        let mission = server.api.mission_with(mission).await;
        let told = server.api.follow(&mission, 0, |event| event["body"]["role"] == "agent").await;
        assert_eq!(told.last().unwrap()["body"]["text"], format!("length {}\n", canary.len()), "{backend}");

        let arguments: Vec<_> = processes("cmdline").into_iter().filter(|(_, line)| holds(line, &canary)).collect();
        assert!(arguments.is_empty(), "{backend}: {arguments:?}");
        let user = workspace["user"].as_u64().unwrap();
        let holders = processes("environ").into_iter().filter(|(_, variables)| holds(variables, &canary));
        let (own, strangers): (Vec<_>, Vec<_>) = holders
            .map(|(process, _)| process)
            .filter(|process| *process != Path::new(&format!("/proc/{}", server.pid())))
            .partition(|process| process.metadata().is_ok_and(|found| u64::from(found.uid()) == user));
        assert!(!own.is_empty(), "{backend}: it is nowhere");
        assert!(strangers.is_empty(), "{backend}: {strangers:?} have it in their environment");
        assert_eq!(files_with(&server.data_dir(), &canary), Vec::<PathBuf>::new(), "{backend}, while it runs");
        exec(&server, &workspace, "echo > gate").await;
        let ended = server.api.reaches(&mission, &["awaiting_user", "failed"]).await;

        assert_eq!(ended["last_outcome"], "completed", "{backend}: {ended}");
        assert_eq!(files_with(&server.data_dir(), &canary), Vec::<PathBuf>::new(), "{backend}, after it");
        let events = server.api.events(&mission).await;
        assert!(!format!("{ended}{events:?}").contains(&canary));
    }
    // A secret that was not granted, and a program that cannot be started with one that was.
    for prompt in ["# TOKEN=secret:other\ntrue", "# TOKEN=secret:key\n# =secret:key\ntrue"] {
        let mission = server.api.mission_with(json!({ "prompt": prompt, "harness": "stumbling" })).await;
        let failed = server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
        let events = server.api.events(&mission).await;
        assert_ne!(failed["last_outcome"], "completed", "{events:?}");
        assert!(!format!("{failed}{events:?}").contains(&canary));
    }
    for listing in ["/plugins", "/plugins/stumbling", "/doctor", "/workspaces", "/audit"] {
        assert!(!server.api.get(listing).await.to_string().contains(&canary), "{listing}");
    }
    assert!(!server.log().contains(&canary));
}

#[tokio::test]
async fn a_process_finds_the_variables_of_its_workspace_and_no_value_of_the_servers() {
    let canary = canary("own");
    let server = server(&canary).await;
    for backend in BACKENDS {
        let workspace = workspace(&server, backend).await;
        let show = "env -0 | tr '\\0' '\\n'; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sed 's/^/seen /'";
        let shown = [
            exec(&server, &workspace, show).await,
            in_mission(&server, &workspace, show).await,
            in_terminal(&server, &workspace, show).await,
            in_tool(&server, &workspace, show).await,
        ];
        for (way, shown) in ["exec", "mission", "terminal", "tool"].into_iter().zip(shown) {
            assert!(shown.contains("PATH="), "{backend}, {way}: {shown}");
            assert!(!shown.contains(&canary) && !shown.contains("AWS_SECRET"), "{backend}, {way}: {shown}");
            let names: BTreeSet<&str> = shown
                .lines()
                .filter(|line| !line.starts_with("seen "))
                .filter_map(|line| line.split_once('=').map(|(name, _)| name))
                .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
                .collect();
            let expected = |name: &&&str| VARIABLES.contains(name) || OF_BASH.contains(name) || **name == "TERM";
            let strange: Vec<_> = names.iter().filter(|name| !expected(name)).collect();
            assert!(strange.is_empty(), "{backend}, {way}: {strange:?}");
        }
    }
}

#[tokio::test]
async fn a_process_inherits_its_streams_and_no_other_open_file() {
    let server = server(&canary("files")).await;
    for backend in BACKENDS {
        let workspace = workspace(&server, backend).await;
        // The listing itself opens the directory.
        let list = "exec ls -l /proc/self/fd";
        for (way, listed) in [
            ("exec", exec(&server, &workspace, list).await),
            ("terminal", in_terminal(&server, &workspace, list).await),
            ("mission", in_mission(&server, &workspace, "bash -c 'exec ls -l /proc/self/fd'").await),
        ] {
            let files = listed.lines().filter_map(|line| line.split_once(" -> "));
            let open: Vec<&str> = files.map(|(file, _)| file.rsplit(' ').next().unwrap()).collect();
            assert_eq!(open, ["0", "1", "2", "3"], "{backend}, {way}: {listed}");
            assert!(listed.contains("3 -> /proc/"), "{backend}, {way}: {listed}");
        }
        // As seen from outside, also in what wraps the work.
        let marker = format!("{}.5", 3_000_000 + std::process::id());
        let process = server
            .api
            .post(&format!("/workspaces/{}/processes", id(&workspace)), json!({ "command": ["sleep", marker] }))
            .await;
        let user = workspace["user"].as_u64().unwrap();
        let of_user = || {
            let all = processes("cmdline").into_iter().filter(|(process, line)| {
                holds(line, &marker) && process.metadata().is_ok_and(|found| u64::from(found.uid()) == user)
            });
            all.map(|(process, _)| process).collect::<Vec<_>>()
        };
        let wrapped = until("the process", async || {
            let found = of_user();
            found
                .iter()
                .any(|process| std::fs::read(process.join("comm")).is_ok_and(|comm| comm == b"sleep\n"))
                .then_some(found)
        })
        .await;
        for process in wrapped {
            for file in std::fs::read_dir(process.join("fd")).unwrap().flatten() {
                let target = std::fs::read_link(file.path()).unwrap_or_default().to_string_lossy().into_owned();
                let harmless = ["pipe:", "/dev/null", "anon_inode:[eventfd]", "anon_inode:[signalfd]"];
                assert!(
                    harmless.iter().any(|prefix| target.starts_with(prefix)),
                    "{backend}: {process:?} has {target}"
                );
            }
        }
        server.api.call(Method::DELETE, &format!("/processes/{}", id(&process)), None).await;
    }
}

#[tokio::test]
async fn a_process_is_an_ordinary_user_and_sees_of_the_data_directory_its_own_part() {
    let server = server(&canary("sight")).await;
    let data = server.data_dir().canonicalize().unwrap();
    let data = data.to_str().unwrap();
    // Of no other server on this machine.
    let home = server.data_dir().parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    for backend in BACKENDS {
        let (workspace, other) = (workspace(&server, backend).await, workspace(&server, backend).await);
        let look = format!(
            "id -u; id -G; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; \
             cat {data}/server.json {data}/sandboxed.db /etc/shadow 2>&1 | head -c 2000; ls {data} {data}/workspaces/{} 2>&1; \
             for engine in /run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock; do \
             test -w $engine && echo engine; done",
            id(&other)
        );
        let seen = exec(&server, &workspace, &look).await;
        let mounts = exec(&server, &workspace, "cat /proc/self/mountinfo").await;

        let mut lines = seen.lines();
        let user: u32 = lines.next().unwrap().parse().unwrap();
        assert!(user != 0 && lines.next().unwrap() == user.to_string(), "{backend}: {seen}");
        assert!(seen.contains("CapEff:\t0000000000000000") && seen.contains("NoNewPrivs:\t1"), "{backend}: {seen}");
        assert!(seen.contains("Seccomp:\t2"), "{backend}: {seen}");
        assert!(!seen.contains("sbx_") && !seen.contains("SQLite") && !seen.contains("root:"), "{backend}: {seen}");
        assert!(
            !seen.contains("server.json\n") && !seen.contains("tree\n") && !seen.contains("engine"),
            "{backend}: {seen}"
        );
        // The kernel tells where what it has mounted comes from: it has only its own, and what all see: of /etc, and the
        // programs of agents.
        let own = format!("/workspaces/{}/", id(&workspace));
        let is_foreign = |line: &&str| {
            line.contains(home.as_str())
                && ![&own, "/data/etc/", "/data/harnesses "].iter().any(|seen| line.contains(*seen))
        };
        let foreign: Vec<&str> = mounts.lines().filter(is_foreign).collect();
        assert!(foreign.is_empty() && mounts.contains(&own), "{backend}: {foreign:?}");
    }
}

//! What a guarded process may not see or do, seen from inside it. Everything here needs a machine's root.

use std::{
    fs::Permissions,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use nix::unistd::{Gid, Uid, chown};
use sandboxed_exec::{
    Attachment, AttachmentContent, Entrance, Exit, FileIdentity, Filter, Gate, Guard, Network, PROXY_PORT, PathRules,
    Run, RunSpec, ShortSpec, Stage, StageMount, short,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lab::{Lab, lines, read_to_end, text, within};

/// A user that owns nothing on any machine.
const USER: u32 = 210_777;

fn owned(directory: &Path, mode: u32) {
    std::fs::create_dir(directory).unwrap();
    chown(directory, Some(Uid::from_raw(USER)), Some(Gid::from_raw(USER))).unwrap();
    std::fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
}

/// A stage with one writable directory, `tree`, which lies where the user cannot go.
fn staged(lab: &Lab) -> (Guard, Scene) {
    let tree = lab.home().join("tree");
    owned(&tree, 0o700);
    std::fs::set_permissions(lab.home(), Permissions::from_mode(0o700)).unwrap();
    let at = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let mounts = vec![StageMount { name: "tree".to_owned(), from: tree, writable: true, only: None }];
    let stage = Stage { at: at.path().to_owned(), mounts };
    (Guard { user: Some(USER), stage: Some(stage), ..Guard::default() }, Scene(at))
}

/// Where a stage is.
struct Scene(tempfile::TempDir);

fn entrance(socket: &Path, label: &str) -> Entrance {
    Entrance { address: Ipv4Addr::LOCALHOST, socket: socket.to_owned(), label: label.to_owned() }
}

fn guarded(lab: &Lab, guard: Guard, script: &str) -> RunSpec {
    let cwd = guard.stage.as_ref().map_or("/".into(), |stage| stage.path("tree"));
    RunSpec { guard, cwd, ..lab.script(script) }
}

async fn said(lab: &Lab, guard: Guard, script: &str) -> String {
    let run = lab.start(guarded(lab, guard, script)).await;
    let said = text(&run).await;
    within(run.exit()).await;
    said
}

fn short_spec(guard: Guard, script: &str) -> ShortSpec {
    ShortSpec {
        program: "bash".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
        cwd: "/".into(),
        stdin: Vec::new(),
        deadline: Duration::from_secs(60),
        max_output: 1 << 20,
        guard,
    }
}

#[tokio::test]
async fn a_process_runs_as_its_user_with_no_other_groups_and_no_way_to_gain_rights() {
    let lab = Lab::new();
    let guard = Guard { user: Some(USER), ..Guard::default() };

    let said = said(&lab, guard, "id -u; id -G; grep NoNewPrivs /proc/self/status; cat /etc/shadow 2>&1").await;

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..3], ["210777", "210777", "NoNewPrivs:\t1"]);
    assert!(lines[3].contains("Permission denied"), "{said}");
}

#[tokio::test]
async fn a_process_of_another_user_can_open_its_streams_by_name() {
    let lab = Lab::new();
    let guard = Guard { user: Some(USER), ..Guard::default() };

    assert_eq!(said(&lab, guard, "echo out > /dev/stdout && echo err > /dev/stderr && echo ok").await, "out\nok\n");
}

#[tokio::test]
async fn a_staged_directory_is_found_where_its_own_path_leads_nowhere() {
    let lab = Lab::new();
    let (guard, scene) = staged(&lab);
    let outside = lab.home().join("tree");

    let script = format!("pwd; echo made > file; cat file; ls {} 2>&1", outside.display());
    let run = lab.start(guarded(&lab, guard.clone(), &script)).await;
    let said = text(&run).await;
    assert_eq!(within(run.exit()).await, Exit::Code(2));

    let stage = guard.stage.unwrap();
    assert!(said.starts_with(&format!("{}\nmade\n", stage.path("tree").display())), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "made\n");
    assert_eq!(std::fs::read_dir(scene.0.path()).unwrap().count(), 0, "it was seen outside");
}

#[tokio::test]
async fn a_working_directory_that_is_missing_on_the_stage_is_told_by_name() {
    let lab = Lab::new();
    let (guard, _scene) = staged(&lab);
    let mut spec = guarded(&lab, guard, "true");
    spec.cwd = spec.cwd.join("missing");

    let error = lab.supervisor.start(spec).await.unwrap_err();

    assert_eq!(error.failure().code, "run.cwd_missing");
}

#[tokio::test]
async fn a_closed_network_holds_its_own_loopback_and_nothing_of_the_machines() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let guard = Guard { network: Network::Own { entrance: None }, ..Guard::default() };

    let script = format!(
        "(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached; cat /proc/net/dev | grep -c :; \
         perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\"); \
         IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $l->sockport) and print \"own\\n\"'"
    );

    assert_eq!(said(&lab, guard, &script).await, "1\nown\n");
}

#[tokio::test]
async fn connections_to_the_proxy_port_of_a_gated_network_come_out_at_the_gate() {
    let lab = Lab::new();
    let gate = Gate::bind(&lab.home().join("gate.sock")).unwrap();
    let guard = Guard {
        network: Network::Own { entrance: Some(entrance(gate.path(), "workspace")) },
        user: Some(USER),
        ..Guard::default()
    };
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{PROXY_PORT}; echo ping >&3; cat <&3");
    let answer = async {
        let mut labels = Vec::new();
        for _ in 0..2 {
            let (label, mut connection) = within(gate.accept()).await.unwrap();
            let mut heard = [0; 5];
            connection.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"ping\n");
            connection.write_all(b"pong\n").await.unwrap();
            labels.push(label);
        }
        labels
    };

    let as_run = said(&lab, guard.clone(), &script);
    let as_helper = short(short_spec(guard.clone(), &script));
    let (labels, as_run, as_helper) = tokio::join!(answer, as_run, as_helper);

    assert_eq!(labels, ["workspace", "workspace"]);
    assert_eq!(as_run, "pong\n");
    assert_eq!(as_helper.unwrap().stdout, b"pong\n");
}

#[tokio::test]
async fn a_gate_that_a_new_server_opened_serves_the_runs_of_the_old_one() {
    let lab = Lab::new();
    let path = lab.home().join("gate.sock");
    drop(Gate::bind(&path).unwrap());
    let network = Network::Own { entrance: Some(entrance(&path, "w")) };
    let script = format!(
        "(exec 3<>/dev/tcp/127.0.0.1/{PROXY_PORT}; cat <&3; echo closed); read; \
         exec 3<>/dev/tcp/127.0.0.1/{PROXY_PORT}; cat <&3"
    );
    let run = lab.start(guarded(&lab, Guard { network, ..Guard::default() }, &script)).await;
    assert_eq!(lines(&run, 1).await, ["closed"], "nobody is at the gate");

    let gate = Gate::bind(&path).unwrap();
    run.write(1, b"\n").await.unwrap();
    let (_, mut connection) = within(gate.accept()).await.unwrap();
    connection.write_all(b"open again\n").await.unwrap();
    drop(connection);

    assert_eq!(text(&run).await, "closed\nopen again\n");
}

#[tokio::test]
async fn filtered_calls_look_as_if_the_kernel_had_none_and_all_else_works() {
    let lab = Lab::new();
    let guard = Guard { filter: Filter::Own, ..Guard::default() };
    let script = "unshare -U true 2>&1; perl -e 'socket(S, 40, 1, 0) or print \"$!\\n\"'; \
                  perl -e 'syscall(56, 0x10000000 | 17, 0, 0, 0, 0) == -1 and print \"$!\\n\"'; \
                  perl -e 'syscall(0x40000000 | 272, 0x10000000) == -1 and print \"$!\\n\"'; echo $(echo sub)";

    let said = said(&lab, guard, script).await;

    assert_eq!(said.matches("Function not implemented").count(), 4, "{said}");
    assert!(said.ends_with("sub\n"), "{said}");
}

#[tokio::test]
async fn a_wrapper_finds_its_files_under_the_numbers_that_it_is_given() {
    let lab = Lab::new();
    let filter = Attachment { argument: 1, content: AttachmentContent::Filter };
    let env = ["--setenv", "A", "from the file"].map(str::to_owned).to_vec();
    let attachments = vec![filter, Attachment { argument: 3, content: AttachmentContent::Arguments(env) }];
    let mut spec = guarded(&lab, Guard { attachments, ..Guard::default() }, "");
    spec.program = "bwrap".to_owned();
    let script = "echo $A; unshare -U true";
    let args = ["--seccomp", "?", "--args", "?", "--ro-bind", "/", "/", "--dev", "/dev", "bash", "-c", script];
    spec.args = args.map(str::to_owned).to_vec();

    let run = lab.start(spec).await;

    let heard = text(&run).await;
    let said = read_to_end(run.reader(sandboxed_exec::OutputStream::Stderr, 0)).await;
    assert_eq!(heard, "from the file\n", "{}", String::from_utf8_lossy(&said.bytes));
    assert!(String::from_utf8_lossy(&said.bytes).contains("unshare failed: Function not implemented"), "{said:?}");
}

#[tokio::test]
async fn rules_for_files_hold_even_for_root() {
    let lab = Lab::new();
    std::fs::write(lab.home().join("secret"), "hidden").unwrap();
    let rules =
        PathRules { read: ["/usr", "/bin", "/lib", "/lib64", "/etc"].map(Into::into).into(), write: vec![lab.work()] };
    let guard = Guard { rules: Some(rules), ..Guard::default() };
    let mut spec =
        lab.script("cat ../secret 2>&1; echo x > /etc/x 2>/dev/null || echo refused; echo made > file; cat file");
    spec.guard = guard;

    let run = lab.start(spec).await;

    let said = text(&run).await;
    assert!(said.contains("Permission denied") && said.ends_with("refused\nmade\n"), "{said}");
}

#[tokio::test]
async fn a_signal_is_for_the_work_and_not_for_its_wrapper() {
    let lab = Lab::new();
    let script = "bash -c 'trap \"echo inner; exit 0\" INT; echo ready; while :; do sleep 0.05; done'; echo wrapper";
    let mut spec = lab.script(&format!("trap 'echo outer' INT; {script}"));
    spec.guard = Guard { wrapper: true, ..Guard::default() };
    let run: Run = lab.start(spec).await;
    assert_eq!(lines(&run, 1).await, ["ready"]);

    run.signal(2).await.unwrap();

    assert_eq!(text(&run).await, "ready\ninner\nwrapper\n");
}

fn identity(directory: &Path) -> FileIdentity {
    let found = std::fs::metadata(directory).unwrap();
    FileIdentity { device: found.dev(), inode: found.ino() }
}

#[tokio::test]
async fn a_directory_that_others_may_change_is_mounted_only_if_it_is_the_one_that_is_meant() {
    let lab = Lab::new();
    let (shared, other) = (lab.home().join("shared"), lab.home().join("other"));
    for directory in [&shared, &other] {
        owned(directory, 0o755);
    }
    std::fs::write(shared.join("file"), "meant").unwrap();
    let (mut guard, _scene) = staged(&lab);
    let only = Some(identity(&shared));
    let mount = StageMount { name: "shared".to_owned(), from: shared.clone(), writable: false, only };
    guard.stage.as_mut().unwrap().mounts.push(mount);
    let script = "cat ../shared/file; touch ../shared/new 2>/dev/null || echo ' read-only'";

    assert_eq!(said(&lab, guard.clone(), script).await, "meant read-only\n");

    std::fs::rename(&shared, lab.home().join("away")).unwrap();
    std::fs::rename(&other, &shared).unwrap();
    let another = lab.supervisor.start(guarded(&lab, guard.clone(), script)).await.unwrap_err();
    std::fs::remove_dir(&shared).unwrap();
    std::os::unix::fs::symlink(lab.home().join("away"), &shared).unwrap();
    let link = lab.supervisor.start(guarded(&lab, guard, script)).await.unwrap_err();
    for error in [another, link] {
        assert_eq!(error.failure().code, "run.confinement", "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_the_step_that_failed() {
    let lab = Lab::new();
    let stage = Stage { at: lab.home().join("no such place"), mounts: Vec::new() };
    let guard = Guard { stage: Some(stage), ..Guard::default() };
    let mut spec = lab.script("echo started > started");
    spec.guard = guard.clone();

    let error = lab.supervisor.start(spec).await.unwrap_err().failure();
    let of_helper = short(short_spec(guard, "true")).await.unwrap_err().failure();

    for failure in [error, of_helper] {
        assert_eq!(failure.code, "run.confinement");
        assert!(failure.message.contains("mounting its directories"), "{failure:?}");
        assert!(failure.hint.is_some());
    }
    assert!(!lab.work().join("started").exists());
}

#[tokio::test]
async fn a_process_joins_the_network_of_another_and_has_a_way_out_of_its_own() {
    let lab = Lab::new();
    let gate = Gate::bind(&lab.home().join("gate.sock")).unwrap();
    let network = Network::Own { entrance: None };
    let holder = lab.start(guarded(&lab, Guard { network, user: Some(USER), ..Guard::default() }, "read")).await;
    let process = holder.process();
    let address = Ipv4Addr::new(127, 9, 8, 7);
    let way = Entrance { address, ..entrance(gate.path(), "second") };
    let network = Network::Joined { process, entrance: Some(way) };
    let script = format!(
        "readlink /proc/self/ns/net; readlink /proc/{}/ns/net 2>&1 | tail -1; exec 3<>/dev/tcp/127.9.8.7/{PROXY_PORT}; cat <&3",
        process.pid
    );

    let run = lab.start(guarded(&lab, Guard { network, user: Some(USER), ..Guard::default() }, &script)).await;
    let (label, mut connection) = within(gate.accept()).await.unwrap();
    connection.write_all(b"out\n").await.unwrap();
    drop(connection);

    let said = text(&run).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], label.as_str(), lines[2]), (lines[1], "second", "out"), "{said}");
    holder.kill().await.unwrap();
    let gone = Network::Joined { process, entrance: None };
    within(holder.exit()).await;
    let error =
        lab.supervisor.start(guarded(&lab, Guard { network: gone, ..Guard::default() }, "true")).await.unwrap_err();
    assert_eq!(error.failure().code, "run.confinement");
}

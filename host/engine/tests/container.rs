//! A workspace's container from its making to its end.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test program uses a part of what they share")]

mod registry;
mod support;

use std::{path::PathBuf, time::Duration};

use futures_util::StreamExt;
use sandboxed_engine::{Bind, Ensured, Error, InvalidSpec, Network, Phase, RUN_VARIABLE, Storage};
use sandboxed_model::workspace::WorkspaceLimits;
use serde_json::json;
use support::{Fixture, env, shell, until};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn to_ensure_twice_is_to_ensure_once() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.engine.ensure_container(&fixture.spec()).await.unwrap(), Ensured::Created);
    assert_eq!(fixture.engine.ensure_container(&fixture.spec()).await.unwrap(), Ensured::Running);
    assert_eq!(fixture.engine.list_owned().await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_that_ensure_at_once_get_one_container() {
    let fixture = Fixture::new().await;
    let spec = fixture.spec();
    let (one, other) = tokio::join!(fixture.engine.ensure_container(&spec), fixture.engine.ensure_container(&spec));
    one.unwrap();
    other.unwrap();
    assert_eq!(fixture.engine.list_owned().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_spec_needs_another_container() {
    let fixture = Fixture::running().await;
    let mut spec = fixture.spec();
    spec.network = Network::Bridge;
    assert!(matches!(fixture.engine.ensure_container(&spec).await, Err(Error::RecreateNeeded(_))));
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Running);
}

#[tokio::test]
async fn a_missing_image_is_told_and_leaves_no_container() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.image = "sandboxed-test/none:1".parse().unwrap();
    assert!(matches!(fixture.engine.ensure_container(&spec).await, Err(Error::ImageMissing { .. })));
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Absent);
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_not_made() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    let tree = fixture.files.path().join("absent");
    spec.storage = Storage::Directories { tree: tree.clone(), home: fixture.files.path().join("home") };
    assert!(fixture.engine.ensure_container(&spec).await.is_err());
    assert!(!tree.exists());
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Absent);
}

#[tokio::test]
async fn a_mount_that_would_open_or_hide_the_sandbox_is_refused() {
    let fixture = Fixture::new().await;
    let bind = |source: &str, target: &str| Bind { source: source.into(), target: target.into(), read_only: true };
    for (mount, expected) in [
        (bind("/var/run/docker.sock", "/engine"), InvalidSpec::Socket(PathBuf::from("/var/run/docker.sock"))),
        (bind("/", "/machine"), InvalidSpec::Socket(PathBuf::from("/"))),
        (bind("/etc", "/proc/"), InvalidSpec::Target(PathBuf::from("/proc"))),
        (bind("/etc", "/workspace"), InvalidSpec::Target(PathBuf::from("/workspace"))),
        (bind("/etc", "/a/../proc"), InvalidSpec::Path(PathBuf::from("/a/../proc"))),
        (bind("etc", "/a"), InvalidSpec::Path(PathBuf::from("etc"))),
    ] {
        let mut spec = fixture.spec();
        spec.binds = vec![mount];
        let error = fixture.engine.ensure_container(&spec).await.unwrap_err();
        assert!(matches!(&error, Error::Spec(found) if *found == expected), "{error}");
    }
}

#[tokio::test]
async fn the_engine_is_asked_for_no_more_than_a_container_may_have() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.limits = WorkspaceLimits { memory: Some(256 * MIB), cpu_millis: Some(1500), processes: Some(77), disk: None };
    fixture.engine.ensure_container(&spec).await.unwrap();
    let found = fixture.ask(&format!("/containers/sandboxed-{}/json", fixture.workspace));
    let host = &found["HostConfig"];
    for (field, expected) in [
        ("CapDrop", json!(["ALL"])),
        ("CapAdd", json!(null)),
        ("Privileged", json!(false)),
        ("SecurityOpt", json!(["no-new-privileges"])),
        ("ReadonlyRootfs", json!(true)),
        ("Init", json!(true)),
        ("IpcMode", json!("private")),
        ("PidMode", json!("")),
        ("NetworkMode", json!("none")),
        ("RestartPolicy", json!({ "Name": "no", "MaximumRetryCount": 0 })),
        ("PidsLimit", json!(77)),
        ("Memory", json!(256 * MIB)),
        ("MemorySwap", json!(256 * MIB)),
        ("CpuQuota", json!(150_000)),
        ("CpuPeriod", json!(100_000)),
    ] {
        assert_eq!(host[field], expected, "{field}");
    }
    assert_eq!(host["LogConfig"]["Type"], "none");
    assert_eq!(found["Config"]["User"], "1000:1000");
    assert_eq!(found["Config"]["Labels"]["sh.sandboxed.workspace"], fixture.workspace.to_string());
    assert_eq!(found["Config"]["Labels"]["sh.sandboxed.owner"], format!("test-{}", fixture.workspace));
}

#[tokio::test]
async fn a_process_has_the_workspace_and_nothing_else() {
    let fixture = Fixture::running().await;
    let status = fixture.sh("cat /proc/self/status; id -u; id -g; echo $HOME; pwd").await.stdout;
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line} in {status}");
    }
    assert!(status.ends_with("1000\n1000\n/home/agent\n/workspace\n"), "{status}");
    for (path, writable) in
        [("/workspace", true), ("/home/agent", true), ("/tmp", true), ("/run", true), ("/bin", false)]
    {
        let exit = fixture.sh(&format!("touch {path}/probe")).await.exit.unwrap();
        assert_eq!(exit == 0, writable, "{path}");
    }
    assert!(fixture.tree().join("probe").exists());
    let interfaces = fixture.sh("tail -n +3 /proc/net/dev").await.stdout;
    assert!(interfaces.lines().all(|line| line.trim_start().starts_with("lo:")), "{interfaces}");
}

#[tokio::test]
async fn a_stopped_container_is_started_again() {
    let fixture = Fixture::running().await;
    fixture.engine.stop(fixture.workspace, Duration::ZERO).await.unwrap();
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Stopped);
    assert!(matches!(
        fixture.engine.exec(fixture.workspace, &shell("true")).await,
        Err(Error::NotRunning(workspace)) if workspace == fixture.workspace
    ));
    assert_eq!(fixture.engine.ensure_container(&fixture.spec()).await.unwrap(), Ensured::Started);
    assert_eq!(fixture.sh("echo back").await.stdout, "back\n");
}

#[tokio::test]
async fn what_is_removed_leaves_nothing_but_the_files() {
    let fixture = Fixture::running().await;
    fixture.sh("echo kept >/workspace/file").await.exit.unwrap();
    fixture.engine.remove(fixture.workspace).await.unwrap();
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Absent);
    assert_eq!(fixture.engine.list_owned().await.unwrap(), []);
    let filter = format!(r#"{{"label":["sh.sandboxed.owner=test-{}"]}}"#, fixture.workspace)
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('"', "%22");
    assert_eq!(fixture.ask(&format!("/containers/json?all=1&filters={filter}")), json!([]));
    assert_eq!(std::fs::read_to_string(fixture.tree().join("file")).unwrap(), "kept\n");
    fixture.engine.remove(fixture.workspace).await.unwrap();
    fixture.engine.stop(fixture.workspace, Duration::ZERO).await.unwrap();
    assert!(matches!(fixture.engine.stats(fixture.workspace).await, Err(Error::Absent(_))));
}

#[tokio::test]
async fn a_container_of_another_server_is_left_alone() {
    let fixture = Fixture::running().await;
    let stranger = fixture.neighbour().await;
    let workspace = fixture.workspace;
    let foreign = |done: Result<(), Error>| assert!(matches!(done, Err(Error::Foreign { .. })), "{done:?}");
    assert_eq!(stranger.observe(workspace).await.unwrap().phase, Phase::Foreign);
    assert_eq!(stranger.list_owned().await.unwrap(), []);
    foreign(stranger.ensure_container(&fixture.spec()).await.map(drop));
    foreign(stranger.stop(workspace, Duration::ZERO).await);
    foreign(stranger.remove(workspace).await);
    foreign(stranger.kill_all(workspace).await);
    foreign(stranger.kill_run(workspace, "mark-of-a-run").await);
    foreign(stranger.exec(workspace, &shell("touch /workspace/entered")).await.map(drop));
    foreign(stranger.stats(workspace).await.map(drop));
    foreign(stranger.commit(workspace, &"sandboxed-test/stolen:1".parse().unwrap()).await);
    foreign(stranger.remove_image(&fixture.image).await);
    foreign(stranger.import_image(&fixture.image, std::io::Cursor::new(Vec::new())).await);
    assert_eq!(fixture.engine.observe(workspace).await.unwrap().phase, Phase::Running);
    assert!(!fixture.tree().join("entered").exists());
}

#[tokio::test]
async fn a_process_that_takes_too_much_memory_is_seen() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.limits.memory = Some(64 * MIB);
    fixture.engine.ensure_container(&spec).await.unwrap();
    assert_eq!(fixture.engine.oom_kills(fixture.workspace).await.unwrap(), 0);
    let ended = fixture.sh("head -c 268435456 /dev/zero | tail -c 268435456 >/dev/null").await;
    assert_eq!(ended.exit.unwrap(), 137);
    assert!(fixture.engine.oom_kills(fixture.workspace).await.unwrap() >= 1);
    fixture.engine.stop(fixture.workspace, Duration::ZERO).await.unwrap();
    until("the engine knows of it", async || fixture.engine.observe(fixture.workspace).await.unwrap().oom_killed).await;
}

#[tokio::test]
async fn what_a_container_uses_is_told() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.limits.memory = Some(64 * MIB);
    fixture.engine.ensure_container(&spec).await.unwrap();
    let stats = fixture.engine.stats(fixture.workspace).await.unwrap();
    assert_eq!(stats.memory_limit, 64 * MIB);
    assert!(stats.memory > 0 && stats.memory < 64 * MIB, "{stats:?}");
    assert!(stats.processes >= 1, "{stats:?}");
}

#[tokio::test]
async fn an_image_can_be_made_of_a_container_and_is_not_taken_for_one() {
    let fixture = Fixture::running().await;
    let copy = format!("sandboxed-test/{}:copy", fixture.workspace).parse().unwrap();
    fixture.engine.commit(fixture.workspace, &copy).await.unwrap();
    assert!(fixture.engine.has_image(&copy).await.unwrap());
    assert_eq!(fixture.engine.list_owned().await.unwrap().len(), 1);
    fixture.engine.remove_image(&copy).await.unwrap();
    assert!(!fixture.engine.has_image(&copy).await.unwrap());
}

#[tokio::test]
async fn an_image_that_is_there_is_not_fetched() {
    let fixture = Fixture::new().await;
    let fetched = fixture.engine.ensure_image(&fixture.image, |line| panic!("{line:?}")).await.unwrap();
    assert!(!fetched);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_fetched_once_and_the_way_is_told() {
    if !sandboxed_tests::engine::is_the_machines() {
        eprintln!("skipped: the engine of the tests cannot reach a registry on this machine");
        return;
    }
    let mut fixture = Fixture::new().await;
    let label = ("sh.sandboxed.owner", format!("test-{}", fixture.workspace));
    // An engine does not fetch a layer that it has from elsewhere.
    let layer = support::root_file_system(&fixture.workspace.to_string());
    let registry = registry::Registry::serve(&layer, label).await;
    fixture.engine.remove_image(&fixture.image).await.unwrap();
    fixture.image = format!("127.0.0.1:{}/image:1", registry.port).parse().unwrap();
    let mut told = Vec::new();
    assert!(fixture.engine.ensure_image(&fixture.image, |line| told.push(line)).await.unwrap());
    assert!(told.iter().any(|line| line.total.is_some_and(|total| total > 0)), "{told:?}");
    assert!(!fixture.engine.ensure_image(&fixture.image, |line| panic!("{line:?}")).await.unwrap());
    fixture.engine.ensure_container(&fixture.spec()).await.unwrap();
    assert_eq!(fixture.sh("echo fetched").await.stdout, "fetched\n");
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_told_with_the_image() {
    let fixture = Fixture::new().await;
    let image = "127.0.0.1:1/none:1".parse().unwrap();
    let error = fixture.engine.ensure_image(&image, drop).await.unwrap_err();
    assert!(matches!(error, Error::Image { .. }) && error.to_string().contains("127.0.0.1:1/none:1"), "{error}");
}

#[tokio::test]
async fn an_archive_that_is_none_is_refused() {
    let fixture = Fixture::new().await;
    let image = format!("sandboxed-test/{}:broken", fixture.workspace).parse().unwrap();
    let error = fixture.engine.import_image(&image, std::io::Cursor::new(vec![7; 4096])).await.unwrap_err();
    assert!(matches!(error, Error::Image { .. }), "{error}");
    assert!(!fixture.engine.has_image(&image).await.unwrap());
}

#[tokio::test]
async fn a_killed_run_takes_its_orphans_along_and_spares_the_neighbours() {
    let fixture = Fixture::running().await;
    let (mine, other) = ("0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002");
    let mut users = vec![(mine, 7001, Default::default()), (other, 7002, Default::default())];
    users.push((mine, 7001, sandboxed_engine::ExecUser::Root));
    for (mark, seconds, user) in users {
        let mut spec = shell(&format!(
            "(setsid sleep {seconds} >/dev/null 2>&1 </dev/null &)
             (setsid sh -c 'sleep {seconds} & sleep {seconds}' >/dev/null 2>&1 </dev/null &)"
        ));
        spec.env = env(RUN_VARIABLE, mark);
        spec.user = user;
        support::finish(fixture.start(&spec).await).await.exit.unwrap();
    }
    let alive = async |seconds: u32| {
        let line = format!(" sleep {seconds}");
        fixture.sh("ps").await.stdout.lines().filter(|process| process.ends_with(&line)).count()
    };
    until("all orphans live", async || alive(7001).await == 6 && alive(7002).await == 3).await;

    fixture.engine.kill_run(fixture.workspace, mine).await.unwrap();

    assert_eq!((alive(7001).await, alive(7002).await), (0, 3));
    fixture.engine.kill_run(fixture.workspace, mine).await.unwrap();
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Running);
}

#[tokio::test]
async fn a_container_is_quiet_until_a_program_runs_and_again_when_its_run_is_cleared() {
    let fixture = Fixture::running().await;
    assert!(fixture.engine.is_quiet(fixture.workspace).await.unwrap());
    let mark = "0198c0de-0000-7000-8000-000000000004";
    let mut spec = shell("setsid sleep 7006 >/dev/null 2>&1 </dev/null & echo up");
    spec.env = env(RUN_VARIABLE, mark);
    support::finish(fixture.start(&spec).await).await.exit.unwrap();
    assert!(!fixture.engine.is_quiet(fixture.workspace).await.unwrap());
    fixture.engine.none_starts(fixture.workspace).await.unwrap();

    fixture.engine.clear_run(fixture.workspace, mark).await.unwrap();

    // What was killed is listed until the container's first process has seen to it.
    until("the container to be quiet", async || fixture.engine.is_quiet(fixture.workspace).await.unwrap()).await;
    fixture.engine.remove(fixture.workspace).await.unwrap();
    fixture.engine.clear_run(fixture.workspace, mark).await.unwrap();
    fixture.engine.none_starts(fixture.workspace).await.unwrap();
}

#[tokio::test]
async fn the_first_process_of_a_container_is_told_by_its_number_here() {
    let fixture = Fixture::running().await;
    let pid = fixture.engine.first_process(fixture.workspace).await.unwrap().expect("the engine is on this machine");
    let described = fixture.ask(&format!("/containers/sandboxed-{}/json", fixture.workspace));
    assert_eq!(described["State"]["Pid"], pid);
}

#[tokio::test]
async fn a_signal_reaches_what_carries_the_mark_and_nothing_else() {
    let fixture = Fixture::running().await;
    let trapping = "trap 'echo trapped; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    let start = async |mark| {
        let mut spec = shell(trapping);
        spec.env = env(RUN_VARIABLE, mark);
        let mut session = fixture.start(&spec).await;
        assert_eq!(&session.output.next().await.unwrap().unwrap().1[..], b"up\n");
        session
    };
    let (mine, other) = ("0198c0de-0000-7000-8000-000000000005", "0198c0de-0000-7000-8000-000000000006");
    let (meant, spared) = (start(mine).await, start(other).await);

    fixture.engine.signal_run(fixture.workspace, mine, 15).await.unwrap();

    let ended = support::finish(meant).await;
    assert_eq!((ended.stdout.as_str(), ended.exit.unwrap()), ("trapped\n", 3));
    assert_eq!(spared.control.ended().await.unwrap(), None);
}

#[tokio::test]
async fn the_servers_filter_is_one_that_the_engine_takes() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.seccomp = Some(sandboxed_engine::SECCOMP.to_owned());
    fixture.engine.ensure_container(&spec).await.unwrap();
    assert_eq!(
        fixture.sh("cat /proc/self/status").await.stdout.lines().find(|line| line.starts_with("Seccomp:")),
        Some("Seccomp:\t2")
    );
}

#[tokio::test]
async fn a_run_that_has_taken_every_process_is_killed() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.limits.processes = Some(64);
    fixture.engine.ensure_container(&spec).await.unwrap();
    let mark = "0198c0de-0000-7000-8000-000000000003";
    let mut bomb = shell("while :; do sleep 7005 >/dev/null 2>&1 & done");
    bomb.env = env(RUN_VARIABLE, mark);
    let session = fixture.start(&bomb).await;
    until("the container is full", async || fixture.engine.stats(fixture.workspace).await.unwrap().processes > 32)
        .await;

    fixture.engine.kill_run(fixture.workspace, mark).await.unwrap();

    drop(session);
    until("it is empty", async || fixture.engine.stats(fixture.workspace).await.unwrap().processes <= 2).await;
}

#[tokio::test]
async fn a_mark_that_is_a_pattern_is_refused() {
    let fixture = Fixture::running().await;
    for mark in ["", "*", "short", "0198c0de*0000", "$(touch /tmp/x)"] {
        assert!(matches!(fixture.engine.kill_run(fixture.workspace, mark).await, Err(Error::Spec(InvalidSpec::Mark))));
    }
}

#[tokio::test]
async fn all_can_be_killed_at_once() {
    let fixture = Fixture::running().await;
    let mut session = fixture.start(&shell("echo started; sleep 7003")).await;
    session.output.next().await.unwrap().unwrap();
    fixture.engine.kill_all(fixture.workspace).await.unwrap();
    let ended = support::finish(session).await;
    assert!(matches!(ended.exit, Ok(137) | Err(Error::Lost(_))), "{ended:?}");
    assert_eq!(fixture.engine.observe(fixture.workspace).await.unwrap().phase, Phase::Stopped);
}

#[tokio::test]
async fn a_value_of_a_variable_is_in_no_error() {
    let fixture = Fixture::new().await;
    let mut spec = fixture.spec();
    spec.env = env("API_KEY", "hunter2hunter2");
    spec.seccomp = Some("hunter2hunter2".into());
    let error = fixture.engine.ensure_container(&spec).await.unwrap_err();
    assert!(
        !format!("{error} {error:?} {spec:?}").replace("seccomp: Some(\"hunter2hunter2\")", "").contains("hunter2")
    );
}

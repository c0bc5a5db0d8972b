//! Whatever a process does, all of its tree is found and killed: in every kind of containment that there is.

use sandboxed_exec::{Containment, ContainmentKind, Exit, Phase};

use crate::lab::{Lab, is_alive, kinds, lines, pids, text, within};

/// Prints the ids of five processes: one that left the session and lost its parent, its child with an empty
/// environment, one in a process group of its own, one that ignores all it can, and the first itself.
const ESCAPE: &str = r#"
    setsid bash -c 'env -i sleep 1000 & echo $!; echo $$; exec sleep 1000' &
    (set -m; sleep 1000 & echo $!)
    bash -c 'trap "" TERM INT HUP QUIT; echo $$; while :; do sleep 1000; done' &
    echo $$
    while :; do sleep 1000; done
"#;

#[tokio::test]
async fn killing_a_run_leaves_no_process_and_no_cgroup() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let run = lab.start(lab.script(ESCAPE)).await;
        assert_eq!(run.containment(), kind);
        let tree = pids(&run, 5).await;
        assert!(tree.iter().all(|&pid| is_alive(pid)), "{kind}");
        let meta = lab.meta(run.id());
        let log = lab.directory(run.id()).join("shim.log");

        run.kill().await.unwrap();

        // At once: the answer says that they are gone.
        let left: Vec<_> = tree.iter().filter(|&&pid| is_alive(pid)).collect();
        assert!(left.is_empty(), "{kind}: {left:?} of {tree:?}");
        assert_eq!(within(run.exit()).await, Exit::Signal(9));
        if let Some(path) = meta["tree"]["cgroup"]["path"].as_str() {
            assert!(!std::path::Path::new(path).exists(), "{path} is left");
        }
        assert_eq!(std::fs::read_to_string(log).unwrap(), "", "{kind}");
    }
}

#[tokio::test]
async fn the_end_of_the_first_process_is_the_end_of_all() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let script = "setsid bash -c 'env -i sleep 1000 & echo $!; echo $$; exec sleep 1000' & read -r go; exit 3";
        let run = lab.start(lab.script(script)).await;
        let tree = pids(&run, 2).await;

        run.write(1, b"\n").await.unwrap();

        assert_eq!(within(run.exit()).await, Exit::Code(3), "{kind}");
        let left: Vec<_> = tree.iter().filter(|&&pid| is_alive(pid)).collect();
        assert!(left.is_empty(), "{kind}: {left:?}");
    }
}

#[tokio::test]
async fn a_tree_that_forks_as_fast_as_it_can_is_killed() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        // Each process is replaced by a new one, in a session of its own, some hundred times a second.
        let script = r#"
            hop() { setsid bash -c "$1" hop "$1" & }
            for n in 1 2 3 4; do hop 'setsid bash -c "$1" hop "$1" & sleep 0.002'; done
            echo ready; while :; do sleep 1000; done
        "#;
        let run = lab.start(lab.script(script)).await;
        lines(&run, 1).await;

        within(run.kill()).await.unwrap();

        assert_eq!(within(run.exit()).await, Exit::Signal(9), "{kind}");
        let mark = format!("{}={}", sandboxed_exec::RUN_VARIABLE, run.id());
        let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            std::fs::read(entry.path().join("environ"))
                .is_ok_and(|all| all.split(|&byte| byte == 0).any(|one| one == mark.as_bytes()))
        });
        assert_eq!(left.count(), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_signal_reaches_every_process_and_one_that_ignores_it_goes_on() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let script = r#"
            trap 'echo first' USR1
            setsid bash -c 'trap "echo second; exit" USR1; echo ready; while :; do sleep 0.01; done' &
            trap '' TERM
            while :; do sleep 0.01; done
        "#;
        let run = lab.start(lab.script(script)).await;
        assert_eq!(lines(&run, 1).await, ["ready"]);

        run.signal(nix::sys::signal::Signal::SIGUSR1 as i32).await.unwrap();
        let mut heard = lines(&run, 3).await;
        heard.sort_unstable();
        assert_eq!(heard, ["first", "ready", "second"], "{kind}");
        run.signal(nix::sys::signal::Signal::SIGTERM as i32).await.unwrap();

        assert_eq!(run.status().await.unwrap().phase, Phase::Running);
        assert!(run.signal(0).await.is_err() && run.signal(4711).await.is_err());
        run.kill().await.unwrap();
        assert_eq!(within(run.exit()).await, Exit::Signal(9));
    }
}

#[tokio::test]
async fn a_stopped_tree_is_killed_as_well() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let run = lab.start(lab.script("sleep 1000 & echo $!; wait")).await;
        let tree = pids(&run, 1).await;
        run.signal(nix::sys::signal::Signal::SIGSTOP as i32).await.unwrap();

        run.kill().await.unwrap();

        assert!(!is_alive(tree[0]), "{kind}");
    }
}

#[tokio::test]
async fn the_process_is_in_its_cgroup_from_its_first_instruction() {
    for kind in kinds().into_iter().filter(|&kind| kind != ContainmentKind::ProcessGroup) {
        let lab = Lab::new().held_by(kind);
        let spec = lab.spec("cat", &["/proc/self/cgroup"]);
        let id = spec.id;

        let run = lab.start(spec).await;

        assert!(text(&run).await.contains(&format!("/sandboxed-sh/{id}\n")), "{kind}");
    }
}

#[tokio::test]
async fn without_a_wish_the_kind_that_was_detected_is_used() {
    let lab = Lab::new();

    let run = lab.start(lab.script("true")).await;

    assert_eq!(run.containment(), Containment::detect().kind());
    within(run.exit()).await;
}

//! Servers come and go; runs stay. And when a shim goes, its run goes with it.

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use sandboxed_exec::{Attached, Chunk, Error, Exit, OutputStream};

use crate::lab::{Lab, is_alive, kinds, lines, pids, read_to_end, within};

#[tokio::test]
async fn a_run_outlives_its_killed_server_and_is_read_on_from_a_stored_place_without_loss() {
    let lab = Lab::new();
    let spec =
        lab.script("seq 1 20000; until [ -e go ]; do sleep 0.01; done; seq 20001 40000; read -r a; echo $a; exit 9");
    let mut server = lab.start_from_server(&spec).await;
    let group = Pid::from_raw(server.id().cast_signed());
    let first_supervisor = lab.another_supervisor();
    let mut reader = first_supervisor.reader(spec.id, OutputStream::Stdout, 0);
    let mut heard = Vec::new();
    while heard.len() < 5000 {
        let Chunk::Bytes { bytes, .. } = within(reader.next(1000)).await.unwrap() else { panic!("it goes on") };
        heard.extend(bytes);
    }

    // Everything that can happen to a server and its session.
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let _ = killpg(group, signal);
    }
    server.wait().unwrap();
    drop((reader, first_supervisor));
    std::fs::write(lab.work().join("go"), "").unwrap();
    let supervisor = lab.another_supervisor();
    let Attached::Live(run) = supervisor.attach(spec.id).await.unwrap() else { panic!("it lives") };
    run.write(1, b"answer\n").await.unwrap();

    let rest = read_to_end(supervisor.reader(spec.id, OutputStream::Stdout, heard.len() as u64)).await;
    heard.extend(rest.bytes);
    let expected: String = (1..=40000).map(|number| format!("{number}\n")).chain(["answer\n".to_owned()]).collect();
    assert!(heard == expected.as_bytes());
    assert_eq!(within(run.exit()).await, Exit::Code(9));
}

#[tokio::test]
async fn a_run_that_ended_while_no_server_was_there_is_found_with_its_exit_code() {
    let lab = Lab::new();
    let spec = lab.script("until [ -e go ]; do sleep 0.01; done; echo done; exit 12");
    let mut server = lab.start_from_server(&spec).await;
    server.kill().unwrap();
    server.wait().unwrap();
    let shim = lab.shim(spec.id);
    assert!(is_alive(shim));

    std::fs::write(lab.work().join("go"), "").unwrap();
    crate::lab::until("the shim to end", async || (!is_alive(shim)).then_some(())).await;

    let found = lab.supervisor.attach(spec.id).await.unwrap();
    assert!(matches!(found, Attached::Ended(Exit::Code(12))), "{found:?}");
    assert_eq!(read_to_end(lab.supervisor.reader(spec.id, OutputStream::Stdout, 0)).await.bytes, b"done\n");
}

#[tokio::test]
async fn a_run_whose_shim_is_killed_is_lost_and_nothing_of_it_is_left() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let script = "setsid bash -c 'sleep 1000 & echo $!; echo $$; exec sleep 1000' & wait";
        let run = lab.start(lab.script(script)).await;
        let tree = pids(&run, 2).await;
        let meta = lab.meta(run.id());

        kill(lab.shim(run.id()), Signal::SIGKILL).unwrap();

        let exit = within(run.exit()).await;
        assert!(matches!(&exit, Exit::Lost(why) if why.contains("killed")), "{exit:?}");
        for pid in tree {
            crate::lab::until("a process to be gone", async || (!is_alive(pid)).then_some(())).await;
        }
        if let Some(path) = meta["tree"]["cgroup"]["path"].as_str() {
            assert!(!std::path::Path::new(path).exists(), "{path} is left");
        }
        assert!(matches!(lab.supervisor.attach(run.id()).await.unwrap(), Attached::Lost { .. }));
        assert!(matches!(run.write(1, b"x").await, Err(Error::Lost(_))));
        // What was printed before can still be read, and it has an end.
        assert_eq!(
            read_to_end(run.reader(OutputStream::Stdout, 0)).await.bytes.iter().filter(|&&b| b == b'\n').count(),
            2
        );
        lab.supervisor.remove(run.id()).await.unwrap();
    }
}

#[tokio::test]
async fn a_waiting_reader_hears_the_end_of_a_run_whose_shim_is_killed() {
    let lab = Lab::new();
    let run = lab.start(lab.script("echo first; exec sleep 1000")).await;
    lines(&run, 1).await;
    let reader = tokio::spawn(read_to_end(run.reader(OutputStream::Stdout, 0)));

    kill(lab.shim(run.id()), Signal::SIGKILL).unwrap();

    assert_eq!(within(reader).await.unwrap().bytes, b"first\n");
}

#[tokio::test]
async fn what_was_lost_while_no_server_was_there_is_cleaned_up_by_the_next_one() {
    for kind in kinds() {
        let lab = Lab::new().held_by(kind);
        let spec = lab.script("setsid bash -c 'sleep 1000 & echo $!; echo $$; exec sleep 1000' & wait");
        let mut server = lab.start_from_server(&spec).await;
        let Attached::Live(run) = lab.supervisor.attach(spec.id).await.unwrap() else { panic!("it lives") };
        let tree = pids(&run, 2).await;
        server.kill().unwrap();
        server.wait().unwrap();
        kill(lab.shim(spec.id), Signal::SIGKILL).unwrap();

        let found = lab.another_supervisor().attach(spec.id).await.unwrap();

        assert!(matches!(found, Attached::Lost { .. } | Attached::Live(_)), "{found:?}");
        within(run.exit()).await;
        for pid in tree {
            crate::lab::until("a process to be gone", async || (!is_alive(pid)).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn a_run_of_another_boot_is_lost_and_no_process_is_touched() {
    let lab = Lab::new();
    let run = lab.start(lab.script("exec sleep 1000")).await;
    let mut meta = lab.meta(run.id());
    let pid = Pid::from_raw(run.pid().cast_signed());
    // The same record in a directory that nobody holds, as the machine would leave it.
    let id = sandboxed_model::RunId::new();
    let directory = lab.directory(id);
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("lock"), "").unwrap();
    meta["boot_id"] = "00000000-0000-0000-0000-000000000000".into();
    std::fs::write(directory.join("meta.json"), meta.to_string()).unwrap();

    let found = lab.supervisor.attach(id).await.unwrap();

    assert!(matches!(&found, Attached::Lost { reason } if reason.contains("restarted")), "{found:?}");
    assert!(is_alive(pid));
    run.kill().await.unwrap();
}

#[tokio::test]
async fn a_record_that_names_a_cgroup_of_others_does_not_get_it_killed() {
    let lab = Lab::new();
    let run = lab.start(lab.script("exec sleep 1000")).await;
    let meta = lab.meta(run.id());
    let id = sandboxed_model::RunId::new();
    let directory = lab.directory(id);
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("lock"), "").unwrap();
    let mut forged = meta.clone();
    forged["run"] = id.to_string().into();
    forged["payload_started"] = 1.into();
    std::fs::write(directory.join("meta.json"), forged.to_string()).unwrap();

    let found = lab.supervisor.attach(id).await.unwrap();

    assert!(matches!(found, Attached::Lost { .. }), "{found:?}");
    assert!(is_alive(Pid::from_raw(run.pid().cast_signed())));
    run.kill().await.unwrap();
}

#[tokio::test]
async fn what_a_server_left_half_made_is_swept_away() {
    let lab = Lab::new();
    for name in [".new-half", ".old-half"] {
        std::fs::create_dir(lab.runs().join(name)).unwrap();
        std::fs::write(lab.runs().join(name).join("lock"), "").unwrap();
    }
    let id = sandboxed_model::RunId::new();
    std::fs::create_dir(lab.directory(id)).unwrap();
    std::fs::write(lab.directory(id).join("lock"), "").unwrap();

    let supervisor = lab.another_supervisor();

    assert!(matches!(supervisor.attach(id).await.unwrap(), Attached::Missing));
    assert_eq!(std::fs::read_dir(lab.runs()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_shim_that_was_stopped_does_not_save_its_run_from_being_killed() {
    let lab = Lab::new();
    let run = lab.start(lab.script("sleep 1000 & echo $!; wait")).await;
    let tree = pids(&run, 1).await;
    kill(lab.shim(run.id()), Signal::SIGSTOP).unwrap();

    within(run.kill()).await.unwrap();

    assert!(matches!(within(run.exit()).await, Exit::Lost(_)));
    crate::lab::until("the process to be gone", async || (!is_alive(tree[0])).then_some(())).await;
}

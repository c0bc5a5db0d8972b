//! How runs start and end, and what the process finds.

use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use sandboxed_exec::{Attached, Error, Exit, OutputStream, RUN_VARIABLE, RunSpec, StdinMode};
use sandboxed_model::RunId;

use crate::lab::{FIXTURE, Lab, read_to_end, text, until, within};

#[tokio::test]
async fn a_run_ends_with_the_exit_code_of_its_process_and_both_streams_can_be_read() {
    let lab = Lab::new();

    let run = lab.start(lab.script("echo out; echo err >&2; exit 7")).await;

    assert_eq!(within(run.exit()).await, Exit::Code(7));
    assert_eq!(read_to_end(run.reader(OutputStream::Stdout, 0)).await.bytes, b"out\n");
    assert_eq!(read_to_end(run.reader(OutputStream::Stderr, 0)).await.bytes, b"err\n");
}

#[tokio::test]
async fn a_run_whose_process_is_ended_by_a_signal_says_which() {
    let lab = Lab::new();

    let run = lab.start(lab.script("kill -SEGV $$")).await;

    assert_eq!(within(run.exit()).await, Exit::Signal(Signal::SIGSEGV as i32));
}

#[tokio::test]
async fn an_ended_run_is_found_ended_and_can_be_removed() {
    let lab = Lab::new();
    let run = lab.start(lab.script("exit 3")).await;
    within(run.exit()).await;

    assert!(matches!(lab.supervisor.attach(run.id()).await.unwrap(), Attached::Ended(Exit::Code(3))));
    assert_eq!(lab.supervisor.list().await.unwrap(), [run.id()]);
    lab.supervisor.remove(run.id()).await.unwrap();

    assert!(matches!(lab.supervisor.attach(run.id()).await.unwrap(), Attached::Missing));
    assert!(!lab.directory(run.id()).exists());
    lab.supervisor.remove(run.id()).await.unwrap();
}

#[tokio::test]
async fn a_live_run_cannot_be_removed_and_no_other_can_have_its_id() {
    let lab = Lab::new();
    let spec = lab.script("read line");
    let run = lab.start(spec.clone()).await;

    assert!(matches!(lab.supervisor.remove(run.id()).await, Err(Error::Alive(id)) if id == run.id()));
    assert!(matches!(lab.supervisor.start(spec).await, Err(Error::Exists(id)) if id == run.id()));

    run.close_input(1).await.unwrap();
    assert_eq!(within(run.exit()).await, Exit::Code(1));
}

#[tokio::test]
async fn the_process_gets_the_variables_that_are_given_and_the_mark_and_nothing_else() {
    let lab = Lab::new();
    let mut spec = lab.spec("/usr/bin/env", &[]);
    spec.env = vec![("A".to_owned(), "1 2".to_owned()), (RUN_VARIABLE.to_owned(), "forged".to_owned())];
    let id = spec.id;

    let run = lab.start(spec).await;

    let printed = text(&run).await;
    let mut variables: Vec<&str> = printed.lines().collect();
    variables.sort_unstable();
    assert_eq!(variables, ["A=1 2", &format!("{RUN_VARIABLE}={id}")]);
}

#[tokio::test]
async fn the_process_starts_clean() {
    let lab = Lab::new();
    // What the shim and this test have open or ignore must not be seen.
    let script = r#"
        grep -E '^Sig(Blk|Ign)' /proc/self/status
        echo umask $(umask)
        echo core $(ulimit -c) $(ulimit -H -c)
        echo oom $(cat /proc/self/oom_score_adj)
        set -- $(sed 's/.*) //' /proc/$$/stat); echo session $(( $4 == $$ )) group $(( $3 == $$ ))
        echo cwd $PWD
    "#;
    let mut spec = lab.script(script);
    spec.stdin = StdinMode::Null;

    let run = lab.start(spec).await;

    let printed = text(&run).await;
    let expected = format!(
        "SigBlk:\t{zero}\nSigIgn:\t{zero}\numask 0022\ncore 0 0\noom 500\nsession 1 group 1\ncwd {}\n",
        lab.work().display(),
        zero = "0".repeat(16),
    );
    assert_eq!(printed, expected);
}

#[tokio::test]
async fn the_process_has_three_descriptors() {
    let lab = Lab::new();

    let run = lab.start(lab.spec("ls", &["/proc/self/fd"])).await;

    // The fourth is the directory that `ls` reads.
    assert_eq!(text(&run).await, "0\n1\n2\n3\n");
}

/// A way to break a description, and the code of the failure that follows.
type Broken = (fn(&mut RunSpec, &Lab), &'static str);

#[tokio::test]
async fn what_cannot_be_started_is_told_precisely_and_leaves_nothing_behind() {
    let lab = Lab::new();
    std::fs::write(lab.work().join("plain"), "text").unwrap();
    let orphan = lab.work().join("orphan");
    std::fs::write(&orphan, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&orphan, std::fs::Permissions::from_mode(0o755)).unwrap();
    let cases: &[Broken] = &[
        (|spec, _| spec.program = "no-such-program-anywhere".to_owned(), "run.program_missing"),
        (|spec, _| spec.program = "/no/such/program".to_owned(), "run.program_missing"),
        (|spec, lab| spec.program = lab.work().join("plain").display().to_string(), "run.permission"),
        (|spec, lab| spec.program = lab.work().display().to_string(), "run.permission"),
        (|spec, _| spec.program = "./orphan".to_owned(), "run.not_runnable"),
        (|spec, lab| spec.cwd = lab.work().join("nowhere"), "run.cwd_missing"),
        (|spec, lab| spec.cwd = lab.work().join("plain"), "run.cwd_missing"),
        (|spec, _| spec.args = vec!["x".repeat(200 << 10)], "run.argument_too_long"),
        (|spec, _| spec.args = vec!["a\0b".to_owned()], "run.invalid"),
    ];
    for (break_it, code) in cases {
        let mut spec = lab.script("true");
        break_it(&mut spec, &lab);
        let id = spec.id;

        let failure = lab.supervisor.start(spec).await.map(drop).unwrap_err().failure();

        assert_eq!(&failure.code, code, "{failure}");
        assert!(matches!(lab.supervisor.attach(id).await.unwrap(), Attached::Missing));
        assert_eq!(std::fs::read_dir(lab.runs()).unwrap().count(), 0, "{code} left something");
        for cgroups in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup"] {
            assert!(!std::path::Path::new(&format!("{cgroups}/sandboxed-sh/{id}")).exists());
        }
    }
}

#[tokio::test]
async fn a_shim_that_cannot_be_started_or_breaks_down_is_told_with_its_own_words() {
    let lab = Lab::new();
    for (program, words) in [("/no/such/shim", "No such file"), ("/bin/cat", "without a word")] {
        let supervisor = sandboxed_exec::Supervisor::new(sandboxed_exec::SupervisorConfig {
            runs_dir: lab.runs(),
            shim_program: program.into(),
            shim_args: if program == "/bin/cat" { vec!["/dev/null".into()] } else { Vec::new() },
            spool_limit: 1 << 20,
        })
        .unwrap();

        let failure = supervisor.start(lab.script("true")).await.map(drop).unwrap_err().failure();

        assert_eq!(failure.code, "run.shim_failed");
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!(std::fs::read_dir(lab.runs()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_process_wherever_it_was() {
    let lab = Lab::new();
    for polls in 1..40 {
        let spec = lab.script("touch started; exec sleep 1000");
        let id = spec.id;
        {
            let mut start = std::pin::pin!(lab.supervisor.start(spec));
            for _ in 0..polls {
                tokio::select! {
                    biased;
                    _ = &mut start => break,
                    () = tokio::task::yield_now() => {}
                }
                tokio::time::sleep(std::time::Duration::from_micros(200)).await;
            }
        }

        if let Attached::Live(run) = within(lab.supervisor.attach(id)).await.unwrap() {
            run.kill().await.unwrap();
            within(run.exit()).await;
        }

        let mark = format!("{RUN_VARIABLE}={id}");
        until("every process to be gone", async || {
            let environments = std::fs::read_dir("/proc").unwrap().flatten();
            let left = environments
                .filter_map(|entry| std::fs::read(entry.path().join("environ")).ok())
                .any(|variables| variables.split(|&byte| byte == 0).any(|one| one == mark.as_bytes()));
            (!left).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn many_runs_start_and_end_side_by_side() {
    let lab = Lab::new();
    let started = (0..20).map(|number| {
        let (supervisor, spec) = (lab.supervisor.clone(), lab.script(&format!("echo {number}; exit {number}")));
        tokio::spawn(async move { supervisor.start(spec).await.unwrap() })
    });
    let started: Vec<_> = started.collect();

    for (number, run) in started.into_iter().enumerate() {
        let run = run.await.unwrap();
        assert_eq!(text(&run).await, format!("{number}\n"));
        assert_eq!(within(run.exit()).await, Exit::Code(number as i32));
    }
    assert_eq!(lab.supervisor.list().await.unwrap().len(), 20);
}

#[test]
fn the_shim_refuses_to_run_for_anybody_but_a_server() {
    let output = std::process::Command::new(FIXTURE).arg("shim").stdin(std::process::Stdio::null()).output().unwrap();

    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("shim: "));
}

#[tokio::test]
async fn a_run_that_nobody_knows_is_missing() {
    let lab = Lab::new();

    assert!(matches!(lab.supervisor.attach(RunId::new()).await.unwrap(), Attached::Missing));
}

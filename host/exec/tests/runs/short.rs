//! Short helper programs.

use std::{path::PathBuf, time::Duration};

use nix::unistd::Pid;
use sandboxed_exec::{Exit, ShortSpec, short};

use crate::lab::{Lab, is_alive, until, within};

fn spec(lab: &Lab, script: &str) -> ShortSpec {
    ShortSpec {
        program: "bash".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
        cwd: lab.work(),
        stdin: Vec::new(),
        deadline: Duration::from_secs(60),
        max_output: 1 << 20,
        guard: sandboxed_exec::Guard::default(),
    }
}

async fn pids_in(file: PathBuf, count: usize) -> Vec<Pid> {
    until("the process ids", async || {
        let text = std::fs::read_to_string(&file).ok()?;
        (text.matches('\n').count() == count)
            .then(|| text.lines().map(|line| Pid::from_raw(line.parse().unwrap())).collect())
    })
    .await
}

const GRANDCHILDREN: &str = "setsid bash -c 'env -i sleep 1000 & echo $! >> pids; echo $$ >> pids; exec sleep 1000' &";

#[tokio::test]
async fn a_helper_gets_its_input_and_returns_both_streams_and_its_code() {
    let lab = Lab::new();
    let mut spec = spec(&lab, "cat; echo err >&2; exit 3");
    spec.stdin = vec![b'x'; 300_000];

    let output = short(spec).await.unwrap();

    assert_eq!(output.exit, Exit::Code(3));
    assert_eq!(output.stdout, vec![b'x'; 300_000]);
    assert_eq!(output.stderr, b"err\n");
    assert!(!output.truncated);
}

#[tokio::test]
async fn output_over_the_cap_is_cut_and_the_helper_runs_to_its_end() {
    let lab = Lab::new();
    let mut spec = spec(&lab, "head -c 5000000 /dev/zero; touch finished");
    spec.max_output = 1000;

    let output = short(spec).await.unwrap();

    assert_eq!((output.stdout.len(), output.truncated), (1000, true));
    assert!(lab.work().join("finished").exists());
}

#[tokio::test]
async fn at_the_deadline_the_helper_and_all_that_it_started_are_gone() {
    let lab = Lab::new();
    let mut spec = spec(&lab, &format!("{GRANDCHILDREN} while :; do sleep 1000; done"));
    spec.deadline = Duration::from_millis(400);

    let failure = short(spec).await.unwrap_err().failure();

    assert_eq!(failure.code, "run.deadline");
    for pid in pids_in(lab.work().join("pids"), 2).await {
        assert!(!is_alive(pid), "{pid} is left");
    }
}

#[tokio::test]
async fn what_a_helper_leaves_running_is_killed_when_it_ends_and_does_not_hold_it_up() {
    let lab = Lab::new();
    let script = format!("{GRANDCHILDREN} until [ -e pids ] && [ $(wc -l < pids) = 2 ]; do sleep 0.01; done; echo end");

    let output = short(spec(&lab, &script)).await.unwrap();

    assert_eq!(output.stdout, b"end\n");
    for pid in pids_in(lab.work().join("pids"), 2).await {
        assert!(!is_alive(pid), "{pid} is left");
    }
}

#[tokio::test]
async fn a_helper_that_nobody_waits_for_any_more_dies_with_all_that_it_started() {
    let lab = Lab::new();
    let helper =
        tokio::spawn(short(spec(&lab, &format!("echo $$ > pids; {GRANDCHILDREN} while :; do sleep 1000; done"))));
    let pids = pids_in(lab.work().join("pids"), 3).await;

    helper.abort();
    assert!(helper.await.unwrap_err().is_cancelled());

    for pid in pids {
        until("a process to be gone", async || (!is_alive(pid)).then_some(())).await;
    }
}

#[tokio::test]
async fn a_helper_that_does_not_start_is_told_like_a_run() {
    let lab = Lab::new();
    let with = |change: fn(&mut ShortSpec)| {
        let mut spec = spec(&lab, "true");
        change(&mut spec);
        async { short(spec).await.unwrap_err().failure().code }
    };

    assert_eq!(with(|spec| spec.program = "no-such-program".into()).await, "run.program_missing");
    assert_eq!(with(|spec| spec.program = "/etc/passwd".into()).await, "run.permission");
    assert_eq!(with(|spec| spec.cwd = "/nowhere".into()).await, "run.cwd_missing");
    assert_eq!(with(|spec| spec.args.push("x".repeat(200 << 10))).await, "run.argument_too_long");
}

#[tokio::test]
async fn a_helper_that_does_not_read_its_input_is_not_held_up_by_it() {
    let lab = Lab::new();
    let mut spec = spec(&lab, "exit 5");
    spec.stdin = vec![b'x'; 5 << 20];

    assert_eq!(within(short(spec)).await.unwrap().exit, Exit::Code(5));
}

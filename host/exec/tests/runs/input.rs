//! Standard input: each action once, and nobody waits for a process that does not read.

use sandboxed_exec::{Attached, Error, Exit, StdinMode};

use crate::lab::{Lab, lines, text, within};

#[tokio::test]
async fn an_action_that_is_repeated_is_done_once_even_by_another_server() {
    let lab = Lab::new();
    let run = lab.start(lab.spec("cat", &[])).await;
    run.write(1, b"one ").await.unwrap();
    run.write(1, b"one ").await.unwrap();
    run.write(5, b"five ").await.unwrap();

    let Attached::Live(again) = lab.another_supervisor().attach(run.id()).await.unwrap() else { panic!("it lives") };
    again.write(5, b"five ").await.unwrap();
    again.write(4, b"late ").await.unwrap();
    again.write(6, b"six").await.unwrap();
    again.close_input(7).await.unwrap();
    let repeated = again.close_input(7).await;

    // The process may have ended by then, for it has read all of its input.
    assert!(matches!(repeated, Ok(()) | Err(Error::Ended)), "{repeated:?}");
    assert_eq!(text(&run).await, "one five six");
    assert_eq!(within(run.exit()).await, Exit::Code(0));
}

#[tokio::test]
async fn a_process_that_does_not_read_fills_the_queue_and_the_shim_still_answers() {
    let lab = Lab::new();
    let run = lab.start(lab.script("exec sleep 1000")).await;
    let chunk = vec![b'x'; 256 << 10];

    let mut written = 0;
    let refused = loop {
        match run.write(written + 1, &chunk).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 64, "the queue has no end");
    };

    assert!(matches!(refused, Error::StdinFull { waiting } if waiting >= 1 << 20), "{refused}");
    assert_eq!(refused.failure().code, "run.stdin_full");
    let status = run.status().await.unwrap();
    assert_eq!(status.last_action, Some(written));
    assert!(status.stdin_waiting >= 1 << 20);
    run.kill().await.unwrap();
}

#[tokio::test]
async fn one_write_may_be_longer_than_the_queue_and_arrives_whole() {
    let lab = Lab::new();
    let run = lab.start(lab.spec("sha256sum", &[])).await;
    let bytes: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();

    run.write(1, &bytes).await.unwrap();
    run.close_input(2).await.unwrap();

    use sha2::{Digest, Sha256};
    let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text(&run).await.split(' ').next().unwrap(), expected);
    assert!(matches!(run.write(3, &vec![0; (16 << 20) + 1]).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_process_without_input_or_with_its_input_closed_cannot_be_written_to() {
    let lab = Lab::new();
    let mut spec = lab.script("cat; echo end; exec sleep 1000");
    spec.stdin = StdinMode::Null;
    let without = lab.start(spec).await;
    assert_eq!(lines(&without, 1).await, ["end"]);
    let closed = lab.start(lab.script("exec sleep 1000")).await;
    closed.close_input(1).await.unwrap();

    assert!(matches!(without.write(1, b"x").await, Err(Error::StdinClosed)));
    assert!(matches!(closed.write(2, b"x").await, Err(Error::StdinClosed)));

    without.kill().await.unwrap();
    closed.kill().await.unwrap();
}

#[tokio::test]
async fn writing_to_a_run_that_is_over_says_so() {
    let lab = Lab::new();
    let run = lab.start(lab.script("true")).await;
    within(run.exit()).await;

    assert!(matches!(run.write(1, b"x").await, Err(Error::Ended)));
    assert!(matches!(run.signal(15).await, Err(Error::Ended)));
    run.kill().await.unwrap();
}

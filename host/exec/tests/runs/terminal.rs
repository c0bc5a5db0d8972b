//! Runs with a terminal.

use sandboxed_exec::{Error, Exit, RunSpec, Tty};

use crate::lab::{Lab, lines, text, within};

fn with_terminal(mut spec: RunSpec) -> RunSpec {
    spec.tty = Some(Tty { rows: 24, cols: 80 });
    spec
}

#[tokio::test]
async fn all_three_streams_are_the_controlling_terminal() {
    let lab = Lab::new();
    let script = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal; echo err >&2; echo direct > /dev/tty; exit 4";

    let run = lab.start(with_terminal(lab.script(script))).await;

    assert_eq!(text(&run).await, "terminal\r\nerr\r\ndirect\r\n");
    assert_eq!(within(run.exit()).await, Exit::Code(4));
}

#[tokio::test]
async fn a_new_size_is_seen_by_the_process() {
    let lab = Lab::new();
    let run = lab.start(with_terminal(lab.script("stty -echo; stty size; read -r line; stty size"))).await;
    assert_eq!(lines(&run, 1).await, ["24 80"]);

    run.resize(Tty { rows: 50, cols: 132 }).await.unwrap();
    run.write(1, b"\n").await.unwrap();

    assert_eq!(text(&run).await, "24 80\r\n50 132\r\n");
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_control_d_ends_the_input_even_within_a_line() {
    let lab = Lab::new();
    let run = lab.start(with_terminal(lab.spec("cat", &[]))).await;

    run.write(1, b"whole\n").await.unwrap();
    run.write(2, b"part").await.unwrap();
    run.close_input(3).await.unwrap();

    assert_eq!(within(run.exit()).await, Exit::Code(0));
    let printed = text(&run).await;
    // Each once from the terminal and once from the process, in whatever order they came.
    for word in ["whole\r\n", "part"] {
        assert_eq!(printed.matches(word).count(), 2, "{word:?} in {printed:?}");
    }
    assert!(matches!(run.write(4, b"more").await, Err(Error::Ended | Error::StdinClosed)));
}

#[tokio::test]
async fn a_run_without_terminal_has_no_size() {
    let lab = Lab::new();
    let run = lab.start(lab.script("read line")).await;

    assert!(matches!(run.resize(Tty { rows: 1, cols: 1 }).await, Err(Error::NoTerminal)));

    run.kill().await.unwrap();
}

#[tokio::test]
async fn output_after_the_process_closed_and_reopened_its_terminal_is_heard_to_the_last_byte() {
    let lab = Lab::new();
    let script = "stty -onlcr; exec <&- >&- 2>&-; sleep 0.05; exec > /dev/tty; seq 1 20000";

    let run = lab.start(with_terminal(lab.script(script))).await;

    let expected: String = (1..=20000).map(|number| format!("{number}\n")).collect();
    assert_eq!(text(&run).await, expected);
}

//! Programs in a container.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test program uses a part of what they share")]

mod support;

use futures_util::StreamExt;
use sandboxed_engine::{Error, ExecUser, OutputStream, Tty};
use sandboxed_tests::engine::Daemon;
use support::{Fixture, env, finish, shell, until};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn both_streams_and_the_exit_status_arrive() {
    let fixture = Fixture::running().await;
    let ended = fixture.sh("echo out; echo err >&2; exit 7").await;
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str(), ended.exit.unwrap()), ("out\n", "err\n", 7));
}

#[tokio::test]
async fn a_program_has_the_variables_the_directory_and_the_user_that_it_was_given() {
    let fixture = Fixture::running().await;
    let mut spec = shell("echo $API_KEY; pwd; id -u");
    (spec.env, spec.cwd, spec.user) = (env("API_KEY", "hunter2"), Some("/tmp".into()), ExecUser::Root);
    assert_eq!(finish(fixture.start(&spec).await).await.stdout, "hunter2\n/tmp\n0\n");
    assert!(!format!("{spec:?}").contains("hunter2"));
}

#[tokio::test]
async fn the_end_of_the_input_is_not_the_end_of_the_output() {
    let fixture = Fixture::running().await;
    let mut session = fixture.start(&shell("cat; echo read all")).await;
    session.input.write_all(b"some text\n").await.unwrap();
    session.input.shutdown().await.unwrap();
    let ended = finish(session).await;
    assert_eq!((ended.stdout.as_str(), ended.exit.unwrap()), ("some text\nread all\n", 0));
}

#[tokio::test]
async fn a_terminal_has_its_size_and_can_get_another() {
    let fixture = Fixture::running().await;
    let mut spec = shell("read line; stty size; read line; stty size");
    spec.tty = Some(Tty { rows: 30, cols: 100 });
    let mut session = fixture.start(&spec).await;
    session.input.write_all(b"\n").await.unwrap();
    let mut shown = String::new();
    let read_until = async |shown: &mut String, session: &mut sandboxed_engine::ExecSession, text: &str| {
        while !shown.contains(text) {
            let (stream, bytes) = session.output.next().await.expect("more is shown").unwrap();
            assert_eq!(stream, OutputStream::Stdout);
            shown.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    };
    read_until(&mut shown, &mut session, "30 100").await;
    session.control.resize(Tty { rows: 50, cols: 132 }).await.unwrap();
    session.input.write_all(b"\n").await.unwrap();
    read_until(&mut shown, &mut session, "50 132").await;
    let control = session.control.clone();
    assert_eq!(finish(session).await.exit.unwrap(), 0);
    control.resize(Tty { rows: 1, cols: 1 }).await.unwrap();
}

#[tokio::test]
async fn a_terminal_may_show_any_byte() {
    let fixture = Fixture::running().await;
    let mut spec = shell(r"stty -opost; printf '\001\000\000\000\377\377\377\377after'");
    spec.tty = Some(Tty { rows: 24, cols: 80 });
    let session = fixture.start(&spec).await;
    let shown: Vec<u8> = session.output.map(|piece| piece.unwrap().1.to_vec()).collect::<Vec<_>>().await.concat();
    assert_eq!(shown, b"\x01\0\0\0\xff\xff\xff\xffafter");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_by_its_name() {
    let fixture = Fixture::running().await;
    let mut spec = shell("");
    spec.argv = vec!["no-such-program".into()];
    spec.env = env("API_KEY", "hunter2hunter2");
    let ended = finish(fixture.start(&spec).await).await;
    let error = ended.exit.unwrap_err();
    assert!(matches!(&error, Error::NotStarted { program, .. } if program == "no-such-program"), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_program_that_ends_with_127_itself_did_start() {
    let fixture = Fixture::running().await;
    assert_eq!(fixture.sh("exit 127").await.exit.unwrap(), 127);
}

#[tokio::test]
async fn a_reader_that_waits_makes_the_program_wait() {
    const PIECES: usize = 50;
    let fixture = Fixture::running().await;
    let command = format!(
        "i=0; while [ $i -lt {PIECES} ]; do head -c 1048576 /dev/zero; i=$((i + 1)); echo $i >/workspace/progress; done"
    );
    let mut session = fixture.start(&shell(&command)).await;
    let progress = || -> usize {
        std::fs::read_to_string(fixture.tree().join("progress"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    };
    let (mut last, mut still) = (0, 0);
    until("the program stands still", async || {
        let now = progress();
        still = if now == last { still + 1 } else { 0 };
        last = now;
        still > 50
    })
    .await;
    assert!(progress() < PIECES / 2, "{} MiB were printed and none was read", progress());

    let (mut total, mut longest) = (0, 0);
    while let Some(piece) = session.output.next().await {
        let length = piece.unwrap().1.len();
        (total, longest) = (total + length, longest.max(length));
    }
    assert_eq!((total, session.control.exit().await.unwrap()), (PIECES << 20, 0));
    assert!(longest <= 128 * 1024, "a piece of {longest} bytes");
}

#[tokio::test]
async fn a_program_whose_engine_goes_is_told_as_lost_and_does_not_hang() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(directory.path().to_owned());
    let fixture = Fixture::on(&daemon.socket()).await;
    fixture.engine.ensure_container(&fixture.spec()).await.unwrap();
    let mut session = fixture.start(&shell("echo started; sleep 7004")).await;
    assert_eq!(&session.output.next().await.unwrap().unwrap().1[..], b"started\n");

    daemon.stop();

    while let Some(piece) = session.output.next().await {
        if piece.is_err() {
            break;
        }
    }
    let gone = session.control.exit().await.unwrap_err();
    assert!(matches!(gone, Error::SocketMissing { .. } | Error::NotAnswering { .. }), "{gone:?}");
    let daemon = Daemon::start(directory.path().to_owned());
    let lost = session.control.exit().await.unwrap_err();
    assert!(matches!(lost, Error::Lost(_)), "{lost:?}");
    fixture.engine.ensure_container(&fixture.spec()).await.unwrap();
    assert_eq!(fixture.sh("echo again").await.stdout, "again\n");
    drop(fixture);
    drop(daemon);
}

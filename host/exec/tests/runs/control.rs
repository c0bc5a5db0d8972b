//! The control socket, with clients of all sorts.

use std::{
    io::{Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    time::Duration,
};

use crate::lab::{FIXTURE, Lab, lines, within};

fn message(head: &str, body: &[u8]) -> Vec<u8> {
    let mut message = (head.len() as u32).to_le_bytes().to_vec();
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(head.as_bytes());
    message.extend(body);
    message
}

fn ask(stream: &mut UnixStream, head: &str) -> String {
    stream.write_all(&message(head, &[])).unwrap();
    let mut prefix = [0; 8];
    stream.read_exact(&mut prefix).unwrap();
    let mut reply = vec![0; u32::from_le_bytes(prefix[..4].try_into().unwrap()) as usize];
    stream.read_exact(&mut reply).unwrap();
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn many_clients_are_served_on_connections_that_stay_open() {
    let lab = Lab::new();
    let run = lab.start(lab.spec("cat", &[])).await;
    let socket = lab.directory(run.id()).join("ctl.sock");
    let mut clients: Vec<_> = (0..40).map(|_| UnixStream::connect(&socket).unwrap()).collect();

    for _ in 0..3 {
        for client in &mut clients {
            assert!(ask(client, r#"{"do":"status"}"#).contains("running"));
        }
    }

    let both = tokio::join!(run.status(), run.status());
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    run.close_input(1).await.unwrap();
    within(run.exit()).await;
}

#[tokio::test]
async fn hostile_and_slow_clients_do_not_keep_others_from_being_served() {
    let lab = Lab::new();
    let run = lab.start(lab.spec("cat", &[])).await;
    let socket = lab.directory(run.id()).join("ctl.sock");
    let mut hostile = Vec::new();
    // More than there is room for, each stuck within a message.
    for _ in 0..200 {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(&message(r#"{"do":"write","action":1}"#, &[0; 4096])[..200]);
        hostile.push(stream);
    }
    // One that only asks and never reads.
    let mut greedy = UnixStream::connect(&socket).unwrap();
    greedy.set_nonblocking(true).unwrap();
    for _ in 0..100_000 {
        if greedy.write(&message(r#"{"do":"status"}"#, &[])).is_err() {
            break;
        }
    }
    // And ones that speak another language.
    for garbage in [vec![255; 64], message("not json", &[]), message(r#"{"do":"dance"}"#, &[]), vec![0; 8]] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&garbage).unwrap();
        let mut answer = Vec::new();
        // What was not read of the garbage turns the end into an error.
        let _ = stream.read_to_end(&mut answer);
        assert!(String::from_utf8_lossy(&answer).contains("refused"), "{answer:?}");
    }

    for action in 1..=50 {
        within(run.write(action, format!("{action}\n").as_bytes())).await.unwrap();
    }

    assert_eq!(lines(&run, 50).await.last().unwrap(), "50");
    within(run.kill()).await.unwrap();
}

#[tokio::test]
async fn a_client_of_another_user_is_refused_even_where_permissions_would_let_it_in() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not run: only root can become another user");
        return;
    }
    let lab = Lab::new();
    let run = lab.start(lab.spec("cat", &[])).await;
    let directory = lab.directory(run.id());
    let socket = directory.join("ctl.sock");
    assert_eq!(socket.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(directory.metadata().unwrap().mode() & 0o777, 0o700);
    for open in [lab.home().to_owned(), lab.runs(), directory] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let program = lab.home().join("client");
    std::fs::copy(FIXTURE, &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ask_as = |uid: u32| {
        let output = std::process::Command::new(&program)
            .arg("ask")
            .arg(&socket)
            .current_dir("/")
            .uid(uid)
            .gid(uid)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };

    assert_eq!(ask_as(0), "answered\n");
    assert_eq!(ask_as(65534), "refused\n");

    run.kill().await.unwrap();
}

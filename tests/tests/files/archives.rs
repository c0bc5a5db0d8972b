//! Archives in both directions.

use std::{io::Write, process::Command};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, within};
use serde_json::json;

use super::Space;

/// A member of a tar archive.
fn member(kind: u8, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// What a program makes of its input.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}");
        output.stdout
    })
}

#[tokio::test]
async fn a_directory_goes_out_as_an_archive_that_tar_reads_and_comes_in_again() {
    let server = Server::start().await;
    let (space, other) = (Space::make(&server).await, Space::make(&server).await);
    space.run("mkdir -p src/deep; echo code > src/deep/a.rs; chmod 755 src/deep/a.rs; ln -s deep/a.rs src/link").await;
    let request = server.api.request(Method::GET, &space.path("files/archive")).query(&[("path", "src")]);

    let response = within("the archive", request.send()).await.unwrap();

    assert_eq!(response.headers()["content-disposition"], "attachment; filename*=UTF-8''src.tar.gz");
    let packed = within("the archive", response.bytes()).await.unwrap();
    let listed = String::from_utf8(piped("tar", &["-tz"], &packed)).unwrap();
    let mut names: Vec<_> = listed.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["deep", "deep/a.rs", "link"]);
    let unpacked = other.unpack("to/here", "tar.gz", packed.to_vec()).await.done();
    assert_eq!((&unpacked["entries"], &unpacked["skipped"]), (&json!(3), &json!(0)));
    other
        .run("test -x to/here/deep/a.rs && test \"$(cat to/here/link)\" = code && echo mine >> to/here/deep/a.rs")
        .await;
}

#[tokio::test]
async fn an_archive_that_names_a_place_outside_is_refused() {
    let server = Server::start().await;
    let space = Space::make(&server).await;

    for name in ["/etc/evil", "../evil", "a/../../evil"] {
        let hostile = archive(&[member(b'0', name, "", b"evil")]);
        space.unpack("", "tar", hostile).await.refused(400, "archive.invalid");
    }
    space.unpack("", "tar", b"no archive at all".to_vec()).await.refused(400, "archive.invalid");
    space.unpack("", "tar.gz", b"nor is this".to_vec()).await.refused(400, "archive.invalid");
    assert!(!server.data_dir().join("workspaces").join(&space.id).join("evil").exists());
    assert_eq!(std::fs::read_dir(space.tree()).unwrap().count(), 0);
}

#[tokio::test]
async fn links_that_lead_out_and_devices_are_left_out_of_what_is_unpacked() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let hostile = archive(&[
        member(b'2', "out", "/etc", b""),
        member(b'0', "out/evil", "", b"evil"),
        member(b'2', "up", "../../..", b""),
        member(b'1', "hard", "/etc/passwd", b""),
        member(b'3', "device", "", b""),
        member(b'6', "pipe", "", b""),
        member(b'2', "good", "out/evil", b""),
    ]);

    let unpacked = space.unpack("", "tar", hostile).await.done();

    assert_eq!((&unpacked["entries"], &unpacked["skipped"]), (&json!(2), &json!(5)), "{unpacked}");
    assert!(!std::path::Path::new("/etc/evil").exists());
    assert_eq!(space.content("good").await, b"evil");
}

#[tokio::test]
async fn an_archive_that_grows_beyond_the_workspace_is_refused_before_it_fills_the_disk() {
    let server = Server::start().await;
    let space = Space::with(&server, json!({ "limits": { "disk": 16 << 20 } })).await;
    // A thousandth of its size: 256 MiB of zeros.
    let bomb = piped("gzip", &["-1"], &archive(&[member(b'0', "zeros", "", &vec![0; 256 << 20])]));
    assert!(bomb.len() < 2 << 20);
    let many = archive(&(0..20_000).map(|index| member(b'0', &format!("f{index}"), "", b"")).collect::<Vec<_>>());

    space.unpack("", "tar.gz", bomb).await.refused(413, "workspace.disk_full");
    space.unpack("many", "tar", many).await.refused(413, "workspace.disk_full");

    let usage = server.api.get(&space.path("usage")).await;
    assert!(usage["disk"].as_u64().unwrap() < 24 << 20, "{usage}");
    let (status, _) = server.api.call(Method::GET, "/workspaces", None).await;
    assert_eq!(status, StatusCode::OK);
}

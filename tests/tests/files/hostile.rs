//! Trees as a hostile agent leaves them.

use std::{
    os::unix::fs::{FileTypeExt, symlink},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, within};
use serde_json::json;

use super::Space;

const SECRET: &str = "the secret beside the tree";

#[tokio::test]
async fn no_path_and_no_link_leads_out_of_the_workspace() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let secret = server.data_dir().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    symlink(&secret, space.tree().join("file")).unwrap();
    symlink(server.data_dir(), space.tree().join("folder")).unwrap();
    symlink("../../../secret", space.tree().join("relative")).unwrap();
    symlink("/proc/self/root", space.tree().join("magic")).unwrap();
    let absolute = secret.to_str().unwrap();

    for path in ["../../../secret", "file", "folder/secret", "relative", "magic/etc/passwd", absolute, "a/../../secret"]
    {
        let response = space.read(path, &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        assert!(!response.text().await.unwrap().contains(SECRET), "{path}");
    }
    for path in ["folder/secret", "folder/new", "../new", absolute] {
        space.write(path, &[], "overwritten").await.refused(400, "path.escape");
        space.ask(Method::DELETE, "files", &[("path", path), ("recursive", "true")]).await.refused(400, "path.escape");
        space.post("files/move", json!({ "from": path, "to": "mine" })).await.refused(400, "path.escape");
        space.post("files/directories", json!({ "path": path, "parents": true })).await.refused(400, "path.escape");
        space.post("files/move", json!({ "from": "file", "to": path })).await.refused(400, "path.escape");
        space.unpack(path, "tar", vec![0; 1024]).await.refused(400, "path.escape");
    }
    space.write("file", &[], "overwritten").await.refused(409, "path.symbolic_link");
    for path in ["folder", "magic"] {
        for below in ["files", "files/archive"] {
            space.ask(Method::GET, below, &[("path", path)]).await.refused(400, "path.escape");
        }
        // The link itself takes its own space.
        assert_eq!(space.ask(Method::GET, "files/usage", &[("path", path)]).await.done()["entries"], 1);
    }
    space.ask(Method::DELETE, "files", &[("path", "folder"), ("recursive", "true")]).await.done();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), SECRET);
    assert!(!server.data_dir().join("new").exists());
}

#[tokio::test]
async fn pipes_and_devices_are_listed_and_removed_and_hold_nobody_up() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space
        .run("mkfifo pipe; perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"socket\", Listen => 1) or die'")
        .await;
    // The null device would read as an empty file, the zero device never ends.
    for (name, minor) in [("null", 3), ("zero", 5)] {
        mknod(&space.tree().join(name), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, minor)).unwrap();
    }

    let listed = space.list("", &[]).await.done();

    let kinds: Vec<_> = listed["items"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["other"; 4]);
    for name in ["null", "pipe", "socket", "zero"] {
        let refused = space.read(name, &[]).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{name}");
        space.write(name, &[], "x").await.refused(409, "path.special");
        space.ask(Method::GET, "files/archive", &[("path", name)]).await.refused(409, "path.special");
    }
    let archive = space.ask(Method::GET, "files/archive", &[("format", "tar")]).await;
    assert_eq!(archive.status, StatusCode::OK);
    assert!(space.tree().join("zero").metadata().unwrap().file_type().is_char_device());
    for name in ["null", "pipe", "socket", "zero"] {
        space.ask(Method::DELETE, "files", &[("path", name)]).await.done();
    }
    assert_eq!(std::fs::read_dir(space.tree()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_swapped_while_it_is_used_gives_nothing_of_what_is_beside_it() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let outside = server.data_dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), SECRET).unwrap();
    let tree = space.tree();
    std::fs::create_dir(tree.join("d")).unwrap();
    std::fs::write(tree.join("d/f"), "harmless").unwrap();
    symlink(&outside, tree.join("l")).unwrap();
    let stop = AtomicBool::new(false);

    std::thread::scope(|scope| {
        // What an agent can do: put the link and the directory in each other's place, all the time.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = nix::fcntl::renameat2(
                    nix::fcntl::AT_FDCWD,
                    &tree.join("d"),
                    nix::fcntl::AT_FDCWD,
                    &tree.join("l"),
                    nix::fcntl::RenameFlags::RENAME_EXCHANGE,
                );
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..100 {
                    let query = [("format", "tar")];
                    let request = server.api.request(Method::GET, &space.path("files/archive")).query(&query);
                    let response = within("the archive", request.send()).await.unwrap();
                    // It may break off; what came of it is looked at.
                    let packed = response.bytes().await.unwrap_or_default();
                    let packed = String::from_utf8_lossy(&packed);
                    assert!(!packed.contains(SECRET), "the secret was packed");
                    let read = space.read("d/f", &[]).await.text().await.unwrap_or_default();
                    assert!(!read.contains(SECRET), "the secret was read");
                    space.write("d/f", &[], "harmless").await;
                    assert_eq!(std::fs::read_to_string(outside.join("f")).unwrap(), SECRET);
                }
            });
        });
        stop.store(true, Ordering::Relaxed);
    });
}

//! Workspaces go from one server to another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, config::changed, engine, root, server::Options, until};
use serde_json::{Value, json};

/// Runs a script in a workspace and returns what it printed.
async fn said(server: &Server, workspace: &str, script: &str) -> String {
    let id = server.api.get(&format!("/workspaces/{workspace}")).await["id"].clone();
    let body = json!({ "prompt": script, "harness": "shell", "workspace": id, "one_shot": true });
    let mission = server.api.mission_with(body).await;
    server.api.reaches(&mission, &["done", "failed"]).await;
    server.api.printed(&mission).await
}

async fn make(server: &Server, body: Value) -> Value {
    let mut whole = json!({ "name": "w", "backend": "bubblewrap", "network": { "mode": "none" } });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    server.api.post("/workspaces", whole).await
}

fn export(server: &Server, format: &str) -> PathBuf {
    let file = server.data_dir().parent().unwrap().join(format!("moved.{format}"));
    server.cli(&["workspaces", "export", "w", "-o", file.to_str().unwrap()]).success();
    file
}

fn import(server: &Server, file: &Path) -> Value {
    let done = server.cli(&["workspaces", "import", file.to_str().unwrap(), "--json"]).success();
    serde_json::from_str(&done.stdout).unwrap()
}

/// Sends an archive; the answer.
async fn send(server: &Server, query: &str, archive: Vec<u8>) -> (StatusCode, Value) {
    let request = server.api.request(Method::POST, &format!("/workspaces/import{query}")).body(archive);
    let response = request.header("content-type", "application/octet-stream").send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// What is kept of workspaces: none of it may come of an archive that was refused.
async fn kept(server: &Server) -> (usize, usize, usize) {
    let count = |name: &str| std::fs::read_dir(server.data_dir().join(name)).unwrap().count();
    let listed = server.api.get("/workspaces").await["items"].as_array().unwrap().len();
    (listed, count("workspaces"), count("layers"))
}

const FILL: &str = "set -e; echo 1 > one; ln one again; ln -s /nowhere link; mkfifo pipe; mkdir -p d/e; echo deep > d/e/f; \
    chmod 0750 d; truncate -s 40M sparse; echo end >> sparse; touch -d '2001-02-03 04:05:06' one; echo h > ~/at-home";
const LOOK: &str = "cat one d/e/f ~/at-home; readlink link; test -p pipe && echo pipe; stat -c %a d; stat -c %h,%Y again; \
    stat -c %s sparse; test $(stat -c %b sparse) -lt 1000 && echo sparse; touch new && stat -c %u new one | sort -u | wc -l; \
    echo $GREETING";
const SEEN: &str = "1\ndeep\nh\n/nowhere\npipe\n750\n2,981173106\n41943044\nsparse\n1\nhello\n";

async fn moves(from: &Server, to: &Server, backend: &str, options: Value) -> Value {
    let body = json!({
        "backend": backend, "options": options, "env": { "GREETING": "hello" },
        "ports": [{ "name": "web", "port": 3000 }], "limits": { "disk": 1 << 30 },
    });
    let was = make(from, body).await;
    said(from, "w", FILL).await;
    assert_eq!(said(from, "w", LOOK).await, SEEN);
    // So that the ids of users are others.
    make(to, json!({ "name": "other", "backend": backend, "options": options })).await;

    let file = export(from, "tar.zst");
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600);
    let imported = import(to, &file);
    let is = &imported["workspace"];

    assert_eq!(said(to, "w", LOOK).await, SEEN);
    for field in ["backend", "options", "network", "env", "ports", "name"] {
        assert_eq!(is[field], was[field], "{field}");
    }
    assert_eq!(is["limits"]["disk"], 1 << 30);
    assert!(is["id"] != was["id"] && is["phase"] == "ready", "{is}");
    assert_eq!(said(from, "w", LOOK).await, SEEN, "it is still there where it came from");
    imported
}

#[tokio::test]
async fn a_workspace_of_bubblewrap_goes_to_another_server() {
    let (from, to) = (Server::start().await, Server::start().await);

    let imported = moves(&from, &to, "bubblewrap", json!({})).await;

    assert_eq!(imported["warnings"], json!([]));
    assert_ne!(imported["workspace"]["user"], from.api.get("/workspaces/w").await["user"]);
}

#[tokio::test]
async fn a_workspace_of_the_backend_host_goes_to_another_server() {
    let (from, to) = (Server::start().await, Server::start().await);
    moves(&from, &to, "host", json!({})).await;
}

#[tokio::test]
async fn a_system_goes_to_another_server_with_what_was_changed_in_it() {
    root::archive();
    let (from, to) = (Server::start().await, Server::start().await);
    let options = json!({ "image": root::IMAGE, "user": "root" });
    let template = |value: &str| json!({ "description": "", "workspace": { "env": { "KIT": value } } });
    for server in [&from, &to] {
        server.api.post("/templates", json!({ "name": "kit", "workspace": template("1")["workspace"] })).await;
    }
    make(&from, json!({ "name": "first", "backend": "nspawn", "options": options, "template": "kit" })).await;
    let change = "set -e; echo ours > /etc/ours; rm /etc/issue; mkdir /srv/www; chown 33:33 /srv/www; \
                  cp /bin/true /usr/local/bin/raised; chmod 4755 /usr/local/bin/raised; touch /srv/www/of-root";
    assert_eq!(said(&from, "first", change).await, "");
    from.cli(&["workspaces", "fork", "first", "w"]).success();
    said(&from, "w", "echo later > /etc/later; echo 1 > one").await;

    let file = export(&from, "tar");
    let imported = import(&to, &file)["workspace"].clone();

    let look = "cat /etc/ours /etc/later one; ls /etc/issue 2>&1 | wc -l; stat -c %u:%g /srv/www /srv/www/of-root; \
                stat -c %a:%u /usr/local/bin/raised; id -u";
    assert_eq!(said(&to, "w", look).await, "ours\nlater\n1\n1\n33:33\n0:0\n4755:0\n0\n");
    assert_ne!(imported["user"], from.api.get("/workspaces/w").await["user"]);
    // It is a workspace like others: it follows its template and keeps its system, and is forked.
    to.api.call(Method::PUT, "/templates/kit", Some(template("2"))).await;
    to.api.post("/workspaces/w/template", json!({})).await;
    assert_eq!(said(&to, "w", "echo $KIT; cat /etc/later").await, "2\nlater\n");
    to.cli(&["workspaces", "fork", "w", "again"]).success();
    assert_eq!(said(&to, "again", "cat /etc/later").await, "later\n");
    to.cli(&["workspaces", "delete", "w"]).success();
    to.cli(&["workspaces", "delete", "again"]).success();
    let layers = std::fs::read_dir(to.data_dir().join("layers")).unwrap().count();
    assert_eq!(layers, 0, "it needs nothing of the image that it came from, and leaves nothing");
}

#[tokio::test]
async fn a_system_that_neither_the_archive_nor_the_server_has_is_made() {
    root::archive();
    let server = Server::start().await;
    make(&server, json!({ "init": [{ "name": "once", "script": "echo init >> steps" }] })).await;
    said(&server, "w", "echo kept > file; echo h > ~/at-home").await;
    let file = export(&server, "tar.zst");
    let options = json!({ "image": root::IMAGE }).to_string();
    let whole = ["workspaces", "import", file.to_str().unwrap(), "--name", "whole", "--backend", "nspawn", "--options"];
    let imported = server.cli(&[&whole[..], &[&options, "--json"]].concat()).success();

    let imported: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!(imported["workspace"]["phase"], "ready", "{imported}");
    assert!(imported["warnings"].to_string().contains("makes a new one"), "{imported}");
    assert_eq!(
        said(&server, "whole", "cat file ~/at-home steps; id -un; cat /etc/debian_version | cut -c1-2").await,
        "kept\nh\ninit\nagent\n12\n"
    );
}

#[tokio::test]
async fn a_container_goes_to_another_server() {
    let (socket, archive) = (engine::socket(), root::archive());
    let (socket, archive) = (socket.display(), archive.display());
    let grants = format!(
        "grants.containers = [\"{socket}\"]\ngrants.archives = [\"{archive}\"]\nconfig = {{ socket = \"{socket}\", \
         image = \"sandboxed-test/debian:1\", archives = {{ \"sandboxed-test/debian:1\" = \"{archive}\" }} }}\n"
    );
    let config = changed(&[("grants.containers = [\"/run/docker.sock\"]\n", &grants)]);
    let options = || Options { config: Some(config.clone()), ..Options::default() };
    let (from, to) = (Server::start_with(options()).await, Server::start_with(options()).await);

    moves(&from, &to, "docker", json!({})).await;

    for (server, name) in [(&from, "w"), (&to, "w"), (&to, "other")] {
        server.cli(&["workspaces", "delete", name]).success();
    }
}

#[tokio::test]
async fn a_server_of_root_and_one_of_an_ordinary_user_take_each_others_workspaces() {
    let as_a_user = Options { user: Some(64_323), place: Some("/var/lib".into()), ..Options::default() };
    let (of_root, of_a_user) = (Server::start().await, Server::start_with(as_a_user).await);

    let imported = moves(&of_root, &of_a_user, "bubblewrap", json!({})).await;

    let warnings = imported["warnings"].to_string();
    assert!(warnings.contains("limit of memory"), "{warnings}");
    said(&of_a_user, "w", "echo back > one").await;
    let file = export(&of_a_user, "tar.zst");
    of_root.cli(&["workspaces", "import", file.to_str().unwrap(), "--name", "back"]).success();
    assert_eq!(said(&of_root, "back", "cat one ~/at-home; echo more >> one").await, "back\nh\n");
}

#[tokio::test]
async fn a_workspace_in_use_is_not_exported_and_one_that_is_exported_is_not_used() {
    let server = Server::start().await;
    let id = make(&server, json!({})).await["id"].as_str().unwrap().to_owned();
    said(&server, "w", "head -c 30000000 /dev/urandom > big").await;
    let body = json!({ "prompt": "echo up; sleep 1000", "harness": "shell", "workspace": id });
    let mission = server.api.mission_with(body).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let (status, problem) = server.api.call(Method::GET, "/workspaces/w/export", None).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")));
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
    server.api.reaches(&mission, &["cancelled"]).await;

    // More is waiting than the connection holds: as long as it is not read, the workspace is held.
    let export = server.api.request(Method::GET, "/workspaces/w/export").send().await.unwrap();
    assert_eq!(export.status(), StatusCode::OK);
    let snapshot = "/workspaces/w/snapshots";
    let (status, problem) = server.api.call(Method::POST, snapshot, Some(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")));
    let body = json!({ "prompt": "echo after", "harness": "shell", "workspace": id, "one_shot": true });
    let waiting = server.api.mission_with(body).await;
    drop(export);

    server.api.reaches(&waiting, &["done"]).await;
    assert_eq!(server.api.printed(&waiting).await, "after\n");
}

#[tokio::test]
async fn an_archive_that_is_cut_off_changed_or_of_another_version_leaves_nothing() {
    let server = Server::start().await;
    make(&server, json!({})).await;
    said(&server, "w", "echo the content of the file > file; head -c 100000 /dev/urandom > more").await;
    let (plain, packed) =
        (std::fs::read(export(&server, "tar")).unwrap(), std::fs::read(export(&server, "tar.zst")).unwrap());
    let before = kept(&server).await;
    let with = |from: &[u8], to: &[u8]| {
        let mut changed = plain.clone();
        let at = changed.windows(from.len()).position(|window| window == from).unwrap();
        changed[at..at + to.len()].copy_from_slice(to);
        // A header has a sum of its own, of which its own field counts as spaces.
        let header = &mut changed[at / 512 * 512..][..512];
        if &header[257..262] == b"ustar" {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
        changed
    };
    let wrong = [
        (with(b"the content", b"THE content"), "archive.invalid", "tree is not as it was written"),
        (with(b"\"disk\": 3", b"\"disk\": 4"), "archive.invalid", "manifest.json is not as it was written"),
        (with(b"\"version\": 1", b"\"version\": 2"), "archive.version", "of version 2"),
        (with(b"tree/file", b"../../fil"), "archive.invalid", "leads out"),
        (with(b"tree/file", b"tree/a/fi"), "archive.invalid", "does not come where it belongs"),
        (plain[..plain.len() - 6000].to_vec(), "archive.invalid", "ends early"),
        (plain[..1500].to_vec(), "archive.invalid", "ends early"),
        (packed[..packed.len() / 2].to_vec(), "archive.invalid", "ends early"),
        (b"no archive at all".repeat(100), "archive.invalid", ""),
        (Vec::new(), "archive.invalid", "ends early"),
    ];
    for (number, (archive, code, words)) in wrong.into_iter().enumerate() {
        let (status, problem) = send(&server, "?name=new", archive).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!((status, problem["code"].as_str()), (StatusCode::BAD_REQUEST, Some(code)), "{number}: {problem}");
        assert!(detail.contains(words), "{number}: {detail}");
        assert_eq!(kept(&server).await, before, "{number} left something");
    }
    let (status, _) = send(&server, "?name=new", packed).await;
    assert_eq!(status, StatusCode::CREATED, "the archive itself is good");
}

#[tokio::test]
async fn what_a_server_does_not_have_or_let_workspaces_have_is_told() {
    let from = Server::start_with(Options {
        config: Some(changed(&[
            ("#example-key = { file = \"/etc/sandboxed-sh/example-key\" }", "key = { env = \"KEY\" }"),
            ("secrets = []", "secrets = [\"key\"]"),
            ("mounts = []", "mounts = [\"/usr/share\"]"),
        ])),
        environment: vec![("KEY".to_owned(), "the-value-of-the-secret".to_owned())],
        ..Options::default()
    })
    .await;
    let to = Server::start().await;
    from.api.post("/templates", json!({ "name": "kit", "workspace": { "env": { "A": "1" } } })).await;
    let refused = async |body: Value, query: &str| {
        make(&from, body).await;
        let archive = std::fs::read(export(&from, "tar")).unwrap();
        assert!(!String::from_utf8_lossy(&archive).contains("the-value-of-the-secret"));
        from.cli(&["workspaces", "delete", "w"]).success();
        let (status, answer) = send(&to, query, archive).await;
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned(), answer)
    };

    let (status, code, _) = refused(json!({ "env": { "K": { "secret": "key" } } }), "").await;
    assert_eq!((status, code.as_str()), (403, "workspace.secret_denied"));
    let mounts = json!([{ "source": "/usr/share/doc", "target": "/mnt/doc" }]);
    let (status, _, answer) = refused(json!({ "mounts": mounts }), "").await;
    assert!((400..500).contains(&status) && answer["detail"].to_string().contains("/usr/share/doc"), "{answer}");
    let (status, code, _) = refused(json!({}), "?backend=missing").await;
    assert_eq!((status, code.as_str()), (404, "plugin.not_found"));
    assert_eq!(kept(&to).await.0, 0);

    let (status, _, answer) = refused(json!({ "template": "kit" }), "").await;
    assert_eq!((status, &answer["workspace"]["env"]), (201, &json!({ "A": "1" })));
    assert!(answer["warnings"][0].as_str().unwrap().contains("no template kit in version 1"), "{answer}");
    assert_eq!(answer["workspace"]["template"], Value::Null);
    let (status, code, _) = refused(json!({}), "").await;
    assert_eq!((status, code.as_str()), (409, "workspace.exists"));
    let (status, _, answer) = refused(json!({}), "?name=elsewhere&backend=host").await;
    assert_eq!((status, &answer["workspace"]["backend"]), (201, &json!("host")));
    assert_eq!(said(&to, "elsewhere", "echo works").await, "works\n");
}

#[tokio::test]
async fn an_archive_that_holds_more_than_the_workspace_may_take_leaves_nothing() {
    let server = Server::start().await;
    make(&server, json!({ "limits": { "disk": 50 << 20 } })).await;
    said(&server, "w", "head -c 20000000 /dev/zero | tr '\\0' x > big").await;
    let bomb = std::fs::read(export(&server, "tar.zst")).unwrap();
    assert!(bomb.len() < 100_000);
    let limits = changed(&[("upload_limit = \"32GiB\"", "upload_limit = \"8MiB\"")]);
    let small = Server::start_with(Options { config: Some(limits), ..Options::default() }).await;

    let (status, problem) = send(&small, "", bomb).await;

    assert_eq!((status, problem["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("path.too_large")));
    assert_eq!(kept(&small).await, (0, 0, 0));
}

#[tokio::test]
async fn of_a_workspace_that_was_coming_in_when_the_server_was_killed_nothing_stays() {
    let mut server = Server::start().await;
    make(&server, json!({})).await;
    said(&server, "w", "head -c 3000000 /dev/urandom > big").await;
    let archive = std::fs::read(export(&server, "tar")).unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
    let coming = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let request = server.api.request(Method::POST, "/workspaces/import?name=new");
    let request = request.header("content-type", "application/octet-stream");
    let sending = tokio::spawn(request.body(reqwest::Body::wrap_stream(coming)).send());
    sender.send(Ok(archive[..2_000_000].to_vec())).await.unwrap();
    until("the workspace to come in", async || {
        let shown = server.api.call(Method::GET, "/workspaces/new", None).await;
        let id = shown.1["id"].as_str()?.to_owned();
        server.data_dir().join("workspaces").join(id).join("tree/big").exists().then_some(())
    })
    .await;
    let new = server.api.get("/workspaces/new").await;
    assert_eq!(new["phase"], "absent", "nothing runs in it before all is there");

    server.crash();
    drop(sender);
    let _ = sending.await;
    server.restart().await;

    let (status, _) = server.api.call(Method::GET, "/workspaces/new", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!server.data_dir().join("workspaces").join(new["id"].as_str().unwrap()).exists());
    assert_eq!(send(&server, "?name=new", archive).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_token_that_may_only_read_exports_nothing() {
    let server = Server::start().await;
    make(&server, json!({})).await;
    let token = server.api.post("/tokens", json!({ "name": "reader", "scope": "read" })).await;
    let reader = sandboxed_tests::Api::new(&server.api.url, token["secret"].as_str().unwrap());

    let (status, _) = reader.call(Method::GET, "/workspaces/w/export", None).await;

    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_goes_by_takes_no_memory() {
    let (from, to) = (Server::start().await, Server::start().await);
    make(&from, json!({})).await;
    said(&from, "w", "head -c 150000000 /dev/urandom > big").await;
    let peak = |server: &Server| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let before = (peak(&from), peak(&to));

    let file = export(&from, "tar.zst");
    import(&to, &file);

    let grown = (peak(&from).saturating_sub(before.0), peak(&to).saturating_sub(before.1));
    assert!(grown.0 < 60_000 && grown.1 < 60_000, "{grown:?} kB for 150 MB");
    assert_eq!(said(&to, "w", "stat -c %s big").await, "150000000\n");
}

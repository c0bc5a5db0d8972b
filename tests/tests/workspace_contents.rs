//! What goes into a workspace: variables, secrets and directories of the machine; and what the server does about workspaces
//! that do not fit its disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, config::changed, server::Options, until, within};
use serde_json::{Value, json};

const SECRET: &str = "hush-7f3a-very-secret-value";

async fn start(changes: &[(&str, &str)]) -> Server {
    let environment = vec![("KEY_VALUE".to_owned(), SECRET.to_owned())];
    Server::start_with(Options { config: Some(changed(changes)), environment, ..Options::default() }).await
}

const SECRETS: [(&str, &str); 2] =
    [("secrets = []", "secrets = [\"key\"]"), ("[secrets]\n", "[secrets]\nkey = { env = \"KEY_VALUE\" }\n")];

async fn exec(server: &Server, workspace: &str, script: &str) -> String {
    let body = json!({ "command": ["sh", "-c", script] });
    let request = server.api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
    let text = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect()
}

async fn refused(server: &Server, body: Value) -> (StatusCode, String, String) {
    let (status, problem) = server.api.call(Method::POST, "/workspaces", Some(body)).await;
    let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("hint"))
}

/// Files below a directory that hold this text.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn variables_reach_every_process_and_a_secret_is_in_no_file_argument_or_event() {
    let server = start(&SECRETS).await;
    for backend in ["bubblewrap", "host"] {
        let init = json!([
            { "name": "without", "script": "test -z \"$KEY\" && test \"$PLAIN\" = 'a b'" },
            { "name": "with", "script": "test -n \"$KEY\"", "secrets": ["KEY"], "cache": true },
        ]);
        let env = json!({ "PLAIN": "a b", "KEY": { "secret": "key" }, "PATH": "/opt/own:/usr/bin:/bin" });
        let workspace = server.api.post("/workspaces", json!({ "backend": backend, "env": env, "init": init })).await;
        let id = workspace["id"].as_str().unwrap();
        let build = workspace["build"].as_str().unwrap();
        let ended = until("the build", async || {
            let build = server.api.get(&format!("/builds/{build}")).await;
            build["ended_at"].is_string().then_some(build)
        })
        .await;
        assert_eq!(ended["state"], "done", "{ended}");

        assert_eq!(exec(&server, id, "echo $PLAIN $PATH").await, "a b /opt/own:/usr/bin:/bin\n");
        assert_eq!(exec(&server, id, "printf %s \"$KEY\" | md5sum; unset KEY").await.len(), 36);
        let body = json!({ "command": ["sh", "-c", "test -n \"$KEY\" && touch here && exec sleep 1000"] });
        let process = server.api.post(&format!("/workspaces/{id}/processes"), body).await;
        let here = server.data_dir().join(format!("workspaces/{id}/tree/here"));
        until("the process", async || here.exists().then_some(())).await;
        let mission = json!({ "prompt": "test -n \"$KEY\" && echo has it", "harness": "shell", "workspace": id });
        let mission = server.api.mission_with(mission).await;
        server.api.reaches(&mission, &["awaiting_user"]).await;
        assert_eq!(server.api.printed(&mission).await, "has it\n");

        let lines = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
            std::fs::read(process.path().join("cmdline")).ok().map(|line| String::from_utf8_lossy(&line).into_owned())
        });
        assert_eq!(lines.filter(|line| line.contains(SECRET)).collect::<Vec<_>>(), [] as [&str; 0]);
        assert_eq!(holding(&server.data_dir(), SECRET), [] as [&str; 0]);
        assert!(!server.log().contains(SECRET));
        let shown = server.api.get(&format!("/workspaces/{id}")).await;
        assert_eq!(shown["env"]["KEY"], json!({ "secret": "key" }));
        server.api.call(Method::DELETE, &format!("/processes/{}", process["id"].as_str().unwrap()), None).await;
    }
    let kept = std::fs::read_dir(server.data_dir().join("cache/steps")).unwrap().count();
    assert_eq!(kept, 0, "what knows a secret is kept for nobody");
}

#[tokio::test]
async fn variables_that_are_not_a_workspaces_to_set_and_secrets_that_are_not_listed_are_refused() {
    let server = start(&SECRETS[1..]).await;
    for name in ["HOME", "LD_PRELOAD", "SANDBOXED_SH_RUN", "https_proxy", "A-B"] {
        let (status, code, _) = refused(&server, json!({ "env": { name: "x" } })).await;
        assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "http.body_invalid"), "{name}");
    }

    let (status, code, hint) = refused(&server, json!({ "env": { "KEY": { "secret": "key" } } })).await;

    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "workspace.secret_denied"));
    assert_eq!(hint, "workspaces.secrets = [\"key\"] in sandboxed.toml");
}

/// A directory that everybody may write to.
fn open_directory(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

#[tokio::test]
async fn a_listed_directory_is_found_inside_and_written_to_only_where_that_was_asked_for() {
    let machine = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let shared = machine.path().join("shared");
    open_directory(&shared.join("sub"));
    std::fs::write(shared.join("sub/file"), "from outside\n").unwrap();
    let roots = format!("mounts = [{:?}]", shared.to_str().unwrap());
    let server = start(&[("mounts = []", &roots)]).await;
    let source = shared.join("sub");
    for (backend, inside) in [("bubblewrap", "/mnt/x"), ("host", "/run/sandboxed-sh/workspace/mnt-x")] {
        for writable in [false, true] {
            let mounts = json!([{ "source": source, "target": "/mnt/x", "writable": writable }]);
            let workspace = server.api.post("/workspaces", json!({ "backend": backend, "mounts": mounts })).await;
            let script = format!("cat {inside}/file; {{ echo new > {inside}/{backend}; }} 2>/dev/null && echo wrote");

            let said = exec(&server, workspace["id"].as_str().unwrap(), &script).await;

            assert_eq!(said, if writable { "from outside\nwrote\n" } else { "from outside\n" }, "{backend}");
            assert_eq!(source.join(backend).exists(), writable, "{backend}");
        }
    }
}

#[tokio::test]
async fn a_directory_that_is_not_a_workspaces_to_see_is_refused_at_each_use() {
    let machine = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let (shared, other) = (machine.path().join("shared"), machine.path().join("other"));
    open_directory(&shared.join("sub"));
    open_directory(&other);
    std::fs::write(other.join("hidden"), "hidden").unwrap();
    symlink(&other, shared.join("link")).unwrap();
    let roots = format!("mounts = [{:?}]", shared.to_str().unwrap());
    let server = start(&[("mounts = []", &roots)]).await;
    let mount = |source: &Path| json!({ "mounts": [{ "source": source, "target": "/mnt/x" }] });

    for (source, code) in [
        (other.as_path(), "workspace.mount_denied"),
        (Path::new("/etc"), "workspace.mount_denied"),
        (server.data_dir().as_path(), "workspace.mount_denied"),
        (shared.join("link").as_path(), "workspace.mount_denied"),
        (shared.join("missing").as_path(), "workspace.mount_missing"),
        (shared.join("../other").as_path(), "workspace.recipe_invalid"),
        (Path::new("/"), "workspace.recipe_invalid"),
    ] {
        assert_eq!(refused(&server, mount(source)).await.1, code, "{}", source.display());
    }
    let (status, _, hint) = refused(&server, mount(&other)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(hint.starts_with("workspaces.mounts = ["), "{hint}");

    let workspace = server.api.post("/workspaces", mount(&shared.join("sub"))).await;
    std::fs::remove_dir(shared.join("sub")).unwrap();
    symlink(&other, shared.join("sub")).unwrap();
    let body = json!({ "command": ["cat", "/mnt/x/hidden"] });
    let path = format!("/workspaces/{}/exec", workspace["id"].as_str().unwrap());
    let (status, problem) = server.api.call(Method::POST, &path, Some(body)).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("workspace.mount_denied")),
        "{problem}"
    );
}

#[tokio::test]
async fn a_mounted_root_around_the_data_directory_or_an_engines_socket_is_refused() {
    let server = start(&[("mounts = []", "mounts = [\"/tmp\", \"/run\", \"/var\"]")]).await;
    let data = server.data_dir();
    let above = data.parent().unwrap();
    let (data, inside) = (data.clone(), data.join("workspaces"));
    for source in [above, &data, &inside, Path::new("/tmp")] {
        let body = json!({ "mounts": [{ "source": source, "target": "/mnt/x" }] });
        assert_eq!(refused(&server, body).await.1, "workspace.mount_denied", "{}", source.display());
    }
}

#[tokio::test]
async fn workspaces_and_directories_that_do_not_fit_are_told_and_used_for_nothing() {
    let mut server = Server::start().await;
    let workspace = server.api.post("/workspaces", json!({ "name": "lost" })).await;
    let id = workspace["id"].as_str().unwrap();
    let workspaces = server.data_dir().join("workspaces");
    let mission = server.api.mission_with(json!({ "prompt": "true", "harness": "shell", "workspace": id })).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;
    server.stop().await;
    std::fs::rename(workspaces.join(id), server.data_dir().join("away")).unwrap();
    let stray = "01a21a2c-0000-7000-8000-000000000000";
    std::fs::create_dir(workspaces.join(stray)).unwrap();

    server.restart().await;

    assert!(server.log().contains(stray), "{}", server.log());
    let shown = server.api.get(&format!("/workspaces/{id}")).await;
    assert_eq!((&shown["phase"], &shown["problem"]["code"]), (&json!("broken"), &json!("workspace.directory_gone")));
    server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": "true" })).await;
    let failed = server.api.reaches(&mission, &["failed"]).await;
    assert_eq!(failed["problem"]["code"], "workspace.not_ready", "{failed}");
    let doctor = server.cli(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "workspaces").unwrap();
    assert!(check["status"] == "warning" && check["detail"].as_str().unwrap().contains("lost"), "{check}");

    server.stop().await;
    std::fs::rename(server.data_dir().join("away"), workspaces.join(id)).unwrap();
    server.restart().await;
    assert_eq!(server.api.get(&format!("/workspaces/{id}")).await["phase"], "ready");
}

//! What containers are made from.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{engine, until, within};
use serde_json::{Value, json};

use crate::lab::Lab;

/// The image that the archive of these tests became on the engine, with its shell where it lies.
pub(crate) async fn base(lab: &Lab) -> String {
    let workspace = lab.workspace(json!({})).await;
    format!("{}\nSHELL [\"/usr/bin/bash\", \"-c\"]", image(lab, &workspace))
}

/// The image of a workspace's container.
fn image(lab: &Lab, workspace: &str) -> String {
    lab.container(workspace).unwrap()["Config"]["Image"].as_str().unwrap().to_owned()
}

pub(crate) async fn create(lab: &Lab, dockerfile: &str) -> Value {
    lab.server.api.post("/workspaces", json!({ "options": { "dockerfile": dockerfile } })).await
}

/// Waits for the end of a workspace's build.
pub(crate) async fn built(lab: &Lab, workspace: &Value) -> Value {
    let path = format!("/builds/{}", workspace["build"].as_str().unwrap());
    until("the build to end", async || {
        let build = lab.server.api.get(&path).await;
        build["ended_at"].is_string().then_some(build)
    })
    .await
}

async fn log(lab: &Lab, build: &Value) -> String {
    let path = format!("/builds/{}/steps/1/log", build["id"].as_str().unwrap());
    within("the log", async { lab.server.api.request(Method::GET, &path).send().await.unwrap().text().await.unwrap() })
        .await
}

pub(crate) fn id(workspace: &Value) -> &str {
    workspace["id"].as_str().unwrap()
}

/// Whether something sleeps for so long on this machine.
pub(crate) fn sleeping(seconds: &str) -> bool {
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = lines.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.any(|line| line.ends_with(&format!("sleep\0{seconds}\0")))
}

/// Whether the engine has an image.
fn has(lab: &Lab, image: &str) -> bool {
    engine::ask(&lab.socket, "GET", &format!("/images/{image}/json"), None).0 == 200
}

#[tokio::test]
async fn a_dockerfile_is_built_as_a_step_with_a_log_and_equal_ones_once() {
    let lab = Lab::start().await;
    let mark = lab.owner();
    // Nothing of this machine is in the build, and nothing is reached by it.
    let dockerfile = format!(
        "FROM {}\nENV MADE={mark}\nRUN echo begun {mark}; grep -c : /proc/net/dev > /made; ls -A / | grep -c Dockerfile || true\n",
        base(&lab).await
    );

    let first = create(&lab, &dockerfile).await;
    assert_eq!(first["phase"], "building", "{first}");
    let build = built(&lab, &first).await;
    let printed = log(&lab, &build).await;

    assert_eq!(build["state"], "done", "{build}\n{printed}");
    assert_eq!(build["steps"][0]["title"], "image by its Dockerfile");
    assert!(printed.contains(&format!("begun {mark}\n")), "{printed}");
    assert_eq!(lab.sh(id(&first), "cat /made; echo $MADE").await.stdout, format!("1\n{mark}\n"));
    let labels = lab.container(id(&first)).unwrap()["Config"]["Labels"].clone();
    assert_eq!(labels["sh.sandboxed.owner"], mark, "{labels}");
    let second = create(&lab, &dockerfile).await;
    assert_eq!((&second["phase"], second.get("build")), (&json!("ready"), None));
    assert_eq!(image(&lab, id(&second)), image(&lab, id(&first)));
}

#[tokio::test]
async fn init_steps_come_after_the_image_and_in_it() {
    let lab = Lab::start().await;
    let dockerfile = format!("FROM {}\nRUN echo {} > /made\n", base(&lab).await, lab.owner());
    let body =
        json!({ "options": { "dockerfile": dockerfile }, "init": [{ "name": "copy", "script": "cp /made made" }] });

    let workspace = lab.server.api.post("/workspaces", body).await;

    let build = built(&lab, &workspace).await;
    let states: Vec<_> = build["steps"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
    assert_eq!(states, ["done", "done"], "{build}");
    assert_eq!(std::fs::read_to_string(lab.tree(id(&workspace)).join("made")).unwrap().trim(), lab.owner());
}

#[tokio::test]
async fn what_init_steps_made_is_seen_by_those_who_come_after_them() {
    let lab = Lab::start().await;
    let init =
        json!([{ "name": "one", "script": "echo made > made" }, { "name": "two", "script": "cat made >> $HOME/made" }]);

    let workspace = lab.server.api.post("/workspaces", json!({ "init": init })).await;

    assert_eq!(built(&lab, &workspace).await["state"], "done");
    assert_eq!(lab.sh(id(&workspace), "cat made ~/made").await.stdout, "made\nmade\n");
    let again = format!("/workspaces/{}/build", id(&workspace));
    lab.server.api.post(&again, json!({ "from_start": true })).await;
    let workspace = lab.server.api.get(&format!("/workspaces/{}", id(&workspace))).await;
    assert_eq!(built(&lab, &workspace).await["state"], "done");
    assert_eq!(lab.sh(id(&workspace), "cat made ~/made").await.stdout, "made\nmade\nmade\n");
}

#[tokio::test]
async fn a_directory_of_the_workspace_that_was_put_there_anew_is_the_one_that_is_seen() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let tree = lab.tree(&workspace);
    std::fs::rename(&tree, tree.with_file_name("moved")).unwrap();
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("new"), "").unwrap();

    assert_eq!(lab.sh(&workspace, "ls /workspace").await.stdout, "new\n");
}

#[tokio::test]
async fn a_dockerfile_that_fails_says_why_and_leaves_nothing() {
    let mut lab = Lab::start().await;
    let base = base(&lab).await;
    for (text, told) in [
        (format!("FROM {base}\nRUN echo {} oops >&2; exit 3\n", lab.owner()), "oops"),
        (format!("FROM {base}\nADD http://127.0.0.1/ /x\n"), "ADD fetches from wherever the engine's machine reaches"),
        (format!("FROM {base}\nRUN --network=host id\n"), "RUN takes no options here"),
        ("FROM sandboxed-test/none:1\n".to_owned(), "sandboxed-test/none:1"),
    ] {
        let workspace = create(&lab, &text).await;
        let build = built(&lab, &workspace).await;
        let printed = log(&lab, &build).await;
        assert_eq!((&build["state"], printed.contains(told)), (&json!("failed"), true), "{printed}");
        assert_eq!(lab.server.api.get(&format!("/workspaces/{}", id(&workspace))).await["phase"], "failed");
        assert!(lab.container(id(&workspace)).is_none());
        let (status, _) = lab.server.api.call(Method::DELETE, &format!("/workspaces/{}", id(&workspace)), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    // And one that the operator did not let workspaces have.
    let config = crate::lab::config(&lab.socket).replace("dockerfiles = true", "dockerfiles = false");
    lab.server.stop().await;
    lab.server.configure(&config);
    lab.server.restart().await;
    let body = json!({ "options": { "dockerfile": format!("FROM {base}\n") } });
    let (status, refused) = lab.server.api.call(Method::POST, "/workspaces", Some(body)).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::FORBIDDEN, Some("docker.dockerfile_denied")));
}

#[tokio::test]
async fn a_build_goes_on_while_the_server_is_started_anew() {
    let mut lab = Lab::start().await;
    let text = format!("FROM {}\nRUN echo {} begun; sleep 3.7342; echo over\n", base(&lab).await, lab.owner());
    let workspace = create(&lab, &text).await;
    until("the build to be under way", async || sleeping("3.7342").then_some(())).await;

    lab.server.crash();
    lab.server.restart().await;

    let build = built(&lab, &workspace).await;
    let printed = log(&lab, &build).await;
    assert_eq!((&build["state"], printed.contains("over")), (&json!("done"), true), "{build}\n{printed}");
    assert_eq!(lab.sh(id(&workspace), "echo fine").await.stdout, "fine\n");
}

#[tokio::test]
async fn an_image_that_was_made_here_goes_when_no_workspace_uses_it() {
    let mut lab = Lab::start().await;
    let text = format!("FROM {}\nENV OWN={}\n", base(&lab).await, lab.owner());
    let (kept, gone) = (create(&lab, &text).await, create(&lab, &format!("{text}ENV OTHER=1\n")).await);
    for workspace in [&kept, &gone] {
        assert_eq!(built(&lab, workspace).await["state"], "done");
        until("the workspace", async || lab.container(id(workspace)).map(drop)).await;
    }
    let (used, unused) = (image(&lab, id(&kept)), image(&lab, id(&gone)));
    lab.server.api.call(Method::DELETE, &format!("/workspaces/{}", id(&gone)), None).await;
    // The server looks when it starts and then once an hour, and a container that is on its way out is a use.
    until("the container to go", async || lab.container(id(&gone)).is_none().then_some(())).await;

    lab.server.stop().await;
    let config = crate::lab::config(&lab.socket).replace("[workspaces]\n", "[workspaces]\nkeep_layers = \"1ms\"\n");
    lab.server.configure(&config);
    lab.server.restart().await;

    until("the image to be removed", async || (!has(&lab, &unused)).then_some(())).await;
    assert!(has(&lab, &used));
}

#[tokio::test]
async fn an_archive_is_known_by_its_contents_and_one_that_changed_becomes_another_image() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("own.tar");
    std::fs::copy(engine::archive(), &archive).unwrap();
    let socket = crate::socket();
    let config = crate::lab::config(&socket).replace(engine::archive().to_str().unwrap(), archive.to_str().unwrap());
    let lab = Lab::configured(&socket, config).await;
    let first = lab.workspace(json!({})).await;
    let again = lab.workspace(json!({})).await;
    assert_eq!(image(&lab, &again), image(&lab, &first));

    std::fs::write(directory.path().join("added"), "new\n").unwrap();
    let appended = std::process::Command::new("tar")
        .args(["--append", "--file"])
        .arg(&archive)
        .args(["--directory", directory.path().to_str().unwrap(), "added"])
        .status()
        .unwrap();
    assert!(appended.success());

    let next = lab.workspace(json!({})).await;
    assert_ne!(image(&lab, &next), image(&lab, &first));
    assert_eq!(lab.sh(&next, "cat /added").await.stdout, "new\n");
}

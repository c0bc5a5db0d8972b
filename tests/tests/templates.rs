//! Templates: versions, drift, and workspaces that follow.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, config::changed, server::Options, until};
use serde_json::{Value, json};

fn step(name: &str, script: &str) -> Value {
    json!({ "name": name, "script": script })
}

async fn settled(server: &Server, workspace: &str) -> Value {
    until("the build to end", async || {
        let shown = server.api.get(&format!("/workspaces/{workspace}")).await;
        (shown["phase"] != "building").then_some(shown)
    })
    .await
}

fn text(server: &Server, workspace: &Value, file: &str) -> String {
    let tree = server.data_dir().join("workspaces").join(workspace["id"].as_str().unwrap()).join("tree");
    std::fs::read_to_string(tree.join(file)).unwrap()
}

#[tokio::test]
async fn a_workspace_shows_its_drift_and_follows_its_template_without_repeating_what_was_done() {
    let server = Server::start().await;
    let first = json!({
        "env": { "A": "1" }, "limits": { "processes": 100 },
        "init": [step("one", "echo one >> ran"), step("two", "echo two >> ran")],
    });
    let body = json!({ "name": "kit", "description": "first", "workspace": first });
    assert_eq!(server.api.post("/templates", body).await["version"], 1);
    let made = server.api.post("/workspaces", json!({ "name": "w", "template": "kit", "env": { "B": "own" } })).await;
    let shown = settled(&server, "w").await;
    assert_eq!((&shown["phase"], &shown["template"]["version"]), (&json!("ready"), &json!(1)));
    assert_eq!(shown["drift"], json!({ "newest": 1, "fields": [] }));

    let second = json!({
        "env": { "A": "1" }, "limits": { "processes": 200 },
        "init": [step("one", "echo one >> ran"), step("two", "echo zwei >> ran"), step("three", "echo $B >> ran")],
    });
    let (status, changed) = server
        .api
        .call(Method::PUT, "/templates/kit", Some(json!({ "description": "second", "workspace": second })))
        .await;
    assert_eq!((status, &changed["version"]), (StatusCode::OK, &json!(2)));
    let drift = server.api.get("/workspaces/w").await["drift"].clone();
    let fields: Vec<_> =
        drift["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(
        (drift["newest"].as_u64(), fields),
        (Some(2), vec!["limits", "init"]),
        "what was said beside it is no drift"
    );
    let shown = server.cli(&["workspaces", "show", "w"]).success().stdout;
    assert!(shown.contains("template: kit in version 1") && shown.contains("drift from version 2"), "{shown}");

    let planned = server.api.post("/workspaces/w/template", json!({ "dry_run": true })).await;
    let states: Vec<_> =
        planned["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["cached", "queued", "queued"]);
    assert_eq!(server.api.get("/workspaces/w").await["template"]["version"], 1, "a dry run does nothing");

    server.cli(&["workspaces", "apply-template", "w"]).success();
    let shown = settled(&server, "w").await;
    assert_eq!((&shown["phase"], &shown["limits"]["processes"]), (&json!("ready"), &json!(200)));
    assert_eq!((&shown["template"]["version"], &shown["drift"]["fields"]), (&json!(2), &json!([])));
    assert_eq!(text(&server, &made, "ran"), "one\ntwo\nzwei\nown\n");
    let again = server.api.post("/workspaces/w/template", json!({})).await;
    assert_eq!((&again["changes"], &again["build"]), (&json!([]), &Value::Null));

    let back = server.api.post("/workspaces/w/template", json!({ "version": 1 })).await;
    assert_eq!((&back["from"], &back["to"]), (&json!(2), &json!(1)));
    assert_eq!(settled(&server, "w").await["limits"]["processes"], 100);
}

#[tokio::test]
async fn a_template_declares_ports_and_its_workspaces_follow_them() {
    let server = Server::start().await;
    let ports = |ports: Value| json!({ "description": "", "workspace": { "ports": ports } });
    let named = |shown: &Value| {
        let ports = shown["ports"].as_array().unwrap();
        ports.iter().map(|port| format!("{}={}", port["name"].as_str().unwrap(), port["port"])).collect::<Vec<_>>()
    };
    let twice = json!({ "name": "kit", "workspace": { "ports": [
        { "name": "web", "port": 3000 }, { "name": "web", "port": 3001 },
    ] } });
    let (status, _) = server.api.call(Method::POST, "/templates", Some(twice)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    server.cli(&["templates", "create", "kit", "--port", "web=3000", "--port", "api=https:8443"]).success();

    let made = server
        .api
        .post("/workspaces", json!({ "name": "w", "template": "kit", "ports": [{ "name": "web", "port": 4000 }] }))
        .await;
    assert_eq!(named(&made), ["api=8443", "web=4000"], "what is said counts over the template, by name or number");
    assert_eq!(made["ports"][0]["protocol"], "https");
    assert_eq!(server.api.get("/workspaces/w").await["drift"]["fields"], json!([]));

    let next = ports(json!([{ "name": "web", "port": 3000 }, { "name": "db", "port": 5432 }]));
    server.api.call(Method::PUT, "/templates/kit", Some(next)).await;
    let drift = server.api.get("/workspaces/w").await["drift"].clone();
    assert_eq!((&drift["newest"], &drift["fields"][0]["field"]), (&json!(2), &json!("ports")));
    let applied = server.api.post("/workspaces/w/template", json!({})).await;
    assert_eq!((&applied["changes"][0]["field"], &applied["build"]), (&json!("ports"), &Value::Null));
    let shown = server.api.get("/workspaces/w").await;
    assert_eq!(
        (named(&shown), &shown["drift"]["fields"]),
        (vec!["db=5432".to_owned(), "web=4000".to_owned()], &json!([]))
    );

    let own = json!({ "ports": [{ "name": "own", "port": 9000 }] });
    server.api.call(Method::PUT, "/workspaces/w/ports", Some(own)).await;
    assert_eq!(
        server.api.get("/workspaces/w").await["drift"]["fields"][0]["field"],
        "ports",
        "a change by hand is drift"
    );

    let body = json!({ "template": "kit", "network": { "mode": "shared" } });
    let (_, problem) = server.api.call(Method::POST, "/workspaces", Some(body)).await;
    assert_eq!(problem["code"], "ports.shared_network");
}

#[tokio::test]
async fn a_template_is_not_applied_under_a_running_turn_or_process() {
    let server = Server::start().await;
    server.api.post("/templates", json!({ "name": "kit", "workspace": {} })).await;
    let workspace = server.api.post("/workspaces", json!({ "template": "kit" })).await;
    let id = workspace["id"].as_str().unwrap();
    let body = json!({ "description": "", "workspace": { "env": { "A": "2" } } });
    server.api.call(Method::PUT, "/templates/kit", Some(body)).await;
    let apply = format!("/workspaces/{id}/template");

    let process =
        server.api.post(&format!("/workspaces/{id}/processes"), json!({ "command": ["sleep", "1000"] })).await;
    let (status, problem) = server.api.call(Method::POST, &apply, Some(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")));
    server.api.call(Method::DELETE, &format!("/processes/{}", process["id"].as_str().unwrap()), None).await;
    let mission = json!({ "prompt": "echo up; sleep 1000", "harness": "shell", "workspace": id });
    let mission = server.api.mission_with(mission).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let (status, problem) = server.api.call(Method::POST, &apply, Some(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")));
    assert!(problem["detail"].as_str().unwrap().contains(&mission), "{problem}");
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert_eq!(server.api.post(&apply, json!({})).await["to"], 2);
    assert_eq!(server.api.get(&format!("/workspaces/{id}")).await["env"], json!({ "A": "2" }));
}

#[tokio::test]
async fn a_template_that_is_gone_or_wants_another_backend_leaves_the_workspace_as_it_is() {
    let server = Server::start().await;
    server.api.post("/templates", json!({ "name": "kit", "workspace": { "backend": "bubblewrap" } })).await;
    server.api.post("/workspaces", json!({ "name": "w", "template": "kit" })).await;
    let body = json!({ "description": "", "workspace": { "backend": "host" } });
    server.api.call(Method::PUT, "/templates/kit", Some(body)).await;

    let (status, problem) = server.api.call(Method::POST, "/workspaces/w/template", Some(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("template.backend_changed")));

    server.cli(&["templates", "delete", "kit"]).success();
    let shown = server.api.get("/workspaces/w").await;
    assert_eq!((&shown["phase"], &shown["drift"]), (&json!("ready"), &json!({ "fields": [] })));
    let (status, _) = server.api.call(Method::POST, "/workspaces/w/template", Some(json!({}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = server.api.call(Method::POST, "/workspaces", Some(json!({ "template": "kit" }))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_command_line_makes_templates_from_files_and_options() {
    let server = Server::start().await;
    let file = server.data_dir().join("kit.toml");
    let toml = "name = \"kit\"\n[workspace]\nbackend = \"host\"\nenv = { A = \"1\" }\n\
                [[workspace.init]]\nname = \"hello\"\nscript = \"echo $A > hello\"\n";
    std::fs::write(&file, toml).unwrap();

    server.cli(&["templates", "create", "--file", file.to_str().unwrap()]).success();
    server.cli(&["templates", "update", "kit", "--env", "A=2", "--description", "says hello"]).success();
    let shown = server.cli(&["templates", "show", "kit", "--json"]).success();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&shown["version"], &shown["workspace"]["env"]["A"]), (&json!(2), &json!("2")));
    assert_eq!(shown["workspace"]["init"][0]["name"], "hello");
    let first = server.cli(&["templates", "show", "kit@1"]).success().stdout;
    assert!(first.contains("A = \"1\""), "{first}");
    let versions = server.cli(&["templates", "versions", "kit", "--json"]).success();
    assert_eq!(serde_json::from_str::<Value>(&versions.stdout).unwrap().as_array().unwrap().len(), 2);

    let ran = server.cli(&["run", "--template", "kit", "cat hello"]).success();
    assert!(ran.stdout.contains('2'), "{ran:?}");
    std::fs::write(&file, "name = \"kit\"\nworkspce = {}\n").unwrap();
    let wrong = server.cli(&["templates", "update", "kit", "--file", file.to_str().unwrap()]);
    assert!(wrong.code == 2 && wrong.stderr.contains("workspce"), "{wrong:?}");
}

#[tokio::test]
async fn a_declared_template_is_changed_by_the_configuration_only() {
    let declared = |value: &str| {
        let template = format!("\n[[template]]\nname = \"node\"\nworkspace = {{ env = {{ A = \"{value}\" }} }}\n");
        changed(&[]) + &template
    };
    let mut server = Server::start_with(Options { config: Some(declared("1")), ..Options::default() }).await;
    server.api.post("/workspaces", json!({ "name": "w", "template": "node" })).await;
    let shown = server.api.get("/templates/node").await;
    assert_eq!((&shown["version"], &shown["declared"]), (&json!(1), &json!(true)));
    for (method, body) in [(Method::PUT, Some(json!({ "workspace": {} }))), (Method::DELETE, None)] {
        let (status, problem) = server.api.call(method, "/templates/node", body).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("template.declared")));
    }

    server.stop().await;
    server.configure(&declared("2"));
    server.restart().await;
    assert_eq!(server.api.get("/workspaces/w").await["drift"]["newest"], 2);
    server.stop().await;
    server.configure(&changed(&[]));
    server.restart().await;
    assert_eq!(server.api.get("/templates/node").await["declared"], false);
    let (status, _) = server.api.call(Method::DELETE, "/templates/node", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "what is declared no more is anybody's");
}

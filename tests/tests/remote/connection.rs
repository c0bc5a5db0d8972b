//! How an engine is reached, and what is said when it is not.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, server::Options};
use serde_json::{Value, json};

use crate::{
    certificates::Certificates,
    lab::{Lab, config},
    machine::Machine,
};

/// What the doctor and the making of a workspace say of an engine that is reached with these files.
async fn said(machine: &Machine, files: [&std::path::Path; 3]) -> Value {
    let text = config(machine, files, "");
    let server = Server::start_with(Options { config: Some(text), ..Options::default() }).await;
    let (status, refused) = server.api.call(Method::POST, "/workspaces", Some(json!({}))).await;
    assert!(!status.is_success(), "{refused}");
    let report = server.api.get("/doctor").await;
    let checks = report["checks"].as_array().unwrap();
    let engine = checks.iter().find(|check| check["name"] == "backend docker: an engine at build1");
    let failure = engine.unwrap_or_else(|| panic!("{report}"))["failure"].clone();
    assert_eq!((&failure["code"], &failure["message"]), (&refused["code"], &refused["detail"]), "{failure} {refused}");
    assert!(failure["hint"].is_string(), "{failure}");
    assert_eq!(server.api.get("/workspaces").await["items"], json!([]));
    failure
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_named() {
    let machine = Machine::shared();
    let directory = tempfile::tempdir().unwrap();
    let others = Certificates::make(directory.path(), "10.0.0.1");
    let own = |name: &str| machine.certificates.file(name);

    let unknown_engine = said(machine, [&others.file("ca.pem"), &own("cert.pem"), &own("key.pem")]).await;
    assert_eq!(unknown_engine["code"], "containers.certificate_refused", "{unknown_engine}");
    assert!(unknown_engine["message"].as_str().unwrap().contains("authority"), "{unknown_engine}");

    let unknown_server = said(machine, [&own("ca.pem"), &others.file("cert.pem"), &others.file("key.pem")]).await;
    assert_eq!(unknown_server["code"], "containers.certificate_refused", "{unknown_server}");
    assert!(unknown_server["message"].as_str().unwrap().contains("this server's certificate"), "{unknown_server}");

    let missing = said(machine, [&own("ca.pem"), &own("cert.pem"), &own("none.pem")]).await;
    assert_eq!(missing["code"], "containers.certificate", "{missing}");
}

#[tokio::test]
async fn an_engine_whose_certificate_has_expired_is_named() {
    let machine = Machine::with_certificate_of(2020);
    let own = |name: &str| machine.certificates.file(name);

    let expired = said(&machine, [&own("ca.pem"), &own("cert.pem"), &own("key.pem")]).await;

    assert_eq!(expired["code"], "containers.certificate_refused", "{expired}");
    assert!(expired["message"].as_str().unwrap().contains("expired"), "{expired}");
}

#[tokio::test]
async fn the_doctor_makes_enters_and_removes_a_workspace_there() {
    let lab = Lab::start().await;
    lab.workspace(json!({})).await;

    let doctor = lab.server.cli(&["doctor"]);

    let tried = doctor.stdout.lines().find(|line| line.contains("backend docker: a workspace"));
    assert!(tried.is_some_and(|line| line.contains("made, entered and removed")), "{doctor:?}");
    assert!(doctor.stdout.contains("on build1"), "{doctor:?}");
}

#[tokio::test]
async fn what_cannot_be_had_on_another_machine_is_refused_with_the_reason() {
    let lab = Lab::start().await;
    for (body, code) in [
        (json!({ "network": { "mode": "open" } }), "containers.network_unavailable"),
        (json!({ "limits": { "disk": 1 << 30 } }), "workspace.limits_unavailable"),
        (json!({ "options": { "engine": "build2" } }), "docker.engine_denied"),
    ] {
        let (status, refused) = lab.server.api.call(Method::POST, "/workspaces", Some(body)).await;
        assert!(!status.is_success() && refused["hint"].is_string(), "{refused}");
        assert_eq!(refused["code"], code, "{refused}");
    }
    let workspace = lab.workspace(json!({})).await;
    for (path, body) in [
        (format!("/workspaces/{workspace}/snapshots"), json!({})),
        (format!("/workspaces/{workspace}/fork"), json!({})),
        (format!("/workspaces/{workspace}/uploads"), json!({ "path": "a", "total": 1 })),
        (format!("/workspaces/{workspace}/clone"), json!({ "url": "https://git.example.org/a/b" })),
    ] {
        let (status, refused) = lab.server.api.call(Method::POST, &path, Some(body)).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("workspace.distant")),
            "{path} {refused}"
        );
    }
    for path in ["ports", "export"].map(|of| format!("/workspaces/{workspace}/{of}")) {
        let (status, refused) = lab.server.api.call(Method::GET, &path, None).await;
        assert_eq!((status.as_u16(), &refused["code"]), (503, &json!("workspace.distant")), "{path} {refused}");
    }
    let elsewhere = Server::start().await;
    let here = json!({ "name": "w", "backend": "bubblewrap", "network": { "mode": "none" } });
    elsewhere.api.post("/workspaces", here).await;
    let archive = elsewhere.api.request(Method::GET, "/workspaces/w/export").send().await.unwrap();
    let import = lab.server.api.request(Method::POST, "/workspaces/import?backend=docker");
    let import = import.header("content-type", "application/octet-stream").body(archive.bytes().await.unwrap());
    let refused: Value = import.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["code"], "workspace.distant", "{refused}");
    assert_eq!(lab.server.api.get("/workspaces").await["items"].as_array().unwrap().len(), 1);
}

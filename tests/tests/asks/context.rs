//! What agents are given to work with besides their prompt: instructions, skills and servers of tools.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{api::of_kind, config};
use serde_json::{Value, json};

use super::Lab;

const TOKEN: &str = "tok-0123456789-tools";

impl Lab {
    async fn workspace_with(&self, context: Value) -> String {
        let mut new = json!({ "backend": "bubblewrap" });
        new.as_object_mut().unwrap().extend(context.as_object().unwrap().clone());
        self.server.api.post("/workspaces", new).await["id"].as_str().unwrap().to_owned()
    }

    async fn put_skill(&self, name: &str, files: Value) -> (StatusCode, Value) {
        self.server.api.call(Method::PUT, &format!("/skills/{name}"), Some(json!({ "content": files }))).await
    }

    /// A mission whose agent looks for skills in `.talk/skills`.
    async fn with_skills(&self, workspace: &str, script: &str) -> String {
        let mission = json!({ "prompt": script, "workspace": workspace, "settings": { "skills": ".talk/skills" } });
        let mission = self.mission_with(mission).await;
        self.over(&mission, 1).await;
        mission
    }

    async fn notices(&self, mission: &str) -> Vec<String> {
        let events = self.events(mission).await;
        of_kind(&events, "notice").iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect()
    }
}

fn skill(name: &str, description: &str) -> Value {
    let main = format!("---\nname: {name}\ndescription: {description}\n---\nRead {name}.\n");
    json!([{ "path": "SKILL.md", "text": main }, { "path": "scripts/run.sh", "text": "#!/bin/sh\necho ran\n", "executable": true }])
}

#[tokio::test]
async fn an_agent_is_told_what_the_operator_says_and_then_what_the_workspace_says() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.md");
    std::fs::write(&file, "Be brief.\n").unwrap();
    let before = "approval_timeout = \"12h\"\n";
    let key = format!("{before}instructions_file = \"{}\"\n", file.display());
    let lab = Lab::configured(config::changed(&[(before, &key)]), &[]).await;
    let workspace = lab.workspace_with(json!({ "instructions": "Write tests first." })).await;

    let mission = lab.mission_in(&workspace, "true").await;
    lab.over(&mission, 1).await;
    std::fs::write(&file, "Be thorough.").unwrap();
    lab.send(&mission, "true").await;
    lab.over(&mission, 2).await;

    let told: Vec<Value> = lab.starts(&mission).await.iter().map(|start| start["instructions"].clone()).collect();
    assert_eq!(told, ["Be brief.\n\nWrite tests first.", "Be thorough.\n\nWrite tests first."]);
    std::fs::remove_file(&file).unwrap();
    lab.send(&mission, "true").await;
    let failed = lab.over(&mission, 3).await;
    assert_eq!(failed["problem"]["code"], "missions.instructions_unreadable", "{failed}");
}

#[tokio::test]
async fn an_agent_finds_the_skills_of_its_workspace_where_it_looks_for_them_and_may_run_their_programs() {
    let lab = Lab::start().await;
    let (status, info) = lab.put_skill("pdf", skill("pdf", "Reads PDFs")).await;
    assert_eq!((status, &info["description"], &info["files"]), (StatusCode::OK, &json!("Reads PDFs"), &json!(2)));
    let workspace = lab.workspace_with(json!({ "skills": ["pdf"] })).await;

    let script = r#"cd "$HOME/.talk/skills/pdf"; tail -n 1 SKILL.md; ./scripts/run.sh"#;
    let mission = lab.with_skills(&workspace, script).await;
    assert_eq!(lab.said(&mission).await, "Read pdf.\nran\n");

    // What is changed in the library is there in the next turn.
    let main = "---\nname: pdf\ndescription: Reads them\n---\nRead anew.\n";
    lab.put_skill("pdf", json!([{ "path": "SKILL.md", "text": main }])).await;
    lab.send(&mission, "tail -n 1 \"$HOME/.talk/skills/pdf/SKILL.md\"").await;
    lab.over(&mission, 2).await;
    assert!(lab.said(&mission).await.ends_with("Read anew.\n"));
}

#[tokio::test]
async fn a_skill_that_is_gone_and_an_agent_that_knows_none_are_told_and_the_mission_goes_on() {
    let lab = Lab::start().await;
    lab.put_skill("pdf", skill("pdf", "x")).await;
    let workspace = lab.workspace_with(json!({ "skills": ["pdf"] })).await;
    let ignorant = lab.mission_in(&workspace, "echo here").await;
    lab.over(&ignorant, 1).await;
    assert_eq!(
        (lab.notices(&ignorant).await, lab.said(&ignorant).await),
        (vec!["skills.missing".to_owned()], "here\n".to_owned())
    );

    let (status, _) = lab.server.api.call(Method::DELETE, "/skills/pdf", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let mission = lab.with_skills(&workspace, "echo here").await;
    assert_eq!(
        (lab.notices(&mission).await, lab.said(&mission).await),
        (vec!["skills.missing".to_owned()], "here\n".to_owned())
    );
}

#[tokio::test]
async fn what_is_no_skill_and_what_the_library_has_not_is_refused_by_name() {
    let lab = Lab::start().await;
    let (status, problem) = lab.put_skill("pdf", json!([{ "path": "SKILL.md", "text": "# Read" }])).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("skill.invalid")));
    let wanted = json!({ "backend": "bubblewrap", "skills": ["docx"] });
    let (status, problem) = lab.server.api.call(Method::POST, "/workspaces", Some(wanted)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("skill.not_found")));
}

#[tokio::test]
async fn an_agent_is_told_of_servers_of_tools_and_has_their_token_in_a_variable_that_nobody_is_shown() {
    let lab = Lab::start().await;
    let secret = json!({ "value": TOKEN, "audience": ["workspaces"] });
    let (status, _) = lab.server.api.call(Method::PUT, "/secrets/tools", Some(secret)).await;
    assert!(status.is_success());
    let servers = json!({
        "team-tools": { "url": "https://tools.example/mcp", "token": "tools" },
        "files": { "program": "mcp-files", "args": ["--root", "."], "env": { "LEVEL": "2" } },
    });
    let workspace = lab.workspace_with(json!({ "mcp_servers": servers })).await;

    let script = r#"printf %s "$SANDBOXED_MCP_TOKEN_TEAM_TOOLS" | wc -c; echo "$SANDBOXED_MCP_TOKEN_TEAM_TOOLS""#;
    let mission = lab.mission_in(&workspace, script).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, format!("{}\n[secret tools]\n", TOKEN.len()));
    let told = &lab.starts(&mission).await[0]["mcp_servers"];
    let program = json!({ "name": "files", "program": "mcp-files", "args": ["--root", "."], "env": [["LEVEL", "2"]] });
    let variable = "SANDBOXED_MCP_TOKEN_TEAM_TOOLS";
    let http = json!({ "name": "team-tools", "url": "https://tools.example/mcp", "token_variable": variable });
    assert_eq!(*told, json!([program, http]));
    // Other processes of the workspace have it not.
    let exec = lab.server.cli(&["exec", &workspace, "--", "sh", "-c", "env | grep -c SANDBOXED_MCP_TOKEN || true"]);
    assert_eq!(exec.stdout, "0\n");
}

#[tokio::test]
async fn a_token_that_is_not_for_workspaces_is_refused() {
    let lab = Lab::start().await;
    let secret = json!({ "value": TOKEN, "audience": ["git:example.org"] });
    lab.server.api.call(Method::PUT, "/secrets/other", Some(secret)).await;
    let servers = json!({ "tools": { "url": "https://tools.example/mcp", "token": "other" } });
    let wanted = json!({ "backend": "bubblewrap", "mcp_servers": servers });
    let (status, problem) = lab.server.api.call(Method::POST, "/workspaces", Some(wanted)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
}

#[tokio::test]
async fn the_command_line_keeps_skills_and_gives_them_to_workspaces() {
    let lab = Lab::start().await;
    let directory = tempfile::tempdir().unwrap();
    let skill = directory.path().join("pdf");
    std::fs::create_dir_all(skill.join("scripts")).unwrap();
    std::fs::write(skill.join("SKILL.md"), "---\nname: pdf\ndescription: Reads PDFs\n---\nRead.\n").unwrap();
    std::fs::write(skill.join("scripts/x.py"), [0xff, 0x00]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", skill.join("passwd")).unwrap();

    let added = lab.server.cli(&["skills", "add", skill.to_str().unwrap()]).success();
    assert_eq!(added.stdout, "skill pdf is in the library, with 2 files\n");
    assert!(lab.server.cli(&["skills", "list"]).success().stdout.contains("Reads PDFs"));
    let shown = lab.server.cli(&["skills", "show", "pdf"]).success().stdout;
    assert!(shown.contains("scripts/x.py  2 bytes") && shown.ends_with("Read.\n"), "{shown}");
    let instructions = directory.path().join("rules.md");
    std::fs::write(&instructions, "Be brief.").unwrap();
    let arguments = ["workspaces", "create", "w", "--skill", "pdf", "--instructions", instructions.to_str().unwrap()];
    let servers = ["--mcp-server", "files=mcp-files --root '.'"];
    lab.server.cli(&[&arguments[..], &servers].concat()).success();

    let workspace = lab.server.api.get("/workspaces/w").await;
    assert_eq!((&workspace["skills"], &workspace["instructions"]), (&json!(["pdf"]), &json!("Be brief.")));
    assert_eq!(workspace["mcp_servers"], json!({ "files": { "program": "mcp-files", "args": ["--root", "."] } }));
    lab.server.cli(&["skills", "delete", "pdf"]).success();
    assert_eq!(lab.server.cli(&["skills", "show", "pdf"]).code, 1);
}

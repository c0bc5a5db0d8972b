//! Each mission has a home directory of its own.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Lab;

impl Lab {
    async fn at_home(&self, workspace: &str, script: &str) -> String {
        let settings = json!({ "home": { ".talk/settings": format!("of {script}\n") } });
        let mission = json!({ "prompt": script, "workspace": workspace, "settings": settings });
        let mission = self.mission_with(mission).await;
        self.over(&mission, 1).await;
        mission
    }

    fn home(&self, workspace: &str) -> PathBuf {
        self.server.data_dir().join(format!("workspaces/{workspace}/home"))
    }

    async fn delete(&self, mission: &str) {
        self.server.api.post(&format!("/missions/{mission}/finish"), Value::Null).await;
        let (status, answer) = self.server.api.call(Method::DELETE, &format!("/missions/{mission}"), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    }
}

#[tokio::test]
async fn missions_of_a_workspace_have_homes_of_their_own_with_what_the_workspace_has() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    lab.server.cli(&["exec", &workspace, "--", "sh", "-c", "echo everywhere > ~/shared"]).success();
    let script = r#"cat "$HOME/.talk/settings" "$HOME/shared"; ls "$HOME"; echo mine > "$HOME/own""#;

    let one = lab.at_home(&workspace, script).await;
    let two = lab.at_home(&workspace, script).await;

    let expected = format!("of {script}\neverywhere\nshared\n");
    assert_eq!((lab.said(&one).await, lab.said(&two).await), (expected.clone(), expected));
    let homes = [&lab.starts(&one).await[0]["home"], &lab.starts(&two).await[0]["home"]].map(Value::clone);
    assert_ne!(homes[0], homes[1]);
    lab.send(&one, "cat \"$HOME/own\"; echo \"$HOME\"").await;
    lab.over(&one, 2).await;
    let said = lab.said(&one).await;
    assert!(said.ends_with(&format!("mine\n{}\n", homes[0].as_str().unwrap())), "{said}");
}

#[tokio::test]
async fn a_home_goes_with_its_mission_and_takes_nothing_of_the_workspace_with_it() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    lab.server.cli(&["exec", &workspace, "--", "sh", "-c", "mkdir ~/tools; echo kept > ~/tools/x"]).success();
    let mission = lab.at_home(&workspace, "echo more > \"$HOME/own\"").await;
    let home = lab.home(&workspace).join(".missions").join(&mission);
    assert!(home.join("own").exists(), "{} is not where it is looked for", home.display());

    lab.delete(&mission).await;

    assert!(!home.exists());
    assert_eq!(std::fs::read_to_string(lab.home(&workspace).join("tools/x")).unwrap(), "kept\n");
}

#[tokio::test]
async fn a_link_in_the_place_of_all_homes_leads_nowhere_outside() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    let mission = lab.at_home(&workspace, "true").await;
    let outside = lab.server.data_dir().join("outside");
    std::fs::create_dir_all(outside.join(&mission)).unwrap();
    std::fs::write(outside.join(&mission).join("precious"), "").unwrap();
    let link = format!("rm -rf ~/.missions; ln -s '{}' ~/.missions", outside.display());
    lab.server.cli(&["exec", &workspace, "--", "sh", "-c", &link]).success();
    assert!(lab.home(&workspace).join(".missions").is_symlink());

    lab.delete(&mission).await;

    assert!(outside.join(&mission).join("precious").exists(), "a link of the agent's was followed");
}

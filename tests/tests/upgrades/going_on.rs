//! Live missions go on with a new version.

use serde_json::Value;

use super::{Lab, tellers, version};

#[tokio::test]
async fn twenty_live_missions_go_on_with_a_new_version_and_every_line_is_told_once_in_order() {
    let lab = Lab::start().await;
    let missions = lab.counting(20).await;
    let first = lab.plugin().await["digest"].clone();

    lab.replace(&version("name=second"));
    for mission in &missions {
        lab.tells(mission, "second").await;
    }

    let plugin = lab.plugin().await;
    assert_eq!((&plugin["health"], &plugin["before"]["digest"]), (&Value::from("ready"), &first));
    assert_eq!((&plugin["trial"]["traps"], &plugin["trial"]["traps_allowed"]), (&Value::from(0), &Value::from(3)));
    for lines in lab.counted(&missions).await {
        assert_eq!(tellers(&lines), ["first", "second"]);
    }
}

#[tokio::test]
async fn a_version_that_comes_in_the_middle_of_a_trial_is_on_trial_against_the_one_that_has_proved_itself() {
    let lab = Lab::start().await;
    let missions = lab.counting(1).await;
    let first = lab.plugin().await["digest"].clone();

    for name in ["second", "third"] {
        lab.replace(&version(&format!("name={name}")));
        lab.tells(&missions[0], name).await;
    }

    assert_eq!(lab.plugin().await["before"]["digest"], first);
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second", "third"]);
}

#[tokio::test]
async fn a_version_that_came_through_its_trial_is_kept() {
    let lab = Lab::with(&[("trial = \"10m\"", "trial = \"1s\"")]).await;
    let missions = lab.counting(1).await;

    lab.replace(&version("name=second"));
    lab.tells(&missions[0], "second").await;
    let plugin = lab.until("the end of the trial", |plugin| plugin["trial"].is_null()).await;

    assert_eq!(plugin["health"], "ready");
    assert!(plugin["before"]["digest"].is_string(), "{plugin}");
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second"]);
}

#[tokio::test]
async fn the_file_of_the_version_before_ends_a_trial_without_a_word() {
    let lab = Lab::start().await;
    let missions = lab.counting(1).await;

    lab.replace(&version("name=second"));
    lab.tells(&missions[0], "second").await;
    lab.replace(&version("name=first"));
    lab.tells(&missions[0], "first").await;

    let plugin = lab.plugin().await;
    assert_eq!((&plugin["trial"], &plugin["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second", "first"]);
}

//! Versions that prove bad are rolled back by themselves, and live missions go on with the one before.

use serde_json::Value;

use super::{Lab, guest, tellers, version};

/// A bad version comes while missions are under way. They end as if it had never been there but for what it told rightly.
async fn comes_to_nothing(component: &[u8], code: &str) -> (Value, Vec<Vec<super::Line>>) {
    let lab = Lab::start().await;
    let missions = lab.counting(5).await;
    let first = lab.plugin().await["digest"].clone();

    lab.replace(component);
    let plugin = lab.refused(code).await;
    for mission in &missions {
        lab.tells(mission, "first").await;
    }

    assert_eq!((&plugin["digest"], &plugin["health"]), (&first, &Value::from("degraded")));
    assert_eq!((&plugin["trial"], &plugin["before"]), (&Value::Null, &Value::Null));
    (plugin, lab.counted(&missions).await)
}

#[tokio::test]
async fn a_version_that_cannot_be_compiled_takes_nobodys_place() {
    let mut component = version("name=second");
    let end = component.len() - 4096;
    component.truncate(end);
    let (_, told) = comes_to_nothing(&component, "plugin.manifest_invalid").await;
    assert!(told.iter().all(|lines| tellers(lines) == ["first"]));
}

#[tokio::test]
async fn a_version_that_is_no_harness_takes_nobodys_place() {
    let (_, told) = comes_to_nothing(&guest("wrong-world"), "plugin.wrong_world").await;
    assert!(told.iter().all(|lines| tellers(lines) == ["first"]));
}

#[tokio::test]
async fn a_version_that_asks_for_what_no_harness_may_have_takes_nobodys_place() {
    let (plugin, told) = comes_to_nothing(&guest("grasping-harness"), "plugin.import_not_allowed").await;
    assert!(plugin["reason"]["message"].as_str().unwrap().contains("sandboxed:host/kv"), "{plugin}");
    assert!(told.iter().all(|lines| tellers(lines) == ["first"]));
}

#[tokio::test]
async fn a_version_that_traps_when_it_opens_is_rolled_back() {
    let (plugin, told) = comes_to_nothing(&version("name=second open=trap"), "plugin.rolled_back").await;
    assert!(plugin["reason"]["message"].as_str().unwrap().contains("cannot open anything"), "{plugin}");
    assert!(told.iter().all(|lines| tellers(lines) == ["first"]));
}

#[tokio::test]
async fn a_version_that_refuses_what_was_saved_is_rolled_back() {
    let (plugin, told) = comes_to_nothing(&version("name=second open=refuse"), "plugin.rolled_back").await;
    assert!(plugin["reason"]["message"].as_str().unwrap().contains("what was saved is too old"), "{plugin}");
    assert!(told.iter().all(|lines| tellers(lines) == ["first"]));
}

#[tokio::test]
async fn a_version_that_traps_in_its_steps_is_rolled_back_and_the_steps_are_done_by_the_one_before() {
    let lab = Lab::start().await;
    let missions = lab.counting(20).await;
    lab.replace(&version("name=second over=stumble"));
    for mission in &missions {
        lab.tells(mission, "second").await;
    }
    lab.leave(&missions, "stumble").await;
    let plugin = lab.refused("plugin.rolled_back").await;
    for mission in &missions {
        lab.tells(mission, "first").await;
    }

    assert!(plugin["reason"]["message"].as_str().unwrap().contains("4 calls of it broke on trial"), "{plugin}");
    let told = lab.counted(&missions).await;
    assert!(told.iter().all(|lines| tellers(lines) == ["first", "second", "first"]), "{told:?}");
}

#[tokio::test]
async fn what_a_bad_version_saved_in_a_way_of_its_own_is_made_out_again_by_the_one_before() {
    let lab = Lab::start().await;
    let missions = lab.counting(5).await;
    lab.replace(&version("name=second state=new over=stumble"));
    for mission in &missions {
        lab.tells(mission, "second").await;
    }
    lab.leave(&missions, "stumble").await;
    lab.refused("plugin.rolled_back").await;
    for mission in &missions {
        lab.tells(mission, "first").await;
    }

    assert!(lab.counted(&missions).await.iter().all(|lines| tellers(lines) == ["first", "second", "first"]));
}

#[tokio::test]
async fn a_few_traps_are_allowed_and_take_only_their_own_turns_back() {
    let lab = Lab::start().await;
    let missions = lab.counting(1).await;
    lab.replace(&version("name=second over=stumble"));
    lab.tells(&missions[0], "second").await;
    lab.leave(&missions, "stumble").await;
    let plugin = lab.until("the trap", |plugin| plugin["trial"]["traps"] == 1).await;
    lab.tells(&missions[0], "first").await;

    assert_eq!(plugin["reason"], Value::Null);
    assert!(!lab.plugin().await["trial"].is_null());
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second", "first"]);
}

#[tokio::test]
async fn a_version_that_was_rolled_back_is_not_tried_again_before_its_file_changes() {
    let lab = Lab::with(&[("traps = 3", "traps = 0")]).await;
    let missions = lab.counting(1).await;

    lab.replace(&version("name=second open=trap"));
    let reason = lab.refused("plugin.rolled_back").await["reason"].clone();
    let reloads = lab.plugin().await["counters"]["reloads"].clone();
    // The same again, and after it what is waited for.
    lab.replace(&version("name=second open=trap"));
    std::fs::write(lab.folder.path().join("other.wasm"), "").unwrap();
    lab.tells(&missions[0], "first").await;
    let plugin = lab.plugin().await;
    assert_eq!((&plugin["reason"], &plugin["counters"]["reloads"]), (&reason, &reloads));

    lab.replace(&version("name=third"));
    lab.tells(&missions[0], "third").await;
    assert_eq!(lab.plugin().await["reason"], Value::Null);
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "third"]);
}

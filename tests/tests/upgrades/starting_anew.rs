//! A server that is killed in the middle of a trial knows of it when it is started again.

use serde_json::Value;

use super::{Lab, tellers, version};

#[tokio::test]
async fn a_trial_goes_on_after_a_crash_with_the_traps_that_it_had() {
    let mut lab = Lab::start().await;
    let missions = lab.counting(3).await;
    lab.replace(&version("name=second over=stumble"));
    for mission in &missions {
        lab.tells(mission, "second").await;
    }
    lab.leave(&missions, "stumble").await;
    lab.until("the traps", |plugin| plugin["trial"]["traps"] == 3).await;
    let before = lab.plugin().await;

    lab.server.crash();
    lab.server.restart().await;
    let plugin = lab.refused("plugin.rolled_back").await;

    // All turns are opened anew by the version on trial, of which one trap more is too much.
    assert_eq!(plugin["digest"], before["before"]["digest"]);
    for mission in &missions {
        lab.tells(mission, "first").await;
    }
    assert!(lab.counted(&missions).await.iter().all(|lines| tellers(lines) == ["first", "second", "first"]));
}

#[tokio::test]
async fn a_trial_that_nothing_happened_in_has_the_same_end_after_a_crash() {
    let mut lab = Lab::start().await;
    let missions = lab.counting(1).await;
    lab.replace(&version("name=second"));
    lab.tells(&missions[0], "second").await;
    let before = lab.plugin().await;

    lab.server.crash();
    lab.server.restart().await;
    lab.tells(&missions[0], "second").await;

    let plugin = lab.plugin().await;
    assert_eq!((&plugin["trial"], &plugin["before"]), (&before["trial"], &before["before"]));
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second"]);
}

#[tokio::test]
async fn a_version_that_was_rolled_back_stays_so_after_a_crash_though_its_file_is_still_there() {
    let mut lab = Lab::with(&[("traps = 3", "traps = 0")]).await;
    let missions = lab.counting(1).await;
    let first = lab.plugin().await["digest"].clone();
    lab.replace(&version("name=second open=trap"));
    let reason = lab.refused("plugin.rolled_back").await["reason"].clone();

    lab.server.crash();
    lab.server.restart().await;
    lab.tells(&missions[0], "first").await;

    let plugin = lab.plugin().await;
    assert_eq!((&plugin["digest"], &plugin["reason"]), (&first, &reason));
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first"]);
}

#[tokio::test]
async fn a_file_that_was_replaced_while_no_server_ran_is_on_trial_from_the_start() {
    let mut lab = Lab::start().await;
    let missions = lab.counting(1).await;
    let first = lab.plugin().await["digest"].clone();

    lab.server.crash();
    lab.replace(&version("name=second"));
    lab.server.restart().await;
    lab.tells(&missions[0], "second").await;

    let plugin = lab.on_trial().await;
    assert_eq!(plugin["before"]["digest"], first);
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second"]);
}

#[tokio::test]
async fn a_server_whose_plugin_file_is_broken_or_gone_starts_with_the_version_that_it_kept() {
    let mut lab = Lab::start().await;
    let missions = lab.counting(1).await;

    for (broken, code) in [(Some(b"no component"), "plugin.not_wasm"), (None, "plugin.missing_file")] {
        lab.server.crash();
        match broken {
            Some(bytes) => lab.replace(bytes),
            None => std::fs::remove_file(lab.folder.path().join("plugin.wasm")).unwrap(),
        }
        lab.server.restart().await;
        lab.tells(&missions[0], "first").await;
        let plugin = lab.plugin().await;
        assert_eq!((&plugin["health"], &plugin["reason"]["code"]), (&Value::from("degraded"), &Value::from(code)));
    }
    lab.counted(&missions).await;
}

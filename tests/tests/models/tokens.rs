//! The token of a mission opens the gateway for that mission, during its turns, and nothing else.

use sandboxed_tests::until;
use serde_json::json;

use super::{ANSWER, Lab, ask};

#[tokio::test]
async fn a_token_ends_with_its_turn_and_is_no_other_missions() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    // The tree is the workspace's: one mission leaves its token there for the next.
    lab.mission(&workspace, "printf %s \"$ANTHROPIC_API_KEY\" > token; cp token first-token").await;

    let stolen = format!("ANTHROPIC_API_KEY=$(cat first-token)\n{}", ask("large", "hello"));
    let mission = lab.mission(&workspace, &stolen).await;
    let printed = lab.printed(&mission).await;
    assert!(printed.ends_with("401\n") && printed.contains("no turn of the token's mission is under way"), "{printed}");

    // Also while the other mission is at work.
    let holder = lab
        .begin(
            &workspace,
            "printf %s \"$ANTHROPIC_API_KEY\" > busy-token; touch ready; while [ ! -e done ]; do sleep 0.05; done",
        )
        .await;
    until("the other mission to be at work", async || {
        (lab.server.cli(&["exec", &workspace, "--", "test", "-e", "ready"]).code == 0).then_some(())
    })
    .await;
    let stolen = format!("ANTHROPIC_API_KEY=$(cat busy-token)\n{}touch done\n", ask("large", "hello"));
    let mission = lab.mission(&workspace, &stolen).await;
    let printed = lab.printed(&mission).await;
    assert!(printed.ends_with("401\n") && printed.contains("used outside of its mission"), "{printed}");
    lab.server.api.reaches(&holder, &["awaiting_user"]).await;
    assert!(lab.models.ledger().is_empty());
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;

    for token in ["", "sk-ant-whatever", "sbxm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let mission = lab.mission(&workspace, &format!("ANTHROPIC_API_KEY={token}\n{}", ask("large", "hello"))).await;

        assert!(lab.printed(&mission).await.ends_with("401\n"), "{token:?}");
    }
    assert!(lab.models.ledger().is_empty());
}

#[tokio::test]
async fn people_in_a_workspace_have_no_token_and_without_an_account_missions_have_none() {
    let lab = Lab::without_account(ANSWER, sandboxed_tests::config::of_tests()).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let tell = "echo \"${ANTHROPIC_API_KEY-none} ${SANDBOXED_SH_MODELS_URL-none}\"";

    let mission = lab.mission(&workspace, tell).await;
    assert_eq!(lab.printed(&mission).await, "none none\n");

    lab.add_account("first", super::KEY).await;
    let shown = lab.server.cli(&["exec", &workspace, "--", "bash", "-c", tell]).success();
    assert_eq!(shown.stdout, "none none\n");
}

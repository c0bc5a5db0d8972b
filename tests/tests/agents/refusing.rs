//! An account that is used up. What else providers refuse is a matter of the tests `agent_faults`.

use serde_json::json;

use super::{AGENTS, Lab};

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_account_parks_the_mission_of_any_agent() {
    for agent in AGENTS {
        let lab = Lab::start(&[agent], "[[reply]]\nerror = { status = 429, resets_in_s = 3600 }\n").await;
        let workspace = lab.workspace("bubblewrap").await;
        let mission = lab.begin(&workspace, agent, "Say something.").await;
        let mission = lab.settled(&mission).await;

        assert_eq!(
            (&mission["state"], &mission["parked"]["reason"]),
            (&json!("parked"), &json!("usage_limit")),
            "{agent}: {mission}"
        );
    }
}

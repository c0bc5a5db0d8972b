//! `replay`

use sandboxed_model::{
    MissionId,
    replay::{Difference, Replay, ReplayResult, ReplayedTurn},
};

use super::with_client;
use crate::{
    arguments::{Listing, Place},
    failed::{Failed, Result, Status},
    output,
};

/// Shows what a mission's harness would tell otherwise today. Ends with status 1 where it would.
pub(crate) async fn replay(place: &Place, mission: MissionId, listing: Listing) -> Result<()> {
    with_client(place, async |client| {
        let replay = client.replay_mission(mission).await?;
        match listing.json {
            true => output::print_json(&replay)?,
            false => output::print(&output::safe(&told(&replay)))?,
        }
        let same = replay.turns.iter().all(|turn| turn.result == ReplayResult::Same);
        if same { Ok(()) } else { Err(Failed::Silent(Status::Failed)) }
    })
    .await
}

fn told(replay: &Replay) -> String {
    if replay.turns.is_empty() {
        return "no turn of the mission has ended".to_owned();
    }
    replay.turns.iter().map(turn).collect::<Vec<_>>().join("\n")
}

fn turn(turn: &ReplayedTurn) -> String {
    let result = match turn.result {
        ReplayResult::Same => "says the same",
        ReplayResult::Different => "says something else",
        ReplayResult::NotKept => "cannot be read again",
        ReplayResult::Failed => "could not be read: the harness failed",
    };
    let mut text = format!("turn {}: {result}", turn.turn);
    if let Some(problem) = &turn.problem {
        text.push_str(&format!("\n  {}", problem.message));
    }
    for Difference { what, recorded, derived } in &turn.differences {
        text.push_str(&format!("\n  {what}"));
        for (sign, said) in [('-', recorded), ('+', derived)] {
            for line in said.iter().flat_map(|said| said.lines()) {
                text.push_str(&format!("\n    {sign} {line}"));
            }
        }
    }
    text
}

//! The states of a mission and the one table of legal transitions.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a mission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissionState {
    /// It has a message to work on and waits for admission.
    Queued,
    /// A turn is under way.
    Running,
    /// The turn ended and the next message is the person's.
    AwaitingUser,
    /// The agent asked for a permission and waits for the answer.
    AwaitingApproval,
    /// It waits for something that time or a person mends: a usage limit, a budget.
    Parked,
    /// The run was lost in mid-turn and can be resumed.
    Interrupted,
    /// A one-shot mission whose turn succeeded, or a mission that a person closed.
    Done,
    /// A one-shot mission whose turn failed, or a mission that could not go on.
    Failed,
    /// A person ended it.
    Cancelled,
}

impl MissionState {
    /// All states, in the order of the enum.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::AwaitingUser,
        Self::AwaitingApproval,
        Self::Parked,
        Self::Interrupted,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The states that may follow this one.
    pub const fn successors(self) -> &'static [Self] {
        use MissionState::*;
        match self {
            Queued => &[Running, AwaitingUser, Parked, Failed, Cancelled],
            Running => &[AwaitingUser, AwaitingApproval, Parked, Interrupted, Done, Failed, Cancelled],
            AwaitingApproval => &[Running, Parked, Interrupted, Failed, Cancelled],
            AwaitingUser => &[Queued, Done, Cancelled],
            Parked => &[Queued, Failed, Cancelled],
            Interrupted => &[Queued, Done, Failed, Cancelled],
            // A further message takes an ended mission up again.
            Done | Failed | Cancelled => &[Queued],
        }
    }

    /// Whether a mission in this state may go to `next`.
    pub fn may_become(self, next: Self) -> bool {
        self.successors().contains(&next)
    }

    /// Whether nothing happens any more unless a person sends a further message.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// Whether a turn is under way, so that a process may be running.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::AwaitingApproval)
    }

    /// The name in JSON and SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::AwaitingUser => "awaiting_user",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Parked => "parked",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for MissionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MissionState::*;

    #[test]
    fn every_pair_of_states_is_decided_as_the_design_says() {
        let legal = [
            (Queued, Running),
            (Queued, AwaitingUser),
            (Queued, Parked),
            (Queued, Failed),
            (Queued, Cancelled),
            (Running, AwaitingUser),
            (Running, AwaitingApproval),
            (Running, Parked),
            (Running, Interrupted),
            (Running, Done),
            (Running, Failed),
            (Running, Cancelled),
            (AwaitingApproval, Running),
            (AwaitingApproval, Parked),
            (AwaitingApproval, Interrupted),
            (AwaitingApproval, Failed),
            (AwaitingApproval, Cancelled),
            (AwaitingUser, Queued),
            (AwaitingUser, Done),
            (AwaitingUser, Cancelled),
            (Parked, Queued),
            (Parked, Failed),
            (Parked, Cancelled),
            (Interrupted, Queued),
            (Interrupted, Done),
            (Interrupted, Failed),
            (Interrupted, Cancelled),
            (Done, Queued),
            (Failed, Queued),
            (Cancelled, Queued),
        ];
        for from in MissionState::ALL {
            for to in MissionState::ALL {
                assert_eq!(from.may_become(to), legal.contains(&(from, to)), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn every_state_can_be_left_and_reached_again() {
        for state in MissionState::ALL {
            assert!(!state.successors().is_empty(), "{state} is a dead end");
            assert!(MissionState::ALL.into_iter().any(|from| from.may_become(state)), "{state} cannot be reached");
        }
    }

    #[test]
    fn names_are_the_same_in_json_and_sql() {
        for state in MissionState::ALL {
            let json = serde_json::to_value(state).expect("serialises");
            assert_eq!(json, state.as_str());
            assert_eq!(MissionState::parse(state.as_str()), Some(state));
        }
    }
}

//! `missions approve`, `deny`, `answer` and what goes with them.

use clap::{Args, Subcommand, ValueEnum};
use sandboxed_model::{
    AskId, MissionId, RuleId,
    ask::{ApprovalMode, DecisionScope, WorkMode},
    config::Span,
};

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Asks {
    /// List what agents wait for: approvals and questions.
    #[command(name = "asks")]
    List {
        /// Only of this mission.
        mission: Option<MissionId>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Let an agent do what it asks for.
    Approve(Decide),
    /// Do not let an agent do what it asks for.
    Deny(Decide),
    /// Answer what an agent wants to know.
    Answer {
        /// The mission.
        mission: MissionId,
        /// An answer to each of the questions, in their order; several choices are separated by ";".
        #[arg(required_unless_present = "none")]
        answers: Vec<String>,
        /// Which question, where there are several.
        #[arg(long, value_name = "ID")]
        ask: Option<AskId>,
        /// There is no answer: the agent decides.
        #[arg(long, conflicts_with = "answers")]
        none: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// List the rules that decide in a mission.
    Rules {
        /// The mission.
        mission: MissionId,
        #[command(flatten)]
        listing: Listing,
    },
    /// Remove a rule: what it decided is asked again.
    RemoveRule {
        /// The rule.
        rule: RuleId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The mission.
    pub(crate) mission: MissionId,
    /// What is asked, where there is more than one thing.
    pub(crate) ask: Option<AskId>,
    /// How long this holds: once, or for the like of it in the mission or in its workspace.
    #[arg(long, value_enum, default_value_t = Scope::Once)]
    pub(crate) scope: Scope,
    /// What else is the like of it: "*" stands for any text, in a command for none that could hold another command.
    #[arg(long)]
    pub(crate) pattern: Option<String>,
    /// For how long it holds, where it holds for more than once.
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) time: Option<Span>,
    /// Why, for the agent.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// For this one thing.
    Once,
    /// In the mission.
    Mission,
    /// In all missions of the workspace.
    Workspace,
}

impl From<Scope> for DecisionScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Once => Self::Once,
            Scope::Mission => Self::Mission,
            Scope::Workspace => Self::Workspace,
        }
    }
}

/// How an agent works.
#[derive(Debug, Args)]
pub(crate) struct Ways {
    /// How hard the model is to think, as the harness names it.
    #[arg(long)]
    pub(crate) effort: Option<String>,
    /// Whether the agent asks before it does what may do harm.
    #[arg(long, value_enum)]
    pub(crate) approvals: Option<Approvals>,
    /// Whether the agent does what it is asked, or says how it would and changes nothing.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Approvals {
    /// It asks for nothing.
    Bypass,
    /// It asks.
    Ask,
}

impl From<Approvals> for ApprovalMode {
    fn from(approvals: Approvals) -> Self {
        match approvals {
            Approvals::Bypass => Self::Bypass,
            Approvals::Ask => Self::Ask,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// It does it.
    Act,
    /// It plans.
    Plan,
}

impl From<Mode> for WorkMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Act => Self::Act,
            Mode::Plan => Self::Plan,
        }
    }
}

//! What people decide of what agents ask, and the rules that decide in their place.

use std::time::Duration;

use sandboxed_model::{
    AskId, MissionId, RuleId, Seq, Timestamp, WorkspaceId,
    access::Principal,
    ask::{
        ApprovalRule, Ask, AskStatus, ConfigRule, Decider, Decision, DecisionScope, Question, RuleScope, Verdict,
        matches,
    },
    event::{Event, EventBody, ToolKind},
    mission::Mission,
};
use sandboxed_store::{AskChange, MissionChange};

use crate::{Error, Orchestrator, Result, runner::told};

/// Open asks that one call returns at most.
const MAX_LISTED: u32 = 500;
/// The longest pattern, reason and answer, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// What the rules say, and whose: none where somebody has to be asked. What denies goes before what allows. A rule that was
/// made of what a person was told holds for that: `told` is the subject without the values of secrets.
pub(crate) fn decide(
    config: &[ConfigRule],
    rules: &[ApprovalRule],
    kind: ToolKind,
    subject: &str,
    told: &str,
) -> Option<(bool, Decider)> {
    let means = |pattern: &str| matches(pattern, kind, subject) || pattern == told;
    let configured = config
        .iter()
        .filter(|rule| rule.tool_kind.is_none_or(|of| of == kind) && means(&rule.pattern))
        .map(|rule| (rule.verdict, Decider::Config));
    let made = rules
        .iter()
        .filter(|rule| rule.tool_kind == kind && means(&rule.pattern))
        .map(|rule| (rule.verdict, Decider::Rule(rule.id)));
    let found: Vec<(Verdict, Decider)> = configured.chain(made).collect();
    let denied = found.iter().find(|(verdict, _)| *verdict == Verdict::Deny);
    denied.or(found.first()).map(|(verdict, by)| (*verdict == Verdict::Allow, *by))
}

impl Orchestrator {
    /// What agents wait for in all missions, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_asks(&self) -> Result<Vec<(MissionId, Ask)>> {
        Ok(self.services.store.open_asks(MAX_LISTED).await?)
    }

    /// What the agent of a mission waits for, the oldest first.
    ///
    /// # Errors
    /// When there is no such mission.
    pub async fn asks(&self, mission: MissionId) -> Result<Vec<Ask>> {
        let asks = self.services.store.asks(mission).await?;
        Ok(asks.into_iter().map(|live| live.ask).filter(|ask| ask.status() == AskStatus::Open).collect())
    }

    /// Decides whether an agent may do what it asked.
    ///
    /// # Errors
    /// When it is decided already, is a question, or the decision is not one.
    pub async fn decide(&self, by: &Principal, mission: MissionId, ask: AskId, decision: Decision) -> Result<Ask> {
        let (mission, found) = self.open_ask(mission, ask).await?;
        let Ask::Approval(mut approval) = found else {
            return Err(invalid("ask.not_an_approval", "it is a question: answer it"));
        };
        check(decision.reason.as_deref().into_iter().chain(decision.pattern.as_deref()))?;
        let rule = self.rule(by, &mission, &decision, approval.tool_kind, &approval.subject)?;
        approval.status = if decision.approved { AskStatus::Approved } else { AskStatus::Denied };
        approval.by = Some(Decider::User(by.user));
        approval.answer = decision.reason;
        self.settle_ask(mission.id, Ask::Approval(approval), rule).await
    }

    /// Answers what an agent wants to know; absent answers tell it that there is none.
    ///
    /// # Errors
    /// When it is answered already, is no question, or the answers do not fit what was asked.
    pub async fn answer(
        &self,
        by: &Principal,
        mission: MissionId,
        ask: AskId,
        answers: Option<Vec<Vec<String>>>,
    ) -> Result<Ask> {
        let (mission, found) = self.open_ask(mission, ask).await?;
        let Ask::Question(mut question) = found else {
            return Err(invalid("ask.not_a_question", "the agent asks for a permission: approve or deny it"));
        };
        if let Some(answers) = &answers {
            check_answers(&question, answers)?;
        }
        question.status = AskStatus::Answered;
        question.by = Some(Decider::User(by.user));
        question.answers = answers;
        self.settle_ask(mission.id, Ask::Question(question), None).await
    }

    /// The rules that hold in a mission.
    ///
    /// # Errors
    /// When there is no such mission.
    pub async fn mission_rules(&self, mission: MissionId) -> Result<Vec<ApprovalRule>> {
        let mission = self.mission(mission).await?;
        self.rules_of(Some(mission.id), mission.workspace).await
    }

    /// The rules that hold in all missions of a workspace.
    ///
    /// # Errors
    /// When there is no such workspace.
    pub async fn workspace_rules(&self, workspace: WorkspaceId) -> Result<Vec<ApprovalRule>> {
        let workspace = self.services.workspace(workspace).await?;
        self.rules_of(None, workspace.id).await
    }

    /// Removes a rule: what it decided is decided by people again.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn remove_rule(&self, rule: RuleId) -> Result<()> {
        Ok(self.services.store.remove_approval_rule(rule).await?)
    }

    async fn rules_of(&self, mission: Option<MissionId>, workspace: WorkspaceId) -> Result<Vec<ApprovalRule>> {
        Ok(self.services.store.approval_rules(mission, workspace, Timestamp::now()).await?)
    }

    async fn open_ask(&self, mission: MissionId, ask: AskId) -> Result<(Mission, Ask)> {
        let mission = self.mission(mission).await?;
        let asks = self.services.store.asks(mission.id).await?;
        let found = asks.into_iter().map(|live| live.ask).find(|found| found.id() == ask);
        match found {
            Some(found) if found.status() == AskStatus::Open => Ok((mission, found)),
            Some(_) => Err(Error::Conflict { code: "ask.settled", message: "it is answered already".to_owned() }),
            None if self.was_asked(mission.id, ask).await? => {
                Err(Error::Conflict { code: "ask.settled", message: "the agent waits for it no longer".to_owned() })
            }
            None => Err(Error::NotFound { what: "ask", id: ask.to_string() }),
        }
    }

    /// Whether the log of the mission tells of it: what is settled is only there.
    async fn was_asked(&self, mission: MissionId, ask: AskId) -> Result<bool> {
        let kinds = ["approval", "question"].map(str::to_owned);
        let mut after = Seq::ZERO;
        loop {
            let events = self.services.store.events(mission, after, MAX_LISTED, &kinds).await?;
            let Some(last) = events.last() else { return Ok(false) };
            after = last.seq;
            let is_it = |event: &Event| match &event.body {
                EventBody::Approval(approval) => approval.id == ask,
                EventBody::Question(question) => question.id == ask,
                _ => false,
            };
            if events.iter().any(is_it) {
                return Ok(true);
            }
        }
    }

    async fn settle_ask(&self, mission: MissionId, ask: Ask, rule: Option<ApprovalRule>) -> Result<Ask> {
        let mut asks = vec![AskChange::Decide(ask.clone())];
        asks.extend(rule.map(AskChange::Rule));
        let change = MissionChange { asks, events: vec![told(ask.clone())], ..MissionChange::default() };
        self.services.append(mission, change).await?;
        self.services.wake(mission);
        Ok(ask)
    }

    fn rule(
        &self,
        by: &Principal,
        mission: &Mission,
        decision: &Decision,
        kind: ToolKind,
        subject: &str,
    ) -> Result<Option<ApprovalRule>> {
        let scope = match decision.scope {
            DecisionScope::Once if decision.pattern.is_some() || decision.seconds.is_some() => {
                let message = "a decision for this one thing has no pattern and no time: name a scope";
                return Err(invalid("decision.scope", message));
            }
            DecisionScope::Once => return Ok(None),
            DecisionScope::Mission => RuleScope::Mission(mission.id),
            DecisionScope::Workspace => RuleScope::Workspace(mission.workspace),
        };
        let pattern = match &decision.pattern {
            Some(pattern) => pattern.clone(),
            // In a rule it would stand for more than what was asked.
            None if subject.contains('*') => {
                let message = "what the agent asks for holds a *: say by a pattern what else is to be the like of it";
                return Err(invalid("decision.pattern_needed", message));
            }
            None => subject.to_owned(),
        };
        if !matches(&pattern, kind, subject) {
            return Err(invalid("decision.pattern", "the pattern does not mean what the agent asks for"));
        }
        let created_at = Timestamp::now();
        let expires_at = decision.seconds.map(|seconds| created_at.after(Duration::from_secs(seconds.into())));
        Ok(Some(ApprovalRule {
            id: RuleId::new(),
            scope,
            verdict: if decision.approved { Verdict::Allow } else { Verdict::Deny },
            tool_kind: kind,
            pattern,
            made_by: by.user,
            created_at,
            expires_at,
        }))
    }
}

fn check_answers(question: &Question, answers: &[Vec<String>]) -> Result<()> {
    if answers.len() != question.items.len() {
        let message = format!("{} questions were asked and {} answered", question.items.len(), answers.len());
        return Err(invalid("answer.number", message));
    }
    for (item, chosen) in question.items.iter().zip(answers) {
        check(chosen.iter().map(String::as_str))?;
        if chosen.len() > 1 && !item.multiple {
            return Err(invalid("answer.single", format!("one answer is wanted to {:?}", item.text)));
        }
        let listed = |answer: &String| item.choices.iter().any(|choice| choice.label == *answer);
        let free = item.free_text || item.choices.is_empty();
        if let Some(unknown) = chosen.iter().find(|answer| !free && !listed(answer)) {
            return Err(invalid("answer.unknown", format!("{unknown:?} is none of the choices of {:?}", item.text)));
        }
    }
    Ok(())
}

fn check<'a>(texts: impl Iterator<Item = &'a str>) -> Result<()> {
    for text in texts {
        if text.len() > MAX_TEXT || text.contains('\0') {
            let message = format!("a text here has at most {MAX_TEXT} bytes and no NUL character");
            return Err(invalid("decision.text", message));
        }
    }
    Ok(())
}

fn invalid(code: &'static str, message: impl Into<String>) -> Error {
    Error::Invalid { code, message: message.into() }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::UserId;

    use super::*;

    fn made(verdict: Verdict, pattern: &str) -> ApprovalRule {
        ApprovalRule {
            id: RuleId::new(),
            scope: RuleScope::Mission(MissionId::new()),
            verdict,
            tool_kind: ToolKind::Execute,
            pattern: pattern.to_owned(),
            made_by: UserId::new(),
            created_at: Timestamp::now(),
            expires_at: None,
        }
    }

    #[test]
    fn what_denies_goes_before_what_allows_and_nothing_is_decided_without_a_rule() {
        let rules = [made(Verdict::Allow, "git *"), made(Verdict::Deny, "git push*")];
        let decided = |subject| decide(&[], &rules, ToolKind::Execute, subject, subject).map(|(allowed, _)| allowed);

        assert_eq!(decided("git status"), Some(true));
        assert_eq!(decided("git push"), Some(false));
        assert_eq!(decided("rm x"), None);
        assert_eq!(decide(&[], &rules, ToolKind::Edit, "git status", "git status"), None);
    }

    #[test]
    fn a_rule_of_the_configuration_says_that_it_was_one() {
        let config = [ConfigRule { verdict: Verdict::Deny, tool_kind: None, pattern: "*/.git/config".to_owned() }];

        let path = "/w/.git/config";
        assert_eq!(decide(&config, &[], ToolKind::Edit, path, path), Some((false, Decider::Config)));
    }

    #[test]
    fn a_rule_of_a_command_with_a_secret_holds_for_it_and_for_nothing_that_is_written_behind_it() {
        let rules = [made(Verdict::Allow, "login [secret key]"), made(Verdict::Allow, "send *")];
        let decided = |subject, told| decide(&[], &rules, ToolKind::Execute, subject, told).map(|(allowed, _)| allowed);

        assert_eq!(decided("login hunter2", "login [secret key]"), Some(true));
        assert_eq!(decided("login hunter2; rm x", "login [secret key]; rm x"), None);
        assert_eq!(decided("send a;b", "send [secret key]"), None);
    }
}

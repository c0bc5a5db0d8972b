use sandboxed_model::{
    AskId, RuleId,
    ask::{Approval, ApprovalRule, Ask, AskStatus, Decider, RuleScope, Verdict},
    event::{EventBody, ToolKind, TurnStarted},
};

use super::*;
use crate::{AskChange, Error, LiveAsk, MAX_ASKS, MAX_RULES, QueueChange};

fn asked(native: &str) -> LiveAsk {
    let approval = Approval {
        id: AskId::new(),
        status: AskStatus::Open,
        tool_call: None,
        title: native.to_owned(),
        tool_kind: ToolKind::Execute,
        tool: "sh".to_owned(),
        subject: native.to_owned(),
        input: serde_json::json!({ "command": native }),
        reason: None,
        expires_at: None,
        by: None,
        answer: None,
    };
    LiveAsk { native: native.to_owned(), ask: Ask::Approval(approval) }
}

fn decided(live: &LiveAsk) -> Ask {
    let Ask::Approval(mut approval) = live.ask.clone() else { panic!("it is an approval") };
    approval.status = AskStatus::Approved;
    approval.by = Some(Decider::Config);
    Ask::Approval(approval)
}

fn rule(scope: RuleScope, pattern: &str) -> ApprovalRule {
    ApprovalRule {
        id: RuleId::new(),
        scope,
        verdict: Verdict::Allow,
        tool_kind: ToolKind::Execute,
        pattern: pattern.to_owned(),
        made_by: UserId::new(),
        created_at: Timestamp::now(),
        expires_at: None,
    }
}

async fn change(fixture: &Fixture, mission: MissionId, asks: Vec<AskChange>) -> Result<Mission, Error> {
    let change = MissionChange { asks, ..MissionChange::default() };
    fixture.store.commit(mission, change).await.map(|committed| committed.mission)
}

async fn patterns(fixture: &Fixture, mission: Option<MissionId>, now: Timestamp) -> Vec<String> {
    let rules = fixture.store.approval_rules(mission, fixture.workspace, now).await.unwrap();
    rules.into_iter().map(|rule| rule.pattern).collect()
}

#[tokio::test]
async fn what_is_asked_stays_until_the_agent_was_told_and_is_open_until_it_is_decided() {
    let mut fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let (first, second) = (asked("a"), asked("b"));
    let open = [&first, &second].map(|live| AskChange::Open(live.clone())).to_vec();
    assert_eq!(change(&fixture, mission, open).await.unwrap().open_asks, 2);

    let answer = decided(&first);
    assert_eq!(change(&fixture, mission, vec![AskChange::Decide(answer.clone())]).await.unwrap().open_asks, 1);
    fixture.reopen().await;

    let told = LiveAsk { ask: answer, ..first.clone() };
    assert_eq!(fixture.store.asks(mission).await.unwrap(), [told, second.clone()]);
    assert_eq!(fixture.store.open_asks(10).await.unwrap(), [(mission, second.ask.clone())]);
    change(&fixture, mission, vec![AskChange::Close(first.ask.id())]).await.unwrap();
    assert_eq!(fixture.store.asks(mission).await.unwrap(), [second]);
}

#[tokio::test]
async fn the_second_of_two_decisions_is_refused() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let live = asked("a");
    change(&fixture, mission, vec![AskChange::Open(live.clone())]).await.unwrap();
    let decide = || vec![AskChange::Decide(decided(&live))];
    change(&fixture, mission, decide()).await.unwrap();

    for _ in 0..2 {
        let error = change(&fixture, mission, decide()).await.unwrap_err();
        assert_eq!(error.failure().code, "ask.settled");
        change(&fixture, mission, vec![AskChange::Close(live.ask.id())]).await.unwrap();
    }
}

#[tokio::test]
async fn an_ask_belongs_to_its_mission() {
    let fixture = Fixture::new().await;
    let (mission, other) = (fixture.mission("x").await.id, fixture.mission("y").await.id);
    let live = asked("a");
    change(&fixture, mission, vec![AskChange::Open(live.clone())]).await.unwrap();

    let error = change(&fixture, other, vec![AskChange::Decide(decided(&live))]).await.unwrap_err();
    assert_eq!(error.failure().code, "ask.settled");
    change(&fixture, other, vec![AskChange::Close(live.ask.id())]).await.unwrap();
    assert_eq!(fixture.store.asks(mission).await.unwrap(), [live]);
}

#[tokio::test]
async fn an_agent_has_so_many_asks_and_not_one_more() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let open = (0..MAX_ASKS).map(|_| AskChange::Open(asked("a"))).collect();
    change(&fixture, mission, open).await.unwrap();

    let error = change(&fixture, mission, vec![AskChange::Open(asked("a"))]).await.unwrap_err();

    assert_eq!(error.failure().code, "ask.too_many");
}

#[tokio::test]
async fn the_rules_of_a_mission_hold_before_those_of_its_workspace_and_end_with_their_time() {
    let fixture = Fixture::new().await;
    let (mission, other) = (fixture.mission("x").await.id, fixture.mission("y").await.id);
    let now = Timestamp::now();
    let soon = ApprovalRule {
        expires_at: Some(now.after(Duration::from_secs(60))),
        ..rule(RuleScope::Mission(mission), "soon over")
    };
    let made = [
        rule(RuleScope::Workspace(fixture.workspace), "everywhere"),
        rule(RuleScope::Mission(mission), "here"),
        soon.clone(),
    ];
    change(&fixture, mission, made.map(AskChange::Rule).to_vec()).await.unwrap();

    assert_eq!(patterns(&fixture, Some(mission), now).await, ["here", "soon over", "everywhere"]);
    assert_eq!(patterns(&fixture, Some(mission), soon.expires_at.unwrap()).await, ["here", "everywhere"]);
    assert_eq!(patterns(&fixture, Some(other), now).await, ["everywhere"]);
    assert_eq!(patterns(&fixture, None, now).await, ["everywhere"]);
}

#[tokio::test]
async fn a_rule_is_kept_as_it_was_made_and_can_be_removed_once() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let made = rule(RuleScope::Mission(mission), "npm *");
    change(&fixture, mission, vec![AskChange::Rule(made.clone())]).await.unwrap();
    let kept = fixture.store.approval_rules(Some(mission), fixture.workspace, Timestamp::now()).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(&made));

    fixture.store.remove_approval_rule(made.id).await.unwrap();

    let error = fixture.store.remove_approval_rule(made.id).await.unwrap_err();
    assert_eq!(error.failure().code, "rule.not_found");
}

#[tokio::test]
async fn a_mission_has_so_many_rules_and_not_one_more() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let of = |number| (0..number).map(|_| AskChange::Rule(rule(RuleScope::Mission(mission), "x"))).collect();
    change(&fixture, mission, of(MAX_RULES)).await.unwrap();

    assert_eq!(change(&fixture, mission, of(1)).await.unwrap_err().failure().code, "rule.too_many");
    change(&fixture, mission, vec![AskChange::Rule(rule(RuleScope::Workspace(fixture.workspace), "x"))]).await.unwrap();
}

#[tokio::test]
async fn a_mission_takes_its_asks_and_rules_with_it_and_leaves_those_of_the_workspace() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission_in("x", &[MissionState::Running, MissionState::Done]).await.id;
    let changes = vec![
        AskChange::Open(asked("a")),
        AskChange::Rule(rule(RuleScope::Mission(mission), "here")),
        AskChange::Rule(rule(RuleScope::Workspace(fixture.workspace), "everywhere")),
    ];
    change(&fixture, mission, changes).await.unwrap();

    fixture.store.delete_mission(mission).await.unwrap();

    assert_eq!(fixture.store.open_asks(10).await.unwrap(), []);
    assert_eq!(patterns(&fixture, Some(mission), Timestamp::now()).await, ["everywhere"]);
}

#[tokio::test]
async fn what_is_said_in_the_middle_of_a_turn_is_not_the_message_that_it_began_with() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    let person = |text: &str| {
        EventBody::Message(Message {
            id: text.to_owned(),
            role: MessageRole::User,
            parent: None,
            text: text.to_owned(),
            attachments: Vec::new(),
        })
    };
    let prompt = async || fixture.store.live_state(mission.id).await.unwrap().last_prompt.unwrap().text;
    let tell = async |events: Vec<EventBody>| {
        let change = MissionChange { events, ..MissionChange::default() };
        fixture.store.commit(mission.id, change).await.unwrap();
    };
    let began = || EventBody::TurnStarted(TurnStarted { message: MessageId::new() });

    tell(vec![began(), person("build it")]).await;
    tell(vec![person("faster")]).await;
    assert_eq!(prompt().await, "build it");
    tell(vec![began(), person("test it")]).await;
    assert_eq!(prompt().await, "test it");
}

#[tokio::test]
async fn a_message_that_the_agent_took_may_be_gone_from_the_queue() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await.id;
    let first = fixture.store.queue(mission).await.unwrap()[0].id;
    let steering = QueuedMessage { steer: true, ..message("faster") };
    let add = MissionChange { queue: vec![QueueChange::Add(steering.clone())], ..MissionChange::default() };
    fixture.store.commit(mission, add).await.unwrap();
    assert!(fixture.store.queue(mission).await.unwrap()[1].steer);

    let taken = vec![QueueChange::Taken(steering.id), QueueChange::Taken(steering.id)];
    let taken = MissionChange { queue: taken, ..MissionChange::default() };
    let after = fixture.store.commit(mission, taken).await.unwrap().mission;

    assert_eq!((after.queued_messages, fixture.store.queue(mission).await.unwrap()[0].id), (1, first));
}

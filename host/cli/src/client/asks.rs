//! What agents ask, and the rules that answer.

use reqwest::Method;
use sandboxed_model::{
    AskId, MissionId, RuleId,
    ask::{ApprovalRule, Ask, Decision},
    mission::{Mission, MissionEdit},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, Embedded, Http};
use crate::failed::Result;

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct OpenAsk {
    mission: MissionId,
    ask: Ask,
}

impl Client {
    /// Changes a mission.
    pub(crate) async fn edit_mission(&self, id: MissionId, edit: MissionEdit) -> Result<Mission> {
        either!(self.edit_mission(id, edit))
    }

    /// What agents wait for: in one mission, or in all.
    pub(crate) async fn asks(&self, mission: Option<MissionId>) -> Result<Vec<(MissionId, Ask)>> {
        either!(self.asks(mission))
    }

    pub(crate) async fn decide(&self, mission: MissionId, ask: AskId, decision: Decision) -> Result<Ask> {
        either!(self.decide(mission, ask, decision))
    }

    pub(crate) async fn answer(
        &self,
        mission: MissionId,
        ask: AskId,
        answers: Option<Vec<Vec<String>>>,
    ) -> Result<Ask> {
        either!(self.answer(mission, ask, answers))
    }

    pub(crate) async fn rules(&self, mission: MissionId) -> Result<Vec<ApprovalRule>> {
        either!(self.rules(mission))
    }

    pub(crate) async fn remove_rule(&self, rule: RuleId) -> Result<()> {
        either!(self.remove_rule(rule))
    }
}

impl Http {
    async fn edit_mission(&self, id: MissionId, edit: MissionEdit) -> Result<Mission> {
        let MissionEdit { title, model, effort, approvals, mode } = edit;
        let mut body = json!({});
        let given = [
            ("title", title.map(Value::from)),
            ("model", model.map(Value::from)),
            ("effort", effort.map(Value::from)),
            ("approvals", approvals.map(|approvals| json!(approvals))),
            ("mode", mode.map(|mode| json!(mode))),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                body[key] = value;
            }
        }
        self.send(Method::PATCH, &format!("/missions/{id}"), body).await
    }

    async fn asks(&self, mission: Option<MissionId>) -> Result<Vec<(MissionId, Ask)>> {
        match mission {
            Some(id) => {
                let asks = self.get::<List<Ask>>(&format!("/missions/{id}/asks")).await?;
                Ok(asks.items.into_iter().map(|ask| (id, ask)).collect())
            }
            None => {
                let asks = self.get::<List<OpenAsk>>("/asks").await?;
                Ok(asks.items.into_iter().map(|open| (open.mission, open.ask)).collect())
            }
        }
    }

    async fn decide(&self, mission: MissionId, ask: AskId, decision: Decision) -> Result<Ask> {
        let Decision { approved, reason, scope, pattern, seconds } = decision;
        let body = json!({
            "approved": approved, "reason": reason, "scope": scope, "pattern": pattern, "seconds": seconds,
        });
        self.send(Method::POST, &format!("/missions/{mission}/asks/{ask}/decision"), body).await
    }

    async fn answer(&self, mission: MissionId, ask: AskId, answers: Option<Vec<Vec<String>>>) -> Result<Ask> {
        let body = json!({ "answers": answers });
        self.send(Method::POST, &format!("/missions/{mission}/asks/{ask}/answer"), body).await
    }

    async fn rules(&self, mission: MissionId) -> Result<Vec<ApprovalRule>> {
        Ok(self.get::<List<_>>(&format!("/missions/{mission}/rules")).await?.items)
    }

    async fn remove_rule(&self, rule: RuleId) -> Result<()> {
        self.delete(&format!("/rules/{rule}")).await
    }
}

impl Embedded {
    async fn edit_mission(&self, id: MissionId, edit: MissionEdit) -> Result<Mission> {
        Ok(self.orchestrator.edit_mission(id, edit).await?)
    }

    async fn asks(&self, mission: Option<MissionId>) -> Result<Vec<(MissionId, Ask)>> {
        match mission {
            Some(id) => Ok(self.orchestrator.asks(id).await?.into_iter().map(|ask| (id, ask)).collect()),
            None => Ok(self.orchestrator.open_asks().await?),
        }
    }

    async fn decide(&self, mission: MissionId, ask: AskId, decision: Decision) -> Result<Ask> {
        Ok(self.orchestrator.decide(&self.by, mission, ask, decision).await?)
    }

    async fn answer(&self, mission: MissionId, ask: AskId, answers: Option<Vec<Vec<String>>>) -> Result<Ask> {
        Ok(self.orchestrator.answer(&self.by, mission, ask, answers).await?)
    }

    async fn rules(&self, mission: MissionId) -> Result<Vec<ApprovalRule>> {
        Ok(self.orchestrator.mission_rules(mission).await?)
    }

    async fn remove_rule(&self, rule: RuleId) -> Result<()> {
        Ok(self.orchestrator.remove_rule(rule).await?)
    }
}

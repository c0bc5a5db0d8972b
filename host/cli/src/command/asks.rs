//! `missions approve` and its like: what agents wait for.

use sandboxed_model::{
    AskId, MissionId,
    ask::{Ask, Decision, Question, RuleScope, Verdict},
};

use crate::{
    arguments::asks::{Asks, Decide},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

pub(crate) async fn asks(client: &Client, command: Asks) -> Result<()> {
    match command {
        Asks::List { mission, listing } => {
            let asks = client.asks(mission).await?;
            if listing.json {
                let rows: Vec<_> =
                    asks.iter().map(|(mission, ask)| serde_json::json!({ "mission": mission, "ask": ask })).collect();
                return output::print_json(&rows);
            }
            let mut table = Table::new(&["MISSION", "ID", "WHAT", "UNTIL"]);
            for (mission, ask) in &asks {
                let until = ask.expires_at().map(|at| at.to_string()).unwrap_or_default();
                table.row([mission.to_string(), ask.id().to_string(), what(ask), until]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no agent waits for anything"))
        }
        Asks::Approve(decided) => decide(client, decided, true).await,
        Asks::Deny(decided) => decide(client, decided, false).await,
        Asks::Answer { mission, answers, ask, none, listing } => {
            let found = find(client, mission, ask, |ask| matches!(ask, Ask::Question(_))).await?;
            let Ask::Question(question) = &found else {
                return Err(Failed::usage("the agent asks for a permission: `sandboxed-sh missions approve` or deny"));
            };
            let answers = (!none).then(|| split(question, &answers));
            let answered = client.answer(mission, question.id, answers).await?;
            match listing.json {
                true => output::print_json(&answered),
                false => output::print("the agent is told"),
            }
        }
        Asks::Rules { mission, listing } => {
            let rules = client.rules(mission).await?;
            if listing.json {
                return output::print_json(&rules);
            }
            let mut table = Table::new(&["ID", "SCOPE", "VERDICT", "TOOL", "PATTERN", "UNTIL"]);
            for rule in &rules {
                let scope = match rule.scope {
                    RuleScope::Mission(_) => "mission",
                    RuleScope::Workspace(_) => "workspace",
                };
                let verdict = match rule.verdict {
                    Verdict::Allow => "allow",
                    Verdict::Deny => "deny",
                };
                let kind = serde_json::to_value(rule.tool_kind).ok();
                table.row([
                    rule.id.to_string(),
                    scope.to_owned(),
                    verdict.to_owned(),
                    kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default().to_owned(),
                    rule.pattern.clone(),
                    rule.expires_at.map(|at| at.to_string()).unwrap_or_default(),
                ]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no rules"))
        }
        Asks::RemoveRule { rule } => {
            client.remove_rule(rule).await?;
            output::print(&format!("rule {rule} removed"))
        }
    }
}

async fn decide(client: &Client, decided: Decide, approved: bool) -> Result<()> {
    let Decide { mission, ask, scope, pattern, time, reason, listing } = decided;
    let found = find(client, mission, ask, |ask| matches!(ask, Ask::Approval(_))).await?;
    let seconds = time.map(|time| u32::try_from(time.0.as_secs().max(1)).unwrap_or(u32::MAX));
    let decision = Decision { approved, reason, scope: scope.into(), pattern, seconds };
    let settled = client.decide(mission, found.id(), decision).await?;
    match (listing.json, approved) {
        (true, _) => output::print_json(&settled),
        (false, true) => output::print(&format!("approved: {}", what(&settled))),
        (false, false) => output::print(&format!("denied: {}", what(&settled))),
    }
}

/// What is asked under this id, or the only thing of the kind that is asked.
async fn find(client: &Client, mission: MissionId, id: Option<AskId>, of: fn(&Ask) -> bool) -> Result<Ask> {
    let asks: Vec<Ask> = client.asks(Some(mission)).await?.into_iter().map(|(_, ask)| ask).collect();
    let list = || format!("`sandboxed-sh missions asks {mission}` lists what it waits for");
    if let Some(id) = id {
        let found = asks.into_iter().find(|ask| ask.id() == id);
        return found.ok_or_else(|| Failed::new(format!("the agent does not wait for {id}")).hint(list()));
    }
    let mut asks = asks.into_iter().filter(of);
    match (asks.next(), asks.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Failed::new("the agent waits for nothing of the kind").hint(list())),
        (Some(_), Some(_)) => Err(Failed::usage("the agent waits for more than one thing: name one").hint(list())),
    }
}

fn what(ask: &Ask) -> String {
    match ask {
        Ask::Approval(approval) => approval.title.clone(),
        Ask::Question(question) => question.items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(" / "),
    }
}

/// What was chosen of each question.
fn split(question: &Question, answers: &[String]) -> Vec<Vec<String>> {
    let multiple = |at: usize| question.items.get(at).is_some_and(|item| item.multiple);
    let chosen = |(at, answer): (usize, &String)| match multiple(at) {
        true => answer.split(';').map(|choice| choice.trim().to_owned()).collect(),
        false => vec![answer.clone()],
    };
    answers.iter().enumerate().map(chosen).collect()
}

//! `missions`: looking at missions and steering them.

use std::fmt::Write as _;

use sandboxed_model::{
    MissionId, Seq,
    event::Usage,
    mission::{Mission, MissionEdit, MissionFilter, ParkedReason},
    queue::NewMessage,
};

use super::{ago, asks, attachments, git, text_or_stdin, with_client};
use crate::{
    arguments::{Missions, OneMission, Place, asks::Ways},
    client::Client,
    failed::{Failed, Result},
    follow::{self, OnInterrupt, Seen, Show, Until},
    output::{self, Style, Table, Terminal, safe},
};

pub(crate) async fn missions(place: &Place, command: Missions) -> Result<()> {
    with_client(place, async |client| match command {
        Missions::List { state, workspace, search, limit, listing } => {
            let workspace = match workspace {
                Some(name_or_id) => Some(client.workspace(&name_or_id).await?.id),
                None => None,
            };
            let filter = MissionFilter { states: state, workspace, search };
            let missions = client.missions(&filter, limit).await?;
            if listing.json { output::print_json(&missions) } else { list(&missions) }
        }
        Missions::Show { mission, listing } => {
            let mission = client.mission(mission).await?;
            if listing.json { output::print_json(&mission) } else { show(&mission) }
        }
        Missions::Events { mission, after, kind, json } => events(client, mission, Seq(after), &kind, json).await,
        Missions::Follow { mission, after, json } => {
            let mut show = Show::whole(json);
            let found = client.mission(mission).await?;
            let mut seen = Seen::after(Seq(after), found.last_seq);
            if found.state.has_ended() && found.last_seq <= seen.last {
                return Ok(());
            }
            seen.state = Some(found.state);
            follow::follow(client, mission, Until::Ended, OnInterrupt::Leave, &mut show, &mut seen).await
        }
        Missions::Edit { mission, title, model, default_model, ways, listing } => {
            let Ways { effort, approvals, mode } = ways;
            let edit = MissionEdit {
                title,
                model: model.map(Some).or(default_model.then_some(None)),
                effort: effort.map(Some),
                approvals: approvals.map(Into::into),
                mode: mode.map(Into::into),
            };
            let edited = client.edit_mission(mission, edit).await?;
            if listing.json { output::print_json(&edited) } else { show(&edited) }
        }
        Missions::Asks(command) => asks::asks(client, command).await,
        Missions::Send { mission, text, attach, steer, listing } => {
            let text = text_or_stdin(text).await?;
            let attachments = attachments::bring(client, &attach).await?;
            let message = client.send_message(mission, NewMessage { text, attachments, steer }).await?;
            match listing.json {
                true => output::print_json(&message),
                false => output::print(&format!("message {} waits in the queue", message.id)),
            }
        }
        Missions::Queue { mission, listing } => {
            let queue = client.queue(mission).await?;
            if listing.json {
                return output::print_json(&queue);
            }
            let mut table = Table::new(&["ID", "ADDED", "FILES", "TEXT"]);
            for message in &queue {
                let text = Mission::title_from(&message.text);
                let files: Vec<_> = message.attachments.iter().map(|file| file.name.as_str()).collect();
                table.row([message.id.to_string(), ago(message.created_at), files.join(", "), text]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no message waits"))
        }
        Missions::Interrupt(one) => changed(&one, client.interrupt_mission(one.mission).await?),
        Missions::Cancel(one) => changed(&one, client.cancel_mission(one.mission).await?),
        Missions::Resume(one) => changed(&one, client.resume_mission(one.mission).await?),
        Missions::Finish(one) => changed(&one, client.finish_mission(one.mission).await?),
        Missions::Delete { mission } => {
            client.delete_mission(mission).await?;
            output::print(&format!("mission {mission} deleted"))
        }
        Missions::Diff(wanted) => git::diff(client, wanted).await,
        Missions::Commit(wanted) => git::commit(client, wanted).await,
        Missions::Push(wanted) => git::push(client, wanted).await,
        Missions::Search { words, mission, limit, listing } => {
            let hits = client.search_events(&words, mission, limit).await?;
            if listing.json {
                return output::print_json(&hits);
            }
            let mut table = Table::new(&["MISSION", "EVENT", "KIND", "TEXT"]);
            for hit in &hits {
                let event = &hit.event;
                let place = event.seq.to_string();
                table.row([event.mission.to_string(), place, event.body.kind().to_owned(), hit.snippet.clone()]);
            }
            output::print(&table.render(Terminal::of_stdout(), "nothing found"))
        }
    })
    .await
}

fn changed(one: &OneMission, mission: Mission) -> Result<()> {
    match one.listing.json {
        true => output::print_json(&mission),
        false => output::print(&format!("mission {} is {}", mission.id, mission.state)),
    }
}

fn list(missions: &[Mission]) -> Result<()> {
    let mut table = Table::new(&["ID", "STATE", "HARNESS", "TURNS", "CHANGED", "TITLE"]);
    for mission in missions {
        table.row([
            mission.id.to_string(),
            state(mission),
            mission.harness.to_string(),
            mission.turns.to_string(),
            ago(mission.updated_at),
            mission.title.clone(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no missions"))
}

fn state(mission: &Mission) -> String {
    let more = match (mission.stalled, mission.open_asks) {
        (true, _) => " (stalled)".to_owned(),
        (false, 0) => String::new(),
        (false, asks) => format!(" ({asks} open)"),
    };
    format!("{}{more}", mission.state)
}

fn show(mission: &Mission) -> Result<()> {
    let terminal = Terminal::of_stdout();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<10}")), safe(value));
    };
    line("mission", &mission.id.to_string());
    line("title", &mission.title);
    line("state", &state(mission));
    if let Some(parked) = &mission.parked {
        let reason = match parked.reason {
            ParkedReason::UsageLimit => "usage limit",
            ParkedReason::Budget => "budget",
        };
        match parked.until {
            Some(until) => line("parked", &format!("{reason}, until {until}")),
            None => line("parked", &format!("{reason}, until somebody mends it")),
        }
    }
    if let Some(problem) = &mission.problem {
        line("problem", &problem.to_string());
        if let Some(hint) = &problem.hint {
            line("hint", hint);
        }
    }
    line("harness", mission.harness.as_str());
    if let Some(model) = &mission.model {
        line("model", model);
    }
    line("workspace", &mission.workspace.to_string());
    line("turns", &mission.turns.to_string());
    line("waiting", &format!("{} messages", mission.queued_messages));
    line("events", &mission.last_seq.to_string());
    if let Some(usage) = usage(&mission.usage) {
        line("usage", &usage);
    }
    line("created", &mission.created_at.to_string());
    line("changed", &mission.updated_at.to_string());
    output::print(&text)
}

fn usage(usage: &Usage) -> Option<String> {
    if *usage == Usage::default() {
        return None;
    }
    let cached = usage.cache_read + usage.cache_write;
    let mut text = format!("{} tokens in ({cached} more cached), {} out", usage.input, usage.output);
    if let Some(micros) = usage.cost_micro_usd {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {}", output::dollars(micros));
    }
    Some(text)
}

async fn events(client: &Client, mission: MissionId, after: Seq, kinds: &[String], json: bool) -> Result<()> {
    let mut show = Show::whole(json);
    let mut after = after;
    loop {
        let events = client.events(mission, after, kinds).await?;
        let Some(last) = events.last() else { return show.finish() };
        after = last.seq;
        for event in &events {
            let line = match json {
                true => serde_json::to_string(event)
                    .map_err(|error| Failed::new(format!("an event cannot be written: {error}")))?,
                false => String::new(),
            };
            show.event(&line, event)?;
        }
    }
}

//! `tools` and `harness`: what plugins offer.

use std::fmt::Write as _;

use sandboxed_model::{
    harness::HarnessAbout,
    plugin::{PluginHealth, PluginKind},
    tools::{Tool, ToolContent, ToolReply},
};
use serde_json::{Value, json};

use super::with_client;
use crate::{
    arguments::{Harness, Place, Tools},
    client::Client,
    failed::{Failed, Result, Status},
    output::{self, Style, Table, Terminal, safe},
};

pub(crate) async fn tools(place: &Place, command: Tools) -> Result<()> {
    with_client(place, async |client| match command {
        Tools::List { plugin, listing } => {
            let plugins = match plugin {
                Some(plugin) => vec![plugin],
                None => with_tools(client).await?,
            };
            let mut found: Vec<(String, Tool)> = Vec::new();
            for plugin in plugins {
                found.extend(client.tools(&plugin).await?.into_iter().map(|tool| (plugin.to_string(), tool)));
            }
            if listing.json {
                let tools: Vec<Value> =
                    found.iter().map(|(plugin, tool)| json!({ "plugin": plugin, "tool": tool })).collect();
                return output::print_json(&tools);
            }
            let mut table = Table::new(&["PLUGIN", "TOOL", "DOES", "DESCRIPTION"]);
            for (plugin, tool) in &found {
                let does = match (tool.read_only, tool.destructive) {
                    (true, _) => "read",
                    (false, true) => "destroy",
                    (false, false) => "change",
                };
                table.row([plugin.clone(), tool.name.clone(), does.to_owned(), tool.description.clone()]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no tools"))
        }
        Tools::Call { plugin, tool, workspace, args, listing } => {
            let workspace = client.workspace(&workspace).await?;
            let arguments = args.map_or_else(|| json!({}), Value::Object);
            let reply = client.call_tool(&plugin, &tool, workspace.id, arguments).await?;
            match listing.json {
                true => output::print_json(&reply)?,
                false => print_reply(&reply)?,
            }
            if reply.is_error { Err(Failed::Silent(Status::Failed)) } else { Ok(()) }
        }
    })
    .await
}

async fn with_tools(client: &Client) -> Result<Vec<sandboxed_model::PluginId>> {
    let plugins = client.plugins().await?.into_iter();
    let usable = plugins.filter(|plugin| plugin.kind == PluginKind::Tools && plugin.health != PluginHealth::Disabled);
    Ok(usable.map(|plugin| plugin.id).collect())
}

fn print_reply(reply: &ToolReply) -> Result<()> {
    let terminal = Terminal::of_stdout();
    for content in &reply.content {
        match content {
            ToolContent::Text(text) => output::print(&terminal.foreign(text))?,
            ToolContent::Json(value) => output::print_json(value)?,
        }
    }
    Ok(())
}

pub(crate) async fn harness(place: &Place, command: Harness) -> Result<()> {
    let Harness::Show { harness, listing } = command;
    with_client(place, async |client| {
        let about = client.harness(&harness).await?;
        if listing.json { output::print_json(&about) } else { show(&about) }
    })
    .await
}

fn show(about: &HarnessAbout) -> Result<()> {
    let terminal = Terminal::of_stdout();
    let mut text = format!("{}\n", safe(&about.summary));
    let yes = |able: bool| if able { "yes" } else { "no" };
    let lifetime = format!("one process a {:?}", about.lifetime).to_lowercase();
    let models = if about.models.is_empty() { "none to choose".to_owned() } else { about.models.join(", ") };
    for (name, value) in [
        ("process", lifetime.as_str()),
        ("resume", yes(about.resume)),
        ("interrupt", yes(about.interrupt)),
        ("steer", yes(about.steer)),
        ("usage", yes(about.usage)),
        ("models", &models),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<10}")), safe(value));
    }
    let schema: Value = serde_json::from_str(&about.settings_schema).unwrap_or(Value::Null);
    let schema = serde_json::to_string_pretty(&schema).unwrap_or_default();
    let _ = writeln!(text, "{}\n{schema}", terminal.paint(Style::Dim, "settings"));
    output::print(&text)
}

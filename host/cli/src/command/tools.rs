//! `tools`: what plugins offer.

use sandboxed_model::{
    plugin::{PluginHealth, PluginKind},
    tools::{Tool, ToolContent, ToolReply},
};
use serde_json::{Value, json};

use super::with_client;
use crate::{
    arguments::{Place, Tools},
    client::Client,
    failed::{Failed, Result, Status},
    output::{self, Table, Terminal},
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

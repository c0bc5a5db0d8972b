//! `plugin`: what the server may be extended with.

use std::fmt::Write as _;

use sandboxed_model::plugin::{PluginImport, PluginInfo, PluginKind};

use super::{ago, project, verify, with_client};
use crate::{
    arguments::{Language, Place, Plugin},
    failed::{Failed, Result},
    output::{self, Style, Table, Terminal, safe},
};

pub(crate) async fn plugin(place: &Place, command: Plugin) -> Result<()> {
    match command {
        Plugin::List(listing) => {
            let plugins = with_client(place, async |client| client.plugins().await).await?;
            if listing.json { output::print_json(&plugins) } else { list(&plugins) }
        }
        Plugin::Inspect { plugin, listing } => {
            let info = with_client(place, async |client| client.plugin(&plugin).await).await?;
            if listing.json {
                output::print_json(&info)
            } else {
                output::print(&describe(&info, Terminal::of_stdout()))
            }
        }
        Plugin::Reload { plugin, listing } => {
            let info = with_client(place, async |client| client.reload_plugin(&plugin).await).await?;
            changed(&info, listing.json)
        }
        Plugin::Keep { plugin, listing } => {
            let info = with_client(place, async |client| client.keep_plugin(&plugin).await).await?;
            changed(&info, listing.json)
        }
        Plugin::RollBack { plugin, listing } => {
            let info = with_client(place, async |client| client.roll_back_plugin(&plugin).await).await?;
            changed(&info, listing.json)
        }
        Plugin::Verify { file, listing } => verify::verify(&file, listing).await,
        Plugin::New { name, kind, lang: Language::Rust, sdk } => {
            let parent = std::env::current_dir()
                .map_err(|error| Failed::new(format!("the working directory cannot be found: {error}")))?;
            let kind = PluginKind::from(kind);
            project::write(&parent, &name, kind, sdk.as_deref())?;
            output::print(&format!(
                "{name}/ is a {kind} plugin. Next:\n  \
                 cd {name}\n  \
                 cargo test\n  \
                 rustup target add wasm32-wasip2\n  \
                 cargo build --release --target wasm32-wasip2\n  \
                 sandboxed-sh plugin verify target/wasm32-wasip2/release/plugin.wasm"
            ))
        }
    }
}

fn changed(info: &PluginInfo, json: bool) -> Result<()> {
    if json {
        return output::print_json(info);
    }
    let version = info.version.as_ref().map(|version| format!(", version {}", safe(version))).unwrap_or_default();
    output::print(&format!("plugin {} is {}{version}", info.id, health(info)))
}

fn health(info: &PluginInfo) -> String {
    let trial = if info.trial.is_some() { ", on trial" } else { "" };
    format!("{:?}{trial}", info.health).to_lowercase()
}

fn list(plugins: &[PluginInfo]) -> Result<()> {
    let mut table = Table::new(&["ID", "KIND", "HEALTH", "VERSION", "CALLS", "FAILED", "DESCRIPTION"]);
    for plugin in plugins {
        let reason = plugin.reason.as_ref().map(ToString::to_string);
        table.row([
            plugin.id.to_string(),
            plugin.kind.to_string(),
            health(plugin),
            plugin.version.clone().unwrap_or_else(|| "-".to_owned()),
            plugin.counters.calls.to_string(),
            plugin.counters.failures.to_string(),
            reason.or_else(|| plugin.description.clone()).unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no plugins; see [[plugin]] in config/sandboxed.toml"))
}

fn describe(info: &PluginInfo, terminal: Terminal) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<11}")), safe(value));
    };
    line("plugin", info.id.as_str());
    line("kind", info.kind.as_str());
    line("health", &health(info));
    if let Some(reason) = &info.reason {
        line("reason", &reason.to_string());
        if let Some(hint) = &reason.hint {
            line("hint", hint);
        }
    }
    for (name, value) in [("version", &info.version), ("description", &info.description), ("digest", &info.digest)] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    if let Some(trial) = &info.trial {
        let (traps, allowed) = (trial.traps, trial.traps_allowed);
        line("trial", &format!("until {}; {traps} traps, and over {allowed} roll it back", trial.until));
    }
    if let Some(before) = &info.before {
        let digest = &before.digest;
        let name = before.version.as_ref().map_or_else(|| digest.clone(), |version| format!("{version} ({digest})"));
        line("before", &name);
    }
    line("component", &info.component);
    if let Some(at) = info.loaded_at {
        line("loaded", &ago(at));
    }
    let counters = &info.counters;
    let calls = format!(
        "{}, {} failed, {} trapped; loaded anew {} times",
        counters.calls, counters.failures, counters.traps, counters.reloads
    );
    line("calls", &calls);
    for request in &info.requests {
        let values = if request.values.is_empty() { String::new() } else { format!(" {}", request.values.join(", ")) };
        line("asks for", &format!("{}{values}: {}", request.grant, request.why));
    }
    text.push_str(&imports(&info.imports, terminal));
    text
}

/// What a component can do, in plain words, and what grants it.
fn imports(imports: &[PluginImport], terminal: Terminal) -> String {
    if imports.is_empty() {
        return "imports nothing: it can only compute\n".to_owned();
    }
    let mut text = String::new();
    for import in imports {
        let (style, mark) = if import.granted { (Style::Good, "✓") } else { (Style::Error, "✗") };
        let grant =
            import.grant.as_deref().map_or_else(|| "needs no grant".to_owned(), |grant| format!("grant: {grant}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} {}: {} ({})",
            terminal.paint(style, mark),
            safe(&import.interface),
            safe(&import.meaning),
            safe(&grant)
        );
    }
    text
}

//! `plugin verify`: what a component is and would need, before anybody uses it.

use std::{fmt::Write as _, path::Path};

use sandboxed_model::{
    PluginId,
    plugin::{PluginImport, PluginRequest},
};
use sandboxed_plugins::Verification;
use serde_json::json;

use crate::{
    arguments::Listing,
    failed::{Failed, Result},
    output::{self, Style, Terminal, safe},
};

/// Checks a component file without running any of it.
pub(super) async fn verify(file: &Path, listing: Listing) -> Result<()> {
    let path = file.to_owned();
    let verified = tokio::task::spawn_blocking(move || sandboxed_plugins::verify_file(&path)).await;
    let verified = verified.map_err(|error| Failed::new(format!("the component was not checked: {error}")))??;
    let table = table(file, &verified);
    if listing.json {
        return output::print_json(&json!({
            "kind": verified.kind,
            "digest": verified.digest,
            "version": verified.version,
            "description": verified.description,
            "requests": verified.requests,
            "imports": verified.imports,
            "config": table,
        }));
    }
    output::print(&render(file, &verified, &table, Terminal::of_stdout()))
}

fn render(file: &Path, verified: &Verification, table: &str, terminal: Terminal) -> String {
    let mut text = format!("{} is a {} plugin\n", file.display(), verified.kind);
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<11}")), safe(value));
    };
    for (name, value) in [("version", &verified.version), ("description", &verified.description)] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    line("sha-256", &verified.digest);
    let (lent, own): (Vec<_>, Vec<_>) = verified.imports.iter().partition(|import| import.grant.is_some());
    for import in lent {
        line("can ask to", &import.meaning);
    }
    for import in own {
        line("uses", &format!("{} ({})", import.interface, import.meaning));
    }
    for request in &verified.requests {
        line("says why", &format!("{}{}: {}", request.grant, values(request), request.why));
    }
    let _ = write!(text, "\nTo use it, put into sandboxed.toml what you agree to:\n\n{table}");
    text
}

fn values(request: &PluginRequest) -> String {
    if request.values.is_empty() { String::new() } else { format!(" {}", request.values.join(", ")) }
}

/// The table of `sandboxed.toml` that grants just what the component asks for.
fn table(file: &Path, verified: &Verification) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase().replace('_', "-")).unwrap_or_default();
    let named = verified.id.as_ref().and_then(|id| id.parse::<PluginId>().ok()).or_else(|| stem.parse().ok());
    let id = named.map_or_else(|| "my-plugin".to_owned(), |id: PluginId| id.to_string());
    let component = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut text = format!(
        "[[plugin]]\nid = {}\nkind = {}\ncomponent = {}\n",
        quoted(&id),
        quoted(verified.kind.as_str()),
        quoted(&component.to_string_lossy()),
    );
    let mut granted: Vec<String> = Vec::new();
    for import in &verified.imports {
        if let Some(line) = grant(import, &verified.requests).filter(|line| !granted.contains(line)) {
            text.push_str(&line);
            text.push('\n');
            granted.push(line);
        }
    }
    text
}

/// The line that grants an import, with the values and the reason that the manifest gives.
fn grant(import: &PluginImport, requests: &[PluginRequest]) -> Option<String> {
    let line = import.grant.as_deref()?;
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let name = key.strip_prefix("grants.").unwrap_or(key);
    let Some(request) = requests.iter().find(|request| request.grant == name) else { return Some(line.to_owned()) };
    let why = safe(&request.why).replace('\n', " ");
    let values: Vec<String> = request.values.iter().map(|value| quoted(value)).collect();
    Some(match (name, values.as_slice()) {
        (_, []) => format!("{line}  # {why}"),
        ("workspace_files", _) => {
            let access = if request.values.iter().any(|value| value == "write") { "write" } else { "read" };
            format!("{key} = {}  # {why}", quoted(access))
        }
        (_, values) => format!("{key} = [{}]  # {why}", values.join(", ")),
    })
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use sandboxed_model::plugin::PluginKind;

    use super::*;

    fn verification() -> Verification {
        let import = |interface: &str, grant: Option<&str>| PluginImport {
            interface: interface.to_owned(),
            meaning: "do something".to_owned(),
            grant: grant.map(str::to_owned),
            granted: false,
        };
        Verification {
            id: None,
            kind: PluginKind::Tools,
            digest: "00".to_owned(),
            version: Some("1.0.0".to_owned()),
            description: None,
            requests: vec![
                PluginRequest {
                    grant: "run".to_owned(),
                    values: vec!["git".to_owned(), "a\"b".to_owned()],
                    why: "to look\nat history".to_owned(),
                },
                PluginRequest {
                    grant: "workspace_files".to_owned(),
                    values: vec!["read".to_owned()],
                    why: "to read".to_owned(),
                },
            ],
            imports: vec![
                import("sandboxed:host/log@0.1.0", Some("grants.log = true")),
                import("sandboxed:host/run@0.1.0", Some("grants.run = [\"…\"]")),
                import("sandboxed:host/workspace-files@0.1.0", Some("grants.workspace_files = \"write\"")),
                import("wasi:clocks/wall-clock@0.2.0", None),
            ],
        }
    }

    #[test]
    fn the_table_to_paste_is_valid_and_grants_what_the_manifest_asks_for() {
        let table = table(Path::new("/x/My_Tool.wasm"), &verification());
        let home = Path::new("/home/op");
        let source = sandboxed_model::config::Source { name: "t", text: &table, home: Some(home), working_dir: home };
        let loaded = sandboxed_model::config::load(source, [], &[]).unwrap_or_else(|error| panic!("{error}\n{table}"));
        let plugin = &loaded.config.plugin[0];

        assert_eq!(plugin.id.as_str(), "my-tool");
        assert_eq!(plugin.component, Path::new("/x/My_Tool.wasm"));
        assert!(plugin.grants.log);
        assert_eq!(plugin.grants.run, ["git", "a\"b"]);
        assert_eq!(plugin.grants.workspace_files, Some(sandboxed_model::grant::FileAccess::Read));
        assert!(!plugin.grants.workspace_run);
    }

    #[test]
    fn people_read_what_it_may_ask_for_and_why() {
        let verified = verification();
        let text = render(Path::new("a.wasm"), &verified, "TABLE", Terminal { present: false, colour: false });
        assert!(text.starts_with("a.wasm is a tools plugin\n"), "{text}");
        assert!(text.contains("can ask to   do something"), "{text}");
        assert!(text.contains("run git, a\"b: to look"), "{text}");
        assert!(text.ends_with("TABLE"), "{text}");
    }
}

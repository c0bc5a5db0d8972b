//! A plugin is replaced while missions are under way: the new version is on trial, and one that proves bad is rolled back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod by_hand;
mod going_on;
mod rolling_back;
mod starting_anew;

use std::path::{Path, PathBuf};

use sandboxed_tests::{Server, api::assert_gap_free, config, server::Options, until, within};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Prints 1, 2, 3 … until it is told to stop, each with a word besides once it is told so.
const COUNTER: &str = r#"
exec 3<> <(:)
n=0
until [ -e stop ]; do
    n=$((n + 1)); [ -e stumble ] && echo "$n stumble" || echo "$n"; read -rt 0.1 -u 3 || :
done
"#;

/// What stands before the behaviour of the harness `trying` in its component.
const BEHAVIOUR: &[u8] = b"what trying-harness does: ";
/// How long that is.
const LENGTH: usize = 96;

/// A component that misbehaves.
fn guest(name: &str) -> Vec<u8> {
    let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
    };
    let component = guests.join(format!("{name}.wasm"));
    std::fs::read(&component)
        .unwrap_or_else(|error| panic!("{}: {error}: build it with `make test-guests`", component.display()))
}

/// A version of the harness `trying` that does this.
fn version(behaviour: &str) -> Vec<u8> {
    let mut component = guest("trying-harness");
    let places: Vec<usize> = component
        .windows(BEHAVIOUR.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == BEHAVIOUR)
        .map(|(at, _)| at)
        .collect();
    let [at] = places[..] else { panic!("the behaviour stands at {places:?}") };
    let place = &mut component[at + BEHAVIOUR.len()..at + LENGTH];
    place.fill(b' ');
    place[..behaviour.len()].copy_from_slice(behaviour.as_bytes());
    component
}

/// A server with the harness `trying`, whose component the tests replace.
struct Lab {
    server: Server,
    folder: TempDir,
}

/// A line as a version told it.
#[derive(Debug, PartialEq)]
struct Line {
    version: String,
    number: u64,
    printed: u64,
}

impl Lab {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these parts of the configuration replaced by others.
    async fn with(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &version("name=first"));
        let component = folder.path().join("plugin.wasm");
        let config = format!(
            "{}\n[[plugin]]\nid = \"trying\"\nkind = \"harness\"\ncomponent = \"{}\"\n",
            config::changed(changes),
            component.display()
        );
        let many = |key: &str| (format!("SANDBOXED_SH__MISSIONS__{key}"), "20".to_owned());
        let environment = vec![many("MAX_PARALLEL"), many("MAX_PARALLEL_PER_WORKSPACE")];
        let options = Options { config: Some(config), environment, ..Options::default() };
        Self { server: Server::start_with(options).await, folder }
    }

    /// Puts a component in the plugin's place.
    fn replace(&self, component: &[u8]) {
        put(self.folder.path(), component);
    }

    async fn plugin(&self) -> Value {
        self.server.api.get("/plugins/trying").await
    }

    /// Waits until the plugin stands so.
    async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, async || {
            let plugin = self.plugin().await;
            is_so(&plugin).then_some(plugin)
        })
        .await
    }

    /// Waits until the version in use is on trial.
    async fn on_trial(&self) -> Value {
        self.until("the trial", |plugin| !plugin["trial"].is_null()).await
    }

    /// Waits until the newest version is not in use, for this reason.
    async fn refused(&self, code: &str) -> Value {
        self.until("the refusal", |plugin| plugin["reason"]["code"] == code).await
    }

    /// Begins missions that count, all in one workspace.
    async fn counting(&self, missions: usize) -> Vec<String> {
        let workspace = self.server.api.post("/workspaces", json!({ "backend": "bubblewrap" })).await["id"].clone();
        let mut begun = Vec::new();
        for _ in 0..missions {
            let mission = json!({ "prompt": COUNTER, "harness": "trying", "workspace": workspace });
            begun.push(self.server.api.mission_with(mission).await);
        }
        for mission in &begun {
            self.tells(mission, "first").await;
        }
        begun
    }

    /// Waits until a mission is told a line more by a version of this name.
    async fn tells(&self, mission: &str, name: &str) {
        let seen = self.server.api.get(&format!("/missions/{mission}")).await["last_seq"].as_u64().unwrap();
        let named = |event: &Value| event["body"]["text"].as_str().is_some_and(|text| text.starts_with(name));
        let told = self.server.api.follow(mission, seen, |event| event["kind"] == "message" && named(event));
        within(&format!("a line by {name}"), told).await;
    }

    /// Leaves a file for missions that count.
    async fn leave(&self, missions: &[String], name: &str) {
        let mission = self.server.api.get(&format!("/missions/{}", missions[0])).await;
        let tree = format!("workspaces/{}/tree", mission["workspace"].as_str().unwrap());
        std::fs::write(self.server.data_dir().join(tree).join(name), "").unwrap();
    }

    /// Ends missions that count, and returns what was told of each: every line once and in order.
    async fn counted(&self, missions: &[String]) -> Vec<Vec<Line>> {
        self.leave(missions, "stop").await;
        let mut told = Vec::new();
        for mission in missions {
            let ended = self.server.api.reaches(mission, &["awaiting_user", "failed"]).await;
            assert_eq!(ended["last_outcome"], "completed", "{ended}");
            let events = self.server.api.events(mission).await;
            assert_gap_free(&events);
            assert!(!events.iter().any(|event| event["kind"] == "error"), "{events:?}");
            let lines = lines(&events);
            for (index, line) in lines.iter().enumerate() {
                let place = index as u64 + 1;
                assert_eq!((line.number, line.printed), (place, place), "{line:?} is line {place} of {}", lines.len());
            }
            let end = events.iter().find(|event| event["kind"] == "turn_ended").unwrap();
            let reason = end["body"]["reason"].as_str().unwrap();
            assert!(reason.ends_with(&format!("told {} lines", lines.len())), "{reason}");
            told.push(lines);
        }
        told
    }
}

/// The versions that told these lines, each once for each time that it began.
fn tellers(lines: &[Line]) -> Vec<&str> {
    let mut names: Vec<&str> = lines.iter().map(|line| line.version.as_str()).collect();
    names.dedup();
    names
}

fn lines(events: &[Value]) -> Vec<Line> {
    let told = events.iter().filter(|event| event["kind"] == "message" && event["body"]["role"] == "agent");
    told.map(|event| {
        let words: Vec<&str> = event["body"]["text"].as_str().unwrap().split_whitespace().collect();
        let [version, number, printed, ..] = words[..] else { panic!("{event}") };
        Line { version: version.to_owned(), number: number.parse().unwrap(), printed: printed.parse().unwrap() }
    })
    .collect()
}

/// Replaces the component in this folder as a build does: whole or not at all.
fn put(folder: &Path, component: &[u8]) {
    let new = folder.join(".plugin.wasm.new");
    std::fs::write(&new, component).unwrap();
    std::fs::rename(new, folder.join("plugin.wasm")).unwrap();
}

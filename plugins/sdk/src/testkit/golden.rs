//! Recorded transcripts and what must come out of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    json,
    replay::{Launched, Launching, Said, Told, in_all_ways, run},
    transcript::Transcript,
};
use crate::{
    Failure,
    harness::{Driver, Start},
};

/// Set to anything, expected events are written anew instead of compared.
const BLESS: &str = "SANDBOXED_SH_BLESS";

/// Replays each transcript of a directory through a driver, and compares what it says with what is expected.
///
/// `NAME.jsonl` holds what happened, one JSON value a line; `NAME.events.jsonl` holds the events, in the shape of the
/// server's API, and after them the actions. Output is cut at every byte (long output at many places), and the session
/// is saved and opened again between all inputs: whatever the way, the events must be the same, where neighbouring
/// increments of one text are joined. A stream that the launch frames by lines keeps its lines whole, as the host does.
///
/// | line | what happened |
/// | --- | --- |
/// | `{"start":{"settings":{…},"model":"…","effort":"…","approvals":"ask","mode":"plan","instructions":"…","attachments":[{"name":"…","media_type":"image/png"}],"mcp_servers":[{"name":"…","url":"…","token_variable":"…"},{"name":"…","program":"…","args":["…"],"env":{"…":"…"}}]}}` | what turns begin with; the first line, where there is one |
/// | `{"prompt":"…"}` | a turn begins |
/// | `{"stdout":"…"}`, `{"stderr":"…"}` | the process printed this text |
/// | `{"stdout_base64":"…"}`, `{"stderr_base64":"…"}` | the process printed these bytes |
/// | `{"stdout_file":"…"}`, `{"stderr_file":"…"}` | the process printed this file, which lies beside the transcript |
/// | `{"gap":{"stream":"stdout","length":1000}}` | so many bytes were printed and are gone |
/// | `{"steer":{"id":"…","text":"…"}}` | the person says more in mid-turn |
/// | `{"decision":{"id":"…","approved":true}}`, `{"answer":{"id":"…","answers":[["…"]]}}` | what was asked is decided, answered |
/// | `"interrupt"` | the person wants the turn to end |
/// | `{"timer":1}` | the wake-up of this id is due |
/// | `{"exited":{"code":0}}`, `{"exited":{"signal":9}}`, `{"exited":{"lost":"…"}}` | the process ended |
///
/// Run the test with `SANDBOXED_SH_BLESS=1` to write the expected events, then read what was written.
///
/// # Panics
/// When a transcript cannot be read, when there is none, and when anything differs.
pub fn golden<D: Driver>(directory: impl AsRef<Path>) {
    let directory = directory.as_ref();
    let transcripts = transcripts(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    assert!(!transcripts.is_empty(), "{} holds no transcript", directory.display());
    let about = D::describe();
    let schema: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&about.settings_schema);
    assert!(schema.is_ok(), "the schema of the settings is no JSON object: {schema:?}");
    let bless = std::env::var_os(BLESS).is_some();
    let wrong: Vec<String> = transcripts.iter().filter_map(|path| check::<D>(path, bless).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn transcripts(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".jsonl") && !name.ends_with(".events.jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn check<D: Driver>(path: &Path, bless: bool) -> Result<(), String> {
    let transcript = Transcript::read(path)?;
    let launch = |launching: &Launching<'_>| plan::<D>(&transcript, launching);
    let said = in_all_ways(transcript.output_length(), |way| run::<D::Session>(&transcript.moments, way, launch))
        .map_err(|why| format!("{}: {why}", path.display()))?;
    let lines = lines(&said);
    let expected_path = path.with_extension("events.jsonl");
    if bless {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        return fs::write(&expected_path, text).map_err(|error| format!("{}: {error}", expected_path.display()));
    }
    let expected = fs::read_to_string(&expected_path)
        .map_err(|error| format!("{}: {error}; run the test with {BLESS}=1 to write it", expected_path.display()))?;
    compare(&expected, &lines).map_err(|why| format!("{}{why}", expected_path.display()))
}

/// How the driver wants a turn to begin.
fn plan<D: Driver>(transcript: &Transcript, launching: &Launching<'_>) -> Result<Launched, Failure> {
    let start = Start {
        turn: launching.turn,
        attachments: transcript.start.attachments(),
        instructions: transcript.start.instructions.clone(),
        mcp_servers: transcript.start.mcp_servers(),
        model: transcript.start.model.clone(),
        effort: transcript.start.effort.clone(),
        approvals: transcript.start.approvals(),
        mode: transcript.start.mode(),
        resume: launching.resume.map(str::to_owned),
        settings: serde_json::Value::from(transcript.start.settings.clone()).to_string(),
        ..super::start(launching.prompt)
    };
    let launch = D::plan_launch(start.clone())?;
    Ok(Launched { start, stdout: launch.stdout, stderr: launch.stderr })
}

fn lines(said: &Said) -> Vec<String> {
    let told = said.told.iter().map(|told| match told {
        Told::Event(event) => json::event(event),
        Told::Refused(failure) => json::refusal(failure),
    });
    told.chain(said.actions.iter().map(json::action)).collect()
}

/// Compares line by line as JSON; the error names the first line that differs.
fn compare(expected: &str, lines: &[String]) -> Result<(), String> {
    let expected: Vec<&str> = expected.lines().filter(|line| !line.trim().is_empty()).collect();
    for number in 0..expected.len().max(lines.len()) {
        let (wanted, got) = (expected.get(number).copied(), lines.get(number).map(String::as_str));
        let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
        let same = wanted.zip(got).is_some_and(|(wanted, got)| value(wanted) == value(got));
        if !same {
            let none = "(nothing)";
            return Err(format!(
                ":{}: something else came out\n  expected {}\n  got      {}",
                number + 1,
                wanted.unwrap_or(none),
                got.unwrap_or(none)
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_makes_no_difference_and_all_else_does() {
        let lines = [r#"{"kind":"x","body":{"a":1,"b":2}}"#.to_owned()];
        assert_eq!(compare("{\"body\":{\"b\":2,\"a\":1},\"kind\":\"x\"}\n", &lines), Ok(()));
        assert!(compare("", &lines).is_err_and(|why| why.contains("expected (nothing)")));
        assert!(compare(r#"{"kind":"x"}"#, &lines).is_err_and(|why| why.starts_with(":1: something else came out")));
    }
}

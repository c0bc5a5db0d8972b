//! The tool that runs a command.

use sandboxed_sdk::tools::{Command, Exit, Failure, Reply, host::workspace_run};
use serde::Deserialize;
use serde_json::json;

use crate::answer;

/// Longest time for a command, in milliseconds.
pub(crate) const MAX_TIMEOUT_MS: u32 = 600_000;
/// Time for a command that names none.
const DEFAULT_TIMEOUT_MS: u32 = 20_000;
/// Bytes of each stream that are returned: the start and the end of longer output.
const SHOWN_BYTES: usize = 32 << 10;

#[derive(Deserialize)]
pub(crate) struct Run {
    command: String,
    cwd: Option<String>,
    timeout_ms: Option<u32>,
}

pub(crate) fn run(Run { command, cwd, timeout_ms }: Run) -> Result<Reply, Failure> {
    let command =
        Command { program: "bash".to_owned(), args: vec!["-c".to_owned(), command], env: Vec::new(), cwd, tty: None };
    let output = workspace_run::short(&command, &[], timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS));
    answer(output.map(|output| {
        let (code, signal) = match output.exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
            Exit::Lost(_) => (None, None),
        };
        Reply::json(&json!({
            "exit_code": code,
            "signal": signal,
            "stdout": shown(&output.stdout),
            "stderr": shown(&output.stderr),
            "truncated": output.truncated,
        }))
    }))
}

/// The output as text; of long output the start and the end.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let (start, end) = (&bytes[..SHOWN_BYTES / 2], &bytes[bytes.len() - SHOWN_BYTES / 2..]);
    format!(
        "{}\n[… {} bytes left out …]\n{}",
        String::from_utf8_lossy(start),
        bytes.len() - SHOWN_BYTES,
        String::from_utf8_lossy(end)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_output_the_start_and_the_end_are_shown() {
        let text = shown(format!("begin{}end", "x".repeat(100_000)).as_bytes());
        assert!(text.starts_with("begin") && text.ends_with("end") && text.contains("bytes left out"));
        assert!(text.len() < SHOWN_BYTES + 100);
    }
}

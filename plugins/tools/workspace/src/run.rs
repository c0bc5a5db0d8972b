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
    command: Option<String>,
    argv: Option<Vec<String>>,
    cwd: Option<String>,
    timeout_ms: Option<u32>,
}

pub(crate) fn run(Run { command, argv, cwd, timeout_ms }: Run) -> Result<Reply, Failure> {
    let Some((program, args)) = invocation(command, argv) else {
        return Ok(Reply::error("give either `command` or `argv`, and not both"));
    };
    let command = Command { program, args, env: Vec::new(), cwd, tty: None };
    let output = workspace_run::short(&command, &[], timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS));
    answer(output.map(|output| {
        let (code, signal, lost) = match output.exit {
            Exit::Code(code) => (Some(code), None, None),
            Exit::Signal(signal) => (None, Some(signal), None),
            Exit::Lost(why) => (None, None, Some(why)),
        };
        Reply::json(&json!({
            "exit_code": code,
            "signal": signal,
            "lost": lost,
            "stdout": shown(&output.stdout),
            "stderr": shown(&output.stderr),
            "truncated": output.truncated,
        }))
    }))
}

/// The program and its arguments. That just one of the two is given is not in the schema: some models take no `oneOf`.
fn invocation(command: Option<String>, argv: Option<Vec<String>>) -> Option<(String, Vec<String>)> {
    match (command, argv) {
        (Some(line), None) => Some(("bash".to_owned(), vec!["-c".to_owned(), line])),
        (None, Some(mut argv)) if !argv.is_empty() => Some((argv.remove(0), argv)),
        _ => None,
    }
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
    fn a_line_is_run_by_a_shell_and_a_list_is_not() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let line = invocation(Some("ls | wc".to_owned()), None);
        assert_eq!(line, Some(("bash".to_owned(), list(&["-c", "ls | wc"]))));
        let argv = invocation(None, Some(list(&["grep", "a|b", "x"])));
        assert_eq!(argv, Some(("grep".to_owned(), list(&["a|b", "x"]))));
        for (command, argv) in [(None, None), (None, Some(vec![])), (Some("a".to_owned()), Some(list(&["b"])))] {
            assert_eq!(invocation(command, argv), None);
        }
    }

    #[test]
    fn of_long_output_the_start_and_the_end_are_shown() {
        let text = shown(format!("begin{}end", "x".repeat(100_000)).as_bytes());
        assert!(text.starts_with("begin") && text.ends_with("end") && text.contains("bytes left out"));
        assert!(text.len() < SHOWN_BYTES + 100);
    }
}

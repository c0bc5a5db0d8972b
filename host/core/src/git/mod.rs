//! Repositories in workspaces.
//!
//! Whatever git does in a workspace's own sandbox it does with an agent's configuration and an agent's rights, and never with a
//! credential. What needs one (clone, push) is done apart: in a short-lived sandbox with a network of its own that sees a fresh
//! directory of the server's, at most with the workspace's objects beside it to read. There nothing that an agent wrote is
//! configuration, and no process of an agent runs.

mod apart;
mod clone;
mod commit;
mod diff;
mod push;
mod remote;
mod ssh;
mod worktree;

use std::time::Duration;

use sandboxed_model::{
    Blame, Failure,
    command::{Command, Output, Value},
};

pub(crate) use self::apart::Scratches;
use crate::sandbox::{Sandbox, Speaker};

/// How long git may work on files that are there.
const DEADLINE: Duration = Duration::from_secs(120);
/// What is kept of what git prints.
const MAX_OUTPUT: usize = 64 << 10;
/// What is told of it.
const MAX_TOLD: usize = 500;

/// Options that keep a repository from naming programs for git to run besides its work.
const QUIET: &str = "git -c core.hooksPath=/dev/null -c core.fsmonitor=false";

/// Runs a script with these variables in the workspace's own sandbox.
async fn inside(
    sandbox: &Sandbox,
    cwd: String,
    script: &str,
    variables: &[(&str, &str)],
    stdin: Vec<u8>,
) -> Result<Output, Failure> {
    let variables = [("GIT", QUIET), ("GIT_TERMINAL_PROMPT", "0")].iter().chain(variables);
    let env = variables.map(|(name, value)| ((*name).to_owned(), Value::Plain((*value).to_owned()))).collect();
    let args = vec!["-c".to_owned(), script.to_owned()];
    let command = Command { program: "sh".to_owned(), args, env, cwd: Some(cwd), tty: None };
    sandbox.short(command, Speaker::SERVER, stdin, DEADLINE, MAX_OUTPUT).await
}

/// What a script printed that ended well.
fn printed(output: &Output) -> Option<String> {
    output.exit.is_success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What git says of a failure, on one line.
fn told(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Cloning into"));
    let line: String = lines.collect::<Vec<_>>().join("; ");
    line.chars().filter(|c| !c.is_control()).take(MAX_TOLD).collect()
}

/// The id of an object.
fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether git takes it for a branch, and nothing else takes it for an option or a path that leads elsewhere.
fn is_branch(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with('.') && !part.ends_with(".lock")
    };
    text.len() <= 200
        && !text.contains("..")
        && text.split('/').all(part)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

fn no_repository(detail: String) -> Failure {
    Failure::new(Blame::Config, "git.no_repository", detail)
        .with_hint("clone one into the workspace: `sandboxed-sh workspaces clone WORKSPACE URL`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_no_option_and_leads_nowhere_else() {
        for good in ["main", "sandboxed/01a2", "feature/a-b_c.1"] {
            assert!(is_branch(good), "{good}");
        }
        for bad in
            ["", "-x", "a..b", "a//b", "/a", "a/", "a b", "a:b", "x.lock", ".a", "a/-b", "a\nb", "a~1", "refs/@{u}"]
        {
            assert!(!is_branch(bad), "{bad}");
        }
    }
}

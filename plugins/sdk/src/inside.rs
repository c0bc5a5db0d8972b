//! What backends have in common that put a workspace in one place and give its processes the same surroundings.

use std::collections::BTreeMap;

use crate::{
    backend::{Failure, Value},
    failure,
};

/// Where programs are looked for, as on a fresh Debian.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Refuses a working directory that lies in none of the workspace's own directories.
///
/// # Errors
/// `backend.cwd_outside`
pub fn check_directory(directory: &str, own: &[&str]) -> Result<(), Failure> {
    let below =
        |root: &&str| directory.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if own.iter().any(below) && !directory.split('/').any(|part| part == "..") {
        return Ok(());
    }
    Err(failure!(Plugin, "backend.cwd_outside", "the working directory {directory:?} lies outside of the workspace"))
}

/// The variables of a process, in the order of their names. Who is nearer to the process has the last word: the backend
/// (`base`), the operator, then whoever made the command.
pub fn variables(
    base: &[(&str, &str)],
    terminal: bool,
    operator: &BTreeMap<String, String>,
    command: Vec<(String, Value)>,
) -> Vec<(String, Value)> {
    let plain = |(name, value): (&str, &str)| (name.to_owned(), Value::Plain(value.to_owned()));
    let mut variables: BTreeMap<String, Value> = base.iter().copied().map(plain).collect();
    if terminal {
        variables.extend([plain(("TERM", "xterm-256color"))]);
    }
    variables.extend(operator.iter().map(|(name, value)| plain((name, value))));
    variables.extend(command);
    variables.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_workspaces_own_directories_are_begun_in() {
        for inside in ["/workspace", "/workspace/src", "/inbox/run"] {
            assert!(check_directory(inside, &["/workspace", "/inbox"]).is_ok(), "{inside}");
        }
        for outside in ["/", "/etc", "/workspaces", "/workspace/../etc", "relative"] {
            let failure = check_directory(outside, &["/workspace", "/inbox"]).expect_err(outside);
            assert_eq!(failure.code, "backend.cwd_outside");
        }
    }

    #[test]
    fn who_is_nearer_to_the_process_has_the_last_word() {
        let base = [("A", "backend"), ("B", "backend"), ("C", "backend")];
        let operator = ["B", "C"].map(|name| (name.to_owned(), "operator".to_owned())).into();
        let command = vec![("C".to_owned(), Value::Secret("key".to_owned()))];

        let variables = variables(&base, true, &operator, command);

        let plain = |name: &str, value: &str| (name.to_owned(), Value::Plain(value.to_owned()));
        let secret = ("C".to_owned(), Value::Secret("key".to_owned()));
        assert_eq!(variables, [plain("A", "backend"), plain("B", "operator"), secret, plain("TERM", "xterm-256color")]);
    }
}

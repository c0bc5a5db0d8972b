//! What a command is within the shell that Codex runs it by.

/// The script that a command line hands to a shell, or the command line as it is: `/bin/bash -lc 'ls | wc'` is
/// `ls | wc`. Codex writes the command line quoted for a shell.
pub(crate) fn script(command: &str) -> String {
    let words = shlex::split(command).unwrap_or_default();
    match words.as_slice() {
        [shell, flag, script] if is_shell(shell) && matches!(flag.as_str(), "-c" | "-lc") => script.clone(),
        _ => command.to_owned(),
    }
}

fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "bash" | "zsh" | "dash"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_a_shell_is_read_with_its_quotes_undone() {
        assert_eq!(script("/bin/bash -lc 'echo hi > a.txt'"), "echo hi > a.txt");
        assert_eq!(script(r#"/bin/bash -lc "printf \"it's\\n\"""#), r#"printf "it's\n""#);
        assert_eq!(script("sh -c ls"), "ls");
    }

    #[test]
    fn any_other_command_stays_as_it_is() {
        for command in ["rm -rf x", "/bin/bash -lc 'unfinished", "bash -lc a b", "env -lc x", ""] {
            assert_eq!(script(command), command);
        }
    }
}

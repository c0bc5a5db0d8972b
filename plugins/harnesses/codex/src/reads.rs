//! Which commands a plan may be made with: those that look and change nothing.
//!
//! In plan mode Codex asks for every command. Its own read-only sandbox would need namespaces within those of the
//! workspace, which most backends do not give. So this decides what a shell's words plainly say; all else is refused.

/// Programs that only print, whatever they are called with.
const READERS: [&str; 22] = [
    "basename",
    "cat",
    "cksum",
    "cmp",
    "cut",
    "diff",
    "dirname",
    "du",
    "echo",
    "grep",
    "head",
    "ls",
    "nl",
    "pwd",
    "readlink",
    "realpath",
    "sha256sum",
    "stat",
    "tail",
    "true",
    "wc",
    "which",
];

/// What git only prints with.
const GIT: [&str; 9] = ["blame", "diff", "grep", "log", "ls-files", "ls-tree", "rev-parse", "show", "status"];

/// The script only looks.
pub(crate) fn only(script: &str) -> bool {
    commands(script).is_some_and(|commands| !commands.is_empty() && commands.iter().all(|words| looks(words)))
}

fn looks(words: &[String]) -> bool {
    let Some((program, rest)) = words.split_first() else { return false };
    let has = |bad: &[&str]| rest.iter().any(|word| bad.iter().any(|bad| word.starts_with(bad)));
    match program.as_str() {
        "rg" => !has(&["--pre", "--hostname-bin"]),
        "find" => !has(&["-delete", "-exec", "-ok", "-fprint", "-fls"]),
        "sed" => {
            matches!(rest, [flag, lines, ..] if flag == "-n" && is_print(lines))
                && !has(&["-i", "--in-place", "-e", "-f"])
        }
        "git" => {
            rest.first().is_some_and(|command| GIT.contains(&command.as_str()))
                && !has(&["--output", "--ext-diff", "-O"])
        }
        name => READERS.contains(&name),
    }
}

/// `5p` and `1,200p`.
fn is_print(lines: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    lines.strip_suffix('p').is_some_and(|range| range.split(',').count() <= 2 && range.split(',').all(number))
}

/// The words of each command of a script; nothing where it has more than words, quotes, pipes and lists.
fn commands(script: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = script.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => word.get_or_insert_default().push_str(&quoted(character, &mut characters)?),
            '|' | ';' | '&' => {
                let twice = characters.next_if_eq(&character).is_some();
                // One `&` leaves a command behind; two `;` are no list.
                if matches!((character, twice), (';', true) | ('&', false)) {
                    return None;
                }
                commands.last_mut()?.extend(word.take());
                commands.push(Vec::new());
            }
            ' ' | '\t' => commands.last_mut()?.extend(word.take()),
            '>' | '<' | '$' | '`' | '(' | ')' | '{' | '}' | '\\' | '\n' | '\r' | '#' | '!' => return None,
            plain => word.get_or_insert_default().push(plain),
        }
    }
    commands.last_mut()?.extend(word);
    Some(commands)
}

/// What stands between quotes; nothing where the shell would make something of it.
fn quoted(quote: char, rest: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    for character in rest {
        match character {
            end if end == quote => return Some(text),
            '$' | '`' | '\\' | '!' if quote == '"' => return None,
            plain => text.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_let_through() {
        for script in [
            "ls -la src",
            "cat a.txt | head -20",
            "rg -n 'fn (a|b)$' src && wc -l src/lib.rs",
            "sed -n '1,200p' src/lib.rs",
            "git log --oneline -5; git status",
            "find . -name \"*.rs\"",
        ] {
            assert!(only(script), "{script}");
        }
    }

    #[test]
    fn what_may_change_something_is_not() {
        for script in [
            "",
            "echo hi > a.txt",
            "rm a",
            "cat a | tee b",
            "ls; rm a",
            "ls & rm a",
            "ls && rm a",
            "ls\nrm a",
            "echo $(rm a)",
            "echo \"`rm a`\"",
            "find . -delete",
            "find . -exec rm {} +",
            "sed -i 's/a/b/' f",
            "sed -n '1w out' f",
            "sed -n 1p -i f",
            "rg --pre=rm x",
            "git checkout .",
            "git -c core.pager=rm log",
            "git diff --output=x",
            "FOO=1 ls",
            "./cat x",
            "'unfinished",
            "ls ;; ls",
            "ls |",
        ] {
            assert!(!only(script), "{script}");
        }
    }
}

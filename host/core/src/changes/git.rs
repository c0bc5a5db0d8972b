//! Changes as git sees them, between two tree objects.

use std::{collections::HashMap, time::Duration};

use sandboxed_model::{
    Failure,
    command::{Command, Output, Value},
    event::{ChangeKind, FileChange},
};

use super::{MAX_DIFF_BYTES, git_failed};
use crate::sandbox::{Sandbox, Speaker};

/// A repository so large that git needs longer is told without its changes.
const DEADLINE: Duration = Duration::from_secs(60);
const MAX_LIST_BYTES: usize = 4 << 20;
const MAX_PATCH_BYTES: usize = 8 << 20;

/// Writes all files that are there (ignored ones aside) as a tree object and returns its id. An index of our own is
/// used, so that the agent's stays as it is. No helper that the repository's configuration could name is run for
/// the sake of speed or of a merge.
const SNAPSHOT: &str = r#"
set -e
dir=$(git rev-parse --absolute-git-dir)
export GIT_INDEX_FILE="$dir/sandboxed-sh.index"
if [ ! -e "$GIT_INDEX_FILE" ] && [ -e "$dir/index" ]; then cp "$dir/index" "$GIT_INDEX_FILE"; fi
git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c advice.addEmbeddedRepo=false add --all -- . >/dev/null
git write-tree
"#;

/// The tree object of everything that is there now.
pub(super) async fn snapshot(sandbox: &Sandbox, cwd: &str) -> Result<String, Failure> {
    let output = run(sandbox, cwd, "sh", &["-c", SNAPSHOT], 4096).await?;
    let tree = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let is_object_id = matches!(tree.len(), 40 | 64) && tree.bytes().all(|byte| byte.is_ascii_hexdigit());
    if output.exit.is_success() && is_object_id { Ok(tree) } else { Err(git_failed("look at the files", &output)) }
}

/// What differs between `before` and now.
pub(super) async fn changes(sandbox: &Sandbox, cwd: &str, before: &str) -> Result<Vec<FileChange>, Failure> {
    let after = snapshot(sandbox, cwd).await?;
    if after == before {
        return Ok(Vec::new());
    }
    let list = diff(sandbox, cwd, &["--raw", "--numstat", "-z"], before, &after, MAX_LIST_BYTES).await?;
    let mut changes = parse_list(&list.stdout);
    let sizes = sizes(sandbox, cwd, &after, &changes).await?;
    let patch = diff(sandbox, cwd, &["--patch"], before, &after, MAX_PATCH_BYTES).await?;
    let patches = split_patch(&patch.stdout, patch.truncated);
    let whole = patches.len() == changes.len() || patch.truncated;
    for (index, change) in changes.iter_mut().enumerate() {
        change.size = sizes.get(&change.path).copied().unwrap_or(0);
        if whole && change.added_lines.is_some() {
            change.diff = patches.get(index).filter(|patch| patch.len() <= MAX_DIFF_BYTES).cloned();
        }
    }
    Ok(changes)
}

async fn diff(
    sandbox: &Sandbox,
    cwd: &str,
    how: &[&str],
    before: &str,
    after: &str,
    max_output: usize,
) -> Result<Output, Failure> {
    let mut args = vec!["-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "--no-textconv"];
    args.extend(["--no-renames", "--diff-algorithm=histogram"]);
    args.extend(how);
    args.extend([before, after]);
    let output = run(sandbox, cwd, "git", &args, max_output).await?;
    if output.exit.is_success() { Ok(output) } else { Err(git_failed("compare the files", &output)) }
}

async fn sizes(
    sandbox: &Sandbox,
    cwd: &str,
    tree: &str,
    changes: &[FileChange],
) -> Result<HashMap<String, u64>, Failure> {
    if changes.iter().all(|change| change.change == ChangeKind::Deleted) {
        return Ok(HashMap::new());
    }
    let output = run(sandbox, cwd, "git", &["ls-tree", "-r", "-z", "--long", tree], MAX_LIST_BYTES).await?;
    if !output.exit.is_success() {
        return Err(git_failed("list the files", &output));
    }
    Ok(fields(&output.stdout)
        .filter_map(|entry| {
            let (facts, path) = entry.split_once('\t')?;
            let size = facts.split_ascii_whitespace().nth(3)?.parse().ok()?;
            Some((path.to_owned(), size))
        })
        .collect())
}

async fn run(sandbox: &Sandbox, cwd: &str, program: &str, args: &[&str], max_output: usize) -> Result<Output, Failure> {
    let command = Command {
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: vec![
            ("GIT_OPTIONAL_LOCKS".to_owned(), Value::Plain("0".to_owned())),
            ("GIT_TERMINAL_PROMPT".to_owned(), Value::Plain("0".to_owned())),
        ],
        cwd: Some(cwd.to_owned()),
        tty: None,
    };
    sandbox.short(command, Speaker::SERVER, Vec::new(), DEADLINE, max_output).await
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.split(|&byte| byte == 0).filter(|field| !field.is_empty()).map(|field| String::from_utf8_lossy(field).into())
}

/// Reads `git diff --raw --numstat -z`: first `:modes ids STATUS`, path for each file, then `added removed path`.
fn parse_list(bytes: &[u8]) -> Vec<FileChange> {
    let mut changes: Vec<FileChange> = Vec::new();
    let mut counts: HashMap<String, (u64, u64)> = HashMap::new();
    let mut fields = fields(bytes);
    while let Some(field) = fields.next() {
        if let Some(facts) = field.strip_prefix(':') {
            let Some(path) = fields.next() else { break };
            let change = match facts.chars().last() {
                Some('A') => ChangeKind::Created,
                Some('D') => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            };
            changes.push(FileChange { path, change, size: 0, added_lines: None, removed_lines: None, diff: None });
        } else if let Some((added, rest)) = field.split_once('\t')
            && let Some((removed, path)) = rest.split_once('\t')
            && let (Ok(added), Ok(removed)) = (added.parse(), removed.parse())
        {
            // A binary file has `-` for both counts and so stays uncounted.
            counts.insert(path.to_owned(), (added, removed));
        }
    }
    for change in &mut changes {
        if let Some(&(added, removed)) = counts.get(&change.path) {
            change.added_lines = Some(added);
            change.removed_lines = Some(removed);
        }
    }
    changes
}

/// Splits a patch of many files into one text a file. Where its end was cut off, the last text is left out.
fn split_patch(bytes: &[u8], truncated: bool) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut patches: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            patches.push(String::new());
        }
        if let Some(patch) = patches.last_mut() {
            patch.push_str(line);
        }
    }
    if truncated {
        patches.pop();
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_changes_is_read_with_its_counts() {
        let list = b":000000 100644 0000000 ce01362 A\0new file.txt\0:100644 100644 a b M\0src/a.rs\0\
            :100644 000000 a 0000000 D\0old\0:100644 100644 a b M\0image.png\0\
            1\t0\tnew file.txt\0\
            3\t2\tsrc/a.rs\0\
            0\t9\told\0\
            -\t-\timage.png\0";
        let changes = parse_list(list);
        let seen: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.change, c.added_lines, c.removed_lines)).collect();
        assert_eq!(
            seen,
            [
                ("new file.txt", ChangeKind::Created, Some(1), Some(0)),
                ("src/a.rs", ChangeKind::Modified, Some(3), Some(2)),
                ("old", ChangeKind::Deleted, Some(0), Some(9)),
                ("image.png", ChangeKind::Modified, None, None),
            ]
        );
    }

    #[test]
    fn a_patch_falls_into_one_text_a_file() {
        let patch = b"diff --git a/x b/x\n+one\n+diff of a line\ndiff --git a/y b/y\n-two\n";
        assert_eq!(
            split_patch(patch, false),
            ["diff --git a/x b/x\n+one\n+diff of a line\n", "diff --git a/y b/y\n-two\n"]
        );
        assert_eq!(split_patch(patch, true).len(), 1, "a text that was cut off was kept");
    }
}

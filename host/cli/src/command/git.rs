//! Repositories in workspaces, and what missions change.

use sandboxed_model::{
    event::ChangeKind,
    git::{Diff, NewClone, NewPush},
};

use super::text_or_stdin;
use crate::{
    arguments,
    client::Client,
    failed::Result,
    output::{self, Style, Terminal},
};

pub(super) async fn clone(client: &Client, wanted: arguments::CloneRepository) -> Result<()> {
    let arguments::CloneRepository { workspace, url, path, branch, depth, listing } = wanted;
    let workspace = client.workspace(&workspace).await?;
    let cloned = client.clone_repository(workspace.id, NewClone { url, path, branch, depth }).await?;
    if listing.json {
        return output::print_json(&cloned);
    }
    let at = match (&cloned.branch, &cloned.commit) {
        (Some(branch), Some(commit)) => format!("{branch} at {commit}"),
        (_, Some(commit)) => commit.clone(),
        _ => "it has no commit yet".to_owned(),
    };
    output::print(&format!("cloned into {} of {}: {at}", cloned.path, workspace.name))
}

pub(super) async fn diff(client: &Client, wanted: arguments::Diff) -> Result<()> {
    let diff = client.mission_diff(wanted.mission, wanted.turn).await?;
    if wanted.listing.json { output::print_json(&diff) } else { show(&diff) }
}

pub(super) async fn commit(client: &Client, wanted: arguments::Commit) -> Result<()> {
    let message = text_or_stdin(wanted.message).await?;
    let commit = client.commit_mission(wanted.mission, &message).await?;
    if wanted.listing.json {
        return output::print_json(&commit);
    }
    let on = commit.branch.map(|branch| format!(" on {branch}")).unwrap_or_default();
    output::print(&format!("commit {}{on}", commit.commit))
}

pub(super) async fn push(client: &Client, wanted: arguments::Push) -> Result<()> {
    let arguments::Push { mission, url, branch, force, listing } = wanted;
    let pushed = client.push_mission(mission, NewPush { url, branch, force }).await?;
    match listing.json {
        true => output::print_json(&pushed),
        false => output::print(&format!("{} pushed to {} of {}", pushed.commit, pushed.branch, pushed.url)),
    }
}

fn show(diff: &Diff) -> Result<()> {
    let terminal = Terminal::of_stdout();
    let mut text = String::new();
    for file in &diff.files {
        match &file.diff {
            Some(lines) => {
                for line in lines.lines() {
                    let style = match line.as_bytes().first() {
                        Some(b'+') => Style::Good,
                        Some(b'-') => Style::Error,
                        Some(b'@') => Style::Place,
                        _ => Style::Plain,
                    };
                    text.push_str(&terminal.paint(style, &terminal.foreign(line)));
                    text.push('\n');
                }
            }
            None => {
                let what = match file.change {
                    ChangeKind::Created => "created",
                    ChangeKind::Modified => "changed",
                    ChangeKind::Deleted => "deleted",
                };
                text.push_str(&format!("{} {what}, {}\n", terminal.foreign(&file.path), output::size(file.size)));
            }
        }
    }
    if diff.files.is_empty() {
        text.push_str("no file has changed\n");
    }
    if diff.left_out > 0 {
        text.push_str(&format!("{} more files have changed\n", diff.left_out));
    }
    output::print(&text)
}

//! The files that came with the message of a turn: how they get to the agent.

use std::io::{self, Read};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, Permissions, PermissionsExt},
};
use sandboxed_model::{
    AttachmentId, Blame, Failure, RunId, WorkspaceId,
    attachment::Prompt,
    harness::{Start, StartAttachment},
};

use super::launch::make_readable;
use crate::{attachments, paths::Paths};

/// Below a run's directory in the inbox.
const DIRECTORY: &str = "attachments";
/// The largest image that an agent is shown: in base64 it is as much as a process is given in one write. A larger one is a
/// file like others.
const MAX_SHOWN: u64 = 12 << 20;

/// How what a person sent is told to a harness.
pub(super) struct Sent {
    pub(super) prompt: String,
    pub(super) attachments: Vec<StartAttachment>,
    pub(super) files: Vec<SentFile>,
}

/// A file for the run's inbox.
pub(super) struct SentFile {
    id: AttachmentId,
    /// Its name in the directory of such files.
    name: String,
}

impl Sent {
    /// `images`: the harness shows images to its agent. The agent is told of all else at the end of the prompt, in a way that
    /// is a remark for a shell.
    pub(super) fn of(prompt: &Prompt, images: bool, inbox: &str) -> Self {
        let mut sent = Self { prompt: prompt.text.clone(), attachments: Vec::new(), files: Vec::new() };
        let mut told = String::new();
        for (index, file) in prompt.attachments.iter().enumerate() {
            let name = format!("{}-{}", index + 1, file.name);
            let path = format!("{inbox}/{DIRECTORY}/{name}");
            sent.files.push(SentFile { id: file.id, name });
            if images && file.size <= MAX_SHOWN && attachments::is_image(&file.media_type) {
                let (name, media_type) = (file.name.clone(), file.media_type.clone());
                sent.attachments.push(StartAttachment { id: file.id, name, media_type, path, size: file.size });
            } else {
                told.push_str(&format!("# {path} ({}, {} bytes)\n", file.media_type, file.size));
            }
        }
        if !told.is_empty() {
            let end = if sent.prompt.ends_with('\n') { "" } else { "\n" };
            sent.prompt.push_str(&format!("{end}\n# Files that came with this message:\n{told}"));
        }
        sent
    }
}

/// Copies the files into the run's directory in the workspace's inbox, which is there.
pub(super) async fn copy(
    paths: &Paths,
    workspace: WorkspaceId,
    run: RunId,
    files: Vec<SentFile>,
) -> Result<(), Failure> {
    if files.is_empty() {
        return Ok(());
    }
    let paths = paths.clone();
    let work = move || {
        let directory = directory(&paths, workspace, run).map_err(unwritable)?;
        for SentFile { id, name } in files {
            let mut content = attachments::open(&paths, id).map_err(|error| unreadable(io::Error::other(error)))?;
            write(&directory, &name, &mut content).map_err(unwritable)?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).map_err(unwritable)?
}

fn write(directory: &Dir, name: &str, content: &mut impl Read) -> io::Result<u64> {
    let mut written = directory.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    written.set_permissions(Permissions::from_mode(0o644))?;
    io::copy(content, &mut written)
}

fn directory(paths: &Paths, workspace: WorkspaceId, run: RunId) -> io::Result<Dir> {
    let run = Dir::open_ambient_dir(paths.inbox(workspace), ambient_authority())?.open_dir(run.to_string())?;
    make_readable(&run, DIRECTORY)?;
    run.open_dir(DIRECTORY)
}

/// The same for another machine: the path of each below the run's directory, its content, and that it is no program.
pub(super) async fn read(paths: &Paths, files: Vec<SentFile>) -> Result<Vec<(String, Vec<u8>, bool)>, Failure> {
    let paths = paths.clone();
    let work = move || {
        let read = |SentFile { id, name }| Ok((format!("{DIRECTORY}/{name}"), content(&paths, id)?, false));
        files.into_iter().map(read).collect::<io::Result<_>>()
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|read| read).map_err(unreadable)
}

/// The attachments of a turn's start, as they are written to its process.
pub(super) struct Belongings {
    paths: Paths,
    files: Vec<AttachmentId>,
}

impl Belongings {
    pub(super) fn of(paths: &Paths, start: &Start) -> Self {
        Self { paths: paths.clone(), files: start.attachments.iter().map(|file| file.id).collect() }
    }

    /// The content of the attachment of this index, in base64.
    pub(super) async fn in_base64(&self, index: u32) -> Result<Vec<u8>, Failure> {
        let Some(&id) = self.files.get(index as usize) else {
            let message = format!("the harness wants to write attachment {index} of {}", self.files.len());
            return Err(Failure::new(Blame::Plugin, "driver.attachment_unknown", message));
        };
        let paths = self.paths.clone();
        let work = move || Ok(BASE64_STANDARD.encode(content(&paths, id)?).into_bytes());
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|read| read).map_err(unreadable)
    }
}

fn content(paths: &Paths, id: AttachmentId) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    attachments::open(paths, id).map_err(io::Error::other)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unwritable(error: io::Error) -> Failure {
    let message = format!("a file that came with the message could not be left for the agent: {error}");
    Failure::new(Blame::Host, "run.files", message)
}

fn unreadable(error: io::Error) -> Failure {
    let message = format!("a file that came with the message cannot be read: {error}");
    Failure::new(Blame::Host, "attachment.unreadable", message).with_hint("send the message again with the file")
}

#[cfg(test)]
mod tests {
    use sandboxed_model::attachment::MessageAttachment;

    use super::*;

    fn sent(text: &str, images: bool, files: &[(&str, &str, u64)]) -> Sent {
        let attachments = files.iter().map(|(name, media_type, size)| MessageAttachment {
            id: AttachmentId::new(),
            name: (*name).to_owned(),
            media_type: (*media_type).to_owned(),
            size: *size,
        });
        Sent::of(&Prompt { text: text.to_owned(), attachments: attachments.collect() }, images, "/inbox/run")
    }

    #[test]
    fn images_are_shown_where_they_can_be_and_all_else_is_told() {
        let files = [("a.png", "image/png", 5), ("b.txt", "text/plain", 7), ("c.png", "image/png", MAX_SHOWN + 1)];
        let shown = sent("look", true, &files);
        assert_eq!(
            shown.prompt,
            "look\n\n# Files that came with this message:\n\
             # /inbox/run/attachments/2-b.txt (text/plain, 7 bytes)\n\
             # /inbox/run/attachments/3-c.png (image/png, 12582913 bytes)\n"
        );
        let paths: Vec<_> = shown.attachments.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/inbox/run/attachments/1-a.png"]);
        assert_eq!(shown.files.len(), 3);

        let told = sent("look\n", false, &files[..1]);
        assert!(told.attachments.is_empty());
        assert_eq!(
            told.prompt,
            "look\n\n# Files that came with this message:\n# /inbox/run/attachments/1-a.png (image/png, 5 bytes)\n"
        );
    }

    #[test]
    fn a_prompt_without_files_stays_as_it_is() {
        assert_eq!(sent("look", true, &[]).prompt, "look");
        assert_eq!(sent("look", true, &[("a.gif", "image/gif", 5)]).prompt, "look");
    }
}

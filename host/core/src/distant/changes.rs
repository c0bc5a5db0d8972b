//! What [`crate::changes`] needs of a workspace on another machine.

use std::io;

use sandboxed_engine::{
    KeeperSays,
    keeper::{FileAnswer, FileRequest, Stamp},
};

use super::{Distant, unexpected};
use crate::Result;

/// Files whose texts are asked for at once.
const BATCH: usize = 50;

impl Distant {
    /// Whether something is at a path.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool> {
        match self.ask(&FileRequest::Stat { path: path.to_owned() }).await? {
            FileAnswer::Entry(_) => Ok(true),
            FileAnswer::Failed(failure) if failure.code == "path.missing" => Ok(false),
            other => Err(unexpected(other)),
        }
    }

    /// Every file of a directory, or of the whole tree, with what tells that it was changed.
    pub(crate) async fn scan(&self, below: &str, most: usize) -> Result<Vec<(String, Stamp)>> {
        let call = self.engine.ask_keeper(self.workspace, &FileRequest::Scan { below: below.to_owned(), most }).await;
        let mut call = call.map_err(|error| error.failure())?;
        let mut files = Vec::new();
        loop {
            match call.next().await.map_err(|error| error.failure())? {
                KeeperSays::Data(lines) => {
                    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                        // Whoever answers may be an agent.
                        if files.len() >= most {
                            return Err(unexpected(FileAnswer::Done));
                        }
                        files.push(serde_json::from_slice(line).map_err(|_| unexpected(FileAnswer::Done))?);
                    }
                }
                KeeperSays::Answer(FileAnswer::Scanned(_)) => return Ok(files),
                KeeperSays::Answer(other) => return Err(unexpected(other)),
            }
        }
    }

    /// The texts of files. One that is none, or is too long, is absent.
    pub(crate) async fn texts(&self, paths: &[String], longest: u64) -> io::Result<Vec<Option<String>>> {
        let mut texts = Vec::with_capacity(paths.len());
        for batch in paths.chunks(BATCH) {
            let request = FileRequest::Texts { paths: batch.to_vec(), longest };
            match self.ask(&request).await.map_err(|error| io::Error::other(error.to_string()))? {
                FileAnswer::Texts(found) if found.len() == batch.len() => texts.extend(found),
                _ => return Err(io::Error::other("the keeper of the workspace's files tells no texts")),
            }
        }
        Ok(texts)
    }
}

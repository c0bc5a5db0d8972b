//! The reading side, in the server.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_model::command::OutputStream;

use super::{
    segment,
    watch::{Changes, Watcher},
};
use crate::{Error, directory::RunDir};

/// What comes next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes as they were printed.
    Bytes {
        /// Place of the first byte in all that was printed.
        offset: u64,
        /// At least one.
        bytes: Vec<u8>,
    },
    /// Bytes that were printed and are gone.
    Gap {
        /// Place of the first missing byte.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// The run has ended and all was read.
    End,
}

/// Reads one stream of a run from a place on, and waits for more while the run lives.
///
/// Costs nothing while it waits. Readers of one stream do not disturb each other or the run. A run that was lost has
/// its end only once [`crate::Supervisor::attach`] has looked at it.
#[derive(Debug)]
pub struct SpoolReader {
    directory: RunDir,
    stream: OutputStream,
    offset: u64,
    /// Behind a lock because a read that was given up may still be under way on its thread.
    open: Arc<Mutex<Option<Open>>>,
    watcher: Arc<Watcher>,
    changes: Option<Changes>,
}

#[derive(Debug)]
struct Open {
    start: u64,
    file: File,
}

enum Step {
    Chunk(Chunk),
    Wait,
}

impl SpoolReader {
    pub(crate) fn new(directory: RunDir, stream: OutputStream, offset: u64, watcher: Arc<Watcher>) -> Self {
        Self { directory, stream, offset, open: Arc::default(), watcher, changes: None }
    }

    /// The place up to which was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, at most `max` (at least 1); waits until there are some. After [`Chunk::End`] comes nothing but
    /// `End`. A call that is given up has read nothing.
    ///
    /// # Errors
    /// When the run's files cannot be read, as after [`crate::Supervisor::remove`].
    pub async fn next(&mut self, max: usize) -> Result<Chunk, Error> {
        loop {
            if let Some(changes) = &mut self.changes {
                changes.mark_seen();
            }
            let step = self.step(max.max(1)).await?;
            match (step, &mut self.changes) {
                (Step::Chunk(chunk), _) => {
                    match &chunk {
                        Chunk::Bytes { bytes, .. } => self.offset += bytes.len() as u64,
                        Chunk::Gap { length, .. } => self.offset += length,
                        Chunk::End => self.changes = None,
                    }
                    return Ok(chunk);
                }
                (Step::Wait, Some(changes)) => changes.changed().await,
                // What came before the watch was set is not told by it: look once more.
                (Step::Wait, changes @ None) => *changes = Some(Watcher::watch(&self.watcher, &self.directory)),
            }
        }
    }

    async fn step(&self, max: usize) -> Result<Step, Error> {
        let (directory, stream, offset, open) = (self.directory.clone(), self.stream, self.offset, self.open.clone());
        tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            read(&directory, stream, offset, max, &mut open)
        })
        .await
        .map_err(Error::task)?
        .map_err(Error::io(format!("reading {} of a run", self.stream.as_str())))
    }
}

fn read(
    directory: &RunDir,
    stream: OutputStream,
    offset: u64,
    max: usize,
    open: &mut Option<Open>,
) -> io::Result<Step> {
    if let Some(bytes) = read_at(open, offset, max)? {
        return Ok(Step::Chunk(Chunk::Bytes { offset, bytes }));
    }
    loop {
        // The order matters: what is read after the end was recorded, or after a later segment was seen, is all there
        // will ever be before it.
        let ended = directory.exit_record()?;
        let starts = segment::starts(directory.path(), stream)?;
        let after = starts.partition_point(|&start| start <= offset);
        if let Some(&start) = after.checked_sub(1).and_then(|last| starts.get(last)) {
            match File::open(segment::path(directory.path(), stream, start)) {
                Ok(file) => *open = Some(Open { start, file }),
                // Dropped between listing and opening.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if let Some(bytes) = read_at(open, offset, max)? {
                return Ok(Step::Chunk(Chunk::Bytes { offset, bytes }));
            }
        }
        if let Some(next) = starts.get(after) {
            return Ok(Step::Chunk(Chunk::Gap { offset, length: next - offset }));
        }
        let Some(ended) = ended else { return Ok(Step::Wait) };
        let length = match stream {
            OutputStream::Stdout => ended.stdout,
            OutputStream::Stderr => ended.stderr,
        };
        *open = None;
        return Ok(Step::Chunk(match length.and_then(|length| length.checked_sub(offset)) {
            Some(length) if length > 0 => Chunk::Gap { offset, length },
            _ => Chunk::End,
        }));
    }
}

fn read_at(open: &Option<Open>, offset: u64, max: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(open) = open else { return Ok(None) };
    let Some(skip) = offset.checked_sub(open.start) else { return Ok(None) };
    let there = open.file.metadata()?.len().saturating_sub(skip);
    let mut bytes = vec![0; usize::try_from(there).unwrap_or(usize::MAX).min(max)];
    let mut read = 0;
    while read < bytes.len() {
        match open.file.read_at(&mut bytes[read..], skip + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok((read > 0).then_some(bytes))
}

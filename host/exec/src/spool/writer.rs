//! The writing side, in the shim. It never waits for a reader and never fails: what cannot be written is counted.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use sandboxed_model::command::OutputStream;

use super::segment;
use crate::control::protocol::StreamStatus;

/// Into how many segments the limit is divided.
const SEGMENTS: u64 = 16;
/// How many of them are kept for the beginning.
const HEAD_SEGMENTS: u64 = 2;
/// Smaller segments would cost more in files than they save.
const MIN_SEGMENT: u64 = 64 << 10;

struct Segment {
    start: u64,
    length: u64,
}

/// One stream on its way to disk.
pub(crate) struct SpoolWriter {
    directory: PathBuf,
    stream: OutputStream,
    segment_size: u64,
    /// In order; the last one is being written while `file` is there.
    segments: VecDeque<Segment>,
    file: Option<File>,
    length: u64,
    dropped: u64,
    lost: u64,
    error: Option<String>,
}

impl SpoolWriter {
    /// A stream without anything in it. It will take `limit` bytes on disk, but never less than 1 MiB.
    pub(crate) fn new(directory: PathBuf, stream: OutputStream, limit: u64) -> Self {
        Self {
            directory,
            stream,
            segment_size: (limit / SEGMENTS).max(MIN_SEGMENT),
            segments: VecDeque::new(),
            file: None,
            length: 0,
            dropped: 0,
            lost: 0,
            error: None,
        }
    }

    /// Appends bytes. Those that the disk does not take are counted and left out.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.write_some(bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.error = None;
                }
                Err(error) => {
                    // The next segment starts after the hole and so marks it.
                    self.file = None;
                    self.discard_if_empty();
                    self.length += bytes.len() as u64;
                    self.lost += bytes.len() as u64;
                    self.error = Some(error.to_string());
                    return;
                }
            }
        }
    }

    /// Bytes that were printed, kept or not.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn status(&self) -> StreamStatus {
        let mut gaps = Vec::new();
        let mut reached = 0;
        for segment in &self.segments {
            if segment.start > reached {
                gaps.push((reached, segment.start - reached));
            }
            reached = segment.start + segment.length;
        }
        if self.length > reached {
            gaps.push((reached, self.length - reached));
        }
        StreamStatus {
            length: self.length,
            dropped: self.dropped,
            lost: self.lost,
            gaps,
            write_error: self.error.clone(),
        }
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = self.segments.back().is_none_or(|segment| segment.length >= self.segment_size);
        if full || self.file.is_none() {
            self.open_segment()?;
        }
        let (Some(file), Some(segment)) = (&mut self.file, self.segments.back_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let room = usize::try_from(self.segment_size - segment.length).unwrap_or(usize::MAX);
        let written = loop {
            match file.write(&bytes[..bytes.len().min(room)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        segment.length += written as u64;
        self.length += written as u64;
        Ok(written)
    }

    fn open_segment(&mut self) -> io::Result<()> {
        self.file = None;
        self.make_room();
        let path = segment::path(&self.directory, self.stream, self.length);
        self.file = Some(File::options().append(true).create_new(true).mode(0o600).open(path)?);
        self.segments.push_back(Segment { start: self.length, length: 0 });
        Ok(())
    }

    /// Drops the oldest segments after the beginning until one more fits below the limit.
    fn make_room(&mut self) {
        let head_end = HEAD_SEGMENTS * self.segment_size;
        let mut total: u64 = self.segments.iter().map(|segment| segment.length).sum();
        // Holes make segments that are not full; their number is bounded as well as their size.
        while total + self.segment_size > SEGMENTS * self.segment_size || self.segments.len() as u64 >= 4 * SEGMENTS {
            let Some(oldest) = self.segments.iter().position(|segment| segment.start >= head_end) else { return };
            let Some(segment) = self.segments.remove(oldest) else { return };
            let _ = fs::remove_file(segment::path(&self.directory, self.stream, segment.start));
            total -= segment.length;
            self.dropped += segment.length;
        }
    }

    fn discard_if_empty(&mut self) {
        if let Some(segment) = self.segments.pop_back_if(|segment| segment.length == 0) {
            let _ = fs::remove_file(segment::path(&self.directory, self.stream, segment.start));
        }
    }
}

//! The files of a stream.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sandboxed_model::command::OutputStream;

/// Digits of the largest place, so that names sort as places do.
const DIGITS: usize = 20;

/// The file whose first byte is at `start`.
pub(super) fn path(directory: &Path, stream: OutputStream, start: u64) -> PathBuf {
    directory.join(format!("{}.{start:0DIGITS$}", stream.as_str()))
}

/// Where the segments of a stream start, in order.
pub(super) fn starts(directory: &Path, stream: OutputStream) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let start = name.to_str().and_then(|name| name.strip_prefix(stream.as_str())?.strip_prefix('.'));
        starts.extend(start.filter(|start| start.len() == DIGITS).and_then(|start| start.parse::<u64>().ok()));
    }
    starts.sort_unstable();
    Ok(starts)
}

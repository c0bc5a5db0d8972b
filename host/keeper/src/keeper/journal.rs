//! What a program prints, kept in files until the server has it. The journal is one row of frames, cut into segments that
//! are named by the place at which they begin; a segment that the server has is removed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use sandboxed_keeper::{Frame, Kind};

/// A segment is not continued above this.
const SEGMENT: u64 = 4 << 20;
/// So much is kept for a server that cannot be reached. Then the program waits.
const MOST: u64 = 256 << 20;
/// Between two looks whether there is room again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const PREFIX: &str = "journal.";

/// The end of the journal, at which it grows.
pub(super) struct Writer {
    directory: PathBuf,
    file: File,
    begin: u64,
    place: u64,
    most: u64,
}

impl Writer {
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        Self::with_most(directory, MOST)
    }

    fn with_most(directory: &Path, most: u64) -> io::Result<Self> {
        let file = create(directory, 0)?;
        Ok(Self { directory: directory.to_owned(), file, begin: 0, place: 0, most })
    }

    /// Adds a frame. Waits while there is no room.
    pub(super) fn add(&mut self, kind: Kind, bytes: &[u8]) {
        while self.is_full() {
            thread::sleep(LOOK_AGAIN);
        }
        let frame = Frame::encode(kind, bytes);
        while let Err(error) = self.write(&frame) {
            // A full disk is like a full journal. What was written of the frame is written over.
            let _ = (error, self.file.set_len(self.place - self.begin));
            let _ = self.file.seek(SeekFrom::Start(self.place - self.begin));
            thread::sleep(LOOK_AGAIN);
        }
        self.place += frame.len() as u64;
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.place - self.begin >= SEGMENT {
            self.file = create(&self.directory, self.place)?;
            self.begin = self.place;
        }
        self.file.write_all(frame)
    }

    fn is_full(&self) -> bool {
        let oldest = segments(&self.directory).first().copied().unwrap_or(self.begin);
        self.place.saturating_sub(oldest) >= self.most
    }
}

/// Reads the journal from some place on.
pub(super) struct Reader {
    directory: PathBuf,
    begin: u64,
    place: u64,
    file: Option<File>,
}

impl Reader {
    /// `place` is where a frame begins.
    pub(super) fn new(directory: &Path, place: u64) -> Self {
        Self { directory: directory.to_owned(), begin: 0, place, file: None }
    }

    /// Takes what is there; nothing where nothing more is there yet. The pieces are no frames.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.file.is_none() {
                let Some(begin) = segments(&self.directory).into_iter().rfind(|&begin| begin <= self.place) else {
                    return Ok(0);
                };
                let mut file = File::open(segment(&self.directory, begin))?;
                file.seek(SeekFrom::Start(self.place - begin))?;
                (self.begin, self.file) = (begin, Some(file));
            }
            let Some(file) = &mut self.file else { return Ok(0) };
            let length = file.read(into)?;
            if length > 0 {
                self.place += length as u64;
                return Ok(length);
            }
            // A segment is over when there is a later one that begins where it ends.
            if self.place == self.begin || !segment(&self.directory, self.place).exists() {
                return Ok(0);
            }
            self.file = None;
        }
    }
}

/// Removes what comes before this place, as far as it is in whole segments.
pub(super) fn drop_before(directory: &Path, place: u64) {
    let all = segments(directory);
    for pair in all.windows(2) {
        if pair[1] <= place {
            let _ = fs::remove_file(segment(directory, pair[0]));
        }
    }
}

fn create(directory: &Path, begin: u64) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(segment(directory, begin))
}

fn segment(directory: &Path, begin: u64) -> PathBuf {
    directory.join(format!("{PREFIX}{begin:020}"))
}

/// Where segments begin, in order.
fn segments(directory: &Path) -> Vec<u64> {
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut begins: Vec<u64> = names.filter_map(|name| name.to_str()?.strip_prefix(PREFIX)?.parse().ok()).collect();
    begins.sort_unstable();
    begins
}

#[cfg(test)]
mod tests {
    use sandboxed_keeper::Decoder;

    use super::*;

    fn frames(directory: &Path, place: u64) -> Vec<(Kind, usize)> {
        let (mut reader, mut decoder) = (Reader::new(directory, place), Decoder::default());
        let (mut seen, mut piece) = (Vec::new(), vec![0; 4096]);
        loop {
            match reader.read(&mut piece).unwrap() {
                0 => return seen,
                length => decoder.push(&piece[..length]),
            }
            while let Some(frame) = decoder.frame().unwrap() {
                seen.push((frame.kind, frame.bytes.len()));
            }
        }
    }

    #[test]
    fn a_reader_goes_on_at_any_frame_over_all_segments() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(directory.path()).unwrap();
        let piece = vec![b'x'; 1 << 20];
        let mut places = vec![];
        for kind in [Kind::Stdout, Kind::Stderr].into_iter().cycle().take(10) {
            places.push(writer.place);
            writer.add(kind, &piece);
        }

        for (index, place) in places.iter().enumerate() {
            assert_eq!(frames(directory.path(), *place).len(), 10 - index);
        }
        assert!(segments(directory.path()).len() > 2);
    }

    #[test]
    fn what_the_server_has_takes_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::with_most(directory.path(), 8 << 20).unwrap();
        let piece = vec![b'x'; 1 << 20];
        while !writer.is_full() {
            writer.add(Kind::Stdout, &piece);
        }
        let (last, place) = (segments(directory.path()).pop().unwrap(), writer.place);

        drop_before(directory.path(), place);

        assert_eq!(segments(directory.path()), [last]);
        assert!(!writer.is_full());
        writer.add(Kind::Stderr, b"more");
        assert_eq!(frames(directory.path(), place), [(Kind::Stderr, 4)]);
    }
}

//! The workspace's files, confined to its tree as on the server's own machine.

use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
    sync::atomic::AtomicBool,
    time::Duration,
};

use sandboxed_files::{ArchiveFormat as Format, Error, Limits, Name, Precondition, RelativePath, Result, Tree};
use sandboxed_keeper::{Condition, FileAnswer, FileRequest, Kind, TREE};
use sandboxed_model::{
    Blame, Failure,
    files::{ArchiveFormat, DiskUsage, FileWritten, SkippedEntry, Unpacked},
};

use super::{
    scan,
    words::{Heard, Patient, say},
};

/// How long the server may be silent while it sends something.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of data in one frame.
const PIECE: usize = 64 << 10;
/// Bytes of the texts of one answer.
const TEXTS: u64 = 512 << 10;

type Words = Heard<Patient>;

/// Does what is asked for.
pub(crate) fn main() -> io::Result<()> {
    let mut words = Heard::new(Patient { patience: PATIENCE });
    let request: FileRequest = words.request()?;
    let answer = answer(request, &mut words).unwrap_or_else(FileAnswer::Failed);
    say(Kind::Answer, &serde_json::to_vec(&answer)?)
}

fn answer(request: FileRequest, words: &mut Words) -> std::result::Result<FileAnswer, Failure> {
    let told = |error: Error| error.failure();
    let tree = Tree::open(Path::new(TREE), None).map_err(told)?;
    match request {
        FileRequest::Scan { below, most } => {
            let below = RelativePath::from_escaped(&below).map_err(told)?;
            let scanned =
                scan::scan(&Path::new(TREE).join(below.to_string()), most, &mut |lines| say(Kind::Data, lines));
            scanned.map(FileAnswer::Scanned).map_err(|error| broken(&error))
        }
        FileRequest::Read { path } => read(&tree, &path, words),
        request => done(&tree, request, words).map_err(told),
    }
}

fn done(tree: &Tree, request: FileRequest, words: &mut Words) -> Result<FileAnswer> {
    let parse = RelativePath::from_escaped;
    let never = AtomicBool::new(false);
    Ok(match request {
        FileRequest::Stat { path } => {
            let path = parse(&path)?;
            FileAnswer::Entry(tree.stat(&path)?.told(&path))
        }
        FileRequest::List { path, after, limit } => {
            let path = parse(&path)?;
            let after = after.map(|name| Name::from_escaped(&name)).transpose()?;
            let page = tree.list(&path, after.as_ref(), limit)?;
            let entries = page.entries.into_iter().map(|entry| entry.told_below(&path)).collect();
            FileAnswer::Page { entries, next: page.next.map(|name| name.escaped()) }
        }
        FileRequest::Write { path, condition, limit, parents } => {
            let path = parse(&path)?;
            let mut content = Data::new(words);
            let etag = tree.write(&path, precondition(condition, &path)?, limit, &mut content, parents)?;
            FileAnswer::Written(FileWritten { path: path.to_string(), etag: etag.to_string() }, content.taken)
        }
        FileRequest::MakeDirectory { path, parents } => {
            let path = parse(&path)?;
            tree.make_directory(&path, parents)?;
            FileAnswer::Entry(tree.stat(&path)?.told(&path))
        }
        FileRequest::Rename { from, to, overwrite } => {
            tree.rename(&parse(&from)?, &parse(&to)?, overwrite)?;
            FileAnswer::Done
        }
        FileRequest::Remove { path, recursive } => {
            tree.remove(&parse(&path)?, recursive, &never)?;
            FileAnswer::Done
        }
        FileRequest::Usage { path, most } => FileAnswer::Usage(usage(tree, path, most)?),
        FileRequest::Pack { path, format, most } => {
            let mut writer = BufWriter::with_capacity(PIECE, Voice);
            tree.archive(&parse(&path)?, &mut writer, self::format(format), limits(most), &never)?;
            FileAnswer::Done
        }
        FileRequest::Unpack { path, format, most } => {
            let report = tree.extract(&parse(&path)?, Data::new(words), self::format(format), limits(most), &never)?;
            let named = report.skipped.named.into_iter();
            FileAnswer::Unpacked(Unpacked {
                entries: report.entries,
                bytes: report.bytes,
                skipped: report.skipped.count,
                skipped_entries: named.map(|(path, reason)| SkippedEntry { path, reason: reason.to_owned() }).collect(),
            })
        }
        FileRequest::Texts { paths, longest } => FileAnswer::Texts(texts(tree, &paths, longest)),
        FileRequest::Read { .. } | FileRequest::Scan { .. } => FileAnswer::Done,
    })
}

/// Tells what the file is, waits for what of it is wanted, and sends that.
fn read(tree: &Tree, path: &str, words: &mut Words) -> std::result::Result<FileAnswer, Failure> {
    let opened = RelativePath::from_escaped(path).and_then(|path| tree.read(&path));
    let mut reader = opened.map_err(|error| error.failure())?;
    let content = FileAnswer::Content { etag: reader.etag().to_string(), size: reader.size() };
    let content = serde_json::to_vec(&content).map_err(|error| broken(&error.into()))?;
    let wanted = say(Kind::Answer, &content).and_then(|()| words.request::<(u64, u64)>());
    let (from, to) = wanted.map_err(|error| broken(&error))?;
    if from < to {
        reader.select(from..to).map_err(|error| error.failure())?;
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece).map_err(|error| broken(&error))? {
                0 => break,
                length => say(Kind::Data, &piece[..length]).map_err(|error| broken(&error))?,
            }
        }
    }
    Ok(FileAnswer::Done)
}

fn usage(tree: &Tree, path: Option<String>, most: u64) -> Result<DiskUsage> {
    let told = |usage: sandboxed_files::Usage| DiskUsage {
        bytes: usage.bytes,
        entries: usage.entries,
        complete: usage.complete,
    };
    let never = AtomicBool::new(false);
    if let Some(path) = path {
        return Ok(told(tree.usage(&RelativePath::from_escaped(&path)?, most, &never)?));
    }
    let root = RelativePath::root();
    let of_tree = told(tree.usage(&root, most, &never)?);
    let home = std::env::var_os("HOME").unwrap_or_default();
    let left = most.saturating_sub(of_tree.entries).max(1);
    let of_home = told(Tree::open(Path::new(&home), None)?.usage(&root, left, &never)?);
    Ok(DiskUsage {
        bytes: of_tree.bytes.saturating_add(of_home.bytes),
        entries: of_tree.entries + of_home.entries,
        complete: of_tree.complete && of_home.complete,
    })
}

/// The texts of files, until there are too many for one answer.
fn texts(tree: &Tree, paths: &[String], longest: u64) -> Vec<Option<String>> {
    let mut room = TEXTS;
    let text = |path: &String| {
        let reader = tree.read(&RelativePath::parse(path).ok()?).ok()?;
        if reader.size() > longest.min(room) {
            return None;
        }
        let mut text = String::new();
        reader.take(longest).read_to_string(&mut text).ok()?;
        room = room.saturating_sub(text.len() as u64);
        Some(text)
    };
    paths.iter().map(text).collect()
}

fn precondition(condition: Condition, path: &RelativePath) -> Result<Precondition> {
    Ok(match condition {
        Condition::Any => Precondition::None,
        Condition::Absent => Precondition::IfAbsent,
        Condition::Present => Precondition::IfPresent,
        // No file ever had another version than one that can be read.
        Condition::Version(etag) => Precondition::IfMatch(etag.parse().map_err(|_| Error::Changed(path.clone()))?),
    })
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::Tar => Format::Tar,
        ArchiveFormat::TarGz => Format::TarGz,
    }
}

fn limits((bytes, entries): (u64, u64)) -> Limits {
    Limits { bytes, entries }
}

fn broken(error: &io::Error) -> Failure {
    Failure::new(Blame::Unavailable, "path.failed", error.to_string())
}

/// The data that the server sends.
struct Data<'a> {
    words: &'a mut Words,
    piece: io::Cursor<Vec<u8>>,
    over: bool,
    taken: u64,
}

impl<'a> Data<'a> {
    fn new(words: &'a mut Words) -> Self {
        Self { words, piece: io::Cursor::default(), over: false, taken: 0 }
    }
}

impl Read for Data<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.piece.read(into)?;
            if length > 0 || self.over || into.is_empty() {
                self.taken += length as u64;
                return Ok(length);
            }
            match self.words.next()? {
                Some(frame) if frame.kind == Kind::Data => self.piece = io::Cursor::new(frame.bytes),
                Some(frame) if frame.kind == Kind::DataEnd => self.over = true,
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

/// Data for the server.
struct Voice;

impl Write for Voice {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        say(Kind::Data, piece)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Where an image comes from: a directory, or a tar archive, compressed or not. What it is, is told by what is in it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use sandboxed_tarball::{Forward, Stream};

use crate::{
    Error, Result,
    compression::decompress,
    error::reading,
    member::{Content, Members, names},
};

/// Files of an archive of images at most; each layer is one.
const MAX_MEMBERS: usize = 100_000;
/// Files that say what an image is made of are no larger.
const MAX_DOCUMENT: u64 = 8 << 20;
/// How often a name may lead to another.
const MAX_LINKS: usize = 8;

/// What a source holds.
pub(crate) enum Source {
    /// A root file system as it is.
    Plain(Box<dyn Read>),
    /// An image layout as OCI describes it.
    Oci(Blobs),
    /// What `docker save` writes.
    Docker(Blobs),
}

/// Files by their names.
pub(crate) enum Blobs {
    Directory(OwnedFd),
    Archive { file: File, members: HashMap<String, Place> },
}

/// Where in an archive something is.
pub(crate) enum Place {
    At {
        offset: u64,
        size: u64,
    },
    /// It is the same as another.
    Link(String),
}

impl Source {
    /// Looks at what is at `path`. An archive of images that is compressed is laid down in the directory `scratch`, where it
    /// may take `limit` bytes.
    pub(crate) fn open(path: &Path, scratch: &Path, limit: u64) -> Result<Self> {
        let failed = || Error::io("opening", path);
        if path.is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = open(path, flags, Mode::empty()).map_err(|errno| failed()(errno.into()))?;
            return match Blobs::Directory(directory) {
                blobs if blobs.has("oci-layout") && blobs.has("index.json") => Ok(Self::Oci(blobs)),
                blobs if blobs.has("manifest.json") => Ok(Self::Docker(blobs)),
                _ => Err(Error::Invalid(format!(
                    "the directory {} is no image layout: it has no oci-layout and index.json",
                    path.display()
                ))),
            };
        }
        let file = File::open(path).map_err(failed())?;
        if !file.metadata().map_err(failed())?.is_file() {
            return Err(Error::Invalid(format!("{} is no file and no directory", path.display())));
        }
        let whole = || Part::whole(&file).map_err(failed());
        let (plain, compressed) = decompress(whole()?).map_err(reading)?;
        let members = if compressed { index(Stream(plain))? } else { index(whole()?)? };
        let Some(members) = members else {
            return Ok(Self::Plain(decompress(whole()?).map_err(reading)?.0));
        };
        let file = if compressed { lay_down(whole()?, scratch, limit)? } else { file };
        let blobs = Blobs::Archive { file, members };
        Ok(if blobs.has("oci-layout") && blobs.has("index.json") { Self::Oci(blobs) } else { Self::Docker(blobs) })
    }
}

/// What is in an archive, if it is one of images.
fn index(archive: impl Forward) -> Result<Option<HashMap<String, Place>>> {
    let mut archive = Members::new(archive);
    let mut members = HashMap::new();
    while let Some(member) = archive.next()? {
        let name = member.path.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("/");
        if !belongs_to_images(&name, &member.content) {
            return Ok(None);
        }
        if members.len() >= MAX_MEMBERS {
            return Err(Error::Invalid(format!("there are more than {MAX_MEMBERS} files in the archive of images")));
        }
        let place = match member.content {
            Content::File { size } => Place::At { offset: archive.position(), size },
            Content::Link { target } => Place::Link(joined(&target)),
            // `../ID/layer.tar`, as seen from the directory of another layer.
            Content::Symlink { target } => {
                let target = String::from_utf8_lossy(&target).into_owned();
                let up = target.strip_prefix("../").map(str::to_owned);
                let beside = name.rsplit_once('/').map(|(directory, _)| format!("{directory}/{target}"));
                Place::Link(up.or(beside).unwrap_or(target))
            }
            Content::Directory | Content::Special => continue,
        };
        members.insert(name, place);
    }
    let is_layout = members.contains_key("oci-layout") && members.contains_key("index.json");
    Ok((is_layout || members.contains_key("manifest.json")).then_some(members))
}

fn joined(path: &[Vec<u8>]) -> String {
    path.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("/")
}

/// Whether something of this name can be in an archive of images. A root file system has directories that cannot.
fn belongs_to_images(name: &str, content: &Content) -> bool {
    let is_directory = matches!(content, Content::Directory);
    match name.split_once('/') {
        None if is_directory => name.is_empty() || name == "blobs" || is_hexadecimal(name),
        None => {
            matches!(name, "oci-layout" | "repositories" | "version")
                || [".json", ".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end))
                || name.starts_with("sha256:")
        }
        Some(("blobs", _)) => true,
        Some((directory, file)) => is_hexadecimal(directory) && matches!(file, "VERSION" | "json" | "layer.tar"),
    }
}

fn is_hexadecimal(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Decompresses an archive into a file that nobody else sees.
fn lay_down(compressed: Part, scratch: &Path, limit: u64) -> Result<File> {
    let failed = || Error::io("decompressing the image in", scratch);
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(scratch, flags, Mode::from_raw_mode(0o600)).map_err(|errno| failed()(errno.into()))?;
    let mut file = File::from(file);
    let (plain, _) = decompress(compressed).map_err(reading)?;
    let mut plain = plain.take(limit.saturating_add(1));
    if io::copy(&mut plain, &mut file).map_err(failed())? > limit {
        return Err(Error::TooLarge { limit, of: "bytes" });
    }
    Ok(file)
}

impl Blobs {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.open(name).is_ok()
    }

    /// What a file holds, and how long it is.
    pub(crate) fn open(&self, name: &str) -> Result<(Box<dyn Read + Send>, u64)> {
        let missing = || Error::Invalid(format!("the image has no file {name:?}, which it says it has"));
        names(name.as_bytes())?;
        match self {
            Self::Directory(directory) => {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
                let confined = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
                let opened = openat2(directory, name, flags, Mode::empty(), confined).map_err(|_| missing())?;
                let file = File::from(opened);
                let found = file.metadata().map_err(|_| missing())?;
                if found.is_file() { Ok((Box::new(file), found.len())) } else { Err(missing()) }
            }
            Self::Archive { file, members } => {
                let mut name = name;
                for _ in 0..MAX_LINKS {
                    match members.get(name).ok_or_else(missing)? {
                        Place::Link(other) => name = other,
                        Place::At { offset, size } => {
                            let file = file.try_clone().map_err(reading)?;
                            return Ok((Box::new(Part { file, at: *offset, left: *size }), *size));
                        }
                    }
                }
                Err(missing())
            }
        }
    }

    /// A file that says what an image is made of.
    pub(crate) fn document(&self, name: &str) -> Result<Vec<u8>> {
        let (content, _) = self.open(name)?;
        let mut bytes = Vec::new();
        content.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(reading)?;
        match bytes.len() as u64 > MAX_DOCUMENT {
            true => Err(Error::Invalid(format!("{name} is larger than {} MiB", MAX_DOCUMENT >> 20))),
            false => Ok(bytes),
        }
    }
}

/// A part of a file, wherever others read it.
struct Part {
    file: File,
    at: u64,
    left: u64,
}

impl Part {
    fn whole(file: &File) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, at: 0, left: file.metadata()?.len() })
    }
}

impl Forward for Part {
    fn forward(&mut self, bytes: u64) -> io::Result<u64> {
        let passed = bytes.min(self.left);
        self.at += passed;
        self.left -= passed;
        Ok(passed)
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = std::os::unix::fs::FileExt::read_at(&self.file, &mut buffer[..want], self.at)?;
        if read == 0 && want > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

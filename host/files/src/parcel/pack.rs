//! Putting directories into an archive.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;

use rustix::fs::{FileType, Stat, readlinkat};
use sandboxed_tarball::{ATTRIBUTE, BLOCK};
use tar::{EntryType, Header};

use super::stream::Output;
use super::sum::Sum;
use super::{Owners, ParcelFormat, PartSum, attributes};
use crate::archive::Exact;
use crate::entry::size;
use crate::error::At;
use crate::extract::reader::{Content, Member};
use crate::tree::{Found, open_file, proceed};
use crate::walk::{Visit, Walk};
use crate::{Error, RelativePath, Result, Tree};

/// Bytes of the names of files with several names that are remembered. Beyond, a further name is another file.
const MOST_SHARED: usize = 32 << 20;
/// Bytes that the header of an archive holds of a name; a longer one has a header of its own.
const SHORT: usize = 100;

/// An archive that is written, piece by piece.
pub struct Packer<'c, W: Write> {
    output: Output<W>,
    cancel: &'c AtomicBool,
}

impl<'c, W: Write> Packer<'c, W> {
    /// An archive that goes to `writer`. One that is not finished ends without its end.
    ///
    /// # Errors
    /// `output` where there is no memory for compression.
    pub fn new(writer: W, format: ParcelFormat, cancel: &'c AtomicBool) -> Result<Self> {
        Ok(Self { output: Output::new(writer, format)?, cancel })
    }

    /// Puts a text in.
    ///
    /// # Errors
    /// `name_invalid` for what is no name, `output`.
    pub fn text(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let member = Member {
            path: RelativePath::parse(name)?,
            mode: 0o644,
            user: 0,
            group: 0,
            modified: 0,
            nanoseconds: 0,
            attributes: Vec::new(),
            content: Content::File { size: content.len() as u64 },
        };
        self.head(&member).and_then(|()| self.body(&mut &*content, content.len() as u64)).map_err(Error::Output)
    }

    /// Puts a directory in with all that is below it, under a name. Links stay links, and names of one file stay so. Left out
    /// and counted: sockets, devices, mounted file systems, and what of a user's attributes is too long. Other attributes
    /// (capabilities, labels, access lists) never go along.
    ///
    /// # Errors
    /// `output` where the writer fails, `too_deep`, `changed` where a file was cut short meanwhile, `not_permitted`,
    /// `name_invalid` for a path that becomes too long, `cancelled`.
    pub fn directory(&mut self, name: &str, tree: &Tree, owners: Owners) -> Result<PartSum> {
        let mut sum = Sum::new();
        let part = RelativePath::parse(name)?;
        let root = RelativePath::root();
        let mut shared = Shared::default();
        self.add(&part, &tree.find(&root, false)?, owners, &mut sum, &root, &mut shared)?;
        let mut walk = Walk::new(root.clone(), tree.directory(&root)?)?;
        while let Some(visit) = walk.next()? {
            match visit {
                Visit::Entry(name, found) => {
                    let path = RelativePath::parse([part.as_bytes(), b"/", &walk.below(&name)].concat())?;
                    self.add(&path, &found, owners, &mut sum, &walk.path(&name), &mut shared)?;
                    if found.file_type() == FileType::Directory {
                        walk.enter(&name, &found)?;
                    }
                }
                Visit::Mount(_) => sum.left_out += 1,
                Visit::Left(_) => {}
            }
        }
        Ok(sum.finish())
    }

    fn add(
        &mut self,
        path: &RelativePath,
        found: &Found,
        owners: Owners,
        sum: &mut Sum,
        told: &RelativePath,
        shared: &mut Shared,
    ) -> Result<()> {
        proceed(self.cancel)?;
        let stat = &found.stat;
        let content = match found.file_type() {
            FileType::RegularFile => match shared.name_of(stat, path) {
                Some(target) => Content::Link { target },
                None => Content::File { size: size(stat) },
            },
            FileType::Directory => Content::Directory,
            FileType::Symlink => {
                let target = readlinkat(&found.handle, "", Vec::new()).at(told)?;
                Content::Symlink { target: target.into_bytes() }
            }
            FileType::Fifo => Content::Pipe,
            _ => {
                sum.left_out += 1;
                return Ok(());
            }
        };
        let (attributes, left_out) = match content {
            Content::File { .. } | Content::Directory => attributes::read(found.handle.as_fd()).at(told)?,
            _ => (Vec::new(), 0),
        };
        sum.left_out += left_out;
        let member = Member {
            path: path.clone(),
            mode: owners.mode(stat.st_mode),
            user: owners.inside(stat.st_uid),
            group: owners.inside(stat.st_gid),
            modified: stat.st_mtime.max(0),
            nanoseconds: if stat.st_mtime < 0 { 0 } else { u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
            attributes,
            content,
        };
        sum.member(&member);
        self.head(&member).map_err(Error::Output)?;
        if let Content::File { size } = member.content {
            let mut content = Exact::new(open_file(found, told)?, size, self.cancel);
            let written = self.body(&mut sum.content(&mut content), size);
            // A file that gave too little, first: the archive then misses something too.
            content.finish(told)?;
            written.map_err(Error::Output)?;
        }
        Ok(())
    }

    fn head(&mut self, member: &Member) -> io::Result<()> {
        let path = member.path.as_bytes();
        let (kind, size, target): (EntryType, u64, &[u8]) = match &member.content {
            Content::File { size } => (EntryType::Regular, *size, &[]),
            Content::Directory => (EntryType::Directory, 0, &[]),
            Content::Symlink { target } => (EntryType::Symlink, 0, target),
            Content::Link { target } => (EntryType::Link, 0, target),
            Content::Pipe | Content::Refused(_) => (EntryType::Fifo, 0, &[]),
        };
        let mut records = Vec::new();
        if member.nanoseconds != 0 {
            let time = format!("{}.{:09}", member.modified, member.nanoseconds);
            records.extend(record(b"mtime", time.as_bytes()));
        }
        for (name, value) in &member.attributes {
            records.extend(record(&[ATTRIBUTE, name].concat(), value));
        }
        if !records.is_empty() {
            self.extension(EntryType::XHeader, b"PaxHeaders/attributes", &records)?;
        }
        for (text, kind) in [(path, EntryType::GNULongName), (target, EntryType::GNULongLink)] {
            if text.len() > SHORT {
                self.extension(kind, b"././@LongLink", &[text, b"\0"].concat())?;
            }
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(member.mode);
        header.set_uid(member.user.into());
        header.set_gid(member.group.into());
        header.set_mtime(u64::try_from(member.modified).unwrap_or(0));
        put(&mut header.as_old_mut().linkname, target);
        self.block(header, path, size)
    }

    fn extension(&mut self, kind: EntryType, name: &[u8], content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        self.block(header, name, content.len() as u64)?;
        self.body(&mut &*content, content.len() as u64)
    }

    fn block(&mut self, mut header: Header, name: &[u8], size: u64) -> io::Result<()> {
        put(&mut header.as_old_mut().name, name);
        header.set_size(size);
        header.set_cksum();
        self.output.write_all(header.as_bytes())
    }

    /// Writes content of this size, and fills its last block.
    fn body(&mut self, content: &mut impl Read, size: u64) -> io::Result<()> {
        if io::copy(content, &mut self.output)? < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let filling = [0; BLOCK as usize];
        self.output.write_all(&filling[..(size.wrapping_neg() % BLOCK) as usize])
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// `output`.
    pub fn finish(mut self) -> Result<()> {
        self.output.write_all(&[0; 2 * BLOCK as usize]).and_then(|()| self.output.finish()).map_err(Error::Output)
    }
}

/// Files with several names, by their first.
#[derive(Default)]
struct Shared {
    names: HashMap<(u64, u64), RelativePath>,
    bytes: usize,
}

impl Shared {
    /// The name under which a file was put in before.
    fn name_of(&mut self, stat: &Stat, path: &RelativePath) -> Option<Vec<u8>> {
        if stat.st_nlink < 2 {
            return None;
        }
        let file = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.names.get(&file) {
            return Some(first.as_bytes().to_vec());
        }
        if self.bytes < MOST_SHARED {
            self.bytes += path.as_bytes().len();
            self.names.insert(file, path.clone());
        }
        None
    }
}

fn put(field: &mut [u8; SHORT], text: &[u8]) {
    let length = text.len().min(SHORT);
    field[..length].copy_from_slice(&text[..length]);
}

/// `LENGTH KEY=VALUE` and the end of a line, where the length counts its own digits.
pub(super) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

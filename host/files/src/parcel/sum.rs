//! What a part of an archive holds, in one number.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::extract::reader::{Content, Member};

/// What was packed or unpacked of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSum {
    /// SHA-256, in hexadecimal digits, over names, kinds, modes, owners, times, attributes and contents: the same however tar
    /// and compression write them.
    pub sha256: String,
    /// Files, directories, links and pipes; the directory itself is one.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Sockets, devices, mounted file systems and attributes that were left out.
    pub left_out: u64,
    /// Bytes that were written when it was unpacked: without holes, and each entry as a block.
    pub written: u64,
}

/// The sum while it is made.
pub(super) struct Sum {
    digest: Sha256,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) left_out: u64,
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { digest: Sha256::new(), entries: 0, bytes: 0, left_out: 0 }
    }

    pub(super) fn member(&mut self, member: &Member) {
        self.entries += 1;
        let (kind, size, target): (u8, u64, &[u8]) = match &member.content {
            Content::File { size } => (b'f', *size, &[]),
            Content::Directory => (b'd', 0, &[]),
            Content::Symlink { target } => (b's', 0, target),
            Content::Link { target } => (b'l', 0, target),
            Content::Pipe => (b'p', 0, &[]),
            Content::Refused(_) => (b'?', 0, &[]),
        };
        self.bytes += size;
        self.digest.update([kind]);
        self.text(member.path.as_bytes());
        self.text(target);
        for number in [u64::from(member.mode), member.user.into(), member.group.into(), size] {
            self.digest.update(number.to_le_bytes());
        }
        self.digest.update(member.modified.to_le_bytes());
        self.digest.update(member.nanoseconds.to_le_bytes());
        self.digest.update((member.attributes.len() as u64).to_le_bytes());
        for (name, value) in &member.attributes {
            self.text(name);
            self.text(value);
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.digest.update((text.len() as u64).to_le_bytes());
        self.digest.update(text);
    }

    /// A reader of the content of the member that was noted last.
    pub(super) fn content<'s, R: Read + 's>(&'s mut self, content: R) -> impl Read + 's {
        Summed { digest: &mut self.digest, content }
    }

    pub(super) fn finish(self) -> PartSum {
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        PartSum { sha256, entries: self.entries, bytes: self.bytes, left_out: self.left_out, written: 0 }
    }
}

struct Summed<'s, R> {
    digest: &'s mut Sha256,
    content: R,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

//! Archives whose headers hold exactly what is asked for, which an honest archiver would not write.

use std::io::Read as _;

use sandboxed_tarball::{Entries, Entry, Error, Result, Rules, Stream};
use tar::{EntryType, Header};

pub(crate) const RULES: Rules = Rules { extension: 1024, extensions: 4, unmarked_end: false };

/// An archive without its end.
#[derive(Clone, Default)]
pub(crate) struct Forged(pub(crate) Vec<u8>);

impl Forged {
    /// Adds a header, changed by `change` before it is summed, and what follows it, filled up.
    pub(crate) fn header(mut self, kind: EntryType, content: &[u8], change: impl FnOnce(&mut Header)) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(1000);
        header.set_gid(100);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        header.as_old_mut().name[..4].copy_from_slice(b"name");
        change(&mut header);
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, content: &[u8]) -> Self {
        self.header(EntryType::Regular, content, |_| {})
    }

    pub(crate) fn pax(self, records: &[u8]) -> Self {
        self.header(EntryType::XHeader, records, |_| {})
    }

    /// A file of this size by an extended header, of which only `content` is there.
    pub(crate) fn claiming(self, size: &str, content: &[u8]) -> Self {
        let length = (size.len() + 8..).find(|length| length.to_string().len() + size.len() + 7 == *length).unwrap();
        self.pax(format!("{length} size={size}\n").as_bytes()).file(content)
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// All entries with their content.
pub(crate) fn read(archive: &[u8], rules: Rules) -> Result<Vec<(Entry, Vec<u8>)>> {
    let mut entries = Entries::new(Stream(archive), rules);
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        let mut content = Vec::new();
        entries.content().read_to_end(&mut content).map_err(Error::Input)?;
        found.push((entry, content));
    }
    Ok(found)
}

/// All entries, passing over their content.
pub(crate) fn pass(archive: &[u8], rules: Rules) -> Result<Vec<Entry>> {
    let mut entries = Entries::new(Stream(archive), rules);
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        found.push(entry);
    }
    Ok(found)
}

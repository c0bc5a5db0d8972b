//! A layer of an image: looked over as a whole first, and put over the layers below it then.

use std::io::Read;

use sandboxed_tarball::Stream;

use crate::{
    Error, Result,
    compression::decompress,
    digest::{self, Summed},
    error::{reading, shown},
    manifest::Layer,
    member::{Content, Member, Members},
    root::Root,
    source::Blobs,
};

/// What is hidden of the layers below has such a name, and what is after it (OCI image specification, layer.md).
const WHITEOUT: &[u8] = b".wh.";
/// All that the layers below have in the directory is hidden.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Others with such a name are the file system's own business.
const OWN: &[u8] = b".wh..wh.";
/// Bytes of headers and fillings that come with each member.
const OVERHEAD: u64 = 4096;

/// How much may still be unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    /// What it began with, for a person.
    pub(crate) limits: (u64, u64),
}

impl Budget {
    pub(crate) fn new(bytes: u64, entries: u64) -> Self {
        Self { bytes, entries, limits: (bytes, entries) }
    }

    fn spend(&mut self, content: &Content) -> Result<()> {
        let size = if let Content::File { size } = content { *size } else { 0 };
        let too_large = |limit, of| Error::TooLarge { limit, of };
        self.entries = self.entries.checked_sub(1).ok_or(too_large(self.limits.1, "files"))?;
        self.bytes = self.bytes.checked_sub(size).ok_or(too_large(self.limits.0, "bytes"))?;
        Ok(())
    }

    /// How long an archive may be of which so much may be unpacked.
    fn archive(&self) -> u64 {
        self.bytes.saturating_add(self.entries.saturating_mul(OVERHEAD)).saturating_add(1 << 20)
    }
}

/// What a layer hides of those below it.
enum Hidden {
    Path(Vec<Vec<u8>>),
    AllIn(Vec<Vec<u8>>),
}

/// What became of the members of an archive.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// Devices and pipes.
    pub(crate) left_out: u64,
}

/// Unpacks a layer over what is there. Nothing is written before all of it was read once and is what its digests say.
pub(crate) fn apply(root: &Root, blobs: &Blobs, layer: &Layer, budget: &mut Budget) -> Result<Count> {
    let hidden = look_over(blobs, layer, budget)?;
    // Before anything of the layer itself is there, so that it hides only what is below it.
    for hidden in hidden {
        match hidden {
            Hidden::Path(path) => root.remove(&path)?,
            Hidden::AllIn(path) => root.empty(&path)?,
        }
    }
    let (file, _) = blobs.open(&layer.blob)?;
    let (plain, _) = decompress(file).map_err(reading)?;
    let mut archive = Members::new(Stream(plain));
    let mut count = Count::default();
    while let Some(member) = archive.next()? {
        if member.path.last().is_none_or(|name| !name.starts_with(WHITEOUT)) {
            put(root, &member, archive.content(), &mut count)?;
        }
    }
    Ok(count)
}

/// Unpacks an archive that is a root file system by itself.
pub(crate) fn unpack(root: &Root, archive: impl Read, budget: &mut Budget) -> Result<Count> {
    let limited = Summed::new(archive, budget.archive());
    let mut archive = Members::new(Stream(limited));
    let mut count = Count::default();
    while let Some(member) = archive.next()? {
        budget.spend(&member.content)?;
        put(root, &member, archive.content(), &mut count)?;
    }
    Ok(count)
}

fn put(root: &Root, member: &Member, content: impl Read, count: &mut Count) -> Result<()> {
    match root.put(member, content)? {
        true => {
            count.entries += 1;
            count.bytes += if let Content::File { size } = member.content { size } else { 0 };
        }
        false => count.left_out += u64::from(matches!(member.content, Content::Special)),
    }
    Ok(())
}

fn look_over(blobs: &Blobs, layer: &Layer, budget: &mut Budget) -> Result<Vec<Hidden>> {
    if let Some(expected) = &layer.digest {
        let (file, size) = blobs.open(&layer.blob)?;
        digest::check(&layer.blob, expected, Summed::new(file, size).finish()?)?;
    }
    let (file, _) = blobs.open(&layer.blob)?;
    let (plain, _) = decompress(file).map_err(reading)?;
    let mut archive = Members::new(Stream(Summed::new(plain, budget.archive())));
    let mut hidden = Vec::new();
    while let Some(member) = archive.next()? {
        budget.spend(&member.content)?;
        let Some((name, parent)) = member.path.split_last() else { continue };
        match name.strip_prefix(WHITEOUT) {
            _ if name == OPAQUE => hidden.push(Hidden::AllIn(parent.to_vec())),
            _ if name.starts_with(OWN) => {}
            Some(b"" | b"." | b"..") => {
                return Err(Error::Invalid(format!(
                    "{} hides nothing that there can be",
                    shown(&member.path.join(&b'/'))
                )));
            }
            Some(name) => {
                hidden.push(Hidden::Path(parent.iter().cloned().chain([name.to_vec()]).collect()));
            }
            None => {}
        }
    }
    let Stream(read) = archive.into_inner();
    digest::check(&format!("the content of {}", layer.blob), &layer.content, read.finish()?)?;
    Ok(hidden)
}

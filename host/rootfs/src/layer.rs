//! One layer.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, Metadata},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Names a layer: 32 hexadecimal digits of the SHA-256 of its key. Equal keys are equal contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LayerId(String);

impl LayerId {
    /// The id of the layer with this key.
    pub fn of(key: &str) -> Self {
        Self(hexadecimal(&Sha256::digest(key))[..32].to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no layer's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a layer's id is 32 hexadecimal digits")]
pub struct InvalidLayerId;

impl FromStr for LayerId {
    type Err = InvalidLayerId;

    fn from_str(text: &str) -> Result<Self, InvalidLayerId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits { Ok(Self(text.to_owned())) } else { Err(InvalidLayerId) }
    }
}

impl TryFrom<String> for LayerId {
    type Error = InvalidLayerId;

    fn try_from(text: String) -> Result<Self, InvalidLayerId> {
        text.parse()
    }
}

impl From<LayerId> for String {
    fn from(id: LayerId) -> Self {
        id.0
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A layer that is there and whole.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) directory: PathBuf,
    pub(crate) record: Record,
}

/// What is kept of a layer beside its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) title: String,
    /// Whom its files belong to on disk.
    pub(crate) users: Users,
    /// Absent: nobody looks whether it is as it was made.
    pub(crate) contents: Option<Contents>,
    /// Variables for whoever runs in it, each `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) env: Vec<String>,
}

/// User ids of the machine, and group ids of the same numbers, that belong together: all users of a system, or the one
/// user of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// The first.
    pub first: u32,
    /// How many follow one another from there.
    pub count: u32,
}

/// What a layer's files looked like when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// SHA-256 over name, type, mode, owner, size and time of everything in it. What the files hold is not read: the
    /// layer is for root alone, and reading hundreds of megabytes would cost more than making some layers does.
    pub(crate) digest: String,
}

impl Layer {
    pub(crate) const RECORD: &str = "layer.json";
    pub(crate) const FILES: &str = "files";

    /// Which it is.
    pub fn id(&self) -> LayerId {
        LayerId::of(&self.record.key)
    }

    /// What it is, for a person.
    pub fn title(&self) -> &str {
        &self.record.title
    }

    /// Variables for whoever runs in it, each `NAME=VALUE`, as whoever made it said.
    pub fn env(&self) -> &[String] {
        &self.record.env
    }

    /// Whom its files belong to on disk.
    pub fn users(&self) -> Users {
        self.record.users
    }

    /// The directory of its files.
    pub fn files(&self) -> PathBuf {
        self.directory.join(Self::FILES)
    }
}

impl Contents {
    /// Looks at everything in a directory.
    pub(crate) fn of(directory: &Path) -> Result<Self> {
        let mut contents = Self { entries: 0, bytes: 0, digest: String::new() };
        let mut digest = Sha256::new();
        let mut waiting = vec![directory.to_owned()];
        while let Some(next) = waiting.pop() {
            let failed = || Error::io("reading", &next);
            let mut entries = Vec::new();
            for entry in fs::read_dir(&next).map_err(failed())? {
                let entry = entry.map_err(failed())?;
                let metadata = fs::symlink_metadata(entry.path()).map_err(failed())?;
                entries.push((entry.file_name(), metadata));
            }
            entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            for (name, metadata) in entries {
                contents.entries += 1;
                contents.bytes += if metadata.is_file() { metadata.len() } else { 0 };
                note(&mut digest, &name, &metadata);
                if metadata.is_dir() {
                    waiting.push(next.join(name));
                }
            }
            digest.update([0]);
        }
        contents.digest = hexadecimal(&digest.finalize());
        Ok(contents)
    }
}

fn note(digest: &mut Sha256, name: &OsStr, metadata: &Metadata) {
    digest.update(name.as_bytes());
    digest.update([0]);
    // The size of a directory is the file system's business.
    let size = if metadata.is_dir() { 0 } else { metadata.size() };
    for number in [metadata.mode().into(), metadata.uid().into(), metadata.gid().into(), size, metadata.rdev()] {
        digest.update(u64::to_le_bytes(number));
    }
    if !metadata.is_dir() {
        digest.update(metadata.mtime().to_le_bytes());
        digest.update(metadata.mtime_nsec().to_le_bytes());
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_id_and_other_texts_are_none() {
        assert_eq!(LayerId::of("a"), LayerId::of("a"));
        assert_ne!(LayerId::of("a"), LayerId::of("b"));
        assert_eq!(LayerId::of("a").as_str().parse(), Ok(LayerId::of("a")));
        for text in ["", "..", "ABCDEF0123456789abcdef0123456789", "0123"] {
            assert_eq!(text.parse::<LayerId>(), Err(InvalidLayerId), "{text}");
        }
    }

    #[test]
    fn a_change_of_name_mode_size_or_time_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::create_dir(directory.path().join("below")).unwrap();
        fs::write(&file, "one").unwrap();
        let before = Contents::of(directory.path()).unwrap();
        assert_eq!((before.entries, before.bytes), (2, 3));

        fs::write(&file, "two").unwrap();
        let written = Contents::of(directory.path()).unwrap();
        fs::rename(&file, directory.path().join("below/file")).unwrap();
        let moved = Contents::of(directory.path()).unwrap();

        assert_ne!(before, written);
        assert_ne!(written, moved);
        assert_eq!(moved, Contents::of(directory.path()).unwrap());
    }
}

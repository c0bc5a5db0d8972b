//! A path below a tree's root.

use std::fmt;

use crate::{Error, Name, Result, name};

/// The longest path in bytes (`PATH_MAX` of Linux).
const MAX_PATH: usize = 4096;

/// A path below a tree's root, parsed once at the edge: no leading slash, no `.`, no `..`, no NUL, at most 4096 bytes, names of
/// at most 255 bytes. The empty path is the root.
///
/// `..` is resolved by its letters (`a/../b` is `b`, whatever `a` is), and may not lead above the root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelativePath(Vec<u8>);

impl RelativePath {
    /// The root of the tree.
    pub fn root() -> Self {
        Self::default()
    }

    /// Takes a path as it is: text, or the bytes of names that are no text.
    ///
    /// # Errors
    /// `outside` for an absolute path and for `..` above the root, `name_invalid` for what cannot be a path.
    pub fn parse(path: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = path.as_ref();
        if bytes.len() > MAX_PATH {
            return Err(Error::NameInvalid("the path is longer than 4096 bytes"));
        }
        if bytes.first() == Some(&b'/') {
            return Err(Error::Outside(name::escape(bytes)));
        }
        let mut parsed = Self::root();
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => parsed = parsed.parent().ok_or_else(|| Error::Outside(name::escape(bytes)))?,
                _ => {
                    name::check(part)?;
                    parsed.append(part);
                }
            }
        }
        Ok(parsed)
    }

    /// Takes the form that `Display` and [`Name::escaped`] write.
    ///
    /// # Errors
    /// Those of [`RelativePath::parse`], and `name_invalid` for a wrong escape.
    pub fn from_escaped(text: &str) -> Result<Self> {
        Self::parse(name::unescape(text)?)
    }

    /// The path of an entry of this directory.
    ///
    /// # Errors
    /// `name_invalid` where the path becomes too long.
    pub fn join(&self, name: &Name) -> Result<Self> {
        let mut joined = self.clone();
        joined.append(name.as_bytes());
        if joined.0.len() > MAX_PATH {
            return Err(Error::NameInvalid("the path is longer than 4096 bytes"));
        }
        Ok(joined)
    }

    /// The directory of this entry; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// The name of this entry in its directory; `None` for the root.
    pub fn name(&self) -> Option<Name> {
        // Every part was checked on the way in.
        self.0.rsplit(|byte| *byte == b'/').next().and_then(|part| Name::new(part).ok())
    }

    /// Whether this is the root of the tree.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where all names are UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The names from the root on.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        // Every part was checked on the way in; the root has none.
        self.0.split(|byte| *byte == b'/').filter_map(|part| Name::new(part).ok())
    }

    /// The path from below its first `count` directories; the root where there are no more names than that.
    pub(crate) fn without_first(&self, count: usize) -> Self {
        let mut rest = Self::root();
        self.names().skip(count).for_each(|name| rest.append(name.as_bytes()));
        rest
    }

    /// Whether `other` is this path or lies below it, by the letters.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.is_root()
            || other.0.strip_prefix(self.0.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// A path that a walk has come to; only told to people, so it may be longer than a path that can be opened.
    pub(crate) fn reached(&self, below: &[u8]) -> Self {
        let mut reached = self.clone();
        if !below.is_empty() {
            reached.append(below);
        }
        reached
    }

    fn append(&mut self, part: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(part);
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&if self.is_root() { ".".to_owned() } else { name::escape(&self.0) })
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelativePath({self})")
    }
}

impl std::str::FromStr for RelativePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

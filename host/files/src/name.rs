//! The name of one directory entry.

use std::fmt;

use crate::{Error, Result};

/// The longest name of an entry in bytes (`NAME_MAX` of Linux).
const MAX_NAME: usize = 255;

/// The name of one entry of a directory: any bytes but `/` and NUL, and neither `.` nor `..`. Linux gives names no encoding, so
/// a name need not be text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    /// Takes a name as it is.
    ///
    /// # Errors
    /// `name_invalid` for a name that no entry can have.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        check(bytes)?;
        Ok(Self(bytes.into()))
    }

    /// Takes the form that [`Name::escaped`] writes.
    ///
    /// # Errors
    /// `name_invalid` for a wrong escape or a name that no entry can have.
    pub fn from_escaped(text: &str) -> Result<Self> {
        Self::new(unescape(text)?)
    }

    /// The name as the file system has it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as text, where it is UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The name with `%`, control characters and all bytes that are not UTF-8 written as `%XX`. Nothing is lost.
    pub fn escaped(&self) -> String {
        escape(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.escaped())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.escaped())
    }
}

/// Refuses what no entry can be called.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    match bytes {
        b"" => Err(Error::NameInvalid("it is empty")),
        b"." | b".." => Err(Error::NameInvalid("`.` and `..` name no entry of their own")),
        _ if bytes.contains(&0) => Err(Error::NameInvalid("it contains a NUL byte")),
        _ if bytes.contains(&b'/') => Err(Error::NameInvalid("it contains a slash")),
        _ if bytes.len() > MAX_NAME => Err(Error::NameInvalid("it is longer than 255 bytes")),
        _ => Ok(()),
    }
}

/// See [`Name::escaped`].
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character != '%' && !character.is_control() {
                text.push(character);
            } else {
                push_hex(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in bytes {
        text.extend(['%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Undoes [`escape`].
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>> {
    const WRONG: Error = Error::NameInvalid("`%` must be followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(WRONG)?;
        rest = tail;
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or(WRONG);
        // Two digits of 4 bits make one byte.
        bytes.push((value(digits[0])? << 4 | value(digits[1])?) as u8);
    }
    Ok(bytes)
}

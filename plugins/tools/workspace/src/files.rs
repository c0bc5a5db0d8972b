//! Tools on files.

use base64::{Engine, prelude::BASE64_STANDARD};
use sandboxed_sdk::{
    failure,
    tools::{
        Failure, Reply,
        host::workspace_files::{self, Kind},
    },
};
use serde::Deserialize;
use serde_json::json;

use crate::answer;

/// Bytes that one `read_file` returns at most: more would only fill a model's context.
pub(crate) const MAX_READ_BYTES: u32 = 256 << 10;
/// Bytes of the longest character in UTF-8: with fewer, a part could hold none.
const LONGEST_CHARACTER: u32 = 4;
/// Largest file that `edit_file` changes.
const MAX_EDIT_BYTES: u64 = 8 << 20;

#[derive(Deserialize)]
pub(crate) struct List {
    #[serde(default)]
    path: String,
    after: Option<String>,
    limit: Option<u32>,
}

pub(crate) fn list(List { path, after, limit }: List) -> Result<Reply, Failure> {
    let limit = limit.unwrap_or(200);
    answer(workspace_files::list(&path, after.as_deref(), limit).map(|entries| {
        let next = (entries.len() as u64 == u64::from(limit)).then(|| entries.last().map(|entry| name_of(&entry.path)));
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let kind = match entry.kind {
                    Kind::File => "file",
                    Kind::Directory => "directory",
                    Kind::Symlink => "symlink",
                    Kind::Other => "other",
                };
                json!({ "path": entry.path, "kind": kind, "size": entry.size, "modified_ms": entry.modified_ms })
            })
            .collect();
        Reply::json(&json!({ "entries": entries, "next": next.flatten() }))
    }))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How bytes stand in JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    #[default]
    Text,
    Base64,
}

#[derive(Deserialize)]
pub(crate) struct Read {
    path: String,
    #[serde(default)]
    offset: u64,
    length: Option<u32>,
    #[serde(default)]
    encoding: Encoding,
}

pub(crate) fn read(Read { path, offset, length, encoding }: Read) -> Result<Reply, Failure> {
    let length = length.unwrap_or(MAX_READ_BYTES).clamp(LONGEST_CHARACTER, MAX_READ_BYTES);
    let read = workspace_files::stat(&path).and_then(|entry| {
        if entry.kind == Kind::Directory {
            return Ok(Reply::error(format!("{path} is a directory: see what is in it with list_files")));
        }
        let bytes = workspace_files::read(&path, offset, length)?;
        let after = |bytes: usize| offset.saturating_add(bytes as u64);
        // The size of what a symbolic link points to is not known.
        let size = (entry.kind == Kind::File).then_some(entry.size);
        let at_end = size.map_or(bytes.len() < length as usize, |size| after(bytes.len()) >= size);
        Ok(match part(&bytes, at_end, encoding) {
            Ok(Part { key, content, taken }) => {
                let next = (!at_end && taken > 0).then(|| after(taken));
                Reply::json(&json!({ key: content, "size": size, "next_offset": next }))
            }
            Err(at) => {
                let place = after(at);
                Reply::error(format!("{path} is no UTF-8 text at byte {place}; read it with encoding \"base64\""))
            }
        })
    });
    answer(read)
}

/// What is returned of a file, under which key, and how many of the bytes it holds.
#[derive(Debug, PartialEq)]
struct Part {
    key: &'static str,
    content: String,
    taken: usize,
}

/// A part of a file in the encoding. A character that is cut is left for the next part, if there is one. Fails with the
/// place of the first byte that is no text.
fn part(bytes: &[u8], at_end: bool, encoding: Encoding) -> Result<Part, usize> {
    if encoding == Encoding::Base64 {
        return Ok(Part { key: "base64", content: BASE64_STANDARD.encode(bytes), taken: bytes.len() });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.valid_up_to();
            match std::str::from_utf8(&bytes[..valid]) {
                Ok(text) if error.error_len().is_none() && !at_end => text,
                _ => return Err(valid),
            }
        }
    };
    Ok(Part { key: "text", content: text.to_owned(), taken: text.len() })
}

#[derive(Deserialize)]
pub(crate) struct Write {
    path: String,
    content: String,
    #[serde(default)]
    encoding: Encoding,
}

pub(crate) fn write(Write { path, content, encoding }: Write) -> Result<Reply, Failure> {
    let bytes = match encoding {
        Encoding::Text => content.into_bytes(),
        Encoding::Base64 => match BASE64_STANDARD.decode(&content) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Ok(Reply::error(format!("{path} was not written: `content` is no base64 ({error})")));
            }
        },
    };
    answer(
        workspace_files::write(&path, &bytes).map(|()| Reply::text(format!("wrote {} bytes to {path}", bytes.len()))),
    )
}

#[derive(Deserialize)]
pub(crate) struct Edit {
    path: String,
    old: String,
    new: String,
    #[serde(default)]
    replace_all: bool,
}

pub(crate) fn edit(Edit { path, old, new, replace_all }: Edit) -> Result<Reply, Failure> {
    let edited = whole_text(&path).and_then(|text| match replaced(&text, &old, &new, replace_all) {
        Ok((text, count)) => {
            workspace_files::write(&path, text.as_bytes())?;
            Ok(Reply::text(format!("replaced {count} occurrence{} in {path}", if count == 1 { "" } else { "s" })))
        }
        Err(why) => Ok(Reply::error(format!("{path} was not changed: {why}"))),
    });
    answer(edited)
}

fn replaced(text: &str, old: &str, new: &str, all: bool) -> Result<(String, usize), String> {
    match text.matches(old).count() {
        0 => Err("`old` does not occur in it; read the file and copy the text exactly".to_owned()),
        count if count > 1 && !all => {
            Err(format!("`old` occurs {count} times; give more of its surroundings, or set `replace_all`"))
        }
        count => Ok((text.replace(old, new), count)),
    }
}

fn whole_text(path: &str) -> Result<String, Failure> {
    let entry = workspace_files::stat(path)?;
    if entry.kind != Kind::File {
        // Writing would put a file in the place of the link.
        let message = format!("{path} is no file of its own; edit the file that a link points to");
        return Err(failure!(Config, "workspace.no_file", message));
    }
    if entry.size > MAX_EDIT_BYTES {
        let size = entry.size;
        let message = format!("{path} has {size} bytes; edit a file over {MAX_EDIT_BYTES} bytes with run_command");
        return Err(failure!(Config, "workspace.file_too_large", message));
    }
    let bytes = workspace_files::read(path, 0, u32::try_from(MAX_EDIT_BYTES).unwrap_or(u32::MAX))?;
    String::from_utf8(bytes).map_err(|_| {
        failure!(
            Config,
            "workspace.no_text",
            "{path} is no UTF-8 text; edit it with run_command, or replace it as a whole"
        )
    })
}

#[derive(Deserialize)]
pub(crate) struct Delete {
    path: String,
}

pub(crate) fn delete(Delete { path }: Delete) -> Result<Reply, Failure> {
    answer(workspace_files::remove(&path).map(|()| Reply::text(format!("deleted {path}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_needs_text_that_occurs_once() {
        assert_eq!(replaced("a b c", "b", "x", false), Ok(("a x c".to_owned(), 1)));
        assert!(replaced("a b b", "b", "x", false).is_err_and(|why| why.contains("2 times")));
        assert!(replaced("a", "b", "x", false).is_err_and(|why| why.contains("does not occur")));
        assert_eq!(replaced("a b b", "b", "x", true), Ok(("a x x".to_owned(), 2)));
    }

    fn text(content: &str) -> Part {
        Part { key: "text", content: content.to_owned(), taken: content.len() }
    }

    #[test]
    fn a_part_of_a_file_ends_at_a_character() {
        let bytes = "aä".as_bytes();
        assert_eq!(part(bytes, true, Encoding::Text), Ok(text("aä")));
        assert_eq!(part(&bytes[..2], false, Encoding::Text), Ok(text("a")));
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place_and_can_be_had_as_base64() {
        assert_eq!(part(b"ab\xff", false, Encoding::Text), Err(2));
        assert_eq!(part(b"a\xc3", true, Encoding::Text), Err(1), "the file ends within a character");
        let part = part(b"ab\xff", true, Encoding::Base64).expect("any bytes");
        assert_eq!(part, Part { key: "base64", content: "YWL/".to_owned(), taken: 3 });
    }

    #[test]
    fn content_that_is_no_base64_is_not_written() {
        let write = Write { path: "a".to_owned(), content: "§".to_owned(), encoding: Encoding::Base64 };
        let reply = super::write(write).expect("an answer for the model");
        assert!(reply.is_error);
    }
}

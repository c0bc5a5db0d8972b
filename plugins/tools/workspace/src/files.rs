//! Tools on files.

use sandboxed_sdk::{
    failure,
    tools::{
        Blame, Failure, Reply,
        host::workspace_files::{self, Kind},
    },
};
use serde::Deserialize;
use serde_json::json;

use crate::answer;

/// Bytes that one `read_file` returns at most: more would only fill a model's context.
pub(crate) const MAX_READ_BYTES: u32 = 256 << 10;
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

#[derive(Deserialize)]
pub(crate) struct Read {
    path: String,
    #[serde(default)]
    offset: u64,
    length: Option<u32>,
}

pub(crate) fn read(Read { path, offset, length }: Read) -> Result<Reply, Failure> {
    let length = length.unwrap_or(MAX_READ_BYTES).min(MAX_READ_BYTES);
    let read = workspace_files::stat(&path).and_then(|entry| {
        let bytes = workspace_files::read(&path, offset, length)?;
        let (text, taken) = text_of(&bytes);
        let Some(text) = text else {
            return Ok(Reply::error(format!("{path} is no text: it has {} bytes of something else", entry.size)));
        };
        let next = offset + taken as u64;
        let next = (next < entry.size && taken > 0).then_some(next);
        Ok(Reply::json(&json!({ "text": text, "size": entry.size, "next_offset": next })))
    });
    answer(read)
}

/// The text of the bytes and how many of them it takes: a character that is cut at the end is left for the next part.
fn text_of(bytes: &[u8]) -> (Option<&str>, usize) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text), bytes.len()),
        Err(error) if error.error_len().is_none() => {
            let valid = error.valid_up_to();
            (std::str::from_utf8(&bytes[..valid]).ok(), valid)
        }
        Err(_) => (None, 0),
    }
}

#[derive(Deserialize)]
pub(crate) struct Write {
    path: String,
    content: String,
}

pub(crate) fn write(Write { path, content }: Write) -> Result<Reply, Failure> {
    let length = content.len();
    answer(
        workspace_files::write(&path, content.as_bytes())
            .map(|()| Reply::text(format!("wrote {length} bytes to {path}"))),
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
    if entry.size > MAX_EDIT_BYTES {
        let message = format!("{path} has {} bytes; files over {MAX_EDIT_BYTES} are edited with a command", entry.size);
        return Err(failure!(Config, "workspace.file_too_large", message));
    }
    let bytes = workspace_files::read(path, 0, u32::try_from(MAX_EDIT_BYTES).unwrap_or(u32::MAX))?;
    String::from_utf8(bytes).map_err(|_| failure!(Config, "workspace.no_text", format!("{path} is no UTF-8 text")))
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

    #[test]
    fn a_part_of_a_file_ends_at_a_character() {
        let bytes = "aä".as_bytes();
        assert_eq!(text_of(bytes), (Some("aä"), 3));
        assert_eq!(text_of(&bytes[..2]), (Some("a"), 1));
        assert_eq!(text_of(b"\xff\xfe"), (None, 0));
    }
}

//! A user that programs find when they look for who they are.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    member::{Content, Member, names},
    root::Root,
};

/// A user, and a group of the same name and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: u32,
    /// Its home, an absolute path.
    pub home: String,
}

/// Shells, the best first.
const SHELLS: [&str; 4] = ["/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh"];

impl Account {
    /// Adds it to the users of a system that has none with its name or its number.
    pub(crate) fn add(&self, root: &Root) -> Result<()> {
        let Self { name, id, home } = self;
        let mut shell = "/bin/sh";
        for known in SHELLS.into_iter().rev() {
            // Read as whoever is in the image would find it.
            if root.read(&names(known.as_bytes())?)?.is_some() {
                shell = known;
            }
        }
        add(root, "etc/passwd", name, *id, &format!("{name}:x:{id}:{id}:{name}:{home}:{shell}\n"))?;
        add(root, "etc/group", name, *id, &format!("{name}:x:{id}:\n"))
    }
}

/// Adds a line to a file whose first field is a name and whose third is a number, unless one of both is there.
fn add(root: &Root, path: &str, name: &str, id: u32, line: &str) -> Result<()> {
    let path = names(path.as_bytes())?;
    let mut text = root.read(&path)?.unwrap_or_default();
    let is_there = text.split(|byte| *byte == b'\n').any(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let first = fields.next();
        first == Some(name.as_bytes()) || fields.nth(1) == Some(id.to_string().as_bytes())
    });
    // What is longer than what was read would be cut.
    if is_there || text.len() as u64 >= Root::READ_LIMIT {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend(line.as_bytes());
    let size = text.len() as u64;
    let member = Member { path, mode: 0o644, user: 0, group: 0, modified: 0, content: Content::File { size } };
    root.put(&member, text.as_slice()).map(drop)
}

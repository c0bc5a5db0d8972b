//! `skills`: what agents can read when they need it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use sandboxed_model::context::{Skill, SkillFile, SkillInfo, SkillName};

use super::{ago, with_client};
use crate::{
    arguments::{Place, Skills},
    client::WholeSkill,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

/// The file that makes a directory a skill.
const MAIN: &str = "SKILL.md";
/// Bytes that are read of a directory: no server takes more.
const MAX_BYTES: u64 = 4 << 20;
/// How deep directories are looked through.
const MAX_DEPTH: usize = 16;

pub(crate) async fn skills(place: &Place, command: Skills) -> Result<()> {
    // Before a server is asked for anything.
    let added = match &command {
        Skills::Add { directory, .. } => Some(read(directory)?),
        _ => None,
    };
    with_client(place, async |client| match command {
        Skills::List(listing) => {
            let skills = client.skills().await?;
            if listing.json { output::print_json(&skills) } else { list(&skills) }
        }
        Skills::Show { name, listing } => {
            let skill = client.skill(&name).await?;
            if listing.json { output::print_json(&WholeSkill::from(skill)) } else { show(&skill) }
        }
        Skills::Add { listing, .. } => {
            let Some((name, files)) = added else { return Ok(()) };
            let info = client.put_skill(name, files).await?;
            match listing.json {
                true => output::print_json(&info),
                false => output::print(&format!("skill {} is in the library, with {} files", info.name, info.files)),
            }
        }
        Skills::Delete { name } => {
            client.delete_skill(&name).await?;
            output::print(&format!("skill {name} deleted"))
        }
    })
    .await
}

/// The skill that a directory holds. Links are not followed: what they lead to may be anything.
fn read(directory: &Path) -> Result<(SkillName, Vec<SkillFile>)> {
    let shown = directory.display();
    let wrong = |error: std::io::Error| Failed::new(format!("{shown} cannot be read: {error}"));
    let directory = directory.canonicalize().map_err(wrong)?;
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name: SkillName =
        name.parse().map_err(|error| Failed::usage(format!("{error}; the directory has that name")))?;
    let (mut files, mut bytes) = (Vec::new(), 0);
    add(&directory, "", 0, &mut bytes, &mut files).map_err(wrong)?;
    if !files.iter().any(|file| file.path == MAIN) {
        return Err(Failed::usage(format!("{shown} has no {MAIN}")));
    }
    Ok((name, files))
}

fn add(
    directory: &Path,
    before: &str,
    depth: usize,
    bytes: &mut u64,
    files: &mut Vec<SkillFile>,
) -> std::io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(std::io::Error::other(format!("{} is too deep", directory.display())));
    }
    let mut entries = fs::read_dir(directory)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| *name != ".git") else { continue };
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            add(&entry.path(), &format!("{before}{name}/"), depth + 1, bytes, files)?;
        } else if metadata.is_file() {
            *bytes += metadata.len();
            if *bytes > MAX_BYTES {
                return Err(std::io::Error::other(format!("a skill has at most {} MiB", MAX_BYTES >> 20)));
            }
            files.push(SkillFile {
                path: format!("{before}{name}"),
                bytes: fs::read(entry.path())?,
                executable: metadata.permissions().mode() & 0o111 != 0,
            });
        }
    }
    Ok(())
}

fn list(skills: &[SkillInfo]) -> Result<()> {
    let mut table = Table::new(&["NAME", "FILES", "CHANGED", "DESCRIPTION"]);
    for skill in skills {
        table.row([skill.name.to_string(), skill.files.to_string(), ago(skill.updated_at), skill.description.clone()]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no skills"))
}

fn show(Skill { info, files }: &Skill) -> Result<()> {
    list(std::slice::from_ref(info))?;
    let mut text = String::new();
    for file in files {
        let mark = if file.executable { " (executable)" } else { "" };
        text.push_str(&format!("\n  {}  {} bytes{mark}", file.path, file.bytes.len()));
    }
    if let Some(main) = files.iter().find(|file| file.path == MAIN) {
        text.push_str(&format!("\n\n{}", String::from_utf8_lossy(&main.bytes).trim_end()));
    }
    output::print(&output::safe(text.trim_start_matches('\n')))
}

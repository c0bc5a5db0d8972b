//! The library of skills: instructions with files that agents read when they need them.

use std::collections::BTreeSet;

use sandboxed_files::RelativePath;
use sandboxed_model::context::{Skill, SkillFile, SkillInfo, SkillName};
use yaml_rust2::{
    Event,
    parser::{EventReceiver, Parser},
};

use crate::{Error, Orchestrator, Result};

/// The file that makes a directory a skill (<https://agentskills.io/specification>).
const MAIN: &str = "SKILL.md";
/// Files of a skill.
const MAX_FILES: usize = 256;
/// Bytes of them together.
const MAX_BYTES: usize = 4 << 20;
/// Bytes of the path of one.
const MAX_PATH: usize = 255;
/// Bytes of the head of its SKILL.md.
const MAX_HEAD: usize = 16 << 10;
/// Characters of a description, by the specification.
const MAX_DESCRIPTION: usize = 1024;

impl Orchestrator {
    /// All skills by their names.
    ///
    /// # Errors
    /// When the store is not available.
    pub async fn skills(&self) -> Result<Vec<SkillInfo>> {
        Ok(self.services.store.skills().await?)
    }

    /// A skill with its files.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn skill(&self, name: &SkillName) -> Result<Skill> {
        Ok(self.services.store.skill(name).await?)
    }

    /// Keeps a skill, in the place of one of the same name. Missions get it with their next turn.
    ///
    /// # Errors
    /// When it is none by the specification, or larger than the library takes.
    pub async fn put_skill(&self, name: SkillName, files: Vec<SkillFile>) -> Result<SkillInfo> {
        let description = description(&name, &files)?;
        Ok(self.services.store.put_skill(name, description, files).await?)
    }

    /// Removes a skill. Workspaces that name it go on without.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn delete_skill(&self, name: &SkillName) -> Result<()> {
        Ok(self.services.store.delete_skill(name).await?)
    }
}

/// What a skill is for, if it is one.
fn description(name: &SkillName, files: &[SkillFile]) -> Result<String> {
    if files.len() > MAX_FILES || files.iter().map(|file| file.bytes.len()).sum::<usize>() > MAX_BYTES {
        return Err(invalid(format!("a skill has at most {MAX_FILES} files and {} MiB", MAX_BYTES >> 20)));
    }
    let mut paths = BTreeSet::new();
    for SkillFile { path, .. } in files {
        let plain = RelativePath::parse(path).is_ok_and(|parsed| parsed.as_utf8() == Some(path));
        if !plain || path.is_empty() || path.len() > MAX_PATH || path.chars().any(char::is_control) {
            return Err(invalid(format!("{path:?} is no path of a file below the skill's directory")));
        }
        if !paths.insert(path.as_str()) {
            return Err(invalid(format!("there are two files {path:?}")));
        }
    }
    let lies_in_a_file = |path: &str| path.match_indices('/').any(|(end, _)| paths.contains(&path[..end]));
    if let Some(path) = paths.iter().find(|path| lies_in_a_file(path)) {
        return Err(invalid(format!("{path:?} lies in what is a file")));
    }
    let main = files.iter().find(|file| file.path == MAIN);
    let main = main.ok_or_else(|| invalid(format!("it has no {MAIN} in its directory")))?;
    let text = std::str::from_utf8(&main.bytes).map_err(|_| invalid(format!("its {MAIN} is no text in UTF-8")))?;
    let head = head(text)?;
    if head.name.as_deref() != Some(name.as_str()) {
        let said = head.name.unwrap_or_default();
        return Err(invalid(format!("the name in the head of its {MAIN} is {said:?} and not {:?}", name.as_str())));
    }
    let description = head.description.unwrap_or_default().trim().to_owned();
    if description.is_empty() || description.chars().count() > MAX_DESCRIPTION {
        return Err(invalid(format!(
            "the description in the head of its {MAIN} has not 1 to {MAX_DESCRIPTION} characters"
        )));
    }
    Ok(description)
}

/// What the head of a skill says.
#[derive(Default)]
struct Head {
    name: Option<String>,
    description: Option<String>,
    /// How deep the parser is: 1 is within the head itself.
    depth: usize,
    /// A key whose value comes next.
    key: Option<String>,
    /// A part stands for another: nothing that people write, and a way to make much of little.
    refers: bool,
}

impl EventReceiver for Head {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Alias(_) => self.refers = true,
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if self.depth == 1 {
                    self.key = None;
                }
                self.depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => self.depth = self.depth.saturating_sub(1),
            Event::Scalar(text, ..) if self.depth == 1 => match self.key.take().as_deref() {
                None => self.key = Some(text),
                Some("name") => self.name = Some(text),
                Some("description") => self.description = Some(text),
                Some(_) => {}
            },
            _ => {}
        }
    }
}

/// Reads the head of a SKILL.md: YAML between two lines of three dashes.
fn head(text: &str) -> Result<Head> {
    let none = || invalid(format!("its {MAIN} does not begin with a head between two lines of ---"));
    let rest = text.trim_start_matches('\u{feff}').strip_prefix("---").ok_or_else(none)?;
    let rest = rest.trim_start_matches(' ').trim_start_matches('\r').strip_prefix('\n').ok_or_else(none)?;
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let mut head = Head::default();
            let parsed = Parser::new_from_str(&rest[..length]).load(&mut head, false);
            return match parsed {
                Ok(()) if !head.refers => Ok(head),
                Ok(()) => Err(invalid(format!("the head of its {MAIN} refers to parts of itself"))),
                Err(error) => Err(invalid(format!("the head of its {MAIN} is no YAML: {error}"))),
            };
        }
        length += line.len();
        if length > MAX_HEAD {
            break;
        }
    }
    Err(none())
}

fn invalid(message: String) -> Error {
    Error::Invalid { code: "skill.invalid", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SkillFile {
        SkillFile { path: path.to_owned(), bytes: text.as_bytes().to_vec(), executable: false }
    }

    fn main(head: &str) -> SkillFile {
        file(MAIN, &format!("---\n{head}\n---\n# How\n"))
    }

    fn check(files: &[SkillFile]) -> Result<String> {
        description(&"pdf".parse().unwrap(), files)
    }

    #[test]
    fn a_skill_is_for_what_its_head_says_in_whichever_form() {
        for head in [
            "name: pdf\ndescription: Reads PDFs",
            "description: \"Reads PDFs\"\nmetadata:\n  name: other\n  tags: [a, b]\nname: 'pdf'",
            "name: pdf\ndescription: >\n  Reads\n  PDFs\n",
        ] {
            assert_eq!(check(&[main(head), file("scripts/run.sh", "")]).unwrap(), "Reads PDFs", "{head}");
        }
    }

    #[test]
    fn what_is_no_skill_is_refused_with_what_is_wrong() {
        let good = main("name: pdf\ndescription: x");
        for (files, wrong) in [
            (vec![], "no SKILL.md"),
            (vec![file(MAIN, "# How")], "does not begin with a head"),
            (vec![file(MAIN, "---\nname: pdf\n")], "does not begin with a head"),
            (vec![main("name: other\ndescription: x")], "and not \"pdf\""),
            (vec![main("name: pdf")], "the description"),
            (vec![main("name: [pdf")], "no YAML"),
            (vec![main("a: &a x\nname: pdf\ndescription: *a")], "refers to parts of itself"),
            (vec![good.clone(), file("../x", "")], "no path"),
            (vec![good.clone(), file("/etc/x", "")], "no path"),
            (vec![good.clone(), file("a", ""), file("a/b", "")], "lies in what is a file"),
            (vec![good.clone(), file("a", ""), file("a", "")], "two files"),
            (vec![good.clone(), file("a", &"x".repeat(MAX_BYTES))], "at most"),
        ] {
            let error = check(&files).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}

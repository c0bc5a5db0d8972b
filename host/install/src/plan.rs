//! A plan that can be followed.

use sandboxed_files::{Name, RelativePath};
use sandboxed_model::{
    Failure,
    install::{Download, Form, InstallCheck, InstallPlan, InstallStep, Source},
};
use sha2::{Digest, Sha256};

use crate::{failure, integrity::Integrity};

/// Most steps of a plan.
const MOST_STEPS: usize = 64;
/// Most arguments of a check, and most bytes of each.
const MOST_ARGUMENTS: usize = 32;
const MOST_TEXT: usize = 1024;
/// Most directories that are left out of an archive's paths.
const MOST_STRIPPED: u32 = 16;
/// The longest name of a package (npm), and the longest version.
const MOST_NAME: usize = 214;
const MOST_VERSION: usize = 100;

/// A plan of a plugin's, every name and path of which was looked at.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) check: InstallCheck,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Fetch(Fetch),
    Expand { path: RelativePath, target: RelativePath },
    Executable(RelativePath),
}

#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    pub(crate) source: Source,
    pub(crate) integrity: Integrity,
    pub(crate) into: RelativePath,
    pub(crate) form: Placed,
}

#[derive(Debug, Clone)]
pub(crate) enum Placed {
    TarGz { strip: usize },
    File(RelativePath),
}

impl Plan {
    /// Looks a plan over.
    ///
    /// # Errors
    /// `install.unsupported` for one that cannot be followed: paths that lead out, names that are none, digests other
    /// than SHA-256 and SHA-512, more than 64 steps.
    pub fn parse(plan: &InstallPlan) -> Result<Self, Failure> {
        if !is_version(&plan.version) {
            return Err(failure::unsupported(format!("{:?} is no version", shortened(&plan.version))));
        }
        if plan.steps.is_empty() || plan.steps.len() > MOST_STEPS {
            return Err(failure::unsupported(format!("it has {} steps, of 1 to {MOST_STEPS}", plan.steps.len())));
        }
        let check = &plan.check;
        file(&check.program)?;
        let texts = check.args.iter().chain([&check.expects]);
        if check.args.len() > MOST_ARGUMENTS || texts.into_iter().any(|text| text.len() > MOST_TEXT) {
            return Err(failure::unsupported("its check is too long".to_owned()));
        }
        if check.expects.is_empty() {
            return Err(failure::unsupported("its check expects nothing".to_owned()));
        }
        Ok(Self {
            version: plan.version.clone(),
            digest: digest(plan)?,
            steps: plan.steps.iter().map(step).collect::<Result<_, _>>()?,
            check: check.clone(),
        })
    }

    /// The version that it installs.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn fetches(&self) -> impl Iterator<Item = &Fetch> {
        self.steps.iter().filter_map(|step| match step {
            Step::Fetch(fetch) => Some(fetch),
            Step::Expand { .. } | Step::Executable(_) => None,
        })
    }

    /// The name of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("{}-{}", self.version, self.digest)
    }
}

/// Whether a text may be a version, and a part of a file's name.
pub(crate) fn is_version(text: &str) -> bool {
    text.len() <= MOST_VERSION
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "._+-".contains(one))
}

/// The first 8 hexadecimal digits of the SHA-256 of the plan's JSON.
fn digest(plan: &InstallPlan) -> Result<String, Failure> {
    let json = serde_json::to_vec(plan).map_err(|error| failure::unsupported(error.to_string()))?;
    Ok(Sha256::digest(&json).iter().take(4).map(|byte| format!("{byte:02x}")).collect())
}

fn step(step: &InstallStep) -> Result<Step, Failure> {
    Ok(match step {
        InstallStep::Download(download) => Step::Fetch(fetch(download)?),
        InstallStep::Expand { path, target } => Step::Expand { path: file(path)?, target: file(target)? },
        InstallStep::Executable(path) => Step::Executable(file(path)?),
    })
}

fn fetch(download: &Download) -> Result<Fetch, Failure> {
    if let Source::Npm { name, version } = &download.source
        && !(is_package(name) && is_version(version))
    {
        let (name, version) = (shortened(name), shortened(version));
        return Err(failure::unsupported(format!("{name:?} {version:?} is no package of npm")));
    }
    let into = place(&download.into)?;
    let form = match &download.form {
        Form::TarGz { strip } if *strip <= MOST_STRIPPED => Placed::TarGz { strip: *strip as usize },
        Form::TarGz { strip } => return Err(failure::unsupported(format!("{strip} directories cannot be left out"))),
        Form::File(name) => {
            let named = Name::new(name).and_then(|name| into.join(&name));
            Placed::File(named.map_err(|error| failure::unsupported(error.to_string()))?)
        }
    };
    let integrity = Integrity::parse(&download.integrity).ok_or_else(|| {
        failure::unsupported(format!("{:?} is no SHA-512 or SHA-256 digest", shortened(&download.integrity)))
    })?;
    Ok(Fetch { source: download.source.clone(), integrity, into, form })
}

/// A file in the installation.
fn file(path: &str) -> Result<RelativePath, Failure> {
    match place(path)? {
        root if root.is_root() => Err(failure::unsupported("a file has no name".to_owned())),
        path => Ok(path),
    }
}

/// A place in the installation.
fn place(path: &str) -> Result<RelativePath, Failure> {
    RelativePath::parse(path).map_err(|error| failure::unsupported(error.to_string()))
}

/// Whether npm lets a package have this name, the scope included.
fn is_package(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || "-._~".contains(one))
    };
    name.len() <= MOST_NAME
        && match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
            None => is_part(name),
        }
}

/// The beginning of a text, for a person.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> InstallPlan {
        InstallPlan {
            version: "1.2.3".to_owned(),
            steps: vec![InstallStep::Download(Download {
                source: Source::Npm { name: "@a/b".to_owned(), version: "1.2.3".to_owned() },
                integrity: "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".to_owned(),
                form: Form::TarGz { strip: 1 },
                into: String::new(),
            })],
            check: InstallCheck { program: "b".to_owned(), args: Vec::new(), expects: "1".to_owned() },
        }
    }

    fn with(change: impl FnOnce(&mut InstallPlan, &mut Download)) -> Result<Plan, Failure> {
        let mut plan = good();
        let Some(InstallStep::Download(mut download)) = plan.steps.pop() else { panic!("it begins with a download") };
        change(&mut plan, &mut download);
        plan.steps.push(InstallStep::Download(download));
        Plan::parse(&plan)
    }

    #[test]
    fn plans_that_differ_in_anything_have_directories_of_their_own() {
        let plain = Plan::parse(&good()).unwrap().directory();
        assert!(plain.starts_with("1.2.3-") && plain.len() == "1.2.3-".len() + 8, "{plain}");
        assert_eq!(plain, Plan::parse(&good()).unwrap().directory());
        assert_ne!(plain, with(|plan, _| plan.check.expects = "2".to_owned()).unwrap().directory());
    }

    #[test]
    fn what_leads_out_or_is_no_name_is_refused() {
        let refusals: [(&str, Result<Plan, Failure>); 9] = [
            ("version", with(|plan, _| plan.version = "../1".to_owned())),
            ("dots", with(|plan, _| plan.version = "..".to_owned())),
            ("into", with(|_, download| download.into = "../x".to_owned())),
            ("absolute", with(|_, download| download.into = "/x".to_owned())),
            ("file", with(|_, download| download.form = Form::File("a/b".to_owned()))),
            ("integrity", with(|_, download| download.integrity = "sha1-AAAA".to_owned())),
            ("program", with(|plan, _| plan.check.program = "../../bin/sh".to_owned())),
            (
                "package",
                with(|_, download| {
                    download.source = Source::Npm { name: "../../x".to_owned(), version: "1".to_owned() };
                }),
            ),
            ("steps", with(|plan, _| plan.steps = vec![InstallStep::Executable("b".to_owned()); 64])),
        ];
        for (name, refusal) in refusals {
            assert_eq!(refusal.unwrap_err().code, "install.unsupported", "{name}");
        }
    }
}

//! How an agent's program is installed, as an operator can write it: the `install` table of a harness plugin.
//!
//! A plugin brings a table of its own as the default, and one in the plugin's `config` takes its place as a whole.

use sandboxed_sdk::{
    Failure, failure,
    harness::{Check, Download, Expansion, Form, InstallPlan, InstallStep, NpmPackage, Source, Target},
};
use serde::Deserialize;

/// The JSON Schema of an `install` table, for the schema of a plugin's `config`.
pub const SCHEMA: &str = include_str!("../install.schema.json");

/// How one version of a program is installed. In paths `{arch}` stands for the target's processor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// For people, and part of the name of the directory.
    pub version: String,
    /// What is fetched, in this order.
    #[serde(default)]
    pub downloads: Vec<Fetched>,
    /// What is compressed with brotli, after all downloads.
    #[serde(default)]
    pub expand: Vec<Expand>,
    /// Files that are made executable, at last.
    #[serde(default)]
    pub executable: Vec<String>,
    /// How the host finds out that it works.
    pub check: CheckRun,
}

/// One thing that is fetched, and the targets that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Fetched {
    from: Origin,
    integrity: String,
    form: Shape,
    into: String,
    target: Filter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Npm { name: String, version: String },
    Url(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    TarGz { strip: u32 },
    File(String),
}

/// What a download is limited to; nothing: it is for every target.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    os: Option<String>,
    arch: Option<String>,
    libc: Option<String>,
}

/// A file compressed with brotli, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// Below the directory of the version.
    pub path: String,
    /// Below the directory of the version.
    pub target: String,
}

/// A program that has to end with status 0 and print its version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRun {
    /// Below the directory of the version.
    pub program: String,
    /// What it is called with.
    #[serde(default)]
    pub args: Vec<String>,
    /// What it has to print somewhere.
    pub expects: String,
}

/// A download as it is written in a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    npm: Option<String>,
    url: Option<String>,
    integrity: String,
    #[serde(default)]
    form: WrittenForm,
    strip: Option<u32>,
    file: Option<String>,
    #[serde(default)]
    into: String,
    os: Option<String>,
    arch: Option<String>,
    libc: Option<String>,
}

#[derive(Default, Deserialize)]
enum WrittenForm {
    #[default]
    #[serde(rename = "tar.gz")]
    TarGz,
    #[serde(rename = "file")]
    File,
}

impl TryFrom<Written> for Fetched {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let from = match (written.npm, written.url) {
            (Some(package), None) => npm(&package)?,
            (None, Some(url)) if url.starts_with("https://") => Origin::Url(url),
            (None, Some(url)) => return Err(format!("{url:?} is no https address")),
            _ => return Err("a download has either `npm` or `url`".to_owned()),
        };
        let form = match (written.form, written.file) {
            (WrittenForm::TarGz, None) => Shape::TarGz { strip: written.strip.unwrap_or(1) },
            (WrittenForm::File, Some(name)) if written.strip.is_none() => Shape::File(name),
            _ => return Err("`file` names a download of the form \"file\"; `strip` is for archives".to_owned()),
        };
        let narrowed = written.arch.is_some() || written.libc.is_some();
        let target = Filter {
            os: written.os.or_else(|| narrowed.then(|| "linux".to_owned())),
            arch: written.arch,
            libc: written.libc,
        };
        Ok(Self { from, integrity: integrity(written.integrity)?, form, into: written.into, target })
    }
}

/// A package and its version; the version begins after the last `@`, as names may begin with one.
fn npm(package: &str) -> Result<Origin, String> {
    package
        .rsplit_once('@')
        .filter(|(name, version)| !name.is_empty() && !version.is_empty())
        .map(|(name, version)| Origin::Npm { name: name.to_owned(), version: version.to_owned() })
        .ok_or_else(|| format!("{package:?} is no package with a version: \"name@1.2.3\""))
}

/// The lengths are those of 64 and of 32 bytes in base64.
fn integrity(text: String) -> Result<String, String> {
    let digest = |prefix, length| text.strip_prefix(prefix).is_some_and(|digest| digest.len() == length);
    match digest("sha512-", 88) || digest("sha256-", 44) {
        true => Ok(text),
        false => Err(format!("{text:?} is no integrity: \"sha512-\" or \"sha256-\" and a digest in base64")),
    }
}

impl Install {
    /// Reads a table that a plugin brings with itself.
    ///
    /// # Panics
    /// When the table is none; a test of the plugin finds out.
    pub fn built_in(json: &str) -> Self {
        serde_json::from_str(json).expect("the table that the plugin brings is checked by its tests")
    }

    /// What has to be done for a target.
    ///
    /// # Errors
    /// `install.unsupported_target` where some downloads are for certain targets and none of those is this one;
    /// `install.path_invalid` where a path leaves the directory of the version.
    pub fn plan(&self, target: &Target) -> Result<InstallPlan, Failure> {
        let narrow = |fetched: &&Fetched| !fetched.target.is_open();
        let fitting: Vec<&Fetched> = self.downloads.iter().filter(|fetched| fetched.target.takes(target)).collect();
        if self.downloads.iter().any(|fetched| narrow(&fetched)) && !fitting.iter().any(narrow) {
            return Err(self.unsupported(target));
        }
        let path = |path: &str| placed(path, target);
        let mut steps = Vec::new();
        for fetched in fitting {
            steps.push(InstallStep::Download(fetched.download(target)?));
        }
        for expand in &self.expand {
            let expansion = Expansion { path: path(&expand.path)?, target: path(&expand.target)? };
            steps.push(InstallStep::Expand(expansion));
        }
        for file in &self.executable {
            steps.push(InstallStep::Executable(path(file)?));
        }
        let check = Check {
            program: path(&self.check.program)?,
            args: self.check.args.clone(),
            expects: self.check.expects.clone(),
        };
        Ok(InstallPlan { version: self.version.clone(), steps, check })
    }

    fn unsupported(&self, target: &Target) -> Failure {
        let known: Vec<String> = self.downloads.iter().filter_map(|fetched| fetched.target.name()).collect();
        let Target { os, arch, libc } = target;
        let asked = [os.as_str(), arch, libc].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        failure!(
            Unavailable,
            "install.unsupported_target",
            "version {} is not published for {asked}, only for {}",
            self.version,
            known.join(", ")
        )
        .with_hint("name a build for it under `install` in the plugin's `config`, or use a machine of a listed kind")
    }
}

impl Fetched {
    fn download(&self, target: &Target) -> Result<Download, Failure> {
        Ok(Download {
            source: match &self.from {
                Origin::Npm { name, version } => {
                    Source::Npm(NpmPackage { name: name.clone(), version: version.clone() })
                }
                Origin::Url(url) => Source::Url(url.clone()),
            },
            integrity: self.integrity.clone(),
            form: match &self.form {
                Shape::TarGz { strip } => Form::TarGz(*strip),
                Shape::File(name) => Form::File(placed(name, target)?),
            },
            into: if self.into.is_empty() { String::new() } else { placed(&self.into, target)? },
        })
    }
}

impl Filter {
    fn is_open(&self) -> bool {
        self.name().is_none()
    }

    fn takes(&self, target: &Target) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        fits(&self.os, &target.os) && fits(&self.arch, &target.arch) && fits(&self.libc, &target.libc)
    }

    fn name(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.os, &self.arch, &self.libc].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join("-"))
    }
}

/// A path with its placeholder filled. It stays below the directory of the version.
fn placed(path: &str, target: &Target) -> Result<String, Failure> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !path.split('/').all(plain) {
        return Err(failure!(Config, "install.path_invalid", "{path:?} is no path below the directory of the version")
            .with_hint("write paths under `install` relative and without \".\" or \"..\": \"bin/agent\""));
    }
    Ok(path.replace("{arch}", &target.arch))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target(os: &str, arch: &str, libc: &str) -> Target {
        Target { os: os.to_owned(), arch: arch.to_owned(), libc: libc.to_owned() }
    }

    fn integrity(kind: &str) -> String {
        match kind {
            "sha512" => format!("sha512-{}==", "A".repeat(86)),
            _ => format!("sha256-{}=", "A".repeat(43)),
        }
    }

    fn agent() -> Value {
        json!({
            "version": "1.2.3",
            "downloads": [
                { "npm": "@example/agent@1.2.3", "integrity": integrity("sha512"), "into": "agent" },
                { "url": "https://example.org/node", "integrity": integrity("sha256"), "form": "file", "file": "node",
                  "arch": "x86_64", "libc": "gnu" },
                { "npm": "node-arm@22.0.0", "integrity": integrity("sha512"), "strip": 2, "arch": "aarch64" },
            ],
            "expand": [{ "path": "agent/{arch}.br", "target": "agent/bin" }],
            "executable": ["agent/bin"],
            "check": { "program": "agent/bin", "args": ["--version"], "expects": "1.2.3" },
        })
    }

    fn install(table: Value) -> Install {
        serde_json::from_value(table).expect("a good table")
    }

    #[test]
    fn a_plan_holds_what_is_for_the_target_and_then_the_other_steps() {
        let plan = install(agent()).plan(&target("linux", "x86_64", "gnu")).expect("a target that is published");

        assert_eq!(plan.version, "1.2.3");
        let [InstallStep::Download(package), InstallStep::Download(file), rest @ ..] = &plan.steps[..] else {
            panic!("two downloads come first: {plan:?}");
        };
        let name = NpmPackage { name: "@example/agent".to_owned(), version: "1.2.3".to_owned() };
        assert_eq!(
            (&package.source, &package.form, package.into.as_str()),
            (&Source::Npm(name), &Form::TarGz(1), "agent")
        );
        let address = Source::Url("https://example.org/node".to_owned());
        assert_eq!((&file.source, &file.form, file.into.as_str()), (&address, &Form::File("node".to_owned()), ""));
        let expansion = Expansion { path: "agent/x86_64.br".to_owned(), target: "agent/bin".to_owned() };
        assert_eq!(rest, [InstallStep::Expand(expansion), InstallStep::Executable("agent/bin".to_owned())]);
        let args = vec!["--version".to_owned()];
        assert_eq!(plan.check, Check { program: "agent/bin".to_owned(), args, expects: "1.2.3".to_owned() });
    }

    #[test]
    fn a_target_that_no_narrowed_download_is_for_is_unsupported() {
        for unknown in [("macos", "x86_64", ""), ("linux", "x86_64", "musl"), ("linux", "riscv64", "gnu")] {
            let target = target(unknown.0, unknown.1, unknown.2);
            let failure = install(agent()).plan(&target).expect_err("a target without a build");
            assert_eq!(failure.code, "install.unsupported_target");
            assert!(failure.message.ends_with("only for linux-x86_64-gnu, linux-aarch64"), "{}", failure.message);
        }
    }

    #[test]
    fn downloads_without_a_filter_are_for_every_target() {
        let mut table = agent();
        table["downloads"].as_array_mut().expect("a list").truncate(1);
        assert!(install(table).plan(&target("macos", "aarch64", "")).is_ok());
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../agent", "/bin/agent", "a//b", "a/./b", ""] {
            let mut table = agent();
            table["executable"] = json!([path]);
            let failure = install(table).plan(&target("linux", "aarch64", "gnu")).expect_err(path);
            assert_eq!(failure.code, "install.path_invalid");
        }
    }

    #[test]
    fn a_download_that_cannot_be_meant_is_refused() {
        let good = json!({ "npm": "agent@1", "integrity": integrity("sha512") });
        let changed = |key: &str, value: Value| {
            let mut download = good.clone();
            download[key] = value;
            serde_json::from_value::<Fetched>(download)
        };
        assert!(serde_json::from_value::<Fetched>(good.clone()).is_ok());
        for (key, value) in [
            ("url", json!("https://example.org/both")),
            ("npm", json!("agent")),
            ("npm", json!("@scope/agent")),
            ("integrity", json!("sha1-AAAA")),
            ("integrity", json!("sha512-AAAA")),
            ("file", json!("an archive has no name")),
            ("form", json!("file")),
            ("form", json!("zip")),
            ("sha256", json!("misspelt")),
        ] {
            assert!(changed(key, value.clone()).is_err(), "{key} = {value}");
        }
        let plain = json!({ "url": "http://example.org/agent", "integrity": integrity("sha512") });
        assert!(serde_json::from_value::<Fetched>(plain).is_err());
    }

    #[test]
    fn the_schema_knows_every_key() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("a JSON object");
        for key in ["version", "downloads", "expand", "executable", "check"] {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
        let download = &schema["properties"]["downloads"]["items"]["properties"];
        for key in ["npm", "url", "integrity", "form", "strip", "file", "into", "os", "arch", "libc"] {
            assert!(download[key]["description"].is_string(), "{key}");
        }
    }
}

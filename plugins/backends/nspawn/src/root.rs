//! What a system begins with.

use std::collections::BTreeSet;

use sandboxed_sdk::{backend::*, failure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{AGENT, Config, HOME, INBOX, Options, TREE, run};

/// Part of the key: a change of what is made for the same options must make it anew.
const VERSION: u32 = 2;
/// What agents and tools need of every system.
const PACKAGES: [&str; 6] = ["bash", "ca-certificates", "curl", "git", "less", "procps"];
/// How long a program may take to say its version, or whether a file is there.
const PROBE_DEADLINE_MS: u32 = 10_000;
/// Seconds for which a mirror may be silent, and how often it is asked again.
const DEFAULT_MIRROR_TIMEOUT: u32 = 20;
const MIRROR_RETRIES: u32 = 1;
/// What Ubuntu's releases are signed with.
const UBUNTU_KEYRING: &str = "/usr/share/keyrings/ubuntu-archive-keyring.gpg";

/// A release of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Suite {
    Bookworm,
    Trixie,
    Noble,
    Jammy,
}

impl Suite {
    const fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Noble => "noble",
            Self::Jammy => "jammy",
        }
    }

    const fn distribution(self) -> &'static str {
        match self {
            Self::Bookworm | Self::Trixie => "Debian",
            Self::Noble | Self::Jammy => "Ubuntu",
        }
    }

    /// The operator's keyring for it, or the one of its distribution if mmdebstrap does not find that by itself.
    fn keyring(self, config: &Config) -> Option<&str> {
        let own = config.keyrings.get(&self).map(String::as_str);
        own.or((self.distribution() == "Ubuntu").then_some(UBUNTU_KEYRING))
    }
}

/// What a workspace begins with.
enum Beginning<'a> {
    Image { name: &'a str, place: &'a str },
    Suite { suite: Suite, packages: BTreeSet<String>, mirror: Option<&'a String> },
}

impl<'a> Beginning<'a> {
    fn of(options: &'a Options, config: &'a Config) -> Result<Self, Failure> {
        match &options.image {
            Some(image) => Self::image(image, options, config),
            None => Self::suite(options, config),
        }
    }

    fn image(image: &'a str, options: &Options, config: &'a Config) -> Result<Self, Failure> {
        if options.suite.is_some() || !options.packages.is_empty() {
            return Err(failure!(Config, "nspawn.options_invalid", "an image has its own suite and packages")
                .with_hint("leave suite and packages away, or the image"));
        }
        let place = config.images.get(image).ok_or_else(|| {
            let known: Vec<&str> = config.images.keys().map(String::as_str).collect();
            let hint = match known.is_empty() {
                true => format!(
                    "config.images = {{ {image} = \"/path/of/an/archive.tar\" }} in the plugin's table of sandboxed.toml"
                ),
                false => format!("there are {}", known.join(", ")),
            };
            failure!(Config, "nspawn.image_unknown", "there is no image {image:?}").with_hint(hint)
        })?;
        Ok(Self::Image { name: image, place })
    }

    fn suite(options: &Options, config: &'a Config) -> Result<Self, Failure> {
        let suite = options.suite.or(config.suite).unwrap_or(Suite::Bookworm);
        let own = config.packages.clone().unwrap_or_else(|| PACKAGES.map(str::to_owned).to_vec());
        let packages: BTreeSet<String> = own.into_iter().chain(options.packages.iter().cloned()).collect();
        let valid = |package: &&String| {
            package.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && package.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".+-".contains(c))
        };
        if let Some(package) = packages.iter().find(|package| !valid(package)) {
            return Err(failure!(Config, "nspawn.options_invalid", "{package:?} is no name of a package"));
        }
        Ok(Self::Suite { suite, packages, mirror: config.mirrors.get(&suite) })
    }
}

/// What the system of these options begins with.
pub(crate) fn plan(options: &Options, config: &Config) -> Result<RootPlan, Failure> {
    Ok(match Beginning::of(options, config)? {
        Beginning::Image { name, place } => {
            RootPlan { key: json!({ "version": VERSION, "image": place }).to_string(), title: format!("image {name}") }
        }
        Beginning::Suite { suite, packages, mirror } => RootPlan {
            key: json!({ "version": VERSION, "suite": suite, "packages": packages, "mirror": mirror }).to_string(),
            title: format!("{} {}, {} packages asked for", suite.distribution(), suite.name(), packages.len()),
        },
    })
}

/// How it is made in the directory `target`, if the machine has what that takes.
pub(crate) fn make(options: &Options, config: &Config, target: &str) -> Result<RootSource, Failure> {
    let beginning = Beginning::of(options, config)?;
    if let Beginning::Suite { suite, .. } = &beginning {
        let missing = [find_mmdebstrap()?, find_keyring(*suite, config)?];
        if let Some(missing) = missing.into_iter().flatten().next() {
            return Err(missing);
        }
    }
    Ok(source(&beginning, config, target))
}

fn source(beginning: &Beginning<'_>, config: &Config, target: &str) -> RootSource {
    match beginning {
        Beginning::Image { place, .. } => {
            let (path, name) = match place.rsplit_once('#') {
                Some((path, name)) => (path, Some(name.to_owned())),
                None => (*place, None),
            };
            RootSource::Image(Image {
                path: path.to_owned(),
                name,
                // systemd-nspawn takes nothing for a system that has no /usr.
                directories: [TREE, INBOX, HOME, "/usr", "/etc"].map(str::to_owned).to_vec(),
                account: Some(Account { name: "agent".to_owned(), id: AGENT, home: HOME.to_owned() }),
            })
        }
        Beginning::Suite { suite, packages, mirror } => {
            RootSource::Program(command(arguments(*suite, packages, *mirror, config, target)))
        }
    }
}

fn arguments(
    suite: Suite,
    packages: &BTreeSet<String>,
    mirror: Option<&String>,
    config: &Config,
    target: &str,
) -> Vec<String> {
    let include: Vec<&str> = packages.iter().map(String::as_str).collect();
    let patience = config.mirror_timeout.unwrap_or(DEFAULT_MIRROR_TIMEOUT);
    let mut args: Vec<String> = vec![
        "--variant=apt".to_owned(),
        format!("--include={}", include.join(",")),
        r#"--aptopt=Apt::Install-Recommends "false""#.to_owned(),
        // A mirror that is not there, or says nothing more, is told in a time that can be waited for.
        format!(r#"--aptopt=Acquire::http::Timeout "{patience}""#),
        format!(r#"--aptopt=Acquire::https::Timeout "{patience}""#),
        format!(r#"--aptopt=Acquire::Retries "{MIRROR_RETRIES}""#),
        "--dpkgopt=path-exclude=/usr/share/man/*".to_owned(),
        format!("--customize-hook=mkdir -p \"$1{TREE}\" \"$1{INBOX}\" \"$1{HOME}\""),
        // Ubuntu may have a user of this number already, from 24.04 on.
        format!(
            "--customize-hook=grep -q '^[^:]*:[^:]*:{AGENT}:' \"$1/etc/passwd\" || echo agent:x:{AGENT}:{AGENT}:agent:{HOME}:/bin/bash >> \"$1/etc/passwd\""
        ),
        format!(
            "--customize-hook=grep -q '^[^:]*:[^:]*:{AGENT}:' \"$1/etc/group\" || echo agent:x:{AGENT}: >> \"$1/etc/group\""
        ),
        // What is the machine's and not the system's, and what only apt on the machine needs.
        "--customize-hook=rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\"".to_owned(),
    ];
    if let Some(keyring) = suite.keyring(config) {
        args.push(format!("--keyring={keyring}"));
    }
    if suite.distribution() == "Ubuntu" {
        args.push("--components=main,universe".to_owned());
    }
    args.extend([suite.name().to_owned(), target.to_owned()]);
    args.extend(mirror.cloned());
    args
}

fn command(args: Vec<String>) -> Command {
    let env = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    Command {
        program: "mmdebstrap".to_owned(),
        args,
        env: env.map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))).to_vec(),
        cwd: None,
        tty: None,
    }
}

/// What it takes to install distributions, besides what every system takes.
pub(crate) fn probe(config: &Config) -> Result<Vec<Requirement>, Failure> {
    let suite = config.suite.unwrap_or(Suite::Bookworm);
    let mut requirements =
        vec![Requirement { name: "mmdebstrap".to_owned(), optional: false, missing: find_mmdebstrap()? }];
    let mut told = BTreeSet::new();
    for of in [Suite::Bookworm, Suite::Trixie, Suite::Noble, Suite::Jammy] {
        // Several are signed with the same keys.
        let Some(keyring) = of.keyring(config).filter(|keyring| told.insert(*keyring)) else { continue };
        requirements.push(Requirement {
            name: format!("the keyring of {}, {keyring}", of.distribution()),
            optional: of.distribution() != suite.distribution(),
            missing: find_keyring(of, config)?,
        });
    }
    Ok(requirements)
}

/// Why there is no mmdebstrap, if there is none.
fn find_mmdebstrap() -> Result<Option<Failure>, Failure> {
    let missing = |why: String| {
        failure!(Unavailable, "nspawn.mmdebstrap_missing", "no distribution can be installed: {why}")
            .with_hint("apt-get install mmdebstrap; workspaces that begin with an image do without")
    };
    match run("mmdebstrap", &["--version"], PROBE_DEADLINE_MS) {
        Ok(said) => Ok(said.map(missing)),
        Err(failure) if failure.blame == Blame::Unavailable => Ok(Some(missing(failure.message))),
        Err(failure) => Err(failure),
    }
}

/// Why there is no keyring for a suite, if there is none where one has to be.
fn find_keyring(suite: Suite, config: &Config) -> Result<Option<Failure>, Failure> {
    let Some(keyring) = suite.keyring(config) else { return Ok(None) };
    if run("test", &["-r", keyring], PROBE_DEADLINE_MS)?.is_none() {
        return Ok(None);
    }
    let (distribution, name) = (suite.distribution(), suite.name());
    let message = format!("releases of {distribution} cannot be verified: there is no keyring {keyring}");
    let hint = match config.keyrings.contains_key(&suite) {
        true => format!("config.keyrings names it for {name}: put it there, or name another"),
        false => format!(
            "apt-get install ubuntu-keyring; where the machine's distribution has no such package, take Ubuntu's, or name \
             the keyring in the plugin's table of sandboxed.toml: config.keyrings = {{ {name} = \"/path/of/a/keyring.gpg\" }}"
        ),
    };
    Ok(Some(failure!(Unavailable, "nspawn.keyring_missing", "{message}").with_hint(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(options: &str, config: &str) -> Result<RootPlan, Failure> {
        let config = serde_json::from_str(config).expect("a config");
        plan(&Options::read(options)?, &config)
    }

    fn made(options: &str, config: &str) -> RootSource {
        let (options, config) =
            (Options::read(options).expect("options"), serde_json::from_str(config).expect("a config"));
        source(&Beginning::of(&options, &config).expect("a beginning"), &config, "/target")
    }

    fn program(options: &str, config: &str) -> Command {
        let RootSource::Program(command) = made(options, config) else { panic!("it is made by a program") };
        command
    }

    fn image(config: &str) -> Image {
        let RootSource::Image(image) = made(r#"{ "image": "ours" }"#, config) else { panic!("it is an image") };
        image
    }

    fn has(command: &Command, argument: &str) -> bool {
        command.args.iter().any(|given| given == argument)
    }

    #[test]
    fn a_workspace_begins_with_debian_and_the_packages_that_it_names_on_top() {
        let options = r#"{ "packages": ["ripgrep"] }"#;

        let command = program(options, "{}");
        assert_eq!(command.program, "mmdebstrap");
        assert!(has(&command, "--include=bash,ca-certificates,curl,git,less,procps,ripgrep"));
        assert_eq!(command.args[command.args.len() - 2..], ["bookworm", "/target"]);
        assert!(!command.args.iter().any(|argument| argument.starts_with("--keyring")));
        let plan = planned(options, "{}").expect("a plan");
        assert!(plan.title.starts_with("Debian bookworm"), "{}", plan.title);
    }

    #[test]
    fn ubuntu_is_verified_with_its_own_keys_and_has_both_of_its_components() {
        for suite in ["noble", "jammy"] {
            let command = program(&format!(r#"{{ "suite": "{suite}" }}"#), "{}");

            assert!(has(&command, "--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg"));
            assert!(has(&command, "--components=main,universe"));
            assert_eq!(command.args[command.args.len() - 2..], [suite, "/target"]);
        }
    }

    #[test]
    fn mirrors_keyrings_and_how_long_a_mirror_is_waited_for_are_the_operators() {
        let config = r#"{ "mirrors": { "noble": "http://mirror.example.org/ubuntu" },
            "keyrings": { "noble": "/etc/keys/ubuntu.gpg", "trixie": "/etc/keys/trixie.gpg" }, "mirror_timeout": 3 }"#;

        let noble = program(r#"{ "suite": "noble" }"#, config);
        assert_eq!(noble.args.last().map(String::as_str), Some("http://mirror.example.org/ubuntu"));
        assert!(has(&noble, "--keyring=/etc/keys/ubuntu.gpg"));
        assert!(has(&noble, r#"--aptopt=Acquire::http::Timeout "3""#));
        assert!(has(&program(r#"{ "suite": "trixie" }"#, config), "--keyring=/etc/keys/trixie.gpg"));
    }

    #[test]
    fn equal_wishes_are_one_layer_whatever_order_they_come_in() {
        let key = |options: &str, config: &str| planned(options, config).expect("a plan").key;

        assert_eq!(key(r#"{ "packages": ["a", "b"] }"#, "{}"), key(r#"{ "packages": ["b", "a", "a"] }"#, "{}"));
        assert_ne!(key("{}", "{}"), key(r#"{ "suite": "trixie" }"#, "{}"));
        assert_eq!(key(r#"{ "suite": "trixie" }"#, "{}"), key("{}", r#"{ "suite": "trixie" }"#));
        assert_ne!(key("{}", "{}"), key("{}", r#"{ "mirrors": { "bookworm": "http://mirror.example.org/debian" } }"#));
    }

    #[test]
    fn an_image_is_one_that_the_operator_names() {
        let config = r#"{ "images": { "ours": "/srv/ours.tar" } }"#;

        let ours = image(config);
        assert_eq!((ours.path.as_str(), ours.name), ("/srv/ours.tar", None));
        assert_eq!(ours.account.map(|account| account.id), Some(AGENT));
        let named = image(r#"{ "images": { "ours": "/srv/images#node:22" } }"#);
        assert_eq!((named.path.as_str(), named.name.as_deref()), ("/srv/images", Some("node:22")));

        let unknown = planned(r#"{ "image": "../etc" }"#, config).expect_err("unknown");
        assert_eq!((unknown.code.as_str(), unknown.hint.as_deref()), ("nspawn.image_unknown", Some("there are ours")));
        assert!(planned(r#"{ "image": "ours", "packages": ["git"] }"#, config).is_err());
    }

    #[test]
    fn what_is_no_name_of_a_package_reaches_no_command_line() {
        for package in ["--hook-dir=/tmp", "a,b", "a b", "", "A", "$(id)"] {
            let options = json!({ "packages": [package] }).to_string();
            assert_eq!(planned(&options, "{}").expect_err(package).code, "nspawn.options_invalid", "{package}");
        }
    }
}

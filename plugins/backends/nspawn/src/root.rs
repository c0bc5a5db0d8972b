//! What a system begins with.

use std::collections::BTreeSet;

use sandboxed_sdk::{backend::*, failure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{AGENT, Config, HOME, INBOX, Options, TREE, run};

/// Part of the key: a change of what is made for the same options must make it anew.
const VERSION: u32 = 1;
/// What agents and tools need of every system.
const PACKAGES: [&str; 6] = ["bash", "ca-certificates", "curl", "git", "less", "procps"];
/// How long a program may take to say its version.
const PROBE_DEADLINE_MS: u32 = 10_000;

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
}

/// How the system of these options is made in the directory `target`.
pub(crate) fn plan(options: &Options, config: &Config, target: &str) -> Result<RootPlan, Failure> {
    match &options.image {
        Some(image) => unpack(image, options, config, target),
        None => install(options, config, target),
    }
}

fn unpack(image: &str, options: &Options, config: &Config, target: &str) -> Result<RootPlan, Failure> {
    if options.suite.is_some() || !options.packages.is_empty() {
        return Err(failure!(Config, "nspawn.options_invalid", "an image has its own suite and packages")
            .with_hint("leave suite and packages away, or the image"));
    }
    let archive = config.images.get(image).ok_or_else(|| {
        let known: Vec<&str> = config.images.keys().map(String::as_str).collect();
        let hint = match known.is_empty() {
            true => format!(
                "config.images = {{ {image} = \"/path/of/an/archive.tar\" }} in the plugin's table of sandboxed.toml"
            ),
            false => format!("there are {}", known.join(", ")),
        };
        failure!(Config, "nspawn.image_unknown", "there is no image {image:?}").with_hint(hint)
    })?;
    // No option of these follows a link or leaves the target; devices in it would not be devices in a workspace.
    let args = ["--extract", "--numeric-owner", "--same-owner", "--same-permissions", "--delay-directory-restore"];
    let mut args: Vec<String> = args.map(str::to_owned).to_vec();
    args.extend(["--file".to_owned(), archive.clone(), "--directory".to_owned(), target.to_owned()]);
    Ok(RootPlan {
        key: json!({ "version": VERSION, "archive": archive }).to_string(),
        title: format!("image {image}"),
        command: command("tar", args),
    })
}

fn install(options: &Options, config: &Config, target: &str) -> Result<RootPlan, Failure> {
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
    let mirror = config.mirrors.get(&suite);
    let include: Vec<&str> = packages.iter().map(String::as_str).collect();
    let mut args: Vec<String> = vec![
        "--variant=apt".to_owned(),
        format!("--include={}", include.join(",")),
        r#"--aptopt=Apt::Install-Recommends "false""#.to_owned(),
        "--dpkgopt=path-exclude=/usr/share/man/*".to_owned(),
        format!("--customize-hook=mkdir -p \"$1{TREE}\" \"$1{INBOX}\" \"$1{HOME}\""),
        format!("--customize-hook=echo agent:x:{AGENT}:{AGENT}:agent:{HOME}:/bin/bash >> \"$1/etc/passwd\""),
        format!("--customize-hook=echo agent:x:{AGENT}: >> \"$1/etc/group\""),
        // What is the machine's and not the system's, and what only apt on the machine needs.
        "--customize-hook=rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\"".to_owned(),
    ];
    if suite.distribution() == "Ubuntu" {
        args.push("--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg".to_owned());
        args.push("--components=main,universe".to_owned());
    }
    args.extend([suite.name().to_owned(), target.to_owned()]);
    args.extend(mirror.cloned());
    Ok(RootPlan {
        key: json!({ "version": VERSION, "suite": suite, "packages": packages, "mirror": mirror }).to_string(),
        title: format!("{} {}, {} packages asked for", suite.distribution(), suite.name(), packages.len()),
        command: command("mmdebstrap", args),
    })
}

fn command(program: &str, args: Vec<String>) -> Command {
    let env = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    Command {
        program: program.to_owned(),
        args,
        env: env.map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))).to_vec(),
        cwd: None,
        tty: None,
    }
}

/// Why there is no mmdebstrap, if there is none.
pub(crate) fn find_mmdebstrap() -> Result<Option<Failure>, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(options: &str, config: &str) -> Result<RootPlan, Failure> {
        let config = serde_json::from_str(config).expect("a config");
        plan(&Options::read(options)?, &config, "/target")
    }

    fn has(plan: &RootPlan, argument: &str) -> bool {
        plan.command.args.iter().any(|given| given == argument)
    }

    #[test]
    fn a_workspace_begins_with_debian_and_the_packages_that_it_names_on_top() {
        let plan = planned(r#"{ "packages": ["ripgrep"] }"#, "{}").expect("a plan");

        assert_eq!(plan.command.program, "mmdebstrap");
        assert!(has(&plan, "--include=bash,ca-certificates,curl,git,less,procps,ripgrep"));
        assert_eq!(plan.command.args[plan.command.args.len() - 2..], ["bookworm", "/target"]);
        assert!(plan.title.starts_with("Debian bookworm"), "{}", plan.title);
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

        let plan = planned(r#"{ "image": "ours" }"#, config).expect("a plan");
        assert_eq!((plan.command.program.as_str(), has(&plan, "/srv/ours.tar")), ("tar", true));

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

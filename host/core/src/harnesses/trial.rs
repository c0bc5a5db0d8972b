//! Trying a program out that was just installed: as somebody who may do nothing, with nothing to find.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use sandboxed_exec::{Error, Filter, Guard, Network, ShortSpec, Stage, StageMount};
use sandboxed_install::{Check, Checked};
use sandboxed_model::{
    Blame, Failure,
    command::{Exit, Output},
    install::InstallCheck,
};

/// How long a program may take to say which version it is.
const DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of what it prints that are looked at.
const MOST_OUTPUT: usize = 64 << 10;
/// The user that owns nothing (Linux: the overflow user).
const NOBODY: u32 = 65_534;
const PROGRAMS: &str = "programs";
const HOME: &str = "home";

/// Tries programs out.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    /// Where homes are made that last for one trial.
    pub(super) homes: PathBuf,
    /// Where a privileged server mounts directories; absent where the server is not.
    pub(super) stage: Option<PathBuf>,
}

impl Check for Trial {
    async fn run(&self, programs: &Path, check: &InstallCheck) -> Result<Checked, Failure> {
        let home = self.home().map_err(|error| {
            let message = format!("{}: {error}", self.homes.display());
            Failure::new(Blame::Host, "install.failed", message)
                .with_hint("check the owner and the mode of the directory of the server's data")
        })?;
        let mut guard = Guard { filter: Filter::Own, ..Guard::default() };
        let (programs, inside) = match &self.stage {
            Some(at) => {
                let mount = |name: &str, from: &Path, writable| StageMount {
                    name: name.to_owned(),
                    from: from.to_owned(),
                    writable,
                    only: None,
                };
                guard.user = Some(NOBODY);
                guard.network = Network::Own { entrance: None };
                let mounts = vec![mount(PROGRAMS, programs, false), mount(HOME, home.path(), true)];
                guard.stage = Some(Stage { at: at.clone(), mounts });
                (at.join(PROGRAMS), at.join(HOME))
            }
            None => (programs.to_owned(), home.path().to_owned()),
        };
        let inside = inside.to_string_lossy().into_owned();
        let output = sandboxed_exec::short(ShortSpec {
            program: programs.join(&check.program),
            args: check.args.clone(),
            env: [("HOME", inside.as_str()), ("TMPDIR", &inside), ("PATH", "/usr/local/bin:/usr/bin:/bin")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            cwd: programs,
            stdin: Vec::new(),
            deadline: DEADLINE,
            max_output: MOST_OUTPUT,
            guard,
        })
        .await;
        match output {
            Ok(output) => Ok(told(output)),
            Err(Error::Deadline(time)) => {
                let trouble = Some(format!("it does not end within {} s", time.as_secs()));
                Ok(Checked { trouble, output: String::new() })
            }
            Err(error) => Ok(Checked { trouble: Some(error.failure().message), output: String::new() }),
        }
    }
}

impl Trial {
    fn home(&self) -> io::Result<tempfile::TempDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.homes)?;
        let home = tempfile::tempdir_in(&self.homes)?;
        if self.stage.is_some() {
            chown(home.path(), Some(NOBODY), Some(NOBODY))?;
        }
        Ok(home)
    }

    /// Removes what trials of a former server left.
    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.homes) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn told(Output { exit, stdout, stderr, .. }: Output) -> Checked {
    let trouble = match exit {
        Exit::Code(0) => None,
        Exit::Code(code) => Some(format!("it ends with status {code}")),
        Exit::Signal(signal) => Some(format!("the signal {signal} ends it")),
        Exit::Lost(why) => Some(why),
    };
    let output = [stdout, stderr].concat();
    Checked { trouble, output: String::from_utf8_lossy(&output).into_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    async fn tried(script: &str) -> Checked {
        let place = tempfile::tempdir().unwrap();
        let programs = place.path().join("programs");
        fs::create_dir(&programs).unwrap();
        fs::write(programs.join("agent"), format!("#!/bin/sh\n{script}\n")).unwrap();
        for path in [&programs, &programs.join("agent")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let stage = Guard::is_privileged().then(|| place.path().join("stage"));
        if let Some(stage) = &stage {
            fs::create_dir(stage).unwrap();
        }
        let check =
            InstallCheck { program: "agent".to_owned(), args: vec!["--version".to_owned()], expects: "1".to_owned() };
        let checked = Trial { homes: place.path().join("homes"), stage }.run(&programs, &check).await.unwrap();
        assert_eq!(fs::read_dir(place.path().join("homes")).unwrap().count(), 0, "its home is gone");
        checked
    }

    #[tokio::test]
    async fn a_program_is_tried_with_its_arguments_a_home_and_nothing_else() {
        let checked = tried("echo \"$1 in $HOME\"; touch \"$HOME/x\" && env | cut -d= -f1 | sort | tr '\\n' ' '").await;
        assert_eq!(checked.trouble, None, "{}", checked.output);
        assert!(checked.output.starts_with("--version in /"), "{}", checked.output);
        assert!(!checked.output.contains("CARGO"), "{}", checked.output);
    }

    #[tokio::test]
    async fn who_tries_a_program_lets_it_do_nothing() {
        if Guard::is_privileged() {
            let checked = tried("id -u; touch agent 2>&1; cat /proc/net/route | wc -l").await;
            let lines: Vec<_> = checked.output.lines().collect();
            assert_eq!(lines[0], "65534");
            assert!(lines[1].contains("touch"), "{lines:?}");
            assert_eq!(lines[2].trim(), "1", "only the head of the table: {lines:?}");
        }
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_what_it_printed() {
        let checked = tried("echo 'libfoo.so.1: not found' >&2; exit 127").await;
        assert_eq!(checked.trouble.as_deref(), Some("it ends with status 127"));
        assert_eq!(checked.output, "libfoo.so.1: not found\n");
    }
}

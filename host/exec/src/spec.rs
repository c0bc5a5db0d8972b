//! What to start.

use std::{fmt, path::PathBuf};

use sandboxed_model::{RunId, command::Tty};
use serde::{Deserialize, Serialize};

use crate::{Error, Guard};

/// What the process finds on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StdinMode {
    /// The end of the file at once.
    Null,
    /// What [`crate::Run::write`] writes.
    Pipe,
}

/// A run to start. With a terminal, `stdin` is not looked at: the terminal is the input.
#[derive(Clone, Serialize, Deserialize)]
pub struct RunSpec {
    /// Its id, which no run of this supervisor has had.
    pub id: RunId,
    /// A name to look up on the PATH in `env`, or a path.
    pub program: String,
    /// Arguments after the program name. Every process on the machine can read them.
    pub args: Vec<String>,
    /// All variables that the process gets, besides [`crate::RUN_VARIABLE`].
    pub env: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: PathBuf,
    /// Present: the process gets a terminal of this size, and `stdout` is what it prints there.
    pub tty: Option<Tty>,
    /// Where its standard input comes from.
    pub stdin: StdinMode,
    /// What it may not see or do.
    #[serde(default)]
    pub guard: Guard,
}

/// Values of variables may be secrets and are not shown.
impl fmt::Debug for RunSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSpec")
            .field("id", &self.id)
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &Names(&self.env))
            .field("cwd", &self.cwd)
            .field("tty", &self.tty)
            .field("stdin", &self.stdin)
            .field("guard", &self.guard)
            .finish()
    }
}

/// The names of variables without their values.
pub(crate) struct Names<'a>(pub(crate) &'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl RunSpec {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check(&self.program, &self.args, &self.env)?;
        if !self.cwd.is_absolute() {
            return Err(Error::Invalid(format!("the working directory {:?} is not absolute", self.cwd)));
        }
        Ok(())
    }
}

/// Checks what no process can be given. Values of variables are never part of the error.
pub(crate) fn check(program: &str, args: &[String], env: &[(String, String)]) -> Result<(), Error> {
    let invalid = |text: String| Err(Error::Invalid(text));
    if program.is_empty() || program.contains('\0') {
        return invalid(format!("{program:?} is no program"));
    }
    if args.iter().any(|arg| arg.contains('\0')) {
        return invalid("an argument has a zero byte in it".to_owned());
    }
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return invalid(format!("{name:?} is no name of a variable"));
        }
        if value.contains('\0') {
            return invalid(format!("the value of the variable {name} has a zero byte in it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> RunSpec {
        RunSpec {
            id: RunId::new(),
            program: "true".to_owned(),
            args: vec!["seen".to_owned()],
            env: vec![("TOKEN".to_owned(), "hidden".to_owned())],
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            guard: Guard::default(),
        }
    }

    #[test]
    fn debug_output_shows_names_of_variables_and_no_values() {
        let text = format!("{:?}", spec());

        assert!(text.contains("TOKEN") && text.contains("seen"), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn what_no_process_can_be_given_is_refused_without_telling_values() {
        let cases: [fn(&mut RunSpec); 6] = [
            |spec| spec.program = String::new(),
            |spec| spec.args.push("a\0b".to_owned()),
            |spec| spec.env.push(("A=B".to_owned(), "hidden".to_owned())),
            |spec| spec.env.push((String::new(), "hidden".to_owned())),
            |spec| spec.env.push(("A".to_owned(), "hid\0den".to_owned())),
            |spec| spec.cwd = "relative".into(),
        ];
        for break_it in cases {
            let mut spec = spec();
            break_it(&mut spec);

            let error = spec.check().unwrap_err();

            assert_eq!(error.failure().code, "run.invalid");
            assert!(!error.to_string().contains("hid"), "{error}");
        }
    }
}

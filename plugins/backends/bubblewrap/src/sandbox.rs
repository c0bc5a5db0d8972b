//! The sandbox, as bubblewrap's arguments. They are handed over in a file, because values of variables among them may
//! be secrets, and because bubblewrap itself, which runs outside, must not be given a workspace's variables.

use std::collections::BTreeMap;

use sandboxed_sdk::{backend::*, failure};

use crate::Config;

pub(crate) const TREE: &str = "/workspace";
pub(crate) const INBOX: &str = "/inbox";
pub(crate) const HOME: &str = "/home/agent";

/// The user inside.
const USER: &str = "1000";
/// Where programs are looked for, as on a fresh Debian.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_TMP_SIZE: u64 = 2 << 30;
const DEFAULT_SHM_SIZE: u64 = 256 << 20;

/// The parts of the system that are there to read.
const SYSTEM: [&str; 8] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt"];
/// Rewrites a command for the inside into bubblewrap's.
pub(crate) fn enter(spec: &Spec, command: Command, config: &Config, nesting: bool) -> Result<Spawned, Failure> {
    let cwd = command.cwd.as_deref().unwrap_or(TREE);
    let below = |root: &str| cwd.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ![TREE, INBOX, HOME].into_iter().any(below) || cwd.split('/').any(|part| part == "..") {
        return Err(failure!(
            Plugin,
            "backend.cwd_outside",
            "the working directory {cwd:?} lies outside of the workspace"
        ));
    }
    let mut arguments = Arguments::default();
    arguments.namespaces(nesting, command.tty.is_some());
    arguments.files(spec, config);
    arguments.add(["--chdir", cwd]);
    arguments.variables(config, command.tty.is_some(), command.env);
    let mut args: Vec<String> = Vec::new();
    let mut attachments = Vec::new();
    let mut attach = |args: &mut Vec<String>, option: &str, content| {
        args.extend([option.to_owned(), "?".to_owned()]);
        attachments.push(Attachment { argument: args.len() as u32 - 1, content });
    };
    attach(&mut args, "--args", AttachmentContent::Arguments(arguments.0));
    // After the last mount, so that nothing can be put beside the workspace's own directories.
    args.extend(["--remount-ro".to_owned(), "/".to_owned()]);
    attach(&mut args, "--seccomp", AttachmentContent::Filter);
    args.push("--".to_owned());
    if command.tty.is_some() {
        // The terminal belongs to a session inside, so that shells there can give it to their jobs.
        args.extend(["setsid", "--ctty", "--wait"].map(str::to_owned));
    }
    args.push(command.program);
    args.extend(command.args);
    let command = Command {
        program: config.bwrap().to_owned(),
        args,
        env: Vec::new(),
        cwd: Some("/".to_owned()),
        tty: command.tty,
    };
    Ok(Spawned { command, filtered: false, rules: None, attachments, wrapper: true })
}

/// Arguments that are read from a file.
#[derive(Default)]
struct Arguments(Vec<Value>);

impl Arguments {
    fn add<const N: usize>(&mut self, arguments: [&str; N]) {
        self.0.extend(arguments.map(|argument| Value::Plain(argument.to_owned())));
    }

    fn namespaces(&mut self, nesting: bool, terminal: bool) {
        self.add(["--unshare-user", "--uid", USER, "--gid", USER]);
        self.add(["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        self.add(["--hostname", "sandbox", "--cap-drop", "ALL", "--die-with-parent"]);
        if !nesting {
            self.add(["--disable-userns"]);
        }
        // With a terminal the program makes its session itself; the filter keeps all from typing into it.
        if !terminal {
            self.add(["--new-session"]);
        }
    }

    fn files(&mut self, spec: &Spec, config: &Config) {
        for path in SYSTEM {
            self.add(["--ro-bind-try", path, path]);
        }
        self.add(["--ro-bind", &spec.etc, "/etc"]);
        for path in &config.read_only {
            self.add(["--ro-bind-try", path, path]);
        }
        self.add(["--proc", "/proc", "--dev", "/dev"]);
        for (path, size) in [
            ("/tmp", config.tmp_size.unwrap_or(DEFAULT_TMP_SIZE)),
            ("/dev/shm", config.shm_size.unwrap_or(DEFAULT_SHM_SIZE)),
        ] {
            self.add(["--perms", "1777", "--size", &size.to_string(), "--tmpfs", path]);
        }
        self.add([
            "--dir",
            "/run",
            "--dir",
            "/var",
            "--symlink",
            "../tmp",
            "/var/tmp",
            "--symlink",
            "../run",
            "/var/run",
        ]);
        self.add(["--bind", &spec.tree, TREE, "--ro-bind", &spec.inbox, INBOX, "--bind", &spec.home, HOME]);
        for Mount { source, target, writable } in &spec.mounts {
            self.add([if *writable { "--bind" } else { "--ro-bind" }, source, target]);
        }
    }

    /// Who is nearer to the process has the last word: the operator, then whoever made the command.
    fn variables(&mut self, config: &Config, terminal: bool, env: Vec<(String, Value)>) {
        let mut variables = BTreeMap::from(
            [
                ("PATH", config.path.as_deref().unwrap_or(DEFAULT_PATH)),
                ("HOME", HOME),
                ("USER", "agent"),
                ("LOGNAME", "agent"),
                ("LANG", "C.UTF-8"),
                ("SHELL", "/bin/bash"),
            ]
            .map(|(name, value)| (name.to_owned(), Value::Plain(value.to_owned()))),
        );
        if terminal {
            variables.insert("TERM".to_owned(), Value::Plain("xterm-256color".to_owned()));
        }
        variables.extend(config.env.iter().map(|(name, value)| (name.clone(), Value::Plain(value.clone()))));
        variables.extend(env);
        for (name, value) in variables {
            self.add(["--setenv", &name]);
            self.0.push(value);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spec(user: u32) -> Spec {
        Spec {
            id: "w".to_owned(),
            tree: "/stage/tree".to_owned(),
            inbox: "/stage/inbox".to_owned(),
            home: "/stage/home".to_owned(),
            etc: "/stage/etc".to_owned(),
            user,
            root: None,
            root_env: Vec::new(),
            shared_network: false,
            mounts: Vec::new(),
            options: "{}".to_owned(),
        }
    }

    fn command(cwd: Option<&str>) -> Command {
        Command {
            program: "make".to_owned(),
            args: vec!["test".to_owned()],
            env: vec![("TOKEN".to_owned(), Value::Secret("key".to_owned()))],
            cwd: cwd.map(str::to_owned),
            tty: None,
        }
    }

    fn entered() -> Spawned {
        enter(&spec(1000), command(None), &Config::default(), false).expect("a plain command")
    }

    fn file(spawned: &Spawned) -> &[Value] {
        let file = spawned.attachments.iter().find_map(|attachment| match &attachment.content {
            AttachmentContent::Arguments(arguments) => Some(arguments),
            _ => None,
        });
        file.expect("arguments in a file")
    }

    fn has(spawned: &Spawned, arguments: &[&str]) -> bool {
        let wanted: Vec<Value> = arguments.iter().map(|&argument| Value::Plain(argument.to_owned())).collect();
        file(spawned).windows(wanted.len()).any(|window| window == wanted)
    }

    #[test]
    fn every_attachment_has_a_place_among_the_arguments_and_the_command_comes_last() {
        let spawned = entered();

        let args = &spawned.command.args;
        for attachment in &spawned.attachments {
            assert_eq!(args[attachment.argument as usize], "?", "{attachment:?}");
        }
        assert_eq!(spawned.attachments.len(), args.iter().filter(|arg| *arg == "?").count());
        assert_eq!(args[args.len() - 3..], ["--", "make", "test"]);
        assert!(spawned.wrapper && spawned.command.env.is_empty());
    }

    #[test]
    fn values_of_variables_are_in_the_file_and_on_no_command_line() {
        let spawned = entered();

        let place = file(&spawned).iter().position(|value| *value == Value::Plain("TOKEN".to_owned()));
        assert_eq!(file(&spawned)[place.expect("the variable") + 1], Value::Secret("key".to_owned()));
        assert!(!spawned.command.args.iter().any(|arg| arg.contains("TOKEN")));
    }

    #[test]
    fn only_the_workspaces_own_directories_can_be_written() {
        let spawned = entered();

        assert!(has(&spawned, &["--bind", "/stage/tree", TREE]) && has(&spawned, &["--bind", "/stage/home", HOME]));
        assert!(has(&spawned, &["--ro-bind", "/stage/inbox", INBOX]));
        let writable = file(&spawned).iter().filter(|value| **value == Value::Plain("--bind".to_owned())).count();
        assert_eq!(writable, 2);
    }

    #[test]
    fn directories_of_the_machine_are_where_they_are_wanted_and_writable_where_that_is_wanted() {
        let mount =
            |writable, name: &str| Mount { source: format!("/stage/{name}"), target: format!("/mnt/{name}"), writable };
        let spec = Spec { mounts: vec![mount(true, "a"), mount(false, "b")], ..spec(1000) };

        let spawned = enter(&spec, command(None), &Config::default(), false).expect("a plain command");

        assert!(has(&spawned, &["--bind", "/stage/a", "/mnt/a", "--ro-bind", "/stage/b", "/mnt/b"]));
    }

    #[test]
    fn a_session_of_its_own_is_made_only_without_a_terminal() {
        assert!(has(&entered(), &["--new-session"]));
        let with_terminal = Command { tty: Some(Tty { rows: 24, cols: 80 }), ..command(None) };

        let spawned = enter(&spec(1000), with_terminal, &Config::default(), false).expect("a plain command");

        let args = &spawned.command.args;
        assert_eq!(args[args.len() - 6..], ["--", "setsid", "--ctty", "--wait", "make", "test"]);
        assert!(!has(&spawned, &["--new-session"]) && has(&spawned, &["--setenv", "TERM", "xterm-256color"]));
    }

    #[test]
    fn a_working_directory_outside_of_the_workspace_is_refused() {
        for cwd in ["/", "/etc", "/workspaces", "/workspace/../etc", "relative"] {
            let failure = enter(&spec(1000), command(Some(cwd)), &Config::default(), false).expect_err(cwd);
            assert_eq!(failure.code, "backend.cwd_outside", "{cwd}");
        }
        for cwd in ["/workspace", "/workspace/src", "/inbox/run", "/home/agent/.config"] {
            assert!(enter(&spec(1000), command(Some(cwd)), &Config::default(), false).is_ok(), "{cwd}");
        }
    }
}

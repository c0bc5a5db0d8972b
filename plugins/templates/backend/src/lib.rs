//! A backend: says how a workspace is made and how a process enters it. This one runs everything through `nice`.

use sandboxed_sdk::{Backend, backend::*, export_backend, manifest};

manifest!("../plugin.toml");
export_backend!(Nice);

struct Nice;

impl Backend for Nice {
    fn describe() -> About {
        About {
            abilities: Abilities::TTY,
            isolation: "Nothing is isolated: processes run as the server's user.".to_owned(),
        }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        Ok(Vec::new())
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        Ok(ready(spec))
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        Ok(ready(spec))
    }

    fn enter(spec: Spec, _observed: Observed, mut command: Command) -> Result<Launch, Failure> {
        let program = std::mem::replace(&mut command.program, "nice".to_owned());
        command.args.insert(0, program);
        command.cwd.get_or_insert(spec.tree);
        for (name, value) in [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", &spec.home)] {
            if !command.env.iter().any(|(given, _)| given == name) {
                command.env.push((name.to_owned(), Value::Plain(value.to_owned())));
            }
        }
        Ok(Launch::Spawn(Spawned::plain(command)))
    }
}

/// The server makes the directories, and inside is outside here.
fn ready(spec: Spec) -> Observed {
    Observed {
        phase: Phase::Ready,
        tree: spec.tree,
        inbox: spec.inbox,
        home: spec.home,
        detail: "a directory".to_owned(),
        state: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_run_through_nice() {
        let spec = Spec {
            id: "w".to_owned(),
            tree: "/w/tree".to_owned(),
            inbox: "/w/inbox".to_owned(),
            home: "/w/home".to_owned(),
            etc: "/w/etc".to_owned(),
            user: 1000,
            root: None,
            root_env: Vec::new(),
            shared_network: false,
            mounts: Vec::new(),
            options: "{}".to_owned(),
        };
        let command = Command {
            program: "make".to_owned(),
            args: vec!["test".to_owned()],
            env: Vec::new(),
            cwd: None,
            tty: None,
        };
        let observed = ready(spec.clone());
        let launch = Nice::enter(spec, observed, command).expect("a plain command");
        let Launch::Spawn(Spawned { command, .. }) = launch else { panic!("{launch:?}") };
        assert_eq!(
            (command.program.as_str(), command.args.as_slice()),
            ("nice", ["make", "test"].map(String::from).as_slice())
        );
        assert_eq!(command.cwd.as_deref(), Some("/w/tree"));
    }
}

//! A backend that runs what its workspace's options say.

use std::collections::BTreeMap;

use sandboxed_sdk::{Backend, backend::*, export_backend, failure};
use serde::Deserialize;

export_backend!(Hostile);

struct Hostile;

#[derive(Deserialize)]
struct Order {
    program: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Variables that get the secret of this name.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

impl Backend for Hostile {
    fn describe() -> About {
        About { abilities: Abilities::empty(), isolation: "None at all.".to_owned() }
    }

    fn probe() -> Result<Vec<Requirement>, Failure> {
        panic!("nothing can be probed")
    }

    fn ensure(spec: Spec) -> Result<Observed, Failure> {
        let order: Order = serde_json::from_str(&spec.options)
            .map_err(|error| failure!(Config, "hostile.order_unknown", error.to_string()))?;
        let plain = order.env.into_iter().map(|(name, value)| (name, Value::Plain(value)));
        let secret = order.secrets.into_iter().map(|(name, secret)| (name, Value::Secret(secret)));
        let command = Command {
            program: order.program,
            args: order.args,
            env: plain.chain(secret).collect(),
            cwd: None,
            tty: None,
        };
        let output = host::run::short(&command, &[], 0)?;
        Ok(Observed {
            phase: Phase::Ready,
            tree: spec.tree,
            inbox: spec.inbox,
            home: spec.home,
            state: String::new(),
            detail: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    fn observe(spec: Spec) -> Result<Observed, Failure> {
        let Spec { tree, inbox, home, .. } = spec;
        Ok(Observed { phase: Phase::Absent, tree, inbox, home, detail: String::new(), state: String::new() })
    }

    fn enter(_spec: Spec, _observed: Observed, command: Command) -> Result<Launch, Failure> {
        Ok(Launch::Spawn(Spawned::plain(command)))
    }
}

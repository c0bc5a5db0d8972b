//! `run`: short helper programs on the server's machine.

use std::path::PathBuf;

use sandboxed_model::{
    Blame, Failure, PluginId,
    command::{Command, Output, Value},
};

use crate::{
    Ports,
    bindings::host::{commands, failures, run},
    grants::Rights,
    ports::Program,
    state::PluginState,
};

/// Bytes of each stream that are kept.
pub(super) const MAX_OUTPUT: usize = 1 << 20;
/// What a program that is given no PATH finds programs by.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl run::Host for PluginState {
    async fn short(
        &mut self,
        command: commands::Command,
        stdin: Vec<u8>,
        deadline_ms: u32,
    ) -> wasmtime::Result<Result<commands::Output, failures::Failure>> {
        self.count_host_call()?;
        Ok(self.run(command.into(), stdin, deadline_ms).await.map(Into::into).map_err(Into::into))
    }
}

impl PluginState {
    async fn run(&mut self, command: Command, stdin: Vec<u8>, deadline_ms: u32) -> Result<Output, Failure> {
        let path = self.rights.program(&command.program)?.to_owned();
        let mut env = vec![("PATH".to_owned(), PATH.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
        for (name, value) in command.env {
            if name == "PATH" || name.starts_with("LD_") || name.starts_with("DYLD_") || name.contains(['=', '\0']) {
                return Err(Failure::new(
                    Blame::Denied,
                    "run.variable_denied",
                    format!("the variable {name:?} changes which code a program runs"),
                ));
            }
            let value = match value {
                Value::Plain(value) => value,
                Value::Secret(secret) => granted_secret(&self.rights, &self.ports, &self.plugin, &secret, None).await?,
            };
            env.push((name, value));
        }
        let program = Program {
            path,
            args: command.args,
            env,
            cwd: command.cwd.map(PathBuf::from),
            stdin,
            deadline: self.time_for(deadline_ms),
            max_output: MAX_OUTPUT,
        };
        self.ports.programs.run(program).await
    }
}

/// The value of a secret that was granted by name, for a request to a host or for a program.
pub(super) async fn granted_secret(
    rights: &Rights,
    ports: &Ports,
    plugin: &PluginId,
    name: &str,
    host: Option<&str>,
) -> Result<String, Failure> {
    if !rights.grants.secrets.iter().any(|granted| granted == name) {
        return Err(Failure::new(Blame::Denied, "secrets.denied", format!("the secret {name:?} was not granted"))
            .with_hint(format!("grants.secrets = [\"{name}\"]")));
    }
    ports.secrets.read(plugin, name, host).await
}

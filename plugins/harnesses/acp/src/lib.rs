//! The driver of agents that speak the Agent Client Protocol (<https://agentclientprotocol.com>), version 1, and its
//! draft of version 2. It knows the protocol and no agent: what is special about one is in the plugin's `config` table,
//! so that an agent becomes a harness without code.

mod calls;
mod errors;
mod fill;
mod handshake;
mod launch;
mod mcp;
mod permission;
mod question;
mod session;
mod table;
mod update;
mod usage;

use sandboxed_sdk::{Driver, config_schema, export_harness, harness::*, manifest};

use session::AcpSession;
use table::{ResumeBy, Table};

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(Acp);

/// A mission sets nothing: what an agent can be told is in the table.
const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false
}"#;

struct Acp;

impl Driver for Acp {
    type Session = AcpSession;

    fn describe() -> About {
        match sandboxed_sdk::config::<Table>() {
            Ok(table) => about(&table),
            Err(failure) => About {
                summary: format!("An agent that cannot be used: {}", failure.message),
                abilities: Abilities::empty(),
                models: Vec::new(),
                settings_schema: SETTINGS_SCHEMA.to_owned(),
                efforts: Vec::new(),
            },
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        sandboxed_sdk::config::<Table>()?.launch(&start)
    }

    fn plan_install(target: Target) -> Result<Option<InstallPlan>, Failure> {
        sandboxed_sdk::config::<Table>()?.install.map(|install| install.plan(&target)).transpose()
    }
}

fn about(table: &Table) -> About {
    let mut abilities = Abilities::INTERRUPT;
    abilities.set(Abilities::RESUME, table.resume.by != ResumeBy::None);
    abilities.set(Abilities::USAGE, table.usage.is_some());
    abilities.set(Abilities::MODELS, !table.models.is_empty());
    abilities.set(Abilities::EFFORTS, !table.efforts.is_empty());
    abilities.set(Abilities::APPROVALS, table.asks);
    abilities.set(Abilities::PLANNING, table.modes.plan.is_some());
    abilities.set(Abilities::IMAGES, table.images);
    About {
        summary: table.summary.clone(),
        abilities,
        models: table.models.clone(),
        settings_schema: SETTINGS_SCHEMA.to_owned(),
        efforts: table.efforts.clone(),
    }
}

#[cfg(test)]
mod tests;

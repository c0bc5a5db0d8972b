//! What the driver of one agent says of itself, and what an operator can configure of it.

use sandboxed_sdk::{
    Failure, config,
    harness::{Abilities, About, InstallPlan, Target},
};
use serde::Deserialize;

use crate::install::{self, Install};

/// One agent, as its driver knows it.
#[derive(Debug, Clone, Copy)]
pub struct Agent {
    /// One sentence for a person who chooses a harness.
    pub summary: &'static str,
    /// What the driver can do with it.
    pub abilities: Abilities,
    /// Models that are offered where the operator names none.
    pub models: &'static [&'static str],
    /// How hard its models can be told to think, least first.
    pub efforts: &'static [&'static str],
    /// JSON Schema of a mission's settings.
    pub settings_schema: &'static str,
    /// The table `install` of the version that the plugin brings, as JSON.
    pub install: &'static str,
}

/// What the `config` tables of all such plugins have. What else is in one, its plugin reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    install: Option<Install>,
    models: Option<Vec<String>>,
}

impl Agent {
    /// What the harness is.
    pub fn about(&self) -> About {
        let listed = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        // A config that does not fit is told when a mission begins.
        let models = config::<Config>().ok().and_then(|config| config.models);
        About {
            summary: self.summary.to_owned(),
            abilities: self.abilities,
            models: models.unwrap_or_else(|| listed(self.models)),
            efforts: listed(self.efforts),
            settings_schema: self.settings_schema.to_owned(),
        }
    }

    /// The version that is used: the operator's, or else the one that the plugin brings.
    ///
    /// # Errors
    /// `config.invalid`.
    pub fn install(&self) -> Result<Install, Failure> {
        let config: Config = config()?;
        Ok(config.install.unwrap_or_else(|| Install::built_in(self.install)))
    }

    /// How it is installed.
    ///
    /// # Errors
    /// `config.invalid`, `install.unsupported_target`.
    pub fn plan_install(&self, target: &Target) -> Result<Option<InstallPlan>, Failure> {
        self.install()?.plan(target).map(Some)
    }

    /// Holds the plugin to what it promises, in a test of its own: what it brings can be installed on Linux and is
    /// refused where nobody builds it, and the schema of its config has the table `install` of all harnesses.
    ///
    /// # Panics
    /// When it does not.
    pub fn check(&self, config_schema: &str) {
        let target = |os: &str, arch: &str| Target { os: os.to_owned(), arch: arch.to_owned(), libc: "gnu".to_owned() };
        let plan = self.plan_install(&target("linux", "x86_64"));
        assert!(plan.as_ref().is_ok_and(Option::is_some), "it cannot be installed: {plan:?}");
        let refused = self.plan_install(&target("plan9", "mips")).map_err(|failure| failure.code);
        assert_eq!(refused, Err("install.unsupported_target".to_owned()));
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        assert_eq!(json(config_schema)["properties"]["install"], json(install::SCHEMA));
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit::set_config;

    use super::*;

    fn agent() -> Agent {
        Agent {
            summary: "An agent.",
            abilities: Abilities::RESUME,
            models: &["large"],
            efforts: &["high"],
            settings_schema: "{}",
            install: r#"{ "version": "1", "check": { "program": "agent", "expects": "1" } }"#,
        }
    }

    #[test]
    fn the_operator_says_which_version_is_used_and_which_models_can_be_chosen() {
        assert_eq!(
            (agent().about().models, agent().install().expect("it fits").version),
            (vec!["large".to_owned()], "1".to_owned())
        );
        set_config(
            r#"{ "key": 1, "models": ["small"], "install": { "version": "2", "check": { "program": "a", "expects": "2" } } }"#,
        );
        assert_eq!(
            (agent().about().models, agent().install().expect("it fits").version),
            (vec!["small".to_owned()], "2".to_owned())
        );
    }

    #[test]
    fn a_config_that_does_not_fit_is_told_when_a_mission_begins() {
        set_config(r#"{ "install": 5 }"#);
        assert_eq!(agent().about().models, ["large"]);
        assert_eq!(agent().install().expect_err("no table").code, "config.invalid");
    }
}

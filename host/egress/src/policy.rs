//! Whom a workspace may talk to.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{host::Target, rule::Rule, verdict::Reason};

/// Whom a workspace may talk to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nobody.
    #[default]
    None,
    /// Whom one of these rules allows.
    Allow(Vec<Rule>),
    /// Everybody in the public internet, but nobody in a private network.
    Open,
}

impl Policy {
    /// Whether the policy allows the target, or why not. Its addresses are still to be checked.
    pub(crate) fn judge(&self, target: &Target) -> Result<Reason, Reason> {
        match self {
            Self::None => Err(Reason::NoNetwork),
            Self::Allow(rules) if rules.iter().any(|rule| rule.allows(target)) => Ok(Reason::Rule),
            Self::Allow(_) => Err(Reason::NotListed),
            Self::Open => Ok(Reason::Open),
        }
    }

    /// Whether a rule names the very address, so that it may be one of a private network.
    pub(crate) fn names(&self, address: IpAddr, port: u16) -> bool {
        match self {
            Self::None | Self::Open => false,
            Self::Allow(rules) => rules.iter().any(|rule| rule.names(address, port)),
        }
    }
}

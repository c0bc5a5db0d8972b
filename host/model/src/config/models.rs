//! What the configuration says of models.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;

use super::{ByteSize, Span};

/// `[models]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// A catalogue of the operator's, laid over the one that came with the server.
    pub catalogue: Option<PathBuf>,
    /// A file with certificates in PEM by which providers are known besides those that the machine trusts.
    pub ca: Option<PathBuf>,
    /// The models that agents may ask for, with `*` for any text. Empty is every model that an account has.
    pub allow: Vec<String>,
    /// Names that agents may give to models, and what they stand for: `MODEL`, `PROVIDER/MODEL` or `ACCOUNT/MODEL`.
    pub aliases: BTreeMap<String, String>,
    /// Where the gateway listens for workspaces that share the machine's network: a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The longest body of a request.
    pub body_limit: ByteSize,
    /// How long a provider may take until its answer begins.
    pub answer_timeout: Span,
    /// How long nothing may come in the middle of an answer.
    pub idle_timeout: Span,
    /// A mission whose models all wait for longer is parked; for less its agent is told to ask again.
    pub park_after: Span,
    /// How long a request waits for others that hold what is left of a budget.
    pub budget_wait: Span,
    /// How long single requests are kept. What was used by day, mission, model and account is kept for good.
    pub keep_requests: Span,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            catalogue: None,
            ca: None,
            allow: Vec::new(),
            aliases: BTreeMap::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            body_limit: ByteSize(64 << 20),
            answer_timeout: Span(Duration::from_secs(600)),
            idle_timeout: Span(Duration::from_secs(600)),
            park_after: Span(Duration::from_secs(120)),
            budget_wait: Span(Duration::from_secs(60)),
            keep_requests: Span(Duration::from_secs(90 * 24 * 3600)),
        }
    }
}

//! Models: which accounts there are, who may ask which model, what that costs, and the gateway by which agents ask.
//!
//! The gateway itself is a crate that knows HTTP and the providers' formats; here is the desk that it asks about all else.

mod accounts;
mod book;
mod budgets;
mod desk;
mod door;
mod environment;
mod listener;
mod open;
mod parking;
mod resolve;
mod sign_in;
mod spending;
mod token;
mod trial;
mod unanswered;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock, Weak},
};

use sandboxed_gateway::{Gateway, Limits, trust};
use sandboxed_model::{
    Blame, Failure, MissionId, Timestamp,
    account::{AccountName, ModelPattern},
    catalogue::Catalogue,
    config::ModelsConfig,
    workspace::Workspace,
};
use sandboxed_store::Store;
use tokio::{net::TcpStream, sync::watch};

pub use accounts::{AccountKey, NewProviderAccount};
pub(crate) use door::{Wish, wish};
pub(crate) use environment::{DirectKey, ModelAccess, TOKEN};
pub(crate) use listener::serve_machine;
pub(crate) use parking::wake_parked;
pub use sign_in::{NewSignIn, SignInBegun, SignInKind, SignInState, SignInStatus};
pub use trial::Trial;

use crate::{Result, egress::Traveller, services::Services, vault::Vault};
use book::Book;
use desk::Desk;
use open::OpenRequests;
use sign_in::SignIns;
use token::Tokens;
use unanswered::Unanswered;

/// From where models are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A closed network of a workspace.
    Workspace(Traveller),
    /// The machine's own network.
    Machine,
}

/// What the server knows of models.
pub(crate) struct Models {
    catalogue: Catalogue,
    allow: Vec<ModelPattern>,
    tokens: Tokens,
    book: Book,
    sign_ins: SignIns,
    open: OpenRequests,
    unanswered: Unanswered,
    gateway: OnceLock<Gateway<Desk>>,
    listens_at: OnceLock<SocketAddr>,
    /// How often an account answered again after a limit.
    pub(crate) proofs: watch::Sender<u64>,
    /// How often a mission was parked.
    pub(crate) parked: watch::Sender<u64>,
}

impl Models {
    /// Reads the catalogue and the accounts, and settles requests of a former server.
    ///
    /// # Errors
    /// When the operator's catalogue cannot be read, or the store fails.
    pub(crate) async fn open(config: &ModelsConfig, store: &Store, vault: &Arc<Vault>) -> Result<Self> {
        let allow: std::result::Result<Vec<ModelPattern>, _> = config.allow.iter().map(|text| text.parse()).collect();
        let allow = allow.map_err(|error| Failure::new(Blame::Config, "models.allow_invalid", error.to_string()))?;
        let lost = store.settle_lost(Timestamp::now()).await?;
        if lost > 0 {
            tracing::warn!(
                lost,
                "requests to models were under way when the server ended: each counts what was set aside"
            );
        }
        let catalogue = catalogue(config).await?;
        let models = Self {
            sign_ins: SignIns::open(config, &catalogue, vault)?,
            catalogue,
            allow,
            tokens: Tokens::new(vault.derived_key("models")),
            book: Book::default(),
            open: OpenRequests::default(),
            unanswered: Unanswered::default(),
            gateway: OnceLock::new(),
            listens_at: OnceLock::new(),
            proofs: watch::Sender::new(0),
            parked: watch::Sender::new(0),
        };
        let accounts = store.accounts().await?;
        models.sign_ins.follow(&accounts, vault).await;
        models.book.replace(accounts);
        Ok(models)
    }

    /// Waits until all is stored that providers gave to accounts.
    pub(crate) async fn settle(&self) {
        self.sign_ins.settle().await;
    }

    /// Whether any account was left alone and has not answered since.
    fn is_unproven(&self) -> bool {
        self.book.is_unproven()
    }

    /// A turn begins, or is taken up: from now on it is seen what its models do not answer.
    pub(crate) fn turn_begins(&self, mission: MissionId) {
        self.unanswered.begin(mission);
    }

    /// The turn is over.
    pub(crate) fn turn_ends(&self, mission: MissionId) {
        self.unanswered.end(mission);
    }

    /// Why a turn has failed of which the agent tells this: where models did not answer, the gateway knows better.
    pub(crate) fn why(&self, mission: MissionId, told: Failure) -> Failure {
        self.unanswered.why(mission, told, !self.book.is_empty())
    }

    /// Why a turn has done nothing of which the agent says that all is well.
    pub(crate) fn why_nothing(&self, mission: MissionId) -> Option<Failure> {
        self.unanswered.of_all(mission)
    }

    /// Answers whoever asks models by this connection, of which `early` was read already.
    pub(crate) async fn serve(&self, connection: TcpStream, early: Vec<u8>, origin: Origin) {
        if let Some(gateway) = self.gateway.get() {
            gateway.serve(connection, early.into(), origin).await;
        }
    }
}

impl Services {
    /// Opens the gateway.
    ///
    /// # Errors
    /// When this machine has no certificates to know providers by.
    pub(crate) fn open_gateway(self: &Arc<Self>) -> Result<()> {
        let config = &self.config.models;
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let limits = Limits {
            body: size(config.body_limit.0),
            answer_time: config.answer_timeout.0,
            idle_time: config.idle_timeout.0,
            ..Limits::default()
        };
        let desk = Arc::new(Desk::new(Arc::downgrade(self)));
        let further = further_roots(config)?;
        let gateway = trust(&further).and_then(|tls| Gateway::new(desk, tls, limits)).map_err(unopened)?;
        let _ = self.models.gateway.set(gateway);
        Ok(())
    }

    /// By what processes of a mission ask models; none where there is no account, or no mission.
    pub(crate) fn model_access(
        &self,
        workspace: &Workspace,
        mission: Option<MissionId>,
    ) -> Result<Option<Arc<ModelAccess>>> {
        let (Some(mission), Some(&listens_at)) = (mission, self.models.listens_at.get()) else { return Ok(None) };
        if self.models.book.is_empty() {
            return Ok(None);
        }
        let direct = self.direct_keys(&workspace.recipe.direct_keys)?;
        Ok(Some(Arc::new(ModelAccess::new(self.models.tokens.of(mission), listens_at, direct))))
    }

    /// The variables for keys of accounts that a workspace is to have itself.
    ///
    /// # Errors
    /// When there is no such account, it has no key, or the key is not for workspaces.
    pub(crate) fn direct_keys(&self, accounts: &[AccountName]) -> Result<Vec<DirectKey>, Failure> {
        let direct = accounts.iter().map(|name| {
            let account = self.models.book.account(name.as_str()).ok_or_else(|| {
                Failure::new(Blame::Config, "account.not_found", format!("there is no account {name}"))
                    .with_hint("`sandboxed-sh provider list` shows the accounts")
            })?;
            let provider = self.models.catalogue.provider(&account.provider);
            let variable = provider.and_then(|provider| provider.key_variable.clone());
            let secret = match &account.credential {
                sandboxed_model::account::Credential::ApiKey { secret } => Some(secret.clone()),
                _ => None,
            };
            let (Some(variable), Some(secret)) = (variable, secret) else {
                let message = format!("the account {name} has no key that a program could find in its environment");
                return Err(Failure::new(Blame::Config, "account.no_direct_key", message)
                    .with_hint("leave direct_keys away: missions ask by the gateway"));
            };
            self.vault.check_for_workspaces(&secret, false)?;
            Ok(DirectKey { variable, secret })
        });
        direct.collect()
    }
}

/// Certificates by which providers are known besides those that the machine trusts.
fn further_roots(config: &ModelsConfig) -> Result<String, Failure> {
    let Some(path) = &config.ca else { return Ok(String::new()) };
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Blame::Config, "models.ca_invalid", format!("{}: {error}", path.display()))
            .with_hint("[models] ca in sandboxed.toml names a file with certificates in PEM")
    })
}

fn unopened(error: sandboxed_gateway::Error) -> Failure {
    Failure::new(Blame::Unavailable, "models.gateway", format!("the gateway to models cannot be opened: {error}"))
}

/// The catalogue that came with the server, with the operator's over it.
async fn catalogue(config: &ModelsConfig) -> Result<Catalogue> {
    let shipped = Catalogue::embedded();
    let Some(path) = &config.catalogue else { return Ok(shipped) };
    let invalid = |what: String| {
        Failure::new(Blame::Config, "models.catalogue_invalid", format!("{}: {what}", path.display()))
            .with_hint("[models] catalogue in sandboxed.toml names the file; config/models.toml explains its fields")
    };
    let text = tokio::fs::read_to_string(path).await.map_err(|error| invalid(error.to_string()))?;
    let name = path.display().to_string();
    let own = Catalogue::parse(&name, &text, &shipped).map_err(|error| invalid(error.to_string()))?;
    Ok(shipped.overlay(own))
}

/// What the desk holds of the services: it is one of them.
type Served = Weak<Services>;

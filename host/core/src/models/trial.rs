//! Trying an account.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sandboxed_gateway::{Credential, Trouble};
use sandboxed_model::{
    Blame, Failure,
    account::{Account, AccountHealth, AccountName},
    wire::WireFormat,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{accounts::key_place, desk::shown};
use crate::{Orchestrator, Result, services::Services};

/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How trying an account came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    /// What is wrong with it; absent where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// Models that the provider lists for it, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<u32>,
    /// How many milliseconds the provider took.
    pub took_ms: u64,
}

impl Orchestrator {
    /// Asks an account's provider for the list of its models. How the account stands follows from the answer.
    ///
    /// # Errors
    /// When there is no such account, or its provider lists no models.
    pub async fn test_account(&self, name: &AccountName) -> Result<Trial> {
        let services = &self.services;
        let account = services.store.provider_account(name).await?;
        let began = Instant::now();
        let asked = services.ask_for_models(&account).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (problem, models) = match asked {
            Ok(models) => (None, models),
            Err(Untried::Never(failure)) => return Err(failure.into()),
            Err(Untried::Failed(failure)) => (Some(failure), None),
            Err(Untried::Trouble(trouble)) => {
                let told = services.models.book.trouble(name.as_str(), &trouble);
                let why = told.as_ref().and_then(|(_, health)| match health {
                    AccountHealth::Cooling { why, .. } | AccountHealth::Refused { why, .. } => Some(why.clone()),
                    AccountHealth::Ready => None,
                });
                if let Some((name, health)) = told {
                    services.keep_health(name, health);
                }
                (Some(why.unwrap_or_else(|| unreachable(&account))), None)
            }
        };
        if problem.is_none() && services.models.book.well(name.as_str()).changed {
            services.keep_health(name.clone(), AccountHealth::Ready);
        }
        Ok(Trial { problem, models, took_ms })
    }
}

/// Why an account was not answered.
enum Untried {
    /// There is nothing that could be asked.
    Never(Failure),
    /// Before anything was asked.
    Failed(Failure),
    /// The provider's answer, or that there was none.
    Trouble(Trouble),
}

impl Services {
    /// Asks a second time where the provider does not take a token and there may be another.
    async fn ask_for_models(self: &Arc<Self>, account: &Account) -> std::result::Result<Option<u32>, Untried> {
        let mut generation = 0;
        let asked = self.ask_once_for_models(account, &mut generation).await;
        match asked {
            Err(Untried::Trouble(Trouble::Refused { status: 401 })) if self.renew(account, generation).await => {
                self.ask_once_for_models(account, &mut generation).await
            }
            asked => asked,
        }
    }

    async fn ask_once_for_models(
        self: &Arc<Self>,
        account: &Account,
        shown_generation: &mut u64,
    ) -> std::result::Result<Option<u32>, Untried> {
        let never = |message: String| {
            Untried::Never(
                Failure::new(Blame::Config, "account.untestable", message)
                    .with_hint("its first request of a mission shows whether it works"),
            )
        };
        let provider = self.models.catalogue.provider(&account.provider);
        let provider = provider.ok_or_else(|| never(format!("the catalogue has no provider {}", account.provider)))?;
        let url = provider.models_url(account.base_url.as_deref());
        let url = url.ok_or_else(|| never(format!("{} lists no models, so there is nothing to try", provider.id)))?;
        let url = url.parse().map_err(|_| never(format!("{url:?} is no URL")))?;
        let (key, generation) = self.account_key(account).await.map_err(Untried::Failed)?;
        let format = provider.endpoints.keys().next().copied().unwrap_or(WireFormat::Chat);
        *shown_generation = generation;
        let (header, value) = shown(key_place(account, provider, format), &key);
        let Some(gateway) = self.models.gateway.get() else { return Err(never("the server is starting".to_owned())) };
        let credential = Credential { header, value, generation };
        let headers = self.models.sign_ins.headers(account);
        let asking = tokio::time::timeout(PATIENCE, gateway.get(&url, &headers, &credential));
        let answer = asking.await.map_err(|_| Untried::Trouble(Trouble::Failing))?;
        let (status, body) = answer.map_err(|_| Untried::Trouble(Trouble::Failing))?;
        match status.as_u16() {
            200..300 => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let list = body["data"].as_array().or(body["models"].as_array());
                Ok(list.and_then(|list| u32::try_from(list.len()).ok()))
            }
            status @ (401 | 403) => Err(Untried::Trouble(Trouble::Refused { status })),
            // Some providers say so of a key that they do not know.
            400 if mentions_key(&body) => Err(Untried::Trouble(Trouble::Refused { status: 401 })),
            429 => Err(Untried::Trouble(Trouble::Limited { until: None, usage_window: false })),
            _ => Err(Untried::Trouble(Trouble::Failing)),
        }
    }
}

fn mentions_key(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("api key")
}

fn unreachable(account: &Account) -> Failure {
    let message = format!("{} did not answer, or not with a list of models", account.provider);
    Failure::new(Blame::Unavailable, "account.failing", message)
}

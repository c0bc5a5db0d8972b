//! What the gateway asks: who a token is, which accounts can be asked, whether there is money, and what a key is.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use sandboxed_gateway::{
    Credential, ModelListing, Operation, Reason, Refusal, Reservation, Route, Settled, Trouble, Unanswered, Wanted,
    Worst,
};
use sandboxed_model::{
    Blame, Failure, RequestId, Timestamp,
    account::AccountName,
    catalogue::Model,
    mission::{Mission, Parked, ParkedReason},
    price::Price,
    provider::KeyPlace,
    request::RequestEnd,
    spending::{NewRequest, RequestSettled, Reserved},
    wire::Tokens,
    workspace::NetworkMode,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{
    Origin, Served,
    accounts::key_place,
    book::Standing,
    open::OpenRequest,
    resolve::{Candidate, Rules},
};
use crate::services::Services;

/// What a model may answer at most of which that is not known.
const OUTPUT: u64 = 32 << 10;
/// The output that there has to be money for, besides all input.
const LITTLE: u64 = 256;
/// What all input is taken for that is not seen, where the model's context is not known.
const CONTEXT: u64 = 200_000;
/// What a picture, a document or a sound is taken for: so many tokens, and one more for so many bytes of it.
const MEDIA: u64 = 2_000;
const MEDIA_BYTES: u64 = 16;
/// Where little money is left, so many bytes of text are taken for a token at least. Tokenizers make one of three to four.
const TEXT_BYTES: u64 = 2;
/// How long an agent is told to wait whose request others keep from the rest of a budget.
const BUSY: Duration = Duration::from_secs(5);

/// Whom a token stands for.
#[derive(Clone)]
pub(super) struct Asking {
    mission: Arc<Mission>,
}

/// Decides about requests.
pub(super) struct Desk {
    services: Served,
}

impl Desk {
    pub(super) fn new(services: Served) -> Self {
        Self { services }
    }

    fn services(&self) -> Result<Arc<Services>, Refusal> {
        let gone = || Failure::new(Blame::Unavailable, "server.stopping", "the server stops");
        self.services.upgrade().ok_or_else(|| Refusal::new(Reason::Unavailable, gone()))
    }
}

fn token_refused(code: &str, message: impl Into<String>) -> Refusal {
    let failure = Failure::new(Blame::Denied, code, message).with_hint(
        "a mission's processes find their token in SANDBOXED_SH_MODELS_TOKEN, for as long as its turn goes on",
    );
    Refusal::new(Reason::Token, failure)
}

fn internal(error: impl Into<crate::Error>) -> Refusal {
    let failure = error.into().failure();
    tracing::error!(%failure, "a request to a model cannot be served");
    Refusal::new(Reason::Internal, failure)
}

impl sandboxed_gateway::Desk for Desk {
    type Caller = Asking;
    type Origin = Origin;

    async fn admit(&self, token: &SecretString, origin: &Origin) -> Result<Asking, Refusal> {
        let services = self.services()?;
        let id = services.models.tokens.mission(token);
        let id = id.ok_or_else(|| token_refused("models.token_unknown", "this token is none of this server's"))?;
        let over = || token_refused("models.token_ended", "no turn of the token's mission is under way");
        let mission = services.mission(id).await.map_err(|_| over())?;
        if !mission.state.is_active() {
            return Err(over());
        }
        let elsewhere = || token_refused("models.token_elsewhere", "this token is used outside of its mission");
        match origin {
            Origin::Workspace(traveller) if traveller.mission == Some(id) => {}
            Origin::Workspace(_) => return Err(elsewhere()),
            Origin::Machine => {
                let workspace = services.workspace(mission.workspace).await.map_err(internal)?;
                if workspace.network.mode != NetworkMode::Shared {
                    return Err(elsewhere());
                }
            }
        }
        Ok(Asking { mission: Arc::new(mission) })
    }

    async fn routes(&self, caller: &Asking, wanted: &Wanted) -> Result<Vec<Route>, Refusal> {
        let services = self.services()?;
        let candidates = services.candidates(&caller.mission, wanted)?;
        let mut usable = Vec::new();
        let mut soonest: Option<(Timestamp, AccountName)> = None;
        let mut refused = None;
        for candidate in candidates {
            match services.models.book.standing(&candidate.account.name) {
                Standing::Usable => {
                    let headers = services.models.sign_ins.headers(&candidate.account);
                    usable.extend(route(candidate, wanted, headers));
                }
                Standing::Until(until) => {
                    if soonest.as_ref().is_none_or(|(known, _)| until < *known) {
                        soonest = Some((until, candidate.account.name));
                    }
                }
                Standing::Refused(why) => refused = Some(why),
            }
        }
        match (usable.is_empty(), soonest, refused) {
            (false, ..) => Ok(usable),
            (true, Some((until, account)), _) => {
                match services.models.book.why(&account) {
                    // What a provider does not let an account do it does not let it do a minute later.
                    Some(why) if why.code == "account.denied" => Err(Refusal::new(Reason::Credential, why)),
                    why => Err(services.limited(&caller.mission, until, why)),
                }
            }
            (true, None, Some(why)) => Err(Refusal::new(Reason::Credential, why)),
            (true, None, None) => Err(Refusal::new(Reason::Internal, unroutable())),
        }
    }

    async fn reserve(&self, caller: &Asking, route: &Route, worst: &Worst) -> Result<Reservation, Refusal> {
        let services = self.services()?;
        let mission = &caller.mission;
        let at = Timestamp::now();
        let account = services.models.book.account(&route.account);
        let account = account.ok_or_else(|| Refusal::new(Reason::Internal, unroutable()))?;
        let catalogue = &services.models.catalogue;
        let bounds = Bounds::of(worst, catalogue.model(&account.provider, &route.model));
        let price = catalogue.price(&account.provider, &route.model, at).copied();
        let cost = |input, output| price.map(|price| price.worst(input, output));
        let request = NewRequest {
            id: RequestId::new(),
            mission: mission.id,
            turn: mission.turns,
            owner: mission.owner,
            workspace: mission.workspace,
            harness: mission.harness.clone(),
            account: account.name,
            provider: account.provider,
            model: route.model.clone(),
            format: route.format,
            at,
            worst: cost(bounds.input, bounds.output),
            least: cost(bounds.likely_input, bounds.output.min(LITTLE)),
        };
        let (id, most) = (request.id, request.worst);
        let until = Instant::now() + services.config.models.budget_wait.0;
        let mut ends = services.models.open.ends();
        let granted = loop {
            ends.mark_unchanged();
            let budget = match services.store.reserve(request.clone()).await.map_err(internal)? {
                Reserved::Granted { micro_usd } => break micro_usd,
                Reserved::Busy { budget } => budget,
                Reserved::Exhausted { budget } => return Err(services.exhausted_budget(mission, &budget)),
                Reserved::Unpriced { budget } => {
                    return Err(Refusal::new(Reason::Budget, super::budgets::unpriced(&route.model, &budget)));
                }
            };
            if tokio::time::timeout_at(until, ends.changed()).await.is_err() {
                return Err(Refusal::new(Reason::Limited, super::budgets::busy(&budget, BUSY)));
            }
        };
        let allowance = match (granted, most, &price) {
            (Some(granted), Some(most), Some(price)) if granted < most => Some(affordable(price, bounds, granted)),
            _ => None,
        };
        services.models.book.begin(&route.account);
        services.models.open.begin(id, OpenRequest { mission: mission.id, price });
        Ok(Reservation { id, output_allowance: allowance })
    }

    async fn credential(&self, route: &Route) -> Result<Credential, Refusal> {
        let services = self.services()?;
        let unroutable = || Refusal::new(Reason::Internal, unroutable());
        let account = services.models.book.account(&route.account).ok_or_else(unroutable)?;
        let provider = services.models.catalogue.provider(&account.provider).ok_or_else(unroutable)?;
        let refused = |failure: Failure| {
            let reason = match failure.blame {
                // A provider that gives no token for now is asked again.
                Blame::Unavailable | Blame::Deadline => Reason::Unavailable,
                _ => Reason::Credential,
            };
            Refusal::new(reason, failure)
        };
        let (value, generation) = services.account_key(&account).await.map_err(refused)?;
        let (header, value) = shown(key_place(&account, provider, route.format), &value);
        Ok(Credential { header, value, generation })
    }

    async fn renew(&self, route: &Route, generation: u64) -> bool {
        let Ok(services) = self.services() else { return false };
        let Some(account) = services.models.book.account(&route.account) else { return false };
        services.renew(&account, generation).await
    }

    fn settle(&self, id: RequestId, settled: Settled) {
        let Some(services) = self.services.upgrade() else { return };
        // At once: the agent is about to know.
        if let Some(mission) = services.models.open.look(id, |open| open.mission) {
            match settled.end {
                RequestEnd::Complete if settled.status.is_none_or(|status| status < 400) => {
                    services.models.unanswered.answered(mission);
                }
                RequestEnd::Cut => services.models.unanswered.cut(mission),
                _ => {}
            }
        }
        tokio::spawn(async move {
            let cost = services.models.open.look(id, |open| {
                let tokens = settled.tokens.as_ref()?;
                Some(open.price?.cost(&billed(tokens, &settled)))
            });
            let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let request = RequestSettled {
                end: settled.end,
                status: settled.status,
                tokens: settled.tokens,
                cost: cost.flatten(),
                answered_model: settled.answered_model,
                first_byte_ms: settled.first_byte.map(millis),
                took_ms: millis(settled.took),
                upstream_request_id: settled.upstream_request_id,
            };
            if let Err(error) = services.store.settle(id, request).await {
                // Its row stays open, and counts what was set aside when the server is started again.
                tracing::error!(%error, request = %id, "what a request used could not be stored");
            }
            services.models.open.end(id);
        });
    }

    fn trouble(&self, route: &Route, trouble: &Trouble) {
        let Some(services) = self.services.upgrade() else { return };
        if let Some((name, health)) = services.models.book.trouble(&route.account, trouble) {
            tracing::warn!(account = %name, ?trouble, "an account is left alone");
            services.keep_health(name, health);
        }
    }

    fn well(&self, route: &Route) {
        let Some(services) = self.services.upgrade() else { return };
        let recovered = services.models.book.well(&route.account);
        if recovered.proven {
            services.models.proofs.send_modify(|proofs| *proofs = proofs.wrapping_add(1));
        }
        if recovered.changed
            && let Some(account) = services.models.book.account(&route.account)
        {
            services.keep_health(account.name, account.health);
        }
    }

    async fn exhausted(&self, caller: &Asking, _: &Wanted, troubles: &[(Route, Trouble)]) -> Option<Refusal> {
        let services = self.services().ok()?;
        let limited = troubles.iter().any(|(_, trouble)| matches!(trouble, Trouble::Limited { .. }));
        if !limited {
            return None;
        }
        // When the first of all accounts is back that were tried.
        let standing = |route: &Route| {
            let account = services.models.book.account(&route.account)?;
            match services.models.book.standing(&account.name) {
                Standing::Usable => Some(Timestamp::now()),
                Standing::Until(until) => Some(until),
                Standing::Refused(_) => None,
            }
        };
        let soonest = troubles.iter().filter_map(|(route, _)| standing(route)).min()?;
        services.parks(soonest).then(|| services.limited(&caller.mission, soonest, None))
    }

    fn unanswered(&self, caller: &Asking, told: Unanswered<'_>) {
        let Some(services) = self.services.upgrade() else { return };
        match told {
            Unanswered::Refusal(refusal) => services.models.unanswered.refused(caller.mission.id, refusal),
            Unanswered::Error { status, body } => services.models.unanswered.error(caller.mission.id, status, body),
        }
    }

    async fn models(&self, caller: &Asking) -> Result<Vec<ModelListing>, Refusal> {
        let services = self.services()?;
        let listings = services.askable(caller.mission.owner).into_iter().map(|model| ModelListing {
            id: model.id.clone(),
            display_name: model.title.clone(),
            created: model.prices.first().map_or(Timestamp::from_millis(0), |price| price.from.start()),
            owner: model.provider.to_string(),
        });
        Ok(listings.collect())
    }
}

impl Services {
    fn candidates(&self, mission: &Mission, wanted: &Wanted) -> Result<Vec<Candidate>, Refusal> {
        let accounts = self.models.book.accounts();
        let rules = Rules {
            catalogue: &self.models.catalogue,
            aliases: &self.config.models.aliases,
            allow: &self.models.allow,
        };
        let found = match (&wanted.model, wanted.operation) {
            (Some(model), _) => rules.candidates(&accounts, mission.owner, model, wanted.format),
            (None, _) => rules.speaking(&accounts, mission.owner, wanted.format),
        };
        found.map_err(|failure| {
            let reason = match failure.code.as_str() {
                "models.denied" => Reason::ModelDenied,
                "models.no_account" => Reason::Credential,
                "models.format_unsupported" => Reason::Invalid,
                _ => Reason::Unknown,
            };
            Refusal::new(reason, failure)
        })
    }

    /// Whether a mission whose models are back then is parked meanwhile.
    fn parks(&self, until: Timestamp) -> bool {
        until > Timestamp::now().after(self.config.models.park_after.0)
    }

    /// What an agent is told whose accounts are all left alone until then. It is parked if that is long.
    fn limited(self: &Arc<Self>, mission: &Mission, until: Timestamp, why: Option<Failure>) -> Refusal {
        let left = until.as_millis().saturating_sub(Timestamp::now().as_millis()).max(1000);
        let (code, message) = match why.filter(|why| why.code != "account.limited") {
            Some(why) => (why.code, format!("{}; it is asked again at {until}", why.message)),
            None => {
                let message = format!("all accounts for this model are at their limits until {until}");
                ("models.limited".to_owned(), message)
            }
        };
        let mut failure = Failure::new(Blame::Unavailable, code, message)
            .with_hint("add another account (`sandboxed-sh provider add`), or wait");
        failure.retry_after_ms = Some(u32::try_from(left).unwrap_or(u32::MAX));
        if self.parks(until) {
            let parked = Parked { reason: ParkedReason::UsageLimit, until: Some(until) };
            self.park_asking(mission.id, parked, failure.clone());
        }
        Refusal::new(Reason::Limited, failure)
    }
}

/// The most that a request can use, in tokens.
#[derive(Clone, Copy)]
struct Bounds {
    input: u64,
    /// What its input is likely not to be more than.
    likely_input: u64,
    output: u64,
}

impl Bounds {
    fn of(worst: &Worst, model: Option<&Model>) -> Self {
        let context = model.and_then(|model| model.context_tokens);
        let media = worst.media.saturating_mul(MEDIA).saturating_add(worst.media_bytes / MEDIA_BYTES);
        let unseen = if worst.unseen_input { context.unwrap_or(CONTEXT) } else { 0 };
        let within = |tokens: u64| tokens.saturating_add(media).saturating_add(unseen).min(context.unwrap_or(u64::MAX));
        let most = model.and_then(|model| model.max_output_tokens);
        let asked = worst.output_tokens.or(most).unwrap_or(OUTPUT);
        Self {
            input: within(worst.text_bytes),
            likely_input: within(worst.text_bytes / TEXT_BYTES),
            output: asked.min(most.unwrap_or(u64::MAX)).saturating_mul(worst.answers.max(1)),
        }
    }
}

/// The output for which there is money besides the input.
fn affordable(price: &Price, bounds: Bounds, granted: u64) -> u64 {
    let (mut enough, mut too_much) = (0, bounds.output.saturating_add(1));
    while too_much - enough > 1 {
        let middle = enough + (too_much - enough) / 2;
        match price.worst(bounds.likely_input, middle) <= granted {
            true => enough = middle,
            false => too_much = middle,
        }
    }
    enough
}

/// What is paid for: where an answer was cut, the provider may count more than it had told of.
fn billed(told: &Tokens, settled: &Settled) -> Tokens {
    match settled.end {
        RequestEnd::Complete => *told,
        _ => Tokens { output: told.output.max(settled.visible_output.div_ceil(4)), ..*told },
    }
}

fn route(candidate: Candidate, wanted: &Wanted, headers: HeaderMap) -> Option<Route> {
    let Candidate { account, model, base_url } = candidate;
    let base_url = base_url.parse().ok()?;
    Some(Route {
        account: account.name.to_string(),
        provider: account.provider.to_string(),
        format: wanted.format,
        base_url,
        model: if wanted.operation == Operation::Connect { String::new() } else { model },
        headers,
    })
}

/// How a key is shown.
pub(super) fn shown(place: KeyPlace, key: &SecretString) -> (http::HeaderName, SecretString) {
    use http::HeaderName;

    let plain = |name: &'static str| (HeaderName::from_static(name), key.clone());
    match place {
        KeyPlace::XApiKey => plain("x-api-key"),
        KeyPlace::XGoogApiKey => plain("x-goog-api-key"),
        KeyPlace::ApiKey => plain("api-key"),
        KeyPlace::Bearer | KeyPlace::None => {
            (http::header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()).into())
        }
    }
}

fn unroutable() -> Failure {
    Failure::new(Blame::Config, "models.account_gone", "the account was changed or removed in this very moment")
}

#[cfg(test)]
mod tests {
    use sandboxed_model::price::Rates;

    use super::*;

    fn price(input: u64, output: u64) -> Price {
        let rates = Rates { input, cache_read: input, cache_write: input, cache_write_1h: input, output };
        Price { from: "2026-01-01".parse().unwrap(), rates, above: None }
    }

    #[test]
    fn a_request_can_use_a_token_for_each_byte_and_no_more_than_the_models_context() {
        let worst = Worst { text_bytes: 1000, output_tokens: Some(50), answers: 2, ..Worst::default() };

        let bounds = Bounds::of(&worst, None);
        assert_eq!((bounds.input, bounds.likely_input, bounds.output), (1000, 500, 100));
        let unseen = Bounds::of(&Worst { unseen_input: true, output_tokens: None, ..worst }, None);
        assert_eq!((unseen.input, unseen.output), (CONTEXT + 1000, 2 * OUTPUT));
    }

    #[test]
    fn what_is_left_is_spent_on_output_when_the_input_is_paid() {
        let bounds = Bounds { input: 1000, likely_input: 500, output: 100 };

        // A dollar for a million of input, ten for a million of output: 500 for the input, and 10 for each token.
        let affordable = |granted| affordable(&price(1_000_000, 10_000_000), bounds, granted);
        assert_eq!([500, 505, 1000, 1500, 9000].map(affordable), [0, 0, 50, 100, 100]);
    }

    #[test]
    fn an_answer_that_was_cut_is_paid_for_as_far_as_it_was_seen() {
        let told = Tokens { input: 100, output: 1, ..Tokens::default() };
        let settled = |end| Settled {
            end,
            status: Some(200),
            tokens: Some(told),
            visible_output: 401,
            answered_model: None,
            first_byte: None,
            took: Duration::ZERO,
            upstream_request_id: None,
        };

        assert_eq!(billed(&told, &settled(RequestEnd::Abandoned)).output, 101);
        assert_eq!(billed(&told, &settled(RequestEnd::Complete)).output, 1);
    }
}

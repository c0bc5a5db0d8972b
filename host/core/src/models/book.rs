//! The accounts of the server as the gateway sees them: in their order, with how each stands. What is here is in the store as
//! well, so that a server that is started anew knows which accounts are at their limits.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use sandboxed_gateway::Trouble;
use sandboxed_model::{
    Blame, Failure, Timestamp,
    account::{Account, AccountHealth, AccountName, Credential},
};
use tokio::time::Instant;

/// How long an account without a word on its limit is left alone, the first time; twice as long each further time.
const LIMITED: Duration = Duration::from_secs(30);
const LIMITED_MOST: Duration = Duration::from_secs(15 * 60);
/// The same for a provider that has too much to do, or that fails twice in a row.
const FAILING: Duration = Duration::from_secs(5);
const FAILING_MOST: Duration = Duration::from_secs(120);
/// How long an account is left alone that a provider let do nothing for once: it may be about the one model.
const DENIED: Duration = Duration::from_secs(60);
/// How long the first request after a limit has the account for itself.
const PROBE: Duration = Duration::from_secs(30);
/// How long a request that comes meanwhile is told to wait.
const SHORTLY: Duration = Duration::from_secs(2);
/// The longest limit that is believed.
const LONGEST: Duration = Duration::from_secs(40 * 24 * 3600);

/// Accounts in their order.
#[derive(Default)]
pub(super) struct Book(RwLock<Vec<Entry>>);

struct Entry {
    account: Account,
    /// Troubles since it last answered.
    troubles: u32,
    /// It was left alone and has not answered since.
    unproven: bool,
    /// When the first request after that began.
    probe: Option<Instant>,
}

/// Whether an account can be asked now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// It can.
    Usable,
    /// Not before then.
    Until(Timestamp),
    /// Not before somebody mends it.
    Refused(Failure),
}

/// What followed from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recovered {
    /// How it stands is to be kept.
    pub(super) changed: bool,
    /// It answers again after a limit.
    pub(super) proven: bool,
}

impl Book {
    /// Puts these accounts in place of those before. What is known of how they stand stays, as far as the store knows it.
    pub(super) fn replace(&self, accounts: Vec<Account>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut known: HashMap<AccountName, Entry> =
            entries.drain(..).map(|entry| (entry.account.name.clone(), entry)).collect();
        *entries = accounts
            .into_iter()
            .map(|account| {
                let unproven = account.health != AccountHealth::Ready;
                match known.remove(&account.name) {
                    Some(entry) if unproven => Entry { account, ..entry },
                    _ => Entry { account, troubles: 0, unproven, probe: None },
                }
            })
            .collect();
    }

    /// All accounts, in their order.
    pub(super) fn accounts(&self) -> Vec<Account> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(|entry| entry.account.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().all(|entry| !entry.account.enabled)
    }

    pub(super) fn account(&self, name: &str) -> Option<Account> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| entry.account.name.as_str() == name).map(|entry| entry.account.clone())
    }

    /// Whether any account was left alone and has not answered since.
    pub(super) fn is_unproven(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(|entry| entry.unproven)
    }

    /// Whether an account can be asked.
    pub(super) fn standing(&self, name: &AccountName) -> Standing {
        let now = Timestamp::now();
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.iter().find(|entry| entry.account.name == *name) else {
            return Standing::Refused(gone(name));
        };
        match &entry.account.health {
            AccountHealth::Refused { why, .. } => Standing::Refused(why.clone()),
            AccountHealth::Cooling { until, .. } if *until > now => Standing::Until(*until),
            _ if entry.unproven && entry.probe.is_some_and(|since| since.elapsed() < PROBE) => {
                Standing::Until(now.after(SHORTLY))
            }
            _ => Standing::Usable,
        }
    }

    /// Why an account is left alone, where it is.
    pub(super) fn why(&self, name: &AccountName) -> Option<Failure> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &entries.iter().find(|entry| entry.account.name == *name)?.account.health {
            AccountHealth::Cooling { why, .. } | AccountHealth::Refused { why, .. } => Some(why.clone()),
            AccountHealth::Ready => None,
        }
    }

    /// A request is about to be sent. After a limit it is the only one for a while.
    pub(super) fn begin(&self, name: &str) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter_mut().find(|entry| entry.account.name.as_str() == name && entry.unproven) {
            entry.probe = Some(Instant::now());
        }
    }

    /// An account answered.
    pub(super) fn well(&self, name: &str) -> Recovered {
        {
            // Nearly always there is nothing to change.
            let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let found = entries.iter().find(|entry| entry.account.name.as_str() == name);
            if found.is_none_or(|entry| {
                entry.troubles == 0 && !entry.unproven && entry.account.health == AccountHealth::Ready
            }) {
                return Recovered { changed: false, proven: false };
            }
        }
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.iter_mut().find(|entry| entry.account.name.as_str() == name) else {
            return Recovered { changed: false, proven: false };
        };
        let recovered = Recovered { changed: entry.account.health != AccountHealth::Ready, proven: entry.unproven };
        entry.account.health = AccountHealth::Ready;
        (entry.troubles, entry.unproven, entry.probe) = (0, false, None);
        recovered
    }

    /// An account did not answer. Returns how it stands now, where that is to be kept.
    pub(super) fn trouble(&self, name: &str, trouble: &Trouble) -> Option<(AccountName, AccountHealth)> {
        let now = Timestamp::now();
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter_mut().find(|entry| entry.account.name.as_str() == name)?;
        entry.troubles = entry.troubles.saturating_add(1);
        entry.probe = None;
        let health = health_after(&entry.account, entry.troubles, trouble, now)?;
        // Of two limits the later counts: an answer may have been under way for long.
        if let (AccountHealth::Cooling { until: known, .. }, AccountHealth::Cooling { until, .. }) =
            (&entry.account.health, &health)
            && known >= until
        {
            return None;
        }
        entry.unproven = true;
        entry.account.health = health.clone();
        Some((entry.account.name.clone(), health))
    }
}

impl Book {
    /// An account has nothing to show until somebody mends it. Returns how it stands, where that is to be kept.
    pub(super) fn refuse(&self, name: &str, why: &Failure) -> Option<(AccountName, AccountHealth)> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter_mut().find(|entry| entry.account.name.as_str() == name)?;
        if matches!(&entry.account.health, AccountHealth::Refused { why: known, .. } if known == why) {
            return None;
        }
        entry.account.health = AccountHealth::Refused { why: why.clone(), since: Timestamp::now() };
        entry.unproven = true;
        Some((entry.account.name.clone(), entry.account.health.clone()))
    }
}

fn health_after(account: &Account, troubles: u32, trouble: &Trouble, now: Timestamp) -> Option<AccountHealth> {
    let Account { name, provider, .. } = account;
    let doubling = |first: Duration, most: Duration, times: u32| {
        first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(most)
    };
    let cooling = |until: Timestamp, code: &str, message: String| {
        Some(AccountHealth::Cooling { until, why: Failure::new(Blame::Unavailable, code, message) })
    };
    match trouble {
        Trouble::Limited { until, usage_window } => {
            let until = until.unwrap_or_else(|| now.after(doubling(LIMITED, LIMITED_MOST, troubles)));
            let until = until.min(now.after(LONGEST));
            let what = if *usage_window { "its usage limit" } else { "its rate limit" };
            cooling(until, "account.limited", format!("the account {name} has reached {what} at {provider}"))
        }
        Trouble::Overloaded => cooling(
            now.after(doubling(FAILING, FAILING_MOST, troubles)),
            "account.overloaded",
            format!("{provider} has too much to do"),
        ),
        // Once is no reason to leave it alone.
        Trouble::Failing if troubles < 2 => None,
        Trouble::Failing => cooling(
            now.after(doubling(FAILING, FAILING_MOST, troubles - 1)),
            "account.failing",
            format!("{provider} fails or cannot be reached"),
        ),
        // Another token was had already; whether there will be one that is taken, the provider says when it is asked again.
        Trouble::Refused { status: 401 } if matches!(account.credential, Credential::SignIn { .. }) => cooling(
            now.after(doubling(FAILING, FAILING_MOST, troubles)),
            "account.token_refused",
            format!("{provider} does not take a new token of the account {name}"),
        ),
        Trouble::Refused { status: 401 } => Some(AccountHealth::Refused {
            why: Failure::new(
                Blame::Config,
                "account.refused",
                format!("{provider} does not take what the account {name} shows"),
            )
            .with_hint(format!("sandboxed-sh provider key {name}, or provider sign-in {name}")),
            since: now,
        }),
        Trouble::Refused { .. } => cooling(
            now.after(DENIED),
            "account.denied",
            format!("{provider} does not let the account {name} do what was asked"),
        ),
        Trouble::NoCredential => None,
    }
}

fn gone(name: &AccountName) -> Failure {
    Failure::new(Blame::Config, "account.not_found", format!("there is no account {name}"))
}

#[cfg(test)]
mod tests {
    use sandboxed_model::account::Credential;

    use super::*;

    fn account(name: &str) -> Account {
        Account {
            name: name.parse().unwrap(),
            provider: "anthropic".parse().unwrap(),
            credential: Credential::None,
            base_url: None,
            models: Vec::new(),
            position: 0,
            enabled: true,
            owner: None,
            health: AccountHealth::Ready,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    fn book() -> Book {
        let book = Book::default();
        book.replace(vec![account("a")]);
        book
    }

    fn standing(book: &Book) -> Standing {
        book.standing(&"a".parse().unwrap())
    }

    fn limited(until: Option<Timestamp>) -> Trouble {
        Trouble::Limited { until, usage_window: false }
    }

    #[test]
    fn an_account_at_its_limit_is_left_alone_for_as_long_as_the_provider_says() {
        let book = book();
        let until = Timestamp::now().after(Duration::from_secs(3600));

        book.trouble("a", &limited(Some(until))).unwrap();

        assert_eq!(standing(&book), Standing::Until(until));
        // An earlier answer that comes later changes nothing.
        assert_eq!(book.trouble("a", &limited(Some(Timestamp::now()))), None);
        assert_eq!(standing(&book), Standing::Until(until));
    }

    #[test]
    fn without_a_time_it_is_left_alone_for_longer_each_time() {
        let told = |troubles| match health_after(&account("a"), troubles, &limited(None), Timestamp::from_millis(0)) {
            Some(AccountHealth::Cooling { until, .. }) => until.as_millis() / 1000,
            other => panic!("{other:?}"),
        };
        assert_eq!([1, 2, 3, 100].map(told), [30, 60, 120, 900]);
    }

    #[test]
    fn a_limit_of_years_is_not_believed() {
        let far = Timestamp::now().after(Duration::from_secs(10 * 365 * 24 * 3600));

        let (_, health) = book().trouble("a", &limited(Some(far))).unwrap();

        assert!(matches!(health, AccountHealth::Cooling { until, .. } if until < far), "{health:?}");
    }

    #[test]
    fn one_failure_is_forgiven_and_the_second_in_a_row_is_not() {
        let book = book();

        assert_eq!(book.trouble("a", &Trouble::Failing), None);
        book.well("a");
        assert_eq!(book.trouble("a", &Trouble::Failing), None);
        assert!(book.trouble("a", &Trouble::Failing).is_some());

        assert!(matches!(standing(&book), Standing::Until(_)));
    }

    #[test]
    fn a_refused_key_stays_refused_and_a_denied_request_passes_by() {
        let book = book();
        book.trouble("a", &Trouble::Refused { status: 403 }).unwrap();
        assert!(matches!(standing(&book), Standing::Until(_)));

        book.trouble("a", &Trouble::Refused { status: 401 }).unwrap();
        assert!(matches!(standing(&book), Standing::Refused(_)));
    }

    #[test]
    fn after_a_limit_the_first_request_has_the_account_for_itself_until_it_is_answered() {
        let book = book();
        book.trouble("a", &limited(Some(Timestamp::from_millis(1)))).unwrap();
        assert_eq!(standing(&book), Standing::Usable);

        book.begin("a");
        assert!(matches!(standing(&book), Standing::Until(_)), "a second one waits");
        let recovered = book.well("a");

        assert_eq!(recovered, Recovered { changed: true, proven: true });
        assert_eq!(standing(&book), Standing::Usable);
        assert_eq!(book.well("a"), Recovered { changed: false, proven: false });
    }
}

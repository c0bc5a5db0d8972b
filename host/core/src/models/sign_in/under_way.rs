//! Sign-ins that somebody began, and how they came out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sandboxed_model::{Blame, Failure, Timestamp, account::AccountName, provider::ProviderId};
use sandboxed_oauth::{Error, Pending, Reply};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::{SignInState, SignInStatus};

/// The most that are remembered at once.
const MOST: usize = 64;

/// To which account somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account: AccountName,
    pub(super) provider: ProviderId,
    /// Of an account that is to be added.
    pub(super) base_url: Option<String>,
}

/// A sign-in that waits for a person.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Which one it is.
    pub(super) number: u64,
    pub(super) target: Target,
    /// What its reply is held against; none where the provider itself is asked how it stands.
    pub(super) pending: Option<Pending>,
}

/// Sign-ins by the names of their accounts, one for each. The last outcome is remembered until its time is over.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: BTreeMap<AccountName, Entry>,
    last: u64,
}

struct Entry {
    number: u64,
    expires_at: Timestamp,
    stage: Stage,
}

enum Stage {
    Waiting(Waiting),
    /// A reply came and is being looked at.
    Ending,
    Ended(Result<(), Failure>),
}

impl UnderWay {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics half-way through a change, so a poisoned lock still holds what it should.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign-in has begun, in place of the one before to the same account. Gives its number.
    ///
    /// # Errors
    /// When too many are under way.
    pub(super) fn begin(
        &self,
        target: Target,
        pending: Option<Pending>,
        expires_at: Timestamp,
    ) -> Result<u64, Failure> {
        let mut inner = self.inner();
        let now = Timestamp::now();
        let account = target.account.clone();
        inner.entries.retain(|name, entry| *name != account && entry.expires_at > now);
        if inner.entries.len() >= MOST {
            inner.entries.retain(|_, entry| !matches!(entry.stage, Stage::Ended(_)));
        }
        if inner.entries.len() >= MOST {
            let message =
                format!("{MOST} sign-ins are under way, and each ends ten minutes after its beginning at most");
            return Err(Failure::new(Blame::Unavailable, "sign_in.too_many", message));
        }
        inner.last += 1;
        let number = inner.last;
        let stage = Stage::Waiting(Waiting { number, target, pending });
        inner.entries.insert(account, Entry { number, expires_at, stage });
        Ok(number)
    }

    /// Takes the one that waits at an account, for whoever ends it.
    pub(super) fn take(&self, account: &AccountName) -> Option<Waiting> {
        take(self.inner().entries.get_mut(account)?)
    }

    /// Takes the one that a reply belongs to.
    pub(super) fn take_for(&self, reply: &Reply) -> Option<Waiting> {
        // Digests are compared, so that the time tells nothing of a state.
        let asked = Sha256::digest(reply.state());
        let is_its = |entry: &&mut Entry| match &entry.stage {
            Stage::Waiting(Waiting { pending: Some(pending), .. }) => {
                Sha256::digest(pending.state().expose_secret()) == asked
            }
            _ => false,
        };
        let mut inner = self.inner();
        take(inner.entries.values_mut().find(is_its)?)
    }

    /// Whether this one still waits.
    pub(super) fn waits(&self, account: &AccountName, number: u64) -> bool {
        self.inner().entries.get(account).is_some_and(|entry| entry.number == number && !entry.has_ended())
    }

    /// It can be ended again.
    pub(super) fn give_back(&self, waiting: Waiting) {
        let mut inner = self.inner();
        let entry = inner.entries.get_mut(&waiting.target.account).filter(|entry| entry.number == waiting.number);
        if let Some(entry) = entry {
            entry.stage = Stage::Waiting(waiting);
        }
    }

    /// It has ended.
    pub(super) fn end(&self, account: &AccountName, number: u64, outcome: Result<(), Failure>) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(account).filter(|entry| entry.number == number) {
            entry.stage = Stage::Ended(outcome);
        }
    }

    /// Forgets the one of an account.
    pub(super) fn drop(&self, account: &AccountName) {
        self.inner().entries.remove(account);
    }

    /// How the last one to an account stands.
    pub(super) fn status(&self, account: &AccountName) -> Option<SignInStatus> {
        let inner = self.inner();
        let entry = inner.entries.get(account)?;
        let (state, problem) = match &entry.stage {
            Stage::Waiting(_) if entry.expires_at <= Timestamp::now() => {
                (SignInState::Failed, Some(Error::Expired.failure()))
            }
            Stage::Waiting(_) | Stage::Ending => (SignInState::Waiting, None),
            Stage::Ended(Ok(())) => (SignInState::Done, None),
            Stage::Ended(Err(failure)) => (SignInState::Failed, Some(failure.clone())),
        };
        Some(SignInStatus { state, expires_at: entry.expires_at, problem })
    }
}

impl Entry {
    fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }
}

fn take(entry: &mut Entry) -> Option<Waiting> {
    // One that is polled is ended by nobody else.
    let Stage::Waiting(Waiting { pending: Some(_), .. }) = &entry.stage else { return None };
    match std::mem::replace(&mut entry.stage, Stage::Ending) {
        Stage::Waiting(waiting) => Some(waiting),
        Stage::Ending | Stage::Ended(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sandboxed_oauth::Client;
    use serde_json::json;

    use super::*;

    fn client() -> Client {
        serde_json::from_value(json!({
            "authorize_url": "https://auth.example.org/authorize",
            "token_url": "https://auth.example.org/token",
            "client_id": "us",
            "redirect": { "kind": "callback", "url": "https://us.example.org/callback" },
        }))
        .unwrap()
    }

    fn target(account: &str) -> Target {
        Target { account: account.parse().unwrap(), provider: "own".parse().unwrap(), base_url: None }
    }

    fn begin(under_way: &UnderWay, account: &str) -> (u64, Reply) {
        let pending = client().begin().unwrap();
        let reply = Reply::callback(&format!("code=c&state={}", pending.state().expose_secret())).unwrap();
        let expires_at = pending.expires_at();
        (under_way.begin(target(account), Some(pending), expires_at).unwrap(), reply)
    }

    #[test]
    fn a_reply_finds_its_sign_in_once() {
        let under_way = UnderWay::default();
        let (number, reply) = begin(&under_way, "one");
        begin(&under_way, "two");

        let taken = under_way.take_for(&reply).unwrap();
        assert_eq!((taken.number, &taken.target), (number, &target("one")));
        assert!(under_way.take_for(&reply).is_none(), "it is being looked at");
        under_way.give_back(taken);
        assert!(under_way.take_for(&reply).is_some());
        assert!(under_way.take_for(&Reply::callback("code=c&state=guessed").unwrap()).is_none());
    }

    #[test]
    fn another_sign_in_to_the_same_account_takes_the_place_of_the_one_before() {
        let under_way = UnderWay::default();
        let (first, reply) = begin(&under_way, "one");
        let (second, _) = begin(&under_way, "one");
        let account = "one".parse().unwrap();

        assert!(under_way.take_for(&reply).is_none());
        under_way.end(&account, first, Ok(()));
        assert_eq!(under_way.status(&account).unwrap().state, SignInState::Waiting);
        assert!(under_way.waits(&account, second) && !under_way.waits(&account, first));
    }

    #[test]
    fn one_that_has_expired_says_so_and_makes_room() {
        let under_way = UnderWay::default();
        for number in 0..MOST {
            let pending = client().begin().unwrap().until(Timestamp::now());
            let expires_at = pending.expires_at();
            under_way.begin(target(&format!("a{number}")), Some(pending), expires_at).unwrap();
        }
        let status = under_way.status(&format!("a{}", MOST - 1).parse().unwrap()).unwrap();
        assert_eq!((status.state, status.problem.unwrap().code.as_str()), (SignInState::Failed, "oauth.expired"));
        begin(&under_way, "another");
    }

    #[test]
    fn no_more_than_a_bounded_number_waits() {
        let under_way = UnderWay::default();
        let later = Timestamp::now().after(Duration::from_secs(600));
        for number in 0..MOST {
            under_way.begin(target(&format!("a{number}")), None, later).unwrap();
        }
        assert_eq!(under_way.begin(target("b"), None, later).unwrap_err().code, "sign_in.too_many");
        under_way.end(&"a0".parse().unwrap(), 1, Ok(()));
        under_way.begin(target("b"), None, later).unwrap();
    }
}

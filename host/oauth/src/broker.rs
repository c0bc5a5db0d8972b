//! Who gives out access tokens.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sandboxed_model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::task::TaskTracker;

use crate::{
    Client, Error, Grant, Http, Keep, KeepError, Owner, Result,
    account::{Current, Held, State},
};

/// An access token that was given out.
#[derive(Debug, Clone)]
pub struct Token {
    /// What to send.
    pub access: SecretString,
    /// Which of the account's tokens it is: to be told with [`Broker::refused`].
    pub generation: u64,
    /// Whose it is; some providers want the id in a header besides.
    pub owner: Owner,
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Somebody is signed in.
    SignedIn {
        /// Who.
        owner: Owner,
        /// When the present access token ends.
        expires_at: Option<Timestamp>,
        /// Why there is no fresh token for now.
        problem: Option<Error>,
    },
    /// Nobody is, or the provider ended it.
    SignedOut,
}

/// When tokens are refreshed, and how soon again where that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long before its end a token is refreshed, a quarter more or less, so that not all are at once. Default: 60 s.
    pub margin: Duration,
    /// The pause after the first failure; each further one doubles it. Default: 2 s.
    pub first_pause: Duration,
    /// The longest pause. Default: 5 min.
    pub longest_pause: Duration,
    /// A token that is refused within this time after it was given counts as a failure. Default: 60 s.
    pub settled: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            margin: Duration::from_secs(60),
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(300),
            settled: Duration::from_secs(60),
        }
    }
}

impl Timing {
    pub(crate) fn jittered_margin(&self) -> Duration {
        self.margin.mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }

    /// The pause after so many failures in a row, up to a half shorter.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.longest_pause).mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

/// Who gives out access tokens, and refreshes them. Cheap to clone; clones are the same broker.
///
/// There must be one for a keeper: two that refresh the same account would end each other's tokens.
#[derive(Debug)]
pub struct Broker<K> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K> {
    http: Http,
    keep: K,
    timing: Timing,
    accounts: RwLock<HashMap<String, Account>>,
    /// What must not be cut off with whoever asked for it.
    tasks: TaskTracker,
}

#[derive(Debug, Clone)]
struct Account {
    name: String,
    client: Arc<Client>,
    state: Arc<Mutex<State>>,
}

impl<K> Clone for Broker<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Keep> Broker<K> {
    /// A broker without accounts.
    pub fn new(http: Http, keep: K, timing: Timing) -> Self {
        let shared = Shared { http, keep, timing, accounts: RwLock::default(), tasks: TaskTracker::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Adds an account whose tokens are refreshed as the client says, or sets another client for it. Its grant is loaded
    /// once it is asked for.
    pub fn add(&self, account: &str, client: Client) {
        // Nothing panics half-way through a change, so a poisoned lock still holds what it should.
        let mut accounts = self.shared.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let state = accounts.get(account).map_or_else(Arc::default, |known| Arc::clone(&known.state));
        accounts.insert(account.to_owned(), Account { name: account.to_owned(), client: Arc::new(client), state });
    }

    /// Takes an account away, with what is known of it here. What is kept stays.
    pub fn remove(&self, account: &str) {
        self.shared.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(account);
    }

    /// An access token that is valid for some time yet.
    ///
    /// Whoever gives up waiting stops nothing: a refresh goes on, and what it yields is stored.
    ///
    /// # Errors
    /// Where nobody is signed in, the provider ended the grant, or no valid token can be had for now.
    pub async fn token(&self, account: &str) -> Result<Token> {
        let account = self.account(account)?;
        let state = Arc::clone(&account.state).lock_owned().await;
        if let Some(token) = state.fresh() {
            return Ok(token);
        }
        let shared = Arc::clone(&self.shared);
        let renewed = self.shared.tasks.spawn(async move { shared.renew(&account, state).await });
        renewed.await.unwrap_or(Err(Error::Cut))
    }

    /// Tells that the provider refused a token. The next who asks gets another, unless there is one already.
    ///
    /// # Errors
    /// Where there is no such account.
    pub async fn refused(&self, account: &str, generation: u64) -> Result<()> {
        let account = self.account(account)?;
        account.state.lock().await.refused(generation, &self.shared.timing);
        Ok(())
    }

    /// Stores the grant of a new sign-in, and uses it from then on.
    ///
    /// # Errors
    /// Where there is no such account, or the grant cannot be stored: then all is as before.
    pub async fn signed_in(&self, account: &str, grant: Grant) -> Result<()> {
        let account = self.account(account)?;
        let mut state = Arc::clone(&account.state).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let stored = self.shared.tasks.spawn(async move {
            shared.store(&account.name, &grant).await?;
            state.replace(Held::Stored(Current::given(grant, &shared.timing)));
            Ok(())
        });
        stored.await.unwrap_or(Err(Error::Cut))
    }

    /// Forgets the grant of an account. Whoever keeps it removes it there first.
    ///
    /// # Errors
    /// Where there is no such account.
    pub async fn signed_out(&self, account: &str) -> Result<()> {
        self.account(account)?.state.lock().await.replace(Held::SignedOut);
        Ok(())
    }

    /// How an account stands. Asks nobody but the keeper.
    ///
    /// # Errors
    /// Where there is no such account, or its grant cannot be loaded.
    pub async fn status(&self, account: &str) -> Result<Status> {
        let account = self.account(account)?;
        let mut state = Arc::clone(&account.state).lock_owned().await;
        self.shared.read(&account, &mut state).await?;
        Ok(match state.held() {
            Held::Stored(current) | Held::Unstored(current) => Status::SignedIn {
                owner: current.grant.owner.clone(),
                expires_at: current.grant.expires_at,
                problem: state.paused(),
            },
            Held::SignedOut | Held::Unread => Status::SignedOut,
        })
    }

    /// Waits until no refresh is under way. To be called before the server ends: what a provider gave in the meantime
    /// would be lost otherwise.
    pub async fn settle(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn account(&self, name: &str) -> Result<Account> {
        let accounts = self.shared.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(name).cloned().ok_or_else(|| Error::NoAccount(name.to_owned()))
    }
}

impl<K: Keep> Shared<K> {
    /// A token, by a refresh where it is due. Runs as a task of its own, with the account's lock.
    async fn renew(&self, account: &Account, mut state: OwnedMutexGuard<State>) -> Result<Token> {
        self.read(account, &mut state).await?;
        let signed_out = || Error::SignedOut(account.name.clone());
        // Twice, where somebody else has stored another grant in the meantime.
        for _ in 0..2 {
            if let Some(token) = state.fresh() {
                return Ok(token);
            }
            if let Some(error) = state.paused() {
                return state.valid_or(error);
            }
            let grant = match state.held() {
                Held::Unread | Held::SignedOut => return Err(signed_out()),
                Held::Unstored(_) => return self.keep_and_give(account, &mut state).await,
                Held::Stored(current) => current.grant.clone(),
            };
            let Some(refresh) = &grant.refresh else {
                // Nothing can be had in its place, so it is used to its end.
                return state.valid_or(signed_out()).inspect_err(|_| state.replace(Held::SignedOut));
            };
            match account.client.refresh(&self.http, &grant, refresh).await {
                Ok(grant) => {
                    state.replace(Held::Unstored(Current::given(grant, &self.timing)));
                    return self.keep_and_give(account, &mut state).await;
                }
                Err(error) if error.ends_grant() => self.look_for_another(account, &mut state, refresh).await?,
                Err(error) => {
                    tracing::warn!(account = account.name, %error, "an access token was not refreshed");
                    state.failed(error.clone(), &self.timing);
                    return state.valid_or(error);
                }
            }
        }
        Err(signed_out())
    }

    /// Reads what is kept, where nobody has yet.
    async fn read(&self, account: &Account, state: &mut State) -> Result<()> {
        if matches!(state.held(), Held::Unread) {
            let loaded = self.load(&account.name).await?;
            state.replace(loaded.map_or(Held::SignedOut, |grant| Held::Stored(Current::loaded(grant, &self.timing))));
        }
        Ok(())
    }

    /// Stores the grant and gives its token.
    async fn keep_and_give(&self, account: &Account, state: &mut State) -> Result<Token> {
        let Held::Unstored(current) = state.held() else { return Err(Error::SignedOut(account.name.clone())) };
        if let Err(error) = self.store(&account.name, &current.grant).await {
            tracing::error!(account = account.name, %error, "a refreshed grant was not stored");
            state.failed(error.clone(), &self.timing);
            return Err(error);
        }
        state.stored();
        let ended = Error::Answer("its token has ended already");
        state.valid_or(ended.clone()).inspect_err(|_| state.failed(ended, &self.timing))
    }

    /// The provider ended the grant. Where another is kept by now, that is taken: somebody else may have refreshed it.
    async fn look_for_another(&self, account: &Account, state: &mut State, ended: &SecretString) -> Result<()> {
        let kept = self.load(&account.name).await.inspect_err(|error| state.failed(error.clone(), &self.timing))?;
        let is_ended =
            |kept: &Grant| kept.refresh.as_ref().is_some_and(|kept| kept.expose_secret() == ended.expose_secret());
        match kept.filter(|kept| !is_ended(kept)) {
            Some(grant) => state.replace(Held::Stored(Current::loaded(grant, &self.timing))),
            None => {
                tracing::warn!(account = account.name, "the provider ended the grant; nobody is signed in any more");
                state.replace(Held::SignedOut);
            }
        }
        Ok(())
    }

    async fn load(&self, account: &str) -> Result<Option<Grant>> {
        self.keep.load(account).await.map_err(|error| not_kept(account, &error))
    }

    async fn store(&self, account: &str, grant: &Grant) -> Result<()> {
        self.keep.store(account, grant).await.map_err(|error| not_kept(account, &error))
    }
}

fn not_kept(account: &str, error: &KeepError) -> Error {
    Error::Keep { account: account.to_owned(), reason: error.to_string() }
}

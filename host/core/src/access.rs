//! Who may use the server: passwords, logins, API tokens.

use std::{net::IpAddr, sync::LazyLock, time::Duration};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sandboxed_model::{
    Blame, Failure, Timestamp, TokenId, UserId,
    access::{Principal, Role, Scope, TokenInfo, User},
};
use sandboxed_store::{Account, TokenRecord};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{Error, Orchestrator, Result, services::Services};

/// The name of the first user.
const ADMIN: &str = "admin";
/// What every API token begins with, so that secret scanners can find one that was leaked.
const TOKEN_PREFIX: &str = "sbx_";
/// The shortest password that is taken, in characters (NIST SP 800-63B).
const MIN_PASSWORD_CHARS: usize = 8;
/// The longest password that is looked at, in bytes.
const MAX_PASSWORD_BYTES: usize = 1024;
/// Hashes that may be computed at once: each takes 19 MiB and a core for some 20 ms.
static HASHING: Semaphore = Semaphore::const_new(2);
/// What a password is compared to when there is no such user, so that both take the same time.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash(&random_secret()).expect("the default parameters of Argon2 are valid"));

/// A try to log in.
pub struct LoginAttempt {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Where it comes from; attempts are throttled by name and by address.
    pub from: IpAddr,
}

/// A login that succeeded.
pub struct SessionGrant {
    /// The secret for the cookie. It is not stored and cannot be read again.
    pub token: String,
    /// Who logged in.
    pub user: User,
    /// How long it lasts.
    pub ttl: Duration,
}

/// An API token that was just made.
pub struct NewToken {
    /// The secret. It is not stored and cannot be read again.
    pub secret: String,
    /// Everything else about it.
    pub info: TokenInfo,
}

impl Orchestrator {
    /// Sees to it that the user `admin` exists. With `password` the user gets that password; without, a new user
    /// gets a random one, which is returned and not kept.
    ///
    /// # Errors
    /// When the password is too short.
    pub async fn ensure_admin(&self, password: Option<String>) -> Result<Option<String>> {
        let store = &self.services.store;
        let existing = store.account(ADMIN).await?;
        let (password, made) = match (password, &existing) {
            (Some(password), _) => (password, None),
            (None, Some(credentials)) if credentials.password_hash.is_some() => return Ok(None),
            (None, _) => {
                let made = random_secret()[..20].to_owned();
                (made.clone(), Some(made))
            }
        };
        check_password(&password)?;
        if let Some(known) = existing.as_ref().and_then(|account| account.password_hash.clone())
            && verify(password.clone(), known).await?
        {
            return Ok(None);
        }
        let hash = hash_password(password).await?;
        match existing {
            Some(account) => {
                store.set_password_hash(account.user.id, Some(hash)).await?;
                // Whoever knew the old password is let in no longer.
                store.delete_logins_of(account.user.id).await?;
            }
            None => store.insert_user(Account { user: admin(), password_hash: Some(hash) }).await?,
        }
        Ok(made)
    }

    /// Logs in with name and password.
    ///
    /// # Errors
    /// When they do not fit, or there were too many failed attempts.
    pub async fn log_in(&self, attempt: LoginAttempt) -> Result<SessionGrant> {
        let LoginAttempt { name, password, from } = attempt;
        let wait = self.services.throttle.wait(&name, from);
        if !wait.is_zero() {
            let retry_after_secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            return Err(Error::Throttled { retry_after_secs });
        }
        self.services.throttle.attempt(&name, from);
        let account = self.services.store.account(&name).await?;
        let known = account.as_ref().and_then(|account| account.password_hash.clone());
        let fits =
            password.len() <= MAX_PASSWORD_BYTES && verify(password, known.unwrap_or_else(|| NOBODY.clone())).await?;
        let Some(account) = account.filter(|_| fits) else {
            return Err(Error::Unauthenticated("name and password do not fit"));
        };
        self.services.throttle.succeeded(&name, from);
        let ttl = self.services.config.auth.session_ttl.0;
        let token = random_secret();
        let now = Timestamp::now();
        self.services.store.insert_login(digest(&token), account.user.id, now, now.after(ttl)).await?;
        Ok(SessionGrant { token, user: account.user, ttl })
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the store fails; a login that is not there has ended.
    pub async fn log_out(&self, session_token: &str) -> Result<()> {
        Ok(self.services.store.delete_login(digest(session_token)).await?)
    }

    /// Who a session cookie speaks for.
    ///
    /// # Errors
    /// When there is no such login or it has expired.
    pub async fn authenticate_session(&self, session_token: &str) -> Result<Principal> {
        let login = self.services.store.login(digest(session_token)).await?;
        let user = login.ok_or(Error::Unauthenticated("the login has ended: log in again"))?.user;
        Ok(principal(&user, user.role.scope()))
    }

    /// Who an API token (`sbx_…`) speaks for.
    ///
    /// # Errors
    /// When there is no such token or it has expired.
    pub async fn authenticate_token(&self, secret: &str) -> Result<Principal> {
        if digest(secret) == digest(&self.services.local.token) {
            return Ok(self.services.local.principal.clone());
        }
        let found = self.services.store.token(digest(secret)).await?;
        let TokenRecord { user, token } =
            found.ok_or(Error::Unauthenticated("there is no such API token, or it has expired"))?;
        Ok(principal(&user, token.scope.min(user.role.scope())))
    }

    /// The principal of the machine's own operator, for the embedded CLI: the user `admin` with all scopes.
    ///
    /// # Errors
    /// None today; the store may be asked one day.
    pub async fn local_principal(&self) -> Result<Principal> {
        Ok(self.services.local.principal.clone())
    }

    /// The secret of a token that speaks for [`Self::local_principal`] and lives as long as this server; for a file
    /// that only the operator can read.
    pub fn local_token(&self) -> &str {
        &self.services.local.token
    }

    /// Makes an API token for this person. Its scope may not pass the person's own.
    ///
    /// # Errors
    /// When it would, the name is not usable, or the end lies in the past.
    pub async fn create_token(
        &self,
        by: &Principal,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken> {
        if scope > by.scope {
            return Err(Error::Forbidden { needed: scope });
        }
        if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::Invalid {
                code: "token.name_invalid",
                message: "a token's name has 1 to 100 characters, none of them a control character".to_owned(),
            });
        }
        if expires_at.is_some_and(|at| at <= Timestamp::now()) {
            return Err(Error::Invalid {
                code: "token.expired",
                message: "the token would have expired already".to_owned(),
            });
        }
        let secret = format!("{TOKEN_PREFIX}{}", random_secret());
        let created_at = Timestamp::now();
        let info = TokenInfo { id: TokenId::new(), name, scope, created_at, expires_at, last_used_at: None };
        self.services.store.insert_token(by.user, info.clone(), digest(&secret)).await?;
        Ok(NewToken { secret, info })
    }

    /// The person's API tokens, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tokens(&self, by: &Principal) -> Result<Vec<TokenInfo>> {
        let mut tokens = self.services.store.tokens_of(by.user).await?;
        tokens.reverse();
        Ok(tokens)
    }

    /// Ends an API token of this person.
    ///
    /// # Errors
    /// When the person has no such token.
    pub async fn revoke_token(&self, by: &Principal, id: TokenId) -> Result<()> {
        Ok(self.services.store.delete_token(by.user, id).await?)
    }
}

impl Services {
    /// The principal of the machine's operator; makes the user `admin`, still without a password, where missing.
    pub(crate) async fn local_principal(store: &sandboxed_store::Store) -> Result<Principal> {
        let user = match store.account(ADMIN).await? {
            Some(account) => account.user,
            None => {
                let user = admin();
                store.insert_user(Account { user: user.clone(), password_hash: None }).await?;
                user
            }
        };
        Ok(principal(&user, Scope::Admin))
    }
}

/// 256 random bits as 43 characters.
pub(crate) fn random_secret() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn admin() -> User {
    User { id: UserId::new(), name: ADMIN.to_owned(), role: Role::Admin, created_at: Timestamp::now() }
}

fn principal(user: &User, scope: Scope) -> Principal {
    Principal { user: user.id, name: user.name.clone(), scope }
}

/// Secrets are 256 random bits, so a plain hash of one cannot be guessed backwards.
pub(crate) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn check_password(password: &str) -> Result<()> {
    if password.chars().count() >= MIN_PASSWORD_CHARS && password.len() <= MAX_PASSWORD_BYTES {
        return Ok(());
    }
    Err(Error::Invalid {
        code: "auth.password_invalid",
        message: format!(
            "a password has at least {MIN_PASSWORD_CHARS} characters and at most {MAX_PASSWORD_BYTES} bytes"
        ),
    })
}

async fn hash_password(password: String) -> Result<String> {
    bounded(move || hash(&password)).await
}

async fn verify(password: String, known: String) -> Result<bool> {
    bounded(move || {
        let known = PasswordHash::new(&known).map_err(broken_hash)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &known).is_ok())
    })
    .await
}

fn hash(password: &str) -> Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes()).map_err(broken_hash)?.to_string())
}

async fn bounded<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(broken_hash)?;
    tokio::task::spawn_blocking(work).await.map_err(broken_hash)?
}

fn broken_hash(error: impl std::fmt::Display) -> Error {
    Failure::new(Blame::Host, "auth.hash", format!("the password could not be checked: {error}")).into()
}

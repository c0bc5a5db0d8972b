//! What the broker knows of one account.

use std::time::Duration;

use sandboxed_model::Timestamp;
use tokio::time::Instant;

use crate::{Error, Grant, Result, Timing, Token};

/// What the broker knows of one account. Whoever changes it holds its lock.
#[derive(Debug)]
pub(crate) struct State {
    held: Held,
    /// Which grant it is, counted from 1.
    generation: u64,
    /// Failed refreshes in a row.
    failures: u32,
    /// Tokens in a row that the provider refused soon after it gave them.
    refusals: u32,
    pause: Option<Pause>,
}

/// What there is of a grant.
#[derive(Debug)]
pub(crate) enum Held {
    /// Nobody has looked yet.
    Unread,
    /// Nobody is signed in.
    SignedOut,
    /// A grant that is stored.
    Stored(Current),
    /// A grant that is to be stored before anybody uses it. The provider may have ended the one before.
    Unstored(Current),
}

/// A grant.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) grant: Grant,
    /// When a new one is to be had; none where the provider tells no end.
    refresh_at: Option<Timestamp>,
    /// The provider refused its access token.
    refused: bool,
    /// When the provider gave it; none where it was loaded.
    since: Option<Instant>,
}

/// A time in which the provider, or the keeper, is not asked.
#[derive(Debug)]
struct Pause {
    until: Instant,
    /// Why.
    error: Error,
}

impl Current {
    /// A grant that was loaded.
    pub(crate) fn loaded(grant: Grant, timing: &Timing) -> Self {
        let refresh_at = grant.expires_at.map(|end| before(end, timing.jittered_margin()));
        Self { grant, refresh_at, refused: false, since: None }
    }

    /// A grant that the provider gave just now.
    pub(crate) fn given(grant: Grant, timing: &Timing) -> Self {
        // One that lives shorter than the margin would be due at once, and again and again.
        let margin = grant.expires_at.map(|end| {
            let life = u64::try_from(end.as_millis() - Timestamp::now().as_millis()).unwrap_or(0);
            timing.jittered_margin().min(Duration::from_millis(life / 2))
        });
        let refresh_at = grant.expires_at.zip(margin).map(|(end, margin)| before(end, margin));
        Self { grant, refresh_at, refused: false, since: Some(Instant::now()) }
    }

    fn is_due(&self) -> bool {
        self.refused || self.refresh_at.is_some_and(|at| Timestamp::now() >= at)
    }

    fn is_valid(&self) -> bool {
        !self.refused && self.grant.expires_at.is_none_or(|end| Timestamp::now() < end)
    }
}

impl Default for State {
    fn default() -> Self {
        Self { held: Held::Unread, generation: 0, failures: 0, refusals: 0, pause: None }
    }
}

impl State {
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// The token, where it needs no refresh.
    pub(crate) fn fresh(&self) -> Option<Token> {
        match &self.held {
            Held::Stored(current) if !current.is_due() => Some(self.token(current)),
            _ => None,
        }
    }

    /// The token for as long as it is valid, and the error after that.
    pub(crate) fn valid_or(&self, error: Error) -> Result<Token> {
        match &self.held {
            Held::Stored(current) if current.is_valid() => Ok(self.token(current)),
            _ => Err(error),
        }
    }

    fn token(&self, current: &Current) -> Token {
        Token { access: current.grant.access.clone(), generation: self.generation, owner: current.grant.owner.clone() }
    }

    /// Why nothing is asked for now.
    pub(crate) fn paused(&self) -> Option<Error> {
        self.pause.as_ref().filter(|pause| Instant::now() < pause.until).map(|pause| pause.error.clone())
    }

    /// Takes another grant in place of the one before.
    pub(crate) fn replace(&mut self, held: Held) {
        self.held = held;
        self.generation += 1;
        self.failures = 0;
        self.pause = None;
    }

    /// The grant was stored.
    pub(crate) fn stored(&mut self) {
        if let Held::Unstored(current) = &self.held {
            self.held = Held::Stored(current.clone());
        }
        self.failures = 0;
        self.pause = None;
    }

    /// Something failed and is to be tried again later.
    pub(crate) fn failed(&mut self, error: Error, timing: &Timing) {
        self.failures = self.failures.saturating_add(1);
        self.pause = Some(Pause { until: Instant::now() + timing.pause(self.failures), error });
    }

    /// The provider refused the token of a generation.
    pub(crate) fn refused(&mut self, generation: u64, timing: &Timing) {
        if generation != self.generation {
            return;
        }
        let Held::Stored(current) = &mut self.held else { return };
        if std::mem::replace(&mut current.refused, true) {
            return;
        }
        // One that is refused as soon as it is given is not mended by another: the provider is not asked without end.
        if current.since.is_some_and(|since| since.elapsed() < timing.settled) {
            self.refusals = self.refusals.saturating_add(1);
            let error = Error::refused("the new access token");
            self.pause = Some(Pause { until: Instant::now() + timing.pause(self.refusals), error });
        } else {
            self.refusals = 0;
        }
    }
}

fn before(end: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(end.as_millis().saturating_sub(span))
}

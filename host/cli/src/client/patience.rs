//! Asking a server again that is not there just now: it is being started anew, or will be.

use std::time::Duration;

use tokio::time::Instant;

use super::{Client, http::UNREACHABLE};
use crate::failed::{Result, Status};

/// How long it is waited for a server that went away.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked.
const STEP: Duration = Duration::from_millis(200);

impl Client {
    /// Does something that may be done twice, again and again until the server answers, whatever it answers.
    pub(crate) async fn patiently<T>(&self, work: impl AsyncFn(&Self) -> Result<T>) -> Result<T> {
        let Self::Http(server) = self else { return work(self).await };
        let until = Instant::now() + PATIENCE;
        let mut moved = false;
        loop {
            let failed = match work(self).await {
                Err(failed) if Instant::now() < until => failed,
                done => return done,
            };
            // A server that was started anew has another address and takes another token.
            let elsewhere = failed.status() == Status::Denied && !std::mem::replace(&mut moved, true);
            if !elsewhere && !failed.is(UNREACHABLE) {
                return Err(failed);
            }
            tokio::time::sleep(STEP).await;
            server.relocate();
        }
    }
}

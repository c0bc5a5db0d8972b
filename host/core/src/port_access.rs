//! How a browser is let in to a port of a workspace. What it shows there was made by an agent, so it must never have the
//! login itself: it comes with a ticket, which is good once and for a minute, and gets a pass, which is good for one port
//! of one workspace and ends with the login or token by which it was opened.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sandboxed_model::{Timestamp, WorkspaceId, port::PortNumber};
use sandboxed_store::{PortPass, SecretHash};
use tokio::time::Instant;

use crate::{
    Error, Orchestrator, Result,
    access::{digest, random_secret},
    workspace_ports::has_own_network,
};

/// How long a ticket is good.
const TICKET_TTL: Duration = Duration::from_secs(60);
/// How long a pass is good at most.
const PASS_TTL: Duration = Duration::from_secs(12 * 3600);
/// Tickets that may wait to be used. Over it, the oldest ends.
const MOST_TICKETS: usize = 1024;

/// Tickets that were not used yet, by the hashes of their secrets.
#[derive(Default)]
pub(crate) struct PortTickets(Mutex<HashMap<SecretHash, Ticket>>);

struct Ticket {
    workspace: WorkspaceId,
    port: PortNumber,
    opened_by: Option<SecretHash>,
    expires: Instant,
}

/// What a browser is let in with, once.
pub struct PortTicket {
    /// The secret.
    pub secret: String,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
}

/// What a browser is let in with from then on.
pub struct PortPassGrant {
    /// The secret for the cookie. It is not stored and cannot be read again.
    pub secret: String,
    /// How long it lasts at most.
    pub ttl: Duration,
}

impl Orchestrator {
    /// Makes a ticket for a port of a workspace. `credential` is the secret of the login or the API token by which this is
    /// asked for; whatever comes of the ticket ends with it.
    ///
    /// # Errors
    /// When there is no such workspace, or it has no network of its own.
    pub async fn open_port(&self, credential: &str, workspace: WorkspaceId, port: PortNumber) -> Result<PortTicket> {
        has_own_network(&self.services.workspace(workspace).await?.network)?;
        let opened_by = Some(digest(credential)).filter(|hash| *hash != digest(self.local_token()));
        let secret = random_secret();
        let ticket = Ticket { workspace, port, opened_by, expires: Instant::now() + TICKET_TTL };
        self.services.port_tickets.keep(digest(&secret), ticket);
        Ok(PortTicket { secret, expires_at: Timestamp::now().after(TICKET_TTL) })
    }

    /// Takes a ticket for a pass.
    ///
    /// # Errors
    /// When there is no such ticket for this port of this workspace, or it has been used or has ended.
    pub async fn enter_port(&self, ticket: &str, workspace: WorkspaceId, port: PortNumber) -> Result<PortPassGrant> {
        let found = self.services.port_tickets.take(digest(ticket));
        let ticket = found.filter(|ticket| (ticket.workspace, ticket.port) == (workspace, port));
        let Ticket { opened_by, .. } =
            ticket.ok_or(Error::Unauthenticated("this way in has been used or has ended: open the port anew"))?;
        let secret = random_secret();
        let expires_at = Timestamp::now().after(PASS_TTL);
        let pass = PortPass { hash: digest(&secret), workspace, port, opened_by, expires_at };
        self.services.store.insert_port_pass(pass).await?;
        Ok(PortPassGrant { secret, ttl: PASS_TTL })
    }

    /// Whether a pass is good for a port of a workspace.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn may_pass(&self, pass: &str, workspace: WorkspaceId, port: PortNumber) -> Result<bool> {
        Ok(self.services.store.has_port_pass(digest(pass), workspace, port).await?)
    }
}

impl PortTickets {
    fn keep(&self, hash: SecretHash, ticket: Ticket) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, ticket| ticket.expires > Instant::now());
        if tickets.len() >= MOST_TICKETS
            && let Some(oldest) = tickets.iter().min_by_key(|(_, ticket)| ticket.expires).map(|(hash, _)| *hash)
        {
            tickets.remove(&oldest);
        }
        tickets.insert(hash, ticket);
    }

    fn take(&self, hash: SecretHash) -> Option<Ticket> {
        let ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash)?;
        (ticket.expires > Instant::now()).then_some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        let port = 3000.try_into().unwrap();
        Ticket { workspace: WorkspaceId::new(), port, opened_by: None, expires: Instant::now() + TICKET_TTL }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_a_minute() {
        let tickets = PortTickets::default();
        tickets.keep([1; 32], ticket());
        tickets.keep([2; 32], ticket());

        assert!(tickets.take([1; 32]).is_some());
        assert!(tickets.take([1; 32]).is_none(), "it was used");
        tokio::time::advance(TICKET_TTL).await;
        assert!(tickets.take([2; 32]).is_none(), "it has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_that_nobody_uses_do_not_pile_up() {
        let tickets = PortTickets::default();
        for index in 0..=MOST_TICKETS {
            tokio::time::advance(Duration::from_millis(1)).await;
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&index.to_le_bytes());
            tickets.keep(hash, ticket());
        }

        assert_eq!(tickets.0.lock().unwrap().len(), MOST_TICKETS);
        assert!(tickets.take([0; 32]).is_none(), "the oldest has ended");
    }
}

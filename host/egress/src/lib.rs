//! The only way out of a workspace whose network namespace is closed: a proxy that lets connections through by a list of
//! hosts and ports, connects to nothing but addresses it has checked itself, and tells of every decision it takes.
//!
//! One port serves HTTP `CONNECT`, plain HTTP requests in absolute form, and SOCKS5; the first byte tells them apart.
//!
//! This crate may not know of workspaces, missions, storage or the API. It knows who may talk to whom.
//!
//! # The order of checks
//!
//! 1. The host is a DNS name or an address in its one canonical spelling. Anything else that C libraries take for an
//!    address (`2130706433`, `0177.0.0.1`, `127.1`) is refused.
//! 2. The [`Policy`] allows the host and the port. A name that it does not allow is never looked up, so that names
//!    cannot carry data out.
//! 3. The name is resolved once. Of its addresses, those that are not of the public internet are dropped, unless a rule
//!    names the very address; those of the server itself ([`Forbidden`]) are dropped always.
//! 4. The proxy connects to what is left, with no second lookup.
//!
//! Where a proxy leads into another network ([`Upstream`]), whoever leads there is asked before 3: for the members of that
//! network, who take the place of the name lookup, or whether it leads to the public internet. In 4 every connection goes by
//! it, and none where it does not answer.
//!
//! # What it cannot do
//!
//! It does not look into TLS: a host that is allowed can pass what it is sent on to others, and a front that serves many
//! names serves all of them once one is allowed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod chunked;
mod connection;
mod dial;
mod error;
mod forbidden;
mod forward;
mod host;
mod http;
mod inbound;
mod limits;
mod listener;
mod policy;
mod proxy;
mod refusal;
mod relay;
mod resolve;
mod rule;
mod socks;
mod tally;
mod upstream;
mod verdict;

pub use error::{Error, Problem};
pub use forbidden::Forbidden;
pub use limits::Limits;
pub use listener::Listener;
pub use policy::Policy;
pub use proxy::Proxy;
pub use resolve::{Lookup, Resolve, SystemResolver};
pub use rule::Rule;
pub use upstream::{Asked, Reach, Route, Upstream};
pub use verdict::{Decision, Reason, Verdict, VerdictSink};

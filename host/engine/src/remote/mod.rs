//! Workspaces on an engine's own machine, wherever that is: their files are in volumes, and a keeper that is put into each
//! container serves them and keeps what programs print.

mod files;
mod program;
mod volumes;

pub use files::{GiveError, KeeperCall, KeeperSays};
pub(crate) use program::{KEEPER_LABEL, keeper_digest};
pub use volumes::{GROUP, PASSWD};
pub(crate) use volumes::{Volume, volumes};

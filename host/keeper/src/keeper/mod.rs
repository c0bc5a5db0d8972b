//! What the keeper does.

pub(crate) mod attach;
pub(crate) mod files;
mod journal;
mod memory;
pub(crate) mod place;
mod scan;
pub(crate) mod start;
pub(crate) mod supervise;
mod sweep;
pub(crate) mod terminal;
mod words;

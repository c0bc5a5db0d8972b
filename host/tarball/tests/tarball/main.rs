//! What is read of archives, and what is not.
#![allow(clippy::unwrap_used)]

mod forge;
mod hostile;
mod reading;

//! Directories of workspaces that begin with what others have too: layers that many share, and over them what each has
//! changed.
//!
//! A layer is made once, kept under a name that says what is in it, and never changed. A directory of a workspace is an
//! overlay of layers with a directory of its own on top, so that a workspace costs what it changes, and a copy of one
//! costs nothing. A workspace whose users are other ones on the machine sees each layer through an id-mapped mount:
//! nothing is copied for it, and what it writes belongs to its own users.
//!
//! This crate may not know of workspaces, plugins or of what makes a layer. Everything here blocks, and all but looking
//! needs a machine's root.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod layer;
mod layers;
mod overlay;
mod sys;

pub use error::Error;
pub use layer::{InvalidLayerId, Layer, LayerId, Users};
pub use layers::{Draft, Layers};
pub use overlay::Overlay;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

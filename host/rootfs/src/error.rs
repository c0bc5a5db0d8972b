//! What can go wrong.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::LayerId;

/// Anything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be used.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such layer, though a root is made of it.
    #[error("the layer {0} of the root file system is gone")]
    LayerMissing(LayerId),
    /// The root could not be mounted.
    #[error("the root file system cannot be mounted: {step}: {source}")]
    Mount {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn mount(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Mount { step, source }
    }
}

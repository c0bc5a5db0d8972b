//! A keeper of grants: a file for each.

use std::{io, path::PathBuf};

use sandboxed_oauth::{Grant, Keep, KeepError};
use tempfile::TempDir;

/// Grants in a folder.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn of(folder: &TempDir) -> Self {
        Self { path: folder.path().join("grants") }
    }

    pub(crate) fn put(&self, account: &str, grant: &Grant) {
        std::fs::create_dir_all(&self.path).unwrap();
        std::fs::write(self.path.join(account), grant.to_bytes()).unwrap();
    }

    pub(crate) fn get(&self, account: &str) -> Grant {
        Grant::from_bytes(&std::fs::read(self.path.join(account)).unwrap()).unwrap()
    }
}

impl Keep for Folder {
    async fn load(&self, account: &str) -> Result<Option<Grant>, KeepError> {
        match std::fs::read(self.path.join(account)) {
            Ok(bytes) => Ok(Some(Grant::from_bytes(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn store(&self, account: &str, grant: &Grant) -> Result<(), KeepError> {
        Ok(std::fs::write(self.path.join(account), grant.to_bytes())?)
    }
}

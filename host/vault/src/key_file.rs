//! A file of master keys, for the server's user alone.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{Error, MasterKey, Result};

/// The largest file that is read.
const MAX_FILE: u64 = 64 << 10;

/// A file with a key on each line, the newest first. Lines that begin with `#` say nothing.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file at this path, which need not be there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys, the newest first; none where there is no file.
    ///
    /// # Errors
    /// Where it cannot be read, others than its owner may read it, or it holds no key.
    pub fn read(&self) -> Result<Option<Vec<MasterKey>>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| self.failed("read", source))?,
        };
        let metadata = file.metadata().map_err(|source| self.failed("read", source))?;
        if metadata.mode() & 0o077 != 0 {
            let message =
                format!("its mode {:o} lets others than its owner read or write it", metadata.mode() & 0o7777);
            return Err(self.failed("used", std::io::Error::other(message)));
        }
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_FILE).unwrap_or(0)));
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|source| self.failed("read", source))?;
        let name = self.path.display().to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<_> = lines.map(|line| MasterKey::parse(line, &name)).collect::<Result<_>>()?;
        match keys.is_empty() {
            true => Err(Error::NoKey { source_name: name, reason: "it is empty" }),
            false => Ok(Some(keys)),
        }
    }

    /// Puts these keys in the place of those in it, the newest first: whole or not at all, also when the power goes.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, keys: &[MasterKey]) -> Result<()> {
        let mut text = Zeroizing::new(String::with_capacity(256 + keys.len() * 64));
        text.push_str(
            "# Master keys of the vault of sandboxed.sh, the newest first. Without them no secret can be read.\n",
        );
        for key in keys {
            text.push_str(&key.as_text());
            text.push('\n');
        }
        self.replace(text.as_bytes()).map_err(|source| self.failed("written", source))
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = directory.join(name);
        // One that a killed server left holds nothing that is in use.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        File::open(directory)?.sync_all()
    }

    fn failed(&self, doing: &'static str, source: std::io::Error) -> Error {
        Error::File { path: self.path.clone(), doing, source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_come_back_in_their_order_and_the_file_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::at(directory.path().join("vault.key"));
        assert!(file.read().unwrap().is_none());
        let (new, old) = (MasterKey::generate(), MasterKey::generate());
        file.write(&[new.clone(), old.clone()]).unwrap();

        let ids: Vec<_> = file.read().unwrap().unwrap().iter().map(|key| key.id().clone()).collect();
        assert_eq!(ids, [new.id().clone(), old.id().clone()]);
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::at(directory.path().join("vault.key"));
        file.write(&[MasterKey::generate()]).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        let failure = file.read().unwrap_err().failure();
        assert_eq!(failure.code, "vault.key_file");
        assert!(failure.message.contains("640"), "{failure}");
    }

    #[test]
    fn what_a_killed_server_left_half_written_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::at(directory.path().join("vault.key"));
        let key = MasterKey::generate();
        file.write(std::slice::from_ref(&key)).unwrap();
        std::fs::write(directory.path().join("vault.key.new"), "half").unwrap();
        assert_eq!(file.read().unwrap().unwrap()[0].id(), key.id());
        file.write(&[MasterKey::generate(), key]).unwrap();
        assert_eq!(file.read().unwrap().unwrap().len(), 2);
    }
}

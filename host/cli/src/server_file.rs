//! The file by which commands on a data directory find the server that runs on it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where the server is and how to speak to it. Only the operator can read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// `http://127.0.0.1:3000`
    pub(crate) url: String,
    /// Process id.
    pub(crate) pid: u32,
    /// A token that works as long as the server lives.
    pub(crate) token: String,
}

impl ServerFile {
    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("server.json")
    }

    /// What the server of this data directory wrote, if anything.
    pub(crate) fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(data_dir)).ok()?).ok()
    }

    /// Writes it as a whole: a reader sees all of it or nothing.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let path = Self::path(data_dir);
        let partial = data_dir.join(format!(".server.json.{}", self.pid));
        let written = || -> io::Result<()> {
            match fs::remove_file(&partial) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            fs::rename(&partial, &path)
        };
        written().inspect_err(|_| {
            // What could not be finished is of no use, and what cannot be removed either harms nobody.
            let _ = fs::remove_file(&partial);
        })
    }

    /// Removes it, unless another server has written its own since.
    pub(crate) fn remove(&self, data_dir: &Path) -> io::Result<()> {
        match Self::read(data_dir) {
            Some(found) if found.token == self.token => fs::remove_file(Self::path(data_dir)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn server(token: &str) -> ServerFile {
        ServerFile { url: "http://127.0.0.1:1".to_owned(), pid: 1, token: token.to_owned() }
    }

    #[test]
    fn only_the_operator_can_read_the_token() {
        let dir = tempfile::tempdir().unwrap();
        server("secret").write(dir.path()).unwrap();

        let mode = fs::metadata(dir.path().join("server.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(ServerFile::read(dir.path()).unwrap().token, "secret");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
    }

    #[test]
    fn a_server_removes_only_its_own() {
        let dir = tempfile::tempdir().unwrap();
        server("new").write(dir.path()).unwrap();

        server("old").remove(dir.path()).unwrap();
        assert!(ServerFile::read(dir.path()).is_some());
        server("new").remove(dir.path()).unwrap();
        assert!(ServerFile::read(dir.path()).is_none());
    }
}

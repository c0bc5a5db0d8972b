//! A real sshd on loopback that lets the owner of one key in.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sandboxed_tests::until;
use tempfile::TempDir;

/// Where distributions have it. It executes itself again for each connection, so it wants its whole path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

pub(crate) struct Sshd {
    folder: TempDir,
    pub(crate) port: u16,
    /// Whom it lets in: the user who runs the tests, as it could become no other everywhere.
    pub(crate) user: String,
    child: Child,
}

impl Sshd {
    /// Starts one. Its clients wait for [`Sshd::release`] when [`Sshd::hold`] was called before.
    pub(crate) async fn start() -> Self {
        let user = said_by(Command::new("id").arg("-un"));
        // An sshd of root's refuses to start without its empty folder, which the system's service makes otherwise.
        if user == "root" {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for name in ["host_key", "other_host_key", "key"] {
            make_key(&at.join(name));
        }
        std::fs::copy(at.join("key.pub"), at.join("authorized_keys")).unwrap();
        let gate = at.join("gate");
        let command = format!(
            "#!/bin/sh\nif test -p '{0}'; then : > '{0}.entered'; cat '{0}' > /dev/null; fi\n\
             exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
            gate.display()
        );
        std::fs::write(at.join("command"), command).unwrap();
        // Another process may take the port between the look and the start.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin yes\nPubkeyAuthentication yes\nLogLevel VERBOSE\nForceCommand sh {0}/command\n",
                at.display()
            );
            std::fs::write(at.join("sshd_config"), config).unwrap();
            std::fs::write(at.join("log"), "").unwrap();
            let program = PROGRAMS.into_iter().find(|path| Path::new(path).exists()).expect("sshd is installed");
            let mut command = Command::new(program);
            command.arg("-D").arg("-f").arg(at.join("sshd_config")).arg("-E").arg(at.join("log"));
            let mut child = command.stdin(Stdio::null()).spawn().unwrap();
            let listens = until("sshd to listen or to end", async || {
                let ended = child.try_wait().unwrap().map(|_| false);
                let log = std::fs::read_to_string(at.join("log")).unwrap();
                log.contains("Server listening on").then_some(true).or(ended)
            })
            .await;
            if listens {
                return Self { folder, port, user, child };
            }
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(at.join("log")).unwrap());
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where a directory of this machine is by way of it.
    pub(crate) fn url(&self, directory: &Path) -> String {
        format!("ssh://{}@{}{}", self.user, self.host(), directory.display())
    }

    /// The private key of whom it lets in.
    pub(crate) fn key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("key")).unwrap()
    }

    /// The same key, opened by a passphrase only.
    pub(crate) fn encrypted_key(&self, passphrase: &str) -> String {
        let copy = self.folder.path().join("encrypted");
        std::fs::copy(self.folder.path().join("key"), &copy).unwrap();
        said_by(Command::new("ssh-keygen").args(["-q", "-p", "-P", "", "-N", passphrase, "-f"]).arg(&copy));
        std::fs::read_to_string(copy).unwrap()
    }

    /// What a client's `known_hosts` has of it.
    pub(crate) fn known_hosts(&self) -> String {
        self.known_by("host_key.pub")
    }

    /// The same with a key that it does not have.
    pub(crate) fn wrong_known_hosts(&self) -> String {
        self.known_by("other_host_key.pub")
    }

    fn known_by(&self, name: &str) -> String {
        let public = std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        format!("[127.0.0.1]:{} {}", self.port, public.trim())
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Has those who were let in wait.
    pub(crate) fn hold(&self) {
        nix::unistd::mkfifo(&self.gate(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }

    /// Waits until somebody was let in.
    pub(crate) async fn entered(&self) {
        let entered = self.folder.path().join("gate.entered");
        until("somebody to be let in", async || entered.exists().then_some(())).await;
    }

    pub(crate) fn release(&self) {
        std::fs::write(self.gate(), "go on\n").unwrap();
        std::fs::remove_file(self.gate()).unwrap();
    }

    fn gate(&self) -> PathBuf {
        self.folder.path().join("gate")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_key(file: &Path) {
    said_by(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", "a test", "-N", "", "-f"]).arg(file));
}

fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

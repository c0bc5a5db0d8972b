//! Git's logins over SSH. The server signs them as an ssh-agent that knows one user at one host, so that the key is in no
//! process but its own, and no file.

use std::{
    fs::{File, Permissions},
    io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_model::{
    Blame, Failure,
    command::{Exit, Output},
    config::{GitKey, KnownHosts},
    workspace::NetworkMode,
};
use sandboxed_ssh::{Agent, HostKeys, Key, Limits, Refusal, Target, Use};
use secrecy::ExposeSecret as _;
use tokio::{io::AsyncReadExt as _, net::UnixListener};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{apart::Scratch, remote::Login, told};
use crate::{Result, isolation::make_directory, services::Services, vault::Asked};

/// What the server puts into the home of git, in a directory of this one use.
const PLACE: &str = "ssh";
const AGENT: &str = "agent";
const KNOWN_HOSTS: &str = "known_hosts";
/// One command of git logs in once.
const LIMITS: (usize, u32) = (4, 8);
/// How the script ends where there are not the programs that it needs.
const MISSING: i32 = 96;

/// Before each script over SSH. Its exit status is [`MISSING`].
const LOOK: &str = r#"
for program in ssh bash; do
    command -v "$program" >/dev/null || { echo "there is no $program" >&2; exit 96; }
done
"#;

/// Nothing counts but these options: no configuration, no key of a file, no host that is not known.
const SSH: &str = r#"ssh -F /dev/null -o BatchMode=yes -o PreferredAuthentications=publickey \
-o "IdentityAgent=$SSH_PLACE/agent" -o IdentityFile=none -o IdentitiesOnly=no -o ForwardAgent=no \
-o "UserKnownHostsFile=$SSH_PLACE/known_hosts" -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes \
-o UpdateHostKeys=no -o ConnectTimeout=60"#;

/// Leads `ssh` out of the closed network. The shell that `ssh` starts puts the script in place of its name.
const BY_PROXY: &str = r#" -o 'ProxyCommand=bash -c "$CONNECT" connect %h %p'"#;

/// Asks the way out for a connection to `$1` at the port `$2`, and passes it on. A refusal is told as it comes.
const CONNECT: &str = r#"
way=${https_proxy#http://} host=$1
case $host in *:*) host="[$host]" ;; esac
exec 3<>"/dev/tcp/${way%:*}/${way##*:}" 4<&0 || exit 1
printf 'CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n' "$host" "$2" "$host" "$2" >&3
IFS= read -r -n 4096 status <&3
while IFS= read -r -n 4096 line <&3 && test "$line" != $'\r'; do :; done
case $status in
    'HTTP/1.'?' 200'*) ;;
    *) head -c 4096 <&3 >&2; exit 1 ;;
esac
cat <&4 >&3 &
cat <&3
kill $! 2>/dev/null
"#;

/// An agent that is served to the git of a scratch until it is dropped.
pub(super) struct ServedAgent {
    /// How who logs in is shown.
    login: String,
    /// Why it last refused to sign.
    refused: Arc<Mutex<Option<Refusal>>>,
    command: String,
    _stop: DropGuard,
}

impl ServedAgent {
    /// The script with what it needs before it.
    pub(super) fn script(script: &str) -> String {
        format!("{LOOK}{script}")
    }

    /// The variables by which git finds the agent, where `home` is its home inside.
    pub(super) fn variables(&self, home: &str) -> [(&'static str, String); 4] {
        [
            ("SSH_PLACE", format!("{home}/{PLACE}")),
            ("GIT_SSH_COMMAND", self.command.clone()),
            ("GIT_SSH_VARIANT", "ssh".to_owned()),
            ("CONNECT", CONNECT.to_owned()),
        ]
    }

    /// What only SSH fails of.
    pub(super) fn problem(&self, output: &Output) -> Option<Failure> {
        if output.exit.is_success() {
            return None;
        }
        let (all, said, login) = (String::from_utf8_lossy(&output.stderr), told(output), &self.login);
        if output.exit == Exit::Code(MISSING) {
            let message = format!("git over SSH needs ssh and bash on the server's machine: {said}");
            return Some(
                Failure::new(Blame::Unavailable, "git.ssh_missing", message)
                    .with_hint("apt-get install openssh-client bash"),
            );
        }
        if all.contains("Host key verification failed") {
            let message =
                format!("{login} did not show a key by which [git.credentials] knows the host; nothing was sent");
            return Some(Failure::new(Blame::Denied, "git.host_key", message).with_hint(
                "compare `known_hosts` in [git.credentials] with what the host's operator publishes: the host has another \
                 key, or somebody stands in its place",
            ));
        }
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused == Some(Refusal::NotBound) {
            let message = format!("the ssh of the server's machine does not tell for which host it logs in at {login}");
            return Some(
                Failure::new(Blame::Unavailable, "git.ssh_old", message).with_hint("install OpenSSH 8.9 or newer"),
            );
        }
        if all.contains("Permission denied (") {
            let message = format!("{login} did not take the key: {said}");
            return Some(
                Failure::new(Blame::Config, "git.denied", message)
                    .with_hint("give the host the public key: `ssh-keygen -y -f FILE` prints it"),
            );
        }
        None
    }
}

impl Services {
    /// Serves an agent with the key that the operator has given for `host` in the home of a scratch.
    pub(super) async fn serve_agent(
        &self,
        scratch: &Scratch,
        host: &str,
        login: &Login,
        given: GitKey<'_>,
    ) -> Result<ServedAgent> {
        let GitKey { ssh_key, passphrase, username, known_hosts } = given;
        let workspace = scratch.workspace();
        let asked = Asked::by_git(host, workspace.id);
        let lines = lines(known_hosts).await?;
        let host_keys = HostKeys::of(login.known_as(), login.port(), &lines).map_err(|error| error.failure())?;
        let secret = self.vault.lend(ssh_key, &asked).await?;
        let passphrase = match passphrase {
            Some(passphrase) => Some(self.vault.read_bytes(passphrase, &asked).await?),
            None => None,
        };
        let name = ssh_key.to_owned();
        // An encrypted one takes its time.
        let opened = tokio::task::spawn_blocking(move || {
            let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose_secret());
            Key::from_openssh(&name, secret.expose_secret(), passphrase)
        });
        let key = opened.await.map_err(io::Error::other).map_err(not_served)?.map_err(|error| error.failure())?;
        let (place, owner) = (scratch.home().join(PLACE), workspace.user);
        let listener = tokio::task::spawn_blocking(move || listen(&place, owner, &lines));
        let listener = listener.await.map_err(io::Error::other).and_then(|made| made).map_err(not_served)?;
        let listener = UnixListener::from_std(listener).map_err(not_served)?;

        let refused = Arc::new(Mutex::new(None));
        let (vault, secret, last) = (Arc::clone(&self.vault), ssh_key.to_owned(), Arc::clone(&refused));
        let at = host.to_owned();
        let sink = move |told: Use| match told {
            Use::Signed { .. } => vault.note_use(&secret, &asked),
            Use::Refused(refusal) => {
                tracing::warn!(host = at, reason = %refusal, "a login of git was not signed");
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            }
        };
        let (connections, signatures) = LIMITS;
        let limits = Limits { connections, signatures, ..Limits::default() };
        let target = Target { host_keys, user: username.to_owned() };
        let agent = Agent::new(vec![key], target, limits, Box::new(sink));
        let stop = CancellationToken::new();
        let until = stop.clone();
        tokio::spawn(async move { agent.serve(listener, until).await });
        let way = if workspace.network.mode == NetworkMode::Shared { "" } else { BY_PROXY };
        Ok(ServedAgent {
            login: format!("{username}@{host}"),
            refused,
            command: format!("{SSH}{way}"),
            _stop: stop.drop_guard(),
        })
    }
}

/// The lines by which the operator knows hosts.
async fn lines(known_hosts: &KnownHosts) -> Result<String, Failure> {
    let path = match known_hosts {
        KnownHosts::Lines(lines) => return Ok(lines.clone()),
        KnownHosts::File(path) => path,
    };
    let read = async {
        let mut text = String::new();
        // One byte more than is taken, so that a larger file is told as such.
        let most = HostKeys::MOST_BYTES as u64 + 1;
        tokio::fs::File::open(path).await?.take(most).read_to_string(&mut text).await?;
        io::Result::Ok(text)
    };
    read.await.map_err(|error| {
        let message = format!("{}, by which [git.credentials] knows hosts, cannot be read: {error}", path.display());
        Failure::new(Blame::Config, "git.known_hosts", message)
            .with_hint("let the server's user read it, or write its lines into known_hosts = \"…\"")
    })
}

/// Makes the directory of an agent for the sandbox's user alone: its socket, and the lines that its client reads.
fn listen(place: &Path, owner: Option<u32>, lines: &str) -> io::Result<std::os::unix::net::UnixListener> {
    make_directory(place, owner, 0o700)?;
    std::fs::write(place.join(KNOWN_HOSTS), lines)?;
    std::fs::set_permissions(place.join(KNOWN_HOSTS), Permissions::from_mode(0o644))?;
    // The address of a socket takes only 107 bytes; this one leads through the open directory.
    let directory = File::open(place)?;
    let socket = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(AGENT);
    let listener = std::os::unix::net::UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
    std::os::unix::fs::lchown(&socket, owner, owner)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn not_served(error: io::Error) -> Failure {
    Failure::new(Blame::Host, "git.agent", format!("the logins of git cannot be signed: {error}"))
}

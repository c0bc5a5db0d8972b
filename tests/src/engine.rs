//! A container engine to test with: the machine's own, or one that is started for the tests.

use std::{
    fs::File,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Long enough for a busy machine; nothing here is expected to take it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a machine's own engine listens.
const MACHINE: &str = "/run/docker.sock";

/// The image that [`archive`] becomes.
pub const IMAGE: &str = "sandboxed-test/machine:1";

/// Runs an engine in the directory `$1` until it is told to end, and then removes the directory if `$2` is `rm`.
const DAEMON: &str = r#"
unshare --net dockerd --bridge=none --iptables=false --host="unix://$1/sock" \
  --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" &
trap 'kill $!' TERM
wait $!
wait $!
"$2" -rf "$1"
"#;

/// The same for a service of Podman's. It raises what a process may open and start to what it can at most, and on a machine
/// where that is less than it takes for granted no container starts unless it is told.
const PODMAN: &str = r#"
files=$(ulimit -Hn) tasks=$(ulimit -Hu) pids=$(cat /proc/sys/kernel/pid_max)
[ "$files" != unlimited ] || files=1048576
[ "$tasks" != unlimited ] && [ "$tasks" -lt "$pids" ] || tasks=$pids
printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' "$files" "$files" "$tasks" "$tasks" >"$1/conf"
export CONTAINERS_CONF="$1/conf"
podman() {
  command podman --root "$1/data" --runroot "$1/run" --tmpdir "$1/tmp" --cgroup-manager cgroupfs --runtime runc \
    --events-backend file "${@:2}"
}
ours=$1
unshare --net podman --root "$1/data" --runroot "$1/run" --tmpdir "$1/tmp" --cgroup-manager cgroupfs --runtime runc \
  --events-backend file system service --time=0 "unix://$1/sock" &
trap 'kill $!' TERM
wait $!
wait $!
if [ "$2" = rm ]; then
  podman "$ours" rm --all --force --time 0
  # For five minutes after each process its monitor stays, and then makes files anew.
  for process in /proc/[0-9]*; do
    case $(tr '\0' ' ' <"$process/cmdline") in
      *conmon*"$ours/"*) kill -9 "${process#/proc/}" ;;
    esac
  done 2>/dev/null
  "$2" -rf "$ours"
fi
"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Whether the engine is the machine's own. One that the tests have started has no way to any network.
pub fn is_the_machines() -> bool {
    socket() == Path::new(MACHINE)
}

/// The socket of an engine: the machine's own, or one that lives as long as this process.
pub fn socket() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET
        .get_or_init(|| {
            let machine = Path::new(MACHINE);
            if UnixStream::connect(machine).is_ok() {
                return machine.to_owned();
            }
            let root = repository().join(format!("target/tmp/engine-{}", std::process::id()));
            Daemon::launch(root, false, DAEMON).into_background()
        })
        .clone()
}

/// The socket of a service of Podman's that lives as long as this process.
pub fn podman() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET
        .get_or_init(|| {
            // What it keeps of a container has this path in front of a long name, and a socket's path is short.
            let root = std::env::temp_dir().join(format!("sandboxed-podman-{}", std::process::id()));
            Daemon::launch(root, false, PODMAN).into_background()
        })
        .clone()
}

/// A tar archive of a root file system with bash, git and curl. It is made once for all tests.
pub fn archive() -> PathBuf {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE
        .get_or_init(|| {
            let directory = repository().join("target/test-images");
            std::fs::create_dir_all(&directory).unwrap();
            let archive = directory.join("machine.tar");
            // One test program makes it, and the others wait.
            let lock = File::create(directory.join("lock")).unwrap();
            lock.lock().unwrap();
            if !archive.exists() {
                let script = repository().join("scripts/test-image.sh");
                let made = Command::new(script).arg(&archive).status().unwrap();
                assert!(made.success(), "scripts/test-image.sh ended with {made}");
            }
            archive
        })
        .clone()
}

/// An engine of one's own. It has its own network namespace: two on one machine fight over the bridge otherwise.
pub struct Daemon {
    root: PathBuf,
    end: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Daemon {
    /// Its files stay in `root`, for the next one.
    pub fn start(root: PathBuf) -> Self {
        Self::launch(root, true, DAEMON)
    }

    fn launch(root: PathBuf, keep: bool, script: &'static str) -> Self {
        std::fs::create_dir_all(&root).unwrap();
        let (end, must_end) = mpsc::channel();
        let (has_ended, ended) = mpsc::channel();
        let thread_root = root.clone();
        // `--pdeathsig` looks at the thread that started the process: it must live as long as the daemon.
        std::thread::spawn(move || {
            let root = thread_root;
            let log = File::create(root.join("log")).unwrap();
            let mut daemon = Command::new("setpriv")
                .args(["--pdeathsig", "TERM", "bash", "-c", script, "bash"])
                .arg(&root)
                .arg(if keep { "true" } else { "rm" })
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .expect("the tests need root, setpriv, unshare, dockerd and podman");
            let _ = must_end.recv();
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
            let _ = has_ended.send(());
        });
        let daemon = Self { root, end: Some(end), ended };
        let give_up = Instant::now() + DEADLINE;
        while UnixStream::connect(daemon.socket()).is_err() {
            assert!(Instant::now() < give_up, "the engine does not start, see {}", daemon.root.join("log").display());
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.root.join("sock")
    }

    /// Ends the daemon and returns when it has ended.
    pub fn stop(&mut self) {
        if self.end.take().is_some() {
            self.ended.recv_timeout(DEADLINE).expect("dockerd ends when it is told to");
        }
    }

    fn into_background(self) -> PathBuf {
        let socket = self.socket();
        std::mem::forget(self);
        socket
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Asks the engine itself: `GET /containers/json`. Returns the status and the answer.
pub fn ask(socket: &Path, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut connection = UnixStream::connect(socket).unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        connection,
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(text).unwrap_or(Value::Null))
}

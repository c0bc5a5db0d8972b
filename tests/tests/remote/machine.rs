//! Another machine: a network namespace of its own with an engine in it, and a link to it that can be cut.

use std::{
    fs::File,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::certificates::Certificates;

/// Long enough for a busy machine; nothing here is expected to take it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs an engine in the directory `$1`, in the network namespace `$2` and at the address `$3`, until it is told to end.
/// `$4` is `rm` where nothing is to be left of it.
const DAEMON: &str = r#"
nsenter --net="/run/netns/$2" dockerd --bridge=none --iptables=false --host="unix://$1/sock" --host="tcp://$3:2376" \
  --tlsverify --tlscacert "$1/tls/ca.pem" --tlscert "$1/tls/engine.pem" --tlskey "$1/tls/engine-key.pem" \
  --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" &
trap 'kill $!' TERM
wait $!
wait $!
[ "$4" = rm ] || exit 0
ip netns del "$2"
rm -rf "$1"
"#;

/// Another machine. It is gone when this is dropped.
pub(crate) struct Machine {
    root: PathBuf,
    number: u32,
    running: Mutex<Option<Running>>,
    pub(crate) certificates: Certificates,
}

struct Running {
    end: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Machine {
    /// One that lives as long as this process, for tests that do it no harm.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Machine> = OnceLock::new();
        SHARED.get_or_init(|| Self::with(4000, true))
    }

    pub(crate) fn start() -> Self {
        Self::with(4000, false)
    }

    /// Its engine's certificate is good until the end of this year.
    pub(crate) fn with_certificate_of(year: i32) -> Self {
        Self::with(year, false)
    }

    fn with(year: i32, for_ever: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = (std::process::id() % 8000) * 8 + NEXT.fetch_add(1, Ordering::Relaxed) % 8;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
        std::fs::create_dir_all(&root).unwrap();
        let root = root.canonicalize().unwrap().join(format!("machine-{number}"));
        let mut machine = Self {
            certificates: Certificates::of_year(&root.join("tls"), &address(number, 2), year),
            root,
            number,
            running: Mutex::new(None),
        };
        let (namespace, [here, there]) = (machine.namespace(), machine.links());
        run(&["ip", "netns", "add", &namespace]);
        run(&["ip", "link", "add", &here, "type", "veth", "peer", "name", &there]);
        run(&["ip", "link", "set", &there, "netns", &namespace]);
        run(&["ip", "address", "add", &format!("{}/30", address(number, 1)), "dev", &here]);
        run(&["ip", "link", "set", &here, "up"]);
        let inside = ["ip", "-n", &namespace];
        run(&[&inside[..], &["address", "add", &format!("{}/30", address(number, 2)), "dev", &there]].concat());
        run(&[&inside[..], &["link", "set", &there, "up"]].concat());
        run(&[&inside[..], &["link", "set", "lo", "up"]].concat());
        machine.launch(for_ever);
        machine
    }

    fn namespace(&self) -> String {
        format!("sbx-test-{}", self.number)
    }

    fn links(&self) -> [String; 2] {
        ["h", "n"].map(|end| format!("sbxt{}{end}", self.number))
    }

    /// `tcp://ADDRESS:2376`
    pub(crate) fn url(&self) -> String {
        format!("tcp://{}:2376", address(self.number, 2))
    }

    fn launch(&mut self, for_ever: bool) {
        let (end, must_end) = mpsc::channel();
        let (has_ended, ended) = mpsc::channel();
        let (root, namespace, at) = (self.root.clone(), self.namespace(), address(self.number, 2));
        // `--pdeathsig` looks at the thread that started the process: it must live as long as the daemon.
        std::thread::spawn(move || {
            let log = File::options().create(true).append(true).open(root.join("log")).unwrap();
            let mut daemon = Command::new("setpriv")
                .args(["--pdeathsig", "TERM", "sh", "-c", DAEMON, "sh"])
                .arg(&root)
                .args([namespace.as_str(), at.as_str(), if for_ever { "rm" } else { "keep" }])
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .expect("the tests need root, dockerd, setpriv and nsenter");
            let _ = must_end.recv();
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
            let _ = has_ended.send(());
        });
        *self.running.get_mut().unwrap() = Some(Running { end, ended });
        let give_up = Instant::now() + DEADLINE;
        let at: std::net::SocketAddr = format!("{}:2376", address(self.number, 2)).parse().unwrap();
        while TcpStream::connect_timeout(&at, Duration::from_millis(200)).is_err() {
            assert!(Instant::now() < give_up, "dockerd does not start, see {}", self.root.join("log").display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Cuts the link, or mends it.
    pub(crate) fn set_link(&self, up: bool) {
        run(&["ip", "link", "set", &self.links()[0], if up { "up" } else { "down" }]);
    }

    /// Kills the engine as a crash would, and returns when it is gone. What runs in its containers does not notice.
    pub(crate) fn crash(&mut self) {
        for file in ["pid", "exec/containerd/containerd.pid"] {
            let file = self.root.join(file);
            let pid = Pid::from_raw(std::fs::read_to_string(&file).unwrap().trim().parse().unwrap());
            kill(pid, Signal::SIGKILL).unwrap();
            let give_up = Instant::now() + DEADLINE;
            // Nobody may be there to take note of its end.
            let lives =
                || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
            while lives() {
                assert!(Instant::now() < give_up, "{pid} does not end");
                std::thread::sleep(Duration::from_millis(5));
            }
            // Another process may have its number by now.
            std::fs::remove_file(file).unwrap();
        }
        self.stop();
    }

    /// Starts the engine again.
    pub(crate) fn restart(&mut self) {
        self.launch(false);
    }

    fn stop(&mut self) {
        if let Some(Running { end, ended }) = self.running.get_mut().unwrap().take() {
            let _ = end.send(());
            ended.recv_timeout(DEADLINE).expect("dockerd ends when it is told to");
        }
    }

    /// Kills what a crash of the engine has left: containers, and what watches over them.
    fn kill_what_is_left(&self) {
        let containers = std::fs::read_dir(self.root.join("data/containers")).into_iter().flatten().flatten();
        let names: Vec<String> = containers.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        let root = self.root.to_string_lossy().into_owned();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
            let of = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let (groups, command) = (of("cgroup"), of("cmdline"));
            let (groups, command) = (String::from_utf8_lossy(&groups), String::from_utf8_lossy(&command));
            let shim = command.contains("containerd-shim") && command.contains(&root);
            if shim || names.iter().any(|name| groups.contains(name)) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }

    /// Asks the engine itself, by its socket on its own machine.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        sandboxed_tests::engine::ask(&self.root.join("sock"), method, path, body)
    }

    /// The names of its volumes, and of its containers.
    pub(crate) fn objects(&self) -> Vec<String> {
        let volumes = self.ask("GET", "/volumes", None).1["Volumes"].clone();
        let volumes = volumes.as_array().cloned().unwrap_or_default().into_iter();
        let volumes = volumes.map(|volume| volume["Name"].as_str().unwrap().to_owned());
        let containers = self.ask("GET", "/containers/json?all=true", None).1;
        let containers = containers.as_array().unwrap().clone().into_iter();
        let containers = containers.map(|it| it["Names"][0].as_str().unwrap().trim_start_matches('/').to_owned());
        volumes.chain(containers).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
        self.kill_what_is_left();
        let _ = Command::new("ip").args(["netns", "del", &self.namespace()]).status();
        let mounted = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let below = mounted
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .filter(|at| Path::new(at).starts_with(&self.root));
        for at in below.collect::<Vec<_>>().into_iter().rev() {
            let _ = nix::mount::umount2(at, nix::mount::MntFlags::MNT_DETACH);
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// An address on the link: number 1 is here, 2 there.
fn address(number: u32, end: u32) -> String {
    let place = number * 4 + end;
    format!("10.{}.{}.{}", 96 + (place >> 16), (place >> 8) & 0xff, place & 0xff)
}

fn run(command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

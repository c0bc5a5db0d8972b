//! The machine around the server, as a hostile mission would like to reach it: listeners, sockets, files, a process.

use std::{
    io::Write,
    net::{IpAddr, UdpSocket as StdUdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixListener},
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

/// What every listener of the machine says.
pub(crate) const ANSWER: &str = "the machine answers";

/// It is gone with all that belongs to it when it is dropped.
pub(crate) struct Machine {
    /// For all to read and write; a file `file` is in it.
    pub(crate) directory: TempDir,
    /// A process of the tester's.
    process: Child,
    /// An address that is not loopback, where the machine has one.
    pub(crate) address: IpAddr,
    /// A listener at all addresses, which also answers to datagrams.
    pub(crate) port: u16,
    pub(crate) datagrams: u16,
    /// A listener at loopback.
    pub(crate) listed: u16,
    /// A proxy that connects to whatever it is asked for.
    pub(crate) relay: u16,
    root_socket: (PathBuf, UnixListener),
    open_socket: (PathBuf, UnixListener),
    abstract_socket: (String, UnixListener),
    shared_memory: String,
    _listeners: JoinSet<()>,
}

impl Machine {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), "for all").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
        let mark = mark(directory.path());
        let process = Command::new("sleep").arg(&mark).stdin(Stdio::null()).spawn().unwrap();
        let mut listeners = JoinSet::new();
        let open = TcpListener::bind("[::]:0").await.unwrap();
        let port = open.local_addr().unwrap().port();
        listeners.spawn(serve(open, |stream| Box::pin(answer(stream))));
        let datagram_socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let datagrams = datagram_socket.local_addr().unwrap().port();
        listeners.spawn(echo(datagram_socket));
        let loopback = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listed = loopback.local_addr().unwrap().port();
        listeners.spawn(serve(loopback, |stream| Box::pin(answer(stream))));
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = proxy.local_addr().unwrap().port();
        listeners.spawn(serve(proxy, |stream| Box::pin(pass_on(stream))));
        // In /run when the tester may, because that is where a machine's sockets are.
        let sockets = if nix::unistd::Uid::effective().is_root() { Path::new("/run") } else { directory.path() };
        let socket = |kind: &str, mode| {
            let path = sockets.join(format!("{mark}-{kind}.sock"));
            let listener = UnixListener::bind(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            (path, listener)
        };
        let abstract_listener =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(mark.as_bytes()).unwrap()).unwrap();
        let shared = "my $id = shmget(0, 64, 01666); shmwrite($id, 'shared', 0, 6) or die; print $id";
        Self {
            address: address(),
            port,
            datagrams,
            listed,
            relay,
            root_socket: socket("root", 0o600),
            open_socket: socket("open", 0o666),
            abstract_socket: (mark, abstract_listener),
            shared_memory: perl(&[shared]),
            _listeners: listeners,
            process,
            directory,
        }
    }

    /// The variables of `escape.sh` that are about this machine.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SETTINGS", settings()),
            ("MACHINE_DIRECTORY", self.directory.path().display().to_string()),
            ("MACHINE_PID", self.process.id().to_string()),
            ("MACHINE_MARK", mark(self.directory.path())),
            ("MACHINE", self.address.to_string()),
            ("PORT", self.port.to_string()),
            ("DATAGRAMS", self.datagrams.to_string()),
            ("LISTED", self.listed.to_string()),
            ("NAMED", self.listed.to_string()),
            ("RELAY", self.relay.to_string()),
            ("ROOT_SOCKET", self.root_socket.0.display().to_string()),
            ("OPEN_SOCKET", self.open_socket.0.display().to_string()),
            ("ABSTRACT_SOCKET", self.abstract_socket.0.clone()),
            ("SHARED_MEMORY", self.shared_memory.clone()),
            ("MACHINE_PIDS", namespace("pid")),
            ("MACHINE_NETWORK", namespace("net")),
            ("MACHINE_IPC", namespace("ipc")),
        ]
    }

    /// Whether its process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.root_socket.0);
        let _ = std::fs::remove_file(&self.open_socket.0);
        perl(&["shmctl($ARGV[0], 0, 0)", &self.shared_memory]);
    }
}

/// What the machine's settings are known by, wherever they are read.
fn settings() -> String {
    let files =
        ["/etc/hostname", "/etc/machine-id", "/etc/resolv.conf"].map(|file| format!("cksum <{file} 2>/dev/null"));
    let output = Command::new("sh").args(["-c", &files.join("; ")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A number of seconds to sleep that no other process sleeps.
fn mark(directory: &Path) -> String {
    let seed = directory
        .file_name()
        .unwrap()
        .to_string_lossy()
        .bytes()
        .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("{}.{}", 1_000_000 + std::process::id(), seed % 1_000_000_000)
}

fn namespace(kind: &str) -> String {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().display().to_string()
}

fn perl(arguments: &[&str]) -> String {
    let output = Command::new("perl").arg("-e").args(arguments).output().unwrap();
    assert!(output.status.success() || !output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The address from which this machine would speak to others.
fn address() -> IpAddr {
    let socket = StdUdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: connecting only chooses the address.
    match socket.connect("192.0.2.1:9") {
        Ok(()) => socket.local_addr().unwrap().ip(),
        Err(_) => IpAddr::from([127, 0, 0, 1]),
    }
}

type Served = std::pin::Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

/// Serves all who come.
pub(crate) async fn serve(listener: TcpListener, each: impl Fn(TcpStream) -> Served) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(each(stream));
    }
}

/// The head of a request, line by line.
async fn head(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 2 {}
    Ok(head)
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    head(&mut stream).await?;
    let mut text = Vec::new();
    write!(text, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{ANSWER}", ANSWER.len())?;
    stream.write_all(&text).await?;
    stream.shutdown().await
}

async fn pass_on(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let head = head(&mut stream).await?;
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut there = TcpStream::connect(target).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let rest = stream.buffer().to_vec();
    there.write_all(&rest).await?;
    copy_bidirectional(&mut stream.into_inner(), &mut there).await.map(drop)
}

async fn echo(socket: UdpSocket) {
    let mut buffer = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        socket.send_to(&buffer[..length], from).await.unwrap();
    }
}

//! A place where repositories are kept: git's own HTTP backend behind a server that asks for a password.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
};

use tempfile::TempDir;

/// `robot:the-token-of-the-forge`, as `Authorization: Basic` has it.
const AUTHORIZATION: &str = "Basic cm9ib3Q6dGhlLXRva2VuLW9mLXRoZS1mb3JnZQ==";
pub(crate) const TOKEN: &str = "the-token-of-the-forge";

/// A forge.
pub(crate) struct Forge {
    root: TempDir,
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Request>>,
    /// Where all requests are sent on to.
    elsewhere: Mutex<Option<String>>,
    held: Mutex<bool>,
    released: Condvar,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) authorization: Option<String>,
}

impl Forge {
    /// A forge with a repository `project` that has two files in one commit.
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (path, shared) = (root.path().to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (path, state) = (path.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(connection, path, &state));
            }
        });
        let forge = Self { root, port, state };
        forge.git(".", &["init", "-q", "--bare", "-b", "main", "project.git"]);
        forge.git("project.git", &["config", "http.receivepack", "true"]);
        forge.git(".", &["clone", "-q", "project.git", "seed"]);
        forge.add("README.md", "hello\n");
        forge.add("src/main.rs", "fn main() {}\n");
        forge
    }

    /// Adds a file to the repository, in a commit of its own.
    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.root.path().join("seed").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self.git("seed", &["add", "--all"]);
        self.git("seed", &["-c", "user.name=n", "-c", "user.email=e@localhost", "commit", "-q", "-m", name]);
        self.git("seed", &["push", "-q", "origin", "HEAD:main"]);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/project.git", self.port)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The repository on this machine.
    pub(crate) fn directory(&self) -> PathBuf {
        self.root.path().join("project.git")
    }

    /// What git says of the repository.
    pub(crate) fn git(&self, directory: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.root.path().join(directory))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Sends all requests on to another place.
    pub(crate) fn redirect(&self, to: &str) {
        *self.state.elsewhere.lock().unwrap() = Some(to.to_owned());
    }

    /// Answers nobody who is let in until it is released.
    pub(crate) fn hold(&self, held: bool) {
        *self.state.held.lock().unwrap() = held;
        self.state.released.notify_all();
    }
}

fn serve(connection: TcpStream, root: PathBuf, state: &State) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut connection = connection;
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = head.iter().skip(1).filter_map(|line| line.split_once(':'));
        found.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
    };
    let authorization = header("authorization");
    state.seen.lock().unwrap().push(Request { authorization: authorization.clone() });
    let body = body(&mut reader, header("content-length"), header("transfer-encoding"));
    let mut words = head[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let elsewhere = state.elsewhere.lock().unwrap().clone();
    if let Some(elsewhere) = elsewhere {
        let path = target.strip_prefix("/project.git").unwrap_or(target);
        let _ = write!(
            connection,
            "HTTP/1.1 302 Found\r\nLocation: {elsewhere}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return;
    }
    if authorization.as_deref() != Some(AUTHORIZATION) {
        let _ = write!(
            connection,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"forge\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return;
    }
    drop(state.released.wait_while(state.held.lock().unwrap(), |held| *held).unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .env("REMOTE_USER", "robot")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = backend.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&body);
    });
    let answer = backend.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let headers: String =
        head.lines().filter(|line| !line.starts_with("Status: ")).map(|line| format!("{line}\r\n")).collect();
    let content = &answer[end + 4..];
    let _ = write!(
        connection,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    let _ = connection.write_all(content);
}

fn body(reader: &mut impl BufRead, length: Option<String>, encoding: Option<String>) -> Vec<u8> {
    let mut body = Vec::new();
    if encoding.as_deref() == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).unwrap();
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    body.resize(length.and_then(|length| length.parse().ok()).unwrap_or(0), 0);
    reader.read_exact(&mut body).unwrap();
    body
}

//! Heads of HTTP/1 messages: what a client asks for, and what is passed on of it.

use std::fmt::Write as _;

use crate::{
    error::Problem,
    host::{BadTarget, Target},
};

/// The most headers that one message may have.
const HEADERS: usize = 128;

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// `CONNECT`.
    Tunnel(Target),
    /// Any other method, with a URL.
    Forward(Forward),
}

/// A request to pass on.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) target: Target,
    /// The head as the target gets it.
    pub(crate) head: Vec<u8>,
    pub(crate) body: Body,
}

/// How the body of a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// After this many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked,
}

/// What is wrong with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// It has too many headers.
    TooManyHeaders,
    /// It is no request that a proxy can serve.
    Malformed(&'static str),
    /// It names no target.
    Target(BadTarget),
}

impl From<BadTarget> for Invalid {
    fn from(bad: BadTarget) -> Self {
        Self::Target(bad)
    }
}

/// Reads the head of a request, which ends with its empty line.
pub(crate) fn request(head: &[u8]) -> Result<Request, Invalid> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        // An empty line that only this parser sees, because it takes a bare line feed for the end of a line, would make
        // two requests of what was cut out as one.
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Invalid::TooManyHeaders),
        Ok(_) | Err(_) => return Err(Invalid::Malformed("this is no HTTP/1 request")),
    }
    let (Some(method), Some(url), Some(version)) = (request.method, request.path, request.version) else {
        return Err(Invalid::Malformed("this is no HTTP/1 request"));
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::Malformed("the URL has characters that must be percent-encoded"));
    }
    let framing = framing(request.headers, version)?;
    if method == "CONNECT" {
        // What follows the head of a CONNECT is the tunnel's. A body would be read as one or the other, as it suits.
        return match framing {
            None | Some(Body::Length(0)) => Ok(Request::Tunnel(Target::parse(url, None)?)),
            Some(_) => Err(Invalid::Malformed("CONNECT has no body")),
        };
    }
    let (target, path) = split_url(method, url)?;
    let mut text = String::with_capacity(head.len() + 64);
    // Writing to a String cannot fail.
    let _ = write!(text, "{method} {path} HTTP/1.{version}\r\nHost: {}", target.host);
    if target.port != 80 {
        let _ = write!(text, ":{}", target.port);
    }
    text.push_str("\r\n");
    let mut head = text.into_bytes();
    copy_headers(request.headers, &mut head, &["host", "te", "trailer", "transfer-encoding", "content-length"]);
    match framing {
        None => {}
        Some(Body::Length(length)) => head.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes()),
        Some(Body::Chunked) => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    Ok(Request::Forward(Forward { target, head, body: framing.unwrap_or(Body::Length(0)) }))
}

/// Splits a URL into whom to ask and what to ask for.
fn split_url(method: &str, url: &str) -> Result<(Target, String), Invalid> {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        return Err(Invalid::Malformed("this is a proxy: ask for a whole URL, like \"GET http://example.org/\""));
    };
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(Invalid::Malformed("only http:// URLs can be asked for like this; use CONNECT for all others"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('#') {
        return Err(Invalid::Malformed("a URL that is asked for has no fragment"));
    }
    let target = Target::parse(authority, Some(80))?;
    let path = match path {
        "" if method == "OPTIONS" => "*".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    Ok((target, path))
}

/// How the body ends, if there is one. Every header that two servers could read differently is refused (RFC 9112,
/// section 6.3 and 11.2).
fn framing(headers: &[httparse::Header<'_>], version: u8) -> Result<Option<Body>, Invalid> {
    let values = |name: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.trim_ascii())
    };
    let (mut encodings, mut lengths) = (values("transfer-encoding"), values("content-length"));
    match (encodings.next(), lengths.next()) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Invalid::Malformed("a request has either a Content-Length or a Transfer-Encoding")),
        (Some(encoding), None) => {
            let chunked = encoding.eq_ignore_ascii_case(b"chunked") && encodings.next().is_none() && version == 1;
            if chunked {
                Ok(Some(Body::Chunked))
            } else {
                Err(Invalid::Malformed("the Transfer-Encoding is not \"chunked\""))
            }
        }
        (None, Some(length)) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit) && lengths.next().is_none();
            let length = std::str::from_utf8(length).ok().filter(|_| digits).and_then(|length| length.parse().ok());
            length.map(|length| Some(Body::Length(length))).ok_or(Invalid::Malformed("the Content-Length is no number"))
        }
    }
}

/// Copies all headers but those for the next hop only (RFC 9110, section 7.6.1) and those in `without`.
fn copy_headers(headers: &[httparse::Header<'_>], to: &mut Vec<u8>, without: &[&str]) {
    const HOP_BY_HOP: [&str; 3] = ["connection", "keep-alive", "upgrade"];
    let nominated: Vec<&[u8]> = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"))
        .flat_map(|header| header.value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    for header in headers {
        let is = |name: &&str| header.name.eq_ignore_ascii_case(name);
        let for_proxy = header.name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"));
        // How a message ends is never for one hop only, whatever its sender says.
        let frames = ["content-length", "transfer-encoding"].iter().any(is);
        let nominated = !frames && nominated.iter().any(|name| name.eq_ignore_ascii_case(header.name.as_bytes()));
        if for_proxy || nominated || HOP_BY_HOP.iter().any(is) || without.iter().any(is) {
            continue;
        }
        to.extend_from_slice(header.name.as_bytes());
        to.extend_from_slice(b": ");
        to.extend_from_slice(header.value);
        to.extend_from_slice(b"\r\n");
    }
}

/// The head of an answer as the client gets it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Vec<u8>,
    /// Whether another head follows.
    pub(crate) interim: bool,
}

/// Reads the head of an answer, which ends with its empty line. Nothing comes of what is no answer to a request that a
/// proxy sends.
pub(crate) fn answer(head: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) | Err(_) => return None,
    }
    let (version, code) = (response.version?, response.code?);
    // The request to change the protocol was not passed on.
    if code == 101 {
        return None;
    }
    let interim = (100..200).contains(&code);
    let mut text = format!("HTTP/1.{version} {code:03} {}\r\n", response.reason.unwrap_or_default()).into_bytes();
    copy_headers(response.headers, &mut text, &[]);
    text.extend_from_slice(if interim { b"\r\n" } else { b"Connection: close\r\n\r\n" });
    Some(Answer { head: text, interim })
}

/// An answer of the proxy itself.
pub(crate) fn own_answer(status: &str, text: &str) -> Vec<u8> {
    let length = text.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{text}\n"
    )
    .into_bytes()
}

impl Invalid {
    /// The answer to the request.
    pub(crate) fn own_answer(&self) -> Vec<u8> {
        match self {
            Self::TooManyHeaders => {
                own_answer("431 Request Header Fields Too Large", &format!("A request has at most {HEADERS} headers."))
            }
            Self::Malformed(text) => own_answer("400 Bad Request", &format!("The proxy refused the request: {text}.")),
            Self::Target(BadTarget { problem: Problem::Numeric, .. }) => own_answer(
                "403 Forbidden by the network policy: invalid_host",
                &format!("The proxy refused the request: {}.", Problem::Numeric),
            ),
            Self::Target(bad) => {
                own_answer("400 Bad Request", &format!("The proxy refused the request: {}.", bad.problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(head: &str) -> Forward {
        match request(head.as_bytes()).unwrap() {
            Request::Forward(forward) => forward,
            Request::Tunnel(target) => panic!("a tunnel to {target}"),
        }
    }

    fn passed_on(head: &str) -> String {
        String::from_utf8(forward(head).head).unwrap()
    }

    #[test]
    fn a_request_is_passed_on_in_origin_form_with_the_host_of_its_url() {
        assert_eq!(
            passed_on("GET http://Example.org:8080/a?b=c HTTP/1.1\r\nHost: evil.net\r\nAccept: */*\r\n\r\n"),
            "GET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        assert!(
            passed_on("GET http://example.org HTTP/1.1\r\n\r\n").starts_with("GET / HTTP/1.1\r\nHost: example.org\r\n")
        );
        assert!(passed_on("GET http://example.org?a HTTP/1.0\r\n\r\n").starts_with("GET /?a HTTP/1.0\r\n"));
        assert!(passed_on("OPTIONS http://example.org HTTP/1.1\r\n\r\n").starts_with("OPTIONS * "));
        assert!(passed_on("GET http://[2a00::1]/ HTTP/1.1\r\n\r\n").contains("Host: [2a00::1]\r\n"));
    }

    #[test]
    fn what_is_for_the_proxy_or_one_hop_only_is_not_passed_on() {
        let passed = passed_on(
            "POST http://example.org/ HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0\r\nPROXY-Connection: keep-alive\r\n\
             Connection: keep-alive, X-Hop, content-length\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nUpgrade: h2c\r\nTE: trailers\r\n\
             Trailer: X\r\nX-Stays: 1\r\nContent-Length: 3\r\n\r\n",
        );
        assert_eq!(
            passed,
            "POST / HTTP/1.1\r\nHost: example.org\r\nX-Stays: 1\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn a_body_has_one_end() {
        let body = |headers: &str| forward(&format!("POST http://a.org/ HTTP/1.1\r\n{headers}\r\n")).body;
        assert_eq!(body(""), Body::Length(0));
        assert_eq!(body("Content-Length: 42\r\n"), Body::Length(42));
        assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Body::Chunked);
        for headers in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding : chunked\r\n",
            "X: 1\r\n Transfer-Encoding: chunked\r\n",
            "X: 1\nTransfer-Encoding: chunked\r\n\n",
            "X: 1\rY: 2\r\n",
        ] {
            let head = format!("POST http://a.org/ HTTP/1.1\r\n{headers}\r\n");
            let passed = request(head.as_bytes());
            assert!(passed.is_err(), "{headers:?}: {passed:?}");
        }
        assert!(request(b"POST http://a.org/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn connect_takes_a_host_and_a_port_and_nothing_else() {
        let target = |line: &str| match request(format!("{line}\r\n\r\n").as_bytes()) {
            Ok(Request::Tunnel(target)) => Ok(target.to_string()),
            Ok(Request::Forward(_)) => panic!("no tunnel"),
            Err(invalid) => Err(invalid),
        };
        assert_eq!(target("CONNECT Example.org:443 HTTP/1.1").unwrap(), "example.org:443");
        assert_eq!(target("CONNECT [::1]:443 HTTP/1.1").unwrap(), "[::1]:443");
        assert_eq!(target("CONNECT a.org:1 HTTP/1.1\r\nContent-Length: 0").unwrap(), "a.org:1");
        for line in [
            "CONNECT example.org HTTP/1.1",
            "CONNECT user@example.org:443 HTTP/1.1",
            "CONNECT http://example.org:443 HTTP/1.1",
            "CONNECT example.org:443/ HTTP/1.1",
            "CONNECT a.org:1 HTTP/1.1\r\nContent-Length: 5",
            "CONNECT a.org:1 HTTP/1.1\r\nTransfer-Encoding: chunked",
        ] {
            assert!(target(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_url_that_two_readers_could_read_differently_is_refused() {
        for url in [
            "/",
            "*",
            "https://a.org/",
            "ftp://a.org/",
            "http://user@a.org/",
            "http://a.org\\@b.org/",
            "http://a.org#@b.org/",
            "http://a.org/#x",
            "http://a.org:/",
            "http:///",
            "http://a.org:80:80/",
            "/x://a.org/",
        ] {
            assert!(request(format!("GET {url} HTTP/1.1\r\n\r\n").as_bytes()).is_err(), "{url}");
        }
    }

    #[test]
    fn an_answer_ends_its_connection() {
        let text = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\n";
        let passed = answer(text).unwrap();
        assert!(!passed.interim);
        assert_eq!(passed.head, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
        assert!(answer(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap().interim);
        assert!(answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").is_none());
        assert!(answer(b"220 mail.example.org ESMTP\r\n\r\n").is_none());
    }
}

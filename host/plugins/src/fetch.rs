//! HTTP on behalf of plugins. Every hop is checked: the name against the grant before it is resolved, the addresses
//! after, and a redirect like a request of its own.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Method, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use sandboxed_model::{Blame, Failure};

const MAX_REDIRECTS: usize = 5;
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Vec<u8>,
}

/// A header of a request.
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The value is a secret and goes to the first host only.
    pub(crate) secret: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: bool,
}

/// The hosts that were granted.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<Pattern>);

#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    host: HostPattern,
    port: u16,
}

#[derive(Debug, PartialEq, Eq)]
enum HostPattern {
    Exactly(String),
    Below(String),
    Address(IpAddr),
}

impl Allowed {
    /// Reads `host:port`, `*.host:port`, `1.2.3.4:port`, `[::1]:port`.
    pub(crate) fn parse(granted: &[String]) -> Result<Self, Failure> {
        let pattern = |text: &String| {
            let (host, port) = text.rsplit_once(':')?;
            let port = port.parse().ok()?;
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let host = match (bare.parse(), host.strip_prefix("*.")) {
                (Ok(address), _) => HostPattern::Address(address),
                (Err(_), Some(parent)) if !parent.is_empty() => HostPattern::Below(parent.to_ascii_lowercase()),
                (Err(_), None) if !host.is_empty() && !host.contains('*') => {
                    HostPattern::Exactly(host.to_ascii_lowercase())
                }
                _ => return None,
            };
            Some(Pattern { host, port })
        };
        let read = |text| {
            pattern(text).ok_or_else(|| {
                let message = format!("{text:?} is no grant for fetch");
                Failure::new(Blame::Config, "fetch.grant_invalid", message)
                    .with_hint("write host:port, *.host:port or address:port")
            })
        };
        granted.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the host was granted, and whether by its own name or address and not by a wildcard.
    fn check(&self, url: &Url) -> Result<bool, Failure> {
        let denied = |why: String| Err(Failure::new(Blame::Denied, "fetch.denied", why));
        if !matches!(url.scheme(), "http" | "https") {
            return denied(format!("{} is no scheme for fetch", url.scheme()));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return denied("the address names no host".to_owned());
        };
        let fits = |pattern: &Pattern| {
            pattern.port == port
                && match (&pattern.host, &host) {
                    (HostPattern::Address(granted), url::Host::Ipv4(asked)) => *granted == IpAddr::V4(*asked),
                    (HostPattern::Address(granted), url::Host::Ipv6(asked)) => *granted == IpAddr::V6(*asked),
                    (HostPattern::Exactly(granted), url::Host::Domain(asked)) => asked == granted,
                    (HostPattern::Below(parent), url::Host::Domain(asked)) => {
                        asked.strip_suffix(parent.as_str()).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
                    }
                    _ => false,
                }
        };
        let mut granted = self.0.iter().filter(|pattern| fits(pattern)).peekable();
        if granted.peek().is_some() {
            return Ok(granted.any(|pattern| !matches!(pattern.host, HostPattern::Below(_))));
        }
        let message = format!("{host}:{port} was not granted");
        Err(Failure::new(Blame::Denied, "fetch.denied", message)
            .with_hint(format!("grants.fetch = [\"{host}:{port}\"]")))
    }
}

/// Sends a request and follows its redirects.
pub(crate) async fn send(allowed: &Allowed, request: Request, max_body: usize) -> Result<Response, Failure> {
    let invalid = |what: &str| Failure::new(Blame::Plugin, "fetch.invalid", format!("the request has no valid {what}"));
    let mut url = Url::parse(&request.url).map_err(|_| invalid("URL"))?;
    let mut method = Method::from_bytes(request.method.as_bytes()).map_err(|_| invalid("method"))?;
    let mut body = request.body;
    let mut headers = request.headers;
    for _ in 0..=MAX_REDIRECTS {
        let by_name = allowed.check(&url)?;
        if !by_name && headers.iter().any(|header| header.secret) {
            let host = url.host_str().unwrap_or_default();
            let message = format!("a secret is not sent to {host}, which was granted by a wildcard");
            return Err(Failure::new(Blame::Denied, "fetch.secret_denied", message)
                .with_hint("grant the host by its whole name"));
        }
        let mut map = HeaderMap::new();
        for Header { name, value, secret } in &headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("header name"))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| invalid("header value"))?;
            value.set_sensitive(*secret);
            map.append(name, value);
        }
        // The server that is asked decides what `Host` means; a plugin must not choose it apart from the address.
        map.remove(reqwest::header::HOST);
        let sent = client()?.request(method.clone(), url.clone()).headers(map).body(body.clone()).send().await;
        let response = sent.map_err(|error| unreachable(&url, &error))?;
        let status = response.status();
        let next = response.headers().get(LOCATION).filter(|_| status.is_redirection());
        let Some(next) = next.and_then(|location| url.join(location.to_str().ok()?).ok()) else {
            return read(response, max_body).await.map_err(|error| unreachable(&url, &error));
        };
        if (next.host_str(), next.port_or_known_default()) != (url.host_str(), url.port_or_known_default())
            || next.scheme() != url.scheme()
        {
            headers.retain(|header| !header.secret);
        }
        if matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER)
            && method != Method::GET
            && method != Method::HEAD
        {
            method = Method::GET;
            body = Vec::new();
        }
        url = next;
    }
    Err(Failure::new(Blame::Unavailable, "fetch.redirects", format!("over {MAX_REDIRECTS} redirects were answered")))
}

async fn read(mut response: reqwest::Response, max_body: usize) -> reqwest::Result<Response> {
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max_body - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Response { status, headers, body, truncated: true });
        }
    }
    Ok(Response { status, headers, body, truncated: false })
}

fn unreachable(url: &Url, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if let Some(refusal) = cause.downcast_ref::<PrivateAddress>() {
        return Failure::new(Blame::Denied, "fetch.denied", refusal.to_string())
            .with_hint("grant the very address: grants.fetch = [\"ADDRESS:PORT\"]");
    }
    let host = url.host_str().unwrap_or_default();
    Failure::new(Blame::Unavailable, "fetch.unreachable", format!("{host} does not answer: {cause}"))
}

fn client() -> Result<&'static Client, Failure> {
    static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_DEADLINE)
            .dns_resolver(Arc::new(PublicOnly))
            .build()
            .map_err(|error| error.to_string())
    });
    made.as_ref().map_err(|error| Failure::new(Blame::Host, "fetch.client", error.clone()))
}

/// Resolves names to public addresses only. A name whose addresses are partly private is refused as a whole: it is
/// made to lead inside.
struct PublicOnly;

#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is no public address")]
struct PrivateAddress {
    name: String,
    address: IpAddr,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            if let Some(private) = found.iter().find(|address| !is_public(address.ip())) {
                return Err(PrivateAddress { name, address: private.ip() }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the open internet's. The ranges are those of the IANA special-purpose registries.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public_v4(v4),
            None => {
                let first = v6.segments()[0];
                // Global unicast is 2000::/3; of it 2001::/23 (protocols, Teredo) and 2001:db8::/32 are not reachable.
                (first & 0xe000) == 0x2000
                    && !(first == 0x2001 && (v6.segments()[1] < 0x0200 || v6.segments()[1] == 0x0db8))
            }
        },
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

/// The address of version 4 inside: mapped, 6to4, NAT64.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => Some(pair(high, low)),
        [0x2002, high, low, ..] => Some(pair(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(granted: &[&str], url: &str) -> bool {
        let granted: Vec<String> = granted.iter().map(|&text| text.to_owned()).collect();
        Allowed::parse(&granted).unwrap().check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn only_granted_hosts_and_ports_are_asked() {
        let granted = ["api.example.org:443", "*.example.net:443", "127.0.0.1:8080", "[::1]:8080"];
        for url in [
            "https://api.example.org/x",
            "https://API.example.org",
            "https://a.example.net",
            "https://a.b.example.net",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            // Other ways to write the granted address.
            "http://2130706433:8080",
        ] {
            assert!(check(&granted, url), "{url} was refused");
        }
        for url in [
            "http://api.example.org",
            "https://api.example.org:444",
            "https://example.net",
            "https://evilexample.net",
            "https://api.example.org.evil.com",
            "https://api.example.org@evil.com",
            "http://localhost:8080",
            "http://[::ffff:127.0.0.1]:8080",
            "ftp://api.example.org:443",
            "file:///etc/passwd",
        ] {
            assert!(!check(&granted, url), "{url} was let through");
        }
    }

    #[tokio::test]
    async fn a_secret_goes_to_no_host_that_was_granted_by_a_wildcard() {
        let allowed = Allowed::parse(&["*.example.org:443".to_owned()]).unwrap();
        let header = Header { name: "authorization".to_owned(), value: "x".to_owned(), secret: true };
        let request = Request {
            method: "GET".to_owned(),
            url: "https://any.example.org".to_owned(),
            headers: vec![header],
            body: Vec::new(),
        };
        assert_eq!(send(&allowed, request, 1).await.unwrap_err().code, "fetch.secret_denied");
    }

    #[test]
    fn a_grant_that_cannot_be_read_is_refused() {
        for grant in ["example.org", "*:443", "exam*ple.org:443", "*.:443", ":443", "example.org:https"] {
            assert!(Allowed::parse(&[grant.to_owned()]).is_err(), "{grant}");
        }
    }

    #[test]
    fn addresses_that_lead_inside_are_not_public() {
        for address in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "::7f00:1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2002:101:101::"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}

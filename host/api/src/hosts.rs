//! Which names a request may use for this server, against DNS rebinding and cross-site requests.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};

use crate::problem::Problem;

/// The names by which this server may be addressed.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts {
    /// Lower case, each a host or `host:port`.
    names: Vec<String>,
    /// It listens on all addresses of the machine, so that any of them may be used.
    any_address: bool,
}

impl AllowedHosts {
    /// The names of a server that was told to listen on `listen`, does so on `bound`, and has these further names.
    pub(crate) fn new(listen: &str, bound: SocketAddr, further: &[String]) -> Self {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
        names.push(match bound.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        if let Ok(listen) = listen.parse::<Authority>() {
            names.push(listen.host().to_ascii_lowercase());
        }
        names.extend(further.iter().map(|name| name.to_ascii_lowercase()));
        Self { names, any_address: bound.ip().is_unspecified() }
    }

    /// The authority that a request names, if it is one of this server.
    ///
    /// A page from elsewhere can make its own name point here, and then the browser takes this server for the page's
    /// origin. An IP address as such cannot be made to point elsewhere.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
        let Some(authority) = authority_of(uri, headers) else {
            return Err(Problem::invalid("http.host_missing", "the request names no valid Host"));
        };
        if self.knows(&authority) {
            return Ok(authority);
        }
        let name = authority.host();
        Err(Problem::new(
            http::StatusCode::MISDIRECTED_REQUEST,
            "http.host_not_allowed",
            format!("this server does not answer to the name {name:?}"),
        )
        .with_hint(format!("add {name:?} to server.allowed_hosts if it is a name of this server")))
    }

    /// Whether a page of the request's `Origin` may change things with the cookie: only one that this server itself
    /// sent.
    pub(crate) fn check_origin(
        &self,
        authority: &Authority,
        headers: &HeaderMap,
        with_cookie: bool,
    ) -> Result<(), Problem> {
        let allowed = match (headers.get(header::ORIGIN), headers.get("sec-fetch-site")) {
            (Some(origin), _) => self.is_own_origin(authority, origin),
            (None, Some(site)) => site == "same-origin" || site == "none",
            (None, None) => !with_cookie,
        };
        if allowed {
            return Ok(());
        }
        Err(Problem::new(
            http::StatusCode::FORBIDDEN,
            "http.origin_not_allowed",
            "a change with the session cookie has to come from a page of this server: its Origin is missing or another",
        )
        .with_hint(
            "scripts use an API token in the header Authorization; behind a proxy that changes Host, add the public \
             name to server.allowed_hosts",
        ))
    }

    fn is_own_origin(&self, authority: &Authority, origin: &HeaderValue) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
        let (Some("http" | "https"), Some(origin)) = (origin.scheme_str(), origin.authority()) else { return false };
        // Another port of the same machine is another origin with the same cookies, so the port counts.
        origin.as_str().eq_ignore_ascii_case(authority.as_str())
            || self.names[3..].iter().any(|name| origin.as_str().eq_ignore_ascii_case(name))
    }

    fn knows(&self, authority: &Authority) -> bool {
        let host = authority.host().to_ascii_lowercase();
        let whole = authority.as_str().to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        self.any_address && address || self.names.iter().any(|name| *name == host || *name == whole)
    }
}

/// The host that a request names, if it names one.
pub(crate) fn authority_of(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => single(headers, &header::HOST).and_then(|host| host.to_str().ok()?.parse().ok()),
    }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(bound: &str) -> AllowedHosts {
        AllowedHosts::new("agents.local:3000", bound.parse().unwrap(), &["Agents.example.com".to_owned()])
    }

    fn host(name: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(name).unwrap())])
    }

    #[test]
    fn only_the_names_of_this_server_are_answered() {
        let hosts = hosts("127.0.0.1:3000");
        for name in ["localhost:3000", "127.0.0.1", "[::1]:3000", "agents.local", "agents.example.com", "LOCALHOST"] {
            assert!(hosts.check(&Uri::from_static("/"), &host(name)).is_ok(), "{name} was refused");
        }
        for name in ["evil.example", "localhost.evil.example", "10.0.0.1", "user@evil.example"] {
            assert!(hosts.check(&Uri::from_static("/"), &host(name)).is_err(), "{name} was let in");
        }
        assert!(hosts.check(&Uri::from_static("/"), &HeaderMap::new()).is_err(), "a request without Host was let in");
    }

    #[test]
    fn a_server_on_all_addresses_answers_to_any_address_but_not_to_any_name() {
        let hosts = hosts("0.0.0.0:3000");
        assert!(hosts.check(&Uri::from_static("/"), &host("10.0.0.1:3000")).is_ok());
        assert!(hosts.check(&Uri::from_static("/"), &host("evil.example:3000")).is_err());
    }

    #[test]
    fn a_change_with_the_cookie_has_to_come_from_a_page_of_this_server() {
        let hosts = hosts("127.0.0.1:3000");
        let authority: Authority = "localhost:3000".parse().unwrap();
        let check = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            hosts.check_origin(&authority, &headers, true).is_ok()
        };
        assert!(check("origin", "http://localhost:3000"));
        assert!(check("origin", "https://agents.example.com"));
        assert!(check("sec-fetch-site", "same-origin"));
        assert!(!check("origin", "http://localhost:5173"), "another port is another origin");
        assert!(!check("origin", "http://localhost"), "another port is another origin");
        assert!(!check("origin", "null"));
        assert!(!check("sec-fetch-site", "same-site"));
        assert!(!check("accept", "*/*"), "nothing says where it comes from");
    }
}

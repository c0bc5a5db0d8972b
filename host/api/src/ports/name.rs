//! The names of ports.

use std::net::SocketAddr;

use http::{HeaderMap, StatusCode, Uri, uri::Authority};
use sandboxed_model::{WorkspaceId, port::PortNumber};

use crate::{hosts::authority_of, problem::Problem};

/// Where ports are found by a server that listens on loopback and was told of no other host. Browsers take every name
/// below `localhost` for this machine.
const LOCAL: &str = "ports.localhost";

/// The host below which ports have their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortHosts {
    /// With the dot before it.
    suffix: String,
    /// The port by which browsers reach it. Absent: the one by which they reach the server.
    port: Option<u16>,
}

/// A port of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) workspace: WorkspaceId,
    pub(crate) port: PortNumber,
}

impl PortHosts {
    /// The names of a server that was told of this host and listens at this address.
    pub(crate) fn new(configured: Option<&str>, bound: SocketAddr) -> Option<Self> {
        let host = configured.or_else(|| bound.ip().is_loopback().then_some(LOCAL))?;
        let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, port.parse().ok()));
        Some(Self { suffix: format!(".{name}"), port })
    }

    /// The port that a request names. Nothing where it names another host than these.
    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<Result<Place, Problem>> {
        let host = authority_of(uri, headers)?.host().to_ascii_lowercase();
        let name = host.strip_suffix(&self.suffix)?;
        Some(place(name).ok_or_else(|| {
            let detail = format!("{name:?} names no port: names are PORT--WORKSPACE, with the workspace's id");
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "ports.name_invalid", detail)
        }))
    }

    /// The origin of a port for whoever reaches the server under this name.
    pub(crate) fn origin(&self, place: Place, server: &Authority, encrypted: bool) -> String {
        let scheme = if encrypted { "https" } else { "http" };
        let port = self.port.or(server.port_u16()).map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}--{}{}{port}", place.port, place.workspace, self.suffix)
    }
}

/// A workspace has one name, its id: a name of a person's choice may come to mean another workspace, and what a browser
/// remembers of the first would then be used on the second.
fn place(name: &str) -> Option<Place> {
    let (port, workspace) = name.split_once("--")?;
    let id: WorkspaceId = workspace.parse().ok()?;
    (id.to_string() == workspace).then_some(Place { workspace: id, port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn find(hosts: &PortHosts, host: &str) -> Option<bool> {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        hosts.find(&Uri::from_static("/"), &headers).map(|found| found.is_ok())
    }

    #[test]
    fn a_port_is_named_by_its_number_and_the_workspaces_id_and_by_nothing_else() {
        let hosts = PortHosts::new(None, "127.0.0.1:3000".parse().unwrap()).unwrap();
        let id = WorkspaceId::new();

        assert_eq!(find(&hosts, &format!("8080--{id}.ports.localhost:3000")), Some(true));
        assert_eq!(find(&hosts, &format!("8080--{}.PORTS.localhost", id.to_string().to_uppercase())), Some(true));
        for none in
            [format!("8080--{id}.localhost"), "ports.localhost".to_owned(), format!("8080--{id}.ports.localhost.x")]
        {
            assert_eq!(find(&hosts, &none), None, "{none}");
        }
        for wrong in ["x", "8080--main", &format!("0--{id}"), &format!("080--{id}"), &format!("1.8080--{id}"), "--"] {
            assert_eq!(find(&hosts, &format!("{wrong}.ports.localhost")), Some(false), "{wrong}");
        }
    }

    #[test]
    fn a_server_that_others_reach_names_no_ports_until_it_is_told_how() {
        let bound = "0.0.0.0:3000".parse().unwrap();
        assert_eq!(PortHosts::new(None, bound), None);

        let hosts = PortHosts::new(Some("ports.example.net"), bound).unwrap();

        let place = Place { workspace: WorkspaceId::new(), port: 80.try_into().unwrap() };
        let origin = |name: &'static str| hosts.origin(place, &Authority::from_static(name), true);
        assert_eq!(origin("agents.example.org"), format!("https://80--{}.ports.example.net", place.workspace));
        assert!(origin("agents.example.org:8443").ends_with(".ports.example.net:8443"));
    }
}

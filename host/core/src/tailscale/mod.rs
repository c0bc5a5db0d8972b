//! The way into a tailnet: `tailscaled` on the server's machine, which is asked how it stands at each connection.
//!
//! Where `tailscaled` uses no exit node, or does not know an address, its SOCKS5 server connects by the machine's own network.
//! So what it would do is looked at before it is asked to: nothing goes there but what it carries into the tailnet.

mod status;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use sandboxed_egress::{Asked, Reach, Route, Upstream};
use sandboxed_model::{Blame, Failure, config::TailscaleConfig, workspace::NetworkVia};
use tokio::net::TcpStream;

use self::status::{Status, ask};

/// How long `tailscaled` may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way of one workspace.
pub(crate) struct TailscaleWay {
    socks5: Option<SocketAddr>,
    socket: PathBuf,
    via: NetworkVia,
}

impl TailscaleWay {
    pub(crate) fn new(config: &TailscaleConfig, via: NetworkVia) -> Self {
        Self { socks5: config.socks5, socket: config.socket.clone(), via }
    }

    /// The way as it is now.
    async fn find(&self) -> Result<Route, Failure> {
        let socks5 = self.socks5.ok_or_else(|| {
            missing(
                "network.tailscale_unset",
                "this server leads into no tailnet: tailscale.socks5 is not set".to_owned(),
            )
            .with_hint(
                "start `tailscaled --tun=userspace-networking --socks5-server=127.0.0.1:1055`, and set \
                     tailscale.socks5 = \"127.0.0.1:1055\" in sandboxed.toml",
            )
        })?;
        let status = tokio::time::timeout(PATIENCE, ask(&self.socket)).await;
        let status = status.unwrap_or_else(|_| Err("it does not answer in time".to_owned())).map_err(|why| {
            let message = format!("tailscaled does not tell how it stands at {}: {why}", self.socket.display());
            missing("network.tailscale_missing", message)
                .with_hint("install Tailscale and start tailscaled, or set tailscale.socket to where it listens")
        })?;
        route(socks5, &status, self.via)
    }
}

impl Upstream for TailscaleWay {
    fn route(&self) -> Asked<'_> {
        Box::pin(async { self.find().await.map_err(|failure| failure.message) })
    }
}

/// Whether there is this way now.
///
/// # Errors
/// What is missing, with the remedy.
pub(crate) async fn check(config: &TailscaleConfig, via: NetworkVia) -> Result<(), Failure> {
    let Route { socks5, .. } = TailscaleWay::new(config, via).find().await?;
    let reached = tokio::time::timeout(PATIENCE, TcpStream::connect(socks5)).await;
    match reached {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(no_socks5(socks5, &error.to_string())),
        Err(_) => Err(no_socks5(socks5, "it does not answer in time")),
    }
}

fn no_socks5(socks5: SocketAddr, why: &str) -> Failure {
    missing("network.tailscale_socks5", format!("there is no SOCKS5 server of tailscaled at {socks5}: {why}"))
        .with_hint(format!("start tailscaled with --tun=userspace-networking --socks5-server={socks5}"))
}

fn missing(code: &str, message: String) -> Failure {
    Failure::new(Blame::Unavailable, code, message)
}

/// Where `tailscaled` leads to as it stands.
fn route(socks5: SocketAddr, status: &Status, via: NetworkVia) -> Result<Route, Failure> {
    if status.state != "Running" {
        let message = format!("tailscaled is not in a tailnet (its state is {:?})", status.state);
        return Err(missing("network.tailscale_signed_out", message).with_hint("`tailscale up` signs it in"));
    }
    let own: Vec<IpAddr> = status.own.iter().flat_map(|own| own.addresses.iter().copied()).collect();
    if own.is_empty() {
        return Err(missing("network.tailscale_signed_out", "tailscaled has no address in a tailnet".to_owned())
            .with_hint("`tailscale up` signs it in"));
    }
    let reach = match via {
        NetworkVia::ExitNode => match &status.exit {
            Some(exit) if exit.online => Reach::Public,
            Some(_) => {
                return Err(missing("network.exit_node_offline", "the exit node of tailscaled is offline".to_owned())
                    .with_hint("start it, or choose another with `tailscale set --exit-node=NAME`"));
            }
            None => {
                return Err(missing("network.exit_node_missing", "tailscaled uses no exit node".to_owned())
                    .with_hint("`tailscale exit-node list` shows them, `tailscale set --exit-node=NAME` takes one"));
            }
        },
        NetworkVia::Tailnet => {
            let mut members: HashMap<String, Vec<IpAddr>> = HashMap::new();
            for machine in status.peers.iter().chain(&status.own) {
                let name = machine.name.trim_end_matches('.').to_ascii_lowercase();
                let addresses = machine.addresses.iter().copied().filter(|address| is_of_a_tailnet(*address));
                members.entry(name).or_default().extend(addresses);
            }
            Reach::Members(members)
        }
    };
    Ok(Route { socks5, reach, own })
}

/// Whether an address is one that Tailscale gives to machines: 100.64.0.0/10 and fd7a:115c:a1e0::/48.
fn is_of_a_tailnet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [100, 64..=127, ..]),
        IpAddr::V6(address) => matches!(address.segments(), [0xfd7a, 0x115c, 0xa1e0, ..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, exit: &str) -> Status {
        let text = format!(
            r#"{{ "Version": "1.90.0", "BackendState": "{state}",
                "Self": {{ "DNSName": "here.tail1.ts.net.", "TailscaleIPs": ["100.64.0.1", "fd7a:115c:a1e0::1"] }},
                "Peer": {{ "nodekey:1": {{ "DNSName": "DB.tail1.ts.net.", "TailscaleIPs": ["100.64.0.2"] }},
                           "nodekey:2": {{ "DNSName": "odd.tail1.ts.net.", "TailscaleIPs": ["10.0.0.1", "100.128.0.1"] }} }}
                {exit} }}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn found(state: &str, exit: &str, via: NetworkVia) -> Result<Route, String> {
        route("127.0.0.1:1055".parse().unwrap(), &status(state, exit), via).map_err(|failure| failure.code)
    }

    #[test]
    fn a_tailnet_is_its_machines_by_their_addresses_in_it() {
        let route = found("Running", "", NetworkVia::Tailnet).unwrap();

        let Reach::Members(members) = route.reach else { panic!("{route:?}") };
        assert_eq!(members["db.tail1.ts.net"], ["100.64.0.2".parse::<IpAddr>().unwrap()]);
        assert!(members["odd.tail1.ts.net"].is_empty(), "addresses that are none of a tailnet's");
        assert_eq!(route.own.len(), 2);
    }

    #[test]
    fn without_an_exit_node_that_is_there_no_public_address_is_reached() {
        let code = |exit| found("Running", exit, NetworkVia::ExitNode).map(|route| route.reach);
        assert_eq!(code(""), Err("network.exit_node_missing".to_owned()));
        assert_eq!(code(r#", "ExitNodeStatus": null"#), Err("network.exit_node_missing".to_owned()));
        let offline = r#", "ExitNodeStatus": { "ID": "1", "Online": false }"#;
        assert_eq!(code(offline), Err("network.exit_node_offline".to_owned()));
        assert_eq!(code(r#", "ExitNodeStatus": { "ID": "1", "Online": true }"#), Ok(Reach::Public));
    }

    #[test]
    fn who_is_not_signed_in_leads_nowhere() {
        for state in ["NeedsLogin", "Stopped", "NoState", "Starting", "NeedsMachineAuth", ""] {
            for via in [NetworkVia::Tailnet, NetworkVia::ExitNode] {
                assert_eq!(found(state, "", via), Err("network.tailscale_signed_out".to_owned()), "{state}");
            }
        }
    }
}

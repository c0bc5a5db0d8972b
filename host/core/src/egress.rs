//! The server's side of workspaces' networks: connections that come out at the gate go through the proxy under their
//! workspace's policy, and every decision becomes an event of the mission that asked.

use std::{
    collections::HashMap,
    fmt,
    io::Cursor,
    net::SocketAddr,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sandboxed_egress::{Decision, Forbidden, Limits, Policy, Proxy, Rule, Verdict, VerdictSink};
use sandboxed_exec::Gate;
use sandboxed_model::{
    Blame, Failure, MissionId, WorkspaceId,
    event::{Connections, EventBody},
    workspace::{NetworkMode, NetworkPolicy},
};
use sandboxed_store::MissionChange;
use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Result,
    models::{Origin, Wish, wish},
    services::Services,
    tailscale::TailscaleWay,
};

/// Decisions that may wait to be told. A workspace that asks for more at once has some of them told only in a count.
const VERDICTS: usize = 1024;
/// How long decisions are gathered: equal ones become one event.
const GATHER: Duration = Duration::from_secs(1);
/// A proxy that nobody used for so long is forgotten. Its open connections go on.
const IDLE: Duration = Duration::from_secs(300);
/// How long no connection is taken after the system could give none.
const PAUSE: Duration = Duration::from_millis(100);

/// Who comes through the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Traveller {
    pub(crate) workspace: WorkspaceId,
    pub(crate) mission: Option<MissionId>,
}

impl fmt::Display for Traveller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mission {
            Some(mission) => write!(f, "{}/{mission}", self.workspace),
            None => self.workspace.fmt(f),
        }
    }
}

impl FromStr for Traveller {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (workspace, mission) = text.split_once('/').map_or((text, None), |(first, rest)| (first, Some(rest)));
        let mission = mission.map(str::parse).transpose().map_err(drop)?;
        Ok(Self { workspace: workspace.parse().map_err(drop)?, mission })
    }
}

/// The proxies of all who came lately.
#[derive(Default)]
pub(crate) struct Egress {
    proxies: Mutex<HashMap<Traveller, Door>>,
    forbidden: Mutex<Forbidden>,
    connections: TaskTracker,
    stop: CancellationToken,
}

struct Door {
    proxy: Proxy,
    used: Instant,
}

/// What a workspace's policy is to the proxy.
///
/// # Errors
/// When a host of the list cannot be understood, or there is a list where none is looked at.
pub(crate) fn policy(network: &NetworkPolicy) -> std::result::Result<Policy, Failure> {
    let invalid = |message: String| Failure::new(Blame::Config, "workspace.network_invalid", message);
    if network.mode != NetworkMode::Allow && !network.allow.is_empty() {
        return Err(invalid(format!("the network mode {} has no list of hosts", network.mode))
            .with_hint("leave the hosts away, or take the mode allow"));
    }
    if let Some(via) = network.via
        && !matches!(network.mode, NetworkMode::Allow | NetworkMode::Open)
    {
        let message = format!("the network mode {} goes by no other network, {} neither", network.mode, via.as_str());
        return Err(invalid(message).with_hint("leave `via` away, or take the mode allow or open"));
    }
    Ok(match network.mode {
        NetworkMode::None | NetworkMode::Shared => Policy::None,
        NetworkMode::Open => Policy::Open,
        NetworkMode::Allow => {
            let rules = network.allow.iter().map(|rule| {
                rule.parse::<Rule>().map_err(|error| {
                    invalid(format!("{rule:?}: {error}"))
                        .with_hint("write hosts as example.org:443 or *.example.org:443")
                })
            });
            Policy::Allow(rules.collect::<std::result::Result<_, _>>()?)
        }
    })
}

impl Egress {
    /// No workspace reaches this address, whatever its policy says.
    pub(crate) fn forbid(&self, address: SocketAddr) {
        let mut forbidden = self.forbidden.lock().unwrap_or_else(PoisonError::into_inner);
        *forbidden = std::mem::take(&mut *forbidden).socket(address);
    }

    /// Ends all connections and waits until their last decisions are told.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        // Whoever tells their decisions waits for the last of them.
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.connections.close();
        self.connections.wait().await;
    }

    fn door(&self, traveller: Traveller) -> Option<Proxy> {
        let mut proxies = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        proxies.retain(|_, door| door.used.elapsed() < IDLE);
        let door = proxies.get_mut(&traveller)?;
        door.used = Instant::now();
        Some(door.proxy.clone())
    }

    fn open(
        &self,
        traveller: Traveller,
        policy: Policy,
        upstream: Option<TailscaleWay>,
    ) -> (Proxy, mpsc::Receiver<Verdict>) {
        let (sink, verdicts) = VerdictSink::channel(VERDICTS);
        let forbidden = self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let limits = Limits::default();
        let proxy = match upstream {
            Some(upstream) => Proxy::through(policy, forbidden, limits, sink, upstream),
            None => Proxy::new(policy, forbidden, limits, sink),
        };
        let door = Door { proxy: proxy.clone(), used: Instant::now() };
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).insert(traveller, door);
        (proxy, verdicts)
    }
}

impl Services {
    /// Takes connections from the gate until the server stops.
    pub(crate) async fn serve_gate(self: Arc<Self>, gate: Gate) {
        let stop = self.egress.stop.clone();
        let services = Arc::downgrade(&self);
        drop(self);
        loop {
            let accepted = tokio::select! {
                accepted = gate.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let Some(services) = services.upgrade() else { return };
            match accepted {
                Ok((label, connection)) => services.let_out(label, connection),
                Err(error) => {
                    tracing::warn!(%error, "connections out of workspaces cannot be taken for now");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection out of a workspace, as a task of its own.
    fn let_out(self: &Arc<Self>, label: String, connection: TcpStream) {
        let services = Arc::clone(self);
        let stop = self.egress.stop.clone();
        self.egress.connections.spawn(async move {
            if let Some(Err(error)) = stop.run_until_cancelled(services.lead_out(&label, connection)).await {
                tracing::warn!(%error, label, "a connection out of a workspace was refused");
            }
        });
    }

    async fn lead_out(self: &Arc<Self>, label: &str, mut connection: TcpStream) -> Result<()> {
        let traveller: Traveller = label
            .parse()
            .map_err(|()| Failure::new(Blame::Host, "egress.label", "it does not say which workspace it comes from"))?;
        let (wish, early) = match wish(&mut connection).await {
            Ok(told) => told,
            Err(error) => {
                tracing::debug!(%error, label, "a connection out of a workspace said nothing");
                return Ok(());
            }
        };
        if wish == Wish::Gateway {
            self.models.serve(connection, early, Origin::Workspace(traveller)).await;
            return Ok(());
        }
        let proxy = match self.egress.door(traveller) {
            Some(proxy) => proxy,
            None => {
                let workspace = self.workspace(traveller.workspace).await?;
                let way = workspace.network.via.map(|via| TailscaleWay::new(&self.config.tailscale, via));
                let (proxy, verdicts) = self.egress.open(traveller, policy(&workspace.network)?, way);
                self.egress.connections.spawn(tell(Arc::downgrade(self), traveller, verdicts));
                proxy
            }
        };
        let (rest, writer) = connection.into_split();
        let whole = tokio::io::join(Cursor::new(early).chain(rest), writer);
        proxy.admit(whole, &self.egress.connections, &self.egress.stop);
        Ok(())
    }
}

/// Tells decisions until their proxy is gone.
async fn tell(services: Weak<Services>, traveller: Traveller, mut verdicts: mpsc::Receiver<Verdict>) {
    let mut batch = Vec::new();
    loop {
        if verdicts.recv_many(&mut batch, VERDICTS).await == 0 {
            return;
        }
        let until = Instant::now() + GATHER;
        while let Ok(1..) = tokio::time::timeout_at(until, verdicts.recv_many(&mut batch, VERDICTS)).await {}
        let Some(services) = services.upgrade() else { return };
        let told = gather(batch.drain(..));
        for connections in &told {
            let Connections { host, port, allowed, reason, count, bytes_up, bytes_down } = connections;
            tracing::info!(
                workspace = %traveller.workspace, host, port, allowed, reason, count, bytes_up, bytes_down, "egress"
            );
        }
        if let Some(mission) = traveller.mission {
            let events = told.into_iter().map(EventBody::Connections).collect();
            let change = MissionChange { events, ..MissionChange::default() };
            if let Err(error) = services.append(mission, change).await {
                tracing::debug!(%error, %mission, "decisions about a mission's connections are not in its events");
            }
        }
    }
}

/// Equal decisions as one, in the order of their first.
fn gather(verdicts: impl Iterator<Item = Verdict>) -> Vec<Connections> {
    let mut gathered: Vec<Connections> = Vec::new();
    let mut places = HashMap::new();
    for verdict in verdicts {
        let key = (verdict.host.clone(), verdict.port, verdict.reason);
        let place = *places.entry(key).or_insert_with(|| {
            gathered.push(Connections {
                host: verdict.host,
                port: verdict.port,
                allowed: verdict.decision == Decision::Allowed,
                reason: verdict.reason.code().to_owned(),
                count: 0,
                bytes_up: 0,
                bytes_down: 0,
            });
            gathered.len() - 1
        });
        let connections = &mut gathered[place];
        connections.count += 1;
        connections.bytes_up += verdict.bytes_up;
        connections.bytes_down += verdict.bytes_down;
    }
    gathered
}

#[cfg(test)]
mod tests {
    use sandboxed_egress::Reason;
    use sandboxed_model::{Timestamp, workspace::NetworkVia};

    use super::*;

    fn verdict(host: &str, reason: Reason) -> Verdict {
        Verdict {
            at: Timestamp::now(),
            host: host.to_owned(),
            port: 443,
            decision: reason.decision(),
            reason,
            addresses: Vec::new(),
            bytes_up: 1,
            bytes_down: 10,
        }
    }

    #[test]
    fn equal_decisions_are_told_as_one_with_their_bytes() {
        let verdicts =
            [("a", Reason::Rule), ("b", Reason::NotListed), ("a", Reason::Rule), ("a", Reason::ConnectFailed)];

        let told = gather(verdicts.map(|(host, reason)| verdict(host, reason)).into_iter());

        let summary: Vec<_> = told.iter().map(|told| (told.host.as_str(), told.allowed, told.count)).collect();
        assert_eq!(summary, [("a", true, 2), ("b", false, 1), ("a", true, 1)]);
        assert_eq!((told[0].bytes_up, told[0].bytes_down), (2, 20));
    }

    #[test]
    fn a_label_tells_the_workspace_and_the_mission() {
        let workspace = WorkspaceId::new();
        for mission in [None, Some(MissionId::new())] {
            let traveller = Traveller { workspace, mission };
            assert_eq!(traveller.to_string().parse(), Ok(traveller));
        }
        assert_eq!("x/y".parse::<Traveller>(), Err(()));
    }

    #[test]
    fn a_list_of_hosts_is_checked_before_a_workspace_is_made() {
        let network = |mode, allow: &[&str]| NetworkPolicy {
            mode,
            allow: allow.iter().map(|&a| a.to_owned()).collect(),
            via: None,
        };

        assert!(policy(&network(NetworkMode::Allow, &["example.org:443", "*.example.org:*"])).is_ok());
        for wrong in [network(NetworkMode::Allow, &["example.org"]), network(NetworkMode::Open, &["example.org:443"])] {
            assert_eq!(policy(&wrong).unwrap_err().code, "workspace.network_invalid");
        }
        for mode in [NetworkMode::None, NetworkMode::Shared] {
            let wrong = NetworkPolicy { via: Some(NetworkVia::Tailnet), ..network(mode, &[]) };
            assert_eq!(policy(&wrong).unwrap_err().code, "workspace.network_invalid");
        }
    }
}

//! From a target to an open connection, or the reason why there is none.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    address::{Special, ThisMachine, destination, special},
    forbidden::Forbidden,
    host::{Host, Target},
    policy::Policy,
    proxy::Shared,
    tally::Tally,
    upstream::{self, Reach, Route},
    verdict::Reason,
};

/// How many addresses of one name are looked at. No honest name needs more to be reached.
const ADDRESSES: usize = 16;

/// An open connection to a target.
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    pub(crate) tally: Tally,
}

/// Why there is no connection to a target.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) reason: Reason,
    /// What is wrong with its address, if something is.
    pub(crate) special: Option<Special>,
    /// Whether the policy is open, so that there is no list to add a rule to.
    pub(crate) open: bool,
    /// What the system said, if it was asked to connect.
    pub(crate) error: Option<io::ErrorKind>,
    /// Why no rule would open it, or the network that connections go by is not there.
    pub(crate) why: Option<String>,
}

impl Denied {
    fn new(reason: Reason, open: bool) -> Self {
        Self { reason, special: None, open, error: None, why: None }
    }
}

/// Decides about the target and connects to it. `full` says that there is no place for another connection.
pub(crate) async fn dial(shared: &Shared, target: &Target, full: bool) -> Result<Dialled, Denied> {
    let policy = shared.policy.load_full();
    let open = *policy == Policy::Open;
    // At every point where this may be given up, the tally holds what is true if it is.
    let mut tally = Tally::new(&shared.sink, target.host.plain(), target.port, Reason::NotListed);
    let reason = match policy.judge(target) {
        Ok(_) if full => {
            tally.reason = Reason::TooManyConnections;
            return Err(Denied::new(tally.reason, open));
        }
        Ok(reason) => reason,
        Err(reason) => {
            tally.reason = reason;
            return Err(Denied::new(reason, open));
        }
    };
    let route = match &shared.upstream {
        None => None,
        Some(upstream) => {
            tally.reason = Reason::UpstreamDown;
            let asked = timeout(shared.limits.connect_time, upstream.route()).await;
            match asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned())) {
                Ok(route) => Some(route),
                Err(why) => return Err(Denied { why: Some(why), ..Denied::new(tally.reason, open) }),
            }
        }
    };
    let members = match &route {
        Some(Route { reach: Reach::Members(members), .. }) => Some(members),
        _ => None,
    };
    let candidates = match members {
        Some(members) => {
            tally.reason = Reason::NotMember;
            of_members(members, &target.host)
        }
        None => {
            tally.reason = Reason::NameNotResolved;
            lookup(shared, &target.host).await.unwrap_or_default()
        }
    };
    if candidates.is_empty() {
        return Err(Denied::new(tally.reason, open));
    }
    let (passed, failed) = match &route {
        None => check(&shared.forbidden(), &policy, &ThisMachine::now(), &candidates, target.port),
        Some(route) => check_route(route, &shared.forbidden(), &candidates, target.port),
    };
    if passed.is_empty() {
        // One that could be allowed by a rule is the more helpful thing to tell than one that never can.
        let telling = failed.iter().find(|failure| failure.reason != Reason::OwnAddress).or(failed.first());
        if let Some(telling) = telling {
            tally.reason = telling.reason;
        }
        tally.addresses = candidates;
        let special = telling.and_then(|failure| failure.special);
        let why = route.as_ref().map(|_| "by an exit node public addresses are reached, and no others".to_owned());
        return Err(Denied { special, why, ..Denied::new(tally.reason, open) });
    }
    tally.reason = Reason::ConnectFailed;
    tally.addresses.clone_from(&passed);
    match connect(&passed, target.port, shared.limits.connect_time, route.as_ref()).await {
        Ok(Ok(stream)) => {
            tally.reason = reason;
            // What goes through is written in batches already; waiting for more only delays short questions.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
            Ok(Dialled { stream, tally })
        }
        Ok(Err(error)) => Err(Denied { error: Some(error.kind()), ..Denied::new(tally.reason, open) }),
        Err(error) => {
            tally.reason = Reason::UpstreamDown;
            Err(Denied { why: Some(error.to_string()), ..Denied::new(tally.reason, open) })
        }
    }
}

async fn lookup(shared: &Shared, host: &Host) -> io::Result<Vec<IpAddr>> {
    let name = match host {
        Host::Address(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let found = timeout(shared.limits.connect_time, shared.resolver.resolve(name.as_str())).await??;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.into_iter().map(|address| address.to_canonical()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.truncate(ADDRESSES);
    Ok(addresses)
}

#[derive(Debug, PartialEq, Eq)]
struct Failure {
    reason: Reason,
    special: Option<Special>,
}

/// Splits addresses into those that may be connected to and what is wrong with the others.
fn check(
    forbidden: &Forbidden,
    policy: &Policy,
    machine: &ThisMachine,
    candidates: &[IpAddr],
    port: u16,
) -> (Vec<IpAddr>, Vec<Failure>) {
    let mut passed = Vec::new();
    let mut failed = Vec::new();
    for &address in candidates {
        if forbidden.covers(address, port, machine) {
            failed.push(Failure { reason: Reason::OwnAddress, special: None });
        } else if policy.names(address, port) {
            passed.push(address);
        } else if let Some(special) =
            special(address).or_else(|| machine.has(destination(address)).then_some(Special::ThisMachine))
        {
            let reason = match special {
                Special::Metadata => Reason::MetadataAddress,
                _ => Reason::PrivateAddress,
            };
            failed.push(Failure { reason, special: Some(special) });
        } else {
            passed.push(address);
        }
    }
    (passed, failed)
}

/// The addresses of a member of another network.
fn of_members(members: &HashMap<String, Vec<IpAddr>>, host: &Host) -> Vec<IpAddr> {
    match host {
        Host::Name(name) => members.get(name.as_str()).cloned().unwrap_or_default(),
        Host::Address(address) => members.values().flatten().find(|it| *it == address).copied().into_iter().collect(),
    }
}

/// The same as [`check`] for what is connected to by another network, in which a rule opens no private address: whose it is
/// there, nobody here knows.
fn check_route(route: &Route, forbidden: &Forbidden, candidates: &[IpAddr], port: u16) -> (Vec<IpAddr>, Vec<Failure>) {
    let (own, others): (Vec<IpAddr>, Vec<IpAddr>) = candidates.iter().partition(|address| route.own.contains(address));
    let mut failed: Vec<Failure> = own.iter().map(|_| Failure { reason: Reason::OwnAddress, special: None }).collect();
    if let Reach::Members(_) = route.reach {
        return (others, failed);
    }
    let (passed, more) = check(forbidden, &Policy::Open, &ThisMachine::now(), &others, port);
    failed.extend(more);
    (passed, failed)
}

/// Tries the addresses one after the other. Each gets its share of the time that is left, so that a silent one does not
/// use up the time of those behind it. The outer failure is that of whoever leads there.
async fn connect(
    addresses: &[IpAddr],
    port: u16,
    limit: Duration,
    route: Option<&Route>,
) -> io::Result<io::Result<TcpStream>> {
    let deadline = Instant::now() + limit;
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for (index, address) in addresses.iter().enumerate() {
        let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / waiting;
        let address = SocketAddr::new(*address, port);
        let connected = timeout(share, async {
            match route {
                Some(route) => upstream::connect(route.socks5, address).await,
                None => Ok(TcpStream::connect(address).await),
            }
        });
        match connected.await {
            Ok(connected) => match connected? {
                Ok(stream) => return Ok(Ok(stream)),
                Err(error) => last = error,
            },
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Ok(Err(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &Policy, forbidden: &Forbidden, address: &str) -> Result<(), Reason> {
        let machine = ThisMachine::Known(vec!["20.0.0.1".parse().unwrap(), "2a00::1".parse().unwrap()]);
        let candidates = [address.parse::<IpAddr>().unwrap().to_canonical()];
        let (passed, failed) = check(forbidden, policy, &machine, &candidates, 80);
        failed.first().map_or_else(
            || {
                assert_eq!(passed, candidates);
                Ok(())
            },
            |failure| Err(failure.reason),
        )
    }

    #[test]
    fn an_open_policy_reaches_the_public_internet_only() {
        let verdict = |address| verdict(&Policy::Open, &Forbidden::default(), address);
        assert_eq!(verdict("1.1.1.1"), Ok(()));
        assert_eq!(verdict("2606:4700::1111"), Ok(()));
        assert_eq!(verdict("64:ff9b::1.1.1.1"), Ok(()));
        assert_eq!(verdict("10.0.0.5"), Err(Reason::PrivateAddress));
        assert_eq!(verdict("::ffff:10.0.0.5"), Err(Reason::PrivateAddress));
        assert_eq!(verdict("169.254.169.254"), Err(Reason::MetadataAddress));
        assert_eq!(verdict("168.63.129.16"), Err(Reason::MetadataAddress));
    }

    #[test]
    fn a_public_address_of_this_machine_is_not_the_public_internet() {
        let verdict = |address| verdict(&Policy::Open, &Forbidden::default(), address);
        assert_eq!(verdict("20.0.0.1"), Err(Reason::PrivateAddress));
        assert_eq!(verdict("64:ff9b::20.0.0.1"), Err(Reason::PrivateAddress));
        assert_eq!(verdict("2a00::1"), Err(Reason::PrivateAddress));
        assert_eq!(verdict("20.0.0.2"), Ok(()));
    }

    #[test]
    fn a_rule_opens_the_very_address_that_it_names_and_never_the_server() {
        let rules = ["10.0.0.5:80", "169.254.169.254:80", "20.0.0.1:*", "10.0.0.7:81"];
        let policy = Policy::Allow(rules.iter().map(|rule| rule.parse().unwrap()).collect());
        let forbidden = Forbidden::default();
        assert_eq!(verdict(&policy, &forbidden, "10.0.0.5"), Ok(()));
        assert_eq!(verdict(&policy, &forbidden, "169.254.169.254"), Ok(()));
        assert_eq!(verdict(&policy, &forbidden, "20.0.0.1"), Ok(()));
        assert_eq!(verdict(&policy, &forbidden, "10.0.0.6"), Err(Reason::PrivateAddress));
        assert_eq!(verdict(&policy, &forbidden, "10.0.0.7"), Err(Reason::PrivateAddress), "another port");
        let forbidden = Forbidden::default().port(80);
        assert_eq!(verdict(&policy, &forbidden, "20.0.0.1"), Err(Reason::OwnAddress));
        assert_eq!(verdict(&policy, &forbidden, "10.0.0.5"), Ok(()), "another machine");
    }

    #[test]
    fn of_a_names_addresses_only_those_that_pass_are_left() {
        let candidates: Vec<IpAddr> = ["10.0.0.5", "1.1.1.1", "127.0.0.1"].map(|text| text.parse().unwrap()).into();
        let machine = ThisMachine::Known(Vec::new());
        let (passed, failed) = check(&Forbidden::default(), &Policy::Open, &machine, &candidates, 80);
        assert_eq!(passed, [candidates[1]]);
        assert_eq!(failed.len(), 2);
    }
}

//! Connections into the network of a run. Everything here needs a machine's root.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use sandboxed_exec::{Doorway, Guard, Network, RunSpec, owners};
use tokio::io::AsyncReadExt;

use crate::lab::{Lab, lines, within};

/// Serves its greeting to whoever connects, one after the other.
const SERVE: &str = r#"exec perl -MSocket -MIO::Socket::IP -e '
    $l = IO::Socket::IP->new(Listen => 5, LocalHost => $ARGV[0], LocalPort => $ARGV[1]) or die $!;
    $| = 1; print "up\n"; while ($c = $l->accept) { print $c "from inside"; close $c }'"#;

fn own_network(lab: &Lab, script: &str) -> RunSpec {
    RunSpec { guard: Guard { network: Network::Own { entrance: None }, ..Guard::default() }, ..lab.script(script) }
}

async fn greeting(doorway: &Doorway, address: SocketAddr) -> std::io::Result<String> {
    let mut said = String::new();
    doorway.connect(address).await?.read_to_string(&mut said).await?;
    Ok(said)
}

#[tokio::test]
async fn a_service_in_a_network_of_its_own_is_reached_and_a_port_of_the_machine_is_not() {
    let lab = Lab::new();
    let machine = TcpListener::bind("127.0.0.1:0").unwrap();
    let run = lab.start(own_network(&lab, &format!("{SERVE} 127.0.0.1 8080"))).await;
    lines(&run, 1).await;
    let doorway = Doorway::new(run.process());

    // More than are made at once.
    for _ in 0..20 {
        let said = within(greeting(&doorway, (Ipv4Addr::LOCALHOST, 8080).into())).await.unwrap();
        assert_eq!(said, "from inside");
    }
    let refused = within(doorway.connect(machine.local_addr().unwrap())).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    run.kill().await.unwrap();
}

#[tokio::test]
async fn what_listens_in_a_network_is_found_with_its_address_and_its_program() {
    let lab = Lab::new();
    let run = lab.start(own_network(&lab, &format!("{SERVE} ::1 8081"))).await;
    lines(&run, 1).await;

    let found = within(Doorway::new(run.process()).listening()).await.unwrap();

    let [service] = found[..] else { panic!("{found:?}") };
    assert_eq!(service.address, "[::1]:8081".parse().unwrap());
    let owners = owners(run.process(), &HashSet::from([service.inode]));
    assert_eq!(owners[&service.inode], "perl");
    let said = within(greeting(&Doorway::new(run.process()), service.address)).await.unwrap();
    assert_eq!(said, "from inside");
    run.kill().await.unwrap();
}

#[tokio::test]
async fn the_network_of_a_process_that_is_gone_is_not_entered() {
    let lab = Lab::new();
    let run = lab.start(own_network(&lab, "echo up; read line")).await;
    lines(&run, 1).await;
    let doorway = Doorway::new(run.process());
    run.kill().await.unwrap();
    within(run.exit()).await;

    let error = within(doorway.connect((Ipv4Addr::LOCALHOST, 8080).into())).await.unwrap_err();

    assert_ne!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(within(doorway.listening()).await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

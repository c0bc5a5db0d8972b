//! Certificates are checked.

use rcgen::{CertificateParams, KeyPair};
use sandboxed_gateway::{Limits, Trouble, trust};
use sandboxed_scripted_models::{Certificate, Options, Scenario, Server};

use crate::{
    client::{message, post, records},
    desk::{Account, Door, MemoryDesk},
};

async fn server(name: &str) -> (Server, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let chain = certificate.pem();
    let certificate = Certificate { chain: chain.clone(), key: key.serialize_pem() };
    let scenario = Scenario::parse("").unwrap();
    let server =
        Server::start(Options { scenario, certificate: Some(certificate), ..Options::default() }).await.unwrap();
    (server, chain)
}

#[tokio::test]
async fn a_provider_whose_certificate_is_not_trusted_is_not_asked() {
    let (server, _) = server("127.0.0.1").await;
    let door = Door::to(&server).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (502, Some("gateway.unreachable")));
    assert_eq!(door.desk.troubles(), [("one".to_owned(), Trouble::Failing)]);
    assert!(records(&server).await.is_empty());
}

#[tokio::test]
async fn an_operators_own_root_is_trusted_for_its_name_alone() {
    let (server, root) = server("127.0.0.1").await;
    let desk = MemoryDesk::of([Account::at(&server)]);
    let door = Door::with(desk, Limits::default(), trust(&root).unwrap()).await;
    assert_eq!(post(door.address, "/v1/messages", &message("hi")).await.status, 200);
    let (other, root) = self::server("other.example").await;
    let door = Door::with(MemoryDesk::of([Account::at(&other)]), Limits::default(), trust(&root).unwrap()).await;
    assert_eq!(post(door.address, "/v1/messages", &message("hi")).await.status, 502);
}

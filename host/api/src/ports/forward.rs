//! Passing a request on to a service in a workspace and its answer back, both as they come and neither kept as a whole.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use http::StatusCode;
use hyper::{client::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use sandboxed_model::{Blame, Failure};
use tokio_util::sync::CancellationToken;

use super::{headers, name::Place, tls};
use crate::{problem::Problem, state::Server};

/// How long a service may take to begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Passes a request on.
pub(super) async fn forward(
    server: &Server,
    place: Place,
    peer: SocketAddr,
    mut request: Request,
) -> Result<Response, Problem> {
    let connection = server.orchestrator.connect_port(place.workspace, place.port).await?;
    let stream = tls::begin(connection).await.map_err(|error| no_answer(place, &error.to_string()))?;
    let upgrade = headers::upgrade(request.headers());
    let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    headers::to_service(&mut request, peer, upgrade.as_ref());
    let (mut sender, driver) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| no_answer(place, &error.to_string()))?;
    let stopping = server.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            driven = driver.with_upgrades() => {
                if let Err(error) = driven {
                    tracing::debug!(%error, "a connection to a port of a workspace failed");
                }
            }
            () = stopping.cancelled() => {}
        }
    });
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request)).await.map_err(|_| {
        let what = format!("port {} has not begun to answer within {} s", place.port, ANSWER_TIMEOUT.as_secs());
        Problem::from(sandboxed_core::Error::from(Failure::new(Blame::Deadline, "ports.timeout", what)))
    })?;
    let mut response = answer.map_err(|error| no_answer(place, &chain(&error)))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        headers::from_service(response.headers_mut(), None);
        return Ok(response.map(Body::new));
    }
    let (Some(client), Some(protocol)) = (client, headers::upgrade(response.headers())) else {
        return Err(no_answer(place, "it goes over to another protocol, which nobody asked for"));
    };
    let service = hyper::upgrade::on(&mut response);
    tokio::spawn(pass_on(client, service, server.stopping.clone()));
    headers::from_service(response.headers_mut(), Some(&protocol));
    Ok(response.map(|_| Body::empty()))
}

/// Passes bytes on in both directions until both have ended.
async fn pass_on(client: OnUpgrade, service: OnUpgrade, stopping: CancellationToken) {
    let passed = async {
        let (client, service) = tokio::try_join!(client, service).map_err(std::io::Error::other)?;
        let (mut client, mut service) = (TokioIo::new(client), TokioIo::new(service));
        tokio::io::copy_bidirectional(&mut client, &mut service).await
    };
    tokio::select! {
        passed = passed => {
            if let Err(error) = passed {
                tracing::debug!(%error, "a connection to a port of a workspace broke off");
            }
        }
        () = stopping.cancelled() => {}
    }
}

fn no_answer(place: Place, why: &str) -> Problem {
    let detail = format!("what listens on port {} gives no answer that is HTTP: {why}", place.port);
    Problem::new(StatusCode::BAD_GATEWAY, "ports.no_answer", detail).with_hint(
        "a service that speaks TLS is declared with the protocol https; one that does not speak HTTP is reached with \
         `sandboxed-sh forward`",
    )
}

/// An error with its causes: hyper's own text leaves out what the system said.
fn chain(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

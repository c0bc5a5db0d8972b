//! What listens in workspaces, as browsers and scripts see it: each port under a name of its own, `PORT--WORKSPACE` below
//! one host. The browser takes each for another site than the server, so that a page which an agent made can do nothing
//! with the login of whoever looks at it. See `docs/decisions/0005-ports.md`.

mod admit;
mod enter;
mod forward;
mod headers;
mod name;
mod page;
mod tls;
mod tunnel;

use std::net::SocketAddr;

use axum::{extract::Request, response::Response};
use http::{Method, StatusCode};

pub(crate) use self::{
    enter::{is_path, way_in},
    name::{Place, PortHosts},
    tunnel::Tunnel,
};
use crate::{problem::Problem, state::Server};

/// Answers a request that names a port of a workspace. Any other is given back.
pub(crate) async fn divert(server: &Server, peer: SocketAddr, request: Request) -> Result<Response, Request> {
    let Some(hosts) = &server.port_hosts else { return Err(request) };
    let Some(found) = hosts.find(request.uri(), request.headers()) else { return Err(request) };
    let wants_page = page::is_wanted(request.headers());
    let answer = async {
        let place = found?;
        if request.method() == Method::CONNECT {
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "http.method_not_allowed",
                "this is no open proxy",
            ));
        }
        let (parts, body) = request.into_parts();
        if parts.uri.path() == enter::PATH {
            return enter::enter(server, place, &parts).await;
        }
        admit::admit(server, place, &parts).await?;
        forward::forward(server, place, peer, Request::from_parts(parts, body)).await
    };
    let response = answer.await.unwrap_or_else(|problem| page::refusal(problem, wants_page));
    let class = ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(response.status().as_u16() / 100).clamp(1, 5) - 1];
    metrics::counter!("sandboxed_port_requests_total", "status" => class).increment(1);
    Ok(response)
}

//! One client: what it speaks, and what it asks for in HTTP.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::Instant,
};

use crate::{
    dial::{Denied, Dialled, dial},
    forward::forward,
    host::{BadTarget, Target},
    http::{self, Invalid, Request, own_answer},
    inbound::{Cut, Inbound},
    proxy::Shared,
    refusal::Refusal,
    relay::{part, tunnel},
    socks,
    tally::Tally,
    verdict::Reason,
};

/// Serves one client until it is done. `full` says that there is no place for it but to be told so.
pub(crate) async fn serve<S>(shared: &Shared, stream: S, full: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + shared.limits.header_time;
    let mut inbound = Inbound::new(stream, shared.limits.header_bytes, Some(deadline));
    match inbound.first().await {
        Ok(socks::VERSION) => socks::serve(shared, inbound, full).await,
        Ok(socks::VERSION_4) => part_from(inbound, &socks::REJECTED_4).await,
        Ok(first) if first.is_ascii_alphabetic() => serve_http(shared, inbound, full).await,
        Ok(_) => {
            let text = "The proxy speaks HTTP/1 and SOCKS5, both without TLS; set it as \"http://\" or \"socks5h://\".";
            part_from(inbound, &own_answer("400 Bad Request", text)).await;
        }
        Err(cut) => tracing::debug!(?cut, "a client said nothing"),
    }
}

async fn serve_http<S>(shared: &Shared, mut inbound: Inbound<S>, full: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = match inbound.head().await {
        Ok(head) => head,
        Err(Cut::TooLarge) => {
            let text = format!("The head of a request has at most {} bytes.", shared.limits.header_bytes);
            return part_from(inbound, &own_answer("431 Request Header Fields Too Large", &text)).await;
        }
        Err(Cut::TooSlow) => {
            let text = format!("The head of a request has {} s to come.", shared.limits.header_time.as_secs_f32());
            return part_from(inbound, &own_answer("408 Request Timeout", &text)).await;
        }
        Err(Cut::Gone) => return,
    };
    let request = match http::request(&head) {
        Ok(request) => request,
        Err(invalid) => {
            if let Invalid::Target(BadTarget { named: Some((host, port)), .. }) = &invalid {
                drop(Tally::new(&shared.sink, host.clone(), *port, Reason::InvalidHost));
            }
            return part_from(inbound, &invalid.own_answer()).await;
        }
    };
    let (Request::Tunnel(target) | Request::Forward(http::Forward { target, .. })) = &request;
    let Dialled { stream, tally } = match dial(shared, target, full).await {
        Ok(dialled) => dialled,
        Err(denied) => return part_from(inbound, &refusal(target, &denied)).await,
    };
    match &request {
        Request::Tunnel(_) => {
            const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
            if inbound.stream().write_all(ESTABLISHED).await.is_ok() {
                let (client, early) = inbound.into_parts();
                tunnel(client, early, stream, &tally, shared.limits.idle_time).await;
            }
        }
        Request::Forward(request) => {
            let (client, early) = inbound.into_parts();
            forward(client, early, stream, request, &tally, &shared.limits).await;
        }
    }
}

/// The answer to a request for a target that is not reached. Most clients show nothing of an answer to `CONNECT` but
/// its status line, so the code of the reason stands there too.
fn refusal(target: &Target, denied: &Denied) -> Vec<u8> {
    let status = match (denied.reason, denied.error) {
        (Reason::NameNotResolved, _) => "502 Bad Gateway",
        (Reason::TooManyConnections | Reason::UpstreamDown, _) => "503 Service Unavailable",
        (Reason::ConnectFailed, Some(io::ErrorKind::TimedOut)) => "504 Gateway Timeout",
        (Reason::ConnectFailed, _) => "502 Bad Gateway",
        _ => "403 Forbidden by the network policy",
    };
    let text = Refusal { target, denied }.to_string();
    own_answer(&format!("{status}: {}", denied.reason), &text)
}

/// Says the last words to a client that is not served.
pub(crate) async fn part_from<S>(inbound: Inbound<S>, words: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (stream, _) = inbound.into_parts();
    let (mut reader, mut writer) = tokio::io::split(stream);
    part(&mut reader, &mut writer, words).await;
}

//! What a connection out of a workspace wants: the way out of it, or the gateway. Both are behind the same port, because a
//! workspace has no other. A request for the gateway names a path, and one for the proxy the whole address of a host.

use std::{io, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest name of a method that is looked at, with the space behind it.
const METHOD: usize = 16;
/// How long a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a connection wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The models.
    Gateway,
    /// Anything else: the proxy tells it what is wrong, if anything is.
    Proxy,
}

/// Reads until it is clear what a connection wants. What was read is part of what follows.
///
/// # Errors
/// When it ends before, or says nothing for too long.
pub(crate) async fn wish(connection: &mut (impl AsyncRead + Unpin)) -> io::Result<(Wish, Vec<u8>)> {
    let mut early = Vec::with_capacity(METHOD + 1);
    let read = async {
        loop {
            if let Some(wish) = tell(&early) {
                return io::Result::Ok(wish);
            }
            let mut byte = [0; METHOD + 1];
            let room = METHOD + 1 - early.len();
            match connection.read(&mut byte[..room]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => early.extend_from_slice(&byte[..length]),
            }
        }
    };
    let wish = tokio::time::timeout(PATIENCE, read).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok((wish, early))
}

/// What the beginning of a connection tells; none while it is too short to tell.
fn tell(early: &[u8]) -> Option<Wish> {
    match early.iter().position(|byte| !byte.is_ascii_uppercase()) {
        Some(end) if end > 0 && early[end] == b' ' => match early.get(end + 1) {
            Some(b'/') => Some(Wish::Gateway),
            Some(_) => Some(Wish::Proxy),
            None if early.len() > METHOD => Some(Wish::Proxy),
            None => None,
        },
        Some(_) => Some(Wish::Proxy),
        None if early.len() > METHOD => Some(Wish::Proxy),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_path_is_for_the_gateway_and_all_else_for_the_proxy() {
        for (early, wish) in [
            ("", None),
            ("POS", None),
            ("POST", None),
            ("POST ", None),
            ("POST /", Some(Wish::Gateway)),
            ("GET /v1/models HTTP/1.1", Some(Wish::Gateway)),
            ("GET http://example.org/ HTTP/1.1", Some(Wish::Proxy)),
            ("CONNECT example.org:443 HTTP/1.1", Some(Wish::Proxy)),
            ("OPTIONS * HTTP/1.1", Some(Wish::Proxy)),
            ("\x05\x01\x00", Some(Wish::Proxy)),
            ("get /", Some(Wish::Proxy)),
            (" /", Some(Wish::Proxy)),
            ("ABCDEFGHIJKLMNOPQ", Some(Wish::Proxy)),
        ] {
            assert_eq!(tell(early.as_bytes()), wish, "{early:?}");
        }
    }

    #[tokio::test]
    async fn nothing_of_what_was_read_is_lost() {
        let mut whole: &[u8] = b"POST /v1/messages HTTP/1.1\r\n\r\n";

        let (wish, mut early) = wish(&mut whole).await.unwrap();
        early.extend_from_slice(whole);

        assert_eq!(wish, Wish::Gateway);
        assert_eq!(early, b"POST /v1/messages HTTP/1.1\r\n\r\n");
    }

    #[tokio::test]
    async fn a_connection_that_ends_before_it_says_what_it_wants_is_an_error() {
        assert_eq!(wish(&mut &b"POS"[..]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

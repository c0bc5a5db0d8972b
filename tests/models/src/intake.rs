//! Reads the body of a request.

use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::{asked::Refusal, digest, ledger::Received};

/// Bytes of a body at most, as it comes and once more without its compression.
pub(crate) const MOST: usize = 64 * 1024 * 1024;

/// The body of a request without its compression, and what the ledger keeps of it.
pub(crate) async fn read(body: Incoming, headers: &HeaderMap, keep: usize) -> (Received, Result<Vec<u8>, Refusal>) {
    let encoding = headers.get("content-encoding").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let collected = match Limited::new(body, MOST).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            let too_long = error.is::<http_body_util::LengthLimitError>();
            let status = if too_long { 413 } else { 400 };
            let refusal = Refusal { status, message: format!("the body cannot be read: {error}") };
            return (Received { encoding, ..Received::default() }, Err(refusal));
        }
    };
    let plain = plain(encoding.as_deref(), &collected);
    let mut received = received(&collected, encoding);
    if keep > 0
        && let Ok(plain) = &plain
    {
        received.body = Some(String::from_utf8_lossy(&plain[..plain.len().min(keep)]).into_owned());
    }
    (received, plain)
}

/// What the ledger says of bytes that came.
pub(crate) fn received(bytes: &[u8], encoding: Option<String>) -> Received {
    Received { bytes: bytes.len() as u64, sha256: digest::hex(bytes), encoding, body: None }
}

fn plain(encoding: Option<&str>, bytes: &Bytes) -> Result<Vec<u8>, Refusal> {
    let unpacked = match encoding {
        None | Some("identity") => return Ok(bytes.to_vec()),
        Some("gzip") => unpack(flate2::read::MultiGzDecoder::new(bytes.as_ref())),
        Some("deflate") => unpack(flate2::read::ZlibDecoder::new(bytes.as_ref())),
        Some("zstd") => zstd::stream::read::Decoder::new(bytes.as_ref()).and_then(unpack),
        Some(other) => {
            return Err(Refusal { status: 415, message: format!("the content encoding '{other}' is not supported") });
        }
    };
    match unpacked {
        Ok(plain) if plain.len() > MOST => Err(Refusal { status: 413, message: String::from("the body is too long") }),
        Ok(plain) => Ok(plain),
        Err(error) => Err(Refusal::bad(format!("the body cannot be decompressed: {error}"))),
    }
}

fn unpack(from: impl Read) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    from.take(MOST as u64 + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

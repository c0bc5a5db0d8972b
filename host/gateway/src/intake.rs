//! Takes in the body of a request, bounded in size and time.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::BodyExt;
use sandboxed_model::{Blame, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Limits, Reason, Refusal};

/// The unit in which memory for bodies is counted.
const PAGE: usize = 16 * 1024;

/// The window that a zstd body may ask for: 8 MiB, which all decoders have to support (RFC 9659).
pub(crate) const ZSTD_WINDOW_LOG: u32 = 23;

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Taken {
    /// As it came.
    pub(crate) raw: Bytes,
    /// Without its compression. The same as `raw` where there is none.
    pub(crate) plain: Bytes,
    /// Memory that it takes, given back when the request has ended.
    _room: Vec<OwnedSemaphorePermit>,
}

impl Taken {
    /// Whether it came compressed.
    pub(crate) fn is_packed(&self) -> bool {
        self.raw.as_ptr() != self.plain.as_ptr()
    }
}

/// The memory for all bodies.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(PAGE).min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let pages = u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(pages).map_err(|_| {
            let mut failure = Failure::new(Blame::Unavailable, "gateway.busy", "Too many requests are being read");
            failure.retry_after_ms = Some(1000);
            Refusal::new(Reason::Unavailable, failure)
        })
    }
}

/// Reads a body and takes its compression off.
///
/// # Errors
///
/// That it is too large, too slow, broken off, or compressed in a way that is not known.
pub(crate) async fn take<B>(body: B, headers: &HeaderMap, limits: &Limits, room: &Room) -> Result<Taken, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let coding = coding(headers)?;
    let (raw, mut permits) = read(body, limits.body, limits.header_time, room).await?;
    let plain = match coding {
        None => raw.clone(),
        Some(coding) => {
            let (packed, limit) = (raw.clone(), limits.body);
            let unpacked = tokio::task::spawn_blocking(move || unpack(coding, &packed, limit)).await;
            let plain = unpacked.map_err(|_| broken("the decoder failed"))??;
            permits.push(room.take(plain.len())?);
            plain
        }
    };
    Ok(Taken { raw, plain, _room: permits })
}

async fn read<B>(
    mut body: B,
    limit: usize,
    pause: Duration,
    room: &Room,
) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let too_large = || {
        let message = format!("The request is larger than {limit} bytes");
        Refusal::new(Reason::TooLarge, Failure::new(Blame::Denied, "gateway.body_too_large", message))
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut held = BytesMut::new();
    let (mut permits, mut granted) = (Vec::new(), 0);
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await.map_err(|_| {
            let failure = Failure::new(Blame::Deadline, "gateway.body_too_slow", "The request's body does not come");
            Refusal::new(Reason::TooSlow, failure)
        })?;
        let data = match frame {
            None => return Ok((held.freeze(), permits)),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => return Err(broken("it broke off")),
        };
        if held.len() + data.len() > limit {
            return Err(too_large());
        }
        if held.len() + data.len() > granted {
            // What a body of known length will need, or as much again.
            let known = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
            let wanted = data.len().saturating_add(known.max(held.len())).min(limit);
            permits.push(room.take(wanted)?);
            granted += wanted;
            held.reserve(wanted);
        }
        held.extend_from_slice(&data);
    }
}

#[derive(Debug, Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refusal> {
    let mut all = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        _ if all.next().is_some() => Err(unknown("several codings")),
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
        "deflate" => Ok(Some(Coding::Deflate)),
        "zstd" => Ok(Some(Coding::Zstd)),
        other => Err(unknown(&other.chars().take(32).collect::<String>())),
    }
}

/// Bytes without the compression that headers name, if it is known and they are not more than `limit`.
pub(crate) fn plain(headers: &HeaderMap, packed: &Bytes, limit: usize) -> Option<Bytes> {
    match coding(headers).ok()? {
        None => Some(packed.clone()),
        Some(coding) => unpack(coding, packed, limit).ok(),
    }
}

fn unknown(coding: &str) -> Refusal {
    let message = format!("The request is compressed in a way that is not supported: {coding}");
    let failure = Failure::new(Blame::Denied, "gateway.encoding_unknown", message)
        .with_hint("send it with gzip, deflate, zstd or none");
    Refusal::new(Reason::Encoding, failure)
}

fn broken(why: &str) -> Refusal {
    Refusal::invalid("gateway.body_broken", format!("The request's body cannot be read: {why}"))
}

fn unpack(coding: Coding, packed: &[u8], limit: usize) -> Result<Bytes, Refusal> {
    match coding {
        Coding::Gzip => bounded(flate2::read::MultiGzDecoder::new(packed), limit),
        Coding::Deflate => bounded(flate2::read::ZlibDecoder::new(packed), limit),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(packed).map_err(|_| broken("the decoder failed"))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| broken("the decoder failed"))?;
            bounded(decoder, limit)
        }
    }
}

fn bounded(from: impl Read, limit: usize) -> Result<Bytes, Refusal> {
    let mut plain = Vec::new();
    let read: io::Result<usize> = from.take(limit as u64 + 1).read_to_end(&mut plain);
    match read {
        Ok(size) if size > limit => {
            let message = format!("The request is larger than {limit} bytes without its compression");
            Err(Refusal::new(Reason::TooLarge, Failure::new(Blame::Denied, "gateway.body_too_large", message)))
        }
        Ok(_) => Ok(Bytes::from(plain)),
        Err(_) => Err(broken("the compression is broken")),
    }
}

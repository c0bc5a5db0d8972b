//! Takes the compression off a copy of an answer.

use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use super::{Scan, UsedUp};
use crate::intake::ZSTD_WINDOW_LOG;

/// How an answer is compressed.
pub(super) enum Codec {
    Plain(Scan),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Deflate(Box<ZlibDecoder<Sink>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Sink>>),
    /// It cannot be read, or could not from somewhere on.
    Opaque(Scan),
}

/// Takes what comes out of a decoder piece by piece, so that little that becomes much is never in memory as a whole.
pub(super) struct Sink {
    scan: Scan,
    used_up: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.used_up |= self.scan.look(bytes).is_some();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Codec {
    pub(super) fn new(headers: &HeaderMap, scan: Scan) -> Self {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let coding = codings.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let coding = if codings.next().is_some() { "several" } else { coding.trim() };
        let sink = |scan| Sink { scan, used_up: false };
        match coding.to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Plain(scan),
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(sink(scan)))),
            "deflate" => Self::Deflate(Box::new(ZlibDecoder::new(sink(scan)))),
            "zstd" => match zstd::stream::raw::Decoder::new() {
                Ok(raw) => {
                    let mut decoder = zstd::stream::write::Decoder::with_decoder(sink(scan), raw);
                    // Were the bound refused, larger windows would be refused by the decoder's own.
                    let _ = decoder.window_log_max(ZSTD_WINDOW_LOG);
                    Self::Zstd(Box::new(decoder))
                }
                Err(_) => Self::Opaque(scan),
            },
            _ => Self::Opaque(scan),
        }
    }

    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    pub(super) fn scan(&self) -> &Scan {
        match self {
            Self::Plain(scan) | Self::Opaque(scan) => scan,
            Self::Gzip(decoder) => &decoder.get_ref().scan,
            Self::Deflate(decoder) => &decoder.get_ref().scan,
            Self::Zstd(decoder) => &decoder.get_ref().scan,
        }
    }

    /// Looks at a chunk. Within compressed bytes there is no place for a cut, so that the whole chunk is not to be sent.
    pub(super) fn look(&mut self, chunk: &[u8]) -> Option<UsedUp> {
        let (read, sink) = match self {
            Self::Plain(scan) => return scan.look(chunk),
            Self::Opaque(_) => return None,
            Self::Gzip(decoder) => (decoder.write_all(chunk).and_then(|()| decoder.flush()), decoder.get_mut()),
            Self::Deflate(decoder) => (decoder.write_all(chunk).and_then(|()| decoder.flush()), decoder.get_mut()),
            Self::Zstd(decoder) => (decoder.write_all(chunk).and_then(|()| decoder.flush()), decoder.get_mut()),
        };
        if read.is_err() {
            sink.scan.facts.lost();
        }
        sink.used_up.then_some(UsedUp { keep: 0 })
    }

    pub(super) fn end(&mut self) {
        match self {
            Self::Plain(scan) => scan.end(),
            Self::Opaque(scan) => scan.facts.lost(),
            // What cannot be finished was cut; what came before it has been seen.
            Self::Gzip(decoder) => {
                let _ = decoder.try_finish();
                decoder.get_mut().scan.end();
            }
            Self::Deflate(decoder) => {
                let _ = decoder.try_finish();
                decoder.get_mut().scan.end();
            }
            Self::Zstd(decoder) => {
                let _ = decoder.flush();
                decoder.get_mut().scan.end();
            }
        }
    }
}

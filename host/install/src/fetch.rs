//! Fetching a file over HTTP, on from where an earlier try ended.

use std::{error::Error as _, path::Path, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_RANGE, RANGE},
    redirect::Policy,
};
use sandboxed_model::{Blame, Failure};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt, BufWriter},
};
use url::Url;

use crate::{failure, origins::Origins, report::Report};

/// Most bytes of one download.
const MOST_BYTES: u64 = 2 << 30;
const MOST_REDIRECTS: usize = 5;
/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 20;
/// A try that brought at least so many bytes is followed by as many others as the first.
const HEADWAY: u64 = 1 << 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a server that does not answer as it should is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Tries without headway.
    pub tries: u32,
    /// The pause after the first of them. Each further is twice as long as the one before, up to 10 s.
    pub pause: Duration,
    /// How long a connection may be silent.
    pub silence: Duration,
}

impl Default for Patience {
    /// 5 tries within a quarter of a minute, and 30 s of silence.
    fn default() -> Self {
        Self { tries: 5, pause: Duration::from_secs(1), silence: Duration::from_secs(30) }
    }
}

/// Fetches files.
#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    patience: Patience,
}

/// Why a try brought no whole file.
enum Broken {
    /// The next may do better.
    Passing(String),
    Final(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Final(failure)
    }
}

impl Fetcher {
    /// A fetcher that follows redirects only to where the origins permit.
    ///
    /// # Errors
    /// Where the machine has no roots of trust.
    pub(crate) fn new(origins: &Origins, patience: Patience) -> Result<Self, Failure> {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let origins = origins.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > MOST_REDIRECTS {
                attempt.error("it redirects too often")
            } else if origins.permit(attempt.url()) {
                attempt.follow()
            } else {
                attempt.error("it redirects to an address without TLS")
            }
        });
        let client = Client::builder()
            .redirect(redirects)
            .retry(reqwest::retry::never())
            .connect_timeout(patience.silence)
            .read_timeout(patience.silence)
            .build()
            .map_err(|error| Failure::new(Blame::Host, "install.failed", error.to_string()))?;
        Ok(Self { client, patience })
    }

    /// Fetches what is missing of a file behind what is there of it. What came stays when this fails or is dropped.
    ///
    /// # Errors
    /// `install.unreachable`, `install.not_found`, `install.no_room`, `install.archive` for more than 2 GiB.
    pub(crate) async fn fetch(&self, address: &Url, part: &Path, report: &Report) -> Result<(), Failure> {
        let (mut tries, mut pause) = (0, self.patience.pause);
        loop {
            let before = length(part).await;
            let why = match self.attempt(address, part, report).await {
                Ok(()) => return Ok(()),
                Err(Broken::Final(failure)) => return Err(failure),
                Err(Broken::Passing(why)) => why,
            };
            if length(part).await.saturating_sub(before) >= HEADWAY {
                (tries, pause) = (0, self.patience.pause);
            }
            tries += 1;
            if tries >= self.patience.tries {
                return Err(failure::unreachable(address.as_str(), why));
            }
            tracing::info!(%address, why, tries, "a download broke and is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, address: &Url, part: &Path, report: &Report) -> Result<(), Broken> {
        let present = length(part).await;
        let mut request = self.client.get(address.clone());
        if present > 0 {
            request = request.header(RANGE, format!("bytes={present}-"));
        }
        let response = request.send().await.map_err(|error| broken(address, error))?;
        let start = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if goes_on_from(&response, present) => present,
            // All of it is there, or more than there should be; its digest will tell.
            StatusCode::RANGE_NOT_SATISFIABLE if present > 0 => return Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(failure::not_found(address.as_str()).into()),
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                return Err(Broken::Passing(format!("the server answers {status}")));
            }
            status if status.is_server_error() => {
                return Err(Broken::Passing(format!("the server answers {status}")));
            }
            status => {
                return Err(failure::unreachable(address.as_str(), format!("the server answers {status}")).into());
            }
        };
        let total = response.content_length().map(|rest| start.saturating_add(rest));
        if total.is_some_and(|total| total > MOST_BYTES) {
            return Err(too_large(address).into());
        }
        let written = write(response, address, part, start, total, report).await?;
        match total {
            Some(total) if written < total => Err(Broken::Passing("the connection was cut".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Writes what comes; returns how long the file is then.
async fn write(
    mut response: Response,
    address: &Url,
    part: &Path,
    start: u64,
    total: Option<u64>,
    report: &Report,
) -> Result<u64, Broken> {
    let failed = |error| Broken::Final(failure::io(part, &error));
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(part).await.map_err(failed)?;
    file.set_len(start).await.map_err(failed)?;
    file.seek(std::io::SeekFrom::End(0)).await.map_err(failed)?;
    let mut file = BufWriter::with_capacity(BUFFER, file);
    let mut at = start;
    let ended = loop {
        report.bytes(at, total);
        match response.chunk().await {
            Ok(Some(chunk)) if at + chunk.len() as u64 > MOST_BYTES => break Err(too_large(address).into()),
            Ok(Some(chunk)) => {
                file.write_all(&chunk).await.map_err(failed)?;
                at += chunk.len() as u64;
            }
            Ok(None) => break Ok(at),
            Err(error) => break Err(broken(address, error)),
        }
    };
    // What came is of use whatever comes next.
    flush(file).await.map_err(failed)?;
    ended
}

async fn flush(mut file: BufWriter<File>) -> std::io::Result<()> {
    file.flush().await?;
    file.into_inner().sync_data().await
}

async fn length(part: &Path) -> u64 {
    tokio::fs::metadata(part).await.map_or(0, |metadata| metadata.len())
}

/// Whether an answer holds what comes after the first bytes, and not another part.
fn goes_on_from(response: &Response, start: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")).is_some_and(|range| range.starts_with(&format!("{start}-")))
}

fn too_large(address: &Url) -> Failure {
    failure::archive(address.as_str(), format!("it is larger than {} GiB", MOST_BYTES >> 30))
}

fn broken(address: &Url, error: reqwest::Error) -> Broken {
    let is_final = error.is_redirect() || error.is_builder();
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = error.source();
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    let why = cause.map_or_else(|| error.to_string(), ToString::to_string);
    match is_final {
        true => Broken::Final(failure::unreachable(address.as_str(), why)),
        false => Broken::Passing(if error.is_timeout() { "the server is silent".to_owned() } else { why }),
    }
}

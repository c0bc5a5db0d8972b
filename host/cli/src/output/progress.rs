//! How far a long transfer is, on a terminal.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::safe;

/// How often it is shown.
const INTERVAL: Duration = Duration::from_millis(200);

/// How far a transfer is: one line on standard error, if somebody looks at it. Gone when it is dropped.
#[derive(Clone)]
pub(crate) struct Progress(Option<Arc<Mutex<State>>>);

struct State {
    what: String,
    done: u64,
    total: Option<u64>,
    begun: Instant,
    /// Bytes that were there when it began.
    before: u64,
    shown: Option<Instant>,
}

impl Progress {
    /// A transfer of so many bytes, of which some were there before.
    pub(crate) fn new(what: &str, before: u64, total: Option<u64>) -> Self {
        let state =
            || State { what: safe(what).into_owned(), done: before, total, begun: Instant::now(), before, shown: None };
        Self(stderr().is_terminal().then(|| Arc::new(Mutex::new(state()))))
    }

    /// So many more bytes have gone.
    pub(crate) fn add(&self, bytes: u64) {
        let Some(state) = &self.0 else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += bytes;
        state.show();
    }

    /// It goes on from here.
    pub(crate) fn set(&self, done: u64) {
        let Some(state) = &self.0 else { return };
        state.lock().unwrap_or_else(PoisonError::into_inner).done = done;
    }

    /// A reader of whose bytes the progress is told.
    pub(crate) fn read<R>(&self, reader: R) -> Reading<R> {
        Reading { reader, progress: self.clone() }
    }
}

impl State {
    fn show(&mut self) {
        if self.shown.is_some_and(|shown| shown.elapsed() < INTERVAL) {
            return;
        }
        self.shown = Some(Instant::now());
        // Nothing depends on it.
        let _ = write!(stderr(), "\r\x1b[K{}", self.line(self.begun.elapsed()));
    }

    fn line(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = self.done.saturating_sub(self.before) as f64 / seconds;
        let of = match self.total {
            Some(total) if total > 0 => {
                format!(" of {} ({} %)", size(total), self.done.saturating_mul(100) / total)
            }
            _ => String::new(),
        };
        format!("{}  {}{of}  {}/s", self.what, size(self.done), size(rate as u64))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// A size as people read it.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{:.1} {unit}", bytes as f64 / (1_u64 << shift) as f64),
        None => format!("{bytes} B"),
    }
}

/// A reader of whose bytes the progress is told.
pub(crate) struct Reading<R> {
    reader: R,
    progress: Progress,
}

impl<R: AsyncRead + Unpin> AsyncRead for Reading<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.reader).poll_read(context, buffer);
        self.progress.add((buffer.filled().len() - before) as u64);
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_and_how_fast() {
        let (begun, shown) = (Instant::now(), None);
        let state = State { what: "a".to_owned(), done: 3 << 20, total: Some(4 << 20), begun, before: 1 << 20, shown };

        assert_eq!(state.line(Duration::from_secs(2)), "a  3.0 MiB of 4.0 MiB (75 %)  1.0 MiB/s");
    }

    #[test]
    fn a_size_has_the_unit_that_fits() {
        assert_eq!((size(1023), size(1536), size(5 << 30)), ("1023 B".into(), "1.5 KiB".into(), "5.0 GiB".into()));
    }
}

//! Room for what the server itself writes into a workspace.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sandboxed_model::workspace::Workspace;

use super::{Disk, disk_full, told};
use crate::{Error, Result, services::Services};

/// How old a measurement may be by which something is let in.
const FRESH: Duration = Duration::from_secs(5);

/// How much more may be written.
pub(crate) struct Room {
    disk: Arc<Disk>,
    limit: u64,
}

impl Services {
    /// The room that a workspace has.
    pub(crate) async fn room(&self, workspace: &Workspace) -> Result<Room> {
        let disk = self.disks.of(workspace.id);
        let Some(limit) = workspace.limits.disk else { return Ok(Room { disk, limit: u64::MAX }) };
        self.measure(workspace, FRESH).await?;
        // Nothing is refused for what is there no more.
        let doubted = disk.state().doubted;
        if doubted {
            self.remeasure(workspace).await?;
        }
        Ok(Room { disk, limit })
    }
}

impl Room {
    /// Bytes that there is room for.
    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.disk.used())
    }

    /// Refuses where there is no room at all.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_for(1)
    }

    /// Refuses where there is no room for so many bytes.
    pub(crate) fn check_for(&self, bytes: u64) -> Result<()> {
        if bytes <= self.left() { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Error {
        disk_full(format!("{}; there is no room for more", told(self.disk.used(), self.limit))).into()
    }

    /// Tells a refusal for what it is, if no more than `allowed` bytes were let in because there is no more room.
    pub(crate) fn explain(&self, error: Error, allowed: u64) -> Error {
        match &error {
            Error::File(failure)
                if allowed >= self.left() && matches!(&*failure.code, "path.too_large" | "path.too_many_entries") =>
            {
                self.refusal()
            }
            _ => error,
        }
    }

    /// Charges the workspace with every byte that is read, and fails where there is no room for it.
    pub(crate) fn meter<R: Read>(&self, content: R) -> Metered<R> {
        let charge = Charge {
            room: Room { disk: Arc::clone(&self.disk), limit: self.limit },
            bytes: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
            kept_after_failure: AtomicBool::new(false),
        };
        Metered { content, charge: Arc::new(charge) }
    }
}

/// A reader of bytes that a workspace is charged with.
pub(crate) struct Metered<R> {
    content: R,
    charge: Arc<Charge>,
}

/// What a workspace was charged with. Dropped before it is settled, it is given back.
pub(crate) struct Charge {
    room: Room,
    bytes: AtomicU64,
    exceeded: AtomicBool,
    kept_after_failure: AtomicBool,
}

impl<R> Metered<R> {
    /// What was read stays charged also if the work fails, because it is kept.
    pub(crate) fn kept_after_failure(self) -> Self {
        self.charge.kept_after_failure.store(true, Ordering::Relaxed);
        self
    }

    /// To be settled when the work has ended.
    pub(crate) fn charge(&self) -> Arc<Charge> {
        Arc::clone(&self.charge)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        if self.charge.add(read as u64) { Ok(read) } else { Err(io::ErrorKind::QuotaExceeded.into()) }
    }
}

impl Charge {
    fn add(&self, bytes: u64) -> bool {
        let mut state = self.room.disk.state();
        let measured = state.last.map_or(0, |last| last.usage.bytes);
        let used = measured.saturating_add(state.written).saturating_add(state.arriving);
        let fits = used.saturating_add(bytes) <= self.room.limit;
        if fits {
            state.arriving += bytes;
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        } else {
            self.exceeded.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// Ends the charge as the work has ended: kept, or given back.
    pub(crate) fn settle<T>(&self, result: Result<T>) -> Result<T> {
        let bytes = self.bytes.swap(0, Ordering::Relaxed);
        {
            let mut state = self.room.disk.state();
            state.arriving = state.arriving.saturating_sub(bytes);
            if result.is_ok() || self.kept_after_failure.load(Ordering::Relaxed) {
                state.written = state.written.saturating_add(bytes);
            }
        }
        match result {
            Err(_) if self.exceeded.load(Ordering::Relaxed) => Err(self.room.refusal()),
            result => result,
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        let mut state = self.room.disk.state();
        state.arriving = state.arriving.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(limit: u64) -> Room {
        Room { disk: Arc::default(), limit }
    }

    #[test]
    fn what_is_written_at_the_same_time_shares_the_room() {
        let room = room(10);
        let (mut first, mut second) = (room.meter(&b"123456"[..]), room.meter(&b"abcdef"[..]));
        assert_eq!(first.read(&mut [0; 6]).unwrap(), 6);

        assert_eq!(second.read(&mut [0; 6]).unwrap_err().kind(), io::ErrorKind::QuotaExceeded);

        let refused = second.charge().settle(Err::<(), _>(Error::Unauthenticated("any"))).unwrap_err();
        assert_eq!(refused.failure().code, "workspace.disk_full");
    }

    #[test]
    fn what_was_not_written_is_given_back() {
        let room = room(10);
        let mut metered = room.meter(&b"123456"[..]);
        metered.read_to_end(&mut Vec::new()).unwrap();
        let charge = metered.charge();
        assert_eq!(room.left(), 4);

        assert!(charge.settle(Err::<(), _>(Error::Unauthenticated("any"))).is_err());
        assert_eq!(room.left(), 10);

        let mut dropped = room.meter(&b"123456"[..]);
        dropped.read_to_end(&mut Vec::new()).unwrap();
        drop(dropped);
        assert_eq!(room.left(), 10);

        let mut kept = room.meter(&b"123456"[..]);
        kept.read_to_end(&mut Vec::new()).unwrap();
        kept.charge().settle(Ok(())).unwrap();
        assert_eq!(room.left(), 4);
    }
}

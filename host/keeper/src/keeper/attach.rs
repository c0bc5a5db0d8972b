//! One connection of the server to a run: tells what is in the journal from some place on, and then how the run ended.

use std::{
    ffi::OsString,
    io::{self, Write},
    mem::MaybeUninit,
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream},
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
    process::Signal,
};
use sandboxed_keeper::{BEAT_SECS, Frame, Kind, SILENCE_SECS};

use super::{
    journal::{self, Reader},
    place::Place,
    sweep,
    words::{Heard, Patient, say},
};

/// Bytes of the journal that are told at once.
const PIECE: usize = 64 << 10;
/// Looks, each as long as a beat, after which a run is not about to begin any more.
const SLOW_STARTS: u32 = 10;
/// How long the server may take to say that a run can be forgotten.
const PARTING: Duration = Duration::from_secs(10);

/// `attach MARK PLACE VARIABLE`
pub(crate) fn main(mut arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut next = || arguments.next().and_then(|text| text.into_string().ok()).ok_or(io::ErrorKind::InvalidInput);
    let (mark, from, variable) = (next()?, next()?, next()?);
    let from: u64 = from.parse().map_err(io::Error::other)?;
    let place = Place::of(&mark)?;
    let changes = watch(&place)?;
    let input = UnixStream::connect(place.input()).ok();
    if let Some(input) = &input {
        let input = input.try_clone()?;
        thread::spawn(move || relay_accepted(&input));
    }
    let (heard_place, mark) = (place.clone(), sweep::variable(&variable, &mark));
    thread::spawn(move || {
        obey(&heard_place, input.as_ref(), &mark);
        // Nobody is there any more to tell anything.
        std::process::exit(0);
    });
    tell(&place, from, &changes)?;
    // The server takes its leave, or is gone.
    thread::sleep(PARTING);
    Ok(())
}

/// Tells the journal to its end.
fn tell(place: &Place, from: u64, changes: &OwnedFd) -> io::Result<()> {
    let mut reader = Reader::new(place.path(), from);
    let mut piece = vec![0; PIECE];
    let mut stdout = io::stdout();
    let mut forsaken = 0;
    loop {
        // Looked at before the journal is read: what was printed until then is in it. And whoever lets go has left the end.
        let held = place.is_held();
        let end = place.end();
        loop {
            let length = reader.read(&mut piece)?;
            if length == 0 {
                break;
            }
            stdout.write_all(&piece[..length])?;
            stdout.flush()?;
        }
        match end {
            Some(end) => return say(Kind::End, &end),
            None if held => forsaken = 0,
            // It may be about to begin.
            None if forsaken < if place.was_held() { 1 } else { SLOW_STARTS } => forsaken += 1,
            None => return say(Kind::Gone, b""),
        }
        if !wait(changes)? {
            say(Kind::Beat, b"")?;
        }
    }
}

/// What happens in the run's directory.
fn watch(place: &Place) -> io::Result<OwnedFd> {
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let wanted = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&changes, place.path(), wanted)?;
    Ok(changes)
}

/// Waits until something happens. False: nothing did for long.
fn wait(changes: &OwnedFd) -> io::Result<bool> {
    let patience = Timespec { tv_sec: BEAT_SECS as i64, tv_nsec: 0 };
    let happened = poll(&mut [PollFd::new(changes, PollFlags::IN)], Some(&patience))? > 0;
    if happened {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(changes, &mut room);
        while events.next().is_ok() {}
    }
    Ok(happened)
}

/// Tells the server how much of its input has arrived.
fn relay_accepted(mut input: &UnixStream) {
    let mut heard = Heard::new(&mut input);
    while let Ok(Some(Frame { kind, bytes })) = heard.next() {
        if say(kind, &bytes).is_err() {
            return;
        }
    }
}

/// Does what the server says, until it says nothing any more.
fn obey(place: &Place, input: Option<&UnixStream>, mark: &[u8]) {
    let mut heard = Heard::new(Patient { patience: Duration::from_secs(SILENCE_SECS) });
    while let Ok(Some(frame)) = heard.next() {
        match frame.kind {
            Kind::Input | Kind::InputEnd | Kind::Resize => {
                if let Some(mut input) = input {
                    // A program that has ended takes none.
                    let _ = input.write_all(&Frame::encode(frame.kind, &frame.bytes));
                }
            }
            Kind::Safe => {
                if let Some(safe) = frame.number() {
                    journal::drop_before(place.path(), safe);
                }
            }
            Kind::Signal => {
                let number = frame.bytes.try_into().ok().map(i32::from_be_bytes);
                if let Some(signal) = number.and_then(Signal::from_named_raw) {
                    sweep::send(mark, signal);
                }
            }
            Kind::Forget => {
                if place.end().is_some() || !place.is_held() {
                    let _ = place.remove();
                }
                break;
            }
            _ => {}
        }
    }
    if let Some(input) = input {
        let _ = input.shutdown(Shutdown::Both);
    }
}

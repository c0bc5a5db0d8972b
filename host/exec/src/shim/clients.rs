//! The clients of the control socket. Each is served as far as it goes without waiting; none can hold up another, and
//! what all of them together may keep in memory is bounded.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::{UnixListener, UnixStream},
    },
};

use nix::poll::PollFlags;

use crate::{
    control::protocol::{PREFIX, REQUEST_HEAD_LIMIT, Reply, Request, decode, encode, lengths},
    peer::may_speak,
};

/// How many clients may be connected. One more takes the place of the one that was silent longest.
const CLIENT_LIMIT: usize = 64;
/// Bytes of requests that may be in memory.
const BUFFER_LIMIT: usize = 32 << 20;
/// Bytes that are read from a client before others have their turn.
const TURN: usize = 64 << 10;

/// All clients.
#[derive(Default)]
pub(super) struct Clients {
    clients: Vec<Client>,
    next_id: u64,
    turn: u64,
}

/// Names a client for as long as the shim lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientId(u64);

struct Client {
    id: ClientId,
    stream: UnixStream,
    received: Vec<u8>,
    unsent: Vec<u8>,
    /// It gets no further until everything is killed.
    awaits_kill: bool,
    /// It is to be dropped once its reply is out.
    leaving: bool,
    last_turn: u64,
}

impl Clients {
    /// Takes in who waits to be let in.
    pub(super) fn accept(&mut self, listener: &UnixListener) {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    // Out of descriptors: make one free, or try again when the next event comes.
                    self.drop_most_silent();
                    return;
                }
            };
            // The socket's permissions keep others out; this holds even if someone changed them.
            if !may_speak(&stream) || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.clients.len() >= CLIENT_LIMIT {
                self.drop_most_silent();
            }
            let id = ClientId(self.next_id);
            self.next_id += 1;
            self.turn += 1;
            self.clients.push(Client {
                id,
                stream,
                received: Vec::new(),
                unsent: Vec::new(),
                awaits_kill: false,
                leaving: false,
                last_turn: self.turn,
            });
        }
    }

    /// What to wait for.
    pub(super) fn interests(&self) -> impl Iterator<Item = (ClientId, BorrowedFd<'_>, PollFlags)> {
        self.clients.iter().map(|client| {
            let interest = if !client.unsent.is_empty() {
                PollFlags::POLLOUT
            } else if client.awaits_kill {
                PollFlags::empty()
            } else {
                PollFlags::POLLIN
            };
            (client.id, client.stream.as_fd(), interest)
        })
    }

    /// Serves a client for which an event came. Returns its next request, if it is complete.
    pub(super) fn serve(&mut self, id: ClientId, events: PollFlags) -> Option<(Request, Vec<u8>)> {
        self.turn += 1;
        let buffered: usize = self.clients.iter().map(|client| client.received.len()).sum();
        let index = self.clients.iter().position(|client| client.id == id)?;
        let client = &mut self.clients[index];
        client.last_turn = self.turn;
        let broken = events.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL);
        let hung_up = events.contains(PollFlags::POLLHUP) && !events.contains(PollFlags::POLLIN);
        let alive = !broken && !hung_up && client.send() && client.receive(buffered);
        let request = if alive { client.next_request() } else { None };
        if !alive || (client.leaving && client.unsent.is_empty() && request.is_none()) {
            self.clients.swap_remove(index);
        }
        request
    }

    /// Answers a client, if it is still there.
    pub(super) fn reply(&mut self, id: ClientId, reply: &Reply) {
        if let Some(index) = self.clients.iter().position(|client| client.id == id)
            && !self.clients[index].reply(reply)
        {
            self.clients.swap_remove(index);
        }
    }

    /// Has a client wait for the end of everything.
    pub(super) fn await_kill(&mut self, id: ClientId) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
            client.awaits_kill = true;
        }
    }

    /// Answers all who wait for the end of everything.
    pub(super) fn killed(&mut self) {
        for client in self.clients.iter_mut().filter(|client| client.awaits_kill) {
            client.awaits_kill = false;
            client.reply(&Reply::Done);
        }
    }

    fn drop_most_silent(&mut self) {
        let oldest = self.clients.iter().enumerate().filter(|(_, client)| !client.awaits_kill);
        if let Some((index, _)) = oldest.min_by_key(|(_, client)| client.last_turn) {
            self.clients.swap_remove(index);
        }
    }
}

impl Client {
    /// Sends what the client takes now. False: it is gone.
    fn send(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return false,
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Reads some of what the client has sent. Nothing is read while it has not taken its last reply, so a client that
    /// only asks and never reads is not served further. False: it is gone.
    fn receive(&mut self, buffered: usize) -> bool {
        if !self.unsent.is_empty() || self.awaits_kill || self.leaving {
            return true;
        }
        let mut turn = 0;
        while turn < TURN {
            let missing = self.wanted().map_or(0, |wanted| wanted.saturating_sub(self.received.len()).min(TURN));
            if missing == 0 {
                return true;
            }
            if buffered + turn + missing > BUFFER_LIMIT {
                return false;
            }
            let start = self.received.len();
            self.received.resize(start + missing, 0);
            let read = self.stream.read(&mut self.received[start..]);
            self.received.truncate(start + read.as_ref().map_or(0, |&read| read));
            match read {
                Ok(0) => return false,
                Ok(read) => turn += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Bytes of the request that is being received, as far as they are known; none if it is too long.
    fn wanted(&self) -> Option<usize> {
        let Some(prefix) = self.received.first_chunk::<PREFIX>() else { return Some(PREFIX) };
        lengths(*prefix, REQUEST_HEAD_LIMIT).map(|(head, body)| PREFIX + head + body)
    }

    fn next_request(&mut self) -> Option<(Request, Vec<u8>)> {
        if !self.unsent.is_empty() || self.awaits_kill || self.leaving {
            return None;
        }
        let prefix = self.received.first_chunk::<PREFIX>()?;
        let Some((head, body)) = lengths(*prefix, REQUEST_HEAD_LIMIT) else {
            self.refuse("the request is too long");
            return None;
        };
        if self.received.len() < PREFIX + head + body {
            return None;
        }
        let request = decode(&self.received[PREFIX..PREFIX + head]);
        let body = self.received.split_off(PREFIX + head);
        self.received = Vec::new();
        match request {
            Ok(request) => Some((request, body)),
            Err(error) => {
                self.refuse(&error.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, reason: &str) {
        self.leaving = true;
        self.reply(&Reply::Refused { reason: reason.to_owned() });
    }

    fn reply(&mut self, reply: &Reply) -> bool {
        match encode(reply, &[]) {
            Ok(message) => self.unsent.extend(message),
            Err(_) => return false,
        }
        self.send()
    }
}

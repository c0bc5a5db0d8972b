//! Both streams of a run as one sequence of pieces.

use sandboxed_exec::{Chunk, SpoolReader};
use sandboxed_model::{Failure, command::OutputStream};
use tokio::{sync::mpsc, task::JoinSet};

/// Bytes that are read at once. A piece of this size goes to the driver without waiting for more.
pub(crate) const PIECE: usize = 64 << 10;

/// Something that happened on a stream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes that follow those of the piece before on the stream.
    Bytes {
        /// Where.
        stream: OutputStream,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bytes that are gone.
    Gap {
        /// Where.
        stream: OutputStream,
        /// Place of the first missing byte.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// The run has ended and all of one stream was read.
    End,
    /// One stream cannot be read any further.
    Failed(Failure),
}

/// Reads both streams from where the readers stand. What waits in between is bounded; a reader that is ahead waits.
pub(crate) struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    _readers: JoinSet<()>,
}

impl Pieces {
    pub(crate) fn read(readers: [(OutputStream, SpoolReader); 2]) -> Self {
        let (sender, receiver) = mpsc::channel(2);
        let mut tasks = JoinSet::new();
        for (stream, reader) in readers {
            tasks.spawn(read(stream, reader, sender.clone()));
        }
        Self { receiver, _readers: tasks }
    }

    /// The next piece; none after the end of both streams.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        self.receiver.recv().await
    }
}

async fn read(stream: OutputStream, mut reader: SpoolReader, sender: mpsc::Sender<Piece>) {
    loop {
        let piece = match reader.next(PIECE).await {
            Ok(Chunk::Bytes { bytes, .. }) => Piece::Bytes { stream, bytes },
            Ok(Chunk::Gap { offset, length }) => Piece::Gap { stream, offset, length },
            Ok(Chunk::End) => Piece::End,
            Err(error) => Piece::Failed(error.failure()),
        };
        let last = matches!(piece, Piece::End | Piece::Failed(_));
        if sender.send(piece).await.is_err() || last {
            return;
        }
    }
}

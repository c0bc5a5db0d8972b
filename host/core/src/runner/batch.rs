//! Output that goes to a driver in one go.

use sandboxed_model::{
    Failure,
    command::OutputStream,
    harness::{Gap, Input},
};

use super::{framing::Framer, spool::Piece};

/// Output that goes to the driver in one go.
#[derive(Default)]
pub(super) struct Batch {
    inputs: Vec<Input>,
    pub(super) bytes: usize,
    /// How many streams came to their end.
    pub(super) ended: u32,
    pub(super) failures: Vec<Failure>,
}

impl Batch {
    pub(super) fn add(&mut self, piece: Piece, framers: &mut [Framer; 2]) {
        match piece {
            Piece::Bytes { stream, bytes } => {
                self.bytes += bytes.len();
                let frames = framers[index(stream)].push(bytes);
                match self.inputs.last_mut() {
                    Some(Input::Frames(batch)) => batch.extend(frames),
                    _ => self.inputs.push(Input::Frames(frames)),
                }
            }
            Piece::Gap { stream, offset, length } => {
                let framer = &mut framers[index(stream)];
                if let Some(rest) = framer.flush() {
                    self.inputs.push(Input::Frames(vec![rest]));
                }
                framer.skip_to(offset + length);
                self.inputs.push(Input::Gap(Gap { stream, offset, length }));
            }
            Piece::End => self.ended += 1,
            Piece::Failed(failure) => {
                self.ended += 1;
                self.failures.push(failure);
            }
        }
    }

    /// Whether the batch may go on to grow.
    pub(super) fn holds_no_turning_point(&self) -> bool {
        self.ended == 0 && !self.inputs.iter().any(|input| matches!(input, Input::Gap(_)))
    }

    pub(super) fn inputs(&mut self) -> impl Iterator<Item = Input> + use<> {
        std::mem::take(&mut self.inputs).into_iter().filter(|input| match input {
            Input::Frames(frames) => !frames.is_empty(),
            _ => true,
        })
    }
}

const fn index(stream: OutputStream) -> usize {
    match stream {
        OutputStream::Stdout => 0,
        OutputStream::Stderr => 1,
    }
}

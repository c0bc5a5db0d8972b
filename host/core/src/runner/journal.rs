//! What a driver is told, kept so that it can be told again. Output is kept by its place: the spool has the bytes.

use sandboxed_model::{
    Timestamp,
    command::{Exit, OutputStream},
    harness::{Gap, Input, Start},
};
use serde::{Deserialize, Serialize};

/// What the session of a run begins with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Beginning {
    pub(crate) start: Start,
    /// What the session of the turn before saved, in base64.
    pub(crate) saved: Option<String>,
}

/// One step.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// What was told in it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Prompt,
    Steer { id: String, text: String },
    Decision { id: String, approved: bool, reason: Option<String> },
    Answer { id: String, answers: Option<Vec<Vec<String>>> },
    Output(Vec<Printed>),
    Gap { stream: OutputStream, offset: u64, length: u64 },
    Interrupt,
    Timer(u32),
    Exited(Exit),
}

/// Bytes of a stream, from one place to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Printed {
    pub(crate) stream: OutputStream,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Told {
    pub(crate) fn of(at: Timestamp, input: &Input) -> Self {
        let what = match input.clone() {
            Input::Prompt => What::Prompt,
            Input::Steer { id, text } => What::Steer { id, text },
            Input::Decision { id, approved, reason } => What::Decision { id, approved, reason },
            Input::Answer { id, answers } => What::Answer { id, answers },
            Input::Frames(frames) => {
                let mut printed: Vec<Printed> = Vec::new();
                for frame in frames {
                    let to = frame.offset + frame.bytes.len() as u64;
                    match printed.last_mut() {
                        Some(last) if last.stream == frame.stream && last.to == frame.offset => last.to = to,
                        _ => printed.push(Printed { stream: frame.stream, from: frame.offset, to }),
                    }
                }
                What::Output(printed)
            }
            Input::Gap(Gap { stream, offset, length }) => What::Gap { stream, offset, length },
            Input::Interrupt => What::Interrupt,
            Input::Timer(id) => What::Timer(id),
            Input::Exited(exit) => What::Exited(exit),
        };
        Self { at, what }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts")
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::harness::Frame;

    use super::*;

    #[test]
    fn output_is_kept_by_its_places_and_neighbours_as_one() {
        let frame = |stream, offset, text: &str| Frame { stream, offset, bytes: text.into(), partial: false };
        let (out, err) = (OutputStream::Stdout, OutputStream::Stderr);
        let frames = vec![frame(out, 5, "a\n"), frame(out, 7, "bc\n"), frame(err, 0, "x\n"), frame(out, 10, "d\n")];

        let told = Told::of(Timestamp::from_millis(7), &Input::Frames(frames));

        let printed = |stream, from, to| Printed { stream, from, to };
        assert_eq!(told.what, What::Output(vec![printed(out, 5, 10), printed(err, 0, 2), printed(out, 10, 12)]));
        assert_eq!(serde_json::from_slice::<Told>(&told.write()).unwrap(), told);
    }
}

//! A harness that does the worst that its prompt says.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{SystemTime, UNIX_EPOCH},
};

use sandboxed_sdk::{Driver, Session, export_harness, failure, harness::*};

export_harness!(Hostile);

struct Hostile;

/// Counts its steps.
struct Steps {
    prompt: String,
    count: u32,
}

impl Driver for Hostile {
    type Session = Steps;

    fn describe() -> About {
        About {
            summary: "Does the worst that its prompt says.".to_owned(),
            abilities: Abilities::empty(),
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: "{}".to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        Err(failure!(Config, "hostile.no_launch", format!("turn {} is never started", start.turn)))
    }
}

impl Session for Steps {
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        let count = saved.and_then(|bytes| bytes.first().copied()).unwrap_or(0).into();
        Ok(Self { prompt: start.prompt, count })
    }

    fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
        self.count += 1;
        if input != Input::Prompt {
            return Ok(said(self.count.to_string()));
        }
        match self.prompt.as_str() {
            "loop" => loop {
                std::hint::black_box(());
            },
            "panic" => panic!("step {} went wrong", self.count),
            "100 MB of events" => Ok(StepResult::events((0..100).map(|_| text("x".repeat(1 << 20))).collect())),
            "fail" => Err(failure!(Unavailable, "hostile.failed", "as was wanted")),
            "clock" => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Ok(said(now.as_millis().to_string()))
            }
            "random" => Ok(said(RandomState::new().hash_one(1).to_string())),
            "save 1 MB" => {
                self.count = u32::MAX;
                Ok(StepResult::nothing())
            }
            _ => Ok(said(self.count.to_string())),
        }
    }

    fn save(&self) -> Vec<u8> {
        if self.count == u32::MAX { vec![0; 1_000_000] } else { vec![self.count.to_le_bytes()[0]] }
    }
}

fn said(text_: String) -> StepResult {
    StepResult::events(vec![text(text_)])
}

fn text(text: String) -> Event {
    Event::Message(Text { id: "m".to_owned(), role: MessageRole::Agent, parent: None, text })
}

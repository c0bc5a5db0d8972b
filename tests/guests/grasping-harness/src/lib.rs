//! A harness that imports what no harness may have.

use sandboxed_sdk::{Driver, Session, export_harness, harness::*, tools};

export_harness!(Grasping);

struct Grasping;
struct Nothing;

impl Driver for Grasping {
    type Session = Nothing;

    fn describe() -> About {
        let remembered = tools::host::kv::get("key").ok().flatten().unwrap_or_default();
        About {
            summary: String::from_utf8_lossy(&remembered).into_owned(),
            abilities: Abilities::empty(),
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: "{}".to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        unreachable!("turn {} is never planned", start.turn)
    }
}

impl Session for Nothing {
    fn open(_start: Start, _saved: Option<Vec<u8>>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn step(&mut self, _now_ms: u64, _input: Input) -> Result<StepResult, Failure> {
        Ok(StepResult::nothing())
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
}

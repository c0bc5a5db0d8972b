//! The values that are kept out of what is told.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use sandboxed_vault::{Known, Redaction};
use secrecy::{ExposeSecret as _, SecretSlice};

/// Former values of one secret that are still looked for: processes that were given them may print them.
const FORMER: usize = 16;

/// Values by the names of their secrets, each with those that it had since the server was started.
pub(super) struct Live {
    redaction: Redaction,
    values: Mutex<BTreeMap<String, Vec<SecretSlice<u8>>>>,
}

impl Live {
    pub(super) fn new(redaction: Redaction) -> Self {
        Self { redaction, values: Mutex::default() }
    }

    pub(super) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// From now on these are looked for too. Knowing them already costs a comparison.
    pub(super) fn learn(&self, known: Vec<(String, SecretSlice<u8>)>) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = false;
        for (name, value) in known {
            let of_name = values.entry(name).or_default();
            if of_name.iter().any(|known| known.expose_secret() == value.expose_secret()) {
                continue;
            }
            if of_name.len() > FORMER {
                of_name.remove(0);
            }
            of_name.push(value);
            news = true;
        }
        if news {
            let all = values.iter().flat_map(|(name, values)| {
                values.iter().map(|value| Known { name: name.clone(), value: value.clone() })
            });
            self.redaction.set(&all.collect::<Vec<_>>());
        }
    }
}

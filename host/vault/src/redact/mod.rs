//! Values of secrets, taken out of what is told.

mod encode;
mod pieces;
mod stream;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use arc_swap::ArcSwapOption;
use secrecy::{ExposeSecret as _, SecretSlice};

pub use stream::{ByteMask, TextRedactor};

/// The shortest value, in bytes, that is looked for. A shorter one is in too much by accident.
pub const MIN_REDACTED: usize = 6;

/// A value that is looked for, and what is shown in its place: `[secret NAME]`.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name of the secret.
    pub name: String,
    /// Its value.
    pub value: SecretSlice<u8>,
}

/// Finds values in texts, in every way of writing that it knows.
pub struct Redactor {
    automaton: AhoCorasick,
    /// What is shown in place of each pattern.
    shown: Vec<Arc<str>>,
    /// The patterns in order, for what a text may begin with at its end.
    patterns: Vec<Box<[u8]>>,
    /// Bytes with which a pattern begins.
    first: [bool; 256],
    longest: usize,
}

impl Redactor {
    /// One that finds these values; none where there is nothing to find.
    pub fn new(known: &[Known]) -> Option<Self> {
        let mut patterns: BTreeMap<Box<[u8]>, Arc<str>> = BTreeMap::new();
        for Known { name, value } in known {
            let value = value.expose_secret();
            if value.len() < MIN_REDACTED {
                continue;
            }
            let shown: Arc<str> = format!("[secret {name}]").into();
            for pattern in pieces::patterns(value) {
                patterns.entry(pattern.into()).or_insert_with(|| Arc::clone(&shown));
            }
        }
        if patterns.is_empty() {
            return None;
        }
        let (patterns, shown): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok()?;
        let mut first = [false; 256];
        for pattern in &patterns {
            first[usize::from(pattern[0])] = true;
        }
        let longest = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0);
        Some(Self { automaton, shown, patterns, first, longest })
    }

    /// The most bytes that a value takes in any way of writing.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The first value at or after `from`: where it is, and what is shown in its place.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize, &str)> {
        let found = self.automaton.find(Input::new(text).range(from..))?;
        Some((found.start(), found.end(), &self.shown[found.pattern().as_usize()]))
    }

    /// Where the longest end of `text` begins that more text could make a value of; the text's end where there is none.
    /// Nothing before `from` is looked at.
    fn open_end(&self, text: &[u8], from: usize) -> usize {
        let start = from.max((text.len() + 1).saturating_sub(self.longest));
        let mut places = (start..text.len()).filter(|&at| self.first[usize::from(text[at])]);
        places.find(|&at| self.begins(&text[at..])).unwrap_or(text.len())
    }

    /// Whether a pattern begins with this and goes on.
    fn begins(&self, text: &[u8]) -> bool {
        let at = self.patterns.partition_point(|pattern| pattern.as_ref() <= text);
        self.patterns.get(at).is_some_and(|pattern| pattern.starts_with(text))
    }

    /// The text without values.
    pub fn bytes<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(mut found) = self.find(text, 0) else { return Cow::Borrowed(text) };
        let mut clean = Vec::with_capacity(text.len());
        let mut done = 0;
        loop {
            let (start, end, shown) = found;
            clean.extend_from_slice(&text[done..start]);
            clean.extend_from_slice(shown.as_bytes());
            done = end;
            match self.find(text, done) {
                Some(next) => found = next,
                None => break,
            }
        }
        clean.extend_from_slice(&text[done..]);
        Cow::Owned(clean)
    }

    /// The text without values.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) => Cow::Owned(into_text(clean)),
        }
    }
}

/// A value may begin or end in the middle of a character.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} patterns)", self.patterns.len())
    }
}

/// What all parts of a server share to keep values out of what they tell. Clones are the same. Without values it costs one
/// look at a pointer.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Arc<ArcSwapOption<Redactor>>);

impl Redaction {
    /// Looks for these values from now on, and for no others.
    pub fn set(&self, known: &[Known]) {
        self.0.store(Redactor::new(known).map(Arc::new));
    }

    /// What is looked for now; none where nothing is.
    pub fn current(&self) -> Option<Arc<Redactor>> {
        self.0.load_full()
    }

    /// The text without values.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &*self.0.load() {
            Some(redactor) => redactor.text(text),
            None => Cow::Borrowed(text),
        }
    }

    /// The bytes without values.
    pub fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        match &*self.0.load() {
            Some(redactor) => redactor.bytes(bytes),
            None => Cow::Borrowed(bytes),
        }
    }

    /// Takes values out of a text in its place.
    pub fn clean(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.text(text) {
            *text = clean;
        }
    }
}

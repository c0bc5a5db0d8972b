//! How text becomes words for the search index.
//!
//! Index and query use the same rules, which are here and not in SQLite: SQLite's `ascii` tokenizer then only splits
//! at the spaces that stand between the words. So no query can be a syntax error, and a snippet finds what the index
//! found. A word is a run of letters and digits in lower case; each character of a script that is written without
//! spaces is a word.

use std::ops::Range;

/// Bytes of a text that are indexed.
pub(crate) const INDEXED_BYTES: usize = 16 * 1024;

/// Characters of a word that count: encoded data does not fill the index.
const WORD_CHARS: usize = 48;

/// The most words of a query that count.
const QUERY_WORDS: usize = 16;

/// A last word of at least so many bytes also finds longer words that start with it.
const PREFIX_BYTES: usize = 3;

/// Characters of a snippet before the word and in all.
const SNIPPET_BEFORE: usize = 60;
const SNIPPET_CHARS: usize = 200;

/// Han, Kana and their extensions, Thai, Lao, Khmer and Myanmar.
fn stands_alone(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// The places of the words of a text.
fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((start, c)) = chars.next() {
            if !c.is_alphanumeric() {
                continue;
            }
            let mut end = start + c.len_utf8();
            if !stands_alone(c) {
                while let Some((at, next)) = chars.next_if(|(_, next)| next.is_alphanumeric() && !stands_alone(*next)) {
                    end = at + next.len_utf8();
                }
            }
            return Some(start..end);
        }
        None
    })
}

fn push_folded(word: &str, into: &mut String) {
    if word.is_ascii() {
        let word = &word[..word.len().min(WORD_CHARS)];
        into.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        // Lower case can bring marks of its own (İ), which are no part of a word.
        into.extend(word.chars().take(WORD_CHARS).flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()));
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The words of the indexed part of a text, with a space between; empty where there are none.
pub(crate) fn indexed(text: &str) -> String {
    let text = cut(text, INDEXED_BYTES);
    let mut words = String::with_capacity(text.len());
    for place in places(text) {
        if !words.is_empty() {
            words.push(' ');
        }
        push_folded(&text[place], &mut words);
    }
    words
}

/// What a person looks for: all words, the last one also as the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    words: Vec<String>,
}

impl Query {
    /// Absent where the text holds no word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = cut(text, INDEXED_BYTES);
        let words: Vec<String> = places(text)
            .take(QUERY_WORDS)
            .map(|place| {
                let mut word = String::new();
                push_folded(&text[place], &mut word);
                word
            })
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() { None } else { Some(Self { words }) }
    }

    /// The query in FTS5's language. Words hold letters and digits only, so quoting them is enough.
    pub(crate) fn fts(&self) -> String {
        let mut fts = String::new();
        for word in &self.words {
            if !fts.is_empty() {
                fts.push_str(" AND ");
            }
            fts.push('"');
            fts.push_str(word);
            fts.push('"');
        }
        if self.words.last().is_some_and(|word| word.len() >= PREFIX_BYTES) {
            fts.push('*');
        }
        fts
    }

    fn matches(&self, word: &str) -> bool {
        let last = self.words.last();
        self.words.iter().any(|wanted| {
            wanted == word
                || (Some(wanted) == last && wanted.len() >= PREFIX_BYTES && word.starts_with(wanted.as_str()))
        })
    }

    /// A piece of the text around the first word that was looked for, in one line.
    pub(crate) fn snippet(&self, text: &str) -> String {
        let indexed = cut(text, INDEXED_BYTES);
        let mut word = String::new();
        let hit = places(indexed).find(|place| {
            word.clear();
            push_folded(&indexed[place.clone()], &mut word);
            self.matches(&word)
        });
        let at = hit.map_or(0, |place| place.start);
        let before = text[..at].chars().count();
        let skipped = before.saturating_sub(SNIPPET_BEFORE);
        let mut rest = text.chars().skip(skipped);
        let piece: String = rest.by_ref().take(SNIPPET_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let piece = piece.trim();
        let (start, end) = (if skipped > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
        format!("{start}{piece}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        assert_eq!(indexed("Fix-the  BUILD: src/main.rs#42 (ÄPFEL)"), "fix the build src main rs 42 äpfel");
    }

    #[test]
    fn a_character_of_a_script_without_spaces_is_a_word() {
        assert_eq!(indexed("修复build失败"), "修 复 build 失 败");
    }

    #[test]
    fn only_the_first_16_kib_and_48_characters_of_a_word_are_indexed() {
        assert_eq!(indexed(&"x".repeat(100)).len(), WORD_CHARS);
        let long = format!("{}late", "ä ".repeat(INDEXED_BYTES));
        assert!(!indexed(&long).contains("late"));
    }

    #[test]
    fn a_query_quotes_every_word() {
        let query = Query::parse("foo OR \"bar* NEAR(x").unwrap();
        assert_eq!(query.fts(), r#""foo" AND "or" AND "bar" AND "near" AND "x""#);
        assert_eq!(Query::parse("buil").unwrap().fts(), r#""buil"*"#);
        assert_eq!(Query::parse(" *-\"'() \0 "), None);
    }

    #[test]
    fn a_snippet_shows_the_word_in_its_surroundings() {
        let text = format!("{} Needle\nin hay {}", "before ".repeat(50), "after ".repeat(100));
        let snippet = Query::parse("needle").unwrap().snippet(&text);
        assert!(snippet.starts_with('…') && snippet.ends_with('…'), "{snippet}");
        assert!(snippet.contains("Needle in hay"), "{snippet}");
        assert!(snippet.chars().count() <= SNIPPET_CHARS + 2);
        assert_eq!(Query::parse("short").unwrap().snippet("a short text"), "a short text");
    }
}

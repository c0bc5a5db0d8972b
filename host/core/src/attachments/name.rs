//! What a file is called that a person sends along.

/// The longest name, in characters and in bytes: with a number before it, it is a name in any file system.
const MAX_CHARS: usize = 100;
const MAX_BYTES: usize = 200;
/// The longest ending that a name keeps that is cut, with its dot.
const MAX_ENDING: usize = 16;

/// The name without directories, without what is no sign of its own or turns others around, and not too long.
pub(super) fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|&c| !is_hidden(c)).collect();
    let shown = shown.trim();
    if shown.trim_matches('.').is_empty() {
        return "file".to_owned();
    }
    if fits(shown) {
        return shown.to_owned();
    }
    let ending =
        shown.rfind('.').map(|dot| &shown[dot..]).filter(|ending| ending.len() <= MAX_ENDING).unwrap_or_default();
    let mut start = String::new();
    for c in shown.chars() {
        let longer = start.len() + c.len_utf8() + ending.len() > MAX_BYTES;
        if longer || start.chars().count() + 1 + ending.chars().count() > MAX_CHARS {
            break;
        }
        start.push(c);
    }
    format!("{}{ending}", start.trim_end())
}

fn fits(name: &str) -> bool {
    name.len() <= MAX_BYTES && name.chars().count() <= MAX_CHARS
}

/// Control characters, separators of lines, and marks that change the direction of what is around them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path_without_what_cannot_be_seen() {
        for (given, name) in [
            ("a b.png", "a b.png"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\x.txt", "x.txt"),
            ("a\nb\u{202e}\u{2028}c\u{0}", "abc"),
            ("-rf", "-rf"),
            ("  ", "file"),
            ("..", "file"),
            ("a/", "file"),
            ("", "file"),
        ] {
            assert_eq!(cleaned(given), name, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_keeps_its_ending() {
        let long = cleaned(&format!("{}.png", "x".repeat(300)));
        assert_eq!((long.chars().count(), long.ends_with("x.png")), (100, true));

        let wide = cleaned(&format!("{}.png", "\u{1f600}".repeat(90)));
        assert!(wide.len() <= MAX_BYTES && wide.ends_with(".png"), "{wide}");

        let no_ending = cleaned(&format!("a.{}", "x".repeat(300)));
        assert_eq!(no_ending.chars().count(), 100);
    }
}

//! What an edit changes, as a unified diff.

use sandboxed_sdk::harness::Edit;
use similar::TextDiff;

/// Bytes of old and new text together up to which they are compared.
pub(crate) const MAX_TEXT: usize = 64 << 10;
/// Unchanged lines around each change.
const CONTEXT: usize = 3;

/// What is done to a file whose text, or the part of it that is replaced, was `old` and becomes `new`. Where they are
/// parts, line numbers count from the start of the part. Nothing where both are the same, or more than 64 KiB.
pub fn edit(path: &str, old: &str, new: &str) -> Option<Edit> {
    if old == new || old.len().saturating_add(new.len()) > MAX_TEXT {
        return None;
    }
    let diff = TextDiff::from_lines(old, new).unified_diff().context_radius(CONTEXT).to_string();
    Some(Edit { path: path.to_owned(), diff })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_the_lines_around_it() {
        let edit = edit("a.txt", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nfive\n6\n").expect("a change");
        assert_eq!(edit.path, "a.txt");
        assert_eq!(edit.diff, "@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+five\n 6\n");
    }

    #[test]
    fn a_new_file_is_all_added() {
        let edit = edit("a.txt", "", "one\ntwo").expect("a new file");
        assert_eq!(edit.diff, "@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n");
    }

    #[test]
    fn what_is_the_same_or_huge_is_not_compared() {
        assert_eq!(edit("a", "x", "x"), None);
        assert_eq!(edit("a", "", &"x\n".repeat(MAX_TEXT)), None);
    }
}

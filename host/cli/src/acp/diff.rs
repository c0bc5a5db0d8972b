//! From unified diffs to pairs of texts, which is how the protocol shows a change.

use super::protocol::Content;

/// The changes of a file, one for each hunk of its unified diff.
pub(super) fn changes(path: &str, diff: &str) -> Vec<Content> {
    let mut changes = Vec::new();
    let mut hunk: Option<Hunk> = None;
    for line in diff.lines() {
        if let Some(header) = line.strip_prefix("@@ ") {
            changes.extend(hunk.take().map(|hunk| hunk.change(path)));
            // `-0,0` is what a file has that was not there.
            hunk =
                Some(Hunk { is_new: header.starts_with("-0,0 "), old: Vec::new(), new: Vec::new(), last: Side::Both });
            continue;
        }
        let Some(hunk) = &mut hunk else { continue };
        match line.split_at_checked(1) {
            Some(("-", text)) => hunk.take(Side::Old, text),
            Some(("+", text)) => hunk.take(Side::New, text),
            Some((" ", text)) => hunk.take(Side::Both, text),
            Some(("\\", _)) => hunk.cut(),
            // Some tools leave out the blank of an empty line.
            None => hunk.take(Side::Both, ""),
            Some(_) => {}
        }
    }
    changes.extend(hunk.map(|hunk| hunk.change(path)));
    changes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Old,
    New,
    Both,
}

struct Hunk {
    is_new: bool,
    old: Vec<String>,
    new: Vec<String>,
    /// Whose the last line was.
    last: Side,
}

impl Hunk {
    fn take(&mut self, side: Side, text: &str) {
        if side != Side::New {
            self.old.push(format!("{text}\n"));
        }
        if side != Side::Old {
            self.new.push(format!("{text}\n"));
        }
        self.last = side;
    }

    /// The last line has no newline.
    fn cut(&mut self) {
        for (lines, other) in [(&mut self.old, Side::New), (&mut self.new, Side::Old)] {
            if let Some(line) = lines.last_mut().filter(|_| self.last != other) {
                line.pop();
            }
        }
    }

    fn change(self, path: &str) -> Content {
        let old_text = (!self.is_new).then(|| self.old.concat());
        Content::Diff { path: path.to_owned(), old_text, new_text: self.new.concat() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(diff: &str) -> Value {
        json!(changes("/a", diff))
    }

    #[test]
    fn each_hunk_is_a_change_with_its_surroundings() {
        let diff = "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+zwei\n@@ -9 +9,2 @@ fn x()\n nine\n+ten\n";
        let expected = json!([
            { "type": "diff", "path": "/a", "oldText": "one\ntwo\n", "newText": "one\nzwei\n" },
            { "type": "diff", "path": "/a", "oldText": "nine\n", "newText": "nine\nten\n" },
        ]);
        assert_eq!(of(diff), expected);
    }

    #[test]
    fn a_new_file_has_no_old_text_and_a_last_line_may_have_no_end() {
        let diff = "@@ -0,0 +1 @@\n+all\n\\ No newline at end of file\n";
        assert_eq!(of(diff), json!([{ "type": "diff", "path": "/a", "oldText": null, "newText": "all" }]));
        let diff = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n";
        assert_eq!(of(diff), json!([{ "type": "diff", "path": "/a", "oldText": "a", "newText": "b\n" }]));
    }

    #[test]
    fn what_is_no_diff_is_no_change() {
        assert_eq!(of("Binary files differ\n"), json!([]));
    }
}

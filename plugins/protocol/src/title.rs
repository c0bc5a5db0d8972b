//! What a tool call is called, for a person who reads many of them.

/// Characters of a title.
const LENGTH: usize = 120;

/// The first line of a text that says something, at most 120 characters of it; what was left out leaves a `…`.
pub fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or_default();
    let short: String = line.chars().filter(|character| !character.is_control()).take(LENGTH).collect();
    match short.len() < line.len() || lines.next().is_some() {
        true => format!("{short}…"),
        false => short,
    }
}

/// A path as it is read within a tree: relative to it, where it lies below it.
pub fn path_within<'a>(tree: &str, path: &'a str) -> &'a str {
    let below = path.strip_prefix(tree.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    below.filter(|rest| !rest.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        assert_eq!(first_line("\n  ls -l \n"), "ls -l");
        assert_eq!(first_line("set -e\nmake"), "set -e…");
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let title = first_line(&"ä".repeat(500));
        assert_eq!(title.chars().count(), LENGTH + 1);
        assert!(title.ends_with('…'));
    }

    #[test]
    fn a_path_below_the_tree_is_relative_and_any_other_as_it_is() {
        assert_eq!(path_within("/w/", "/w/src/a.rs"), "src/a.rs");
        assert_eq!(path_within("/w", "/www/a.rs"), "/www/a.rs");
        assert_eq!(path_within("/w", "/w"), "/w");
    }
}

//! Patterns of host names, as OpenSSH's `match_pattern_list` has them.

/// Whether a name is matched by at least one of the patterns, and by none that begins with `!`. The name is in lower case.
pub(crate) fn any_matches(patterns: &[String], name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => matched |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    matched
}

/// `*` stands for any bytes, `?` for one. A mismatch goes back to the last `*` only, so that no pattern takes long.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[pos] => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((star_at, star_pos)) = star else { return false };
                star = Some((star_at, star_pos + 1));
                (at, pos) = (star_at + 1, star_pos + 1);
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(patterns: &str, name: &str) -> bool {
        let patterns: Vec<String> = patterns.split(',').map(str::to_owned).collect();
        any_matches(&patterns, name)
    }

    #[test]
    fn a_star_stands_for_any_bytes_and_a_question_mark_for_one() {
        for (patterns, name) in [
            ("git.example.org", "git.example.org"),
            ("GIT.example.org", "git.example.org"),
            ("*.example.org", "git.example.org"),
            ("*", "git.example.org"),
            ("g?t.*.org", "git.example.org"),
            ("a,b,git.*", "git.example.org"),
            ("**a*b", "xaxxbab"),
            ("[*.example.org]:2222", "[git.example.org]:2222"),
        ] {
            assert!(matched(patterns, name), "{patterns} {name}");
        }
        for (patterns, name) in [
            ("git.example.org", "git.example.org.evil.net"),
            ("*.example.org", "example.org"),
            ("g?t", "gt"),
            ("", "git"),
            ("git.example.org", "[git.example.org]:2222"),
            ("[git.example.org]:22", "git.example.org"),
        ] {
            assert!(!matched(patterns, name), "{patterns} {name}");
        }
    }

    #[test]
    fn a_negated_pattern_outweighs_all_others() {
        assert!(!matched("*.example.org,!evil.example.org", "evil.example.org"));
        assert!(matched("*.example.org,!evil.example.org", "git.example.org"));
        assert!(!matched("!evil.example.org", "git.example.org"));
    }

    #[test]
    fn a_pattern_full_of_stars_is_decided_at_once() {
        let pattern = format!("{}b", "*a".repeat(500));
        assert!(!matched(&pattern, &"a".repeat(2000)));
    }
}

//! Money as people read it.

/// Dollars with as many digits as tell a cent, or what is less than one.
pub(crate) fn dollars(micro: u64) -> String {
    match micro {
        0 => "$0".to_owned(),
        1..10_000 => format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000).trim_end_matches('0').to_owned(),
        _ => format!("${}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_less_than_a_cent_is_told_exactly() {
        let shown = [0, 1, 9_900, 10_000, 1_234_567, 20_000_000].map(dollars);
        assert_eq!(shown, ["$0", "$0.000001", "$0.0099", "$0.01", "$1.23", "$20.00"]);
    }
}

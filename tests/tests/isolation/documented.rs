//! The table of what each backend keeps from a workspace, held against what the tests hold each backend to.

use std::collections::BTreeMap;

use crate::{
    backends::{ALL, Backend},
    escape::{BY_LIST, attempts},
};

const PAGE: &str = include_str!("../../../docs/security.md");

/// The cells of the table's rows, the head first.
fn rows() -> Vec<Vec<&'static str>> {
    let (_, section) = PAGE.split_once("\n## What a workspace is kept from\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.filter(|line| !line.starts_with("| ---")).map(cells).collect()
}

/// Words in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// A column's backend, and what reaches its end there.
fn column(head: &str) -> (&'static Backend, Vec<&'static str>) {
    let id = quoted(head).next().unwrap_or_else(|| panic!("{head:?} names no backend"));
    let backend = ALL.iter().find(|backend| backend.id == id).unwrap_or_else(|| panic!("{id} is not tried"));
    let shared = if head.ends_with("server is root") { backend.shared } else { backend.shared_with_a_user };
    (backend, [&BY_LIST[..], shared].concat())
}

#[test]
fn every_cell_of_the_table_says_what_is_tried() {
    let rows = rows();
    let columns = &rows[0][1..rows[0].len() - 1];
    let mut known: Vec<&str> = Vec::new();
    for row in &rows[1..] {
        let tried: Vec<&str> = quoted(row[row.len() - 1]).collect();
        assert!(!tried.is_empty() && row.len() == rows[0].len(), "{row:?}");
        for (head, cell) in columns.iter().zip(&row[1..]) {
            let (backend, reached) = column(head);
            let kept = tried.iter().all(|attempt| !reached.contains(attempt));
            let says = cell.starts_with("yes");
            assert_eq!(says, kept, "{}, {head} ({}): {cell}", row[0], backend.id);
            assert!(says || tried.iter().all(|attempt| reached.contains(attempt)), "{}: split this row", row[0]);
        }
        known.extend(tried);
    }
    let mut counts: BTreeMap<&str, i32> = attempts().into_iter().map(|attempt| (attempt, 0)).collect();
    for attempt in known {
        *counts.get_mut(attempt).unwrap_or_else(|| panic!("{attempt} is no attempt")) += 1;
    }
    let wrong: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert_eq!(wrong, [], "attempts that are not in the table just once");
}

#[test]
fn every_backend_that_is_tried_is_in_the_table() {
    let rows = rows();
    for backend in ALL {
        let columns = rows[0].iter().filter(|head| quoted(head).any(|id| id == backend.id)).count();
        assert!(columns > 0, "{} is missing", backend.id);
    }
}

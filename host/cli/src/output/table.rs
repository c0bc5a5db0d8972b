//! Lists in columns.

use std::fmt::Write as _;

use super::{Style, Terminal, safe};

/// Rows in columns that are as wide as their widest cell.
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        self.rows.push(cells.into_iter().map(|cell| safe(&cell.replace(['\n', '\t'], " ")).into_owned()).collect());
    }

    /// The table as text; `empty` where there is no row.
    pub(crate) fn render(&self, terminal: Terminal, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{empty}\n");
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell));
            cells.max().unwrap_or(0).max(columns(self.heads[column]))
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let mut text = String::new();
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", terminal.paint(Style::Dim, &line(&heads, &widths)));
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(row, &widths));
        }
        text
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width.saturating_sub(columns(cell)) + 2));
    }
    line.trim_end().to_owned()
}

/// How many columns of a terminal a text takes.
fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Terminal = Terminal { present: false, colour: false };

    #[test]
    fn columns_are_aligned_also_under_wide_characters() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["日本".to_owned(), "done".to_owned()]);
        table.row(["abcdef".to_owned(), "failed".to_owned()]);

        assert_eq!(table.render(PIPE, "none"), "NAME    STATE\n日本    done\nabcdef  failed\n");
    }

    #[test]
    fn a_cell_cannot_break_the_table() {
        let mut table = Table::new(&["NAME"]);
        table.row(["two\nlines\x1b[2J".to_owned()]);

        assert_eq!(table.render(PIPE, "none"), "NAME\ntwo lines␛[2J\n");
    }

    #[test]
    fn an_empty_list_says_so() {
        assert_eq!(Table::new(&["NAME"]).render(PIPE, "no workspaces"), "no workspaces\n");
    }
}

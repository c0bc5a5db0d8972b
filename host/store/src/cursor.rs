//! Cursors of pages: the place of the last entry of a page, so that entries that come or go do not move the next.

use sandboxed_model::page::{Page, PageRequest};

use crate::error::{Error, Result};

/// Which list a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Missions,
    Hits,
    Workspaces,
    Processes,
    Snapshots,
    Builds,
    Templates,
    TemplateVersions,
    Users,
    Audit,
    SecretUses,
    ModelRequests,
    Spending,
    Budgets,
}

impl List {
    const fn mark(self) -> char {
        match self {
            Self::Missions => 'm',
            Self::Hits => 'h',
            Self::Workspaces => 'w',
            Self::Processes => 'x',
            Self::Snapshots => 's',
            Self::Builds => 'b',
            Self::Templates => 't',
            Self::TemplateVersions => 'v',
            Self::Users => 'u',
            Self::Audit => 'a',
            Self::SecretUses => 'k',
            Self::ModelRequests => 'r',
            Self::Spending => 'p',
            Self::Budgets => 'g',
        }
    }

    /// The place after which (in a list's order) the page begins.
    pub(crate) fn place(self, page: &PageRequest) -> Result<Option<i64>> {
        let Some(cursor) = &page.cursor else { return Ok(None) };
        let digits = cursor.strip_prefix(self.mark()).ok_or(Error::InvalidCursor)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Err(Error::InvalidCursor);
        }
        i64::from_str_radix(digits, 16).map(Some).map_err(|_| Error::InvalidCursor)
    }

    /// The page of `rows`, which were asked for with one more than the limit to see whether there is a next page.
    pub(crate) fn page<T>(self, mut rows: Vec<(i64, T)>, limit: u32) -> Page<T> {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|(place, _)| format!("{}{place:x}", self.mark())) } else { None };
        Page { items: rows.into_iter().map(|(_, item)| item).collect(), next_cursor }
    }

    /// The same as [`List::place`] of a list whose places are texts.
    pub(crate) fn text_place(self, page: &PageRequest) -> Result<Option<String>> {
        let Some(cursor) = &page.cursor else { return Ok(None) };
        let digits = cursor.strip_prefix(self.mark()).ok_or(Error::InvalidCursor)?.as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
        let bytes = digits.chunks(2).map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        });
        let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or(Error::InvalidCursor)?;
        String::from_utf8(bytes).map(Some).map_err(|_| Error::InvalidCursor)
    }

    /// The same as [`List::page`] of a list whose places are texts.
    pub(crate) fn text_page<T>(self, mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> String) -> Page<T> {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next_cursor = last.map(|last| {
            let digits = place(last).bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
            format!("{}{digits}", self.mark())
        });
        Page { items: rows, next_cursor }
    }
}

/// The number of entries that a page may have.
pub(crate) fn limit(page: &PageRequest) -> u32 {
    page.limit.clamp(1, PageRequest::MAX_LIMIT)
}

//! The handlers, a file for each kind of thing.

use sandboxed_model::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

pub(crate) mod accounts;
pub(crate) mod asks;
pub(crate) mod attachments;
pub(crate) mod auth;
pub(crate) mod builds;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod git;
pub(crate) mod harnesses;
pub(crate) mod health;
pub(crate) mod leftovers;
pub(crate) mod missions;
pub(crate) mod moving;
pub(crate) mod plugins;
pub(crate) mod ports;
pub(crate) mod processes;
pub(crate) mod queue;
pub(crate) mod secrets;
pub(crate) mod sign_in;
pub(crate) mod skills;
pub(crate) mod snapshots;
pub(crate) mod spending;
pub(crate) mod system;
pub(crate) mod templates;
pub(crate) mod tokens;
pub(crate) mod workspaces;

/// A whole list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The entries in the list's order.
    pub(crate) items: Vec<T>,
}

/// Which part of a list is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the part before.
    #[param(required = false, min_length = 1, max_length = 512)]
    cursor: Option<String>,
    /// How many entries at most; 50 where absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

impl PageQuery {
    fn request(self) -> Result<PageRequest, Problem> {
        page_request(self.cursor, self.limit)
    }
}

fn page_request(cursor: Option<String>, limit: Option<u32>) -> Result<PageRequest, Problem> {
    let limit = within(limit, PageRequest::DEFAULT_LIMIT, PageRequest::MAX_LIMIT)?;
    Ok(PageRequest { cursor, limit })
}

fn within(limit: Option<u32>, default: u32, max: u32) -> Result<u32, Problem> {
    match limit {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => {
            Err(Problem::invalid("page.limit_invalid", format!("limit is a number from 1 to {max}, not {limit}")))
        }
    }
}

/// What is being looked for: 1 to 200 characters.
fn search_words(words: String) -> Result<String, Problem> {
    match words.chars().count() {
        1..=200 => Ok(words),
        _ => Err(Problem::invalid("search.words_invalid", "q has 1 to 200 characters")),
    }
}

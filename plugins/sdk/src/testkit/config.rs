//! What `config()` returns in a test.

use std::cell::RefCell;

thread_local! {
    static CONFIG: RefCell<String> = RefCell::new("{}".to_owned());
}

/// Makes [`config`](crate::config) return this JSON object, in this thread, from now on.
pub fn set_config(json: impl Into<String>) {
    CONFIG.set(json.into());
}

pub(crate) fn config_text() -> String {
    CONFIG.with_borrow(Clone::clone)
}

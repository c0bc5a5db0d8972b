//! The page at `/`.

use axum::response::Html;

/// Says where things are. It needs no script and no style.
pub(crate) async fn index() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

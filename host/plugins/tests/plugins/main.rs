//! The plugin host as those who call it see it, with plugins that come with the server and plugins that do the worst.
#![allow(clippy::unwrap_used)]

mod cache;
mod calls;
mod containers;
mod fetching;
mod loading;
mod logging;
mod programs;
mod reloading;
mod sessions;
mod support;
mod upgrading;

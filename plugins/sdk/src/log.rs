//! Records for the operator, in the server's log. A plugin that writes any needs the grant `log`.

use crate::contracts::sandboxed::host::log::Level;

/// Writes a record: a message with arguments as in `format!`, after named values where there are some. The host cuts
/// records over 4 KiB and drops those over 100 a second.
///
/// ```
/// use sandboxed_sdk::{info, warn};
///
/// let path = "/srv/images";
/// info!("looking for images");
/// warn!(path = path, count = 0; "nothing found below {path}");
/// ```
#[macro_export]
macro_rules! log {
    ($level:ident, $($name:ident = $value:expr),+ $(,)? ; $($message:tt)+) => {
        $crate::emit(
            $crate::Level::$level,
            ::std::format!($($message)+),
            ::std::vec![$((::std::stringify!($name).to_owned(), ::std::string::ToString::to_string(&$value))),+],
        )
    };
    ($level:ident, $($message:tt)+) => {
        $crate::emit($crate::Level::$level, ::std::format!($($message)+), ::std::vec::Vec::new())
    };
}

/// Writes a record of level `trace`: see [`log!`](crate::log!).
#[macro_export]
macro_rules! trace {
    ($($record:tt)+) => { $crate::log!(Trace, $($record)+) };
}

/// Writes a record of level `debug`: see [`log!`](crate::log!).
#[macro_export]
macro_rules! debug {
    ($($record:tt)+) => { $crate::log!(Debug, $($record)+) };
}

/// Writes a record of level `info`: see [`log!`](crate::log!).
#[macro_export]
macro_rules! info {
    ($($record:tt)+) => { $crate::log!(Info, $($record)+) };
}

/// Writes a record of level `warn`: see [`log!`](crate::log!).
#[macro_export]
macro_rules! warn {
    ($($record:tt)+) => { $crate::log!(Warn, $($record)+) };
}

/// Writes a record of level `error`: see [`log!`](crate::log!).
#[macro_export]
macro_rules! error {
    ($($record:tt)+) => { $crate::log!(Error, $($record)+) };
}

#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub fn emit(level: Level, message: String, fields: Vec<(String, String)>) {
    crate::contracts::sandboxed::host::log::emit(level, &message, &fields);
}

/// There is no server in a native test: what would be logged is shown with the test's own output.
#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::needless_pass_by_value, reason = "the same signature as in a component")]
pub fn emit(level: Level, message: String, fields: Vec<(String, String)>) {
    let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    eprintln!("{level:?}: {message}{fields}");
}

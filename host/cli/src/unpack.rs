//! `unpack`: what the server starts to unpack an image. It is a process of its own, so that it can be killed, and what it
//! prints is the log of a build.

use std::{ffi::OsString, io::Write as _, path::PathBuf, process::ExitCode};

use sandboxed_images::{Order, unpack as unpack_image};

/// Unpacks as the order says, which is JSON, and leaves what the image says besides its files in the file `settings`.
pub(crate) fn unpack(order: Option<OsString>, settings: Option<OsString>) -> ExitCode {
    match carry_out(order, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "E: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(order: Option<OsString>, settings: Option<OsString>) -> Result<(), String> {
    let (order, settings) = order.zip(settings).ok_or("the server starts this, and nobody else")?;
    let order: Order = serde_json::from_str(&order.to_string_lossy()).map_err(|error| format!("the order: {error}"))?;
    let mut tell = |line: &str| {
        // Nothing depends on it.
        let _ = writeln!(std::io::stdout(), "{line}");
    };
    let found = unpack_image(&order, &mut tell).map_err(|error| error.to_string())?;
    let settings = PathBuf::from(settings);
    let json = serde_json::to_vec(&found).map_err(|error| error.to_string())?;
    std::fs::write(&settings, json).map_err(|error| format!("writing {}: {error}", settings.display()))
}

//! The face of missions towards editors: the Agent Client Protocol, version 1, on standard input and output.
//!
//! A session is a mission. Each session is a task of its own, which takes what the editor wants in the order in which it
//! came and follows the mission's events; the loop here only reads, and tells whose each message is.

mod desk;
mod diff;
mod face;
mod forms;
mod lines;
mod listing;
mod prompt;
mod protocol;
mod session;
mod settings;
mod teller;
mod tools;
mod wire;
mod workspace;

use std::sync::Arc;

use tokio::task::LocalSet;

use self::{
    desk::Desk,
    face::Face,
    lines::{Line, Lines},
    wire::{MAX_LINE, RpcError, Wire},
};
use crate::{
    arguments::{Acp, Place},
    failed::Result,
    follow::Interrupts,
};

/// Speaks until the editor goes. Sessions share a thread: what takes time is done by the server.
pub(crate) async fn acp(place: &Place, wanted: Acp) -> Result<()> {
    LocalSet::new().run_until(speak(place, wanted)).await
}

async fn speak(place: &Place, wanted: Acp) -> Result<()> {
    let (wire, mut writer) = Wire::open(tokio::io::stdout());
    let face = Arc::new(Face::new(place.clone(), wanted, wire.clone()));
    let mut desk = Desk::new(Arc::clone(&face));
    let mut lines = Lines::new(tokio::io::stdin());
    let mut interrupts = Interrupts::listen()?;
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = interrupts.next() => break,
            // Nobody reads any more.
            () = writer.gone() => break,
        };
        match line {
            Ok(Some(Line::Whole(bytes))) => desk.take(&bytes).await,
            Ok(Some(Line::TooLong)) => {
                let error = RpcError::invalid_request(format!("a message is at most {} MiB long", MAX_LINE >> 20));
                wire.refuse(None, error).await;
            }
            Ok(None) | Err(_) => break,
        }
    }
    desk.leave().await;
    face.leave().await;
    drop(wire);
    writer.finish().await;
    Ok(())
}

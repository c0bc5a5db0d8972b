//! What the steps of builds print, without values of secrets.

use std::sync::Arc;

use sandboxed_model::{BuildId, RunId, build::BuildStep, command::OutputStream};
use sandboxed_vault::ByteMask;

use crate::{
    Error, Orchestrator, Result,
    processes::{ProcessChunk, ProcessOutput},
    services::Services,
};

/// What a step of a build printed, read from some place on. It begins when the step does.
pub struct BuildLog {
    services: Arc<Services>,
    build: BuildId,
    /// From 0.
    step: usize,
    stream: OutputStream,
    /// What lies before it is not wanted.
    offset: u64,
    output: Option<(RunId, ProcessOutput)>,
    /// Values of secrets become as many `*`, so that a reader can go on at a place.
    mask: ByteMask,
    /// Where the mask goes on.
    place: u64,
    after: Option<ProcessChunk>,
}

impl BuildLog {
    /// The next piece, when there is one, without values of secrets. A call that is given up has read nothing.
    ///
    /// # Errors
    /// When the spool cannot be read, or the build is forgotten meanwhile.
    pub async fn next(&mut self) -> Result<ProcessChunk> {
        loop {
            if let Some(after) = self.after.take() {
                return Ok(after);
            }
            let chunk = self.read().await?;
            let redactor = self.services.vault.redaction().current();
            let masked = match &chunk {
                ProcessChunk::Bytes { bytes, offset } => {
                    if self.place == u64::MAX {
                        self.place = *offset;
                    }
                    self.mask.push(redactor.as_deref(), bytes)
                }
                ProcessChunk::Gap { .. } | ProcessChunk::End => self.mask.finish(redactor.as_deref()),
            };
            let offset = self.place;
            self.place = match &chunk {
                ProcessChunk::Gap { offset, length } => offset + length,
                _ if self.place == u64::MAX => self.place,
                _ => self.place + masked.len() as u64,
            };
            let unwanted = usize::try_from(self.offset.saturating_sub(offset)).unwrap_or(usize::MAX).min(masked.len());
            if !matches!(chunk, ProcessChunk::Bytes { .. }) {
                self.after = Some(chunk);
            }
            if unwanted < masked.len() {
                return Ok(ProcessChunk::Bytes {
                    offset: offset + unwanted as u64,
                    bytes: masked[unwanted..].to_vec(),
                });
            }
        }
    }

    async fn read(&mut self) -> Result<ProcessChunk> {
        loop {
            if let Some((run, output)) = &mut self.output {
                match output.next().await {
                    // It could not be started.
                    Err(_) if !self.services.supervisor.is_kept(*run).await => self.output = None,
                    read => return read,
                }
            }
            let mut changed = self.services.builds.changed.subscribe();
            let build = self.services.store.build(self.build).await?;
            match build.steps.get(self.step) {
                Some(BuildStep { run: Some(run), .. }) if self.services.supervisor.is_kept(*run).await => {
                    // A value may begin before the place.
                    let longest = self.services.vault.redaction().current().map_or(0, |redactor| redactor.longest());
                    let from = self.offset.saturating_sub(longest as u64);
                    self.output = Some((*run, self.services.run_output(*run, self.stream, from)));
                }
                Some(step) if !step.state.has_ended() && !build.state.has_ended() => {
                    // The services are held, so the sender is there.
                    let _ = changed.changed().await;
                }
                _ => return Ok(ProcessChunk::End),
            }
        }
    }
}

impl Orchestrator {
    /// What a step of a build, numbered from 1, printed on a stream from `offset` on, and what it will print.
    ///
    /// # Errors
    /// When there is no such build or step.
    pub async fn build_log(&self, id: BuildId, step: u32, stream: OutputStream, offset: u64) -> Result<BuildLog> {
        let build = self.build(id).await?;
        let place = (step as usize).checked_sub(1).filter(|place| *place < build.steps.len());
        let place = place.ok_or_else(|| Error::NotFound { what: "step", id: step.to_string() })?;
        let services = Arc::clone(&self.services);
        let (mask, after) = (ByteMask::default(), None);
        Ok(BuildLog { services, build: id, step: place, stream, offset, output: None, mask, place: u64::MAX, after })
    }
}

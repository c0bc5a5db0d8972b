//! The process that has an engine fetch or make an image. It is a run of the server's supervisor like every step of a build: what
//! it prints is the step's log, it outlives the server, and to kill it ends the work.

use std::{ffi::OsStr, io::Write};

use serde::{Deserialize, Serialize};

use crate::{Endpoint, Engine, Error, ImageWork, contained::read};

/// An image to fetch or make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImageSpec {
    /// The engine.
    pub engine: Endpoint,
    /// The server's id.
    pub owner: String,
    /// The image's name.
    pub image: String,
    /// What is to be done.
    pub work: ImageWork,
}

/// Fetches or makes an image: the program's hidden subcommand `image`. `descriptor` is the number of the file that holds the
/// [`ImageSpec`] as JSON. Returns the exit status.
pub fn image_main(descriptor: Option<&OsStr>) -> u8 {
    let done =
        read(descriptor).map_err(|error| format!("image: it is started by the server: {error}")).and_then(|spec| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| format!("image: no work can be begun: {error}"))?;
            runtime.block_on(make(&spec)).map_err(|error| {
                let failure = error.failure();
                failure.hint.as_ref().map_or_else(|| failure.to_string(), |hint| format!("{failure}\nhint: {hint}"))
            })
        });
    match done {
        Ok(()) => 0,
        Err(words) => {
            say(&words);
            1
        }
    }
}

async fn make(spec: &ImageSpec) -> Result<(), Error> {
    let owner = spec.owner.parse().map_err(|_| Error::Lost("the server has no id".to_owned()))?;
    let engine = Engine::connect(spec.engine.clone(), owner).await?;
    let image = spec.image.parse().map_err(|_| Error::Lost("the image has no name".to_owned()))?;
    engine.make_image(&image, &spec.work, say).await
}

/// Where nobody reads any more the work goes on.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

//! Errors as people and programs get them: a stable code, who has to act, and what mends it.

use sandboxed_model::{Blame, Failure};

use crate::Error;

impl Error {
    /// What went wrong, with its code (`containers.…`) and its remedy.
    pub fn failure(&self) -> Failure {
        let (blame, code, hint) = match self {
            Self::SocketMissing { endpoint } => (
                Blame::Unavailable,
                "containers.socket_missing",
                Some(format!(
                    "start the engine (`systemctl start docker`), or with the server in a container mount its socket: `-v {endpoint}:{endpoint}`"
                )),
            ),
            Self::PermissionDenied { .. } => (
                Blame::Config,
                "containers.permission",
                Some("add the user that runs the server to the socket's group (`usermod -aG docker USER`) and start the server anew".into()),
            ),
            Self::NotAnswering { .. } => (
                Blame::Unavailable,
                "containers.not_answering",
                Some("`docker info` tells whether the engine runs; `systemctl restart docker` restarts it".into()),
            ),
            Self::Url(_) => (Blame::Config, "containers.address", Some("write tcp://host:2376".into())),
            Self::Certificate { .. } => (
                Blame::Config,
                "containers.certificate",
                Some("name PEM files that the server may read: the engine's authority, this server's certificate and its key".into()),
            ),
            Self::CertificateRefused { .. } => (
                Blame::Config,
                "containers.certificate_refused",
                Some(
                    "make certificates for both sides from one authority, as the engine's documentation tells \
                     (`dockerd --tlsverify`), and name them in the engine's table of sandboxed.toml"
                        .into(),
                ),
            ),
            Self::Spec(_) => (Blame::Config, "containers.invalid", None),
            Self::Dockerfile(_) => (Blame::Config, "containers.dockerfile", None),
            Self::ImageMissing { image } => {
                (Blame::Unavailable, "containers.image_missing", Some(format!("docker pull {image}")))
            }
            Self::Image { image, .. } => (
                Blame::Unavailable,
                "containers.image_fetch",
                Some(format!("check the image's name and the network of the engine's machine: `docker pull {image}`")),
            ),
            Self::Absent(_) => (Blame::Unavailable, "containers.absent", Some("prepare the workspace".into())),
            Self::NotRunning(_) => (Blame::Unavailable, "containers.not_running", Some("prepare the workspace".into())),
            Self::Foreign { .. } => (
                Blame::Denied,
                "containers.foreign",
                Some("rename or remove it by hand if it is not needed; the server never does".into()),
            ),
            Self::Keeper(_) => (
                Blame::Config,
                "containers.keeper",
                Some("use a Docker engine on a machine with the server's kind of processor".into()),
            ),
            Self::RecreateNeeded(_) => (
                Blame::Config,
                "containers.recreate_needed",
                Some("remove the container and prepare the workspace again; its files stay".into()),
            ),
            Self::NotStarted { program, .. } => (
                Blame::Unavailable,
                "containers.not_started",
                Some(format!("use an image that has {program}, and a working directory that exists in it")),
            ),
            Self::Lost(_) => (Blame::Unavailable, "containers.lost", Some("start it again".into())),
            Self::Survivors { .. } => {
                (Blame::Unavailable, "containers.survivors", Some("stop the workspace's container".into()))
            }
            Self::Deadline { .. } => (
                Blame::Deadline,
                "containers.deadline",
                Some("look at the load and the disk of the engine's machine, and try again".into()),
            ),
            Self::Refused { .. } => (Blame::Unavailable, "containers.refused", None),
            Self::Connection { .. } | Self::Unreadable { .. } => (
                Blame::Unavailable,
                "containers.connection",
                Some("try again; if it stays, look at the engine's log (`journalctl -u docker`)".into()),
            ),
        };
        let failure = Failure::new(blame, code, self.to_string());
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

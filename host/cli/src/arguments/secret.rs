//! `secret`

use std::path::PathBuf;

use clap::Subcommand;
use sandboxed_model::secret::{Audience, SecretName};

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Keep a secret, or give one another value. It is asked for without being shown, or read from standard input or a file.
    Set {
        /// Its name.
        name: SecretName,
        /// Read the value from this file: its bytes, without the newline at the end of a single line.
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
        /// Who may use it: workspaces, git:HOST, provider:NAME, plugin:ID, host:HOST:PORT. Can be given more than once.
        #[arg(long = "for", value_name = "WHO")]
        audience: Vec<Audience>,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// List secrets, those of the configuration included.
    List(Listing),
    /// Show who may use a secret.
    Show {
        /// Its name.
        name: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Let more use a secret.
    Allow {
        /// Its name.
        name: SecretName,
        /// Who may use it besides.
        #[arg(required = true, value_name = "WHO")]
        audience: Vec<Audience>,
    },
    /// Let some use a secret no longer.
    Deny {
        /// Its name.
        name: SecretName,
        /// Who may not use it any more.
        #[arg(required = true, value_name = "WHO")]
        audience: Vec<Audience>,
    },
    /// Show who used a secret, by the hour.
    Uses {
        /// Its name.
        name: String,
        /// The most that are shown.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete a secret.
    Delete {
        /// Its name.
        name: SecretName,
        /// Also where a workspace, a template or the configuration names it.
        #[arg(long)]
        force: bool,
    },
    /// Show what the vault's master key is made of, and whether it is being replaced.
    Vault(Listing),
    /// Replace the vault's master key and put all secrets under the new one. Everything goes on meanwhile.
    RotateKey,
}

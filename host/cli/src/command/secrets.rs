//! `secret`: what the vault keeps.

use std::{io::Read as _, path::Path, time::Duration};

use sandboxed_core::NewSecret;
use sandboxed_model::secret::{Audience, KeyKind, Secret, SecretKept, SecretName, VaultStatus};
use sandboxed_vault::MAX_VALUE;
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use super::{ago, hidden::ask, with_client};
use crate::{
    arguments::{Place, Secrets},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

/// How often it is looked how far the replacing of the key has come.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn secrets(place: &Place, command: Secrets) -> Result<()> {
    with_client(place, async |client| match command {
        Secrets::Set { name, from_file, audience, description, listing } => {
            let value = hidden_value(format!("value of the secret {name}: "), from_file.as_deref()).await?;
            let audience = (!audience.is_empty()).then_some(audience);
            let secret = client.set_secret(NewSecret { name, value, audience, description }).await?;
            match listing.json {
                true => output::print_json(&secret),
                false => told(&secret),
            }
        }
        Secrets::List(listing) => {
            let secrets = client.secrets().await?;
            if listing.json { output::print_json(&secrets) } else { list(&secrets) }
        }
        Secrets::Show { name, listing } => {
            let secret = client.secret(&name).await?;
            if listing.json { output::print_json(&secret) } else { list(&[secret]) }
        }
        Secrets::Allow { name, audience } => change(client, &name, |allowed| allowed.extend(audience)).await,
        Secrets::Deny { name, audience } => {
            change(client, &name, |allowed| allowed.retain(|one| !audience.contains(one))).await
        }
        Secrets::Uses { name, limit, listing } => {
            let uses = client.secret_uses(&name, limit).await?;
            if listing.json {
                return output::print_json(&uses);
            }
            let mut table = Table::new(&["USER", "FOR", "TIMES", "FIRST", "LAST"]);
            for used in uses {
                let count = used.count.to_string();
                table.row([used.user, used.purpose, count, ago(used.first_at), ago(used.last_at)]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no uses"))
        }
        Secrets::Delete { name, force } => {
            client.delete_secret(&name, force).await?;
            output::print(&format!("secret {name} deleted"))
        }
        Secrets::Vault(listing) => {
            let status = client.vault_status().await?;
            if listing.json { output::print_json(&status) } else { stands(&status) }
        }
        Secrets::RotateKey => {
            let mut status = client.rotate_vault_key().await?;
            while status.to_reseal > 0 {
                tokio::time::sleep(LOOK).await;
                status = client.vault_status().await?;
            }
            output::print(&format!("all secrets are sealed with the key {}", status.key_id))
        }
    })
    .await
}

async fn change(client: &Client, name: &SecretName, change: impl FnOnce(&mut Vec<Audience>)) -> Result<()> {
    let mut audience = client.secret(name.as_str()).await?.audience;
    change(&mut audience);
    told(&client.describe_secret(name, audience).await?)
}

fn told(secret: &Secret) -> Result<()> {
    let version = secret.version.unwrap_or_default();
    output::print(&format!("secret {} in version {version}, for {}", secret.name, audience(secret)))
}

fn audience(secret: &Secret) -> String {
    let names: Vec<String> = secret.audience.iter().map(ToString::to_string).collect();
    match (secret.kept, names.is_empty()) {
        (SecretKept::Vault, true) => "nobody yet".to_owned(),
        (SecretKept::Vault, false) => names.join(", "),
        _ => "as configured".to_owned(),
    }
}

/// The value: of a file, of standard input, or typed without being shown. It is on no command line.
pub(super) async fn hidden_value(question: String, file: Option<&Path>) -> Result<SecretSlice<u8>> {
    let file = file.map(Path::to_owned);
    let read = tokio::task::spawn_blocking(move || match file {
        Some(file) => {
            let shown = file.display().to_string();
            let opened = std::fs::File::open(&file);
            let opened = opened.map_err(|error| Failed::new(format!("{shown} cannot be read: {error}")))?;
            bytes(opened, &shown)
        }
        None if std::io::IsTerminal::is_terminal(&std::io::stdin()) => {
            Ok(ask(&question, "the value")?.as_bytes().to_vec().into())
        }
        None => bytes(std::io::stdin().lock(), "standard input"),
    });
    read.await.map_err(|error| Failed::new(format!("the value cannot be read: {error}")))?
}

/// All of it, without the newline at the end of a single line.
fn bytes(from: impl std::io::Read, shown: &str) -> Result<SecretSlice<u8>> {
    // In one piece, so that no copy of a part is left in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_VALUE + 3));
    let read = from.take(MAX_VALUE as u64 + 3).read_to_end(&mut bytes);
    read.map_err(|error| Failed::new(format!("{shown} cannot be read: {error}")))?;
    let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let value = line.filter(|line| !line.contains(&b'\n')).unwrap_or(&bytes);
    Ok(value.to_vec().into())
}

fn list(secrets: &[Secret]) -> Result<()> {
    let mut table = Table::new(&["NAME", "KEPT", "VERSION", "FOR", "USED", "STATE", "DESCRIPTION"]);
    for secret in secrets {
        table.row([
            secret.name.clone(),
            match secret.kept {
                SecretKept::Vault => "vault",
                SecretKept::File => "file",
                SecretKept::Variable => "variable",
            }
            .to_owned(),
            secret.version.map(|version| version.to_string()).unwrap_or_default(),
            audience(secret),
            secret.last_used_at.map_or_else(|| "never".to_owned(), ago),
            secret.problem.as_ref().map_or_else(|| "ok".to_owned(), |problem| problem.code.clone()),
            secret.description.clone(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no secrets"))
}

fn stands(status: &VaultStatus) -> Result<()> {
    let made = match status.key {
        KeyKind::File => "a file",
        KeyKind::Variable => "a variable",
        KeyKind::Passphrase => "a passphrase",
    };
    let left = match status.to_reseal {
        0 => String::new(),
        left => format!("\n{left} values are still sealed with the key before"),
    };
    output::print(&format!("the master key {} is from {made}{left}", status.key_id))
}

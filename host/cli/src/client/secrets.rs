//! Secrets.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use sandboxed_core::NewSecret;
use sandboxed_model::{
    page::{Page, PageRequest},
    secret::{Audience, Secret, SecretName, SecretUse, VaultStatus},
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::{Client, Embedded, Http, http::page_query, pages};
use crate::failed::Result;

impl Client {
    /// All secrets by their names.
    pub(crate) async fn secrets(&self) -> Result<Vec<Secret>> {
        either!(self.secrets())
    }

    pub(crate) async fn secret(&self, name: &str) -> Result<Secret> {
        either!(self.secret(name))
    }

    pub(crate) async fn set_secret(&self, new: NewSecret) -> Result<Secret> {
        either!(self.set_secret(new))
    }

    pub(crate) async fn describe_secret(&self, name: &SecretName, audience: Vec<Audience>) -> Result<Secret> {
        either!(self.describe_secret(name, audience))
    }

    pub(crate) async fn delete_secret(&self, name: &SecretName, force: bool) -> Result<()> {
        either!(self.delete_secret(name, force))
    }

    /// Uses of a secret, the newest first.
    pub(crate) async fn secret_uses(&self, name: &str, limit: u32) -> Result<Vec<SecretUse>> {
        pages(limit, async |page| either!(self.secret_uses(name, &page))).await
    }

    pub(crate) async fn vault_status(&self) -> Result<VaultStatus> {
        either!(self.vault_status())
    }

    pub(crate) async fn rotate_vault_key(&self) -> Result<VaultStatus> {
        either!(self.rotate_vault_key())
    }
}

impl Embedded {
    async fn secrets(&self) -> Result<Vec<Secret>> {
        Ok(self.orchestrator.secrets().await?)
    }

    async fn secret(&self, name: &str) -> Result<Secret> {
        Ok(self.orchestrator.secret(name).await?)
    }

    async fn set_secret(&self, new: NewSecret) -> Result<Secret> {
        Ok(self.orchestrator.set_secret(new).await?.0)
    }

    async fn describe_secret(&self, name: &SecretName, audience: Vec<Audience>) -> Result<Secret> {
        Ok(self.orchestrator.describe_secret(name, Some(audience), None).await?)
    }

    async fn delete_secret(&self, name: &SecretName, force: bool) -> Result<()> {
        Ok(self.orchestrator.delete_secret(name, force).await?)
    }

    async fn secret_uses(&self, name: &str, page: &PageRequest) -> Result<Page<SecretUse>> {
        Ok(self.orchestrator.secret_uses(name, page).await?)
    }

    async fn vault_status(&self) -> Result<VaultStatus> {
        Ok(self.orchestrator.vault_status().await?)
    }

    async fn rotate_vault_key(&self) -> Result<VaultStatus> {
        Ok(self.orchestrator.rotate_vault_key().await?)
    }
}

impl Http {
    async fn secrets(&self) -> Result<Vec<Secret>> {
        self.list("/secrets").await
    }

    async fn secret(&self, name: &str) -> Result<Secret> {
        self.get(&path(name)).await
    }

    async fn set_secret(&self, new: NewSecret) -> Result<Secret> {
        let mut body = Map::new();
        body.insert("value_base64".to_owned(), BASE64_STANDARD.encode(new.value.expose_secret()).into());
        body.extend(new.audience.map(|audience| ("audience".to_owned(), named(&audience))));
        body.extend(new.description.map(|description| ("description".to_owned(), description.into())));
        self.send(Method::PUT, &path(new.name.as_str()), Value::Object(body)).await
    }

    async fn describe_secret(&self, name: &SecretName, audience: Vec<Audience>) -> Result<Secret> {
        self.send(Method::PATCH, &path(name.as_str()), serde_json::json!({ "audience": named(&audience) })).await
    }

    async fn delete_secret(&self, name: &SecretName, force: bool) -> Result<()> {
        self.delete(&format!("{}?force={force}", path(name.as_str()))).await
    }

    async fn secret_uses(&self, name: &str, page: &PageRequest) -> Result<Page<SecretUse>> {
        self.query(&format!("{}/uses", path(name)), &page_query(page)).await
    }

    async fn vault_status(&self) -> Result<VaultStatus> {
        self.get("/vault").await
    }

    async fn rotate_vault_key(&self) -> Result<VaultStatus> {
        self.act("/vault/rotate-key").await
    }
}

fn named(audience: &[Audience]) -> Value {
    audience.iter().map(ToString::to_string).collect()
}

/// Names in the configuration may be of any characters.
fn path(name: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let escaped = name.as_bytes().iter().map(|byte| match kept(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    format!("/secrets/{}", escaped.collect::<String>())
}

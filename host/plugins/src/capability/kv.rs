//! `kv`: a small store of the plugin's own.

use sandboxed_model::{Blame, Failure};

use crate::{
    bindings::host::{failures, kv::Host},
    state::PluginState,
};

const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 64 << 10;
const MAX_TOTAL: u64 = 16 << 20;
const MAX_KEYS: u32 = 1000;

impl Host for PluginState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, failures::Failure>> {
        self.count_host_call()?;
        Ok(self.ports.kv.get(&self.plugin, key).await.map_err(Into::into))
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), failures::Failure>> {
        self.count_host_call()?;
        Ok(self.put_checked(key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), failures::Failure>> {
        self.count_host_call()?;
        Ok(self.ports.kv.delete(&self.plugin, key).await.map_err(Into::into))
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, failures::Failure>> {
        self.count_host_call()?;
        let limit = limit.min(MAX_KEYS);
        Ok(self.ports.kv.keys(&self.plugin, prefix, after, limit).await.map_err(Into::into))
    }
}

impl PluginState {
    async fn put_checked(&mut self, key: String, value: Vec<u8>) -> Result<(), Failure> {
        let refuse = |code: &str, message: String| Err(Failure::new(Blame::Plugin, code, message));
        if key.is_empty() || key.len() > MAX_KEY {
            return refuse("kv.key_invalid", format!("a key has 1 to {MAX_KEY} bytes"));
        }
        if value.len() > MAX_VALUE {
            return refuse("kv.too_large", format!("a value has at most {MAX_VALUE} bytes"));
        }
        let total = self.ports.kv.total_bytes(&self.plugin).await?;
        if total + (key.len() + value.len()) as u64 > MAX_TOTAL {
            return refuse("kv.full", format!("the plugin keeps {total} bytes and may keep {MAX_TOTAL}"));
        }
        self.ports.kv.put(&self.plugin, key, value).await
    }
}

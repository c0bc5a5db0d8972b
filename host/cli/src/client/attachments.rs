//! Files that come with messages.

use reqwest::Method;
use sandboxed_model::attachment::Attachment;
use tokio::io::AsyncRead;

use super::{Client, Embedded, Http, http::streamed};
use crate::failed::Result;

impl Client {
    /// Brings a file for a message that is yet to be sent.
    pub(crate) async fn create_attachment(
        &self,
        name: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Attachment> {
        either!(self.create_attachment(name, content))
    }
}

impl Embedded {
    async fn create_attachment(
        &self,
        name: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Attachment> {
        Ok(self.orchestrator.create_attachment(&self.by, name, content).await?)
    }
}

impl Http {
    async fn create_attachment(
        &self,
        name: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Attachment> {
        let request = self.request(Method::POST, "/attachments").query(&[("name", name)]);
        self.read(streamed(request, content)).await
    }
}

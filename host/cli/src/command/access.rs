//! `token` and `user`: who may use the server.

use sandboxed_core::Orchestrator;
use sandboxed_model::Timestamp;

use super::{ago, hidden::ask, with_client};
use crate::{
    arguments::{Place, Token},
    client::{Client, Embedded},
    failed::{Failed, Result},
    output::{self, Table, Terminal},
    settings::Settings,
    telemetry,
};

pub(crate) async fn token(place: &Place, command: Token) -> Result<()> {
    with_client(place, async |client| match command {
        Token::Create { name, scope, expires_in, listing } => {
            let expires_at = expires_in.map(|span| Timestamp::now().after(span));
            let created = client.create_token(name, scope.into(), expires_at).await?;
            if listing.json {
                return output::print_json(&created);
            }
            // Alone on standard output, so that it can be taken into a variable.
            output::print(&created.secret)?;
            output::hint("it is not shown again: set SANDBOXED_SH_TOKEN to it where it is used");
            Ok(())
        }
        Token::List(listing) => {
            let tokens = client.tokens().await?;
            if listing.json {
                return output::print_json(&tokens);
            }
            let mut table = Table::new(&["ID", "NAME", "SCOPE", "MADE", "USED", "ENDS"]);
            for token in &tokens {
                table.row([
                    token.id.to_string(),
                    token.name.clone(),
                    format!("{:?}", token.scope).to_lowercase(),
                    ago(token.created_at),
                    token.last_used_at.map_or_else(|| "never".to_owned(), ago),
                    token.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
                ]);
            }
            output::print(&table.render(Terminal::of_stdout(), "no tokens"))
        }
        Token::Revoke { id } => {
            client.revoke_token(id).await?;
            output::print(&format!("token {id} revoked"))
        }
    })
    .await
}

/// Sets the password of the user `admin` while no server runs.
pub(crate) async fn set_password(place: &Place) -> Result<()> {
    let settings = Settings::load(place, None)?;
    if place.server.is_some() || Client::running(&settings).await?.is_some() {
        return Err(Failed::unavailable("a server is running, and a password is set only while none does")
            .hint("stop the server first; the runs of its missions go on"));
    }
    let password = tokio::task::spawn_blocking(|| ask("new password of the user admin: ", "the password")).await;
    let password = password.map_err(|error| Failed::new(format!("the password cannot be read: {error}")))??;
    telemetry::quiet();
    let server = Embedded::of(Orchestrator::start(settings.setup()?).await?).await?;
    let result = server.orchestrator().ensure_admin(Some(password.to_string())).await;
    server.close().await;
    result?;
    output::print("the password of the user admin is set; whoever was logged in is logged out")
}

//! `provider sign-in`.

use std::time::Duration;

use sandboxed_core::{NewSignIn, SignInBegun, SignInKind, SignInState};
use sandboxed_model::{
    account::{Account, AccountName},
    provider::ProviderId,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::secrets::hidden_value;
use crate::{
    arguments::SignIn,
    client::Client,
    failed::{Failed, Result},
    output,
};

/// How often it is looked whether the browser came back.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn sign_in(client: &Client, wanted: SignIn) -> Result<()> {
    let SignIn { at, name, base_url, browser } = wanted;
    let accounts = client.accounts().await?;
    let (name, provider) = named(&accounts, at, name)?;
    let begun = client.begin_sign_in(&name, NewSignIn { provider, base_url, browser }).await?;
    let SignInBegun { kind, url, code, expires_at, .. } = begun;
    output::print(&format!("Open this address in a browser, before {expires_at}:\n\n{}\n", output::safe(&url)))?;
    match kind {
        SignInKind::CopyPaste => {
            let code = hidden_value("the code that is shown there at the end: ".to_owned(), None).await?;
            let code = std::str::from_utf8(code.expose_secret()).map(SecretString::from);
            let code = code.map_err(|_| Failed::usage("a code is one line of text"))?;
            client.finish_sign_in(&name, &code).await?;
        }
        SignInKind::Callback => {
            output::remark("waiting until the browser came back from there");
            ended(client, &name).await?;
        }
        SignInKind::Device => {
            let code = code.unwrap_or_default();
            output::print(&format!("and type this code there:  {}\n", output::safe(&code)))?;
            ended(client, &name).await?;
        }
    }
    output::print(&format!("signed in to the account {name}: `sandboxed-sh provider test {name}` tries it"))
}

/// The account, and its provider where that has to be told.
fn named(
    accounts: &[Account],
    at: AccountName,
    name: Option<AccountName>,
) -> Result<(AccountName, Option<ProviderId>)> {
    if name.is_none() && accounts.iter().any(|account| account.name == at) {
        return Ok((at, None));
    }
    let provider = at.as_str().parse().map_err(|_| {
        Failed::usage(format!("{at} is no account, and no name of a provider"))
            .hint("`sandboxed-sh provider catalogue` lists the providers")
    })?;
    Ok((name.unwrap_or(at), Some(provider)))
}

/// Waits for the end of a sign-in.
async fn ended(client: &Client, name: &AccountName) -> Result<()> {
    loop {
        let status = client.sign_in_status(name).await?;
        match (status.state, status.problem) {
            (SignInState::Waiting, _) => tokio::time::sleep(LOOK).await,
            (SignInState::Done, _) => return Ok(()),
            (SignInState::Failed, Some(problem)) => return Err(problem.into()),
            (SignInState::Failed, None) => return Err(Failed::new("the sign-in came to nothing")),
        }
    }
}

//! `provider`: accounts at providers of models.

use sandboxed_core::{AccountKey, NewProviderAccount, Trial};
use sandboxed_model::{
    Timestamp,
    account::{Account, AccountChange, AccountHealth, AccountName, Credential},
    catalogue::Model,
    price::Rates,
    provider::Provider,
};

use super::{secrets::hidden_value, sign_in::sign_in, usage::dollars_per_million, with_client};
use crate::{
    arguments::{AddAccount, KeyArguments, Place, Providers},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

pub(crate) async fn providers(place: &Place, command: Providers) -> Result<()> {
    with_client(place, async |client| match command {
        Providers::Add(wanted) => add(client, wanted).await,
        Providers::List(listing) => {
            let accounts = client.accounts().await?;
            if listing.json { output::print_json(&accounts) } else { list(&accounts) }
        }
        Providers::Test { name, listing } => {
            let trial = client.test_account(&name).await?;
            if listing.json { output::print_json(&trial) } else { tried(&name, &trial) }
        }
        Providers::Key { name, key } => {
            let key = asked_key(&name, key).await?;
            client.change_account(&name, Some(key), AccountChange::default()).await?;
            output::print(&format!("the account {name} has another key: `sandboxed-sh provider test {name}` tries it"))
        }
        Providers::SignIn(wanted) => sign_in(client, wanted).await,
        Providers::SignOut { name } => {
            client.sign_out(&name).await?;
            output::print(&format!("nobody is signed in to the account {name} any more"))
        }
        Providers::Set { name, base_url, models, all_models, owner, for_everybody } => {
            let models = (all_models || !models.is_empty()).then_some(models);
            let owner = owner.map(Some).or(for_everybody.then_some(None));
            let change = AccountChange { base_url: base_url.map(Some), models, owner, ..AccountChange::default() };
            list(&[client.change_account(&name, None, change).await?])
        }
        Providers::Enable { name } => enable(client, &name, true).await,
        Providers::Disable { name } => enable(client, &name, false).await,
        Providers::Order { names } => {
            let rest = client.accounts().await?.into_iter().map(|account| account.name);
            let rest: Vec<AccountName> = rest.filter(|name| !names.contains(name)).collect();
            list(&client.order_accounts(names.into_iter().chain(rest).collect()).await?)
        }
        Providers::Delete { name } => {
            client.delete_account(&name).await?;
            output::print(&format!("account {name} deleted"))
        }
        Providers::Catalogue(listing) => {
            let providers = client.providers().await?;
            if listing.json { output::print_json(&providers) } else { catalogue(&providers) }
        }
        Providers::Models { provider, listing } => {
            let models = client.models(provider.as_ref()).await?;
            if listing.json { output::print_json(&models) } else { priced(&models) }
        }
    })
    .await
}

async fn add(client: &Client, wanted: AddAccount) -> Result<()> {
    let AddAccount { provider, name, key, base_url, models, owner, listing } = wanted;
    let name = match name {
        Some(name) => name,
        // Every name of a provider is one that an account can have.
        None => provider.as_str().parse().map_err(|error| Failed::usage(format!("{error}")))?,
    };
    let key = asked_key(&name, key).await?;
    let new = NewProviderAccount { name, provider, key, base_url, models, enabled: true, owner };
    let account = client.add_account(new).await?;
    if listing.json {
        return output::print_json(&account);
    }
    output::print(&format!(
        "account {} added: `sandboxed-sh provider test {}` tries it, and missions ask models by it from their next turn on",
        account.name, account.name
    ))
}

async fn asked_key(name: &AccountName, key: KeyArguments) -> Result<AccountKey> {
    let KeyArguments { from_file, secret, no_key } = key;
    match (secret, no_key) {
        (Some(secret), _) => Ok(AccountKey::Secret(secret)),
        (None, true) => Ok(AccountKey::None),
        (None, false) => {
            Ok(AccountKey::Value(hidden_value(format!("key of the account {name}: "), from_file.as_deref()).await?))
        }
    }
}

async fn enable(client: &Client, name: &AccountName, enabled: bool) -> Result<()> {
    let change = AccountChange { enabled: Some(enabled), ..AccountChange::default() };
    client.change_account(name, None, change).await?;
    output::print(&format!("the account {name} is {}", if enabled { "used again" } else { "not used any more" }))
}

fn list(accounts: &[Account]) -> Result<()> {
    let mut table = Table::new(&["NAME", "PROVIDER", "KEY", "STATE", "MODELS", "FOR", "AT"]);
    for account in accounts {
        table.row([
            account.name.to_string(),
            account.provider.to_string(),
            match &account.credential {
                Credential::ApiKey { secret } => secret.clone(),
                Credential::SignIn { .. } => "sign-in".to_owned(),
                Credential::None => "none".to_owned(),
            },
            standing(account),
            match account.models.is_empty() {
                true => "all".to_owned(),
                false => account.models.iter().map(|model| model.as_str()).collect::<Vec<_>>().join(", "),
            },
            account.owner.map_or_else(|| "everybody".to_owned(), |owner| owner.to_string()),
            account.base_url.clone().unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no accounts: `sandboxed-sh provider add anthropic` adds one"))
}

fn standing(account: &Account) -> String {
    match &account.health {
        _ if !account.enabled => "disabled".to_owned(),
        AccountHealth::Cooling { until, why } if *until > Timestamp::now() => {
            format!("waits until {until} ({})", why.code)
        }
        AccountHealth::Ready | AccountHealth::Cooling { .. } => "ready".to_owned(),
        AccountHealth::Refused { why, .. } => format!("refused ({})", why.code),
    }
}

fn tried(name: &AccountName, trial: &Trial) -> Result<()> {
    let took = trial.took_ms;
    match &trial.problem {
        None => {
            let models = trial.models.map(|models| format!(", which lists {models} models")).unwrap_or_default();
            output::print(&format!("the account {name} works: the provider answered in {took} ms{models}"))
        }
        Some(problem) => Err(problem.clone().into()),
    }
}

fn catalogue(providers: &[Provider]) -> Result<()> {
    let mut table = Table::new(&["ID", "TITLE", "FORMATS", "AT", "KEYS"]);
    for provider in providers {
        let formats: Vec<&str> = provider.endpoints.keys().map(|format| format.as_str()).collect();
        table.row([
            provider.id.to_string(),
            provider.title.clone(),
            formats.join(", "),
            provider.endpoints.values().next().cloned().unwrap_or_default(),
            provider.keys_page.clone().unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no providers"))
}

fn priced(models: &[Model]) -> Result<()> {
    let mut table = Table::new(&["PROVIDER", "MODEL", "INPUT", "CACHED", "OUTPUT", "CONTEXT", "PRICES OF"]);
    for model in models {
        let price = model.prices.iter().max_by_key(|price| price.from);
        let rate = |rate: fn(&Rates) -> u64| {
            price.map_or_else(|| "unknown".to_owned(), |price| dollars_per_million(rate(&price.rates)))
        };
        table.row([
            model.provider.to_string(),
            model.id.clone(),
            rate(|rates| rates.input),
            rate(|rates| rates.cache_read),
            rate(|rates| rates.output),
            model.context_tokens.map(|tokens| tokens.to_string()).unwrap_or_default(),
            price.map(|price| price.from.to_string()).unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no models"))
}

//! From the name that an agent gives to a model to the accounts that can be asked for it.

use std::collections::BTreeMap;

use sandboxed_model::{
    Blame, Failure, UserId,
    account::{Account, ModelPattern},
    catalogue::{Catalogue, Model},
    wire::WireFormat,
};

/// The most names that are proposed in place of an unknown one.
const PROPOSED: usize = 3;

/// What decides which accounts a request can go to.
pub(super) struct Rules<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) aliases: &'a BTreeMap<String, String>,
    /// Models that may be asked for. Empty: all.
    pub(super) allow: &'a [ModelPattern],
}

/// An account that can be asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) account: Account,
    /// The model's name at the provider.
    pub(super) model: String,
    /// Where the provider is asked.
    pub(super) base_url: String,
}

impl Rules<'_> {
    /// The accounts that can be asked for a model in a format, in their order.
    ///
    /// # Errors
    /// When there is none: because there is no account at all, the model may not be asked for, nobody has it, or those that
    /// have it do not speak the format.
    pub(super) fn candidates(
        &self,
        accounts: &[Account],
        owner: UserId,
        wanted: &str,
        format: WireFormat,
    ) -> Result<Vec<Candidate>, Failure> {
        let usable = |account: &&Account| account.enabled && account.owner.is_none_or(|only| only == owner);
        let accounts: Vec<&Account> = accounts.iter().filter(usable).collect();
        if accounts.is_empty() {
            return Err(Failure::new(
                Blame::Config,
                "models.no_account",
                "there is no account at any provider of models",
            )
            .with_hint("sandboxed-sh provider add anthropic"));
        }
        let asked = self.aliases.get(wanted).map_or(wanted, String::as_str);
        if !self.allow.is_empty() && !self.allow.iter().any(|pattern| pattern.matches(wanted) || pattern.matches(asked))
        {
            let message = format!("the model {wanted:?} may not be asked for");
            return Err(Failure::new(Blame::Denied, "models.denied", message)
                .with_hint(format!("[models] allow = [{wanted:?}] in sandboxed.toml")));
        }
        let mut known = false;
        let mut denied = false;
        let mut found = Vec::new();
        // Who is meant, if the name begins with one that is known.
        let meant = asked.split_once('/').map(|(first, _)| first).filter(|first| {
            accounts.iter().any(|account| account.name.as_str() == *first || account.provider.as_str() == *first)
        });
        for account in accounts {
            let Some(provider) = self.catalogue.provider(&account.provider) else { continue };
            let name = match asked.split_once('/') {
                Some((first, rest)) if first == account.name.as_str() || first == account.provider.as_str() => rest,
                _ => asked,
            };
            let model = self.catalogue.model(&account.provider, name);
            let another = meant.is_some() && name.len() == asked.len();
            let unlisted = provider.unlisted_models && !another && is_asked_of(account, asked, name, self.catalogue);
            if model.is_none() && !unlisted {
                continue;
            }
            known = true;
            if !account.serves(name) {
                denied = true;
                continue;
            }
            let speaks = model.is_none_or(|model| model.formats.is_empty() || model.formats.contains(&format));
            let Some(base_url) = provider.endpoint(format, account.base_url.as_deref()).filter(|_| speaks) else {
                continue;
            };
            found.push(Candidate { account: account.clone(), model: name.to_owned(), base_url });
        }
        match (found.is_empty(), known, denied) {
            (false, ..) => Ok(found),
            (true, true, true) => {
                let message = format!("no account is used for the model {wanted:?}");
                Err(Failure::new(Blame::Denied, "models.denied", message)
                    .with_hint("`sandboxed-sh provider list` shows for which models each account is used"))
            }
            (true, true, false) => {
                let message = format!("no account speaks the format {format} for the model {wanted:?}");
                Err(Failure::new(Blame::Config, "models.format_unsupported", message)
                    .with_hint("take another model, or an agent that speaks another format"))
            }
            (true, false, _) => Err(self.unknown(wanted)),
        }
    }

    /// The accounts that speak a format at all, in their order, for a connection of which the model is not known yet.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn speaking(
        &self,
        accounts: &[Account],
        owner: UserId,
        format: WireFormat,
    ) -> Result<Vec<Candidate>, Failure> {
        let usable =
            accounts.iter().filter(|account| account.enabled && account.owner.is_none_or(|only| only == owner));
        let found: Vec<Candidate> = usable
            .filter_map(|account| {
                let provider = self.catalogue.provider(&account.provider)?;
                let base_url = provider.endpoint(format, account.base_url.as_deref())?;
                Some(Candidate { account: account.clone(), model: String::new(), base_url })
            })
            .collect();
        if found.is_empty() {
            let message = format!("no account speaks the format {format}");
            return Err(Failure::new(Blame::Config, "models.format_unsupported", message)
                .with_hint("sandboxed-sh provider add openai"));
        }
        Ok(found)
    }

    fn unknown(&self, wanted: &str) -> Failure {
        let failure = Failure::new(Blame::Config, "models.unknown", format!("no account has a model {wanted:?}"));
        let near = self.near(wanted);
        match near.is_empty() {
            true => failure.with_hint("`sandboxed-sh provider models` lists those that accounts have"),
            false => failure.with_hint(format!("did you mean {}?", near.join(", "))),
        }
    }

    /// Names that are nearly this one.
    fn near(&self, wanted: &str) -> Vec<&str> {
        let likeness = |model: &Model| strsim::jaro_winkler(&model.id, wanted);
        let mut near: Vec<(f64, &str)> = self
            .catalogue
            .models()
            .iter()
            .map(|model| (likeness(model), model.id.as_str()))
            .filter(|(likeness, _)| *likeness > 0.85)
            .collect();
        near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        near.dedup_by(|(_, one), (_, other)| one == other);
        near.into_iter().take(PROPOSED).map(|(_, name)| name).collect()
    }
}

/// Whether a model that the catalogue does not know may be this account's: the name says so itself, the account says that it
/// is used for it, or no provider is known to have it.
fn is_asked_of(account: &Account, asked: &str, name: &str, catalogue: &Catalogue) -> bool {
    name.len() < asked.len()
        || (!account.models.is_empty() && account.serves(name))
        || !catalogue.providers().iter().any(|provider| catalogue.model(&provider.id, asked).is_some())
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{
        Timestamp,
        account::{AccountHealth, Credential},
    };

    use super::*;

    fn account(name: &str, provider: &str) -> Account {
        Account {
            name: name.parse().unwrap(),
            provider: provider.parse().unwrap(),
            credential: Credential::None,
            base_url: None,
            models: Vec::new(),
            position: 0,
            enabled: true,
            owner: None,
            health: AccountHealth::Ready,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    fn asked(accounts: &[Account], wanted: &str, format: WireFormat) -> Result<Vec<String>, String> {
        let catalogue = Catalogue::parse(
            "test",
            r#"
[providers.one]
title = "One"
key = "bearer"
endpoints = { messages = "https://one.example", chat = "https://one.example/v1" }

[providers.two]
title = "Two"
key = "bearer"
unlisted_models = true
endpoints = { chat = "https://two.example/v1" }

[models.one."big"]
[models.one."small"]
formats = ["chat"]
[models.two."big"]
"#,
            &Catalogue::default(),
        )
        .unwrap();
        let aliases = BTreeMap::from([("fast".to_owned(), "two/big".to_owned())]);
        let rules = Rules { catalogue: &catalogue, aliases: &aliases, allow: &[] };
        let found = rules.candidates(accounts, UserId::new(), wanted, format);
        let named = |found: Vec<Candidate>| {
            found.into_iter().map(|found| format!("{}:{}", found.account.name, found.model)).collect()
        };
        found.map(named).map_err(|failure| failure.code)
    }

    #[test]
    fn all_accounts_that_have_the_model_and_speak_the_format_are_asked_in_their_order() {
        let accounts = [account("a", "two"), account("b", "one"), account("c", "one")];
        let found = |wanted, format| asked(&accounts, wanted, format).unwrap();

        assert_eq!(found("big", WireFormat::Chat), ["a:big", "b:big", "c:big"]);
        assert_eq!(found("big", WireFormat::Messages), ["b:big", "c:big"]);
        assert_eq!(found("one/big", WireFormat::Chat), ["b:big", "c:big"]);
        assert_eq!(found("c/big", WireFormat::Chat), ["c:big"]);
        assert_eq!(found("fast", WireFormat::Chat), ["a:big"]);
    }

    #[test]
    fn a_model_that_nobody_lists_goes_to_who_takes_any() {
        let accounts = [account("a", "two"), account("b", "one")];

        assert_eq!(asked(&accounts, "new", WireFormat::Chat).unwrap(), ["a:new"]);
        // It is known whose this one is.
        assert_eq!(asked(&accounts, "small", WireFormat::Chat).unwrap(), ["b:small"]);
        assert_eq!(asked(&accounts[1..], "new", WireFormat::Chat).unwrap_err(), "models.unknown");
    }

    #[test]
    fn what_stands_in_the_way_is_told() {
        let mut only_small = account("b", "one");
        only_small.models = vec!["small".parse().unwrap()];
        let mut disabled = account("b", "one");
        disabled.enabled = false;
        let mut anothers = account("b", "one");
        anothers.owner = Some(UserId::new());

        for (accounts, wanted, format, code) in [
            (vec![], "big", WireFormat::Chat, "models.no_account"),
            (vec![disabled], "big", WireFormat::Chat, "models.no_account"),
            (vec![anothers], "big", WireFormat::Chat, "models.no_account"),
            (vec![only_small], "big", WireFormat::Chat, "models.denied"),
            (vec![account("b", "one")], "small", WireFormat::Messages, "models.format_unsupported"),
            (vec![account("b", "one")], "big", WireFormat::Gemini, "models.format_unsupported"),
        ] {
            assert_eq!(asked(&accounts, wanted, format).unwrap_err(), code, "{wanted} {format}");
        }
    }
}

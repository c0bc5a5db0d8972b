//! `provider`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sandboxed_model::{
    UserId,
    account::{AccountName, ModelPattern},
    provider::ProviderId,
    secret::SecretName,
};

use super::Listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// Add an account at a provider. Its key is asked for without being shown, or read from standard input or a file.
    Add(AddAccount),
    /// List accounts in the order in which they are used, with how each stands.
    List(Listing),
    /// Try an account: ask its provider for the list of models, which costs nothing.
    Test {
        /// The account.
        name: AccountName,
        #[command(flatten)]
        listing: Listing,
    },
    /// Give an account another key.
    Key {
        /// The account.
        name: AccountName,
        #[command(flatten)]
        key: KeyArguments,
    },
    /// Sign in to an account instead of giving a key. Prints the address to open in a browser, and asks for the code that is
    /// shown there at the end, or waits until the browser came back.
    SignIn(SignIn),
    /// Forget what a sign-in granted. The account stays.
    SignOut {
        /// The account.
        name: AccountName,
    },
    /// Change what an account is used for.
    Set {
        /// The account.
        name: AccountName,
        /// Where the provider is, of those that are not in one place for all.
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        /// A model that it is used for, with * for any text, and no others but those named like this.
        #[arg(long = "model", value_name = "PATTERN", conflicts_with = "all_models")]
        models: Vec<ModelPattern>,
        /// Use it for all models.
        #[arg(long)]
        all_models: bool,
        /// Let only this user's missions use it.
        #[arg(long, value_name = "ID", conflicts_with = "for_everybody")]
        owner: Option<UserId>,
        /// Let everybody's missions use it.
        #[arg(long)]
        for_everybody: bool,
    },
    /// Use an account again.
    Enable {
        /// The account.
        name: AccountName,
    },
    /// Use an account no longer, and keep it.
    Disable {
        /// The account.
        name: AccountName,
    },
    /// Use accounts in another order. Those that are not named come after, in their order.
    Order {
        /// The accounts that come first.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<AccountName>,
    },
    /// Delete an account, with its key if that was given with it.
    Delete {
        /// The account.
        name: AccountName,
    },
    /// List the providers that the catalogue knows.
    Catalogue(Listing),
    /// List the models that the catalogue knows, with their prices.
    Models {
        /// Only this provider's.
        #[arg(long, value_name = "ID")]
        provider: Option<ProviderId>,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddAccount {
    /// The provider: anthropic, openai, … (`provider catalogue` lists them).
    pub(crate) provider: ProviderId,
    /// The account's name; the provider's where it is left away.
    #[arg(long)]
    pub(crate) name: Option<AccountName>,
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// Where the provider is, of those that are not in one place for all.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// A model that it is used for, with * for any text. Can be given more than once.
    #[arg(long = "model", value_name = "PATTERN")]
    pub(crate) models: Vec<ModelPattern>,
    /// Let only this user's missions use it.
    #[arg(long, value_name = "ID")]
    pub(crate) owner: Option<UserId>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Args)]
pub(crate) struct SignIn {
    /// The provider, or an account that is there already.
    #[arg(value_name = "PROVIDER")]
    pub(crate) at: AccountName,
    /// The account's name; the provider's where it is left away.
    #[arg(long)]
    pub(crate) name: Option<AccountName>,
    /// Where the provider is, of those that are not in one place for all.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Use a browser also where the provider has codes for other devices.
    #[arg(long)]
    pub(crate) browser: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct KeyArguments {
    /// Read the key from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// A secret that is there already and is for the provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Option<SecretName>,
    /// It shows no key.
    #[arg(long)]
    pub(crate) no_key: bool,
}

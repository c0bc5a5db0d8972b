//! A catalogue as TOML, as `config/models.toml` explains it.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{self, Display as _},
    path::Path,
};

use serde::{Deserialize, Deserializer, de};
use toml::Value;

use super::{Catalogue, Model};
use crate::{
    config::{Document, Invalid, Source},
    day::Day,
    price::{InvalidDollars, LongContext, Price, Rates, micro_dollars},
    provider::{KeyPlace, Provider, ProviderId, Redirect, SignIn},
    wire::WireFormat,
};

/// The catalogue that comes with the server. It is the file `config/models.toml` of the repository.
pub const EMBEDDED: &str = include_str!("../../../../config/models.toml");

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct File {
    providers: BTreeMap<ProviderId, ProviderEntry>,
    models: BTreeMap<ProviderId, BTreeMap<String, ModelEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderEntry {
    title: String,
    endpoints: BTreeMap<WireFormat, String>,
    key: KeyPlace,
    #[serde(default)]
    format_keys: BTreeMap<WireFormat, KeyPlace>,
    #[serde(default)]
    unlisted_models: bool,
    #[serde(default)]
    free: bool,
    models_url: Option<String>,
    sign_in: Option<SignIn>,
    key_variable: Option<String>,
    keys_page: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    title: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    context_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    #[serde(default)]
    formats: Vec<WireFormat>,
    #[serde(default)]
    prices: Vec<PriceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    from: Day,
    input: Dollars,
    output: Dollars,
    cache_read: Option<Dollars>,
    cache_write: Option<Dollars>,
    cache_write_1h: Option<Dollars>,
    above: Option<AboveEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AboveEntry {
    input_tokens: u64,
    input: Dollars,
    output: Dollars,
    cache_read: Option<Dollars>,
    cache_write: Option<Dollars>,
    cache_write_1h: Option<Dollars>,
}

/// Dollars per million tokens, which are as many micro-dollars per million millionths.
#[derive(Clone, Copy)]
struct Dollars(u64);

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Dollars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                InvalidDollars.fmt(f)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dollars, E> {
                micro_dollars(text).map(Dollars).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Dollars, E> {
                self.visit_str(&number.to_string())
            }

            // The shortest text that reads as this number is the one that was written.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Dollars, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// What is not said of a cache costs as much as without it.
fn rates(
    input: Dollars,
    output: Dollars,
    cache_read: Option<Dollars>,
    cache_write: Option<Dollars>,
    cache_write_1h: Option<Dollars>,
) -> Rates {
    let cache_write = cache_write.unwrap_or(input);
    Rates {
        input: input.0,
        cache_read: cache_read.unwrap_or(input).0,
        cache_write: cache_write.0,
        cache_write_1h: cache_write_1h.unwrap_or(cache_write).0,
        output: output.0,
    }
}

impl From<PriceEntry> for Price {
    fn from(entry: PriceEntry) -> Self {
        Self {
            from: entry.from,
            rates: rates(entry.input, entry.output, entry.cache_read, entry.cache_write, entry.cache_write_1h),
            above: entry.above.map(|above| LongContext {
                input_tokens: above.input_tokens,
                rates: rates(above.input, above.output, above.cache_read, above.cache_write, above.cache_write_1h),
            }),
        }
    }
}

impl ProviderEntry {
    fn provider(self, id: ProviderId) -> Provider {
        Provider {
            id,
            title: self.title,
            endpoints: self.endpoints,
            key: self.key,
            format_keys: self.format_keys,
            unlisted_models: self.unlisted_models,
            free: self.free,
            models_url: self.models_url,
            sign_in: self.sign_in,
            key_variable: self.key_variable,
            keys_page: self.keys_page,
        }
    }
}

impl ModelEntry {
    fn model(self, provider: ProviderId, id: String) -> Model {
        Model {
            provider,
            aliases: self.aliases,
            title: self.title.unwrap_or_else(|| id.clone()),
            id,
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
            prices: self.prices.into_iter().map(Price::from).collect(),
            formats: self.formats,
        }
    }
}

impl Catalogue {
    /// The catalogue that comes with the server.
    pub fn embedded() -> Self {
        Self::parse("models.toml", EMBEDDED, &Self::default()).expect("a test reads the catalogue that is built in")
    }

    /// Reads a catalogue. `below` is the one over which it is going to be laid: its models may be of providers that are there.
    /// `name` is where the text is from, for messages.
    ///
    /// # Errors
    /// Everything that is wrong, not only what is found first.
    pub fn parse(name: &str, text: &str, below: &Self) -> Result<Self, Invalid> {
        let mut document = Document::read(Source { name, text, home: None, working_dir: Path::new("/") })?;
        document.check_values::<File>();
        if document.problems.is_empty() {
            check_entries(&mut document);
        }
        if !document.problems.is_empty() {
            return Err(document.invalid());
        }
        let file = File::deserialize(Value::Table(document.table.clone())).unwrap_or_else(|error| {
            document.problem::<&str>(&[], error.message().trim().replace('\n', ", "));
            File::default()
        });
        let providers = file.providers.into_iter().map(|(id, entry)| entry.provider(id)).collect();
        let models = file
            .models
            .into_iter()
            .flat_map(|(provider, models)| models.into_iter().map(move |(id, entry)| entry.model(provider.clone(), id)))
            .collect();
        let catalogue = Self { providers, models }.sorted();
        catalogue.providers.iter().for_each(|provider| check_provider(&mut document, provider));
        catalogue.check_models(&mut document, below);
        if document.problems.is_empty() { Ok(catalogue) } else { Err(document.invalid()) }
    }

    fn check_models(&self, document: &mut Document<'_>, below: &Self) {
        for model in &self.models {
            let path = ["models", model.provider.as_str(), &model.id];
            let Some(provider) = self.provider(&model.provider).or_else(|| below.provider(&model.provider)) else {
                document.problem(&path, format!("there is no provider {:?}", model.provider.as_str()));
                continue;
            };
            for format in &model.formats {
                if !provider.endpoints.contains_key(format) {
                    document.problem(&path, format!("the provider has no endpoint of the format {format}"));
                }
            }
            let mut days: HashMap<Day, usize> = HashMap::new();
            for price in &model.prices {
                let times = days.entry(price.from).or_default();
                *times += 1;
                if *times == 2 {
                    document.problem(&path, format!("two prices hold from {} on", price.from));
                }
            }
            for name in std::iter::once(&model.id).chain(&model.aliases) {
                if !is_name(name) {
                    document.problem(&path, "a model's name is 1 to 200 visible ASCII characters, none of them *");
                }
                let others = self.models_of(&model.provider).iter().filter(|other| other.id != model.id);
                if let Some(other) = others.into_iter().find(|other| other.is_named(name)) {
                    document.problem(&path, format!("{name:?} is also a name of {:?}", other.id));
                }
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*')
}

/// What only a whole entry can show: that a key is missing.
fn check_entries(document: &mut Document<'_>) {
    let mut missing = Vec::new();
    let table = |value: Option<&Value>| value.and_then(Value::as_table).cloned().unwrap_or_default();
    for (id, entry) in table(document.table.get("providers")) {
        if let Err(error) = ProviderEntry::deserialize(entry) {
            missing.push((vec!["providers".to_owned(), id], error));
        }
    }
    for (provider, models) in table(document.table.get("models")) {
        for (id, entry) in table(Some(&models)) {
            if let Err(error) = ModelEntry::deserialize(entry) {
                missing.push((vec!["models".to_owned(), provider.clone(), id], error));
            }
        }
    }
    for (path, error) in missing {
        document.problem(&path, error.message().trim().replace('\n', ", "));
    }
}

fn check_provider(document: &mut Document<'_>, provider: &Provider) {
    let path = ["providers", provider.id.as_str()];
    let is_web = |url: &str| {
        url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).is_some_and(|rest| !rest.is_empty())
            && url.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let is_url = |url: &str| match url.strip_prefix(Provider::BASE) {
        Some(rest) => rest.is_empty() || (rest.starts_with('/') && rest.bytes().all(|byte| byte.is_ascii_graphic())),
        None => is_web(url),
    };
    if provider.endpoints.is_empty() {
        document.problem(&path, "it has no endpoint");
    }
    for url in provider.endpoints.values() {
        if !is_url(url) || url.ends_with('/') {
            let message = "an endpoint is a URL that begins with https://, http:// or {base} and does not end with /";
            document.problem(&path, message);
        }
    }
    if provider.models_url.as_deref().is_some_and(|url| !is_url(url)) {
        document.problem(&path, "models_url begins with https://, http:// or {base}");
    }
    let sign_in = provider.sign_in.iter().flat_map(|sign_in| {
        let page = match &sign_in.redirect {
            Redirect::CopyPaste(url) => Some(url),
            Redirect::Callback => None,
        };
        [&sign_in.authorize_url, &sign_in.token_url].into_iter().chain(&sign_in.device_url).chain(page)
    });
    if !sign_in.chain(&provider.keys_page).all(|url| is_web(url)) {
        document.problem(&path, "URLs of pages and of sign-in begin with https:// or http://");
    }
}

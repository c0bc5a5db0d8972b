//! The catalogue: which providers there are, which models they have, and what those cost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Timestamp,
    price::{self, Cost, Price},
    provider::{Provider, ProviderId},
    wire::{Tokens, WireFormat},
};

mod file;
#[cfg(test)]
mod tests;

pub use file::EMBEDDED;

/// A model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's name for it.
    pub id: String,
    /// Other names of it that the provider takes.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its name for people.
    pub title: String,
    /// The most tokens of input and output together, or of input alone where the provider counts so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The most tokens of one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What it costs, by day. Empty: that is not known.
    pub prices: Vec<Price>,
    /// The formats in which it can be asked. Empty: all of the provider's.
    #[serde(default)]
    pub formats: Vec<WireFormat>,
}

impl Model {
    /// What it costs at this time. `None` where that is not known.
    pub fn price(&self, at: Timestamp) -> Option<&Price> {
        price::at(&self.prices, at.day())
    }

    /// What a request costs that used these tokens. `None` where the price is not known, which is never nothing.
    pub fn cost(&self, tokens: &Tokens, at: Timestamp) -> Option<Cost> {
        self.price(at).map(|price| price.cost(tokens))
    }

    /// The most that a request with so many tokens of input and output can cost, in micro-dollars. `None` where the price
    /// is not known.
    pub fn worst(&self, input_tokens: u64, output_tokens: u64, at: Timestamp) -> Option<u64> {
        self.price(at).map(|price| price.worst(input_tokens, output_tokens))
    }

    /// Whether it goes by this name.
    fn is_named(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Providers and their models, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// By id.
    providers: Vec<Provider>,
    /// By provider and id.
    models: Vec<Model>,
}

impl Catalogue {
    /// All providers, by id.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// All models, by provider and id.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// A provider.
    pub fn provider(&self, id: &ProviderId) -> Option<&Provider> {
        self.providers.binary_search_by(|provider| provider.id.cmp(id)).ok().map(|place| &self.providers[place])
    }

    /// All models of a provider.
    pub fn models_of(&self, provider: &ProviderId) -> &[Model] {
        let first = self.models.partition_point(|model| model.provider < *provider);
        let after = self.models.partition_point(|model| model.provider <= *provider);
        &self.models[first..after]
    }

    /// The model of a provider that goes by this name: its id or one of its other names, and nothing like it. A name with a
    /// date that is not listed is another model, whose price may be another.
    pub fn model(&self, provider: &ProviderId, name: &str) -> Option<&Model> {
        let models = self.models_of(provider);
        match models.binary_search_by(|model| model.id.as_str().cmp(name)) {
            Ok(place) => Some(&models[place]),
            Err(_) => models.iter().find(|model| model.is_named(name)),
        }
    }

    /// What a model of a provider costs at this time. `None` where that is not known, which is never nothing.
    pub fn price(&self, provider: &ProviderId, model: &str, at: Timestamp) -> Option<&Price> {
        match self.model(provider, model).and_then(|model| model.price(at)) {
            None if self.provider(provider)?.free => Some(&Price::FREE),
            price => price,
        }
    }

    /// The same with what another says over it: its providers and models take the place of those with the same ids.
    #[must_use]
    pub fn overlay(mut self, over: Self) -> Self {
        self.providers.retain(|provider| over.provider(&provider.id).is_none());
        self.providers.extend(over.providers);
        let replaced =
            |model: &Model| over.models.iter().any(|new| (&new.provider, &new.id) == (&model.provider, &model.id));
        self.models.retain(|model| !replaced(model));
        // A name that moved to another model is no longer one of the first.
        for model in &mut self.models {
            let provider = &model.provider;
            let moved = |alias: &String| over.models.iter().any(|new| new.provider == *provider && new.is_named(alias));
            model.aliases.retain(|alias| !moved(alias));
        }
        self.models.extend(over.models);
        self.sorted()
    }

    fn sorted(mut self) -> Self {
        self.providers.sort_by(|left, right| left.id.cmp(&right.id));
        self.models.sort_by(|left, right| (&left.provider, &left.id).cmp(&(&right.provider, &right.id)));
        self
    }
}

use std::collections::HashSet;

use super::*;
use crate::day::Day;

const SMALL: &str = r#"
[providers.acme]
title = "Acme"
endpoints.messages = "https://models.acme.example"
endpoints.chat = "{base}/v1"
key = "x_api_key"
format_keys.chat = "bearer"

[models.acme."fast-1.5"]
aliases = ["fast-latest"]
context_tokens = 200_000
formats = ["messages"]
prices = [
    { from = "2025-01-01", input = 3, output = "15.00" },
    { from = "2026-01-01", input = 0.075, cache_read = 0.0075, cache_write = 0.1, output = 0.3, above = { input_tokens = 1000, input = 1, output = 2 } },
]
"#;

fn parse(text: &str) -> Result<Catalogue, String> {
    Catalogue::parse("own.toml", text, &Catalogue::default()).map_err(|error| error.to_string())
}

fn id(text: &str) -> ProviderId {
    text.parse().unwrap()
}

fn on(day: &str) -> Timestamp {
    day.parse::<Day>().unwrap().start()
}

#[test]
fn prices_are_read_exactly_and_caches_cost_as_much_as_input_unless_said() {
    let catalogue = parse(SMALL).unwrap();
    let model = catalogue.model(&id("acme"), "fast-1.5").unwrap();
    let old = model.prices[0].rates;
    assert_eq!(
        (old.input, old.cache_read, old.cache_write, old.cache_write_1h),
        (3_000_000, 3_000_000, 3_000_000, 3_000_000)
    );
    let new = model.prices[1].rates;
    assert_eq!((new.input, new.cache_read, new.cache_write, new.cache_write_1h), (75_000, 7_500, 100_000, 100_000));
    assert_eq!(model.prices[1].above.unwrap().rates.output, 2_000_000);
    let tokens = Tokens { input: 1000, output: 10, ..Tokens::default() };
    let cost = model.cost(&tokens, on("2025-12-31")).unwrap();
    assert_eq!((cost.micro_usd, cost.price_from.to_string().as_str()), (3150, "2025-01-01"));
    assert_eq!(model.cost(&tokens, on("2026-01-01")).unwrap().micro_usd, 78);
    assert_eq!(model.worst(2000, 10, on("2026-01-01")), Some(2020));
}

#[test]
fn a_model_goes_by_its_id_and_its_other_names_and_by_nothing_like_them() {
    let catalogue = parse(SMALL).unwrap();
    let acme = id("acme");
    assert_eq!(catalogue.model(&acme, "fast-latest").unwrap().id, "fast-1.5");
    for other in ["fast-1.5-20260101", "fast", "FAST-1.5", "acme/fast-1.5", ""] {
        assert_eq!(catalogue.model(&acme, other), None, "{other}");
        assert_eq!(catalogue.price(&acme, other, on("2026-01-01")), None);
    }
    assert_eq!(catalogue.model(&id("other"), "fast-1.5"), None);
}

#[test]
fn only_a_provider_that_is_free_costs_nothing() {
    let free = SMALL.replace("key = \"x_api_key\"", "key = \"none\"\nfree = true");
    let (free, paid) = (parse(&free).unwrap(), parse(SMALL).unwrap());
    let acme = id("acme");
    assert_eq!(free.price(&acme, "any", on("2026-01-01")), Some(&Price::FREE));
    // A price that is written counts.
    assert_eq!(free.price(&acme, "fast-1.5", on("2026-01-01")), paid.price(&acme, "fast-1.5", on("2026-01-01")));
    assert_eq!(paid.price(&acme, "any", on("2026-01-01")), None);
}

#[test]
fn what_an_operator_says_takes_the_place_of_what_came_with_the_server() {
    let below = parse(SMALL).unwrap();
    let own = r#"
        [models.acme."fast-1.5"]
        prices = [{ from = "2026-01-01", input = 1, output = 1 }]
        [models.acme.slow]
        aliases = ["fast-latest"]
        [providers.mine]
        title = "Mine"
        endpoints.chat = "http://127.0.0.1:8000/v1"
        key = "none"
    "#;
    let own = Catalogue::parse("own.toml", own, &below).unwrap();
    let catalogue = below.overlay(own);
    let acme = id("acme");
    assert_eq!(catalogue.model(&acme, "fast-1.5").unwrap().prices.len(), 1);
    assert_eq!(catalogue.model(&acme, "fast-latest").unwrap().id, "slow");
    assert_eq!(catalogue.price(&acme, "slow", on("2026-01-01")), None);
    assert!(catalogue.provider(&acme).is_some() && catalogue.provider(&id("mine")).is_some());
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line() {
    let cases = [
        ("title = ", "titel = ", "own.toml:3: providers.acme.titel: unknown key; did you mean \"title\"?"),
        ("input = 3,", "inptu = 3,", "inptu: unknown key; did you mean \"input\"?"),
        ("input = 3,", "", "models.acme.fast-1.5: missing field `input`"),
        ("input = 3,", "input = -3,", "an amount of dollars is a decimal number"),
        ("input = 3,", "input = 0.0000001,", "an amount of dollars is a decimal number"),
        ("input = 3,", "input = true,", "an amount of dollars is a decimal number"),
        ("2026-01-01", "2025-01-01", "two prices hold from 2025-01-01 on"),
        ("2026-01-01", "2026-02-30", "a day is YYYY-MM-DD"),
        ("[models.acme", "[models.acne", "there is no provider \"acne\""),
        ("[\"messages\"]", "[\"gemini\"]", "the provider has no endpoint of the format gemini"),
        ("endpoints.messages", "endpoints.mesages", "unknown variant `mesages`"),
        (".example", ".example/", "does not end with /"),
        ("https://", "ftp://", "an endpoint is a URL"),
        ("fast-latest", "fast *", "1 to 200 visible ASCII characters"),
        ("\"x_api_key\"", "\"cookie\"", "unknown variant `cookie`"),
    ];
    for (right, wrong, told) in cases {
        let error = parse(&SMALL.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.contains(told), "{wrong}: {error}");
    }
    let twice = format!("{SMALL}\n[models.acme.other]\naliases = [\"fast-1.5\"]\n");
    assert!(parse(&twice).unwrap_err().contains("\"fast-1.5\" is also a name of \"fast-1.5\""));
}

#[test]
fn the_catalogue_that_is_built_in_is_sound() {
    let catalogue = Catalogue::embedded();
    assert!((100..300).contains(&catalogue.models().len()), "{}", catalogue.models().len());
    let mut names = HashSet::new();
    for model in catalogue.models() {
        let what = format!("{}/{}", model.provider, model.id);
        assert!(catalogue.provider(&model.provider).is_some(), "{what}");
        for name in std::iter::once(&model.id).chain(&model.aliases) {
            assert!(names.insert((model.provider.clone(), name.clone())), "{what} and {name}");
        }
        assert!(!model.prices.is_empty(), "{what}");
        for price in &model.prices {
            let tiers = std::iter::once(price.rates).chain(price.above.map(|above| above.rates));
            for rates in tiers {
                assert!(rates.input > 0 && rates.output > 0 && rates.cache_read > 0, "{what} is said to be free");
                assert!(rates.cache_read <= rates.input, "{what}");
                assert!(rates.cache_write >= rates.cache_read && rates.cache_write_1h >= rates.cache_write, "{what}");
                // No model costs a thousand dollars per million tokens: such a price is off by a factor.
                assert!(rates.output < 1_000_000_000, "{what}");
            }
            if let Some(above) = price.above {
                assert!(above.input_tokens >= 100_000 && above.rates.input >= price.rates.input, "{what}");
            }
        }
        let output = model.max_output_tokens.unwrap();
        assert!(output > 0 && model.context_tokens.unwrap() > 0, "{what}");
    }
    for id in
        ["anthropic", "openai", "google", "xai", "openrouter", "azure", "bedrock", "mistral", "groq", "ollama", "vllm"]
    {
        assert!(catalogue.provider(&id.parse().unwrap()).is_some(), "{id}");
    }
    for provider in catalogue.providers() {
        let listed = !catalogue.models_of(&provider.id).is_empty();
        assert!(listed || provider.unlisted_models, "{} can be asked nothing", provider.id);
        assert!(!provider.free || provider.needs_base_url(), "{}", provider.id);
    }
}

//! What the OpenAPI document promises of each operation, in the form in which requests are held against it.

use std::collections::{BTreeSet, HashMap};

use http::Method;
use sandboxed_model::access::Scope;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The header by which a client says that a repeated request is the same one.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// All operations by path and method.
#[derive(Debug)]
pub(crate) struct Contract {
    operations: HashMap<String, HashMap<Method, Operation>>,
}

/// What holds for one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// What it takes to be let in; nothing for a public operation.
    pub(crate) scope: Option<Scope>,
    /// The query parameters that it knows.
    pub(crate) query: BTreeSet<String>,
    /// Whether it takes any others: one of its parameters is an object, whose fields they are.
    pub(crate) open_query: bool,
    /// Whether it takes an `Idempotency-Key`.
    pub(crate) idempotent: bool,
    /// Whether it changes anything.
    pub(crate) changes: bool,
}

impl Contract {
    /// Reads the document. Whatever it does not say clearly is taken for the stricter case.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            let of_path = methods.filter_map(|(name, operation)| {
                let method: Method = name.to_ascii_uppercase().parse().ok()?;
                Some((method.clone(), Operation::of(&method, operation)))
            });
            (path.clone(), of_path.collect())
        });
        Self { operations: operations.collect() }
    }

    /// The operation of a route; none where the route does not know the method or is not part of the API.
    pub(crate) fn operation(&self, method: &Method, route: &str) -> Option<&Operation> {
        // The router answers HEAD as GET without the body.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.operations.get(route)?.get(method)
    }
}

impl Operation {
    fn of(method: &Method, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_place = |place: &'static str| {
            let of_place = parameters.iter().filter(move |parameter| parameter["in"] == place);
            of_place.filter_map(|parameter| parameter["name"].as_str())
        };
        Self {
            scope: scope_of(&operation["security"]),
            query: in_place("query").map(str::to_owned).collect(),
            open_query: parameters
                .iter()
                .any(|parameter| parameter["in"] == "query" && parameter["schema"]["type"] == "object"),
            idempotent: in_place("header").any(|name| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)),
            changes: *method != Method::GET,
        }
    }
}

fn scope_of(security: &Value) -> Option<Scope> {
    // An operation is public only with an empty requirement; what says nothing needs everything.
    let Some(schemes) = security.get(0).and_then(Value::as_object) else { return Some(Scope::Admin) };
    let scopes = schemes.values().next()?;
    Some(match scopes[0].as_str() {
        Some("read") => Scope::Read,
        Some("write") => Scope::Write,
        _ => Scope::Admin,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_is_public_only_where_the_document_says_so() {
        assert_eq!(scope_of(&json!([{}])), None);
        assert_eq!(scope_of(&json!([{ "token": ["read"] }, { "session": ["read"] }])), Some(Scope::Read));
        assert_eq!(scope_of(&json!([{ "token": ["write"] }])), Some(Scope::Write));
        for unclear in [json!(null), json!([]), json!([{ "token": [] }]), json!([{ "token": ["other"] }])] {
            assert_eq!(scope_of(&unclear), Some(Scope::Admin), "{unclear}");
        }
    }
}

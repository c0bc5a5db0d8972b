//! How processes of a mission find the gateway: by the variables that the providers' own programs look at.

use std::net::{Ipv4Addr, SocketAddr};

use sandboxed_exec::PROXY_PORT;
use sandboxed_model::{
    command::Value,
    harness::{Endpoint, ModelApi},
};
use secrecy::{ExposeSecret as _, SecretString};

/// Stands for the token in commands, so that no plugin sees it. No secret that people make can have this name.
pub(crate) const TOKEN: &str = ".models";

/// An API that the gateway speaks, as the provider's own programs know it.
struct Known {
    api: ModelApi,
    /// The variable that holds the address.
    address: &'static str,
    /// Where it is on the gateway.
    path: &'static str,
    /// The variable that holds the key.
    key: &'static str,
    /// The provider's own address.
    official: &'static str,
}

const KNOWN: [Known; 3] = [
    Known {
        api: ModelApi::Anthropic,
        address: "ANTHROPIC_BASE_URL",
        path: "/anthropic",
        key: "ANTHROPIC_API_KEY",
        official: "https://api.anthropic.com",
    },
    Known {
        api: ModelApi::Openai,
        address: "OPENAI_BASE_URL",
        path: "/openai/v1",
        key: "OPENAI_API_KEY",
        official: "https://api.openai.com/v1",
    },
    Known {
        api: ModelApi::Google,
        address: "GOOGLE_GEMINI_BASE_URL",
        path: "/google",
        key: "GEMINI_API_KEY",
        official: "https://generativelanguage.googleapis.com",
    },
];

/// By what the processes of a mission ask models.
pub(crate) struct ModelAccess {
    token: SecretString,
    /// Where the gateway is for those that share the machine's network.
    listens_at: SocketAddr,
    /// Keys of accounts that are in the environment itself, by choice of the workspace.
    direct: Vec<DirectKey>,
}

/// The key of an account in a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectKey {
    /// The variable that the provider's programs look at.
    pub(crate) variable: String,
    pub(crate) secret: String,
}

impl ModelAccess {
    pub(super) fn new(token: SecretString, listens_at: SocketAddr, direct: Vec<DirectKey>) -> Self {
        Self { token, listens_at, direct }
    }

    pub(crate) fn token(&self) -> String {
        self.token.expose_secret().to_owned()
    }

    pub(crate) fn direct(&self) -> &[DirectKey] {
        &self.direct
    }

    /// Where agents ask models that are told so: by the gateway, or at the provider itself with a key of its own.
    pub(crate) fn endpoints(&self, entrance: Option<Ipv4Addr>) -> Vec<Endpoint> {
        let at = self.at(entrance);
        let endpoint = |known: &Known| {
            let direct = self.direct.iter().any(|direct| direct.variable == known.key);
            let base_url = if direct { known.official.to_owned() } else { format!("http://{at}{}", known.path) };
            Endpoint { api: known.api, base_url, key_variable: known.key.to_owned() }
        };
        KNOWN.iter().map(endpoint).collect()
    }

    fn at(&self, entrance: Option<Ipv4Addr>) -> SocketAddr {
        entrance.map_or(self.listens_at, |address| SocketAddr::from((address, PROXY_PORT)))
    }

    /// The variables for a process whose network has the gateway at `entrance`, or is the machine's.
    pub(crate) fn variables(&self, entrance: Option<Ipv4Addr>) -> Vec<(&'static str, Value)> {
        let at = self.at(entrance);
        let plain = |path: &str| Value::Plain(format!("http://{at}{path}"));
        let token = || Value::Secret(TOKEN.to_owned());
        let mut variables = vec![("SANDBOXED_SH_MODELS_URL", plain("")), ("SANDBOXED_SH_MODELS_TOKEN", token())];
        for Known { address, path, key, .. } in KNOWN {
            // Who has the key itself asks the provider itself.
            if !self.direct.iter().any(|direct| direct.variable == key) {
                variables.extend([(address, plain(path)), (key, token())]);
            }
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(direct: Vec<DirectKey>) -> ModelAccess {
        ModelAccess::new("sbxm_token".into(), SocketAddr::from(([127, 0, 0, 1], 4000)), direct)
    }

    #[test]
    fn the_gateway_is_behind_the_entrance_of_a_closed_network_and_at_its_listener_else() {
        let of = |entrance| {
            let variables = access(Vec::new()).variables(entrance);
            variables.into_iter().find(|(name, _)| *name == "OPENAI_BASE_URL").map(|(_, value)| value)
        };

        let plain = |text: &str| Some(Value::Plain(text.to_owned()));
        assert_eq!(of(Some(Ipv4Addr::new(127, 70, 1, 2))), plain("http://127.70.1.2:3128/openai/v1"));
        assert_eq!(of(None), plain("http://127.0.0.1:4000/openai/v1"));
    }

    #[test]
    fn the_token_itself_is_in_no_variable_before_it_is_put_in_place() {
        let values = access(Vec::new()).variables(None);

        assert!(values.iter().all(|(_, value)| !matches!(value, Value::Plain(text) if text.contains("token"))));
        assert_eq!(values.iter().filter(|(_, value)| *value == Value::Secret(TOKEN.to_owned())).count(), 4);
    }

    #[test]
    fn a_key_in_the_environment_takes_the_place_of_the_gateway_for_its_provider() {
        let direct = DirectKey { variable: "ANTHROPIC_API_KEY".to_owned(), secret: "mine".to_owned() };
        let names: Vec<_> = access(vec![direct]).variables(None).into_iter().map(|(name, _)| name).collect();

        assert!(!names.contains(&"ANTHROPIC_BASE_URL") && !names.contains(&"ANTHROPIC_API_KEY"), "{names:?}");
        assert!(names.contains(&"OPENAI_BASE_URL"));
    }
}

//! Ports of workspaces: services that listen in a workspace's own network.

use std::{collections::HashSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Ports that may be declared for one workspace.
const MOST_DECLARED: usize = 64;
/// The longest label, in characters.
const LABEL_LIMIT: usize = 100;

/// The number of a TCP port: 1 to 65,535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u16", into = "u16")]
#[schema(value_type = u16, minimum = 1, maximum = 65535)]
pub struct PortNumber(u16);

/// A number that is none of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a port is a number from 1 to 65535")]
pub struct InvalidPortNumber;

impl PortNumber {
    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for PortNumber {
    type Error = InvalidPortNumber;

    fn try_from(number: u16) -> Result<Self, InvalidPortNumber> {
        if number == 0 { Err(InvalidPortNumber) } else { Ok(Self(number)) }
    }
}

impl From<PortNumber> for u16 {
    fn from(port: PortNumber) -> Self {
        port.0
    }
}

impl FromStr for PortNumber {
    type Err = InvalidPortNumber;

    /// Digits only, so that one port has one text.
    fn from_str(text: &str) -> Result<Self, InvalidPortNumber> {
        if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPortNumber);
        }
        text.parse::<u16>().map_err(|_| InvalidPortNumber)?.try_into()
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a declared port: 1 to 32 of `a-z`, `0-9`, `-` and `_`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_-]{0,31}$")]
pub struct PortName(String);

/// A text that is no name of a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a port's name is 1 to 32 of a-z, 0-9, - and _, starting with a letter")]
pub struct InvalidPortName;

impl FromStr for PortName {
    type Err = InvalidPortName;

    fn from_str(text: &str) -> Result<Self, InvalidPortName> {
        let valid = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidPortName) }
    }
}

impl TryFrom<String> for PortName {
    type Error = InvalidPortName;

    fn try_from(text: String) -> Result<Self, InvalidPortName> {
        text.parse()
    }
}

impl From<PortName> for String {
    fn from(name: PortName) -> Self {
        name.0
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a service speaks to a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortProtocol {
    /// HTTP in plain.
    #[default]
    Http,
    /// HTTP over TLS. Its certificate is not looked at: it comes from inside the workspace, as the service does.
    Https,
}

/// A port that is known before anything listens on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredPort {
    /// Its name, unique in the workspace.
    pub name: PortName,
    /// Its number, unique in the workspace.
    pub port: PortNumber,
    /// What is spoken there.
    #[serde(default)]
    pub protocol: PortProtocol,
    /// What it is, for people: at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub label: Option<String>,
}

/// A port of a workspace as it stands: declared, listened on, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspacePort {
    /// Its number.
    pub port: PortNumber,
    /// Its name, if it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PortName>,
    /// What is spoken there; `http` where nothing was declared.
    pub protocol: PortProtocol,
    /// What it is, if that was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether something listens now.
    pub listening: bool,
    /// The name of the process that listens, where it can be told. It is whatever the process calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
}

/// Says what is wrong with a list of declared ports.
pub fn problem_of(ports: &[DeclaredPort]) -> Option<String> {
    if ports.len() > MOST_DECLARED {
        return Some(format!("a workspace has at most {MOST_DECLARED} declared ports"));
    }
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    for DeclaredPort { name, port, label, .. } in ports {
        if !names.insert(name) {
            return Some(format!("there are two ports of the name {name}"));
        }
        if !numbers.insert(port) {
            return Some(format!("the port {port} is declared twice"));
        }
        if label
            .as_ref()
            .is_some_and(|label| label.chars().count() > LABEL_LIMIT || label.chars().any(char::is_control))
        {
            return Some(format!("a label has at most {LABEL_LIMIT} characters, none of them a control character"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &str, port: u16) -> DeclaredPort {
        DeclaredPort {
            name: name.parse().unwrap(),
            port: port.try_into().unwrap(),
            protocol: PortProtocol::Http,
            label: None,
        }
    }

    #[test]
    fn a_port_has_one_text() {
        assert_eq!("8080".parse::<PortNumber>().unwrap().get(), 8080);
        for wrong in ["", "0", "080", "+80", "65536", "-1", "80 ", "web"] {
            assert!(wrong.parse::<PortNumber>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_and_numbers_of_declared_ports_are_unique() {
        assert_eq!(problem_of(&[declared("web", 3000), declared("api", 3001)]), None);
        assert!(problem_of(&[declared("web", 3000), declared("web", 3001)]).is_some());
        assert!(problem_of(&[declared("web", 3000), declared("api", 3000)]).is_some());
        let labelled = DeclaredPort { label: Some("a\nb".to_owned()), ..declared("web", 1) };
        assert!(problem_of(&[labelled]).is_some());
    }
}

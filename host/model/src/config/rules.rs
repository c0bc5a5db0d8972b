//! What the types of a configuration cannot say.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    Config, EngineConfig, PluginLimits,
    document::{Document, lookup},
};
use crate::plugin::PluginKind;

impl Document<'_> {
    /// What the types cannot say.
    pub(super) fn check_rules(&mut self, config: &Config, has_password: bool) {
        let listen = &config.server.listen;
        match listen_ip(listen) {
            None => self.problem(
                &["server", "listen"],
                format!(
                    "{listen:?} is no address to listen on; write an IP address and a port like \"127.0.0.1:3000\""
                ),
            ),
            Some(ip) if !ip.is_loopback() && config.auth.admin_password_file.is_none() && !has_password => self
                .problem(
                    &["server", "listen"],
                    format!(
                        "{listen} can be reached from other machines, and no password was chosen; set \
                     auth.admin_password_file to a file that holds one (or the variable DASHBOARD_PASSWORD), or listen \
                     on 127.0.0.1"
                    ),
                ),
            Some(_) => {}
        }
        if let Some(ports_host) = &config.server.ports_host {
            let mut served = config.server.allowed_hosts.iter().chain([listen]).map(|host| name_of(host));
            if !is_host(ports_host) {
                let message = "it is a name, with or without a port, like \"ports.example.org\", and no address";
                self.problem(&["server", "ports_host"], message);
            } else if served.any(|served| is_at_or_below(served, name_of(ports_host))) {
                // What an agent made would be shown under the server's own name.
                let message =
                    "the server's own name must not be this one or one below it: pages there are made by agents";
                self.problem(&["server", "ports_host"], message);
            }
        }
        let missions = &config.missions;
        for (key, zero) in [
            ("max_parallel", missions.max_parallel == 0),
            ("max_parallel_per_workspace", missions.max_parallel_per_workspace == 0),
            ("stall_after", missions.stall_after.0.is_zero()),
            ("tool_output_limit", missions.tool_output_limit.0 == 0),
            ("message_limit", missions.message_limit.0 == 0),
            ("attachment_limit", missions.attachment_limit.0 == 0),
            ("turn_within", missions.turn_within.0.is_zero()),
            ("approval_timeout", missions.approval_timeout.0.is_zero()),
        ] {
            if zero {
                self.problem(&["missions", key], "it must be more than zero");
            }
        }
        if !is_author(&config.git.author) {
            self.problem(&["git", "author"], "it is a name and an address like \"Name <name@example.org>\"");
        }
        for (host, credential) in &config.git.credentials {
            if host.is_empty() || host.contains(['/', '@']) || host.chars().any(|c| c.is_whitespace() || c.is_control())
            {
                self.problem(
                    &["git", "credentials", host],
                    "it is the name of a host like \"github.com\", or with a port",
                );
            } else if let Err(message) = credential.access() {
                self.problem(&["git", "credentials", host], message);
            }
        }
        if config.workspaces.upload_limit.0 == 0 {
            self.problem(&["workspaces", "upload_limit"], "it must be more than zero");
        }
        for (key, zero) in [
            ("step_timeout", config.workspaces.step_timeout.0.is_zero()),
            ("system_timeout", config.workspaces.system_timeout.0.is_zero()),
            ("image_size", config.workspaces.image_size.0 == 0),
        ] {
            if zero {
                self.problem(&["workspaces", key], "it must be more than zero");
            }
        }
        for (index, root) in config.workspaces.mounts.iter().enumerate() {
            if !root.is_absolute() || root.components().count() < 2 {
                self.problem(
                    &["workspaces", "mounts", &index.to_string()],
                    "it is an absolute path of a directory, and not /",
                );
            }
        }
        for (index, name) in config.workspaces.etc.iter().enumerate() {
            if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
                self.problem(
                    &["workspaces", "etc", &index.to_string()],
                    "it is the name of a file or directory in /etc, without a path",
                );
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for (index, template) in config.template.iter().enumerate() {
            let place = index.to_string();
            if !names.insert(&template.name) {
                self.problem(
                    &["template", &place, "name"],
                    format!("there is a template {:?} already", template.name.as_str()),
                );
            }
            if let Some(problem) = template.workspace.problem() {
                self.problem(&["template", &place, "workspace"], problem);
            }
        }
        if config.tailscale.socks5.is_some_and(|socks5| !socks5.ip().is_loopback()) {
            // Whoever reaches it reaches the tailnet, without a password.
            self.problem(&["tailscale", "socks5"], "it is an address of loopback, like \"127.0.0.1:1055\"");
        }
        if let Some(problem) = config.harnesses.registry_problem() {
            self.problem(&["harnesses", "registry"], problem);
        }
        if config.harnesses.keep == 0 {
            self.problem(&["harnesses", "keep"], "it must be more than zero");
        }
        if config.runs.spool_limit.0 == 0 {
            self.problem(&["runs", "spool_limit"], "it must be more than zero");
        }
        if config.auth.session_ttl.0.is_zero() {
            self.problem(&["auth", "session_ttl"], "it must be more than zero");
        }
        if !config.models.listen.ip().is_loopback() {
            let message =
                "it is an address of loopback, like \"127.0.0.1:0\": whoever reaches it asks models with a token alone";
            self.problem(&["models", "listen"], message);
        }
        if let Some(endpoint) = &config.telemetry.otlp_endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            self.problem(&["telemetry", "otlp_endpoint"], "it is a URL like \"http://localhost:4318\"");
        }
        for (key, id, kind) in [
            ("default_harness", &missions.default_harness, PluginKind::Harness),
            ("default_backend", &missions.default_backend, PluginKind::Backend),
        ] {
            let plugin = config.plugin.iter().find(|plugin| plugin.id == *id);
            // A default of this program that was not written down binds nobody.
            if plugin.is_none_or(|plugin| plugin.kind != kind) && lookup(&self.table, &["missions", key]).is_some() {
                let of_kind = config.plugin.iter().filter(|plugin| plugin.kind == kind);
                let known: Vec<&str> = of_kind.map(|plugin| plugin.id.as_str()).collect();
                let message = match known.is_empty() {
                    true => format!("there is no {kind} plugin {:?}, nor any other", id.as_str()),
                    false => format!("there is no {kind} plugin {:?}; there are {}", id.as_str(), known.join(", ")),
                };
                self.problem(&["missions", key], message);
            }
        }
        for name in config.engines.keys().filter(|name| !EngineConfig::is_name(name)) {
            self.problem(&["engines", name], "the name is 1 to 32 of a-z, 0-9 and -, the first a letter");
        }
        for (index, plugin) in config.plugin.iter().enumerate() {
            let place = index.to_string();
            for engine in &plugin.grants.containers {
                if !engine.starts_with('/') && !config.engines.contains_key(engine) {
                    let message = format!("there is no [engines.{engine}], and it is no path of a socket");
                    self.problem(&["plugin", &place, "grants", "containers"], message);
                }
            }
            for (key, zero) in [
                ("memory", plugin.limits.memory.0 == 0),
                ("deadline", plugin.limits.deadline.0.is_zero()),
                ("host_calls", plugin.limits.host_calls == 0),
            ] {
                if zero {
                    self.problem(&["plugin", &place, "limits", key], "it must be more than zero");
                }
            }
            if plugin.limits.memory > PluginLimits::MOST_MEMORY {
                let message = format!("a plugin can be given {} at most", PluginLimits::MOST_MEMORY);
                self.problem(&["plugin", &place, "limits", "memory"], message);
            }
            if plugin.component.as_os_str().is_empty() {
                self.problem(&["plugin", &place, "component"], "it names no file");
            }
        }
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_at_or_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a text is `NAME` or `NAME:PORT` in lower case.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = name_of(text);
    let port = text[name.len()..].strip_prefix(':');
    name.len() <= 200
        && name.split('.').all(is_label)
        && name.parse::<Ipv4Addr>().is_err()
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Whether git takes it for an author.
fn is_author(text: &str) -> bool {
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.split_once(" <")) else { return false };
    let plain = |part: &str| !part.trim().is_empty() && !part.chars().any(|c| c.is_control() || matches!(c, '<' | '>'));
    plain(name) && plain(address)
}

/// The address of `IP:PORT` or `localhost:PORT`.
fn listen_ip(listen: &str) -> Option<IpAddr> {
    if let Ok(address) = listen.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let port = listen.strip_prefix("localhost:")?;
    port.parse::<u16>().ok().map(|_| IpAddr::V4(Ipv4Addr::LOCALHOST))
}

//! What variables say of a configuration.

use std::{net::IpAddr, path::Path};

use toml::Value;

use super::{
    Config,
    document::{Document, display, id_of, lookup},
    problem::{Problem, nearest},
    shape::{Shape, shape_at},
};

/// What the variables of older releases say besides keys.
#[derive(Default)]
pub(super) struct Seed {
    pub(super) admin_password: Option<String>,
}

impl Document<'_> {
    pub(super) fn apply_seed_variables(
        &mut self,
        environment: &[(String, String)],
        warnings: &mut Vec<String>,
    ) -> Seed {
        let variable = |name: &str| {
            let found = environment.iter().find(|(candidate, _)| candidate == name);
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let mut seed = Seed { admin_password: variable("DASHBOARD_PASSWORD") };
        if seed.admin_password.as_ref().is_some_and(|password| password.trim().is_empty()) {
            seed.admin_password = None;
        }
        let listen = self.table.get("server").and_then(|server| server.get("listen")).and_then(Value::as_str);
        let listen = listen.map_or_else(|| Config::default().server.listen, str::to_owned);
        let (mut host, mut port) = match listen.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.to_owned()),
            None => (listen, String::new()),
        };
        let mut from = Vec::new();
        // Some shells and tools set HOST to the name of the machine, which was never meant for a server.
        match variable("HOST").map(|name| (name.parse::<IpAddr>(), name)) {
            Some((Ok(IpAddr::V6(address)), _)) => {
                host = format!("[{address}]");
                from.push("HOST");
            }
            Some((address, name)) if address.is_ok() || name == "localhost" => {
                host = name;
                from.push("HOST");
            }
            Some((_, name)) => warnings.push(format!(
                "the variable HOST is {name:?}, which is no IP address, and is passed over; server.listen decides"
            )),
            None => {}
        }
        if let Some(value) = variable("PORT") {
            port = value;
            from.push("PORT");
        }
        if !from.is_empty() {
            self.set(&["server".to_owned(), "listen".to_owned()], &format!("{host}:{port}"), &from.join(" and "));
        }
        if let Some(directory) = variable("WORKING_DIR") {
            let data_dir = Path::new(&directory).join(".sandboxed-sh");
            self.set(&["server".to_owned(), "data_dir".to_owned()], &data_dir.to_string_lossy(), "WORKING_DIR");
        }
        if let Some(number) = variable("MAX_PARALLEL_MISSIONS") {
            self.set(&["missions".to_owned(), "max_parallel".to_owned()], &number, "MAX_PARALLEL_MISSIONS");
        }
        if variable("SANDBOXED_SH_ALLOW_CONTAINER_FALLBACK").is_some() {
            warnings.push(
                "SANDBOXED_SH_ALLOW_CONTAINER_FALLBACK has no effect: no backend here falls back to another".to_owned(),
            );
        }
        seed
    }

    /// Finds the key that a variable stands for, and sets it.
    pub(super) fn apply_variable(&mut self, name: &str, key: &str, value: &str) {
        let mut path: Vec<String> = Vec::new();
        for segment in key.split("__") {
            let segment = segment.to_ascii_lowercase();
            match shape_at::<Config>(&path) {
                Some(Shape::Table(known) | Shape::Variants(known)) if !known.contains(&segment.as_str()) => {
                    path.push(segment.clone());
                    let meant = nearest(&segment, known.iter().copied()).map(|known| {
                        let prefix = name.strip_suffix(key).unwrap_or_default();
                        let above = key.split("__").take(path.len() - 1).map(|part| format!("{part}__"));
                        format!("{prefix}{}{}", above.collect::<String>(), known.to_ascii_uppercase())
                    });
                    return self.unknown_variable(name, &path, meant);
                }
                Some(Shape::Table(_) | Shape::Variants(_)) => path.push(segment),
                Some(Shape::Map) => {
                    let keys = lookup(&self.table, &path).and_then(Value::as_table).map(|table| table.keys());
                    let known = keys.and_then(|mut keys| keys.find(|key| same_name(key, &segment)).cloned());
                    path.push(known.unwrap_or(segment));
                }
                Some(Shape::List) => {
                    let entries = lookup(&self.table, &path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                    let ids: Vec<&str> = entries.iter().map(|entry| id_of(entry).unwrap_or_default()).collect();
                    match ids.iter().position(|id| same_name(id, &segment)) {
                        Some(index) => path.push(index.to_string()),
                        None => {
                            let meant = nearest(&segment, ids.iter().copied()).map(|id| format!("the plugin {id:?}"));
                            path.push(segment.clone());
                            return self.unknown_variable(name, &path, meant);
                        }
                    }
                }
                _ => {
                    path.push(segment);
                    return self.unknown_variable(name, &path, None);
                }
            }
        }
        self.set(&path, value, name);
    }

    fn unknown_variable(&mut self, name: &str, path: &[String], meant: Option<String>) {
        let message = match meant {
            Some(meant) => format!("unknown key; did you mean {meant}?"),
            None => "unknown key".to_owned(),
        };
        self.problems.push(Problem { origin: name.to_owned(), key: display(path), message });
    }
}

/// Whether a part of a variable's name, in lower case, means this key.
fn same_name(key: &str, segment: &str) -> bool {
    key.to_ascii_lowercase().replace('-', "_") == segment.replace('-', "_")
}

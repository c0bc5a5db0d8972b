//! A configuration while it is put together: what was written, where, and what is wrong with it.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, de::DeserializeOwned};
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    Config, PluginConfig, Source,
    problem::{Invalid, Problem, nearest},
    shape::{Shape, check, shape_at},
};
use crate::template::NewTemplate;

/// A configuration while it is put together.
pub(crate) struct Document<'a> {
    name: &'a str,
    pub(crate) table: Table,
    /// Line of each key of the file, by its path.
    lines: HashMap<String, usize>,
    /// The variable or option that set a key.
    origins: BTreeMap<String, String>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Document<'a> {
    pub(crate) fn read(source: Source<'a>) -> Result<Self, Invalid> {
        let starts = LineStarts::of(source.text);
        let syntax = |error: &toml::de::Error| {
            let line = error.span().map_or(1, |span| starts.line_of(span.start));
            let message = error.message().trim().replace('\n', ", ");
            Invalid {
                problems: vec![Problem { origin: format!("{}:{line}", source.name), key: String::new(), message }],
            }
        };
        let table = source.text.parse::<Table>().map_err(|error| syntax(&error))?;
        let spanned = DeTable::parse(source.text).map_err(|error| syntax(&error))?;
        let mut lines = HashMap::new();
        note_lines(&starts, spanned.get_ref(), "", &mut lines);
        Ok(Self { name: source.name, table, lines, origins: BTreeMap::new(), problems: Vec::new() })
    }

    pub(crate) fn invalid(mut self) -> Invalid {
        // By line; what a variable says comes after.
        self.problems.sort_by_key(|problem| {
            problem.origin.rsplit_once(':').and_then(|(_, line)| line.parse().ok()).unwrap_or(usize::MAX)
        });
        self.problems.dedup();
        Invalid { problems: self.problems }
    }

    /// Notes that something is wrong with the key at `path`.
    pub(crate) fn problem<S: AsRef<str>>(&mut self, path: &[S], message: impl Into<String>) {
        let origin = self.origin(path);
        self.problems.push(Problem { origin, key: display(path), message: message.into() });
    }

    /// Where the key at `path` was set, or what is around it.
    fn origin<S: AsRef<str>>(&self, path: &[S]) -> String {
        for length in (1..=path.len()).rev() {
            let key = joined(&path[..length]);
            if let Some(origin) = self.origins.get(&key) {
                return origin.clone();
            }
            if let Some(line) = self.lines.get(&key) {
                return format!("{}:{line}", self.name);
            }
        }
        self.name.to_owned()
    }
    /// Sets a key from text, which is read as what the key expects.
    pub(super) fn set(&mut self, path: &[String], text: &str, origin: &str) {
        let value = read_as(shape_at::<Config>(path), text);
        let Some((last, above)) = path.split_last() else { return };
        let mut table = &mut self.table;
        let mut above = above.iter();
        while let Some(name) = above.next() {
            let entry = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            let inner = match entry {
                Value::Array(entries) => {
                    above.next().and_then(|index| index.parse().ok()).and_then(|index: usize| entries.get_mut(index))
                }
                other => Some(other),
            };
            match inner {
                Some(Value::Table(inner)) => table = inner,
                // The file has something else where a table belongs, which is a problem of its own.
                _ => return,
            }
        }
        table.insert(last.clone(), value);
        self.origins.insert(joined(path), origin.to_owned());
    }
    /// Holds every key and every value against the type of the document.
    pub(crate) fn check_values<T: DeserializeOwned>(&mut self) {
        let table = Value::Table(self.table.clone());
        self.check_value::<T>(&mut Vec::new(), &table);
    }

    fn check_value<T: DeserializeOwned>(&mut self, path: &mut Vec<String>, value: &Value) {
        match (shape_at::<T>(path), value) {
            (Some(Shape::Table(known)), Value::Table(table)) => {
                for (key, value) in table {
                    path.push(key.clone());
                    if known.contains(&key.as_str()) {
                        self.check_value::<T>(path, value);
                    } else {
                        let message = match nearest(key, known.iter().copied()) {
                            Some(meant) => format!("unknown key; did you mean {meant:?}?"),
                            None => format!("unknown key; known here are {}", known.join(", ")),
                        };
                        self.problem(path, message);
                    }
                    path.pop();
                }
            }
            (Some(Shape::Map), Value::Table(table)) => {
                for (key, value) in table {
                    path.push(key.clone());
                    self.check_value::<T>(path, value);
                    path.pop();
                }
            }
            (Some(Shape::List), Value::Array(entries)) => {
                for (index, value) in entries.iter().enumerate() {
                    path.push(index.to_string());
                    self.check_value::<T>(path, value);
                    path.pop();
                }
            }
            // The root is a table always.
            _ if path.is_empty() => {}
            _ => {
                if let Err(message) = check::<T>(path, value) {
                    self.problem(path, message);
                }
            }
        }
    }

    /// What only a whole entry can show: that a key is missing.
    pub(super) fn check_templates(&mut self) {
        let templates = self.table.get("template").and_then(Value::as_array).cloned().unwrap_or_default();
        for (index, template) in templates.into_iter().enumerate() {
            let place = index.to_string();
            let broken = self.problems.iter().any(|problem| problem.key.starts_with(&display(&["template", &place])));
            if !broken && let Err(error) = NewTemplate::deserialize(template) {
                self.problem(&["template", &place], error.message().trim().replace('\n', ", "));
            }
        }
    }

    /// What only a whole entry can show: that a key is missing or an id is there twice.
    pub(super) fn check_plugins(&mut self) {
        let plugins = self.table.get("plugin").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, plugin) in plugins.iter().enumerate() {
            let place = index.to_string();
            let broken = self.problems.iter().any(|problem| problem.key.starts_with(&display(&["plugin", &place])));
            if !broken && let Err(error) = PluginConfig::deserialize(plugin.clone()) {
                self.problem(&["plugin", &place], error.message().trim().replace('\n', ", "));
            }
            let Some(id) = id_of(plugin) else { continue };
            match seen.get(id) {
                Some(&first) => {
                    let before = self.origin(&["plugin", &first.to_string()]);
                    self.problem(&["plugin", &place, "id"], format!("there is a plugin {id:?} already, at {before}"));
                }
                None => {
                    seen.insert(id.to_owned(), index);
                }
            }
        }
    }
}

/// The path as it is looked up.
fn joined<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(".")
}

/// The path as people read it: `plugin[1].grants.log`.
pub(super) fn display<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    for name in path.iter().map(AsRef::as_ref) {
        if name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() {
            text.push_str(&format!("[{name}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
    text
}

/// Where each line of a text begins but the first.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(newline, _)| newline + 1).collect())
    }

    /// The line, from 1, of the byte at a position.
    fn line_of(&self, position: usize) -> usize {
        self.0.partition_point(|&start| start <= position) + 1
    }
}

fn note_lines(starts: &LineStarts, table: &DeTable<'_>, above: &str, lines: &mut HashMap<String, usize>) {
    for (key, value) in table {
        let path = format!("{above}{}", key.get_ref());
        lines.insert(path.clone(), starts.line_of(key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => note_lines(starts, inner, &format!("{path}."), lines),
            DeValue::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    let path = format!("{path}.{index}");
                    lines.insert(path.clone(), starts.line_of(entry.span().start));
                    if let DeValue::Table(inner) = entry.get_ref() {
                        note_lines(starts, inner, &format!("{path}."), lines);
                    }
                }
            }
            _ => {}
        }
    }
}

pub(super) fn lookup<'v, S: AsRef<str>>(table: &'v Table, path: &[S]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    let mut value = table.get(first.as_ref())?;
    for name in rest.iter().map(AsRef::as_ref) {
        value = match value {
            Value::Table(table) => table.get(name)?,
            Value::Array(entries) => entries.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

pub(super) fn id_of(plugin: &Value) -> Option<&str> {
    plugin.get("id").and_then(Value::as_str)
}

/// Reads text as what is expected. What cannot be read stays text and is refused where values are checked.
fn read_as(shape: Option<Shape>, text: &str) -> Value {
    let toml = || format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let plain = || Value::String(text.to_owned());
    match shape {
        Some(Shape::Bool) => text.trim().parse().map_or_else(|_| plain(), Value::Boolean),
        Some(Shape::Integer) => text.trim().parse().map_or_else(|_| plain(), Value::Integer),
        Some(Shape::List) if text.trim_start().starts_with('[') => toml().unwrap_or_else(plain),
        Some(Shape::List) => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect())
        }
        Some(Shape::Table(_) | Shape::Map | Shape::Any) => toml().unwrap_or_else(plain),
        Some(Shape::Variants(_)) if text.trim_start().starts_with('{') => toml().unwrap_or_else(plain),
        Some(Shape::Text | Shape::Variants(_)) | None => plain(),
    }
}

//! JSON objects whose fields keep their order, so that the bytes look like those of the real services and are the same
//! whatever features the JSON library was built with.

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

/// An object in the making.
#[derive(Clone, Debug)]
pub(crate) struct Obj(String);

impl Obj {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// An object whose first field is `type`.
    pub(crate) fn of(kind: &str) -> Self {
        Self::new().put("type", kind)
    }

    pub(crate) fn put(mut self, name: &str, value: impl Serialize) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&text_of(name));
        self.0.push(':');
        self.0.push_str(&text_of(&value));
        self
    }

    pub(crate) fn put_some(self, name: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    pub(crate) fn text(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl Serialize for Obj {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.clone().text()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A value as text. What is written here are strings, numbers and maps with text keys, which cannot fail.
pub(crate) fn text_of(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| String::from("null"))
}

/// What was meant to be JSON text, as JSON; an empty object where it is not.
pub(crate) fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned())
        .unwrap_or_else(|_| RawValue::from_string(String::from("{}")).unwrap_or_default())
}

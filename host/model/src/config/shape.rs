//! Which keys there are and what their values look like, asked from the types of the configuration themselves.
//!
//! A key is found by deserialising the type of the whole from nothing but the way to that key, and looking at what serde asks for
//! at its end. So there is no second list of the keys that could differ from the first.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer, de,
    de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
};

/// What is expected at a place of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A table with these keys.
    Table(&'static [&'static str]),
    /// A table with keys of the operator's choice.
    Map,
    /// A list.
    List,
    /// One of these words, or a table with one of them as its key.
    Variants(&'static [&'static str]),
    /// A text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// Whatever TOML has.
    Any,
}

/// What is expected at the end of `path` in a document of this type. Any element of a list is reached by any name. `None` where nothing of this
/// path exists.
pub(super) fn shape_at<T: DeserializeOwned>(path: &[String]) -> Option<Shape> {
    let goal = Goal { value: None, shape: RefCell::new(None), check: RefCell::new(None) };
    // It always fails, at the end of the path or before.
    let _ = T::deserialize(Probe { path, goal: &goal });
    goal.shape.into_inner()
}

/// What is wrong with a value for the key at `path`, in serde's words.
pub(super) fn check<T: DeserializeOwned>(path: &[String], value: &toml::Value) -> Result<(), String> {
    let goal = Goal { value: Some(value), shape: RefCell::new(None), check: RefCell::new(None) };
    let reached = T::deserialize(Probe { path, goal: &goal });
    goal.check.into_inner().unwrap_or_else(|| reached.map(drop).map_err(|error| error.0))
}

struct Goal<'a> {
    value: Option<&'a toml::Value>,
    shape: RefCell<Option<Shape>>,
    check: RefCell<Option<Result<(), String>>>,
}

/// The end of the way.
#[derive(Debug)]
struct Reached(String);

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Reached {}

impl de::Error for Reached {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [String],
    goal: &'a Goal<'a>,
}

impl<'a> Probe<'a> {
    fn end<T>(self, shape: Shape) -> Result<T, Reached> {
        if self.path.is_empty() {
            *self.goal.shape.borrow_mut() = Some(shape);
        }
        Err(Reached("nothing of this name".to_owned()))
    }

    fn step(self) -> Option<(&'a str, Self)> {
        let (first, rest) = self.path.split_first()?;
        Some((first, Self { path: rest, goal: self.goal }))
    }

    /// Goes on to the value behind the next key, or holds the value to be checked against it at the end.
    fn descend<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Reached> {
        match self.goal.value {
            Some(value) if self.path.is_empty() => {
                // TOML's own message goes over several lines and begins with the first.
                let checked = seed.deserialize(value.clone()).map(drop);
                let checked = checked.map_err(|error| error.message().trim().replace('\n', ", "));
                *self.goal.check.borrow_mut() = Some(checked);
                Err(Reached("the value was checked".to_owned()))
            }
            _ => seed.deserialize(self),
        }
    }
}

/// One key, or one element, on the way.
struct Step<'a> {
    probe: Option<Probe<'a>>,
}

impl<'de> MapAccess<'de> for Step<'_> {
    type Error = Reached;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Reached> {
        let Some((name, _)) = self.probe.and_then(Probe::step) else { return Ok(None) };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Reached> {
        match self.probe.take().and_then(Probe::step) {
            Some((_, next)) => next.descend(seed),
            None => Err(Reached("a value without a key".to_owned())),
        }
    }
}

impl<'de> SeqAccess<'de> for Step<'_> {
    type Error = Reached;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Reached> {
        match self.probe.take().and_then(Probe::step) {
            Some((_, next)) => next.descend(seed).map(Some),
            None => Ok(None),
        }
    }
}

macro_rules! leaves {
    ($shape:expr => $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Reached> {
            self.end($shape)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Reached;

    leaves!(Shape::Text => deserialize_str deserialize_string deserialize_char deserialize_identifier);
    leaves!(Shape::Bool => deserialize_bool);
    leaves!(Shape::Integer => deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    leaves!(Shape::Any => deserialize_any deserialize_ignored_any deserialize_f32 deserialize_f64
        deserialize_bytes deserialize_byte_buf deserialize_unit);

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Reached> {
        match self.path.is_empty() {
            true => self.end(Shape::Table(fields)),
            false => visitor.visit_map(Step { probe: Some(self) }),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Reached> {
        match self.path.is_empty() {
            true => self.end(Shape::Map),
            false => visitor.visit_map(Step { probe: Some(self) }),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Reached> {
        match self.path.is_empty() {
            true => self.end(Shape::List),
            false => visitor.visit_seq(Step { probe: Some(self) }),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Reached> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Reached> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Reached> {
        match self.path {
            [] => self.end(Shape::Variants(variants)),
            [variant] if variants.contains(&variant.as_str()) => {
                *self.goal.shape.borrow_mut() = Some(Shape::Text);
                Err(Reached("the inside of a variant".to_owned()))
            }
            _ => self.end(Shape::Any),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Reached> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Reached> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Reached> {
        self.end(Shape::Any)
    }
}

//! A serde deserializer over the tree.

use serde::de::{self, Visitor};

use crate::diagnostics::listed;
use crate::yaml::{Content, Node, Plain, Scalar, Side};

use super::access::{Choice, Items, Pairs};
use super::error::{DecodeError, HINT_MARK, Place};

/// The way from the root, kept on the stack: written out only when something is wrong.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Key { parent: &'p Path<'p>, key: &'p str },
    Index { parent: &'p Path<'p>, index: usize },
}

impl Path<'_> {
    pub(super) fn steps(&self) -> Vec<String> {
        match self {
            Path::Root => Vec::new(),
            Path::Key { parent, key } => {
                let mut steps = parent.steps();
                steps.push((*key).to_string());
                steps
            }
            Path::Index { parent, index } => {
                let mut steps = parent.steps();
                steps.push(index.to_string());
                steps
            }
        }
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'p> {
    pub(super) node: &'p Node,
    pub(super) path: Path<'p>,
}

impl<'p> NodeDeserializer<'p> {
    pub(super) fn root(node: &'p Node) -> Self {
        Self {
            node,
            path: Path::Root,
        }
    }

    pub(super) fn place(&self, type_name: Option<&'static str>) -> Place {
        Place {
            path: self.path.steps(),
            spot: self.node.at,
            side: Side::Value,
            type_name,
        }
    }

    /// Gives a mistake of this node its place.
    pub(super) fn located<T>(&self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| error.at(|| self.place(None)))
    }

    fn expected<T>(&self, what: &str) -> Result<T, DecodeError> {
        self.located(Err(DecodeError::wrong(format!(
            "expected {what}, found {}",
            self.node.described()
        ))))
    }

    fn scalar(&self, what: &str) -> Result<&'p Scalar, DecodeError> {
        match &self.node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Ok(scalar),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => self.expected(what),
        }
    }

    fn number<N: std::str::FromStr>(&self, what: &str) -> Result<N, DecodeError> {
        match self.scalar(what)?.text.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.expected(what),
        }
    }

    fn map(&self) -> Option<Pairs<'p>> {
        match &self.node.content {
            Content::Map(entries) => Some(Pairs::new(entries, self.path)),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }
}

macro_rules! numbers {
    ($($method:ident, $visit:ident, $what:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let number = self.number($what)?;
            self.located(visitor.$visit(number))
        })*
    };
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    numbers! {
        deserialize_u8, visit_u8, "a whole number from 0 to 255";
        deserialize_u16, visit_u16, "a whole number from 0 to 65535";
        deserialize_u32, visit_u32, "a whole number from 0 to 4294967295";
        deserialize_u64, visit_u64, "a whole number, not below 0";
        deserialize_i8, visit_i8, "a whole number from -128 to 127";
        deserialize_i16, visit_i16, "a whole number from -32768 to 32767";
        deserialize_i32, visit_i32, "a whole number";
        deserialize_i64, visit_i64, "a whole number";
        deserialize_f32, visit_f32, "a number";
        deserialize_f64, visit_f64, "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.content {
            Content::Scalar(scalar) => match scalar.resolve() {
                Plain::Null => visitor.visit_unit(),
                Plain::Bool(value) => visitor.visit_bool(value),
                Plain::Signed(value) => visitor.visit_i64(value),
                Plain::Unsigned(value) => visitor.visit_u64(value),
                Plain::Float(value) => visitor.visit_f64(value),
                Plain::Text(value) => visitor.visit_str(value),
            },
            Content::List(items) => visitor.visit_seq(Items::new(items, self.path)),
            Content::Map(entries) => visitor.visit_map(Pairs::new(entries, self.path)),
        };
        self.located(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.scalar("`true` or `false`")?.resolve() {
            Plain::Bool(value) => self.located(visitor.visit_bool(value)),
            _ => self.expected("`true` or `false`"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let scalar = self.scalar("a single value")?;
        self.located(visitor.visit_str(&scalar.text))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            Content::Scalar(scalar) if scalar.is_null() => self.located(visitor.visit_none()),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            Content::Scalar(scalar) if scalar.is_null() => self.located(visitor.visit_unit()),
            Content::Map(entries) if entries.is_empty() => self.located(visitor.visit_unit()),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => self.expected("`{}`"),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            Content::List(items) => self.located(visitor.visit_seq(Items::new(items, self.path))),
            Content::Scalar(scalar) if !scalar.is_null() => {
                self.located(Err(DecodeError::wrong(format!(
                    "expected a list, found {}{HINT_MARK}write `[{}]`",
                    self.node.described(),
                    scalar.text
                ))))
            }
            Content::Scalar(_) | Content::Map(_) => self.expected("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.map() {
            Some(pairs) => self.located(visitor.visit_map(pairs)),
            None => self.expected("a map"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.map() {
            Some(pairs) => visitor
                .visit_map(pairs)
                .map_err(|error| error.at(|| self.place(Some(name)))),
            None => self.located(Err(DecodeError::wrong(format!(
                "expected a map, found {}{HINT_MARK}its fields are {}",
                self.node.described(),
                listed(fields.iter().copied())
            )))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match Choice::of(&self) {
            Some(choice) => self.located(visitor.visit_enum(choice)),
            None => self.located(Err(DecodeError::wrong(format!(
                "expected exactly one of {}, found {}",
                listed(variants.iter().copied()),
                found_instead(self.node)
            )))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.located(visitor.visit_unit())
    }

    serde::forward_to_deserialize_any! {
        i128 u128
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }
}

/// What stands where one choice was expected.
fn found_instead(node: &Node) -> String {
    match &node.content {
        Content::Map(entries) if entries.is_empty() => "none".to_string(),
        Content::Map(entries) => format!("{} at once", entries.len()),
        Content::Scalar(_) | Content::List(_) => node.described(),
    }
}

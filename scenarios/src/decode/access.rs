//! Items of lists, entries of maps, and single choices.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use crate::yaml::{Content, Entry, Node, Side};

use super::deserializer::{NodeDeserializer, Path};
use super::error::{DecodeError, HINT_MARK, Place};

/// Items of a list, in order.
pub(super) struct Items<'p> {
    items: std::iter::Enumerate<std::slice::Iter<'p, Node>>,
    path: Path<'p>,
}

impl<'p> Items<'p> {
    pub(super) fn new(items: &'p [Node], path: Path<'p>) -> Self {
        Self {
            items: items.iter().enumerate(),
            path,
        }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let path = Path::Index {
            parent: &self.path,
            index,
        };
        let item = NodeDeserializer { node, path };
        item.located(seed.deserialize(item)).map(Some)
    }
}

/// Entries of a map, in order.
pub(super) struct Pairs<'p> {
    entries: std::slice::Iter<'p, Entry>,
    current: Option<&'p Entry>,
    path: Path<'p>,
}

impl<'p> Pairs<'p> {
    pub(super) fn new(entries: &'p [Entry], path: Path<'p>) -> Self {
        Self {
            entries: entries.iter(),
            current: None,
            path,
        }
    }
}

impl<'de> de::MapAccess<'de> for Pairs<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        seed.deserialize(text(&entry.key))
            .map(Some)
            .map_err(|error| {
                error.at(|| Place {
                    path: Path::Key {
                        parent: &self.path,
                        key: &entry.key,
                    }
                    .steps(),
                    spot: entry.key_at,
                    side: Side::Key,
                    type_name: None,
                })
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let entry = self.current.expect("serde asks for the key first");
        let path = Path::Key {
            parent: &self.path,
            key: &entry.key,
        };
        let value = NodeDeserializer {
            node: &entry.value,
            path,
        };
        value.located(seed.deserialize(value))
    }
}

fn text(key: &str) -> StrDeserializer<'_, DecodeError> {
    key.into_deserializer()
}

/// One choice: a bare name, or a map with a single key.
pub(super) struct Choice<'p> {
    whole: NodeDeserializer<'p>,
    name: &'p str,
    content: Option<&'p Entry>,
}

impl<'p> Choice<'p> {
    /// `None` when the node is no choice.
    pub(super) fn of(whole: &NodeDeserializer<'p>) -> Option<Self> {
        match &whole.node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(Self {
                whole: *whole,
                name: &scalar.text,
                content: None,
            }),
            Content::Map(entries) => match entries.as_slice() {
                [entry] => Some(Self {
                    whole: *whole,
                    name: &entry.key,
                    content: Some(entry),
                }),
                _ => None,
            },
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    fn place(&self) -> Place {
        let mut place = self.whole.place(None);
        if let Some(entry) = self.content {
            place.spot = entry.key_at;
        }
        place
    }
}

impl<'de, 'p> de::EnumAccess<'de> for Choice<'p> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let variant = seed
            .deserialize(text(self.name))
            .map_err(|error| error.at(|| self.place()))?;
        Ok((variant, self))
    }
}

impl Choice<'_> {
    fn with_content<T>(
        &self,
        read: impl FnOnce(NodeDeserializer<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let Some(entry) = self.content else {
            let error = DecodeError::wrong(format!(
                "`{0}` needs a value{HINT_MARK}write `{{ {0}: {{ … }} }}`",
                self.name
            ));
            return Err(error.at(|| self.place()));
        };
        let path = Path::Key {
            parent: &self.whole.path,
            key: &entry.key,
        };
        let value = NodeDeserializer {
            node: &entry.value,
            path,
        };
        value.located(read(value))
    }
}

impl<'de> de::VariantAccess<'de> for Choice<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        let empty = match self.content.map(|entry| &entry.value.content) {
            None => true,
            Some(Content::Scalar(scalar)) => scalar.is_null(),
            Some(Content::Map(entries)) => entries.is_empty(),
            Some(Content::List(_)) => false,
        };
        if empty {
            return Ok(());
        }
        let error = DecodeError::wrong(format!(
            "`{0}` takes no value{HINT_MARK}write `{0}` alone",
            self.name
        ));
        Err(error.at(|| self.place()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        self.with_content(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.with_content(|value| de::Deserializer::deserialize_seq(value, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.with_content(|value| de::Deserializer::deserialize_struct(value, "", fields, visitor))
    }
}

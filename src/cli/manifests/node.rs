//! Values of a document with their positions.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::path::Segment;
use super::problem::Position;

/// A value and its position.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Map(Vec<Entry>),
    List(Vec<Node>),
    Scalar(Value),
}

/// A key with its value. The position is that of the key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) key: String,
    pub(super) value: Node,
}

/// Reads all documents of a text. Empty ones are passed over.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, serde_saphyr::Error> {
    let options = serde_saphyr::options! { budget: None, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options)
}

impl Node {
    /// The value. A null in a map counts as absent, as the API server has it where the schema allows none.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Map(entries) => {
                let fields = entries.iter().map(|entry| (entry.key.clone(), entry.value.value()));
                fields.filter(|(_, value)| !value.is_null()).collect()
            }
            Content::List(items) => items.iter().map(Self::value).collect(),
            Content::Scalar(value) => value.clone(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Position of the value that a path leads to, or of the last value on the way that exists.
    pub(super) fn position_of(&self, path: &[Segment]) -> Position {
        let Some((first, rest)) = path.split_first() else { return self.position };
        match (first, &self.content) {
            (Segment::Field(name), Content::Map(_)) => match self.entry(name) {
                Some(entry) if rest.is_empty() => entry.position,
                Some(entry) => entry.value.position_of(rest),
                None => self.position,
            },
            (Segment::Item(key), Content::List(items)) => {
                let named = items.iter().find(|item| item.is_item(key));
                let numbered = || key.parse::<usize>().ok().and_then(|index| items.get(index));
                named.or_else(numbered).map_or(self.position, |item| item.position_of(rest))
            }
            _ => self.position,
        }
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Content::List(_) | Content::Scalar(_) => None,
        }
    }

    /// Tells whether this is the item of a list that a message calls by `key`: by its name (`web` or `name=web`), or by
    /// address and port.
    fn is_item(&self, key: &str) -> bool {
        let key = key.strip_prefix("name=").unwrap_or(key);
        if self.text("name") == Some(key) && self.text("address").is_none() {
            return true;
        }
        let Some(address) = self.text("address") else { return false };
        let port = self.get("port").map(|port| port.value().to_string()).unwrap_or_default();
        key == format!("{address}:{port}") || key == format!("[{address}]:{port}")
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { position: referenced.into(), content: value })
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Content, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push(Entry { position: key.referenced.into(), key: key.value, value: map.next_value()? });
        }
        Ok(Content::Map(entries))
    }
}

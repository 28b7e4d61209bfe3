//! The forms that values take, as schemas.

use serde_json::{Map, Value, json};

/// A table with these keys and no others.
pub(super) fn table(
    description: &str,
    required: &[&str],
    properties: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    let properties: Map<_, _> =
        properties.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The whole file.
pub(super) fn file(title: &str, table: Value) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    if let (Some(schema), Value::Object(table)) = (schema.as_object_mut(), table) {
        schema.extend(table);
    }
    schema
}

pub(super) fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

pub(super) fn flag(description: &str) -> Value {
    json!({ "description": description, "type": "boolean" })
}

pub(super) fn number(description: &str, min: i64, max: i64) -> Value {
    json!({ "description": description, "type": "integer", "minimum": min, "maximum": max })
}

/// One of these words.
pub(super) fn words(description: &str, words: impl IntoIterator<Item = &'static str>) -> Value {
    let words: Vec<_> = words.into_iter().collect();
    json!({ "description": description, "enum": words })
}

/// A span of time with its unit.
pub(super) fn span(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
}

/// An amount with its currency.
pub(super) fn money(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": "^[0-9]+(\\.[0-9]+)? [A-Z]{3}$",
    })
}

/// A whole number, or an amount with its currency.
pub(super) fn quantity(description: &str) -> Value {
    json!({ "description": description, "oneOf": [{ "type": "integer" }, money("")] })
}

/// What things are called.
pub(super) fn name(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$" })
}

pub(super) fn list(description: &str, items: &Value, count_max: usize) -> Value {
    json!({
        "description": description, "type": "array", "items": items, "maxItems": count_max,
    })
}

//! JSON Schemas of the files that operations write, for editors: keys, words, limits.
//!
//! Words and limits are those of the readers, which say more than a schema can: whether a name is
//! declared, a condition compiles, bands are in order. `stopline check` has the last word.

mod forms;
mod rules;
mod settings;

use serde_json::Value;

pub use self::rules::rules_schema;
pub use self::settings::settings_schema;

/// `schema` as it is committed under `config/`.
pub fn schema_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

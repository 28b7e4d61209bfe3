//! The contract's own types, generated from `proto/stopline/v1`.

#![expect(
    clippy::pedantic,
    clippy::large_enum_variant,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes,
    unused_qualifications,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/stopline.v1.rs"));
include!(concat!(env!("OUT_DIR"), "/stopline.v1.serde.rs"));

/// Any text of a request may hold a card number: none is shown.
impl std::fmt::Debug for Authorisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authorisation({}, hidden)", self.message_type)
    }
}

impl std::fmt::Debug for authorisation::Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Card(hidden)")
    }
}

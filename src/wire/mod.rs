//! THE TRANSLATORS: bytes become words and back; fallible, still pure.
//!
//! What a switch or a card operations desk sends comes through the [`Door`], as
//! protobuf or JSON, framed or not, and leaves it as words of `domain` or as a
//! [`Refusal`]. What the engine answers goes out through [`encode_record`]. Each
//! scheme's codes are in one table, [`response_codes`].
//!
//! This room must not know rules, windows, files, clocks or Kafka's client. It is
//! the only one that ever sees a card number: `pan.rs` turns it into a key and
//! wipes it. No refusal repeats a value from the message.
//!
//! Start at [`Door::decode`].

mod authorisation;
mod checks;
mod currencies;
mod door;
mod fields;
mod format;
mod framing;
mod json;
mod json_fields;
mod keys;
mod pan;
pub mod proto;
mod protobuf;
mod record;
mod refusal;
mod salvage;
mod scheme_codes;
mod scratch;
mod secret;
mod stop_order;
mod writer;

#[cfg(test)]
mod door_tests;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
mod stop_order_tests;

pub use door::{Door, DoorSettings, Incoming, KafkaKey};
pub use format::Format;
pub use keys::{KeyMaker, KeySeed};
pub use pan::PanKey;
pub use record::{
    RecordFault, decode_record, encode_record, evidence_from_wire, evidence_to_wire, record_as_json,
};
pub use refusal::Refusal;
pub use salvage::SwitchContext;
pub use scheme_codes::{ResponseCodes, response_codes};
pub use scratch::Scratch;
pub use secret::{SecretFault, SecretId};

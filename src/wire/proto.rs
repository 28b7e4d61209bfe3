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

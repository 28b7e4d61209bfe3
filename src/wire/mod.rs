//! THE TRANSLATORS: bytes become words and back; fallible, still pure.

pub mod proto;

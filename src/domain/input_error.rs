//! What Stopline answers to an input that it cannot understand.

use super::{Input, Text};

/// Why an input got no decision. Holds nothing of the payload but the id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputError {
    /// The input refused.
    pub input: Input,
    /// The id, where one could be read.
    pub id: Option<Text>,
    /// What is wrong.
    pub reason: ErrorReason,
    /// The field that is wrong, by its name in the contract.
    pub field: &'static str,
    /// The same for a person, never with a value from the message.
    pub detail: String,
}

/// What is wrong with an input, field by field as `ErrorReason` in the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ErrorReason {
    /// Not a whole, well-formed message.
    Malformed,
    /// Larger than the limit.
    TooLarge,
    /// The record has no value.
    Empty,
    /// `message_type` is absent or unknown.
    UnknownMessageType,
    /// A required field is absent.
    FieldMissing,
    /// A field does not have its form.
    FieldInvalid,
    /// An enum value that this engine does not know.
    UnknownEnumValue,
    /// An amount below zero or beyond the limit.
    AmountOutOfRange,
    /// A time outside the years 2000 to 2099.
    TimeOutOfRange,
    /// A currency that ISO 4217 does not list.
    UnknownCurrency,
    /// The record's key is absent or is not the account reference.
    KeyMismatch,
    /// The record's key belongs to another partition.
    Misrouted,
    /// A card number came and is not accepted here.
    PanRefused,
    /// The account reference looks like a card number.
    ReferenceLooksLikePan,
    /// The id was used before for something else.
    ConflictingRepeat,
    /// The format named in the header is not spoken here.
    UnsupportedFormat,
    /// Its authorisation is of another card, account or currency.
    ContradictsOriginal,
}

impl ErrorReason {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 17] = [
        Self::Malformed,
        Self::TooLarge,
        Self::Empty,
        Self::UnknownMessageType,
        Self::FieldMissing,
        Self::FieldInvalid,
        Self::UnknownEnumValue,
        Self::AmountOutOfRange,
        Self::TimeOutOfRange,
        Self::UnknownCurrency,
        Self::KeyMismatch,
        Self::Misrouted,
        Self::PanRefused,
        Self::ReferenceLooksLikePan,
        Self::ConflictingRepeat,
        Self::UnsupportedFormat,
        Self::ContradictsOriginal,
    ];

    /// Its name in metrics, logs and messages: `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Empty => "empty",
            Self::UnknownMessageType => "unknown_message_type",
            Self::FieldMissing => "field_missing",
            Self::FieldInvalid => "field_invalid",
            Self::UnknownEnumValue => "unknown_enum_value",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::UnknownCurrency => "unknown_currency",
            Self::KeyMismatch => "key_mismatch",
            Self::Misrouted => "misrouted",
            Self::PanRefused => "pan_refused",
            Self::ReferenceLooksLikePan => "reference_looks_like_pan",
            Self::ConflictingRepeat => "conflicting_repeat",
            Self::UnsupportedFormat => "unsupported_format",
            Self::ContradictsOriginal => "contradicts_original",
        }
    }
}

//! Why a message was not let in.

use std::fmt;

use crate::domain::{ErrorReason, IdentifierFault, Input, InputError, Text};

use super::salvage::{Salvaged, SwitchContext};

/// A message that was not let in: what is wrong, in which field, of which id.
/// Neither field nor detail ever holds a value from the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What is wrong.
    pub reason: ErrorReason,
    /// The field that is wrong, by its name in the contract; empty where it is not one field.
    pub field: &'static str,
    /// The same for a person: what was wrong and what is expected.
    pub detail: String,
    /// The message's id, where one could be read that is no card number.
    pub id: Option<Text>,
    /// What the switch asked to get back, where it could be read.
    pub switch_context: Option<SwitchContext>,
}

impl Refusal {
    /// The error record's content for a refusal of `input`.
    pub fn into_input_error(self, input: Input) -> InputError {
        InputError {
            input,
            id: self.id,
            reason: self.reason,
            field: self.field,
            detail: self.detail,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.detail)
    }
}

impl std::error::Error for Refusal {}

/// A [`Refusal`] of a message whose id is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) reason: ErrorReason,
    pub(super) field: &'static str,
    pub(super) detail: String,
}

impl Fault {
    /// `field` is wrong for `reason`: the detail reads "`field` `what`".
    #[cold]
    pub(super) fn of(reason: ErrorReason, field: &'static str, what: &str) -> Self {
        Self { reason, field, detail: format!("{field} {what}") }
    }

    /// The message as a whole is wrong.
    #[cold]
    pub(super) fn whole(reason: ErrorReason, detail: &str) -> Self {
        Self { reason, field: "", detail: detail.to_owned() }
    }

    /// `field` does not have its form.
    #[cold]
    pub(super) fn invalid(field: &'static str, what: &str) -> Self {
        Self::of(ErrorReason::FieldInvalid, field, what)
    }

    /// `field` is no name.
    #[cold]
    pub(super) fn identifier(field: &'static str, fault: IdentifierFault) -> Self {
        Self::invalid(field, &fault.to_string())
    }

    /// `field` is absent where it is required.
    #[cold]
    pub(super) fn missing(field: &'static str, where_required: &str) -> Self {
        Self::of(
            ErrorReason::FieldMissing,
            field,
            &format!("is absent; it is required {where_required}"),
        )
    }

    /// `field` has an enum value that this engine does not know.
    #[cold]
    pub(super) fn unknown_enum(field: &'static str) -> Self {
        Self::of(
            ErrorReason::UnknownEnumValue,
            field,
            "has a value that this engine does not know; see its enum in the contract",
        )
    }

    /// The refusal of the message of which this was `salvaged`.
    pub(super) fn of_message(self, salvaged: Salvaged) -> Refusal {
        let Salvaged { id, switch_context } = salvaged;
        let Self { reason, field, detail } = self;
        Refusal { reason, field, detail, id, switch_context }
    }
}

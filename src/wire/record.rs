//! Answers become canonical bytes: one record, one sequence of bytes, for ever.
//!
//! The journal's rule J1 hangs on it: two honest copies of a decision are equal
//! byte for byte, and a repeat is the stored bytes. So this encoder has no
//! choices: fields ascend, absent ones are left out, keys are lower-case digits.

use prost::Message;
use thiserror::Error;

use crate::domain::{
    Acknowledgement, Decision, ErrorReason, EventTime, FailCause, FiredRule, Input, InputError,
    Noted, Outcome, Reason, Record, RequestFacts, Scheme, StopOrderSeen, Text, ValueSeen,
};

use super::currencies::letters_of;
use super::proto;
use super::scheme_codes::response_codes;
use super::writer::{Writer, unzigzag, zigzag};

/// Why bytes are no record.
#[derive(Clone, Debug, Error)]
pub enum RecordFault {
    /// They are not a whole message `Record`.
    #[error("the value is not a whole protobuf message Record; was it written by Stopline?")]
    Malformed,
    /// The record cannot be written as JSON: an enum value is unknown here.
    #[error("the record has an enum value that this version does not know; use a newer one")]
    UnknownEnumValue,
}

/// Appends the canonical bytes of `record` to `out`. Hot path: allocates only where `out` grows.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match record {
        Record::Decision(decision) => writer.nested(1, |body| write_decision(body, decision)),
        Record::Acknowledgement(noted) => {
            writer.nested(2, |body| write_acknowledgement(body, noted));
        }
        Record::Error(error) => writer.nested(3, |body| write_error(body, error)),
    }
}

/// Appends the record whose canonical bytes are `canonical` to `out`, as JSON.
///
/// # Errors
/// A [`RecordFault`] where they are not such bytes.
pub fn record_as_json(canonical: &[u8], out: &mut Vec<u8>) -> Result<(), RecordFault> {
    let record = decode_record(canonical)?;
    serde_json::to_writer(out, &record).map_err(|_| RecordFault::UnknownEnumValue)
}

/// The record whose canonical bytes are `canonical`, in the contract's own type.
///
/// # Errors
/// [`RecordFault::Malformed`] where they are not such bytes.
pub fn decode_record(canonical: &[u8]) -> Result<proto::Record, RecordFault> {
    proto::Record::decode(canonical).map_err(|_| RecordFault::Malformed)
}

/// A feature's value as `evidence` holds it: 0 is absent, otherwise 1 + zigzag. No
/// feature is [`i64::MIN`], which would be written as [`i64::MAX`].
pub const fn evidence_to_wire(value: Option<i64>) -> u64 {
    match value {
        Some(value) => zigzag(value).saturating_add(1),
        None => 0,
    }
}

/// The value that [`evidence_to_wire`] wrote.
///
/// ```
/// use stopline::wire::{evidence_from_wire, evidence_to_wire};
/// for value in [None, Some(0), Some(-1), Some(1), Some(i64::MAX)] {
///     assert_eq!(evidence_from_wire(evidence_to_wire(value)), value);
/// }
/// ```
pub const fn evidence_from_wire(wire: u64) -> Option<i64> {
    match wire.checked_sub(1) {
        Some(zigzagged) => Some(unzigzag(zigzagged)),
        None => None,
    }
}

fn write_decision(to: &mut Writer<'_>, decision: &Decision) {
    let request = &decision.request;
    let codes = response_codes(decision.reason, decision.outcome, request.scheme);
    to.text(1, request.id.as_str());
    to.uint(2, request.answer_indicator.into());
    to.nested(3, |to| write_input(to, request.input));
    to.uint(4, outcome_number(decision.outcome));
    to.uint(5, reason_number(decision.reason));
    to.text(6, codes.response_code);
    to.some_uint(7, codes.visa_decline_category.map(u64::from));
    to.some_text(8, codes.merchant_advice_code);
    to.uint(9, decision.score.into());
    for FiredRule { name, points, reason, values } in &decision.fired {
        to.nested(10, |to| write_fired_rule(to, name, *points, *reason, values));
    }
    for it in &decision.shadow {
        let (points, reason) = (it.would_add(), it.would_stand_for());
        to.nested(11, |to| write_fired_rule(to, it.name(), points, reason, it.values()));
    }
    if !decision.evidence.is_empty() {
        to.nested(12, |to| {
            for value in &decision.evidence {
                to.varint(evidence_to_wire(*value));
            }
        });
    }
    to.hexadecimal(13, decision.rule_set.0.into(), 16);
    to.int(14, decision.stop_list_version.0);
    if let Some(seen) = &decision.stop_order {
        to.nested(15, |to| write_stop_order_seen(to, seen));
    }
    to.text(16, &decision.engine_version);
    write_request_facts(to, request);
    let causes = decision.causes;
    to.flag(31, causes.holds(FailCause::Late));
    to.flag(32, decision.is_degraded());
    to.flag(33, decision.by_policy.is_some());
    to.flag(34, causes.holds(FailCause::HistoryTruncated));
    to.uint(35, decision.overload_step.into());
    to.flag(36, decision.is_judged_again);
    to.flag(37, decision.is_counted_before);
    to.flag(38, decision.original_unknown);
    if !causes.is_empty() {
        to.nested(39, |to| causes.iter().for_each(|cause| to.varint(cause_number(cause))));
    }
    to.uint(40, decision.by_policy.map_or(0, cause_number));
}

fn write_request_facts(to: &mut Writer<'_>, request: &RequestFacts) {
    to.hexadecimal(17, request.account.bits(), 32);
    if let Some(card) = request.card {
        to.hexadecimal(18, card.bits(), 32);
    }
    if let Some(amount) = request.amount {
        to.int(19, amount.minor_units());
        to.text(20, letters_of(amount.currency()));
    }
    to.some_uint(21, request.policy_minor_units.map(i64::cast_unsigned));
    to.int(22, request.authorised_at.unix_millis());
    to.int(23, request.event_at.unix_millis());
    to.int(24, request.appended_at.unix_millis());
    to.some_text(25, request.merchant_id.as_ref().map(Text::as_str));
    to.some_text(26, request.acquirer_id.as_ref().map(Text::as_str));
    to.some_uint(27, request.merchant_category.map(u64::from));
    let country = request.merchant_country.as_ref();
    to.some_text(28, country.and_then(|code| std::str::from_utf8(code).ok()));
    to.uint(29, scheme_number(request.scheme));
    to.some_text(30, request.portfolio.as_ref().map(Text::as_str));
}

fn write_acknowledgement(to: &mut Writer<'_>, noted: &Acknowledgement) {
    to.text(1, noted.id.as_ref().map_or("", Text::as_str));
    to.uint(2, noted.answer_indicator.into());
    to.nested(3, |to| write_input(to, noted.input));
    to.some_text(4, noted.original_id.as_ref().map(Text::as_str));
    to.uint(
        5,
        match noted.noted {
            Noted::Echo => 1,
            Noted::Applied => 3,
            Noted::Pending => 4,
            Noted::NothingToDo => 5,
            Noted::OutsideWindows => 6,
            Noted::OverReversed => 7,
        },
    );
    if let Some(account) = noted.account {
        to.hexadecimal(6, account.bits(), 32);
    }
    to.int(7, noted.authorised_at.map_or(0, EventTime::unix_millis));
    to.int(8, noted.appended_at.unix_millis());
}

fn write_error(to: &mut Writer<'_>, error: &InputError) {
    to.nested(1, |to| write_input(to, error.input));
    to.some_text(2, error.id.as_ref().map(Text::as_str));
    to.uint(3, error_reason_number(error.reason));
    to.text(4, error.field);
    to.text(5, &error.detail);
}

fn write_input(to: &mut Writer<'_>, input: Input) {
    to.int(1, input.partition.0.into());
    to.int(2, input.offset.0);
}

fn write_fired_rule(
    to: &mut Writer<'_>,
    name: &str,
    points: i32,
    reason: Option<Reason>,
    values: &[ValueSeen],
) {
    to.text(1, name);
    to.uint(2, zigzag(points.into()));
    to.uint(3, reason_number(reason));
    for seen in values {
        to.nested(4, |to| {
            to.text(1, &seen.name);
            to.some_uint(2, seen.value.map(zigzag));
        });
    }
}

fn write_stop_order_seen(to: &mut Writer<'_>, seen: &StopOrderSeen) {
    to.text(1, seen.order_id.as_str());
    to.int(2, seen.offset.0);
}

const fn outcome_number(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Approve => 1,
        Outcome::StepUp => 2,
        Outcome::Decline => 3,
    }
}

const fn reason_number(reason: Option<Reason>) -> u64 {
    match reason {
        None => 0,
        Some(Reason::LostCard) => 1,
        Some(Reason::StolenCard) => 2,
        Some(Reason::CounterfeitCard) => 3,
        Some(Reason::RestrictedCard) => 4,
        Some(Reason::CardholderFreeze) => 5,
        Some(Reason::PaymentStopped) => 6,
        Some(Reason::VelocityCountExceeded) => 7,
        Some(Reason::VelocityAmountExceeded) => 8,
        Some(Reason::SecurityViolation) => 9,
        Some(Reason::SuspectedFraud) => 10,
        Some(Reason::NotPermitted) => 11,
        Some(Reason::AuthenticationRequired) => 12,
        Some(Reason::NotScored) => 13,
        Some(Reason::AuthorisationRevoked) => 14,
        Some(Reason::AllAuthorisationsRevoked) => 15,
        Some(Reason::DoNotHonour) => 16,
        Some(Reason::IssuerUnavailable) => 17,
    }
}

const fn cause_number(cause: FailCause) -> u64 {
    match cause {
        FailCause::Late => 1,
        FailCause::Overload => 2,
        FailCause::StopListStale => 3,
        FailCause::Recovering => 4,
        FailCause::HistoryTruncated => 5,
    }
}

const fn scheme_number(scheme: Option<Scheme>) -> u64 {
    match scheme {
        None => 0,
        Some(Scheme::Visa) => 1,
        Some(Scheme::Mastercard) => 2,
        Some(Scheme::UnionPay) => 3,
        Some(Scheme::AmericanExpress) => 4,
        Some(Scheme::Jcb) => 5,
        Some(Scheme::Discover) => 6,
    }
}

const fn error_reason_number(reason: ErrorReason) -> u64 {
    match reason {
        ErrorReason::Malformed => 1,
        ErrorReason::TooLarge => 2,
        ErrorReason::Empty => 3,
        ErrorReason::UnknownMessageType => 4,
        ErrorReason::FieldMissing => 5,
        ErrorReason::FieldInvalid => 6,
        ErrorReason::UnknownEnumValue => 7,
        ErrorReason::AmountOutOfRange => 8,
        ErrorReason::TimeOutOfRange => 9,
        ErrorReason::UnknownCurrency => 10,
        ErrorReason::KeyMismatch => 11,
        ErrorReason::Misrouted => 12,
        ErrorReason::PanRefused => 13,
        ErrorReason::ReferenceLooksLikePan => 14,
        ErrorReason::ConflictingRepeat => 15,
        ErrorReason::UnsupportedFormat => 16,
        ErrorReason::ContradictsOriginal => 17,
    }
}

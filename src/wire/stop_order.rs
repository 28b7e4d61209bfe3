//! A stop order's fields become words, or the first fault among them.

use crate::domain::{
    AccountKey, CardKey, ErrorReason, EventTime, Identifier, Offset, ReportChannel, StopCause,
    StopOrder, StopScope,
};

use super::checks;
use super::door::{Door, KafkaKey};
use super::fields::NAME_LENGTH_MAX;
use super::format::Format;
use super::json;
use super::proto;
use super::refusal::Fault;

const PARTY_LENGTH_MAX: usize = 32;
const LIFT_REASON_LENGTH_MAX: usize = 200;
const TAG_DIGITS_COUNT: usize = 32;

/// Reads `payload` into `message`, which is empty.
pub(super) fn read(
    format: Format,
    payload: &[u8],
    message: &mut proto::StopOrder,
) -> Result<(), Fault> {
    match format {
        // What prost says of a fault is not passed on: it may grow to repeat values.
        Format::Protobuf => prost::Message::merge(message, payload).map_err(|_| {
            Fault::whole(
                ErrorReason::Malformed,
                "the value is not a whole protobuf message StopOrder",
            )
        }),
        Format::Json => json::read(payload, message),
    }
}

/// The order that `message` stands for, in a record with `key` at `offset`.
///
/// # Errors
/// The first fault, in the order of the function's body.
pub(super) fn translate(
    door: &Door,
    message: &proto::StopOrder,
    key: KafkaKey<'_>,
    offset: Offset,
    appended_at: EventTime,
) -> Result<StopOrder, Fault> {
    let id = order_id(message, key)?;
    let card = card_token(door, message)?;
    let account = account_reference(door, message)?;
    let tag = pan_tag(door, message)?;
    names_somebody(card, account, &tag)?;
    let reported_at = checks::optional_time("reported_at_millis", message.reported_at_millis)?;
    let in_force_from =
        checks::optional_time("in_force_from_millis", message.in_force_from_millis)?
            .unwrap_or_else(|| start_of(reported_at, appended_at));
    let lapses_at = checks::optional_time("lapses_at_millis", message.lapses_at_millis)?;
    if lapses_at.is_some_and(|end| end <= in_force_from) {
        return Err(Fault::invalid("lapses_at_millis", "is not after the order is in force"));
    }
    checks::remark("source", message.source.as_deref(), NAME_LENGTH_MAX)?;
    let cause = cause(message)?;
    Ok(StopOrder {
        id: id.to_text(),
        key: door.keys.order_key(id.as_str()),
        offset,
        card,
        pan: tag.known(),
        has_foreign_tag: matches!(tag, Tag::Foreign),
        account,
        cause,
        scope: scope(message, cause)?,
        report_channel: report_channel(message)?,
        reported_at: reported_at.unwrap_or(appended_at),
        in_force_from,
        lapses_at,
        lifted_at: lifted_at(message)?,
    })
}

/// From when an order stops that does not say: its report, where that came first. A later
/// record under the same id, such as a confirmation, then does not move the start.
fn start_of(reported_at: Option<EventTime>, appended_at: EventTime) -> EventTime {
    reported_at.map_or(appended_at, |reported_at| reported_at.min(appended_at))
}

fn order_id<'m>(message: &'m proto::StopOrder, key: KafkaKey<'_>) -> Result<Identifier<'m>, Fault> {
    if message.order_id.is_empty() {
        return Err(Fault::missing("order_id", "on every order"));
    }
    let id = checks::name("order_id", &message.order_id, NAME_LENGTH_MAX)?;
    if key.is_for(id.as_str()) {
        Ok(id)
    } else {
        Err(Fault::of(
            ErrorReason::KeyMismatch,
            "order_id",
            "is not the record's key; both must be the same bytes",
        ))
    }
}

fn card_token(door: &Door, message: &proto::StopOrder) -> Result<Option<CardKey>, Fault> {
    let token = message.card_token.as_deref();
    let token = token.map(|text| checks::card_token(door.settings, text)).transpose()?;
    Ok(token.map(|token| door.keys.card_token_key(token.as_str())))
}

fn account_reference(door: &Door, message: &proto::StopOrder) -> Result<Option<AccountKey>, Fault> {
    let reference = message.account_reference.as_deref();
    let reference =
        reference.map(|text| checks::account_reference(door.settings, text)).transpose()?;
    Ok(reference.map(|reference| door.keys.account_key(reference.as_str())))
}

/// A card by the tag of its number.
enum Tag {
    /// None is given.
    Absent,
    /// Made with the key that requests are tagged with.
    Known(CardKey),
    /// Made with another key: no request has it.
    Foreign,
}

impl Tag {
    fn known(&self) -> Option<CardKey> {
        match self {
            Self::Known(pan) => Some(*pan),
            Self::Absent | Self::Foreign => None,
        }
    }
}

fn pan_tag(door: &Door, message: &proto::StopOrder) -> Result<Tag, Fault> {
    let key_id = message.pan_key_id.as_deref();
    let key_id = checks::optional_name("pan_key_id", key_id, NAME_LENGTH_MAX)?;
    let (tag, key_id) = match (message.pan_tag.as_deref(), key_id) {
        (None, None) => return Ok(Tag::Absent),
        (None, Some(_)) => return Err(Fault::missing("pan_tag", "with pan_key_id")),
        (Some(_), None) => return Err(Fault::missing("pan_key_id", "with pan_tag")),
        (Some(tag), Some(key_id)) => (tag, key_id),
    };
    let is_form = tag.len() == TAG_DIGITS_COUNT && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bits = u128::from_str_radix(tag, 16).ok().filter(|_| is_form);
    let Some(bits) = bits else {
        return Err(Fault::invalid("pan_tag", "is not 32 hexadecimal digits"));
    };
    let is_ours = door
        .tagging_key()
        .is_some_and(|ours| ours.id().to_string().eq_ignore_ascii_case(key_id.as_str()));
    Ok(if is_ours { Tag::Known(CardKey::from_bits(bits)) } else { Tag::Foreign })
}

/// An order that stops nobody is refused: whoever wrote it believes the card stopped.
fn names_somebody(
    card: Option<CardKey>,
    account: Option<AccountKey>,
    tag: &Tag,
) -> Result<(), Fault> {
    match tag {
        _ if card.is_some() || account.is_some() => Ok(()),
        Tag::Known(_) => Ok(()),
        Tag::Foreign => Err(Fault::invalid(
            "pan_key_id",
            "is not the key that this engine tags card numbers with, and the order names its \
             card in no other way; it would stop nothing",
        )),
        Tag::Absent => Err(Fault::whole(
            ErrorReason::FieldMissing,
            "the order names nobody; one of card_token, account_reference, pan_tag is required",
        )),
    }
}

fn cause(message: &proto::StopOrder) -> Result<StopCause, Fault> {
    use proto::StopCause as Cause;
    match Cause::try_from(message.cause) {
        Ok(Cause::Unspecified) => Err(Fault::missing("cause", "on every order")),
        Ok(Cause::Lost) => Ok(StopCause::Lost),
        Ok(Cause::Stolen) => Ok(StopCause::Stolen),
        Ok(Cause::Counterfeit) => Ok(StopCause::Counterfeit),
        Ok(Cause::MaliciousOverdraft) => Ok(StopCause::MaliciousOverdraft),
        Ok(Cause::TermsViolated) => Ok(StopCause::TermsViolated),
        Ok(Cause::CardholderFreeze) => Ok(StopCause::CardholderFreeze),
        Ok(Cause::Legal) => Ok(StopCause::Legal),
        Ok(Cause::StopPayment) => Ok(StopCause::StopPayment),
        Ok(Cause::RevokeAuthorisation) => Ok(StopCause::RevokeAuthorisation),
        Ok(Cause::RevokeAllAuthorisations) => Ok(StopCause::RevokeAllAuthorisations),
        Err(_) => Err(Fault::unknown_enum("cause")),
    }
}

/// What the order covers; where it does not say, what its cause means.
fn scope(message: &proto::StopOrder, cause: StopCause) -> Result<StopScope, Fault> {
    use proto::StopScope as Scope;
    let scope = Scope::try_from(message.scope).map_err(|_| Fault::unknown_enum("scope"))?;
    let is_narrow = matches!(scope, Scope::Merchant | Scope::MerchantCategory);
    if means_one_agreement(cause) && !is_narrow {
        return Err(needs_narrow_scope(scope));
    }
    let merchant_id =
        checks::optional_name("merchant_id", message.merchant_id.as_deref(), PARTY_LENGTH_MAX)?;
    let acquirer_id =
        checks::optional_name("acquirer_id", message.acquirer_id.as_deref(), PARTY_LENGTH_MAX)?;
    let category =
        checks::merchant_category("merchant_category_code", message.merchant_category_code)?;
    let unmeant = |field| Fault::invalid(field, "is there, but the scope does not name it");
    if scope != Scope::Merchant && merchant_id.is_some() {
        return Err(unmeant("merchant_id"));
    }
    if scope != Scope::Merchant && acquirer_id.is_some() {
        return Err(unmeant("acquirer_id"));
    }
    if scope != Scope::MerchantCategory && category.is_some() {
        return Err(unmeant("merchant_category_code"));
    }
    match scope {
        Scope::Unspecified if cause == StopCause::RevokeAllAuthorisations => {
            Ok(StopScope::MerchantInitiated)
        }
        Scope::Unspecified | Scope::All => Ok(StopScope::All),
        Scope::Merchant => merchant_id
            .map(|merchant_id| StopScope::Merchant {
                merchant_id: merchant_id.to_text(),
                acquirer_id: acquirer_id.map(Identifier::to_text),
            })
            .ok_or_else(|| Fault::missing("merchant_id", "where the scope is a merchant")),
        Scope::MerchantCategory => category.map(StopScope::MerchantCategory).ok_or_else(|| {
            Fault::missing("merchant_category_code", "where the scope is a category")
        }),
        Scope::MerchantInitiated => Ok(StopScope::MerchantInitiated),
    }
}

/// True where an order is about one agreement (R0, R1): without its merchant it would
/// stop the whole card.
const fn means_one_agreement(cause: StopCause) -> bool {
    matches!(cause, StopCause::StopPayment | StopCause::RevokeAuthorisation)
}

#[cold]
fn needs_narrow_scope(scope: proto::StopScope) -> Fault {
    if scope == proto::StopScope::Unspecified {
        Fault::missing(
            "scope",
            "where one payment is stopped or one authorisation revoked: a merchant or a category",
        )
    } else {
        Fault::invalid(
            "scope",
            "must be a merchant or a category where one payment is stopped or one \
             authorisation revoked",
        )
    }
}

fn report_channel(message: &proto::StopOrder) -> Result<ReportChannel, Fault> {
    use proto::ReportChannel as Channel;
    match Channel::try_from(message.report_channel) {
        Ok(Channel::Telephone) => Ok(ReportChannel::Telephone),
        Ok(Channel::Unspecified | Channel::Written) => Ok(ReportChannel::Written),
        Ok(Channel::Online) => Ok(ReportChannel::Online),
        Ok(Channel::Issuer) => Ok(ReportChannel::Issuer),
        Err(_) => Err(Fault::unknown_enum("report_channel")),
    }
}

/// A lift without a reason is refused, and so is a reason without a lift: whoever
/// wrote it believes the card to be free.
fn lifted_at(message: &proto::StopOrder) -> Result<Option<EventTime>, Fault> {
    checks::remark("lift_reason", message.lift_reason.as_deref(), LIFT_REASON_LENGTH_MAX)?;
    match (message.lifted_at_millis, message.lift_reason.as_ref()) {
        (Some(_), None) => Err(Fault::missing("lift_reason", "with lifted_at_millis")),
        (None, Some(_)) => Err(Fault::missing("lifted_at_millis", "with lift_reason")),
        (lifted_at, _) => checks::optional_time("lifted_at_millis", lifted_at),
    }
}

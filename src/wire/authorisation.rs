//! An authorisation's fields become words, or the first fault among them.

use crate::domain::{
    AccountKey, Amount, Authorisation, CardKey, Channel, CheckResult, EntryMode, ErrorReason,
    EventTime, Identifier, Initiator, MessageClass, MessageType, Processing, Scheme,
};

use super::checks;
use super::door::{Door, Incoming, KafkaKey};
use super::fields::{CardFields, Fields, NAME_LENGTH_MAX};
use super::pan::{Pan, PanFault};
use super::proto;
use super::refusal::Fault;
use super::scheme_codes::outcome_elsewhere;

const PARTY_LENGTH_MAX: usize = 32;
/// The most that a switch may ask to get back.
pub(super) const SWITCH_CONTEXT_BYTES_MAX: usize = 1_024;

/// The words that `fields` and `card` stand for, in a record with `key`.
///
/// # Errors
/// The first fault, in the order of the functions' bodies.
pub(super) fn translate<'s>(
    door: &Door,
    fields: &Fields<'s>,
    card: CardFields<'_>,
    key: KafkaKey<'_>,
) -> Result<Incoming<'s>, Fault> {
    let message_type = message_type(fields)?;
    let card = card_key(door, card)?;
    let switch_context = switch_context(fields)?;
    if message_type.class == MessageClass::EchoTest {
        return echo(fields, switch_context);
    }
    let id = id(fields)?;
    let account = account_reference(door, fields, key)?;
    if message_type.class == MessageClass::Request && card.is_none() {
        return Err(Fault::missing("card_token", "on a request"));
    }
    forget_unread(fields)?;
    let auth = words(door, fields, message_type, (id, account, card))?;
    Ok(Incoming::Message { auth, switch_context })
}

fn words<'s>(
    door: &Door,
    fields: &Fields<'s>,
    message_type: MessageType,
    (id, account, card): (Identifier<'s>, AccountKey, Option<CardKey>),
) -> Result<Authorisation<'s>, Fault> {
    let class = message_type.class;
    let merchant_id = checks::optional_name("merchant_id", fields.merchant_id, PARTY_LENGTH_MAX)?;
    let acquirer_id = checks::optional_name("acquirer_id", fields.acquirer_id, PARTY_LENGTH_MAX)?;
    let acquirer = acquirer_id.map(Identifier::as_str);
    let device = checks::optional_name("device_id", fields.device_id, NAME_LENGTH_MAX)?;
    let email = checks::optional_name("email_digest", fields.email_digest, NAME_LENGTH_MAX)?;
    let ip = checks::ip_address(fields.ip_address)?;
    let original_id = original_id(fields, class)?;
    let response_code = response_code(fields, class)?;
    let scheme = scheme(fields)?;
    Ok(Authorisation {
        message_type,
        id,
        id_key: door.keys.id_key(id.as_str()),
        original_id,
        original_key: original_id.map(|id| door.keys.id_key(id.as_str())),
        processing: processing(fields)?,
        incremental: fields.incremental,
        account,
        card,
        amount: amount(door, fields, class)?,
        billing_amount: billing_amount(door, fields)?,
        authorised_at: authorised_at(fields)?,
        original_authorised_at: checks::optional_time(
            "original_authorised_at_millis",
            fields.original_authorised_at_millis,
        )?,
        deadline: checks::optional_time("deadline_millis", fields.deadline_millis)?,
        merchant_id,
        acquirer_id,
        merchant: merchant_id.map(|id| door.keys.merchant_key(acquirer, id.as_str())),
        acquirer: acquirer.map(|id| door.keys.acquirer_key(id)),
        device: device.map(|id| door.keys.device_key(id.as_str())),
        ip: ip.map(|address| door.keys.ip_key(address)),
        email: email.map(|digest| door.keys.email_key(digest.as_str())),
        merchant_category: checks::merchant_category(
            "merchant_category_code",
            fields.merchant_category_code,
        )?,
        merchant_country: checks::country("merchant_country", fields.merchant_country)?,
        entry_mode: entry_mode(fields)?,
        channel: channel(fields)?,
        initiator: initiator(fields)?,
        eci: checks::eci(fields.eci)?,
        cavv_result: check_result("cavv_result", fields.cavv_result)?,
        cvv2_result: check_result("cvv2_result", fields.cvv2_result)?,
        avs_result: check_result("avs_result", fields.avs_result)?,
        expiry_result: check_result("expiry_result", fields.expiry_result)?,
        bin: checks::bin(fields.bin)?,
        ip_country: checks::country("ip_country", fields.ip_country)?,
        scheme,
        portfolio: checks::optional_name("portfolio", fields.portfolio, PARTY_LENGTH_MAX)?,
        response_code,
        outcome_elsewhere: response_code.map(|code| outcome_elsewhere(code, scheme)),
    })
}

fn echo<'s>(fields: &Fields<'s>, switch_context: Option<&'s [u8]>) -> Result<Incoming<'s>, Fault> {
    let id = Some(fields.authorisation_id).filter(|id| !id.is_empty());
    let authorised_at = Some(fields.authorised_at_millis).filter(|millis| *millis != 0);
    Ok(Incoming::Echo {
        id: checks::optional_name("authorisation_id", id, NAME_LENGTH_MAX)?,
        authorised_at: checks::optional_time("authorised_at_millis", authorised_at)?,
        switch_context,
    })
}

fn message_type(fields: &Fields<'_>) -> Result<MessageType, Fault> {
    let unknown = |what| Fault::of(ErrorReason::UnknownMessageType, "message_type", what);
    if fields.message_type == 0 {
        return Err(unknown("is absent"));
    }
    u16::try_from(fields.message_type)
        .ok()
        .and_then(MessageType::from_indicator)
        .ok_or_else(|| unknown("is not a message type that is spoken here"))
}

fn id<'s>(fields: &Fields<'s>) -> Result<Identifier<'s>, Fault> {
    if fields.authorisation_id.is_empty() {
        return Err(Fault::missing("authorisation_id", "except on 0800"));
    }
    checks::name("authorisation_id", fields.authorisation_id, NAME_LENGTH_MAX)
}

fn original_id<'s>(
    fields: &Fields<'s>,
    class: MessageClass,
) -> Result<Option<Identifier<'s>>, Fault> {
    let is_required = class == MessageClass::Reversal || fields.incremental;
    if is_required && fields.original_id.is_none() {
        let where_required = "on a reversal and on an incremental authorisation";
        return Err(Fault::missing("original_id", where_required));
    }
    if is_required && fields.original_id == Some(fields.authorisation_id) {
        let what = "is this message's own id; it must name the authorisation that it is about, \
                    and authorisation_id be an id of its own";
        return Err(Fault::invalid("original_id", what));
    }
    checks::optional_name("original_id", fields.original_id, NAME_LENGTH_MAX)
}

/// A card number that came is refused whatever came with it, or behind it.
fn card_key(door: &Door, card: CardFields<'_>) -> Result<Option<CardKey>, Fault> {
    match (card, door.tagging_key()) {
        (CardFields { token: None, pan: None }, _) => Ok(None),
        (CardFields { token: Some(token), pan: None }, _) => {
            let token = checks::card_token(door.settings, token)?;
            Ok(Some(door.keys.card_token_key(token.as_str())))
        }
        (CardFields { pan: Some(_), .. }, None) => Err(Fault::of(
            ErrorReason::PanRefused,
            "pan",
            "came, and card numbers are not let in here; send card_token",
        )),
        (CardFields { token: Some(_), pan: Some(_) }, Some(_)) => {
            Err(Fault::invalid("pan", "came together with card_token; a message has one of them"))
        }
        (CardFields { token: None, pan: Some(text) }, Some(pan_key)) => {
            Pan::read(text).map(|pan| Some(pan_key.tag(pan))).map_err(|fault| match fault {
                PanFault::Form => Fault::invalid("pan", "is not 13 to 19 digits"),
                PanFault::CheckDigit => Fault::invalid("pan", "has a wrong check digit"),
            })
        }
    }
}

fn account_reference(
    door: &Door,
    fields: &Fields<'_>,
    key: KafkaKey<'_>,
) -> Result<AccountKey, Fault> {
    let text = fields.account_reference;
    if text.is_empty() {
        return Err(Fault::missing("account_reference", "except on 0800"));
    }
    checks::account_reference(door.settings, text)?;
    if !key.is_for(text) {
        return Err(Fault::of(
            ErrorReason::KeyMismatch,
            "account_reference",
            "is not the record's key; both must be the same bytes",
        ));
    }
    Ok(door.keys.account_key(text))
}

fn authorised_at(fields: &Fields<'_>) -> Result<EventTime, Fault> {
    if fields.authorised_at_millis == 0 {
        return Err(Fault::missing("authorised_at_millis", "except on 0800"));
    }
    checks::time("authorised_at_millis", fields.authorised_at_millis)
}

fn amount(door: &Door, fields: &Fields<'_>, class: MessageClass) -> Result<Option<Amount>, Fault> {
    match fields.amount_minor_units {
        Some(minor_units) => checks::amount(
            &door.currencies,
            ("amount_minor_units", minor_units),
            ("currency", fields.currency),
        )
        .map(Some),
        None if matches!(class, MessageClass::OutcomeNotice | MessageClass::Reversal) => Ok(None),
        None => Err(Fault::missing("amount_minor_units", "on requests and advices")),
    }
}

fn billing_amount(door: &Door, fields: &Fields<'_>) -> Result<Option<Amount>, Fault> {
    match (fields.billing_amount_minor_units, fields.billing_currency) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Fault::missing("billing_amount_minor_units", "with a billing currency"))
        }
        (Some(minor_units), letters) => checks::amount(
            &door.currencies,
            ("billing_amount_minor_units", minor_units),
            ("billing_currency", letters.unwrap_or_default()),
        )
        .map(Some),
    }
}

/// Fields that no feature reads yet must have their form, and are left behind.
fn forget_unread(fields: &Fields<'_>) -> Result<(), Fault> {
    checks::optional_name("terminal_id", fields.terminal_id, PARTY_LENGTH_MAX)?;
    Ok(())
}

fn response_code(fields: &Fields<'_>, class: MessageClass) -> Result<Option<[u8; 2]>, Fault> {
    let is_told = matches!(class, MessageClass::Advice | MessageClass::OutcomeNotice);
    match fields.response_code {
        None if is_told => Err(Fault::missing("response_code", "on advices and outcome notices")),
        None => Ok(None),
        Some(_) if !is_told => {
            Err(Fault::invalid("response_code", "is for advices and outcome notices only"))
        }
        Some(text) => <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .filter(|code| code.iter().all(u8::is_ascii_alphanumeric))
            .map(Some)
            .ok_or_else(|| Fault::invalid("response_code", "is not two letters or digits")),
    }
}

fn switch_context<'s>(fields: &Fields<'s>) -> Result<Option<&'s [u8]>, Fault> {
    match fields.switch_context {
        Some(bytes) if bytes.len() > SWITCH_CONTEXT_BYTES_MAX => Err(Fault::invalid(
            "switch_context",
            &format!("is larger than {SWITCH_CONTEXT_BYTES_MAX} bytes"),
        )),
        context => Ok(context),
    }
}

fn processing(fields: &Fields<'_>) -> Result<Processing, Fault> {
    use proto::ProcessingCode as Code;
    match Code::try_from(fields.processing_code) {
        Ok(Code::Unspecified | Code::Purchase) => Ok(Processing::Purchase),
        Ok(Code::Cash) => Ok(Processing::Cash),
        Ok(Code::QuasiCash) => Ok(Processing::QuasiCash),
        Ok(Code::Refund) => Ok(Processing::Refund),
        Ok(Code::Credit) => Ok(Processing::Credit),
        Ok(Code::AccountCheck) => Ok(Processing::AccountCheck),
        Err(_) => Err(Fault::unknown_enum("processing_code")),
    }
}

fn entry_mode(fields: &Fields<'_>) -> Result<Option<EntryMode>, Fault> {
    use proto::EntryMode as Mode;
    Ok(Some(match Mode::try_from(fields.entry_mode) {
        Ok(Mode::Unspecified) => return Ok(None),
        Ok(Mode::Manual) => EntryMode::Manual,
        Ok(Mode::Ecommerce) => EntryMode::Ecommerce,
        Ok(Mode::CredentialOnFile) => EntryMode::CredentialOnFile,
        Ok(Mode::Chip) => EntryMode::Chip,
        Ok(Mode::Contactless) => EntryMode::Contactless,
        Ok(Mode::MagneticStripe) => EntryMode::MagneticStripe,
        Ok(Mode::QrCode) => EntryMode::QrCode,
        Err(_) => return Err(Fault::unknown_enum("entry_mode")),
    }))
}

fn channel(fields: &Fields<'_>) -> Result<Option<Channel>, Fault> {
    use proto::Channel as Place;
    Ok(Some(match Place::try_from(fields.channel) {
        Ok(Place::Unspecified) => return Ok(None),
        Ok(Place::Browser) => Channel::Browser,
        Ok(Place::App) => Channel::App,
        Ok(Place::Telephone) => Channel::Telephone,
        Ok(Place::Mail) => Channel::Mail,
        Ok(Place::Terminal) => Channel::Terminal,
        Err(_) => return Err(Fault::unknown_enum("channel")),
    }))
}

fn initiator(fields: &Fields<'_>) -> Result<Initiator, Fault> {
    use proto::Initiator as Starter;
    match Starter::try_from(fields.initiator) {
        Ok(Starter::Unspecified | Starter::Cardholder) => Ok(Initiator::Cardholder),
        Ok(Starter::Merchant) => Ok(Initiator::Merchant),
        Err(_) => Err(Fault::unknown_enum("initiator")),
    }
}

fn check_result(field: &'static str, number: i32) -> Result<Option<CheckResult>, Fault> {
    use proto::CheckResult as Found;
    Ok(Some(match Found::try_from(number) {
        Ok(Found::Unspecified) => return Ok(None),
        Ok(Found::Match) => CheckResult::Match,
        Ok(Found::NoMatch) => CheckResult::NoMatch,
        Ok(Found::PartialMatch) => CheckResult::PartialMatch,
        Ok(Found::NotProcessed) => CheckResult::NotProcessed,
        Ok(Found::NotProvided) => CheckResult::NotProvided,
        Err(_) => return Err(Fault::unknown_enum(field)),
    }))
}

fn scheme(fields: &Fields<'_>) -> Result<Option<Scheme>, Fault> {
    use proto::Scheme as Brand;
    Ok(Some(match Brand::try_from(fields.scheme) {
        Ok(Brand::Unspecified) => return Ok(None),
        Ok(Brand::Visa) => Scheme::Visa,
        Ok(Brand::Mastercard) => Scheme::Mastercard,
        Ok(Brand::Unionpay) => Scheme::UnionPay,
        Ok(Brand::AmericanExpress) => Scheme::AmericanExpress,
        Ok(Brand::Jcb) => Scheme::Jcb,
        Ok(Brand::Discover) => Scheme::Discover,
        Err(_) => return Err(Fault::unknown_enum("scheme")),
    }))
}

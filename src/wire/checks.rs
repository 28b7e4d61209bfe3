//! What one field must look like, whichever message it is in.

use std::net::IpAddr;

use crate::domain::{Amount, ErrorReason, EventTime, Identifier};

use super::currencies::Currencies;
use super::door::DoorSettings;
use super::fields::NAME_LENGTH_MAX;
use super::pan::{has_pan_form, is_like_pan};
use super::refusal::Fault;

/// `text` as a name of at most `cap` characters.
pub(super) fn name<'a>(
    field: &'static str,
    text: &'a str,
    cap: usize,
) -> Result<Identifier<'a>, Fault> {
    Identifier::new(text, cap).map_err(|fault| Fault::identifier(field, fault))
}

/// The same, where the field may be absent.
pub(super) fn optional_name<'a>(
    field: &'static str,
    text: Option<&'a str>,
    cap: usize,
) -> Result<Option<Identifier<'a>>, Fault> {
    text.map(|text| name(field, text, cap)).transpose()
}

/// `text` as a card token. Requests and orders go by one rule: what one door took
/// and the other refused could never be stopped.
pub(super) fn card_token(settings: DoorSettings, text: &str) -> Result<Identifier<'_>, Fault> {
    let token = name("card_token", text, NAME_LENGTH_MAX)?;
    if is_like_pan(text.as_bytes()) && !settings.numeric_references {
        return Err(Fault::of(
            ErrorReason::ReferenceLooksLikePan,
            "card_token",
            "is 13 to 19 digits with a valid check digit, like a card number; \
             set door.numeric_references = true only if these are tokens",
        ));
    }
    Ok(token)
}

/// `text` as an account reference, by one rule for requests and orders.
pub(super) fn account_reference(
    settings: DoorSettings,
    text: &str,
) -> Result<Identifier<'_>, Fault> {
    let reference = name("account_reference", text, NAME_LENGTH_MAX)?;
    if has_pan_form(text.as_bytes()) && !settings.numeric_references {
        return Err(Fault::of(
            ErrorReason::ReferenceLooksLikePan,
            "account_reference",
            "is 13 to 19 digits, like a card number; \
             set door.numeric_references = true only if these are tokens",
        ));
    }
    Ok(reference)
}

/// `unix_millis` as a moment.
pub(super) fn time(field: &'static str, unix_millis: i64) -> Result<EventTime, Fault> {
    EventTime::from_unix_millis(unix_millis).ok_or_else(|| {
        Fault::of(
            ErrorReason::TimeOutOfRange,
            field,
            "is outside the years 2000 to 2099; expected Unix milliseconds",
        )
    })
}

/// The same, where the field may be absent.
pub(super) fn optional_time(
    field: &'static str,
    unix_millis: Option<i64>,
) -> Result<Option<EventTime>, Fault> {
    unix_millis.map(|unix_millis| time(field, unix_millis)).transpose()
}

/// `minor_units` of the currency with these letters.
pub(super) fn amount(
    currencies: &Currencies,
    (amount_field, minor_units): (&'static str, i64),
    (currency_field, letters): (&'static str, &str),
) -> Result<Amount, Fault> {
    if letters.is_empty() {
        return Err(Fault::missing(currency_field, "with an amount"));
    }
    let currency = currencies.find(letters).ok_or_else(|| {
        Fault::of(
            ErrorReason::UnknownCurrency,
            currency_field,
            "is no currency of ISO 4217; expected three capital letters",
        )
    })?;
    Amount::new(minor_units, currency).ok_or_else(|| {
        Fault::of(ErrorReason::AmountOutOfRange, amount_field, "is outside 0 to 10^15 minor units")
    })
}

/// `text` as a country: two capital letters.
pub(super) fn country(field: &'static str, text: Option<&str>) -> Result<Option<[u8; 2]>, Fault> {
    let Some(text) = text else {
        return Ok(None);
    };
    <[u8; 2]>::try_from(text.as_bytes())
        .ok()
        .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
        .map(Some)
        .ok_or_else(|| Fault::invalid(field, "is no ISO 3166-1 country: two capital letters"))
}

/// `number` as a merchant category code.
pub(super) fn merchant_category(
    field: &'static str,
    number: Option<u32>,
) -> Result<Option<u16>, Fault> {
    let Some(number) = number else {
        return Ok(None);
    };
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=9_999).contains(number))
        .map(Some)
        .ok_or_else(|| Fault::invalid(field, "is outside 1 to 9999"))
}

/// `number` as an electronic commerce indicator.
pub(super) fn eci(number: Option<u32>) -> Result<Option<u8>, Fault> {
    let Some(number) = number else {
        return Ok(None);
    };
    u8::try_from(number)
        .ok()
        .filter(|number| *number <= 99)
        .map(Some)
        .ok_or_else(|| Fault::invalid("eci", "is outside 0 to 99"))
}

/// `text` as the first six to eight digits of a card number.
pub(super) fn bin(text: Option<&str>) -> Result<Option<u32>, Fault> {
    let Some(text) = text else {
        return Ok(None);
    };
    let is_form = (6..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| is_form)
        .map(Some)
        .ok_or_else(|| Fault::invalid("bin", "is not six to eight digits"))
}

/// `text` as an address.
pub(super) fn ip_address(text: Option<&str>) -> Result<Option<IpAddr>, Fault> {
    match text.map(str::parse::<IpAddr>) {
        None => Ok(None),
        Some(Ok(address)) => Ok(Some(address)),
        Some(Err(_)) => Err(Fault::invalid("ip_address", "is no IPv4 or IPv6 address")),
    }
}

/// Whether `text` is a remark of 1 to `cap` characters of any language, on one line; not kept.
pub(super) fn remark(field: &'static str, text: Option<&str>, cap: usize) -> Result<(), Fault> {
    let Some(text) = text else {
        return Ok(());
    };
    if text.trim().is_empty() {
        return Err(Fault::invalid(field, "is empty"));
    }
    if text.chars().count() > cap {
        return Err(Fault::invalid(field, &format!("is longer than {cap} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::invalid(field, "has a control character"));
    }
    Ok(())
}

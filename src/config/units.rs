//! Texts with a unit: spans of time and amounts of money.

use iso_currency::Currency as IsoCurrency;

use crate::domain::{AMOUNT_MINOR_UNITS_MAX, Currency, Span};

use super::document::{Node, Value};
use super::problem::{Problem, Problems};

/// What a span of time looks like, for messages.
pub(super) const SPAN_FORM: &str = "a number with a unit: ms, s, m, h or d, such as \"10m\"";

/// Units of time with their milliseconds, largest first.
const UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The span written as `text`: `10m` is ten minutes. `None` where it is none.
pub(super) fn parse_span(text: &str) -> Option<Span> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits)?;
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().ok()?;
    count.checked_mul(*millis).map(Span::from_millis)
}

/// `span` as a file would say it, in the largest unit that shows it whole.
pub fn show_span(span: Span) -> String {
    let millis = span.millis();
    let unit = UNITS.iter().find(|(_, size)| millis >= *size && millis % size == 0);
    match unit {
        Some((name, size)) => format!("{}{name}", millis / size),
        None => format!("{millis}ms"),
    }
}

/// The currency with the ISO 4217 letters `code`; `None` for metals, test codes and
/// other things that nothing is paid in.
pub(super) fn parse_currency(code: &str) -> Option<Currency> {
    let iso = IsoCurrency::from_code(code)?;
    iso.exponent()?;
    Some(Currency::from_numeric(iso.numeric()))
}

/// The ISO 4217 letters of `currency`.
pub fn currency_code(currency: Currency) -> &'static str {
    iso(currency).map_or("?", |iso| iso.code())
}

/// Decimals of `currency`; none where ISO 4217 gives it no minor unit.
pub(super) fn decimals(currency: Currency) -> usize {
    iso(currency).and_then(IsoCurrency::exponent).map_or(0, usize::from)
}

fn iso(currency: Currency) -> Option<IsoCurrency> {
    IsoCurrency::from_numeric(currency.numeric())
}

/// Why a text is no amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MoneyFault {
    /// It does not look like one.
    Form,
    /// It is of another currency.
    OtherCurrency,
    /// It has more or fewer decimals than its currency.
    Decimals,
    /// It is larger than the largest amount.
    TooLarge,
}

/// The minor units of the amount `text`, such as `1500.00 CNY`, of `currency`.
pub(super) fn parse_money(text: &str, currency: Currency) -> Result<i64, MoneyFault> {
    let (number, code) = text.split_once(' ').ok_or(MoneyFault::Form)?;
    let written = parse_currency(code).ok_or(MoneyFault::Form)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_point = number.ends_with('.');
    if whole.is_empty() || ends_in_point || !is_number(whole) || !is_number(fraction) {
        return Err(MoneyFault::Form);
    }
    if written != currency {
        return Err(MoneyFault::OtherCurrency);
    }
    let decimals = decimals(currency);
    if !fraction.is_empty() && fraction.len() != decimals {
        return Err(MoneyFault::Decimals);
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    let minor_units: i64 = digits.parse().map_err(|_| MoneyFault::TooLarge)?;
    if minor_units > AMOUNT_MINOR_UNITS_MAX {
        return Err(MoneyFault::TooLarge);
    }
    Ok(minor_units)
}

/// A number, or money in `currency`, as `node` says it.
pub(super) fn read_quantity(
    node: &Node,
    currency: Currency,
    problems: &mut Problems,
) -> Option<i64> {
    let example = show_money(150_000, currency);
    let expected = format!("a whole number, or money such as \"{example}\"");
    let Value::Text(text) = &node.value else {
        return node.integer(&expected, problems);
    };
    match parse_money(text, currency) {
        Ok(minor_units) => Some(minor_units),
        Err(fault) => {
            let (what, expected) = fault.explain(text, currency);
            problems.push(Problem::error(&node.spot, what).expected(expected));
            None
        }
    }
}

/// `minor_units` of `currency` as a file would say it: `1500.00 CNY`.
pub fn show_money(minor_units: i64, currency: Currency) -> String {
    let decimals = decimals(currency);
    let digits = format!("{:0>width$}", minor_units, width = decimals + 1);
    let (whole, fraction) =
        digits.split_at_checked(digits.len() - decimals).unwrap_or((&digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction} {}", currency_code(currency))
}

impl MoneyFault {
    /// What is wrong, and what was expected, for an amount of `currency`.
    pub(super) fn explain(self, text: &str, currency: Currency) -> (String, String) {
        let code = currency_code(currency);
        let example = show_money(150_000, currency);
        let what = match self {
            Self::Form => format!("`{text}` is no amount of money"),
            Self::OtherCurrency => {
                format!("`{text}` is not in the policy's currency; amounts are never converted")
            }
            Self::Decimals => format!("`{text}` does not have the decimals of {code}"),
            Self::TooLarge => format!("`{text}` is larger than any amount can be"),
        };
        (what, format!("an amount in {code}, such as \"{example}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YUAN: Currency = Currency::from_numeric(156);
    const YEN: Currency = Currency::from_numeric(392);

    #[test]
    fn a_span_is_a_number_with_a_unit() {
        let cases = [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("10m", Some(600_000)),
            ("24h", Some(86_400_000)),
            ("30d", Some(2_592_000_000)),
            ("0s", Some(0)),
            ("10", None),
            ("m", None),
            ("10 m", None),
            ("-1s", None),
            ("1.5h", None),
            ("10min", None),
            ("99999999999999d", None),
            ("10m卡", None),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_span(text).map(Span::millis), millis, "{text}");
        }
    }

    #[test]
    fn a_span_is_shown_as_it_is_read() {
        for text in ["10s", "500ms", "10m", "24m", "5h", "30d"] {
            assert_eq!(parse_span(text).map(show_span).as_deref(), Some(text));
        }
        assert_eq!(parse_span("24h").map(show_span).as_deref(), Some("1d"));
    }

    #[test]
    fn an_amount_is_a_number_with_the_decimals_of_its_currency() {
        let cases = [
            ("1500.00 CNY", YUAN, Ok(150_000)),
            ("1500 CNY", YUAN, Ok(150_000)),
            ("0.01 CNY", YUAN, Ok(1)),
            ("1500 JPY", YEN, Ok(1_500)),
            ("1500.00 JPY", YEN, Err(MoneyFault::Decimals)),
            ("1500.5 CNY", YUAN, Err(MoneyFault::Decimals)),
            ("1500.00 USD", YUAN, Err(MoneyFault::OtherCurrency)),
            ("1,500.00 CNY", YUAN, Err(MoneyFault::Form)),
            ("-5.00 CNY", YUAN, Err(MoneyFault::Form)),
            ("5. CNY", YUAN, Err(MoneyFault::Form)),
            ("1500.00", YUAN, Err(MoneyFault::Form)),
            ("1500.00CNY", YUAN, Err(MoneyFault::Form)),
            ("1500.00 YUAN", YUAN, Err(MoneyFault::Form)),
            ("10000000000000.01 CNY", YUAN, Err(MoneyFault::TooLarge)),
            ("99999999999999999999 CNY", YUAN, Err(MoneyFault::TooLarge)),
        ];
        for (text, currency, expected) in cases {
            assert_eq!(parse_money(text, currency), expected, "{text}");
        }
    }

    #[test]
    fn an_amount_is_shown_as_it_is_read() {
        assert_eq!(show_money(150_000, YUAN), "1500.00 CNY");
        assert_eq!(show_money(1, YUAN), "0.01 CNY");
        assert_eq!(show_money(1_500, YEN), "1500 JPY");
    }
}

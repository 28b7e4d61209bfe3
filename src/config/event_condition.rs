//! From CEL to an [`EventTest`]: the comparisons that `where` may make.

use ::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::domain::{AMOUNT_MINOR_UNITS_MAX, Channel, Currency, EntryMode, Initiator, Processing};
use crate::engine::velocity::{
    DIRECTION_IN, DIRECTION_OUT, EventField, EventTest, RecordedOutcome, channel_code,
    country_code, entry_mode_code, initiator_code, outcome_code, processing_code,
};

use super::cel::Expression;
use super::document::one_of;
use super::problem::{Problem, Problems};
use super::units::{parse_money, show_money};

/// All that `where` can ask for, in the order of its documentation.
const FIELDS: [EventField; 9] = [
    EventField::Outcome,
    EventField::Direction,
    EventField::Processing,
    EventField::Initiator,
    EventField::EntryMode,
    EventField::Channel,
    EventField::Category,
    EventField::Country,
    EventField::Amount,
];

const FORM: &str = "a field with == != < <= > >= or `in [..]`, joined by && || !";

/// The words of `field` with their numbers; none where its values are no words.
pub(super) fn words_of(field: EventField) -> Vec<(&'static str, i64)> {
    match field {
        EventField::Outcome => OUTCOMES.map(|(word, it)| (word, outcome_code(it))).to_vec(),
        EventField::Direction => vec![("out", DIRECTION_OUT), ("in", DIRECTION_IN)],
        EventField::Processing => {
            PROCESSINGS.map(|(word, it)| (word, processing_code(it))).to_vec()
        }
        EventField::Initiator => {
            let words = [("cardholder", Initiator::Cardholder), ("merchant", Initiator::Merchant)];
            words.map(|(word, it)| (word, initiator_code(it))).to_vec()
        }
        EventField::EntryMode => ENTRY_MODES.map(|(word, it)| (word, entry_mode_code(it))).to_vec(),
        EventField::Channel => CHANNELS.map(|(word, it)| (word, channel_code(it))).to_vec(),
        EventField::Category | EventField::Country | EventField::Amount => Vec::new(),
    }
}

/// Outcomes by their words.
pub(super) const OUTCOMES: [(&str, RecordedOutcome); 5] = [
    ("approved", RecordedOutcome::Approved),
    ("stepped_up", RecordedOutcome::SteppedUp),
    ("declined", RecordedOutcome::Declined),
    ("failed", RecordedOutcome::Failed),
    ("unknown", RecordedOutcome::Unknown),
];

/// Kinds of payment by their words; refunds and credits are in no window.
const PROCESSINGS: [(&str, Processing); 4] = [
    ("purchase", Processing::Purchase),
    ("cash", Processing::Cash),
    ("quasi_cash", Processing::QuasiCash),
    ("account_check", Processing::AccountCheck),
];

const ENTRY_MODES: [(&str, EntryMode); 7] = [
    ("manual", EntryMode::Manual),
    ("ecommerce", EntryMode::Ecommerce),
    ("credential_on_file", EntryMode::CredentialOnFile),
    ("chip", EntryMode::Chip),
    ("contactless", EntryMode::Contactless),
    ("magnetic_stripe", EntryMode::MagneticStripe),
    ("qr_code", EntryMode::QrCode),
];

const CHANNELS: [(&str, Channel); 5] = [
    ("browser", Channel::Browser),
    ("app", Channel::App),
    ("telephone", Channel::Telephone),
    ("mail", Channel::Mail),
    ("terminal", Channel::Terminal),
];

/// What people call a field, and what it is called here.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("mcc", "merchant_category"),
    ("country", "merchant_country"),
    ("processing", "processing_code"),
    ("pos_entry_mode", "entry_mode"),
    ("value", "amount"),
    ("result", "outcome"),
];

/// The numbers that `field` can have, where its values are numbers.
pub(super) fn range_of(field: EventField) -> Option<(i64, i64)> {
    match field {
        EventField::Category => Some((1, 9_999)),
        EventField::Amount => Some((0, AMOUNT_MINOR_UNITS_MAX)),
        EventField::Outcome
        | EventField::Direction
        | EventField::Processing
        | EventField::Initiator
        | EventField::EntryMode
        | EventField::Channel
        | EventField::Country => None,
    }
}

pub(super) struct Reader<'f> {
    pub(super) expression: &'f Expression,
    /// The policy's currency; `None` where the file does not say it rightly.
    pub(super) currency: Option<Currency>,
    pub(super) problems: &'f mut Problems,
}

impl Reader<'_> {
    pub(super) fn test(&mut self, part: &IdedExpr) -> Option<EventTest> {
        let Expr::Call(call) = &part.expr else {
            return self.refuse(part, "this is no filter", FORM);
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [_, _]) => {
                self.parts(part, operators::LOGICAL_AND).map(EventTest::All)
            }
            (operators::LOGICAL_OR, [_, _]) => {
                self.parts(part, operators::LOGICAL_OR).map(EventTest::Any)
            }
            (operators::LOGICAL_NOT, [inner]) => {
                self.test(inner).map(|inner| EventTest::Not(Box::new(inner)))
            }
            (operators::IN, [subject, list]) => self.membership(subject, list),
            (operators::HAS, [inner]) if call.target.is_none() => self.presence(inner),
            (_, [left, right]) => self.comparison(part, call, left, right),
            _ => self.refuse(part, "this is no filter", FORM),
        }
    }

    /// The parts of a chain of `operator`, flat.
    fn parts(&mut self, part: &IdedExpr, operator: &str) -> Option<Vec<EventTest>> {
        let Expr::Call(CallExpr { func_name, args: chained, .. }) = &part.expr else {
            return self.test(part).map(|test| vec![test]);
        };
        if func_name != operator {
            return self.test(part).map(|test| vec![test]);
        }
        let parts: Vec<_> = chained.iter().map(|arg| self.parts(arg, operator)).collect();
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        parts.map(|parts| parts.into_iter().flatten().collect())
    }

    fn comparison(
        &mut self,
        part: &IdedExpr,
        call: &CallExpr,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Option<EventTest> {
        // `5411 == merchant_category` is read from the other side.
        let is_turned = field_named(left).is_none() && field_named(right).is_some();
        let (subject, value) = if is_turned { (right, left) } else { (left, right) };
        let sign = match call.func_name.as_str() {
            operators::LESS if is_turned => operators::GREATER,
            operators::LESS_EQUALS if is_turned => operators::GREATER_EQUALS,
            operators::GREATER if is_turned => operators::LESS,
            operators::GREATER_EQUALS if is_turned => operators::LESS_EQUALS,
            sign => sign,
        };
        let is_order = matches!(
            sign,
            operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
        );
        if !is_order && !matches!(sign, operators::EQUALS | operators::NOT_EQUALS) {
            return self.refuse(part, "this is no filter", FORM);
        }
        let field = self.field(subject)?;
        let value = self.value(field, value)?;
        if !is_order {
            let is = EventTest::Among(field, vec![value]);
            return Some(if sign == operators::EQUALS { is } else { differs(field, is) });
        }
        let Some((least, most)) = range_of(field) else {
            let what = format!("`{}` has no order", field.name());
            return self.refuse(part, what, "== or != or `in [..]`");
        };
        Some(match sign {
            operators::LESS => EventTest::Within(field, least, value - 1),
            operators::LESS_EQUALS => EventTest::Within(field, least, value),
            operators::GREATER => EventTest::Within(field, value + 1, most),
            _ => EventTest::Within(field, value, most),
        })
    }

    fn membership(&mut self, subject: &IdedExpr, list: &IdedExpr) -> Option<EventTest> {
        let field = self.field(subject)?;
        let Expr::List(written) = &list.expr else {
            return self.refuse(list, "this is no list", "values in brackets, such as [1, 2]");
        };
        if written.elements.is_empty() {
            let what = "this list is empty: nothing is in it";
            return self.refuse(list, what, "at least one value");
        }
        let values: Vec<_> =
            written.elements.iter().map(|element| self.value(field, element)).collect();
        let mut values = values.into_iter().collect::<Option<Vec<_>>>()?;
        values.sort_unstable();
        values.dedup();
        Some(EventTest::Among(field, values))
    }

    fn presence(&mut self, inner: &IdedExpr) -> Option<EventTest> {
        let field = self.field(inner)?;
        if field.is_always_there() {
            let what = format!("`{}` is always there", field.name());
            return self.refuse(inner, what, "a field that can be absent");
        }
        Some(EventTest::Has(field))
    }

    fn field(&mut self, part: &IdedExpr) -> Option<EventField> {
        if let Some(field) = field_named(part) {
            return Some(field);
        }
        let names: Vec<_> = FIELDS.iter().map(|field| field.name()).collect();
        let written = if let Expr::Ident(name) = &part.expr { name.as_str() } else { "" };
        let what = if written.is_empty() {
            "this is nothing that a filter can ask for".to_owned()
        } else {
            format!("a filter cannot ask for `{written}`")
        };
        let expected = one_of(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>());
        let problem = Problem::error(&self.expression.spot(part), what).expected(expected);
        let synonym = OTHER_NAMES.iter().find(|(other, _)| *other == written);
        self.problems.push(match synonym {
            Some((_, name)) => problem.help(format!("did you mean `{name}`?")),
            None => problem.guess(written, names),
        });
        None
    }

    fn value(&mut self, field: EventField, part: &IdedExpr) -> Option<i64> {
        let (mut text, mut number) = (None, None);
        if let Expr::Ident(word) = &part.expr {
            text = Some(word.as_str());
        } else if let Expr::Literal(LiteralValue::String(written)) = &part.expr {
            text = Some(written.inner());
        } else if let Expr::Literal(LiteralValue::Int(written)) = &part.expr {
            number = Some(*written.inner());
        }
        match (field, text, number) {
            (EventField::Amount, Some(text), _) => self.money(part, text),
            (EventField::Country, Some(text), _) => self.country(part, text),
            (EventField::Amount | EventField::Category, _, Some(number)) => {
                self.number(field, part, number)
            }
            (EventField::Amount, None, None) => {
                self.refuse(part, "this is no amount", self.amount_form())
            }
            (EventField::Category, _, None) => {
                let what = "this is no merchant category";
                self.refuse(part, what, "a category code, 1 to 9999, without quotes")
            }
            (EventField::Country, None, _) => self.country(part, ""),
            (_, text, _) => self.word(field, part, text.unwrap_or_default()),
        }
    }

    fn number(&mut self, field: EventField, part: &IdedExpr, number: i64) -> Option<i64> {
        let (least, most) = range_of(field)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        let what = format!("`{}` is never {number}", field.name());
        self.refuse(part, what, format!("a number from {least} to {most}"))
    }

    fn money(&mut self, part: &IdedExpr, text: &str) -> Option<i64> {
        // Without a currency nothing can be said of amounts: that is reported already.
        let currency = self.currency?;
        match parse_money(text, currency) {
            Ok(minor_units) => Some(minor_units),
            Err(fault) => {
                let (what, expected) = fault.explain(text, currency);
                self.refuse(part, what, expected)
            }
        }
    }

    fn amount_form(&self) -> String {
        let example = self.currency.map_or_else(String::new, |it| show_money(150_000, it));
        format!("an amount, such as \"{example}\", or its minor units as a number")
    }

    fn country(&mut self, part: &IdedExpr, text: &str) -> Option<i64> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                if text.parse::<iso_currency::Country>().is_err() {
                    let what = format!("`{text}` is no country of ISO 3166-1");
                    self.problems.push(Problem::warning(&self.expression.spot(part), what));
                }
                Some(country_code([*first, *second]))
            }
            _ => {
                let expected = "two capital letters of ISO 3166-1, such as \"CN\"";
                self.refuse(part, "this is no country code", expected)
            }
        }
    }

    fn word(&mut self, field: EventField, part: &IdedExpr, word: &str) -> Option<i64> {
        let words = words_of(field);
        let code = words.iter().find(|(known, _)| *known == word).map(|(_, code)| *code);
        if code.is_none() {
            let what = if field == EventField::Outcome {
                "this is no outcome that a window remembers".to_owned()
            } else if field == EventField::Processing {
                "this is no kind of payment that a window remembers".to_owned()
            } else {
                format!("`{}` is never this", field.name())
            };
            let quoted: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let problem = Problem::error(&self.expression.spot(part), what);
            let known = words.iter().map(|(word, _)| *word);
            self.problems.push(problem.expected(one_of(&quoted)).guess(word, known));
        }
        code
    }

    fn refuse<T>(
        &mut self,
        part: &IdedExpr,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> Option<T> {
        let problem = Problem::error(&self.expression.spot(part), what);
        self.problems.push(problem.expected(expected));
        None
    }
}

/// A comparison with something absent is false, `!=` as well.
fn differs(field: EventField, is: EventTest) -> EventTest {
    let differs = EventTest::Not(Box::new(is));
    if field.is_always_there() {
        return differs;
    }
    EventTest::All(vec![EventTest::Has(field), differs])
}

fn field_named(part: &IdedExpr) -> Option<EventField> {
    let Expr::Ident(name) = &part.expr else { return None };
    FIELDS.into_iter().find(|field| field.name() == name)
}

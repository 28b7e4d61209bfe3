//! What a payment of a story is like: the contract's fields, in the words of the rules.

use crate::engine::rules::WordSet;

use super::super::document::{Fields, Node};
use super::super::names::read_choice;
use super::super::problem::{Code, Problem, Problems};
use super::super::units::{MoneyFault, parse_currency, parse_money};

/// What a field of the contract is set to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// A text, or the name of a word.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// How a key of a story becomes a field of the contract.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number(i64, i64),
    /// Digits, with or without quotes.
    Digits,
    /// A word, and what it begins with in the contract.
    Word(WordSet, &'static str),
    /// An amount; its currency goes into a field of its own.
    Money(&'static str),
}

/// Each key of a payment with the field of the contract that it sets.
const FIELDS: [(&str, &str, Kind); 23] = [
    ("amount", "amount_minor_units", Kind::Money("currency")),
    ("billing_amount", "billing_amount_minor_units", Kind::Money("billing_currency")),
    ("account", "account_reference", Kind::Text),
    ("card", "card_token", Kind::Text),
    ("processing_code", "processing_code", word(WordSet::ProcessingCode)),
    ("merchant", "merchant_id", Kind::Text),
    ("acquirer", "acquirer_id", Kind::Text),
    ("merchant_category", "merchant_category_code", Kind::Number(1, 9_999)),
    ("merchant_country", "merchant_country", Kind::Text),
    ("entry_mode", "entry_mode", word(WordSet::EntryMode)),
    ("channel", "channel", word(WordSet::Channel)),
    ("initiator", "initiator", word(WordSet::Initiator)),
    ("eci", "eci", Kind::Number(0, 99)),
    ("cavv_result", "cavv_result", word(WordSet::CheckResult)),
    ("cvv2_result", "cvv2_result", word(WordSet::CheckResult)),
    ("avs_result", "avs_result", word(WordSet::CheckResult)),
    ("expiry_result", "expiry_result", word(WordSet::CheckResult)),
    ("bin", "bin", Kind::Digits),
    ("device", "device_id", Kind::Text),
    ("ip", "ip_address", Kind::Text),
    ("ip_country", "ip_country", Kind::Text),
    ("scheme", "scheme", word(WordSet::Scheme)),
    ("portfolio", "portfolio", Kind::Text),
];

const fn word(words: WordSet) -> Kind {
    Kind::Word(
        words,
        match words {
            WordSet::ProcessingCode => "PROCESSING_CODE",
            WordSet::EntryMode => "ENTRY_MODE",
            WordSet::Channel => "CHANNEL",
            WordSet::Initiator => "INITIATOR",
            WordSet::CheckResult => "CHECK_RESULT",
            WordSet::Scheme => "SCHEME",
        },
    )
}

/// A payment as far as it is described: fields of the contract.
#[derive(Clone, Default, Debug)]
pub(super) struct Payment {
    fields: Vec<(&'static str, Written)>,
}

impl Payment {
    /// This one with what the table `payment` of `top` says, where it has one.
    pub(super) fn with_table(
        mut self,
        top: &mut Fields<'_>,
        title: &str,
        is_whole: bool,
        problems: &mut Problems,
    ) -> Self {
        let expected = "a table of what payments are like, such as { amount = \"80.00 CNY\" }";
        if let Some(node) = top.find("payment")
            && let Some(table) = node.table(expected, problems)
        {
            let mut fields = Fields::new(table, title, &node.spot, is_whole);
            self.read_over(&mut fields, problems);
            fields.finish(problems);
        }
        self
    }

    /// Takes over what `fields` say of a payment, and leaves out what is in their `without`.
    pub(super) fn read_over(&mut self, fields: &mut Fields<'_>, problems: &mut Problems) {
        let keys = FIELDS.map(|(key, ..)| (key, key));
        let without = fields.find("without");
        let without =
            without.and_then(|node| node.list("keys of a payment, in brackets", problems));
        for node in without.unwrap_or_default() {
            if let Some(key) = read_choice(&node, &keys, problems) {
                self.leave_out(key);
            }
        }
        for (key, field, kind) in FIELDS {
            if let Some(node) = fields.find(key) {
                self.read_field(node, field, kind, problems);
            }
        }
    }

    /// The same without the key `key`.
    pub(super) fn leave_out(&mut self, key: &str) {
        for (_, field, kind) in FIELDS.iter().filter(|(name, ..)| *name == key) {
            self.fields.retain(|(name, _)| {
                let is_its_currency = matches!(kind, Kind::Money(currency) if currency == name);
                name != field && !is_its_currency
            });
        }
    }

    /// The contract's fields.
    pub(super) fn into_fields(self) -> Vec<(&'static str, Written)> {
        self.fields
    }

    fn set(&mut self, field: &'static str, value: Written) {
        self.fields.retain(|(name, _)| *name != field);
        self.fields.push((field, value));
    }

    fn read_field(
        &mut self,
        node: &Node,
        field: &'static str,
        kind: Kind,
        problems: &mut Problems,
    ) {
        match kind {
            Kind::Text => {
                if let Some(text) = node.text("a text in quotes", problems) {
                    self.set(field, Written::Text(text));
                }
            }
            Kind::Number(min, max) => {
                let expected = format!("a whole number from {min} to {max}");
                match node.integer(&expected, problems) {
                    Some(number) if (min..=max).contains(&number) => {
                        self.set(field, Written::Number(number));
                    }
                    Some(number) => {
                        let what = format!("{number} is out of range");
                        let problem = Problem::error(&node.spot, what).code(Code::OutOfRange);
                        problems.push(problem.expected(expected));
                    }
                    None => {}
                }
            }
            Kind::Digits => {
                let written = node.spot.text().trim_matches('"');
                self.set(field, Written::Text(written.to_owned()));
            }
            Kind::Word(words, prefix) => {
                let names: Vec<_> = words.words().iter().map(|(name, _)| (*name, *name)).collect();
                if let Some(name) = read_choice(node, &names, problems) {
                    let name = format!("{prefix}_{}", name.to_ascii_uppercase());
                    self.set(field, Written::Text(name));
                }
            }
            Kind::Money(currency) => {
                if let Some((minor_units, code)) = read_money(node, problems) {
                    self.set(field, Written::Number(minor_units));
                    self.set(currency, Written::Text(code));
                }
            }
        }
    }
}

/// An amount in any currency: minor units, and the letters of the currency.
fn read_money(node: &Node, problems: &mut Problems) -> Option<(i64, String)> {
    const EXPECTED: &str = "an amount with its currency, such as \"80.00 CNY\"";
    let text = node.text(EXPECTED, problems)?;
    let code = text.rsplit(' ').next().unwrap_or_default();
    let found = parse_currency(code).map_or(Err((MoneyFault::Form, None)), |currency| {
        parse_money(&text, currency).map_err(|fault| (fault, Some(currency)))
    });
    match found {
        Ok(minor_units) => Some((minor_units, code.to_owned())),
        Err((fault, currency)) => {
            let explained = currency.map(|currency| fault.explain(&text, currency));
            let (what, expected) = explained.unwrap_or_else(|| {
                (format!("`{text}` is no amount of money"), EXPECTED.to_owned())
            });
            let problem = Problem::error(&node.spot, what).code(Code::WrongUnit);
            problems.push(problem.expected(expected));
            None
        }
    }
}

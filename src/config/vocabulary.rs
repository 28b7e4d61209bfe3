//! What a condition may name.

use std::ops::RangeInclusive;

use crate::domain::Currency;
use crate::engine::rules::{
    FeatureIndex, Field, Operand, TextField, Threshold, ThresholdIndex, largest_of,
};
use crate::engine::velocity::FeatureSpec;

use super::lists::DeclaredList;
use super::problem::{Problem, nearest};

/// What a condition may name: the request's fields, and what the file declares.
pub(super) struct Vocabulary {
    /// The policy's currency; `None` where the file does not say it rightly.
    pub(super) currency: Option<Currency>,
    /// False where some may be missing here because of mistakes elsewhere: then no
    /// name is called unknown.
    pub(super) is_complete: bool,
    /// False where a feature or threshold stands in here for one with mistakes.
    pub(super) is_sound: bool,
    /// In file order; one that is not sound still has its name here.
    pub(super) features: Vec<FeatureSpec>,
    /// In file order; one that is not sound still has its name here.
    pub(super) thresholds: Vec<Threshold>,
    /// In file order; one that is not sound still has its name here.
    pub(super) lists: Vec<DeclaredList>,
}

/// What people call a field, and what it is called here.
const OTHER_NAMES: [(&str, &str); 15] = [
    ("mcc", "merchant_category"),
    ("merchant_category_code", "merchant_category"),
    ("country", "merchant_country"),
    ("amount_minor_units", "amount"),
    ("billing_amount", "amount"),
    ("value", "amount"),
    ("cvv", "cvv2_result"),
    ("cvc", "cvv2_result"),
    ("cvv2", "cvv2_result"),
    ("avs", "avs_result"),
    ("cavv", "cavv_result"),
    ("expiry", "expiry_result"),
    ("processing", "processing_code"),
    ("pos_entry_mode", "entry_mode"),
    ("network", "scheme"),
];

/// Fields of the contract that conditions cannot read.
const UNREADABLE: [&str; 19] = [
    "message_type",
    "authorisation_id",
    "original_id",
    "card_token",
    "pan",
    "account_reference",
    "currency",
    "billing_currency",
    "authorised_at_millis",
    "original_authorised_at_millis",
    "deadline_millis",
    "terminal_id",
    "device_id",
    "ip_address",
    "email_digest",
    "response_code",
    "switch_context",
    "outcome",
    "stop_order",
];

/// The values that a field with numbers can have, with what they are.
pub(super) fn possible_values(field: Field) -> Option<(RangeInclusive<i64>, &'static str)> {
    match field {
        Field::Eci => Some((0..=99, "0 to 99")),
        Field::MerchantCategory => Some((1..=9_999, "a category code, 1 to 9999")),
        Field::Bin => Some((100_000..=99_999_999, "the first 6 to 8 digits of a card number")),
        Field::Amount
        | Field::MerchantCountry
        | Field::IpCountry
        | Field::ProcessingCode
        | Field::EntryMode
        | Field::Channel
        | Field::Initiator
        | Field::CavvResult
        | Field::Cvv2Result
        | Field::AvsResult
        | Field::ExpiryResult
        | Field::Scheme
        | Field::Incremental => None,
    }
}

impl Vocabulary {
    /// True where the contract has `name` and conditions cannot read it.
    pub(super) fn is_unreadable(name: &str) -> bool {
        UNREADABLE.contains(&name)
    }

    /// The names of the fields that a condition can read, for messages.
    pub(super) fn field_names() -> String {
        let fields = Field::ALL.iter().map(|field| field.name());
        let texts = TextField::ALL.iter().map(|field| field.name());
        fields.chain(texts).collect::<Vec<_>>().join(", ")
    }

    /// The field `name`.
    pub(super) fn field(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The text field `name`.
    pub(super) fn text_field(name: &str) -> Option<TextField> {
        TextField::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The feature `name`.
    pub(super) fn feature(&self, name: &str) -> Option<Operand> {
        let at = self.features.iter().position(|it| *it.name == *name)?;
        Some(Operand::Feature(FeatureIndex(at)))
    }

    /// The threshold `name`.
    pub(super) fn threshold(&self, name: &str) -> Option<Operand> {
        let at = self.thresholds.iter().position(|it| *it.name == *name)?;
        Some(Operand::Threshold(ThresholdIndex(at)))
    }

    /// The spec behind `operand`, where it is a feature.
    pub(super) fn spec(&self, operand: Operand) -> Option<&FeatureSpec> {
        match operand {
            Operand::Feature(at) => self.features.get(at.0),
            Operand::Field(_) | Operand::Threshold(_) => None,
        }
    }

    /// What `operand` is called in conditions.
    pub(super) fn name_of(&self, operand: Operand) -> String {
        match operand {
            Operand::Field(field) => field.name().to_owned(),
            Operand::Feature(at) => {
                format!("velocity.{}", self.features.get(at.0).map_or("?", |it| &it.name))
            }
            Operand::Threshold(at) => {
                format!("thresholds.{}", self.thresholds.get(at.0).map_or("?", |it| &it.name))
            }
        }
    }

    /// The furthest from zero that `operand` can get.
    pub(super) fn largest(&self, operand: Operand) -> i128 {
        largest_of(operand, &self.features, &self.thresholds)
    }

    /// Names of the declared features.
    pub(super) fn feature_names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|it| it.name.as_ref())
    }

    /// Names of the declared thresholds.
    pub(super) fn threshold_names(&self) -> impl Iterator<Item = &str> {
        self.thresholds.iter().map(|it| it.name.as_ref())
    }

    /// `problem`, about the unknown name `written`, with a guess at what was meant.
    pub(super) fn guess(&self, problem: Problem, written: &str) -> Problem {
        let synonym = OTHER_NAMES.iter().find(|(other, _)| *other == written);
        if let Some((_, name)) = synonym {
            return problem.help(format!("did you mean `{name}`?"));
        }
        let declared = if self.feature_names().any(|name| name == written) {
            Some("velocity")
        } else if self.threshold_names().any(|name| name == written) {
            Some("thresholds")
        } else if self.lists.iter().any(|list| *list.name == *written) {
            Some("lists")
        } else {
            None
        };
        if let Some(room) = declared {
            return problem.help(format!("did you mean `{room}.{written}`?"));
        }
        let fields = Field::ALL.iter().map(|field| field.name());
        let texts = TextField::ALL.iter().map(|field| field.name());
        match nearest(written, fields.chain(texts)) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem,
        }
    }
}

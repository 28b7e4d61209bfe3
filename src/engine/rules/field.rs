//! The fields of a request that a condition may read.

use crate::domain::{
    AMOUNT_MINOR_UNITS_MAX, Authorisation, Channel, CheckResult, EntryMode, Identifier, Initiator,
    Processing, Scheme,
};

/// A field of the request whose value is, or is coded as, an integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Field {
    /// The amount in the policy's currency, in minor units.
    Amount,
    /// DE18.
    MerchantCategory,
    /// DE19 / DE43.
    MerchantCountry,
    /// Country of the cardholder's device address.
    IpCountry,
    /// DE3.
    ProcessingCode,
    /// DE22.
    EntryMode,
    /// Where the order was placed.
    Channel,
    /// Who started the payment.
    Initiator,
    /// Electronic commerce indicator.
    Eci,
    /// Cardholder authentication value.
    CavvResult,
    /// Card verification code.
    Cvv2Result,
    /// Address.
    AvsResult,
    /// Expiry date.
    ExpiryResult,
    /// The first digits of the card number.
    Bin,
    /// The card's scheme.
    Scheme,
    /// Adds to an earlier amount: 1, else 0.
    Incremental,
}

/// What values a field has, and so what it can be compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Money in the policy's currency, minor units.
    Amount,
    /// A number.
    Number,
    /// An ISO 3166-1 alpha-2 country.
    Country,
    /// One of a few words.
    Word(WordSet),
    /// True or false.
    Flag,
}

/// A set of words, each coded by its number in the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordSet {
    /// DE3.
    ProcessingCode,
    /// DE22.
    EntryMode,
    /// Where the order was placed.
    Channel,
    /// Who started the payment.
    Initiator,
    /// What came of a check.
    CheckResult,
    /// Card schemes.
    Scheme,
}

impl WordSet {
    /// Its words with their codes.
    pub const fn words(self) -> &'static [(&'static str, i64)] {
        match self {
            Self::ProcessingCode => &[
                ("purchase", 1),
                ("cash", 2),
                ("quasi_cash", 3),
                ("refund", 4),
                ("credit", 5),
                ("account_check", 6),
            ],
            Self::EntryMode => &[
                ("manual", 1),
                ("ecommerce", 2),
                ("credential_on_file", 3),
                ("chip", 4),
                ("contactless", 5),
                ("magnetic_stripe", 6),
                ("qr_code", 7),
            ],
            Self::Channel => {
                &[("browser", 1), ("app", 2), ("telephone", 3), ("mail", 4), ("terminal", 5)]
            }
            Self::Initiator => &[("cardholder", 1), ("merchant", 2)],
            Self::CheckResult => &[
                ("match", 1),
                ("no_match", 2),
                ("partial_match", 3),
                ("not_processed", 4),
                ("not_provided", 5),
            ],
            Self::Scheme => &[
                ("visa", 1),
                ("mastercard", 2),
                ("unionpay", 3),
                ("american_express", 4),
                ("jcb", 5),
                ("discover", 6),
            ],
        }
    }

    /// The code of `word`.
    pub fn code(self, word: &str) -> Option<i64> {
        let mut words = self.words().iter();
        words.find(|(name, _)| *name == word).map(|(_, code)| *code)
    }
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Amount,
        Self::MerchantCategory,
        Self::MerchantCountry,
        Self::IpCountry,
        Self::ProcessingCode,
        Self::EntryMode,
        Self::Channel,
        Self::Initiator,
        Self::Eci,
        Self::CavvResult,
        Self::Cvv2Result,
        Self::AvsResult,
        Self::ExpiryResult,
        Self::Bin,
        Self::Scheme,
        Self::Incremental,
    ];

    /// Its name in a condition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::MerchantCategory => "merchant_category",
            Self::MerchantCountry => "merchant_country",
            Self::IpCountry => "ip_country",
            Self::ProcessingCode => "processing_code",
            Self::EntryMode => "entry_mode",
            Self::Channel => "channel",
            Self::Initiator => "initiator",
            Self::Eci => "eci",
            Self::CavvResult => "cavv_result",
            Self::Cvv2Result => "cvv2_result",
            Self::AvsResult => "avs_result",
            Self::ExpiryResult => "expiry_result",
            Self::Bin => "bin",
            Self::Scheme => "scheme",
            Self::Incremental => "incremental",
        }
    }

    /// What values it has.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Amount => Kind::Amount,
            Self::MerchantCategory | Self::Eci | Self::Bin => Kind::Number,
            Self::MerchantCountry | Self::IpCountry => Kind::Country,
            Self::ProcessingCode => Kind::Word(WordSet::ProcessingCode),
            Self::EntryMode => Kind::Word(WordSet::EntryMode),
            Self::Channel => Kind::Word(WordSet::Channel),
            Self::Initiator => Kind::Word(WordSet::Initiator),
            Self::CavvResult | Self::Cvv2Result | Self::AvsResult | Self::ExpiryResult => {
                Kind::Word(WordSet::CheckResult)
            }
            Self::Scheme => Kind::Word(WordSet::Scheme),
            Self::Incremental => Kind::Flag,
        }
    }

    /// True where every request has it: absence has a meaning of its own.
    pub const fn is_always_present(self) -> bool {
        matches!(self, Self::ProcessingCode | Self::Initiator | Self::Incremental)
    }

    /// The largest value it can have.
    pub(super) const fn largest(self) -> i64 {
        match self.kind() {
            Kind::Amount => AMOUNT_MINOR_UNITS_MAX,
            Kind::Number => 99_999_999,
            Kind::Country => u16::MAX as i64,
            Kind::Word(_) => 99,
            Kind::Flag => 1,
        }
    }

    /// Its value in `auth`, whose amount in the policy's currency is
    /// `policy_minor_units`; `None` where it is absent.
    pub fn read(self, auth: &Authorisation<'_>, policy_minor_units: Option<i64>) -> Option<i64> {
        match self {
            Self::Amount => policy_minor_units,
            Self::MerchantCategory => auth.merchant_category.map(i64::from),
            Self::MerchantCountry => auth.merchant_country.map(country_code),
            Self::IpCountry => auth.ip_country.map(country_code),
            Self::ProcessingCode => Some(processing_code(auth.processing)),
            Self::EntryMode => auth.entry_mode.map(entry_mode_code),
            Self::Channel => auth.channel.map(channel_code),
            Self::Initiator => Some(initiator_code(auth.initiator)),
            Self::Eci => auth.eci.map(i64::from),
            Self::CavvResult => auth.cavv_result.map(check_code),
            Self::Cvv2Result => auth.cvv2_result.map(check_code),
            Self::AvsResult => auth.avs_result.map(check_code),
            Self::ExpiryResult => auth.expiry_result.map(check_code),
            Self::Bin => auth.bin.map(i64::from),
            Self::Scheme => auth.scheme.map(scheme_code),
            Self::Incremental => Some(i64::from(auth.incremental)),
        }
    }
}

/// A field of the request whose value is a text: it can be compared, not counted with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TextField {
    /// The issuer's product line.
    Portfolio,
    /// DE42.
    MerchantId,
    /// DE32.
    AcquirerId,
}

impl TextField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Portfolio, Self::MerchantId, Self::AcquirerId];

    /// Its name in a condition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portfolio => "portfolio",
            Self::MerchantId => "merchant_id",
            Self::AcquirerId => "acquirer_id",
        }
    }

    /// Its value in `auth`.
    pub(super) fn read<'a>(self, auth: &Authorisation<'a>) -> Option<&'a str> {
        match self {
            Self::Portfolio => auth.portfolio,
            Self::MerchantId => auth.merchant_id,
            Self::AcquirerId => auth.acquirer_id,
        }
        .map(Identifier::as_str)
    }
}

impl Kind {
    /// The code of the country with the two letters `letters`.
    pub fn country_code(letters: [u8; 2]) -> i64 {
        country_code(letters)
    }
}

/// The two letters as one number: `CN` is 0x434E.
fn country_code(letters: [u8; 2]) -> i64 {
    i64::from(u16::from_be_bytes(letters))
}

fn processing_code(processing: Processing) -> i64 {
    match processing {
        Processing::Purchase => 1,
        Processing::Cash => 2,
        Processing::QuasiCash => 3,
        Processing::Refund => 4,
        Processing::Credit => 5,
        Processing::AccountCheck => 6,
    }
}

fn entry_mode_code(entry_mode: EntryMode) -> i64 {
    match entry_mode {
        EntryMode::Manual => 1,
        EntryMode::Ecommerce => 2,
        EntryMode::CredentialOnFile => 3,
        EntryMode::Chip => 4,
        EntryMode::Contactless => 5,
        EntryMode::MagneticStripe => 6,
        EntryMode::QrCode => 7,
    }
}

fn channel_code(channel: Channel) -> i64 {
    match channel {
        Channel::Browser => 1,
        Channel::App => 2,
        Channel::Telephone => 3,
        Channel::Mail => 4,
        Channel::Terminal => 5,
    }
}

fn initiator_code(initiator: Initiator) -> i64 {
    match initiator {
        Initiator::Cardholder => 1,
        Initiator::Merchant => 2,
    }
}

fn check_code(result: CheckResult) -> i64 {
    match result {
        CheckResult::Match => 1,
        CheckResult::NoMatch => 2,
        CheckResult::PartialMatch => 3,
        CheckResult::NotProcessed => 4,
        CheckResult::NotProvided => 5,
    }
}

fn scheme_code(scheme: Scheme) -> i64 {
    match scheme {
        Scheme::Visa => 1,
        Scheme::Mastercard => 2,
        Scheme::UnionPay => 3,
        Scheme::AmericanExpress => 4,
        Scheme::Jcb => 5,
        Scheme::Discover => 6,
    }
}

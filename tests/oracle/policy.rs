//! A policy in plain words: what the oracle judges by, and the text that the engine's own
//! loader reads. One source for both, no code in common.

use std::fmt;

use stopline::domain::{Currency, Reason, Span};

/// All that operations decide, as far as the oracle knows it.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The currency of thresholds and sums, by its letters and its number in ISO 4217.
    pub(crate) currency: (&'static str, Currency),
    /// The lowest score that asks the cardholder to authenticate.
    pub(crate) step_up_at: i32,
    /// The lowest score that declines.
    pub(crate) decline_at: i32,
    /// A step-up that nobody is there for goes ahead; else it declines.
    pub(crate) merchant_initiated_go_ahead: bool,
    /// The named numbers.
    pub(crate) thresholds: Vec<(&'static str, i64)>,
    /// Which of them are amounts in `currency`, of two decimals.
    pub(crate) amounts: Vec<&'static str>,
    /// What is counted, in the order of the evidence.
    pub(crate) features: Vec<Feature>,
    /// What is made of it.
    pub(crate) rules: Vec<Rule>,
    /// How long an answer is kept for repeats.
    pub(crate) answers_age: Span,
    /// How far back a request's own time may lie behind the broker's. Shorter than the
    /// longest window, so that what comes is in some window.
    pub(crate) lateness: Span,
    /// The same of an advice; not shorter.
    pub(crate) advice_lateness: Span,
}

/// What is counted of one account or card.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    pub(crate) what: What,
    /// Exactly so old is outside.
    pub(crate) window: Span,
    /// So long before now the window ends; exactly so old is inside.
    pub(crate) delay: Span,
    /// What else must hold of one that counts.
    pub(crate) filter: Option<Filter>,
    /// Which outcomes count; without, every one but what failed or was taken back.
    pub(crate) outcomes: Option<&'static [Counts]>,
    /// What is being judged counts too. It cannot where an outcome is asked for.
    pub(crate) with_current: bool,
    /// What stands for absence.
    pub(crate) absent_as: Option<i64>,
}

/// Whose authorisations are counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Key {
    Account,
    Card,
}

/// A condition on one authorisation; on something absent it does not hold.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Processing(&'static str),
    Initiator(&'static str),
    EntryMode(&'static str),
    Channel(&'static str),
    /// From the first to the second.
    Category(u16, u16),
    /// Minor units: at least the first and less than the second.
    Amount(i64, i64),
    Country(&'static str),
    HasChannel,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Count,
    Sum,
    Mean,
    Max,
    Min,
    DistinctMerchants,
    DistinctCountries,
    DistinctCategories,
    DistinctDevices,
    DistinctIps,
    DistinctCards,
    DistinctAccounts,
    CountryChanges,
    SecondsSinceLast,
}

/// What an authorisation counts as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Counts {
    Approved,
    SteppedUp,
    Declined,
    /// Nobody decided: no evidence.
    Failed,
    /// All of it was taken back: it counts for nothing.
    Reversed,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) when: Condition,
    pub(crate) then: Then,
    /// It counts; else it is only reported.
    pub(crate) is_live: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Points(i32, Reason),
    /// Points taken away: it speaks for the payment.
    Relief(i32),
    Decline(Reason),
    StepUp,
    Tag,
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare(Number, Relation, Number),
    /// The field is the word or country.
    Is(Field, &'static str),
    Has(Read),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Debug)]
pub(crate) enum Number {
    Plain(i64),
    Read(Read),
    Plus(Box<Self>, Box<Self>),
    Times(Box<Self>, Box<Self>),
}

/// Something with a name and a value, which may be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    Field(Field),
    Feature(&'static str),
    Threshold(&'static str),
}

/// The fields that rules of the oracle read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    Amount,
    Eci,
    MerchantCountry,
    ProcessingCode,
    Initiator,
    Cvv2Result,
}

impl Policy {
    /// How far back features by `key` reach.
    pub(crate) fn reach(&self, key: Key) -> Option<Span> {
        let own = self.features.iter().filter(|feature| feature.key == key);
        own.map(|feature| feature.delay.plus(feature.window)).max()
    }

    /// How long an account remembers. A card's windows may stand behind its account's by as
    /// much as a message may be late, and count what the account remembers.
    pub(crate) fn longest_window(&self) -> Span {
        let of_cards = self.reach(Key::Card).map(|reach| reach.plus(self.longest_delay()));
        self.reach(Key::Account).max(of_cards).unwrap_or_default()
    }

    /// How late any message may come, and how long one waits for what it is about.
    pub(crate) fn longest_delay(&self) -> Span {
        self.lateness.max(self.advice_lateness)
    }

    /// The rules file that says the same.
    pub(crate) fn to_toml(&self) -> String {
        let go_ahead = if self.merchant_initiated_go_ahead { "approve" } else { "decline" };
        let head = format!(
            "currency = \"{}\"\n[bands]\nstep_up_at = {}\ndecline_at = {}\n\
             merchant_initiated_step_up = \"{go_ahead}\"\n[thresholds]\n",
            self.currency.0, self.step_up_at, self.decline_at
        );
        let thresholds = self.thresholds.iter().map(|(name, value)| {
            if self.amounts.contains(name) {
                let (whole, rest) = (value / 100, value % 100);
                format!("{name} = \"{whole}.{rest:02} {}\"\n", self.currency.0)
            } else {
                format!("{name} = {value}\n")
            }
        });
        let features = self.features.iter().map(Feature::to_toml);
        let rules = self.rules.iter().map(Rule::to_toml);
        [head].into_iter().chain(thresholds).chain(features).chain(rules).collect()
    }
}

impl Rule {
    fn to_toml(&self) -> String {
        let mode = if self.is_live { "live" } else { "shadow" };
        format!(
            "[[rule]]\nname = \"{}\"\nwhen = '''{}'''\nthen = {}\nmode = \"{mode}\"\n",
            self.name, self.when, self.then
        )
    }
}

impl Feature {
    /// `what` over `window` of all that an account does.
    pub(crate) fn plain(name: &'static str, what: What, window: Span) -> Self {
        Self {
            name,
            key: Key::Account,
            what,
            window,
            delay: Span::ZERO,
            filter: None,
            outcomes: None,
            with_current: true,
            absent_as: None,
        }
    }

    fn to_toml(&self) -> String {
        let what = match self.what {
            What::Count => "what = \"count\"",
            What::Sum => "what = \"sum\"",
            What::Mean => "what = \"mean\"",
            What::Max => "what = \"max\"",
            What::Min => "what = \"min\"",
            What::DistinctCategories => "what = \"distinct\"\nof = \"merchant_category\"",
            What::DistinctDevices => "what = \"distinct\"\nof = \"device\"",
            What::DistinctIps => "what = \"distinct\"\nof = \"ip\"",
            What::DistinctCards => "what = \"distinct\"\nof = \"card\"",
            What::DistinctAccounts => "what = \"distinct\"\nof = \"account\"",
            What::CountryChanges => "what = \"country_changes\"",
            What::DistinctMerchants => "what = \"distinct\"\nof = \"merchant\"",
            What::DistinctCountries => "what = \"distinct\"\nof = \"country\"",
            What::SecondsSinceLast => "what = \"seconds_since_last\"",
        };
        let (name, millis) = (self.name, self.window.millis());
        let key = match self.key {
            Key::Account => "account",
            Key::Card => "card",
        };
        let words = |outcomes: &[Counts]| {
            let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.word()).collect();
            format!("outcome in [{}]", words.join(", "))
        };
        let filter = self.filter.as_ref().map(|filter| format!("({filter})"));
        let conditions = [self.outcomes.map(words), filter];
        let conditions: Vec<String> = conditions.into_iter().flatten().collect();
        let is_told = self.outcomes.is_none() && self.what != What::SecondsSinceLast;
        let parts = [
            Some(format!("[[velocity]]\nname = \"{name}\"\nkey = \"{key}\"\n{what}\n")),
            Some(format!("window = \"{millis}ms\"\n")),
            (self.delay > Span::ZERO).then(|| format!("delay = \"{}ms\"\n", self.delay.millis())),
            (!conditions.is_empty()).then(|| format!("where = '{}'\n", conditions.join(" && "))),
            (is_told && !self.with_current).then(|| "with_current = false\n".to_owned()),
            self.absent_as.map(|value| format!("absent_as = {value}\n")),
        ];
        parts.into_iter().flatten().collect()
    }
}

impl Counts {
    /// Its word in a rules file and in a listing.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::SteppedUp => "stepped_up",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Reversed => "reversed",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], sign: &str| {
            let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
            parts.join(sign)
        };
        match self {
            Self::All(parts) => f.write_str(&joined(parts, " && ")),
            Self::Any(parts) => f.write_str(&joined(parts, " || ")),
            Self::Not(part) => write!(f, "!({part})"),
            Self::Processing(word) => write!(f, "processing_code == {word}"),
            Self::Initiator(word) => write!(f, "initiator == {word}"),
            Self::EntryMode(word) => write!(f, "entry_mode == {word}"),
            Self::Channel(word) => write!(f, "channel in [{word}]"),
            Self::Category(least, most) => {
                write!(f, "merchant_category >= {least} && merchant_category <= {most}")
            }
            Self::Amount(least, below) => write!(f, "amount >= {least} && {below} > amount"),
            Self::Country(country) => write!(f, "merchant_country == \"{country}\""),
            Self::HasChannel => f.write_str("has(channel)"),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Points(points, reason) => {
                write!(f, "{{ points = {points}, reason = \"{}\" }}", reason.name())
            }
            Self::Relief(points) => write!(f, "{{ points = -{points} }}"),
            Self::Decline(reason) => write!(f, "{{ decline = \"{}\" }}", reason.name()),
            Self::StepUp => f.write_str("{ step_up = true }"),
            Self::Tag => f.write_str("{ tag = true }"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], sign: &str| {
            let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
            parts.join(sign)
        };
        match self {
            Self::All(parts) => f.write_str(&joined(parts, " && ")),
            Self::Any(parts) => f.write_str(&joined(parts, " || ")),
            Self::Not(part) => write!(f, "!({part})"),
            Self::Compare(left, relation, right) => {
                let sign = match relation {
                    Relation::Equal => "==",
                    Relation::Less => "<",
                    Relation::AtMost => "<=",
                    Relation::More => ">",
                    Relation::AtLeast => ">=",
                };
                write!(f, "{left} {sign} {right}")
            }
            Self::Is(field @ Field::MerchantCountry, country) => {
                write!(f, "{} == \"{country}\"", field.name())
            }
            Self::Is(field, word) => write!(f, "{} == {word}", field.name()),
            Self::Has(read) => write!(f, "has({read})"),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => write!(f, "{value}"),
            Self::Read(read) => write!(f, "{read}"),
            Self::Plus(left, right) => write!(f, "({left} + {right})"),
            Self::Times(left, right) => write!(f, "({left} * {right})"),
        }
    }
}

impl fmt::Display for Read {
    /// As a decision names it, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name()),
            Self::Feature(name) => write!(f, "velocity.{name}"),
            Self::Threshold(name) => write!(f, "thresholds.{name}"),
        }
    }
}

impl Field {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Eci => "eci",
            Self::MerchantCountry => "merchant_country",
            Self::ProcessingCode => "processing_code",
            Self::Initiator => "initiator",
            Self::Cvv2Result => "cvv2_result",
        }
    }
}

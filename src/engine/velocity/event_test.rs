//! `where`, as run: what of an authorisation makes a feature count it.

use std::fmt;

use super::Event;
use crate::domain::{Channel, EntryMode, Initiator, Processing};

use super::RecordedOutcome;

/// Something that an event can be asked for. Words and countries are numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventField {
    /// What became of it: known of earlier ones only.
    Outcome,
    /// Money from the cardholder is out. Refunds and credits leave no event: it is always
    /// out.
    Direction,
    /// The kind of payment.
    Processing,
    /// Who started it.
    Initiator,
    /// How the card's data were entered.
    EntryMode,
    /// Where the order was placed.
    Channel,
    /// The merchant's category code.
    Category,
    /// The merchant's country.
    Country,
    /// What is left of its amount, in minor units of the policy's currency.
    Amount,
}

/// Direction of money from the cardholder.
pub const DIRECTION_OUT: i64 = 1;
/// Direction of money towards the cardholder.
pub const DIRECTION_IN: i64 = 2;

impl EventField {
    /// Its name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Direction => "direction",
            Self::Processing => "processing_code",
            Self::Initiator => "initiator",
            Self::EntryMode => "entry_mode",
            Self::Channel => "channel",
            Self::Category => "merchant_category",
            Self::Country => "merchant_country",
            Self::Amount => "amount",
        }
    }

    /// True where every event has it.
    pub const fn is_always_there(self) -> bool {
        matches!(self, Self::Outcome | Self::Direction | Self::Processing | Self::Initiator)
    }

    /// What `event` has there. Hot path.
    pub(super) fn of(self, event: &Event) -> Option<i64> {
        match self {
            Self::Outcome => Some(outcome_code(event.outcome)),
            Self::Direction => Some(DIRECTION_OUT),
            Self::Processing => Some(processing_code(event.processing)),
            Self::Initiator => Some(initiator_code(event.initiator)),
            Self::EntryMode => event.entry_mode.map(entry_mode_code),
            Self::Channel => event.channel.map(channel_code),
            Self::Category => event.category.map(i64::from),
            Self::Country => event.country.map(country_code),
            Self::Amount => event.minor_units,
        }
    }
}

/// The number of an outcome.
pub const fn outcome_code(outcome: RecordedOutcome) -> i64 {
    outcome as i64
}

/// The number of a kind of payment.
pub const fn processing_code(processing: Processing) -> i64 {
    processing as i64
}

/// The number of who started a payment.
pub const fn initiator_code(initiator: Initiator) -> i64 {
    initiator as i64
}

/// The number of how a card's data were entered.
pub const fn entry_mode_code(entry_mode: EntryMode) -> i64 {
    entry_mode as i64
}

/// The number of where an order was placed.
pub const fn channel_code(channel: Channel) -> i64 {
    channel as i64
}

/// The two letters of a country as one number.
pub const fn country_code(letters: [u8; 2]) -> i64 {
    u16::from_be_bytes(letters) as i64
}

/// A condition on one event. A test of something that is absent fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventTest {
    /// Each of them holds.
    All(Vec<Self>),
    /// One of them does.
    Any(Vec<Self>),
    /// It does not.
    Not(Box<Self>),
    /// The field is there.
    Has(EventField),
    /// The field is one of these, which are in order.
    Among(EventField, Vec<i64>),
    /// The field is from the first to the second, both included.
    Within(EventField, i64, i64),
}

impl EventTest {
    /// True where `event` passes. Hot path.
    pub fn holds(&self, event: &Event) -> bool {
        self.holds_where(&|field| field.of(event))
    }

    /// The same of what `read` says of each field.
    pub fn holds_where(&self, read: &impl Fn(EventField) -> Option<i64>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds_where(read)),
            Self::Any(parts) => parts.iter().any(|part| part.holds_where(read)),
            Self::Not(part) => !part.holds_where(read),
            Self::Has(field) => read(*field).is_some(),
            Self::Among(field, values) => {
                read(*field).is_some_and(|value| values.binary_search(&value).is_ok())
            }
            Self::Within(field, least, most) => {
                read(*field).is_some_and(|value| (*least..=*most).contains(&value))
            }
        }
    }

    /// Calls `visit` with each part that asks for a field.
    pub fn for_each_leaf<'t>(&'t self, visit: &mut impl FnMut(EventField, &'t Self)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.for_each_leaf(visit);
                }
            }
            Self::Not(part) => part.for_each_leaf(visit),
            Self::Has(field) | Self::Among(field, _) | Self::Within(field, _, _) => {
                visit(*field, self);
            }
        }
    }

    /// True where it asks for `wanted`.
    pub fn reads(&self, wanted: EventField) -> bool {
        let mut found = false;
        self.for_each_leaf(&mut |field, _| found |= field == wanted);
        found
    }
}

/// Operator first, as rule sets are written for their hash.
impl fmt::Display for EventTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, word: &str, parts: &[Self]| {
            write!(f, "({word}")?;
            parts.iter().try_for_each(|part| write!(f, " {part}"))?;
            f.write_str(")")
        };
        match self {
            Self::All(parts) => joined(f, "and", parts),
            Self::Any(parts) => joined(f, "or", parts),
            Self::Not(part) => write!(f, "(not {part})"),
            Self::Has(field) => write!(f, "(has {})", field.name()),
            Self::Among(field, values) => {
                write!(f, "(in {}", field.name())?;
                values.iter().try_for_each(|value| write!(f, " {value}"))?;
                f.write_str(")")
            }
            Self::Within(field, least, most) => {
                write!(f, "(within {} {least} {most})", field.name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventTime, IdKey};

    #[test]
    fn a_test_of_something_absent_fails_and_its_opposite_holds() {
        let at = EventTime::from_unix_millis(1_700_000_000_000).expect("in range");
        let bare = Event::plain(at, IdKey::from_bits(1), None, RecordedOutcome::Approved);
        let full = Event { category: Some(5_411), minor_units: Some(100), ..bare };
        let grocery = EventTest::Among(EventField::Category, vec![5_411, 5_499]);
        let small = EventTest::Within(EventField::Amount, 0, 100);
        for test in [&grocery, &small] {
            assert!(test.holds(&full) && !test.holds(&bare), "{test}");
            assert!(EventTest::Not(Box::new(test.clone())).holds(&bare), "{test}");
        }
        let both = EventTest::All(vec![grocery, EventTest::Not(Box::new(small))]);
        assert!(!both.holds(&full) && both.holds(&Event { minor_units: Some(101), ..full }));
        assert_eq!(
            both.to_string(),
            "(and (in merchant_category 5411 5499) (not (within amount 0 100)))"
        );
    }
}

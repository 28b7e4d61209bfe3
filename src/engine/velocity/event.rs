//! One authorisation as its account's windows remember it.

use std::num::NonZeroU32;

use super::RecordedOutcome;
use crate::domain::{
    Amount, CardKey, Channel, Currency, EntryMode, EventTime, IdKey, Initiator, MerchantKey,
    Offset, OutcomeElsewhere, Processing,
};

/// One authorisation: what windows count of it, and the facts that this is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its own time, clipped to the allowed lateness.
    pub at: EventTime,
    /// What it is known by: a repeat finds it.
    pub id: IdKey,
    /// The input that it came in, by which an amendment finds it: an id whose answer is
    /// forgotten is judged again as another input, and leaves no event of its own.
    pub input: Offset,
    /// The id of the authorisation whose amount it adds to; else its own.
    pub chain: IdKey,
    /// What is left of its amount, in the policy's currency; `None` where it has none there.
    pub minor_units: Option<i64>,
    /// Its merchant; `None` where unknown.
    pub merchant: Option<MerchantKey>,
    /// Its merchant's country; `None` where unknown.
    pub country: Option<[u8; 2]>,
    /// Its merchant's category; `None` where unknown.
    pub category: Option<u16>,
    /// Who started it.
    pub initiator: Initiator,
    /// How the card's data were entered; `None` where unknown.
    pub entry_mode: Option<EntryMode>,
    /// Where the order was placed; `None` where unknown.
    pub channel: Option<Channel>,
    /// Purchase, cash or a mere check of the account.
    pub processing: Processing,
    /// What it counts as.
    pub outcome: RecordedOutcome,
    /// Adds to an earlier one's amount: money, but not another authorisation.
    pub is_incremental: bool,
    /// What was told of it (journal rule J5). The amount taken back is in its chain.
    pub facts: Facts,
}

// `config/stopline.toml` and the README tell it; it grows with nobody's notice otherwise.
const _: () = assert!(size_of::<Event>() == 160, "Invariant: what an event costs is as told.");

/// What was told of an authorisation, each by the one who knows, in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Our binding outcome; `None` until its request comes.
    pub ours: Option<RecordedOutcome>,
    /// The outcome told by the host. It wins.
    pub host: Option<OutcomeElsewhere>,
    /// What was asked for, in the transaction's currency.
    pub asked: Option<Amount>,
    /// The same in the policy's currency.
    pub policy_minor_units: Option<i64>,
    /// Its card, where it named one.
    pub card: Option<CardTag>,
}

/// The low bits of a card key: enough to see that two cards are not the same. Never zero, so
/// that its absence costs no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CardTag(NonZeroU32);

impl CardTag {
    /// The tag of `card`.
    pub fn of(card: CardKey) -> Self {
        let [a, b, c, d, ..] = card.bits().to_le_bytes();
        Self(NonZeroU32::new(u32::from_le_bytes([a, b, c, d])).unwrap_or(NonZeroU32::MIN))
    }
}

/// What a message must share with the authorisation that it is about, where both know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marks {
    /// The transaction's currency.
    pub currency: Option<Currency>,
    /// The card.
    pub card: Option<CardTag>,
}

impl Marks {
    /// False where the two are certainly not about one authorisation.
    pub fn agree(self, other: Self) -> bool {
        agree(self.currency, other.currency) && agree(self.card, other.card)
    }
}

fn agree<T: PartialEq + Copy>(one: Option<T>, other: Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

impl Facts {
    /// What they come to, the amount aside.
    pub fn outcome(&self) -> RecordedOutcome {
        match self.host {
            Some(OutcomeElsewhere::Approved) => RecordedOutcome::Approved,
            Some(OutcomeElsewhere::SteppedUp) => RecordedOutcome::SteppedUp,
            Some(OutcomeElsewhere::Declined) => RecordedOutcome::Declined,
            Some(OutcomeElsewhere::Failed) => RecordedOutcome::Failed,
            None => self.ours.unwrap_or(RecordedOutcome::Unknown),
        }
    }

    /// What others must share with it.
    pub fn marks(&self) -> Marks {
        Marks { currency: self.asked.map(Amount::currency), card: self.card }
    }

    /// What was asked for, in minor units of its own currency.
    pub(super) fn asked_minor_units(&self) -> i64 {
        self.asked.map_or(0, Amount::minor_units)
    }

    /// What is left in the policy's currency where `left` is left of what was asked for.
    fn policy_left(&self, left: i64) -> Option<i64> {
        let policy = self.policy_minor_units?;
        let asked = self.asked_minor_units();
        let taken = i128::from(policy) * i128::from(asked - left);
        let taken = taken.checked_div(i128::from(asked)).unwrap_or(0);
        Some(policy - i64::try_from(taken).unwrap_or(policy))
    }
}

/// What reversals leave of an authorisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// So much of what was asked for, in minor units of its own currency.
    MinorUnits(i64),
    /// Nothing: it counts as if it had never been.
    Undone,
}

impl Event {
    /// A purchase that only says what it counts as: nothing is told of it any more. It came in
    /// input 0.
    pub fn plain(
        at: EventTime,
        id: IdKey,
        minor_units: Option<i64>,
        outcome: RecordedOutcome,
    ) -> Self {
        Self {
            at,
            id,
            input: Offset(0),
            chain: id,
            minor_units,
            merchant: None,
            country: None,
            category: None,
            initiator: Initiator::Cardholder,
            entry_mode: None,
            channel: None,
            processing: Processing::Purchase,
            outcome,
            is_incremental: false,
            facts: Facts {
                ours: Some(outcome),
                policy_minor_units: minor_units,
                ..Facts::default()
            },
        }
    }

    /// True where it claims to add to another one's amount.
    pub fn claims_incremental(&self) -> bool {
        self.chain != self.id
    }

    /// Makes it count for what its facts and `left` say.
    pub(super) fn settle(&mut self, left: Left) {
        match left {
            Left::Undone => self.outcome = RecordedOutcome::Reversed,
            Left::MinorUnits(left) => {
                self.outcome = self.facts.outcome();
                self.minor_units = self.facts.policy_left(left);
            }
        }
    }

    /// The same where nothing was taken back.
    pub(super) fn settle_whole(&mut self) {
        self.settle(Left::MinorUnits(self.facts.asked_minor_units()));
    }

    /// True where its amount is spent, as far as is known.
    pub(super) fn is_money(&self) -> bool {
        matches!(self.facts.outcome(), RecordedOutcome::Approved | RecordedOutcome::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_reversal_takes_its_share_in_the_policys_currency() {
        let dollars = Currency::from_numeric(840);
        let facts = Facts {
            asked: Amount::new(10_000, dollars),
            policy_minor_units: Some(71_003),
            ..Facts::default()
        };
        let cases = [(10_000, 71_003), (7_500, 53_253), (1, 8), (0, 0)];
        for (left, expected) in cases {
            assert_eq!(facts.policy_left(left), Some(expected), "{left}");
        }
    }

    #[test]
    fn the_hosts_word_wins_over_ours() {
        let declined = Facts { ours: Some(RecordedOutcome::Declined), ..Facts::default() };
        assert_eq!(declined.outcome(), RecordedOutcome::Declined);
        let approved = Facts { host: Some(OutcomeElsewhere::Approved), ..declined };
        assert_eq!(approved.outcome(), RecordedOutcome::Approved);
        assert_eq!(Facts::default().outcome(), RecordedOutcome::Unknown);
    }
}

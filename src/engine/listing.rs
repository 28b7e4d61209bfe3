//! What a partition remembers, as plain lines: to compare two engines, or an engine and
//! another account of the same history.
//!
//! ```text
//! account 5f…2c stands at 1700000600000            windows end here, and do not move back
//!   1700000000000 id 91…04 input 7 approved 3800 merchant 3d…77 country CN
//!   1700000300000 id a0…b1 input 9 approved 700 adds to 91…04 merchant 3d…77 country CN
//! card 8e…41 stands at 1700000600000               only where features count by card
//!   1700000000000 id 91…04 input 7 approved 3800 merchant 3d…77 country CN of 5f…2c
//! waits 5f…2c for 77…10 outcome declined in 156 of a card since 1700000550000
//! waits 5f…2c for 77…10 reversal 0b…9e of all since 1700000560000
//! answers 12                                       kept for repeats
//! ```
//!
//! Accounts, then cards, are in the order of their keys, each with what is in its longest
//! window: own time, id, input, what it counts as, what is left of its amount in the policy's
//! currency; and of which account, where it is in a card's.
//! An account with nothing in its windows is not listed, whether it is still in the table
//! or not: nobody can tell. What waits is in the order of account, authorisation and text.
//! Keys are those that the door makes; no name is in a listing.

use std::fmt;

use super::Engine;
use super::partition::Partition;
use super::velocity::{CardState, Event, RecordedOutcome, Slot};
use crate::domain::{AccountKey, CardKey, EventTime, PartitionId, Span};

impl Engine {
    /// What `partition` remembers, line by line; empty where it is not open. Slow: for
    /// tests and for a person who looks for a difference.
    pub fn listing(&self, partition: PartitionId) -> Vec<String> {
        let Some(partition) = self.partitions.get(&partition) else { return Vec::new() };
        let clock = partition.clock_with(EventTime::EARLIEST);
        let late = clock.minus(self.settings.lateness_max());
        let mut accounts: Vec<(AccountKey, &CardState)> = partition.cards.iter().collect();
        accounts.sort_unstable_by_key(|(account, _)| *account);
        let mut lines = Vec::new();
        for (account, card) in accounts {
            list_account(&mut lines, account, card, late, partition.longest_window);
        }
        if let Some(by_card) = &partition.by_card {
            let mut cards: Vec<_> = by_card.iter().collect();
            cards.sort_unstable_by_key(|(card, _)| *card);
            for (card, state) in cards {
                list_card(&mut lines, card, state, late, by_card.retention());
            }
        }
        lines.extend(waiting_in(partition));
        lines.push(format!("answers {}", partition.recent_answers.fresh_count()));
        lines
    }
}

fn list_account(
    lines: &mut Vec<String>,
    account: AccountKey,
    card: &CardState,
    late: EventTime,
    window: Span,
) {
    let stands_at = card.newest().map_or(late, |newest| newest.max(late));
    let mut events = card.events_after(stands_at.minus(window)).peekable();
    if events.peek().is_some() {
        let millis = stands_at.unix_millis();
        lines.push(format!("account {:032x} stands at {millis}", account.bits()));
        lines.extend(events.map(|event| Line(event).to_string()));
    }
}

fn list_card(
    lines: &mut Vec<String>,
    card: CardKey,
    state: &CardState,
    late: EventTime,
    window: Span,
) {
    let stands_at = state.newest().map_or(late, |newest| newest.max(late));
    let mut placed = state.placed_after(stands_at.minus(window)).peekable();
    if placed.peek().is_some() {
        lines.push(format!("card {:032x} stands at {}", card.bits(), stands_at.unix_millis()));
        lines.extend(placed.map(|(place, event)| {
            let account = state.keys_at(place).get(Slot::Account).unwrap_or_default();
            format!("{} of {account:032x}", Line(event))
        }));
    }
}

/// One event as a line.
struct Line<'e>(&'e Event);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(event) = self;
        let (millis, id, input) = (event.at.unix_millis(), event.id.bits(), event.input.0);
        write!(f, "  {millis} id {id:032x} input {input} {}", word_of(event.outcome))?;
        if let Some(minor_units) = event.minor_units
            && event.outcome != RecordedOutcome::Reversed
        {
            write!(f, " {minor_units}")?;
        }
        if event.is_incremental {
            write!(f, " adds to {:032x}", event.chain.bits())?;
        }
        if let Some(merchant) = event.merchant {
            write!(f, " merchant {:032x}", merchant.bits())?;
        }
        if let Some([first, second]) = event.country {
            write!(f, " country {}{}", char::from(first), char::from(second))?;
        }
        Ok(())
    }
}

const fn word_of(outcome: RecordedOutcome) -> &'static str {
    match outcome {
        RecordedOutcome::Approved => "approved",
        RecordedOutcome::SteppedUp => "stepped_up",
        RecordedOutcome::Declined => "declined",
        RecordedOutcome::Unknown => "unknown",
        RecordedOutcome::Failed => "failed",
        RecordedOutcome::Reversed => "reversed",
    }
}

fn waiting_in(partition: &Partition) -> Vec<String> {
    let mut lines = partition.pending.listing();
    lines.sort_unstable();
    lines
}

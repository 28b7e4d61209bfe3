//! What the oracle remembers, in the words of the engine's listing
//! (`src/engine/listing.rs` says what each line is).

use std::hash::{DefaultHasher, Hash, Hasher};

use stopline::domain::{Amount, IdKey, MessageClass, OutcomeElsewhere};

use super::Oracle;
use super::net::{Counted, Net, Told};
use super::policy::Key;

impl Oracle {
    /// All that is remembered, line by line.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut waiting = Vec::new();
        for (account, history) in &self.histories {
            let net = Net::of(history, self.clock, None, &self.policy);
            let counted = net.counted();
            if !counted.is_empty() {
                let stands_at = net.stands_at.unix_millis();
                lines.push(format!("account {:032x} stands at {stands_at}", account.bits()));
                lines.extend(counted.iter().map(line_of));
            }
            // The same told twice waits once, from the later time on.
            let is_last = |(place, told): (usize, &Told)| {
                let later = &net.waiting[place + 1..];
                later.iter().all(|later| !is_same(told, later)).then_some(*told)
            };
            let facts = net.waiting.iter().enumerate().filter_map(is_last);
            waiting.extend(
                facts.map(|told| format!("waits {:032x} {}", account.bits(), fact_of(&told))),
            );
        }
        self.list_cards(&mut lines);
        waiting.sort();
        lines.extend(waiting);
        let age = self.policy.answers_age;
        let kept = self.answers.values().filter(|it| self.clock.since(it.given_at) <= age);
        lines.push(format!("answers {}", kept.count()));
        lines
    }

    fn list_cards(&self, lines: &mut Vec<String>) {
        let Some(reach) = self.policy.reach(Key::Card) else { return };
        let late = self.clock.minus(self.policy.longest_delay());
        for card in self.accounts.keys() {
            let (counted, newest) = self.counted_of(*card);
            let stands_at = newest.map_or(late, |newest| newest.max(late));
            let start = stands_at.minus(reach);
            let inside: Vec<_> = counted.iter().filter(|one| one.stands.at > start).collect();
            if !inside.is_empty() {
                let millis = stands_at.unix_millis();
                lines.push(format!("card {:032x} stands at {millis}", card.bits()));
                lines.extend(
                    inside.iter().map(|one| {
                        format!("{} of {:032x}", line_of(one), one.stands.account.bits())
                    }),
                );
            }
        }
    }

    /// The listing in one number.
    pub(crate) fn digest(&self) -> u64 {
        digest_of(&self.listing())
    }
}

/// `listing` in one number.
pub(crate) fn digest_of(listing: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    listing.hash(&mut hasher);
    hasher.finish()
}

fn line_of(one: &Counted) -> String {
    let stands = &one.stands;
    let (millis, id, input) = (stands.at.unix_millis(), hex(stands.id), stands.input.0);
    let parts = [
        Some(format!("  {millis} id {id} input {input} {}", one.counts.word())),
        one.minor_units.map(|minor_units| minor_units.to_string()),
        stands.adds_to.filter(|_| one.is_incremental).map(|it| format!("adds to {}", hex(it))),
        stands.merchant.map(|merchant| format!("merchant {:032x}", merchant.bits())),
        stands.country.map(|it| format!("country {}", String::from_utf8_lossy(&it))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// True where two messages that wait tell the same.
fn is_same(one: &Told, other: &Told) -> bool {
    let currency = |told: &Told| told.amount.map(Amount::currency);
    let word = |told: &Told| (told.class as u8, told.host, currency(told), told.card);
    let is_reversal = one.class == MessageClass::Reversal;
    one.about == other.about
        && if is_reversal { one.id == other.id } else { word(one) == word(other) }
}

fn fact_of(told: &Told) -> String {
    let what = if told.class == MessageClass::Reversal {
        let amount = told.amount.map_or("all".to_owned(), |it| it.minor_units().to_string());
        format!("reversal {} of {amount}", hex(told.id))
    } else {
        let word = match told.host.expect("a notice tells an outcome") {
            OutcomeElsewhere::Failed => "failed",
            OutcomeElsewhere::SteppedUp => "stepped_up",
            OutcomeElsewhere::Declined => "declined",
            OutcomeElsewhere::Approved => "approved",
        };
        let currency = told.amount.map(Amount::currency);
        let currency = currency.map_or("any".to_owned(), |it| it.numeric().to_string());
        let card = if told.card.is_some() { "a card" } else { "any card" };
        format!("outcome {word} in {currency} of {card}")
    };
    format!("for {} {what} since {}", hex(told.about), told.heard_at.unix_millis())
}

fn hex(id: IdKey) -> String {
    format!("{:032x}", id.bits())
}

//! The engine against the oracle (`tests/oracle`): decision by decision, and what they
//! remember at intervals, over traffic with every message type, in any order, also late,
//! doubled and contradictory.
//!
//! `STOPLINE_ORACLE_MESSAGES=1000000 cargo test --test integration against_oracle` says how
//! many messages; `STOPLINE_SEED=…` runs the traffic of one seed. A history that fails is
//! shrunk to the shortest one and told in words.

mod pair;
mod policy;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use stopline::domain::{
    EventTime, Identifier, Noted, Offset, Outcome, ReportChannel, StopCause, StopOrder, StopScope,
};
use stopline::lab::traffic::{Delays, LifeCycles, Shares, TrafficSettings};
use stopline::wire::proto::{Authorisation, authorisation::Card};

use self::pair::{Difference, Pair, Sent};
use self::policy::policy;
use crate::oracle::Answer;
use crate::support::BEGINNING;

const MESSAGES_COUNT: u64 = 1_000_000;
/// Each seed has accounts of its own, so that those of earlier ones fall asleep.
const MESSAGES_PER_SEED: usize = 20_000;
const MESSAGES_BETWEEN_STATES: usize = 2_000;
/// The traffic of a seed lasts some six hours: windows pass over it.
const AUTHORISATIONS_PER_SECOND: f64 = 0.6;
const CARDS_COUNT: u32 = 600;
const SHARED_CARDS_COUNT: u32 = 300;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The traffic of `seed`, from `start` on.
fn traffic(seed: u64, start: i64) -> impl Iterator<Item = Sent> {
    let settings = TrafficSettings {
        seed,
        cards_count: CARDS_COUNT,
        start_unix_millis: start,
        rate_per_second: AUTHORISATIONS_PER_SECOND,
        rest_millis: 0,
    };
    let delays = Delays { late_max: 15 * 60_000, after_max: 240 * 60_000 };
    // An echo test is answered at the door: neither of the two is told of it.
    let shares = Shares { echoes: 0.0, ..Shares::EVERY_KIND };
    let mut traffic = LifeCycles::new(settings, shares, delays);
    (0..).map(move |number: usize| {
        let due = traffic.next_due();
        let after_start = i64::try_from(due.after_start_nanos / 1_000_000).expect("not for ever");
        // Now and then somebody else's decision binds.
        let bound = number.is_multiple_of(37).then(|| Outcome::ALL[number / 37 % 3]);
        let message = with_shared_card(due.request);
        Sent { at_millis: start + after_start, message, bound }
    })
}

/// Cards that two or three accounts share, each account with two of them: all that is said of
/// one authorisation, or of one chain, names one card where it named one before.
fn with_shared_card(mut message: Authorisation) -> Authorisation {
    let named =
        |text: &str| text.bytes().fold(7_u32, |sum, byte| sum * 31 % 65_521 + u32::from(byte));
    let is_about_another = message.incremental || message.message_type >= 400;
    let root = match &message.original_id {
        Some(original) if is_about_another => original,
        Some(_) | None => &message.authorisation_id,
    };
    let second = u32::from(named(root).is_multiple_of(3));
    if let Some(Card::CardToken(token)) = &mut message.card {
        *token = format!("shared-{}", (named(token) + second) % SHARED_CARDS_COUNT);
    }
    message
}

/// The number of the message of `history` at which the two part, and how.
fn part(history: &[Sent]) -> Option<(usize, Box<Difference>)> {
    let mut pair = Pair::new(policy());
    history.iter().enumerate().find_map(|(number, sent)| {
        let told = pair.tell(sent).and_then(|_| pair.compare_states());
        told.err().map(|difference| (number, difference))
    })
}

/// The shortest part of `history` in which the two still part, told in words.
fn shortest(history: &[Sent]) -> String {
    let mut by_account: BTreeMap<&str, Vec<Sent>> = BTreeMap::new();
    for sent in history {
        by_account.entry(&sent.message.account_reference).or_default().push(sent.clone());
    }
    // One account's messages are nearly always enough, or those of all that share its cards.
    let sharing = sharing_cards(history);
    let found =
        by_account.into_values().chain([sharing]).find_map(|alone| Some((part(&alone)?.0, alone)));
    let Some((number, mut left)) = found else {
        return "no account's messages alone show it: run the seed".to_owned();
    };
    left.truncate(number + 1);
    let mut step = left.len() / 2;
    while step > 0 {
        let mut place = 0;
        while place < left.len() {
            let mut without = left.clone();
            without.drain(place..(place + step).min(left.len()));
            match part(&without) {
                Some((number, _)) => {
                    left = without;
                    left.truncate(number + 1);
                }
                None => place += step,
            }
        }
        step /= 2;
    }
    let (_, difference) = part(&left).expect("it was there");
    format!("the shortest history:\n{}{difference}", words::told(&left))
}

/// The messages of all accounts that share a card with that of the last message.
fn sharing_cards(history: &[Sent]) -> Vec<Sent> {
    let token = |sent: &Sent| match &sent.message.card {
        Some(Card::CardToken(token)) => Some(token.clone()),
        Some(Card::Pan(_)) | None => None,
    };
    let account = history.last().map(|sent| &sent.message.account_reference);
    let own = |sent: &&Sent| Some(&sent.message.account_reference) == account;
    let cards: BTreeSet<String> = history.iter().filter(own).filter_map(token).collect();
    let shares = |sent: &&Sent| token(sent).is_some_and(|token| cards.contains(&token));
    let sharing = history.iter().filter(shares);
    let accounts: BTreeSet<_> = sharing.map(|sent| &sent.message.account_reference).collect();
    let is_theirs = |sent: &&Sent| accounts.contains(&sent.message.account_reference);
    history.iter().filter(is_theirs).cloned().collect()
}

/// How often each kind of answer was given: a proof over nothing proves nothing.
#[derive(Default, Debug)]
struct Seen {
    decided: usize,
    stopped: usize,
    judged_again: usize,
    counted_before: usize,
    original_unknown: usize,
    again: usize,
    refused: usize,
    applied: usize,
    pending: usize,
    nothing_to_do: usize,
    outside_windows: usize,
    over_reversed: usize,
}

impl Seen {
    fn note(&mut self, answer: &Answer) {
        let count = match answer {
            Answer::Decided(decided) => {
                self.stopped += usize::from(decided.stop_order.is_some());
                self.judged_again += usize::from(decided.is_judged_again);
                self.counted_before += usize::from(decided.is_counted_before);
                self.original_unknown += usize::from(decided.original_unknown);
                &mut self.decided
            }
            Answer::Again(_) => &mut self.again,
            Answer::Refused { .. } => &mut self.refused,
            Answer::Noted(Noted::Applied) => &mut self.applied,
            Answer::Noted(Noted::Pending) => &mut self.pending,
            Answer::Noted(Noted::NothingToDo | Noted::Echo) => &mut self.nothing_to_do,
            Answer::Noted(Noted::OutsideWindows) => &mut self.outside_windows,
            Answer::Noted(Noted::OverReversed) => &mut self.over_reversed,
        };
        *count += 1;
    }

    /// The least of them.
    fn fewest(&self) -> usize {
        let Self { decided, stopped, judged_again, counted_before, original_unknown, .. } = *self;
        let Self { again, refused, applied, pending, nothing_to_do, .. } = *self;
        let decisions = [decided, stopped, judged_again, counted_before, original_unknown];
        let others = [again, refused, applied, pending, nothing_to_do];
        let rare = [self.outside_windows, self.over_reversed];
        decisions.into_iter().chain(others).chain(rare).min().unwrap_or(0)
    }
}

/// An order that stops the account of `sent` from now on.
fn order(pair: &Pair, sent: &Sent, number: usize) -> StopOrder {
    let keys = pair.door().keys();
    let id = format!("order-{number}");
    StopOrder {
        id: Identifier::new(&id, 64).expect("valid").to_text(),
        key: keys.order_key(&id),
        offset: Offset(i64::try_from(number).expect("few")),
        card: None,
        pan: None,
        has_foreign_tag: false,
        account: Some(keys.account_key(&sent.message.account_reference)),
        cause: if number.is_multiple_of(2) { StopCause::Lost } else { StopCause::CardholderFreeze },
        scope: StopScope::All,
        report_channel: ReportChannel::Telephone,
        reported_at: EventTime::nearest_to(sent.at_millis),
        in_force_from: EventTime::nearest_to(sent.at_millis + 60_000),
        lapses_at: Some(EventTime::nearest_to(sent.at_millis + 1_800_000)),
        lifted_at: None,
    }
}

/// Tells both the traffic of `seeds`, one after the other; what was answered.
fn run(seeds: Range<u64>) -> Seen {
    let mut pair = Pair::new(policy());
    let mut seen = Seen::default();
    let mut start = BEGINNING;
    for seed in seeds {
        let mut history: Vec<Sent> = Vec::new();
        for (number, sent) in traffic(seed, start).take(MESSAGES_PER_SEED).enumerate() {
            if number % 500 == 499 {
                let order = order(&pair, &sent, number);
                pair.stop(&order);
            }
            history.push(sent);
            let told = pair.tell(&history[number]).map(|answer| seen.note(&answer));
            let is_due = number % MESSAGES_BETWEEN_STATES == MESSAGES_BETWEEN_STATES - 1;
            let told = if is_due { told.and_then(|()| pair.compare_states()) } else { told };
            if let Err(difference) = told {
                let shortest = shortest(&history);
                panic!("message {number} of STOPLINE_SEED={seed}:\n{difference}\n{shortest}");
            }
        }
        start = history.last().map_or(start, |sent| sent.at_millis);
    }
    seen
}

fn check(seeds: Range<u64>) {
    let seen = run(seeds.clone());
    eprintln!("seeds {seeds:?}: {seen:?}");
    assert!(seen.fewest() > 20, "too few of some kind in seeds {seeds:?}: {seen:?}");
}

/// How many seeds each of the two proofs runs.
fn seeds_count() -> u64 {
    let wanted = from_environment("STOPLINE_ORACLE_MESSAGES").unwrap_or(MESSAGES_COUNT);
    wanted.div_ceil(2 * MESSAGES_PER_SEED as u64)
}

#[test]
fn the_engine_answers_and_remembers_what_the_oracle_does() {
    let seeds = 0..seeds_count();
    check(from_environment("STOPLINE_SEED").map_or(seeds, |seed| seed..seed + 1));
}

/// The other half, so that two cores share the work.
#[test]
fn the_engine_answers_and_remembers_what_the_oracle_does_on_other_seeds() {
    if from_environment("STOPLINE_SEED").is_none() {
        check(1_000..1_000 + seeds_count());
    }
}

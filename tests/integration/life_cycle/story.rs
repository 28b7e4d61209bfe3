//! Random histories: what there is to send, and in which order it is sent, told in words.

use std::fmt::{self, Write as _};

use proptest::prelude::*;
use stopline::domain::OutcomeElsewhere;
use stopline::wire::proto::Authorisation;

use super::{advice, incremental, notice, of, partial, reversal};
use crate::support::{BEGINNING, purchase};

/// An authorisation that may be asked for, advised, answered and taken back.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) is_second_account: bool,
    /// Seconds after the beginning.
    pub(super) at: i64,
    pub(super) fen: i64,
    pub(super) is_abroad: bool,
    pub(super) is_in_dollars: bool,
    pub(super) merchant: u8,
    /// The one whose amount it adds to.
    pub(super) adds_to: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Undo {
    pub(super) target: usize,
    pub(super) fen: Option<i64>,
    pub(super) is_in_dollars: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sent {
    Request(usize),
    Notice(usize, &'static str),
    Advice(usize, &'static str),
    Reversal(usize),
}

/// What there is to send, and what was sent in which order, each so many seconds after
/// the one before.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) made: Vec<Made>,
    pub(super) undone: Vec<Undo>,
    pub(super) log: Vec<(Sent, i64)>,
}

pub(super) const WORDS: [(&str, OutcomeElsewhere); 4] = [
    ("00", OutcomeElsewhere::Approved),
    ("51", OutcomeElsewhere::Declined),
    ("1A", OutcomeElsewhere::SteppedUp),
    ("91", OutcomeElsewhere::Failed),
];

impl fmt::Debug for Story {
    /// The history in words, as it was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut clock = 0;
        for (sent, gap) in &self.log {
            clock += gap;
            write!(f, "\n  at {clock} s: ")?;
            match sent {
                Sent::Request(one) => write!(f, "request {one}: {:?}", self.made[*one])?,
                Sent::Notice(one, code) => write!(f, "notice {code} of {one}")?,
                Sent::Advice(one, code) => {
                    write!(f, "advice {code} of {one}: {:?}", self.made[*one])?;
                }
                Sent::Reversal(one) => write!(f, "reversal {one}: {:?}", self.undone[*one])?,
            }
        }
        f.write_char('\n')
    }
}

impl Story {
    pub(super) fn account(&self, one: usize) -> &'static str {
        if self.made[one].is_second_account { "second" } else { "first" }
    }

    pub(super) fn message(&self, sent: Sent) -> Authorisation {
        let (made, message) = match sent {
            Sent::Request(one) | Sent::Notice(one, _) | Sent::Advice(one, _) => {
                let made = &self.made[one];
                let id = format!("made-{one}");
                let asked = match made.adds_to {
                    Some(original) => incremental(&id, &format!("made-{original}"), made.fen),
                    None => of(made.fen, super::request(&id)),
                };
                let told = match sent {
                    Sent::Notice(_, code) => notice(&id, code),
                    // Its own amount and time count only where no request comes.
                    Sent::Advice(_, code) => of(made.fen + 7, advice(&id, code)),
                    Sent::Request(_) | Sent::Reversal(_) => asked.clone(),
                };
                let later = i64::from(matches!(sent, Sent::Advice(..)));
                let country = if made.is_abroad { "US" } else { "CN" };
                let currency = if made.is_in_dollars { "USD" } else { "CNY" };
                let message = Authorisation {
                    incremental: asked.incremental,
                    original_id: asked.original_id,
                    merchant_id: Some(format!("merchant-{}", made.merchant)),
                    merchant_country: Some(country.to_owned()),
                    currency: currency.to_owned(),
                    authorised_at_millis: BEGINNING + (made.at + later) * 1_000,
                    ..told
                };
                (one, message)
            }
            Sent::Reversal(one) => {
                let undo = &self.undone[one];
                let (id, original) = (format!("undo-{one}"), format!("made-{}", undo.target));
                let whole = reversal(&id, &original);
                let message = undo.fen.map_or(whole, |fen| Authorisation {
                    currency: if undo.is_in_dollars { "USD" } else { "CNY" }.to_owned(),
                    ..partial(&id, &original, fen)
                });
                (undo.target, message)
            }
        };
        Authorisation {
            account_reference: self.account(made).to_owned(),
            card: purchase("", self.account(made)).card,
            ..message
        }
    }

    pub(super) fn end(&self) -> i64 {
        self.log.iter().map(|(_, gap)| gap).sum()
    }
}

pub(super) fn stories() -> impl Strategy<Value = Story> {
    let made = (
        any::<bool>(),
        0..3_000_i64,
        prop_oneof![4 => 1..2_000_i64, 1 => Just(0)],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.15),
        0..3_u8,
        prop::option::weighted(0.4, any::<prop::sample::Index>()),
    );
    let undone = (
        any::<prop::sample::Index>(),
        prop::option::weighted(0.7, 0..2_500_i64),
        prop::bool::weighted(0.1),
    );
    (prop::collection::vec(made, 1..5), prop::collection::vec(undone, 0..4)).prop_flat_map(
        |(made, undone)| {
            let count = made.len();
            let made: Vec<Made> = made
                .into_iter()
                .enumerate()
                .map(|(place, (second, at, fen, is_abroad, is_in_dollars, merchant, adds))| Made {
                    is_second_account: second,
                    at: at * 10 + i64::try_from(place).expect("few") * 3,
                    fen,
                    is_abroad,
                    is_in_dollars,
                    merchant,
                    // Only to one before it: a chain has an end.
                    adds_to: adds.map(|index| index.index(count)).filter(|_| place >= 2),
                })
                .collect();
            let made = with_originals(made);
            let undone: Vec<Undo> = undone
                .into_iter()
                .map(|(target, fen, is_in_dollars)| Undo {
                    target: target.index(count),
                    fen,
                    is_in_dollars,
                })
                .collect();
            let word = prop::sample::select(WORDS.map(|(code, _)| code).to_vec());
            let reversals = undone.len();
            let sent = (0..4_u8, 0..count, word, any::<prop::sample::Index>()).prop_map(
                move |(kind, one, code, index)| match kind {
                    0 => Sent::Notice(one, code),
                    1 => Sent::Advice(one, code),
                    2 if reversals > 0 => Sent::Reversal(index.index(reversals)),
                    _ => Sent::Request(one),
                },
            );
            let gap = prop_oneof![Just(0), 1..300_i64, 500..900_i64];
            (Just(made), Just(undone), prop::collection::vec((sent, gap), 1..14))
                .prop_map(|(made, undone, log)| Story { made, undone, log })
        },
    )
}

/// Sees to it that an incremental adds to an original of its account.
pub(super) fn with_originals(mut made: Vec<Made>) -> Vec<Made> {
    for place in 0..made.len() {
        if let Some(original) = made[place].adds_to {
            let original = original % place.max(1); // It may be an incremental itself.
            made[place].adds_to = Some(original);
            made[place].is_second_account = made[original].is_second_account;
        }
    }
    made
}

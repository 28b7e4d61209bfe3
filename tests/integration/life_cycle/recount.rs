//! What windows hold of a history, from which messages were ever sent, not from their order.

use std::collections::{BTreeMap, BTreeSet};

use stopline::domain::OutcomeElsewhere;

use super::story::{Sent, Story, Undo, WORDS};

/// One authorisation as the recount has it.
pub(super) struct Counted {
    pub(super) at: i64,
    /// Its amount in CNY, if it has one.
    pub(super) fen: Option<i64>,
    pub(super) outcome: &'static str,
    pub(super) is_incremental: bool,
    /// The one whose amount it adds to; else itself.
    original: usize,
    pub(super) merchant: u8,
}

/// What was ever sent, and what it comes to for each authorisation.
struct Net<'s> {
    story: &'s Story,
    sent: BTreeSet<Sent>,
}

/// What reversals of one authorisation take back.
struct Taken {
    fen: i64,
    is_all: bool,
    is_any: bool,
}

impl Net<'_> {
    fn is_asked(&self, one: usize) -> bool {
        self.sent.contains(&Sent::Request(one))
    }

    fn is_known(&self, one: usize) -> bool {
        let is_advice = |sent: &Sent| matches!(sent, Sent::Advice(told, _) if *told == one);
        self.is_asked(one) || self.sent.iter().any(is_advice)
    }

    fn amount(&self, one: usize) -> i64 {
        self.story.made[one].fen + if self.is_asked(one) { 0 } else { 7 }
    }

    fn at(&self, one: usize) -> i64 {
        self.story.made[one].at + i64::from(!self.is_asked(one))
    }

    fn outcome(&self, one: usize) -> &'static str {
        let told = |(code, _): &&(&'static str, _)| {
            self.sent.contains(&Sent::Notice(one, code))
                || self.sent.contains(&Sent::Advice(one, code))
        };
        match WORDS.iter().filter(told).map(|(_, word)| *word).max() {
            Some(OutcomeElsewhere::Declined) => "declined",
            Some(OutcomeElsewhere::SteppedUp) => "stepped_up",
            Some(OutcomeElsewhere::Failed) => "failed",
            None if self.story.made[one].is_abroad => "declined",
            Some(OutcomeElsewhere::Approved) | None => "approved",
        }
    }

    fn is_money(&self, one: usize) -> bool {
        self.outcome(one) == "approved"
    }

    fn taken(&self, one: usize) -> Taken {
        let currency = self.story.made[one].is_in_dollars;
        let fits = |undo: &&Undo| {
            !self.is_known(one) || undo.fen.is_none() || undo.is_in_dollars == currency
        };
        let all: Vec<&Undo> = (0..self.story.undone.len())
            .filter(|undo| self.sent.contains(&Sent::Reversal(*undo)))
            .map(|undo| &self.story.undone[undo])
            .filter(|undo| undo.target == one)
            .filter(fits)
            .collect();
        Taken {
            fen: all.iter().filter_map(|undo| undo.fen).sum(),
            is_all: all.iter().any(|undo| undo.fen.is_none()),
            is_any: !all.is_empty(),
        }
    }

    /// What its own reversals leave of an incremental; `None` is nothing at all.
    fn left_alone(&self, one: usize) -> Option<i64> {
        let Taken { fen, is_all, is_any } = self.taken(one);
        let is_undone = is_all || (is_any && fen >= self.amount(one));
        (!is_undone).then(|| self.amount(one) - fen)
    }

    /// The original of the chain that `named` belongs to: one that is known to add to another
    /// belongs to the chain of that one.
    fn root(&self, named: usize) -> usize {
        match self.story.made[named].adds_to {
            Some(further) if self.is_known(named) => self.root(further),
            Some(_) | None => named,
        }
    }

    /// Those that add to `original`, by their time; all that say so where it is not known.
    fn members(&self, here: &[usize], original: usize) -> Vec<usize> {
        let made = &self.story.made;
        let belongs = |one: &usize| {
            made[*one].adds_to.is_some_and(|named| self.root(named) == original)
                && (!self.is_known(original)
                    || made[*one].is_in_dollars == made[original].is_in_dollars)
        };
        let mut members: Vec<usize> = here.iter().copied().filter(belongs).collect();
        members.sort_by_key(|one| self.at(*one));
        members
    }

    /// Takes what is taken back of `original` from it and from its `members`.
    fn take_back(&self, original: usize, members: &[usize], left: &mut [Option<i64>]) {
        let Taken { fen, is_all, is_any } = self.taken(original);
        let money: Vec<usize> = members.iter().copied().filter(|one| self.is_money(*one)).collect();
        let added: i64 = money.iter().filter_map(|one| left[*one]).sum();
        let is_known = self.is_known(original);
        if is_all || (is_known && is_any && fen >= self.amount(original) + added) {
            for one in members.iter().chain([&original]) {
                left[*one] = None;
            }
        } else if is_known {
            let mut rest = fen;
            for one in [original].into_iter().chain(money) {
                let share = rest.min(left[one].unwrap_or(0));
                left[one] = left[one].map(|left| left - share);
                rest -= share;
            }
        }
    }
}

/// The net history of `account`, from what was ever sent.
pub(super) fn recount(story: &Story, account: &str) -> Vec<Counted> {
    let net = Net { story, sent: story.log.iter().map(|(sent, _)| *sent).collect() };
    let all = 0..story.made.len();
    let here: Vec<usize> =
        all.clone().filter(|one| net.is_known(*one) && story.account(*one) == account).collect();
    let mut left: Vec<Option<i64>> = all
        .clone()
        .map(|one| match story.made[one].adds_to {
            Some(_) => net.left_alone(one),
            None => Some(net.amount(one)),
        })
        .collect();
    let mut incrementals = BTreeSet::new();
    for original in all.filter(|one| net.root(*one) == *one) {
        let members = net.members(&here, original);
        net.take_back(original, &members, &mut left);
        if net.is_known(original) {
            incrementals.extend(members);
        }
    }
    let counted = |one: usize| {
        left[one].map(|left| Counted {
            at: net.at(one),
            fen: (!story.made[one].is_in_dollars).then_some(left),
            outcome: net.outcome(one),
            is_incremental: incrementals.contains(&one),
            original: if incrementals.contains(&one) { net.root(one) } else { one },
            merchant: story.made[one].merchant,
        })
    };
    here.into_iter().filter_map(counted).collect()
}

/// The features of the policy at `now`, the probe of 0.01 CNY at merchant 9 included.
pub(super) fn features(counted: &[Counted], now: i64) -> Vec<Option<i64>> {
    let evidence: Vec<&Counted> = counted.iter().filter(|one| one.outcome != "failed").collect();
    let lately = |one: &&&Counted| one.at > now - 1_200;
    let count = |ones: Vec<&&Counted>| {
        i64::try_from(ones.iter().filter(|one| !one.is_incremental).count()).expect("few")
    };
    let approved = |one: &&&Counted| one.outcome == "approved";
    let declined = |one: &&&Counted| one.outcome == "declined";
    let sum = |ones: Vec<&&Counted>| ones.iter().filter_map(|one| one.fen).sum::<i64>();
    let mut largest = BTreeMap::new();
    for one in evidence.iter().filter(|one| !declined(one)) {
        if let Some(fen) = one.fen {
            *largest.entry(one.original).or_insert(0) += fen;
        }
    }
    let last = evidence.iter().filter(|one| !one.is_incremental).map(|one| one.at).max();
    let merchants: BTreeSet<u8> = evidence.iter().map(|one| one.merchant).chain([9]).collect();
    vec![
        Some(count(evidence.iter().collect()) + 1),
        Some(count(evidence.iter().filter(lately).collect()) + 1),
        Some(count(evidence.iter().filter(declined).collect())),
        Some(sum(evidence.iter().filter(approved).collect())),
        Some(sum(evidence.iter().filter(approved).filter(lately).collect())),
        largest.into_values().max(),
        last.map(|last| now - last),
        Some(i64::try_from(merchants.len()).expect("few")),
    ]
}

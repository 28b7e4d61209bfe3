//! THE ORACLE: the engine once more, slow and obvious.
//!
//! It keeps one partition's history of messages and works out everything from it anew, for
//! each message: what the account's authorisations come to ([`net`]), what the features
//! count of them ([`windows`]), what the rules make of that ([`rules`]). It is written from
//! the contract (README), from `src/engine/life_cycle/mod.rs` and the journal rules, not
//! from the engine, and knows no type of ours but the words of `stopline::domain`; a test
//! holds it to that. Where the two differ, one of them is wrong.
//!
//! - [`Policy`] says what to judge by; its text is what the engine's loader reads.
//! - [`Oracle::tell`] answers a message, whole, as the engine must.
//! - [`Oracle::listing`] says what is remembered, line by line, as the engine's does;
//!   [`Oracle::digest`] is the same in one number.
//! - [`Oracle::amend`] puts a decision that binds in the place of its own.
//!
//! Not modelled: deadlines and the fail policy, the overload ladder, business days, memory
//! that runs out. Deadlines and overload belong at the head of [`Oracle::decide`], where
//! the message and what it was met with are at hand; a window over business days belongs
//! in [`windows`], at `start`.

pub(crate) mod answers;
pub(crate) mod chains;
pub(crate) mod listing;
pub(crate) mod net;
pub(crate) mod policy;
pub(crate) mod rules;
pub(crate) mod told;
pub(crate) mod windows;

use std::collections::{BTreeMap, BTreeSet};

use stopline::domain::{
    AccountKey, Amount, Authorisation, CardKey, ErrorReason, EventTime, FiredRule, IdKey,
    MessageClass, Met, Noted, Offset, Outcome, Processing, Reason, ShadowRuleFired, Span,
    StopOrder,
};

use self::answers::{Kept, Likeness};
use self::net::{Counted, Marks, Net, Role, Told};
use self::policy::{Counts, Key, Policy};
use self::rules::Row;
use self::windows::{Ring, Windows};

/// What a message must be answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Decided(Box<Decided>),
    Noted(Noted),
    /// The answer that the message in this input got, byte for byte.
    Again(Offset),
    Refused {
        reason: ErrorReason,
        field: &'static str,
    },
}

/// A decision, as far as it is thought out and not copied from the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Decided {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) score: u16,
    pub(crate) fired: Vec<FiredRule>,
    pub(crate) shadow: Vec<ShadowRuleFired>,
    pub(crate) evidence: Vec<Option<i64>>,
    /// The stop order that declined, by its offset.
    pub(crate) stop_order: Option<Offset>,
    pub(crate) policy_minor_units: Option<i64>,
    pub(crate) event_at: EventTime,
    pub(crate) appended_at: EventTime,
    pub(crate) is_judged_again: bool,
    pub(crate) is_counted_before: bool,
    pub(crate) original_unknown: bool,
}

/// One partition, remembered as the messages that came.
pub(crate) struct Oracle {
    policy: Policy,
    /// The highest broker time so far.
    clock: EventTime,
    histories: BTreeMap<AccountKey, Vec<Told>>,
    /// Under which accounts each card was used, as far as features count by card.
    accounts: BTreeMap<CardKey, BTreeSet<AccountKey>>,
    /// The first answer to each message, until it is too old: by class and id.
    answers: BTreeMap<(u8, IdKey), Kept>,
    stop_orders: Vec<StopOrder>,
    told_count: u64,
}

/// How often the oracle drops what is over, to be quick enough for long histories.
const TOLD_BETWEEN_CLEARINGS: u64 = 10_000;

impl Oracle {
    pub(crate) fn new(policy: Policy) -> Self {
        assert!(policy.lateness < policy.longest_window(), "what comes late is in some window");
        Self {
            policy,
            clock: EventTime::EARLIEST,
            histories: BTreeMap::new(),
            accounts: BTreeMap::new(),
            answers: BTreeMap::new(),
            stop_orders: Vec::new(),
            told_count: 0,
        }
    }

    /// Puts `order` in force, in place of an earlier one under its id.
    pub(crate) fn stop(&mut self, order: StopOrder) {
        self.stop_orders.retain(|earlier| earlier.key != order.key);
        self.stop_orders.push(order);
    }

    /// Answers `auth` and remembers it.
    pub(crate) fn tell(&mut self, auth: &Authorisation<'_>, met: &Met) -> Answer {
        self.clock = self.clock.max(met.appended_at);
        self.drop_what_is_over();
        let likeness = Likeness::of(auth);
        if let Some(kept) = self.kept(auth.message_type.class, auth.id_key) {
            if kept.likeness == likeness {
                return Answer::Again(kept.input);
            }
            // With another code alone, the host says something else: a message of its own.
            if !kept.likeness.is_with_another_code(&likeness) {
                let field = "authorisation_id";
                return Answer::Refused { reason: ErrorReason::ConflictingRepeat, field };
            }
        }
        let is_kept_already = self.kept(auth.message_type.class, auth.id_key).is_some();
        let (answer, role) = match auth.message_type.class {
            MessageClass::Request => self.decide(auth, met),
            MessageClass::Advice => self.note_advice(auth),
            MessageClass::OutcomeNotice => self.note_outcome(auth),
            MessageClass::Reversal => self.note_reversal(auth),
            MessageClass::EchoTest => (Answer::Noted(Noted::Echo), None),
        };
        if matches!(answer, Answer::Refused { .. }) {
            return answer;
        }
        let input = met.input.offset;
        if let Some(role) = role {
            let told = self.told(auth, input, role, &answer);
            if let Some(card) = auth.card.filter(|_| self.policy.reach(Key::Card).is_some()) {
                self.accounts.entry(card).or_default().insert(auth.account);
            }
            self.histories.entry(auth.account).or_default().push(told);
        }
        if !is_kept_already {
            let kept = Kept { given_at: self.clock, input, likeness };
            self.answers.insert((auth.message_type.class as u8, auth.id_key), kept);
        }
        answer
    }

    /// The decision in `input` is not the one that binds: `outcome` at `event_at` is.
    pub(crate) fn amend(
        &mut self,
        account: AccountKey,
        input: Offset,
        outcome: Outcome,
        event_at: EventTime,
    ) {
        let history = self.histories.entry(account).or_default();
        for told in history.iter_mut().filter(|told| told.input == input) {
            told.ours = Some(outcome);
            told.at = event_at;
        }
    }

    fn decide(&self, auth: &Authorisation<'_>, _met: &Met) -> (Answer, Option<Role>) {
        let event_at = clip(auth.authorised_at, self.clock, self.policy.lateness);
        let minor_units = auth.minor_units_in(self.policy.currency.1);
        let is_spend = !is_towards_cardholder(auth);
        let net = self.net(auth.account, Some(event_at));
        let known = net.known(auth.id_key);
        let is_counted_before = known.is_some_and(|known| known.stands.ours.is_some());
        let adds_to = adds_to(auth);
        let has_original = adds_to
            .and_then(|id| net.original(id))
            .is_some_and(|original| original.stands.marks().agree(marks_of(auth)));
        let told = self.told(auth, Offset(i64::MAX), Role::Begins, &Answer::Noted(Noted::Echo));
        let current = Counted {
            stands: told,
            counts: Counts::Approved, // It has no outcome yet, and no filter is asked about it.
            minor_units,
            is_incremental: has_original,
        };
        let counted = net.counted();
        let now = net.newest.expect("this request's at least");
        let of_card = auth.card.map(|card| {
            let (counted, newest) = self.counted_of(card);
            Ring { counted, now: newest.max(Some(event_at)).expect("this request's at least") }
        });
        let windows = Windows {
            account: Ring { counted, now },
            card: of_card,
            current: is_spend.then_some(current),
            id: (auth.account, auth.id_key),
        };
        let features = &self.policy.features;
        let evidence: Vec<_> = features.iter().map(|feature| windows.value(feature)).collect();
        let row = Row { policy: &self.policy, auth, minor_units, evidence: &evidence };
        let verdict = row.judge();
        let stop = self.stop_of(auth);
        let decided = Decided {
            outcome: stop.map_or(verdict.outcome, |_| Outcome::Decline),
            reason: stop.map_or(verdict.reason, |order| Some(order.cause.reason())),
            score: verdict.score,
            fired: verdict.fired,
            shadow: verdict.shadow,
            evidence,
            stop_order: stop.map(|order| order.offset),
            policy_minor_units: minor_units,
            event_at,
            appended_at: self.clock,
            is_judged_again: auth.message_type.is_repeat || is_counted_before,
            is_counted_before,
            original_unknown: auth.incremental && is_spend && !has_original,
        };
        let role = if !is_spend || is_counted_before {
            Role::Moves
        } else if known.is_some() {
            Role::TakesOver
        } else {
            Role::Begins
        };
        (Answer::Decided(Box::new(decided)), Some(role))
    }

    fn note_advice(&self, auth: &Authorisation<'_>) -> (Answer, Option<Role>) {
        if is_towards_cardholder(auth) {
            return (Answer::Noted(Noted::NothingToDo), None);
        }
        let net = self.net(auth.account, None);
        if let Some(known) = net.known(auth.id_key) {
            return hear_host(known, auth);
        }
        if self.was_answered_otherwise(auth, auth.id_key) {
            return (contradicts("authorisation_id"), None);
        }
        let at = clip(auth.authorised_at, self.clock, self.policy.advice_lateness);
        let newest = net.newest.map_or(at, |newest| newest.max(at));
        if at <= newest.minus(self.policy.longest_window()) {
            return (Answer::Noted(Noted::OutsideWindows), None);
        }
        (Answer::Noted(Noted::Applied), Some(Role::Begins))
    }

    fn note_outcome(&self, auth: &Authorisation<'_>) -> (Answer, Option<Role>) {
        if is_towards_cardholder(auth) {
            return (Answer::Noted(Noted::NothingToDo), None);
        }
        if let Some(known) = self.net(auth.account, None).known(auth.id_key) {
            return hear_host(known, auth);
        }
        if self.was_answered_otherwise(auth, auth.id_key) {
            (contradicts("authorisation_id"), None)
        } else if let Some(kept) = self.kept(MessageClass::Request, auth.id_key) {
            (Answer::Noted(kept.likeness.noted_outside()), None)
        } else {
            (Answer::Noted(Noted::Pending), Some(Role::Waits))
        }
    }

    fn note_reversal(&self, auth: &Authorisation<'_>) -> (Answer, Option<Role>) {
        let original_id = auth.original_key.expect("a reversal names its original");
        if is_towards_cardholder(auth) {
            return (Answer::Noted(Noted::NothingToDo), None);
        }
        let net = self.net(auth.account, None);
        if net.has_chain(original_id) {
            let original = net.original(original_id);
            return if original.is_some_and(|it| !it.stands.marks().agree(marks_of(auth))) {
                (contradicts("original_id"), None)
            } else if net.has_taken_back(original_id, auth.id_key) {
                (Answer::Noted(Noted::NothingToDo), None)
            } else if original.is_none() {
                (Answer::Noted(Noted::Pending), Some(Role::Adds))
            } else if auth.amount.is_some_and(|amount| amount.minor_units() == 0)
                || (auth.amount.is_none() && net.is_undone(original_id))
            {
                (Answer::Noted(Noted::NothingToDo), Some(Role::Adds))
            } else if net.is_too_much(original_id, auth.amount)
                || (auth.amount.is_some() && net.is_undone(original_id))
            {
                (Answer::Noted(Noted::OverReversed), Some(Role::Adds))
            } else {
                (Answer::Noted(Noted::Applied), Some(Role::Adds))
            };
        }
        let reach = self.policy.longest_window().plus(self.policy.longest_delay());
        let is_old = auth.original_authorised_at.is_some_and(|at| at <= self.clock.minus(reach));
        if self.was_answered_otherwise(auth, original_id) {
            (contradicts("original_id"), None)
        } else if let Some(kept) = self.kept(MessageClass::Request, original_id) {
            (Answer::Noted(kept.likeness.noted_outside()), None)
        } else if is_old {
            (Answer::Noted(Noted::OutsideWindows), None)
        } else {
            (Answer::Noted(Noted::Pending), Some(Role::Waits))
        }
    }

    fn net(&self, account: AccountKey, now: Option<EventTime>) -> Net<'_> {
        let history = self.histories.get(&account).map_or(&[][..], Vec::as_slice);
        Net::of(history, self.clock, now, &self.policy)
    }

    fn kept(&self, class: MessageClass, id: IdKey) -> Option<&Kept> {
        let kept = self.answers.get(&(class as u8, id))?;
        (self.clock.since(kept.given_at) <= self.policy.answers_age).then_some(kept)
    }

    /// True where the request `id` was answered to another card, account or currency.
    fn was_answered_otherwise(&self, auth: &Authorisation<'_>, id: IdKey) -> bool {
        self.kept(MessageClass::Request, id).is_some_and(|Kept { likeness, .. }| {
            let currency = likeness.amount.map(Amount::currency);
            let marks = Marks { currency, card: likeness.card };
            likeness.account != auth.account || !marks.agree(marks_of(auth))
        })
    }

    /// The order in force that stops `auth`: the one whose reason comes first, then the
    /// earliest.
    fn stop_of(&self, auth: &Authorisation<'_>) -> Option<&StopOrder> {
        let names = |order: &&StopOrder| {
            order.account == Some(auth.account)
                || (auth.card.is_some() && (order.card == auth.card || order.pan == auth.card))
        };
        let orders = self.stop_orders.iter().filter(names);
        orders
            .filter(|order| order.is_in_force_at(self.clock) && order.scope.covers(auth))
            .min_by_key(|order| (order.cause.reason(), order.offset))
    }

    /// An account of which nothing was told for so long that nothing can be in a window, or
    /// wait, is dropped; so is an answer that no repeat gets any more.
    fn drop_what_is_over(&mut self) {
        self.told_count += 1;
        if !self.told_count.is_multiple_of(TOLD_BETWEEN_CLEARINGS) {
            return;
        }
        let reach = self.policy.longest_window().plus(self.policy.longest_delay());
        let oldest = self.clock.minus(reach);
        self.histories.retain(|_, history| history.last().is_some_and(|it| it.heard_at > oldest));
        let (clock, age) = (self.clock, self.policy.answers_age);
        self.answers.retain(|_, kept| clock.since(kept.given_at) <= age);
    }
}

/// What the host says of one that is known.
fn hear_host(known: &net::Life, auth: &Authorisation<'_>) -> (Answer, Option<Role>) {
    if !known.stands.marks().agree(marks_of(auth)) {
        return (contradicts("authorisation_id"), None);
    }
    let is_stronger = auth.outcome_elsewhere > known.words.iter().copied().max();
    let noted = if is_stronger { Noted::Applied } else { Noted::NothingToDo };
    (Answer::Noted(noted), Some(Role::Adds))
}

fn contradicts(field: &'static str) -> Answer {
    Answer::Refused { reason: ErrorReason::ContradictsOriginal, field }
}

fn marks_of(auth: &Authorisation<'_>) -> Marks {
    Marks { currency: auth.amount.map(Amount::currency), card: auth.card }
}

/// Money towards the cardholder is no spend, and in no window.
fn is_towards_cardholder(auth: &Authorisation<'_>) -> bool {
    matches!(auth.processing, Processing::Refund | Processing::Credit)
}

fn adds_to(auth: &Authorisation<'_>) -> Option<IdKey> {
    auth.original_key.filter(|original| auth.incremental && *original != auth.id_key)
}

/// The time that windows use: not ahead of the broker's, not more than `lateness` behind.
fn clip(at: EventTime, clock: EventTime, lateness: Span) -> EventTime {
    at.max(clock.minus(lateness)).min(clock)
}

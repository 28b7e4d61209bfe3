//! What comes after an authorisation, or before it: outcomes, advices, reversals.
//!
//! An authorisation counts for what is **told** of it, not for the order in which that
//! comes. Three facts are kept of each (journal rule J5): our binding outcome, the host's
//! outcome (it wins), and what was taken back. Each message sets its own fact only, and
//! what windows count is made from all of them anew. So any order, repetition and delay of
//! a set of messages leaves the same windows.
//!
//! A reversal works at the original's time, not at its own:
//!
//! ```text
//!            10:00       10:20       10:40       11:00   authorisation A of 100.00 at 10:00,
//!              A           B           R                 B of 30.00 at 10:20,
//!  before R  ──●100────────●30───────────────────────▶   sum 130.00, count 2
//!  R: 40.00  ──●60─────────●30─────────╳─────────────▶   sum  90.00, count 2
//!  R: all    ──○───────────●30─────────╳─────────────▶   sum  30.00, count 1
//!              ↑                       ↑
//!              A is what changes       at R's own time nothing is entered: when A leaves the
//!                                      window, so does what was taken back of it
//! ```
//!
//! What is answered, and what the windows count of the authorisation (*it*) afterwards:
//!
//! | outcome notice (0110, 0210), where it is | answer | it counts |
//! |---|---|---|
//! | known | applied | by the host's outcome: only approved is spend, a failure is none |
//! | known, with this or a stronger outcome of the host's | nothing to do | as before |
//! | not here yet | pending | by the host's outcome as soon as it comes |
//! | answered, and in no window (a refund, an account let go of) | outside the windows | not |
//!
//! | advice (0120, 0220), where it is | answer | it counts |
//! |---|---|---|
//! | known | as a notice | as with a notice; the advice's amount and time change nothing |
//! | not here (yet) | applied | at the advice's own time; its request, if it comes, takes over |
//! | the same, its request of another card or currency | (was answered) | by its request alone |
//! | before every window by the advice's own time | outside the windows | not |
//!
//! | reversal (0400, 0420), where it is known | answer | it counts |
//! |---|---|---|
//! | no amount | applied | no more; nor its incrementals, nor any that come |
//! | no amount, or an amount of nothing, and nothing is left to take | nothing to do | as before |
//! | less than is left | applied | as before, with so much less money |
//! | all that is left | applied | as with no amount |
//! | more than is left | over-reversed | as with no amount: never less than nothing |
//! | under another reversal's id | by what is left | the amounts add up |
//! | under the same id, soon | the stored answer | as before |
//! | under the same id, later | nothing to do | as before |
//!
//! | reversal (0400, 0420), where it is | answer | it counts |
//! |---|---|---|
//! | not here yet | pending | with it taken back as soon as it comes |
//! | not here, but incrementals of it | pending | the same; they go at once if no amount is named |
//! | before every window by `original_authorised_at` | outside the windows | not |
//! | answered, and in no window | outside the windows; of a refund: nothing to do | not |
//! | its original has left, and it does not say when that was | pending | not; it waits in vain |
//! | on another account than its original, whose answer is forgotten | pending | the same |
//!
//! | any of the three | answer | it counts |
//! |---|---|---|
//! | of another card, currency or account, where both are known | error | as before |
//! | the same, where it waited | (was answered) | as before; let go of and counted |
//! | refund or credit by the message's own processing code | nothing to do | not |
//! | it does not come within the longest delay | (was answered) | not; counted as expired |
//!
//! | request | answer | it counts |
//! |---|---|---|
//! | incremental, original known | decision | its amount at its own time, no count |
//! | the same, of a chain taken back whole | decision | not |
//! | incremental of an incremental | as of the original of that one | the same |
//! | incremental, original not here | `original_unknown` | as its own, until the original comes |
//! | incremental, of another card or currency | `original_unknown` | as its own |
//! | refund or credit | decision | not: money towards the cardholder is no spend |
//! | account check | decision | as one authorisation of nothing |
//! | again, its answer forgotten | `judged_again` | as before |
//!
//! The host's outcomes of one authorisation may contradict each other (91, then 00). The
//! stronger counts, whichever came first: approved, declined, stepped up, failed. An
//! approval is undone by a reversal, never by another outcome.
//!
//! A chain is an original and the incrementals that name it. What is taken back is taken
//! from the original first, then from the incrementals by their time; the chain is closed
//! where a reversal names no amount, or all amounts together reach what the original and
//! its approved incrementals asked for. A reversal that names an incremental takes that one
//! back alone. An incremental that names another incremental joins the chain of that one.

mod follow;
mod pending;

use super::EngineSettings;
use super::partition::{Partition, clip};
use super::velocity::{CardState, CardTag, Event, Facts, Keys, Marks, RecordedOutcome};
use super::velocity::{Reversal, Slot, TakenBack};
use crate::domain::{
    AccountKey, Amount, Authorisation, CardKey, Currency, EventTime, IdKey, MessageClass,
    MessageKey, Noted, Offset, Processing,
};

pub(super) use self::follow::Changed;
use self::pending::{Awaited, Fact};
pub(super) use self::pending::{Pending, PendingLimits};

/// The message is about another card, account or currency than its authorisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Contradiction;

impl Partition {
    /// Lets an advice, outcome notice or reversal change what its authorisation counts for,
    /// and says what became of it. It changes nothing where it contradicts.
    pub(super) fn note(
        &mut self,
        auth: &Authorisation<'_>,
        input: Offset,
        appended_at: EventTime,
        currency: Currency,
        settings: &EngineSettings,
    ) -> Result<Noted, Contradiction> {
        match auth.message_type.class {
            MessageClass::Advice => self.note_advice(auth, input, appended_at, currency, settings),
            MessageClass::OutcomeNotice => self.note_outcome(auth, appended_at),
            MessageClass::Reversal => self.note_reversal(auth, appended_at, settings),
            MessageClass::EchoTest => Ok(Noted::Echo),
            MessageClass::Request => Ok(Noted::NothingToDo),
        }
    }

    /// The same where the answer is known, or where none is given.
    pub(super) fn note_as_told(
        &mut self,
        auth: &Authorisation<'_>,
        input: Offset,
        appended_at: EventTime,
        currency: Currency,
        settings: &EngineSettings,
    ) {
        let (Ok(_) | Err(Contradiction)) = self.note(auth, input, appended_at, currency, settings);
    }

    fn note_advice(
        &mut self,
        auth: &Authorisation<'_>,
        input: Offset,
        appended_at: EventTime,
        currency: Currency,
        settings: &EngineSettings,
    ) -> Result<Noted, Contradiction> {
        let at = clip(auth.authorised_at, appended_at, settings.advice_lateness);
        let Some(mut event) = event_of(auth, input, at, auth.minor_units_in(currency)) else {
            return Ok(Noted::NothingToDo);
        };
        // What contradicts must not even move the windows: it is looked at first.
        if let Some(card) = self.cards.find(auth.account, appended_at)
            && let Some(known) = card.find(auth.id_key)
        {
            told(known.facts, marks_of(auth))?;
            let noted = set_host(card, auth);
            Changed::told_of(auth.account, auth.id_key).carry_over(card, &mut self.by_card);
            self.move_windows(auth, at);
            return Ok(noted);
        }
        self.check_answered(auth, auth.id_key)?;
        let card = self.cards.find_or_make(auth.account, at);
        if card.newest().is_some_and(|newest| at <= newest.minus(self.longest_window)) {
            return Ok(Noted::OutsideWindows);
        }
        event.facts.host = auth.outcome_elsewhere;
        let changed = keep(card, &mut self.pending, (auth.account, &Keys::of(auth)), None, event);
        self.move_windows(auth, at);
        self.carry_over(changed);
        Ok(Noted::Applied)
    }

    fn note_outcome(
        &mut self,
        auth: &Authorisation<'_>,
        appended_at: EventTime,
    ) -> Result<Noted, Contradiction> {
        if is_towards_cardholder(auth.processing) {
            return Ok(Noted::NothingToDo);
        }
        if let Some(card) = self.cards.find(auth.account, appended_at)
            && let Some(facts) = card.find(auth.id_key).map(|known| known.facts)
        {
            told(facts, marks_of(auth))?;
            let noted = set_host(card, auth);
            Changed::told_of(auth.account, auth.id_key).carry_over(card, &mut self.by_card);
            return Ok(noted);
        }
        self.check_answered(auth, auth.id_key)?;
        if let Some(noted) = self.answered_outside(auth.id_key) {
            return Ok(noted);
        }
        if let Some(outcome) = auth.outcome_elsewhere {
            let awaited = Awaited { account: auth.account, id: auth.id_key };
            self.pending.add(awaited, Fact::Host(outcome, marks_of(auth)), appended_at);
        }
        Ok(Noted::Pending)
    }

    fn note_reversal(
        &mut self,
        auth: &Authorisation<'_>,
        appended_at: EventTime,
        settings: &EngineSettings,
    ) -> Result<Noted, Contradiction> {
        let (Some(original), false) = (auth.original_key, is_towards_cardholder(auth.processing))
        else {
            return Ok(Noted::NothingToDo);
        };
        let reversal =
            Reversal { id: auth.id_key, amount: auth.amount, card: auth.card.map(CardTag::of) };
        let card = self.cards.find(auth.account, appended_at);
        let taken_back = card.map_or(TakenBack::Unknown, |card| {
            let taken_back = card.take_back(original, reversal);
            Changed::told_of(auth.account, original).carry_over(card, &mut self.by_card);
            taken_back
        });
        match taken_back {
            TakenBack::Applied => return Ok(Noted::Applied),
            TakenBack::Over => return Ok(Noted::OverReversed),
            TakenBack::Again | TakenBack::Nothing => return Ok(Noted::NothingToDo),
            TakenBack::Waiting => return Ok(Noted::Pending),
            TakenBack::Contradicts => return Err(Contradiction),
            TakenBack::Unknown => {}
        }
        self.check_answered(auth, original)?;
        let oldest = appended_at.minus(self.longest_window.plus(settings.lateness_max()));
        if let Some(noted) = self.answered_outside(original) {
            return Ok(noted);
        }
        if auth.original_authorised_at.is_some_and(|at| at <= oldest) {
            return Ok(Noted::OutsideWindows);
        }
        let awaited = Awaited { account: auth.account, id: original };
        self.pending.add(awaited, Fact::Reversal(reversal), appended_at);
        Ok(Noted::Pending)
    }

    /// Lets the cards' windows know of what changed in an account's.
    pub(super) fn carry_over(&mut self, changed: Changed) {
        if let Some(state) = self.cards.get(changed.account) {
            changed.carry_over(state, &mut self.by_card);
        }
    }

    /// What is noted of a request that was answered lately and is in no window: a refund never
    /// was in one.
    fn answered_outside(&self, id: IdKey) -> Option<Noted> {
        let answered = self.recent_answers.get(MessageKey { class: MessageClass::Request, id })?;
        let is_refund = answered.likeness.processing.is_some_and(is_towards_cardholder);
        Some(if is_refund { Noted::NothingToDo } else { Noted::OutsideWindows })
    }

    /// Refuses `auth` where the request `id` that it is about was answered to another account
    /// or card.
    fn check_answered(&self, auth: &Authorisation<'_>, id: IdKey) -> Result<(), Contradiction> {
        let key = MessageKey { class: MessageClass::Request, id };
        let Some(answered) = self.recent_answers.get(key) else { return Ok(()) };
        let marks = Marks {
            currency: answered.likeness.amount.map(Amount::currency),
            card: answered.likeness.card.map(CardTag::of),
        };
        let agrees = answered.likeness.account == auth.account && marks.agree(marks_of(auth));
        if agrees { Ok(()) } else { Err(Contradiction) }
    }
}

/// Remembers `event`, and lets what waited for it take effect. `known` is what was told of
/// its id before: an advice's event becomes its request's. The cards' windows must hear of it.
pub(super) fn keep(
    card: &mut CardState,
    pending: &mut Pending,
    (account, keys): (AccountKey, &Keys),
    known: Option<Facts>,
    mut event: Event,
) -> Changed {
    let mut changed = Changed::told_of(account, event.id);
    if let Some(known) = known {
        // What was told of another card or currency was told of something else.
        if known.marks().agree(event.facts.marks()) {
            event.facts.host = event.facts.host.max(known.host);
        }
        let forgotten = card.forget(event.id);
        changed.earlier_card =
            forgotten.and_then(|(_, keys)| keys.get(Slot::Card).map(CardKey::from_bits));
    }
    card.remember(event, keys);
    if pending.is_empty() {
        return changed;
    }
    for fact in pending.take(Awaited { account, id: event.id }) {
        let agrees = match fact {
            Fact::Host(outcome, marks) => {
                let agrees = event.facts.marks().agree(marks);
                if agrees {
                    card.set_host(event.id, outcome);
                }
                agrees
            }
            Fact::Reversal(reversal) => {
                card.take_back(event.id, reversal) != TakenBack::Contradicts
            }
        };
        if !agrees {
            pending.count_contradicted();
        }
    }
    if event.claims_incremental() {
        for fact in pending.take_reversals(Awaited { account, id: event.chain }) {
            if let Fact::Reversal(reversal) = fact {
                card.take_back(event.chain, reversal);
            }
        }
    }
    changed
}

/// What the windows remember of a request or advice, before anything is told of it. Money
/// towards the cardholder is no spend: a refund or credit leaves no event.
pub(super) fn event_of(
    auth: &Authorisation<'_>,
    input: Offset,
    at: EventTime,
    policy_minor_units: Option<i64>,
) -> Option<Event> {
    if is_towards_cardholder(auth.processing) {
        return None;
    }
    let id = auth.id_key;
    Some(Event {
        at,
        id,
        input,
        chain: auth.original_key.filter(|_| auth.incremental).unwrap_or(id),
        minor_units: policy_minor_units,
        merchant: auth.merchant,
        country: auth.merchant_country,
        category: auth.merchant_category,
        initiator: auth.initiator,
        entry_mode: auth.entry_mode,
        channel: auth.channel,
        processing: auth.processing,
        outcome: RecordedOutcome::Unknown,
        is_incremental: false,
        facts: Facts {
            ours: None,
            host: None,
            asked: auth.amount,
            policy_minor_units,
            card: auth.card.map(CardTag::of),
        },
    })
}

const fn is_towards_cardholder(processing: Processing) -> bool {
    match processing {
        Processing::Refund | Processing::Credit => true,
        Processing::Purchase
        | Processing::Cash
        | Processing::QuasiCash
        | Processing::AccountCheck => false,
    }
}

fn marks_of(auth: &Authorisation<'_>) -> Marks {
    Marks { currency: auth.amount.map(Amount::currency), card: auth.card.map(CardTag::of) }
}

fn told(known: Facts, marks: Marks) -> Result<(), Contradiction> {
    if known.marks().agree(marks) { Ok(()) } else { Err(Contradiction) }
}

fn set_host(card: &mut CardState, auth: &Authorisation<'_>) -> Noted {
    let is_news = auth.outcome_elsewhere.is_some_and(|outcome| card.set_host(auth.id_key, outcome));
    if is_news { Noted::Applied } else { Noted::NothingToDo }
}

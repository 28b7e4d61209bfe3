//! All that one partition owns: it moves, is bounded and answers as one.

use std::sync::Arc;

use super::fail_policy::{causes_of, recorded, ruled};
use super::life_cycle::{Pending, PendingLimits, event_of, keep};
use super::recent_answers::{RecentAnswers, RecentAnswersLimits};
use super::rules::RuleSet;
use super::score::{Scratch, score};
use super::shared::{Shared, StopLook};
use super::velocity::{CardLimits, CardState, CardTable, Keys, RecordedOutcome, Window, Windows};
use super::{EngineSettings, Shedding};
use crate::domain::{Authorisation, CardKey, Decision, EventTime, Met, Offset, RequestFacts, Span};

/// What a partition's windows begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum History {
    /// The partition's log is read from its beginning: nothing is missing.
    Whole,
    /// Reading begins behind inputs that the windows do not hold: until the
    /// longest window has passed, decisions say `history_truncated`.
    Truncated,
}

/// How much a partition remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartitionSize {
    /// Accounts in its windows.
    pub cards_count: usize,
    /// Accounts, and cards where features count by card, forgotten although their
    /// authorisations were still in a window.
    pub evictions_count: u64,
    /// Requests judged where the calendar of business days does not reach.
    pub out_of_calendar_count: u64,
    /// Answers kept for repeats.
    pub recent_answers_count: usize,
    /// What those cost, in bytes.
    pub recent_answers_bytes: usize,
    /// Messages that wait for their authorisation.
    pub pending_count: usize,
    /// Those that waited in vain, to the end of their time.
    pub pending_expired_count: u64,
    /// Those let go of before their time, for lack of room.
    pub pending_overflowed_count: u64,
    /// Those about another card or currency than what they waited for.
    pub pending_contradicted_count: u64,
}

/// What a partition judges by, besides its own state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'e> {
    /// Limits and names.
    pub(super) settings: &'e EngineSettings,
    /// The rules that judge.
    pub(super) rule_set: &'e RuleSet,
    /// What workers share.
    pub(super) shared: &'e Shared,
}

/// One partition's state.
#[derive(Debug)]
pub struct Partition {
    /// Its accounts: what is told of an authorisation is told of theirs.
    pub(super) cards: CardTable,
    /// The windows of its cards, which follow; `None` where no feature counts by card.
    pub(super) by_card: Option<CardTable<CardKey>>,
    pub(super) recent_answers: RecentAnswers,
    pub(super) pending: Pending,
    /// The highest broker time so far.
    appended_at: Option<EventTime>,
    history: History,
    /// The broker time of the first message met.
    first_appended_at: Option<EventTime>,
    out_of_calendar_count: u64,
    pub(super) longest_window: Span,
}

impl Partition {
    /// A partition that remembers nothing yet.
    pub(super) fn new(
        (accounts, cards): (CardLimits, Option<CardLimits>),
        recent_answers: RecentAnswersLimits,
        pending: PendingLimits,
        history: History,
    ) -> Self {
        Self {
            longest_window: accounts.retention,
            cards: CardTable::new(accounts),
            by_card: cards.map(CardTable::new),
            recent_answers: RecentAnswers::new(recent_answers),
            pending: Pending::new(pending),
            appended_at: None,
            history,
            first_appended_at: None,
            out_of_calendar_count: 0,
        }
    }

    /// The partition's time: the highest broker time so far, `appended_at` included.
    /// A leader whose clock is behind does not turn it back.
    pub(super) fn clock(&mut self, appended_at: EventTime) -> EventTime {
        let clock = self.clock_with(appended_at);
        self.appended_at = Some(clock);
        self.first_appended_at.get_or_insert(clock);
        clock
    }

    /// What [`Self::clock`] would say of `appended_at`.
    pub(super) fn clock_with(&self, appended_at: EventTime) -> EventTime {
        self.appended_at.map_or(appended_at, |highest| highest.max(appended_at))
    }

    /// Judges a request, then remembers it with its outcome.
    pub(super) fn judge_and_record(
        &mut self,
        auth: &Authorisation<'_>,
        met: &Met,
        appended_at: EventTime,
        given: Given<'_>,
        scratch: &mut Scratch,
    ) -> Decision {
        let Given { settings, rule_set, shared } = given;
        let StopLook { hit: stop, version: stop_list_version } =
            shared.stop_list.look_up(auth, appended_at);
        let event_at = clip(auth.authorised_at, appended_at, settings.lateness);
        let policy_minor_units = auth.minor_units_in(rule_set.currency());
        let is_truncated = self.is_history_truncated_at(appended_at);
        let causes = causes_of(auth, met, appended_at, settings, is_truncated);
        let ruling = rule_set.fail_policy().ruling(causes, policy_minor_units, auth.initiator);
        let by_policy = ruling.filter(|_| stop.is_none()).map(|ruling| ruling.cause);

        let keys = self.keys_of(auth);
        let card = self.cards.find_or_make(auth.account, event_at);
        let of_card = moved(&mut self.by_card, auth.card, event_at);
        let current = event_of(auth, met.input.offset, event_at, policy_minor_units);
        let current = current.map(|event| card.placed_in_chain(event));
        // A repeat whose answer is gone is judged again, without itself among the earlier
        // ones, and counted once. An advice may have come before its request.
        let known = card.find(auth.id_key).map(|event| event.facts);
        let is_counted = known.is_some_and(|facts| facts.ours.is_some());
        let judged = if let Some(ruling) = ruling {
            ruled(ruling, stop.as_ref(), scratch)
        } else {
            let window = |state| {
                let window = Window::new(state, current.as_ref(), stands_at(state, event_at));
                window.with_keys(&keys).without(known.map(|_| auth.id_key))
            };
            let windows = Windows { account: window(card), card: of_card.map(window) };
            let shedding = Shedding::at(met.overload_step);
            score(auth, &windows, stop.as_ref(), rule_set, shedding, scratch)
        };
        let out_of_calendar = rule_set.out_of_calendar(stands_at(card, event_at));
        self.out_of_calendar_count += u64::from(out_of_calendar.is_some());
        let original_unknown =
            auth.incremental && current.is_some_and(|event| !event.is_incremental);
        if let Some(mut event) = current
            && !is_counted
        {
            event.facts.ours = Some(recorded(judged.outcome, by_policy.is_some()));
            keep(card, &mut self.pending, (auth.account, &keys), known, event)
                .carry_over(card, &mut self.by_card);
        }

        Decision {
            request: RequestFacts::of(auth, met.input, policy_minor_units, event_at, appended_at),
            outcome: judged.outcome,
            reason: judged.reason,
            score: judged.score,
            fired: judged.fired,
            shadow: judged.shadow,
            evidence: judged.evidence,
            rule_set: rule_set.hash(),
            stop_list_version,
            stop_order: stop.map(|stop| stop.order),
            engine_version: Arc::clone(&settings.engine_version),
            causes,
            by_policy,
            overload_step: met.overload_step,
            is_judged_again: is_counted || auth.message_type.is_repeat,
            is_counted_before: is_counted,
            original_unknown,
        }
    }

    /// Remembers a request with the time and outcome that its record tells, judging nothing.
    pub(super) fn record_as(
        &mut self,
        auth: &Authorisation<'_>,
        input: Offset,
        event_at: EventTime,
        policy_minor_units: Option<i64>,
        outcome: RecordedOutcome,
    ) {
        let keys = self.keys_of(auth);
        moved(&mut self.by_card, auth.card, event_at);
        let card = self.cards.find_or_make(auth.account, event_at);
        let known = card.find(auth.id_key).map(|event| event.facts);
        if known.is_none_or(|facts| facts.ours.is_none())
            && let Some(mut event) = event_of(auth, input, event_at, policy_minor_units)
        {
            event.facts.ours = Some(outcome);
            keep(card, &mut self.pending, (auth.account, &keys), known, event)
                .carry_over(card, &mut self.by_card);
        }
    }

    /// The keys of `auth`, where any is kept: making them costs as much as a short window.
    pub(super) fn keys_of(&self, auth: &Authorisation<'_>) -> Keys {
        if self.cards.keeps_keys() { Keys::of(auth) } else { Keys::default() }
    }

    /// Moves the windows of the account and card of `auth` to `at`.
    pub(super) fn move_windows(&mut self, auth: &Authorisation<'_>, at: EventTime) {
        self.cards.find_or_make(auth.account, at);
        moved(&mut self.by_card, auth.card, at);
    }

    /// Lets go of what is too old at `appended_at`, the partition's broker time. Hot path.
    pub(super) fn forget_old(&mut self, appended_at: EventTime) {
        self.recent_answers.forget_old(appended_at);
        self.pending.forget_old(appended_at);
    }

    /// How much it remembers.
    pub(super) fn size(&self) -> PartitionSize {
        PartitionSize {
            cards_count: self.cards.len(),
            evictions_count: self.cards.evictions_count()
                + self.by_card.as_ref().map_or(0, CardTable::evictions_count),
            out_of_calendar_count: self.out_of_calendar_count,
            recent_answers_count: self.recent_answers.len(),
            recent_answers_bytes: self.recent_answers.bytes(),
            pending_count: self.pending.len(),
            pending_expired_count: self.pending.expired_count(),
            pending_overflowed_count: self.pending.overflowed_count(),
            pending_contradicted_count: self.pending.contradicted_count(),
        }
    }

    fn is_history_truncated_at(&self, appended_at: EventTime) -> bool {
        self.history == History::Truncated
            && self
                .first_appended_at
                .is_none_or(|first| appended_at.since(first) < self.longest_window)
    }
}

/// The windows of `card`, moved to `at`; `None` where no feature counts by card.
fn moved(
    by_card: &mut Option<CardTable<CardKey>>,
    card: Option<CardKey>,
    at: EventTime,
) -> Option<&CardState> {
    by_card.as_mut().zip(card).map(|(by_card, card)| &*by_card.find_or_make(card, at))
}

/// Where `windows` stand for what has the time `at`. They never move back: a late request sees
/// them where the newest left them.
fn stands_at(windows: &CardState, at: EventTime) -> EventTime {
    windows.newest().map_or(at, |newest| newest.max(at))
}

/// The time that windows use: not ahead of the broker's, not more than `lateness` behind it.
pub(super) fn clip(authorised_at: EventTime, appended_at: EventTime, lateness: Span) -> EventTime {
    authorised_at.clamp(appended_at.minus(lateness), appended_at)
}

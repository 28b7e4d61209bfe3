//! THE THINKING: pure and deterministic.
//!
//! Bytes are words by now, and time is handed in. [`Engine::decide`] takes one
//! message and what it was [`Met`] with, answers it and remembers it; [`score()`]
//! judges without changing anything; what comes after a request, or before it, is in
//! `life_cycle`. Everything that a partition owns lies in one
//! [`partition::Partition`] and moves together; what workers share is
//! [`shared::Shared`].
//!
//! This room must not know bytes on the wire, files, clocks, threads or logs: the
//! same log gives the same answers, on any machine, at any time.
//!
//! Start at [`Engine::decide`].

mod fail_policy;
mod journalled;
mod life_cycle;
mod listing;
mod long_queue;
pub mod partition;
mod recent_answers;
pub mod rules;
mod score;
pub mod shared;
mod shed;
pub mod velocity;

#[cfg(test)]
pub(crate) mod fixtures;

use std::sync::Arc;

use hashbrown::HashMap;

use self::life_cycle::{Contradiction, PendingLimits};
use self::partition::{Given, Partition};
use self::recent_answers::{Likeness, RecentAnswer};
use self::rules::RuleSet;
use self::shared::Shared;
use self::velocity::{CardLimits, Key};
use crate::domain::{
    Acknowledgement, Authorisation, ErrorReason, EventTime, Identifier, InputError, MessageClass,
    Met, Noted, Offset, Outcome, PartitionId, Record, Span,
};

pub use fail_policy::STAND_IN_STEP;
pub use journalled::{Amendment, Binding, Journalled};
pub use partition::{History, PartitionSize};
pub use recent_answers::RecentAnswersLimits;
pub use score::{Judged, Scratch, score};
pub use shed::Shedding;

/// Writes the canonical bytes of a record; `wire` provides it.
pub type Canonical = fn(&Record, &mut Vec<u8>);

/// What an engine is told besides its rules.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Names the engine in its decisions.
    pub engine_version: Arc<str>,
    /// How far back a message's own time may lie behind the broker's.
    pub lateness: Span,
    /// The same of an advice.
    pub advice_lateness: Span,
    /// How old a request that names no deadline may be when it is decided; `None`: as old as
    /// it likes.
    pub answer_within: Option<Span>,
    /// The most accounts that a partition remembers.
    pub cards_count_max: usize,
    /// How many answers a partition keeps for repeats.
    pub recent_answers: RecentAnswersLimits,
}

impl EngineSettings {
    /// How far behind any message may lie. What comes before its authorisation waits so long.
    pub fn lateness_max(&self) -> Span {
        self.lateness.max(self.advice_lateness)
    }
}

/// The most messages that wait in a partition for their authorisation, about 200 bytes each.
pub const PENDING_COUNT_MAX: usize = 65_536;

/// One worker's engine: its partitions' state, its rule set, and what it shares.
#[derive(Debug)]
pub struct Engine {
    partitions: HashMap<PartitionId, Partition>,
    rule_set: Arc<RuleSet>,
    shared: Arc<Shared>,
    settings: EngineSettings,
    canonical: Canonical,
    scratch: Scratch,
    /// The last fresh record and its bytes, lent out with the answer.
    fresh: Option<Record>,
    value: Vec<u8>,
}

/// One answer, lent until the next message.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'e> {
    /// The canonical bytes: what goes out.
    pub value: &'e [u8],
    /// Whether they were made now or before.
    pub kind: AnswerKind<'e>,
}

/// Whether an answer was made now or before.
#[derive(Clone, Copy, Debug)]
pub enum AnswerKind<'e> {
    /// Made now.
    Fresh(&'e Record),
    /// Given before; sent again.
    Repeated {
        /// The outcome that it told; an acknowledgement has none.
        outcome: Option<Outcome>,
        /// The input that it decided or noted.
        input: Offset,
    },
}

impl Engine {
    /// An engine without partitions.
    pub fn new(
        rule_set: Arc<RuleSet>,
        shared: Arc<Shared>,
        settings: EngineSettings,
        canonical: Canonical,
    ) -> Self {
        Self {
            partitions: HashMap::new(),
            rule_set,
            shared,
            settings,
            canonical,
            scratch: Scratch::default(),
            fresh: None,
            value: Vec::new(),
        }
    }

    /// An engine that judges by the same and shares the same, without partitions.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self::new(
            Arc::clone(&self.rule_set),
            Arc::clone(&self.shared),
            self.settings.clone(),
            self.canonical,
        )
    }

    /// Takes `partition` on, with empty windows.
    pub fn open_partition(&mut self, partition: PartitionId, history: History) {
        let state = self.empty_partition(history);
        self.partitions.insert(partition, state);
    }

    /// Takes `partition` on as another engine left it.
    pub fn take_over_partition(&mut self, partition: PartitionId, state: Partition) {
        self.partitions.insert(partition, state);
    }

    /// Lets go of `partition` and hands out all that it remembers.
    pub fn close_partition(&mut self, partition: PartitionId) -> Option<Partition> {
        self.partitions.remove(&partition)
    }

    /// How long an answer is kept for repeats, by the broker's time.
    pub fn answers_age(&self) -> Span {
        self.settings.recent_answers.age_max
    }

    /// How far back the log must be read to know a partition: beyond, nothing counts in a
    /// window any more and no answer is kept (journal rule J8).
    pub fn horizon(&self) -> Span {
        let lateness = self.settings.lateness_max();
        let windows = self.rule_set.retention(lateness).plus(lateness);
        windows.max(self.settings.recent_answers.age_max)
    }

    /// How much each partition remembers.
    pub fn sizes(&self) -> impl Iterator<Item = (PartitionId, PartitionSize)> {
        self.partitions.iter().map(|(id, partition)| (*id, partition.size()))
    }

    /// The rules that judge.
    pub fn rule_set(&self) -> &RuleSet {
        &self.rule_set
    }

    /// Decides or notes one message and remembers it. Hot path. It cannot fail: a
    /// message that contradicts an earlier one is answered with an error.
    ///
    /// # Panics
    /// Where the message's partition is not open: its windows would be wrong.
    pub fn decide(&mut self, auth: &Authorisation<'_>, met: &Met) -> Answer<'_> {
        let Self { partitions, rule_set, shared, settings, scratch, fresh, value, canonical } =
            self;
        let partition = partitions
            .get_mut(&met.input.partition)
            .expect("Invariant: a message meets an open partition.");

        let likeness = Likeness::of(auth);
        let appended_at = partition.clock(met.appended_at);
        partition.forget_old(appended_at);
        if let Some(earlier) = partition.recent_answers.get(auth.key()) {
            if earlier.likeness == likeness {
                value.clear();
                value.extend_from_slice(&earlier.value);
                let kind = AnswerKind::Repeated { outcome: earlier.outcome, input: earlier.input };
                return Answer { value, kind };
            }
            if !earlier.likeness.is_with_another_code(&likeness) {
                let differing = earlier.likeness.differences(&likeness);
                let conflict = conflicting_repeat(auth, met, &differing);
                return lend(fresh.insert(conflict), value, *canonical);
            }
        }

        let (record, outcome) = if auth.message_type.class == MessageClass::Request {
            if let Some(Record::Decision(last)) = fresh.take() {
                scratch.take_back(*last);
            }
            let given = Given { settings, rule_set, shared };
            let decision = partition.judge_and_record(auth, met, appended_at, given, scratch);
            let outcome = decision.outcome;
            (Record::Decision(Box::new(decision)), Some(outcome))
        } else {
            match partition.note(auth, met.input.offset, appended_at, rule_set.currency(), settings)
            {
                Ok(noted) => (acknowledgement(auth, met, noted, appended_at), None),
                Err(Contradiction) => {
                    return lend(fresh.insert(contradicting(auth, met)), value, *canonical);
                }
            }
        };
        let answer = lend(fresh.insert(record), value, *canonical);
        let recent =
            RecentAnswer { likeness, input: met.input.offset, outcome, value: answer.value.into() };
        partition.recent_answers.insert(auth.key(), recent, appended_at);
        answer
    }

    /// Answers an echo test, without state: it changes nothing and is not kept.
    pub fn echo(
        &mut self,
        id: Option<Identifier<'_>>,
        authorised_at: Option<EventTime>,
        met: &Met,
    ) -> Answer<'_> {
        let record = Record::Acknowledgement(Box::new(Acknowledgement {
            id: id.map(Identifier::to_text),
            answer_indicator: 810,
            input: met.input,
            original_id: None,
            noted: Noted::Echo,
            account: None,
            authorised_at,
            appended_at: self
                .partitions
                .get(&met.input.partition)
                .map_or(met.appended_at, |partition| partition.clock_with(met.appended_at)),
        }));
        lend(self.fresh.insert(record), &mut self.value, self.canonical)
    }

    fn empty_partition(&self, history: History) -> Partition {
        let (lateness, plan) = (self.settings.lateness_max(), self.rule_set.feature_plan());
        let accounts = CardLimits {
            cards_count_max: self.settings.cards_count_max,
            retention: self.rule_set.retention(lateness),
            lateness,
            kept: plan.kept(Key::Account),
        };
        let cards = plan.counts_by(Key::Card).then(|| CardLimits {
            retention: plan.reach(Key::Card),
            kept: plan.kept(Key::Card),
            ..accounts
        });
        let pending =
            PendingLimits { age_max: self.settings.lateness_max(), count_max: PENDING_COUNT_MAX };
        Partition::new((accounts, cards), self.settings.recent_answers, pending, history)
    }
}

/// Encodes `record` and lends both.
fn lend<'e>(record: &'e Record, value: &'e mut Vec<u8>, canonical: Canonical) -> Answer<'e> {
    value.clear();
    canonical(record, value);
    Answer { value, kind: AnswerKind::Fresh(record) }
}

fn acknowledgement(
    auth: &Authorisation<'_>,
    met: &Met,
    noted: Noted,
    appended_at: EventTime,
) -> Record {
    Record::Acknowledgement(Box::new(Acknowledgement {
        id: Some(auth.id.to_text()),
        answer_indicator: auth.message_type.answer_indicator(),
        input: met.input,
        original_id: auth.original_id.map(Identifier::to_text),
        noted,
        account: Some(auth.account),
        authorised_at: Some(auth.authorised_at),
        appended_at,
    }))
}

fn conflicting_repeat(auth: &Authorisation<'_>, met: &Met, differing: &[&str]) -> Record {
    let remedy = match auth.message_type.class {
        MessageClass::Request => "send a new authorisation under an id of its own",
        MessageClass::Advice | MessageClass::OutcomeNotice => {
            "send it as it was first sent, or under the id of the authorisation that it is about"
        }
        MessageClass::Reversal | MessageClass::EchoTest => {
            "send it as it was first sent, or a further reversal under an id of its own"
        }
    };
    Record::Error(Box::new(InputError {
        input: met.input,
        id: Some(auth.id.to_text()),
        reason: ErrorReason::ConflictingRepeat,
        field: "authorisation_id",
        detail: format!("was used before, and differs now in {}; {remedy}", differing.join(", ")),
    }))
}

fn contradicting(auth: &Authorisation<'_>, met: &Met) -> Record {
    let field = match auth.message_type.class {
        MessageClass::Reversal => "original_id",
        MessageClass::Request
        | MessageClass::Advice
        | MessageClass::OutcomeNotice
        | MessageClass::EchoTest => "authorisation_id",
    };
    Record::Error(Box::new(InputError {
        input: met.input,
        id: Some(auth.id.to_text()),
        reason: ErrorReason::ContradictsOriginal,
        field,
        detail: "names an authorisation of another card, account or currency; send it with the \
                 card, account and currency of that authorisation"
            .to_owned(),
    }))
}

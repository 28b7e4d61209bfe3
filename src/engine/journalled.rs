//! What the journal says binds: the engine follows it and judges nothing again.
//!
//! A decision that somebody else wrote first, or that this engine wrote before a restart,
//! is *adopted* when its message comes (again), and *amends* what was decided since where
//! it turns out to bind (journal rules J2 and J4).

use super::Engine;
use super::fail_policy::recorded;
use super::life_cycle::Changed;
use super::partition::clip;
use super::recent_answers::{Likeness, RecentAnswer};
use super::velocity::RecordedOutcome;
use crate::domain::{
    AccountKey, Authorisation, EventTime, IdKey, MessageClass, MessageKey, Met, Offset, Outcome,
    PartitionId,
};

/// A decision that binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binding<'j> {
    /// What it came to.
    pub outcome: Outcome,
    /// The time that the windows use for it.
    pub event_at: EventTime,
    /// The answer's canonical bytes; empty where it is too old to be kept for repeats.
    pub value: &'j [u8],
    /// It left no event: an earlier input of the same authorisation did.
    pub is_counted_before: bool,
    /// The fail policy took it, not rules or a stop order.
    pub is_by_policy: bool,
}

impl Binding<'_> {
    /// What the windows count it as.
    fn recorded(&self) -> RecordedOutcome {
        recorded(self.outcome, self.is_by_policy)
    }
}

/// What the journal says of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Journalled<'j> {
    /// It was decided.
    Decided(Binding<'j>),
    /// It was noted.
    Noted {
        /// The answer's canonical bytes.
        value: &'j [u8],
    },
    /// It got an earlier message's answer, or an error: it left nothing.
    LeftNothing,
    /// It has no record: it was met before the first start. A request's outcome is unknown
    /// unless a message after it tells it.
    Unanswered,
}

/// A decision that binds in the place of this engine's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amendment<'j> {
    /// Whose windows remember it.
    pub account: AccountKey,
    /// The authorisation.
    pub id: IdKey,
    /// The input decided. Where the id was judged again as another, that one stands.
    pub decided: Offset,
    /// What binds.
    pub binding: Binding<'j>,
}

impl Engine {
    /// Remembers one message as the journal tells it; answers nothing.
    ///
    /// # Panics
    /// Where the message's partition is not open: its windows would be wrong.
    pub fn adopt(&mut self, auth: &Authorisation<'_>, met: &Met, journalled: Journalled<'_>) {
        let Self { partitions, rule_set, settings, .. } = self;
        let partition = partitions
            .get_mut(&met.input.partition)
            .expect("Invariant: a message meets an open partition.");
        let appended_at = partition.clock(met.appended_at);
        partition.forget_old(appended_at);
        let input = met.input.offset;
        let is_request = auth.message_type.class == MessageClass::Request;
        let policy_minor_units = auth.minor_units_in(rule_set.currency());
        let (outcome, value) = match journalled {
            Journalled::Decided(binding) => {
                let Binding { outcome, event_at, value, is_counted_before, .. } = binding;
                let counts_as = binding.recorded();
                if is_counted_before {
                    partition.move_windows(auth, event_at); // They moved then, too.
                } else {
                    partition.record_as(auth, input, event_at, policy_minor_units, counts_as);
                }
                (Some(outcome), value)
            }
            // It changes what it changed then; the answer is the one that was given.
            Journalled::Noted { value } => {
                partition.note_as_told(auth, input, appended_at, rule_set.currency(), settings);
                (None, value)
            }
            Journalled::Unanswered if is_request => {
                let event_at = clip(auth.authorised_at, appended_at, settings.lateness);
                let outcome = RecordedOutcome::Unknown;
                return partition.record_as(auth, input, event_at, policy_minor_units, outcome);
            }
            Journalled::Unanswered => {
                partition.note_as_told(auth, input, appended_at, rule_set.currency(), settings);
                return;
            }
            Journalled::LeftNothing => return,
        };
        // One without bytes is too old to be sent, and keeps later ones out as it did then.
        let answer =
            RecentAnswer { likeness: Likeness::of(auth), input, outcome, value: value.into() };
        partition.recent_answers.insert(auth.key(), answer, appended_at);
    }

    /// Puts a decision that binds in the place of the engine's own, in the windows and among
    /// the answers kept for repeats. False where that changes nothing.
    pub fn amend(&mut self, partition: PartitionId, amendment: &Amendment<'_>) -> bool {
        let Amendment { account, id, decided, binding } = *amendment;
        let Binding { outcome, event_at, value, .. } = binding;
        let Some(partition) = self.partitions.get_mut(&partition) else {
            return false;
        };
        let is_in_windows = partition
            .cards
            .get_mut(account)
            .is_some_and(|card| card.amend(decided, event_at, binding.recorded()));
        if is_in_windows {
            partition.carry_over(Changed::told_of(account, id));
        }
        let key = MessageKey { class: MessageClass::Request, id };
        partition.recent_answers.replace(key, decided, outcome, value) || is_in_windows
    }
}

//! Who got what: every answer counted once, and none of it twice.

use std::collections::BTreeMap;

use crate::lab::answers::Answers;
use crate::lab::figures::Latencies;
use crate::wire::proto::{Decision, Outcome};

/// What answers add up to.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Which requests have their answer.
    pub(super) answers: Answers,
    /// Repeats that got the stored answer; not counted as decisions again.
    pub(super) repeated: u64,
    /// Requests answered with an error.
    pub(super) errors: u64,
    /// Records that answer nothing that was sent, or lie in the wrong partition.
    pub(super) strays: u64,
    /// Authorisations approved.
    pub(super) approved: u64,
    /// Authorisations to be stepped up.
    pub(super) stepped_up: u64,
    /// Authorisations declined.
    pub(super) declined: u64,
    /// Of these, by a stop order.
    pub(super) declined_by_stop_list: u64,
    /// Authorisations not approved, by outcome and reason.
    pub(super) reasons: BTreeMap<(Outcome, String), u64>,
    /// Faults of the log while answers were read, and what the last of them was.
    pub(super) log_faults: u64,
    pub(super) last_log_fault: String,
    /// Decode, decide and encode together, in nanoseconds; without the warm-up.
    pub(super) engine_nanos: Latencies,
    /// From due to read, in microseconds; without the warm-up.
    pub(super) end_to_end_micros: Latencies,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            answers: Answers::default(),
            repeated: 0,
            errors: 0,
            strays: 0,
            approved: 0,
            stepped_up: 0,
            declined: 0,
            declined_by_stop_list: 0,
            reasons: BTreeMap::new(),
            log_faults: 0,
            last_log_fault: String::new(),
            engine_nanos: Latencies::new(),
            end_to_end_micros: Latencies::new(),
        }
    }

    /// Counts a decision that was made for the first time.
    pub(super) fn decided(&mut self, decision: &Decision) {
        match decision.outcome() {
            Outcome::Approve => {
                self.approved += 1;
                return;
            }
            Outcome::StepUp => self.stepped_up += 1,
            Outcome::Decline => {
                self.declined += 1;
                self.declined_by_stop_list += u64::from(decision.stop_order.is_some());
            }
            Outcome::Unspecified => {
                self.strays += 1;
                return;
            }
        }
        let reason = (decision.outcome(), reason_name(decision));
        *self.reasons.entry(reason).or_default() += 1;
    }
}

/// The reason of `decision` as config and metrics write it.
pub(super) fn reason_name(decision: &Decision) -> String {
    let name = decision.reason().as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::{Reason, StopOrderSeen};

    fn decision(outcome: Outcome, reason: Reason) -> Decision {
        Decision { outcome: outcome.into(), reason: reason.into(), ..Decision::default() }
    }

    #[test]
    fn decisions_are_counted_by_outcome_and_reason() {
        let mut tally = Tally::new();
        tally.decided(&decision(Outcome::Approve, Reason::Unspecified));
        let soft = decision(Outcome::StepUp, Reason::AuthenticationRequired);
        tally.decided(&soft);
        let burst = decision(Outcome::Decline, Reason::VelocityCountExceeded);
        tally.decided(&burst);
        tally.decided(&burst);
        tally.decided(&Decision {
            stop_order: Some(StopOrderSeen::default()),
            ..decision(Outcome::Decline, Reason::LostCard)
        });
        assert_eq!((tally.approved, tally.stepped_up, tally.declined), (1, 1, 3));
        assert_eq!(tally.declined_by_stop_list, 1);
        let reason = (Outcome::Decline, "velocity_count_exceeded".to_owned());
        assert_eq!(tally.reasons.get(&reason), Some(&2));
    }
}

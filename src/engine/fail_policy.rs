//! What keeps a request from being judged as usual, and its answer without judging.
//!
//! The cheap path: no feature is measured and no rule evaluated, so that a backlog is walked
//! quickly. The stop list is always looked up, and an order in force declines whatever the
//! policy says. The windows learn of the request all the same.

use super::EngineSettings;
use super::rules::FailRuling;
use super::score::{Judged, Scratch};
use super::shared::StopHit;
use super::velocity::RecordedOutcome;
use crate::domain::{
    Authorisation, EventTime, Evidence, FailCause, FailCauses, Met, Outcome, Reason,
};

/// The step of the overload ladder from which on nothing is judged.
pub const STAND_IN_STEP: u8 = 3;

/// What holds for `auth`, met at `appended_at`, the partition's broker time. Hot path.
pub(super) fn causes_of(
    auth: &Authorisation<'_>,
    met: &Met,
    appended_at: EventTime,
    settings: &EngineSettings,
    is_history_truncated: bool,
) -> FailCauses {
    FailCauses::NONE
        .with_if(FailCause::Late, is_late(auth, met, appended_at, settings))
        .with_if(FailCause::Overload, met.overload_step >= STAND_IN_STEP)
        .with_if(FailCause::StopListStale, met.is_stop_list_stale)
        .with_if(FailCause::Recovering, met.is_recovering)
        .with_if(FailCause::HistoryTruncated, is_history_truncated)
}

/// The deadline in the message goes before the one beside it, and that before the time that
/// the settings allow for an answer.
fn is_late(
    auth: &Authorisation<'_>,
    met: &Met,
    appended_at: EventTime,
    settings: &EngineSettings,
) -> bool {
    match auth.deadline.or(met.deadline) {
        Some(deadline) => appended_at.plus(met.age) > deadline,
        None => settings.answer_within.is_some_and(|within| met.age > within),
    }
}

/// The answer by `ruling`, or by a stop order in force: nothing is judged. Hot path.
pub(super) fn ruled(ruling: FailRuling, stop: Option<&StopHit>, scratch: &mut Scratch) -> Judged {
    let (outcome, reason) = match stop {
        Some(stop) => (Outcome::Decline, Some(stop.reason)),
        None => (ruling.outcome, ruling.reason),
    };
    scratch.unjudged(outcome, reason)
}

impl Scratch {
    /// What is found about a request that nobody looked into. Lends its buffers, empty: the
    /// next request that is judged finds them again.
    fn unjudged(&mut self, outcome: Outcome, reason: Option<Reason>) -> Judged {
        let mut evidence: Evidence = std::mem::take(&mut self.evidence);
        evidence.clear();
        self.verdict.set_aside();
        Judged {
            outcome,
            reason,
            score: 0,
            fired: std::mem::take(&mut self.verdict.fired),
            shadow: std::mem::take(&mut self.verdict.shadow),
            evidence,
        }
    }
}

/// What the windows count a decision as. A decline by the fail policy says nothing of the
/// cardholder: it counts as an attempt whose outcome nobody knows, until the host tells it.
pub(super) fn recorded(outcome: Outcome, is_by_policy: bool) -> RecordedOutcome {
    match outcome {
        Outcome::Decline if is_by_policy => RecordedOutcome::Unknown,
        Outcome::Approve | Outcome::StepUp | Outcome::Decline => outcome.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RecentAnswersLimits;
    use super::super::fixtures::{at, purchase};
    use super::*;
    use crate::domain::{Input, Offset, PartitionId, Span};

    fn settings(answer_within: Option<Span>) -> EngineSettings {
        EngineSettings {
            engine_version: "test".into(),
            lateness: Span::from_seconds(60),
            advice_lateness: Span::from_seconds(60),
            answer_within,
            cards_count_max: 1,
            recent_answers: RecentAnswersLimits { age_max: Span::ZERO, bytes_max: 0 },
        }
    }

    fn met(age_seconds: i64) -> Met {
        let input = Input { partition: PartitionId(0), offset: Offset(0) };
        Met { age: Span::from_seconds(age_seconds), ..Met::fresh(input, at(0)) }
    }

    #[test]
    fn the_messages_deadline_goes_before_the_headers_and_that_before_the_settings() {
        let (sooner, later) = (Some(at(5)), Some(at(50)));
        let ten = Some(Span::from_seconds(10));
        // In the message, beside it, in the settings; is it late after 20 s?
        let cases = [
            (None, None, None, false),
            (None, None, ten, true),
            (None, later, ten, false),
            (None, sooner, None, true),
            (later, sooner, ten, false),
            (sooner, later, None, true),
        ];
        for (deadline, header, answer_within, expected) in cases {
            let auth = Authorisation { deadline, ..purchase(1) };
            let met = Met { deadline: header, ..met(20) };
            let found = is_late(&auth, &met, at(0), &settings(answer_within));
            assert_eq!(found, expected, "{deadline:?} {header:?} {answer_within:?}");
        }
    }

    #[test]
    fn a_request_is_late_once_its_deadline_has_passed_not_when_it_is_reached() {
        let auth = Authorisation { deadline: Some(at(20)), ..purchase(1) };
        for (age, expected) in [(19, false), (20, false), (21, true)] {
            assert_eq!(is_late(&auth, &met(age), at(0), &settings(None)), expected, "{age}");
            let by_settings = settings(Some(Span::from_seconds(20)));
            assert_eq!(is_late(&purchase(1), &met(age), at(0), &by_settings), expected, "{age}");
        }
    }

    #[test]
    fn each_cause_is_told_by_its_own_sign() {
        use FailCause::{HistoryTruncated, Overload, Recovering, StopListStale};
        let plain = met(0);
        let cases = [
            (plain, false, None),
            (Met { overload_step: 2, ..plain }, false, None),
            (Met { overload_step: 3, ..plain }, false, Some(Overload)),
            (Met { is_stop_list_stale: true, ..plain }, false, Some(StopListStale)),
            (Met { is_recovering: true, ..plain }, false, Some(Recovering)),
            (plain, true, Some(HistoryTruncated)),
        ];
        for (met, is_truncated, expected) in cases {
            let found = causes_of(&purchase(1), &met, at(0), &settings(None), is_truncated);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}

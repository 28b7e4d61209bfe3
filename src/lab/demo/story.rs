//! The story as it turns out: what became of the burst, the lost card and the copies.

use super::plan::{COPIES, Plan, Role};
use super::tally::reason_name;
use crate::lab::figures::duration;
use crate::wire::proto::{Decision, Outcome, Reason};

/// An answer that belongs to the story.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// The part that its request plays.
    pub(super) role: Role,
    /// What was decided.
    pub(super) decision: &'a Decision,
    /// The record's value as it lies in the log.
    pub(super) value: &'a [u8],
    /// When it was read, in nanoseconds after the start.
    pub(super) read_at_nanos: u64,
}

/// The feature that shows how often an authorisation was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Witness {
    /// Its name in the rule set.
    pub(super) feature: String,
    /// Its place in the evidence.
    pub(super) place: usize,
    /// What it shows at a card's second payment if the first was counted once.
    pub(super) expected: i64,
}

/// What has become of it so far.
#[derive(Clone, Debug)]
pub(super) struct Story {
    plan: Plan,
    witness: Option<Witness>,
    burst: Burst,
    loss: Loss,
    copies: Copies,
}

#[derive(Clone, Debug, Default)]
struct Burst {
    answered: u32,
    refused: u32,
    /// The first attempt that a velocity rule refused, and its reason.
    first_velocity: Option<(u32, String)>,
}

#[derive(Clone, Debug, Default)]
struct Loss {
    paid_before: u32,
    refused_before: u32,
    published_at_nanos: Option<u64>,
    approved_after: u32,
    enforced_after_nanos: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Copies {
    answers: Vec<Vec<u8>>,
    outcome: Option<Outcome>,
    counted: Option<i64>,
}

impl Story {
    /// The story of `plan`, before it begins.
    pub(super) fn new(plan: Plan, witness: Option<Witness>) -> Self {
        Self {
            plan,
            witness,
            burst: Burst::default(),
            loss: Loss::default(),
            copies: Copies::default(),
        }
    }

    /// The stop order of the lost card was handed to the log.
    pub(super) fn order_published(&mut self, at_nanos: u64) {
        self.loss.published_at_nanos.get_or_insert(at_nanos);
    }

    /// An answer was read.
    pub(super) fn answered(&mut self, seen: &Seen<'_>) {
        let outcome = seen.decision.outcome();
        match seen.role {
            Role::Traffic => (),
            Role::Burst(attempt) => self.burst_answered(attempt, seen.decision),
            Role::BeforeLoss if outcome == Outcome::Approve => self.loss.paid_before += 1,
            Role::BeforeLoss => self.loss.refused_before += 1,
            Role::AfterLoss(_) => self.loss_answered(seen),
            Role::Copy(_) => {
                self.copies.outcome.get_or_insert(outcome);
                self.copies.answers.push(seen.value.to_vec());
            }
            Role::AfterCopies => {
                let place = self.witness.as_ref().map(|witness| witness.place);
                let packed = place.and_then(|place| seen.decision.evidence.get(place));
                self.copies.counted = packed.map(|&packed| unpacked(packed));
            }
        }
    }

    fn burst_answered(&mut self, attempt: u32, decision: &Decision) {
        self.burst.answered += 1;
        if decision.outcome() == Outcome::Approve {
            return;
        }
        self.burst.refused += 1;
        let by_velocity = [Reason::VelocityCountExceeded, Reason::VelocityAmountExceeded];
        let is_first = self.burst.first_velocity.is_none();
        if is_first
            && decision.outcome() == Outcome::Decline
            && by_velocity.contains(&decision.reason())
        {
            self.burst.first_velocity = Some((attempt, reason_name(decision)));
        }
    }

    fn loss_answered(&mut self, seen: &Seen<'_>) {
        let is_stopped = seen.decision.stop_order.is_some()
            && seen.decision.outcome() == Outcome::Decline
            && seen.decision.reason() == Reason::LostCard;
        if is_stopped {
            let published = self.loss.published_at_nanos.unwrap_or(seen.read_at_nanos);
            let passed = seen.read_at_nanos.saturating_sub(published);
            self.loss.enforced_after_nanos.get_or_insert(passed);
        } else if seen.decision.outcome() == Outcome::Approve {
            self.loss.approved_after += 1;
        }
    }

    /// From the publication of the stop order to its first decline, once there was one.
    pub(super) fn enforced_after_nanos(&self) -> Option<u64> {
        self.loss.enforced_after_nanos
    }

    /// The story so far, a line each act, for a demo that has come to `at_nanos`.
    pub(super) fn lines(&self, at_nanos: u64) -> Vec<String> {
        let mut lines = vec!["ordinary traffic flows".to_owned()];
        if at_nanos >= self.plan.burst_from_nanos() {
            lines.push(self.burst_line());
        }
        if at_nanos >= self.plan.loss_at_nanos() {
            lines.push(self.loss_line());
        }
        if at_nanos >= self.plan.copies_from_nanos() {
            lines.push(self.copies_line());
        }
        lines
    }

    fn burst_line(&self) -> String {
        let Burst { answered, refused, .. } = self.burst;
        let tried = format!("card A is tried in a burst: {answered} answered, {refused} refused");
        match &self.burst.first_velocity {
            Some((attempt, reason)) => {
                format!("{tried}, the first decline at attempt {attempt} ({reason})")
            }
            None => tried,
        }
    }

    fn loss_line(&self) -> String {
        let told = "card B pays, then is reported lost by telephone";
        match self.loss.enforced_after_nanos {
            Some(nanos) => {
                let under_way = match self.loss.approved_after {
                    0 => String::new(),
                    1 => {
                        "; 1 already under way before it reached the engine was approved".to_owned()
                    }
                    many => {
                        format!(
                            "; {many} already under way before it reached the engine were approved"
                        )
                    }
                };
                let took = duration(nanos);
                format!(
                    "{told}: its next authorisation is declined (lost_card), {took} after the \
                     order was published{under_way}"
                )
            }
            None => format!("{told}: the provisional stop order is published"),
        }
    }

    fn copies_line(&self) -> String {
        let answers = self.copies.answers.len();
        let told = format!("an authorisation of card C is sent {COPIES} times");
        if answers < COPIES as usize {
            return told;
        }
        let told = format!("{told}: {answers} answers");
        let same =
            if self.copies_are_same() { "the same byte for byte" } else { "and they DIFFER" };
        match (self.copies.counted, &self.witness) {
            (Some(counted), Some(witness)) => {
                let feature = &witness.feature;
                let expected = witness.expected;
                if counted == expected {
                    format!(
                        "{told}, {same}, counted once ({feature} is {counted} at its next payment)"
                    )
                } else {
                    format!("{told}, {same}, but {feature} is {counted}, not {expected}")
                }
            }
            _ => format!("{told}, {same}"),
        }
    }

    fn copies_are_same(&self) -> bool {
        let Some((first, others)) = self.copies.answers.split_first() else {
            return true;
        };
        others.iter().all(|other| other == first)
    }

    /// What did not turn out as it must, of the acts that were over when all ended at `at_nanos`.
    pub(super) fn faults(&self, at_nanos: u64) -> Vec<String> {
        let mut faults = Vec::new();
        if at_nanos >= self.plan.burst_until_nanos() && self.burst.first_velocity.is_none() {
            faults.push("no velocity rule declined the burst".to_owned());
        }
        if at_nanos >= self.plan.copies_from_nanos() && self.loss.enforced_after_nanos.is_none() {
            faults.push("the lost card was not declined".to_owned());
        }
        if at_nanos > self.plan.copies_until_nanos() {
            if self.loss.paid_before == 0 || self.loss.refused_before > 0 {
                faults.push("the lost card was refused before it was reported".to_owned());
            }
            if self.copies.answers.len() != COPIES as usize || !self.copies_are_same() {
                faults.push("the copies of one authorisation got different answers".to_owned());
            }
            let expected = self.witness.as_ref().map(|witness| witness.expected);
            let was_approved = self.copies.outcome == Some(Outcome::Approve);
            if was_approved && self.copies.counted != expected {
                faults.push("the copies of one authorisation were not counted once".to_owned());
            }
        }
        faults
    }
}

/// A value of the evidence: 0 is absent, which shows as none counted.
fn unpacked(packed: u64) -> i64 {
    let Some(zigzag) = packed.checked_sub(1) else {
        return 0;
    };
    (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::StopOrderSeen;

    const END: u64 = 60_000_000_000;

    fn story() -> Story {
        let witness = Witness { feature: "approved_count_10m".to_owned(), place: 1, expected: 1 };
        Story::new(Plan::new(END), Some(witness))
    }

    fn decision(outcome: Outcome, reason: Reason) -> Decision {
        Decision {
            outcome: outcome.into(),
            reason: reason.into(),
            evidence: vec![0, 3],
            stop_order: (reason == Reason::LostCard).then(StopOrderSeen::default),
            ..Decision::default()
        }
    }

    fn see(story: &mut Story, role: Role, decision: &Decision, value: &[u8], read_at_nanos: u64) {
        story.answered(&Seen { role, decision, value, read_at_nanos });
    }

    fn whole() -> Story {
        let mut story = story();
        let approved = decision(Outcome::Approve, Reason::Unspecified);
        let burst = decision(Outcome::Decline, Reason::VelocityCountExceeded);
        let lost = decision(Outcome::Decline, Reason::LostCard);
        for attempt in 1..=5 {
            see(&mut story, Role::Burst(attempt), &approved, b"", 0);
        }
        see(&mut story, Role::Burst(6), &burst, b"", 0);
        see(&mut story, Role::BeforeLoss, &approved, b"", 0);
        story.order_published(1_000_000);
        see(&mut story, Role::AfterLoss(1), &approved, b"", 1_200_000);
        see(&mut story, Role::AfterLoss(2), &lost, b"", 1_900_000);
        see(&mut story, Role::AfterLoss(3), &lost, b"", 3_000_000);
        for copy in 1..=COPIES {
            see(&mut story, Role::Copy(copy), &approved, b"same", 0);
        }
        see(&mut story, Role::AfterCopies, &approved, b"", 0);
        story
    }

    #[test]
    fn a_story_that_holds_has_no_faults_and_tells_its_figures() {
        let story = whole();
        assert_eq!(story.faults(END), Vec::<String>::new());
        assert_eq!(story.enforced_after_nanos(), Some(900_000));
        let told = story.lines(END).join("\n");
        for part in [
            "6 answered, 1 refused, the first decline at attempt 6 (velocity_count_exceeded)",
            "its next authorisation is declined (lost_card), 900 µs after the order was published",
            "; 1 already under way before it reached the engine was approved",
            "3 answers, the same byte for byte, counted once (approved_count_10m is 1",
        ] {
            assert!(told.contains(part), "{part:?} is not in\n{told}");
        }
    }

    #[test]
    fn an_act_is_told_and_judged_in_its_time() {
        let story = story();
        assert_eq!(story.lines(0).len(), 1);
        assert!(story.faults(0).is_empty());
        assert_eq!(story.lines(END / 2).len(), 3);
        assert_eq!(story.faults(END / 2).len(), 1);
        assert_eq!(story.lines(END).len(), 4);
        assert_eq!(story.faults(END).len(), 4);
    }

    #[test]
    fn a_payment_under_way_is_told_only_where_there_is_one() {
        let mut story = story();
        story.order_published(1_000_000);
        let lost = decision(Outcome::Decline, Reason::LostCard);
        see(&mut story, Role::AfterLoss(1), &lost, b"", 2_100_000);
        assert_eq!(
            story.loss_line(),
            "card B pays, then is reported lost by telephone: its next authorisation is declined \
             (lost_card), 1,100 µs after the order was published"
        );
    }

    #[test]
    fn copies_that_differ_or_are_counted_again_are_faults() {
        let approved = decision(Outcome::Approve, Reason::Unspecified);
        let mut differing = whole();
        differing.copies.answers.pop();
        see(&mut differing, Role::Copy(3), &approved, b"other", 0);
        assert_eq!(differing.faults(END).len(), 1);

        let mut counted = whole();
        let again = Decision { evidence: vec![0, 7], ..approved };
        see(&mut counted, Role::AfterCopies, &again, b"", 0);
        assert_eq!(counted.faults(END).len(), 1);
        assert!(counted.copies_line().contains("is 3, not 1"));
    }

    #[test]
    fn evidence_unpacks_as_it_was_packed() {
        let cases = [(0, 0), (1, 0), (2, -1), (3, 1), (7, 3)];
        for (packed, value) in cases {
            assert_eq!(unpacked(packed), value, "{packed}");
        }
    }
}

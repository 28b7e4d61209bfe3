//! The story as it is written: who plays what, and when.

/// Attempts of whoever tries the stolen card.
pub(super) const BURST_ATTEMPTS: u32 = 24;
/// Times that the same authorisation is sent.
pub(super) const COPIES: u32 = 3;
/// Payments tried with the lost card after its report, each twice as late as the one before,
/// until one is declined.
const LOST_ATTEMPTS: u32 = 13;
/// The first of them is due so long after the report: a cardholder is slower, but then the
/// figure would only tell how long they waited.
const LOST_ATTEMPT_FIRST_NANOS: u64 = 1_000_000;
/// What comes first is not measured: caches, tables and branches are cold.
const WARM_UP_NANOS: u64 = 1_000_000_000;

/// The part that a request plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Ordinary traffic.
    Traffic,
    /// An attempt of the burst, from 1.
    Burst(u32),
    /// The lost card pays as ever: it is not reported yet.
    BeforeLoss,
    /// An attempt with the lost card after its report, from 1.
    AfterLoss(u32),
    /// The same authorisation, from 1.
    Copy(u32),
    /// The next payment of the card whose authorisation was sent several times.
    AfterCopies,
}

/// What happens at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Play {
    /// A request is sent.
    Send(Role),
    /// The cardholder telephones: a provisional stop order is published.
    ReportLoss,
}

/// One line of the script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cue {
    /// Nanoseconds after the start.
    pub(super) due_nanos: u64,
    /// What happens then.
    pub(super) play: Play,
}

/// The acts of the story.
///
/// ```text
/// 0 %        20 %      30 %   36 42 45 %              70 74  78 %        100 %
/// ├─ ordinary ┼─ a burst ┼────┼──┼┼─ a card is lost ──┼─┼───┼─────────────┤
///                      it pays^──^ ^reported    thrice^     ^and once more
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    length_nanos: u64,
}

impl Plan {
    /// The story told in so many nanoseconds.
    pub(super) fn new(length_nanos: u64) -> Self {
        Self { length_nanos }
    }

    /// Latencies of what is due from then on are measured: a second, or half of a demo that
    /// is shorter than two.
    pub(super) fn warm_up_nanos(self) -> u64 {
        WARM_UP_NANOS.min(self.length_nanos / 2)
    }

    /// How long it is.
    pub(super) fn length_nanos(self) -> u64 {
        self.length_nanos
    }

    /// The first attempt of the burst.
    pub(super) fn burst_from_nanos(self) -> u64 {
        self.at_percent(20)
    }

    /// When all of the burst is sent.
    pub(super) fn burst_until_nanos(self) -> u64 {
        self.at_percent(30)
    }

    /// When the loss is reported.
    pub(super) fn loss_at_nanos(self) -> u64 {
        self.at_percent(45)
    }

    /// The first of the copies.
    pub(super) fn copies_from_nanos(self) -> u64 {
        self.at_percent(70)
    }

    /// When the copies and the payment after them are sent.
    pub(super) fn copies_until_nanos(self) -> u64 {
        self.at_percent(78)
    }

    /// All cues, in order.
    pub(super) fn cues(self) -> Vec<Cue> {
        let send = |due_nanos, role| Cue { due_nanos, play: Play::Send(role) };
        let burst_nanos = self.burst_until_nanos() - self.burst_from_nanos();
        let burst = (1..=BURST_ATTEMPTS).map(|attempt| {
            let passed = burst_nanos * u64::from(attempt - 1) / u64::from(BURST_ATTEMPTS);
            send(self.burst_from_nanos() + passed, Role::Burst(attempt))
        });
        let report = Cue { due_nanos: self.loss_at_nanos(), play: Play::ReportLoss };
        let lost = (1..=LOST_ATTEMPTS).map(|attempt| {
            let after = LOST_ATTEMPT_FIRST_NANOS << (attempt - 1);
            send(self.loss_at_nanos() + after, Role::AfterLoss(attempt))
        });
        let copies = (1..=COPIES).map(|copy| {
            let percent = 70 + 2 * u64::from(copy - 1);
            send(self.at_percent(percent), Role::Copy(copy))
        });
        let mut cues: Vec<Cue> = burst
            .chain([36, 42].map(|percent| send(self.at_percent(percent), Role::BeforeLoss)))
            .chain([report])
            .chain(lost)
            .chain(copies)
            .chain([send(self.copies_until_nanos(), Role::AfterCopies)])
            .filter(|cue| cue.due_nanos < self.length_nanos)
            .collect();
        cues.sort_by_key(|cue| cue.due_nanos);
        cues
    }

    fn at_percent(self, percent: u64) -> u64 {
        self.length_nanos / 100 * percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_has_the_whole_story_in_order() {
        for seconds in [1, 2, 10, 60, 3_600] {
            let cues = Plan::new(seconds * 1_000_000_000).cues();
            assert!(cues.is_sorted_by_key(|cue| cue.due_nanos), "{seconds} s");
            let place = |play| cues.iter().position(|cue| cue.play == play);
            let due = |place: usize| cues[place].due_nanos;
            let report = place(Play::ReportLoss).expect("reported");
            assert_eq!(place(Play::Send(Role::AfterLoss(1))), Some(report + 1));
            let pays = cues.iter().filter(|cue| cue.play == Play::Send(Role::BeforeLoss));
            assert_eq!(pays.filter(|cue| cue.due_nanos < due(report)).count(), 2);
            assert!(due(report + 1) > due(report), "no attempt races the report");
            let acts = [
                Role::Burst(1),
                Role::Burst(BURST_ATTEMPTS),
                Role::AfterLoss(9),
                Role::Copy(1),
                Role::Copy(COPIES),
                Role::AfterCopies,
            ];
            for act in acts {
                assert!(place(Play::Send(act)).is_some(), "{seconds} s: {act:?}");
            }
        }
    }

    #[test]
    fn the_warm_up_is_a_second_or_half_of_a_short_demo() {
        let cases = [(0, 0), (1_000, 500), (1_500, 750), (2_000, 1_000), (60_000, 1_000)];
        for (length_millis, warm_up_millis) in cases {
            let plan = Plan::new(length_millis * 1_000_000);
            assert_eq!(plan.warm_up_nanos(), warm_up_millis * 1_000_000, "{length_millis} ms");
        }
    }

    #[test]
    fn a_story_without_time_has_no_cues() {
        assert!(Plan::new(0).cues().is_empty());
    }
}

//! How a frame fills a terminal, and what gives way where that is too low: pure text.

use super::frame::{Count, CountKind, Frame, Stage};
use super::layout::{GREEN, Hang, Line, Look, RED, YELLOW, cut, folded, row};
use crate::lab::figures::{grouped, micros};
use crate::wire::proto::Outcome;

/// Columns of the counts.
const COUNT_NAME_WIDTH: usize = 32;
const COUNT_WIDTHS: [usize; 2] = [10, 14];
/// Columns of the latencies.
const LATENCY_NAME_WIDTH: usize = 20;
const LATENCY_WIDTHS: [usize; 5] = [10, 10, 10, 10, 11];

/// How much has given way; each step includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fold {
    /// All is there.
    Nothing,
    /// The reasons of an outcome share a line.
    Reasons,
    /// An act that is over has one line where there is no room for more.
    OldActs,
    /// No empty lines.
    Gaps,
    /// Both latencies share a line.
    Latencies,
    /// Only the newest act is told.
    NewestAct,
    /// Outcomes without their reasons.
    Outcomes,
}

const FOLDS: [Fold; 7] = [
    Fold::Nothing,
    Fold::Reasons,
    Fold::OldActs,
    Fold::Gaps,
    Fold::Latencies,
    Fold::NewestAct,
    Fold::Outcomes,
];

impl Frame {
    /// The whole screen, a line each: none wider than the look, and a line fewer than it has
    /// rows, so that the next frame can be drawn over this one.
    pub fn as_screen(&self, stage: &Stage, look: Look) -> Vec<String> {
        let lines_count_max = look.lines_count_max();
        let mut lines = Vec::new();
        for fold in FOLDS {
            lines = self.lines(stage, look, fold);
            if lines.len() <= lines_count_max {
                break;
            }
        }
        lines.truncate(lines_count_max);
        lines.iter().map(|line| line.painted(look.width(), look.paint)).collect()
    }

    fn lines(&self, stage: &Stage, look: Look, fold: Fold) -> Vec<Line> {
        let (width, lines_count_max) = (look.width(), look.lines_count_max());
        let mut lines = vec![
            Line::bold(format!(
                "Stopline demo: {} s of {} s",
                self.at_nanos / 1_000_000_000,
                stage.length_nanos / 1_000_000_000
            )),
            Line::plain(stage.summary()),
        ];
        let gap = (fold < Fold::Gaps).then(|| Line::plain(String::new()));
        for part in [self.count_lines(width, fold), self.latency_lines(stage, width, fold)] {
            lines.extend(gap.clone());
            lines.extend(part);
        }
        lines.extend(gap);
        let room = lines_count_max.saturating_sub(lines.len());
        lines.extend(self.story_lines(width, fold, room));
        lines
    }

    fn count_lines(&self, width: usize, fold: Fold) -> Vec<Line> {
        let (total, per_second) = self.decisions();
        let row = |name: &str, per_second: &str, total: &str| {
            let [rate_width, total_width] = COUNT_WIDTHS;
            let figures = [(per_second, rate_width), (total, total_width)];
            row(name, COUNT_NAME_WIDTH, &figures, width)
        };
        let mut lines = vec![
            Line::bold(row("decisions", "a second", "in all")),
            Line::plain(row("", &grouped(per_second), &grouped(total))),
        ];
        for count in &self.counts {
            let figures = (grouped(count.per_second), grouped(count.total));
            match count.kind {
                CountKind::Outcome(outcome) => {
                    let text = row(&format!("  {}", count.name), &figures.0, &figures.1);
                    lines.push(Line { text, colour: colour_of(outcome) });
                    lines.extend(self.shared_reason_line(outcome, width, fold));
                }
                CountKind::Reason(_) if fold < Fold::Reasons => {
                    let name = format!("    {}", count.name);
                    lines.push(Line::plain(row(&name, &figures.0, &figures.1)));
                }
                CountKind::Reason(_) => (),
            }
        }
        lines
    }

    /// Where reasons share a line: those of `outcome`, the most frequent first.
    fn shared_reason_line(&self, outcome: Outcome, width: usize, fold: Fold) -> Option<Line> {
        if !(Fold::Reasons..Fold::Outcomes).contains(&fold) {
            return None;
        }
        let is_of = |count: &&Count| count.kind == CountKind::Reason(outcome);
        let mut reasons: Vec<&Count> = self.counts.iter().filter(is_of).collect();
        reasons.sort_by_key(|count| std::cmp::Reverse(count.total));
        let told: Vec<String> = reasons
            .iter()
            .map(|count| format!("{} {}", count.name, grouped(count.total)))
            .collect();
        (!told.is_empty()).then(|| Line::plain(cut(&format!("    {}", told.join(", ")), width)))
    }

    fn latency_lines(&self, stage: &Stage, width: usize, fold: Fold) -> Vec<Line> {
        let engine = self.engine_nanos.columns(micros);
        let end_to_end = self.end_to_end_micros.columns(grouped);
        if fold >= Fold::Latencies {
            let [engine_p50, engine_p99, ..] = engine;
            let [p50, p99, ..] = end_to_end;
            let text = format!(
                "µs p50/p99: engine {engine_p50}/{engine_p99}, end to end {p50}/{p99} ({})",
                stage.log
            );
            let hang = Hang { first: "", others: "  ", more: "" };
            return folded(&text, width, hang).into_iter().map(Line::plain).collect();
        }
        let row = |name: &str, columns: &[String; 5]| {
            let texts = columns.iter().map(String::as_str);
            let figures: Vec<_> = texts.zip(LATENCY_WIDTHS).collect();
            row(name, LATENCY_NAME_WIDTH, &figures, width)
        };
        let heads = ["p50", "p99", "p99.9", "p99.99", "max"].map(str::to_owned);
        vec![
            Line::bold(row("latency in µs", &heads)),
            Line::plain(row("  engine itself", &engine)),
            Line::plain(row("  end to end", &end_to_end)),
            Line::plain(format!("  end to end: {}; both {}", stage.log, stage.warm_up())),
        ]
    }

    /// The acts in `room` lines. Where they are too long for it, those that are over share what
    /// the newest leaves: the later an act, the sooner it is told whole.
    fn story_lines(&self, width: usize, fold: Fold, room: usize) -> Vec<Line> {
        let heading = Line::bold("the story".to_owned());
        let mut acts: Vec<Vec<String>> =
            self.story.iter().map(|told| folded(told, width, Hang::ENTRY)).collect();
        let Some(newest) = acts.pop() else {
            return vec![heading];
        };
        if fold >= Fold::NewestAct {
            acts.clear();
        } else if fold >= Fold::OldActs {
            let mut spare = room.saturating_sub(1 + newest.len() + acts.len());
            for (lines, told) in acts.iter_mut().zip(&self.story).rev() {
                let more = lines.len() - 1;
                if more > spare {
                    *lines = vec![cut(&format!("{}{told}", Hang::ENTRY.first), width)];
                } else {
                    spare -= more;
                }
            }
        }
        let told = acts.into_iter().flatten().chain(newest).map(Line::plain);
        std::iter::once(heading).chain(told).collect()
    }
}

fn colour_of(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Approve => Some(GREEN),
        Outcome::StepUp => Some(YELLOW),
        Outcome::Decline => Some(RED),
        Outcome::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::demo::Paint;
    use crate::lab::demo::frame::tests::{frame, stage};

    /// As many reasons and as long a story as a demo comes to.
    fn crowded() -> Frame {
        let mut frame = frame();
        for (outcome, names) in [
            (Outcome::StepUp, ["authentication_required", "score_step_up"].as_slice()),
            (Outcome::Decline, &["lost_card", "velocity_amount_exceeded", "suspected_fraud"]),
        ] {
            frame.counts.extend(names.iter().map(|name| Count {
                name: (*name).to_owned(),
                kind: CountKind::Reason(outcome),
                total: 123_456,
                per_second: 1_234,
            }));
        }
        frame.story = [
            "ordinary traffic flows",
            "card A is tried in a burst: 24 answered, 19 refused, the first decline at attempt 6 \
             (velocity_count_exceeded)",
            "card B pays, then is reported lost by telephone: its next authorisation is declined \
             (lost_card), 1,120 µs after the order was published",
            "an authorisation of card C is sent 3 times: 3 answers, the same byte for byte, \
             counted once (approved_count_10m is 1 at its next payment)",
        ]
        .map(str::to_owned)
        .to_vec();
        frame
    }

    fn screen(frame: &Frame, width: usize, rows: usize) -> Vec<String> {
        frame.as_screen(&stage(), Look { width, rows, paint: Paint::Nothing })
    }

    fn check(screen: &[String], parts: &[&str]) {
        let screen = screen.join("\n");
        for part in parts {
            assert!(screen.contains(part), "{part:?} is not in\n{screen}");
        }
    }

    #[test]
    fn the_screen_shows_rates_reasons_latencies_and_the_story() {
        let screen = screen(&frame(), 80, 40);
        let parts = [
            "Stopline demo: 11 s of 60 s",
            "    velocity_count_exceeded              2             1",
            "  engine itself            2.5       2.5",
            "  end to end               140       140",
            "in-process log, no network; both after a second of warm-up",
            "  - ordinary traffic flows",
        ];
        check(&screen, &parts);
        assert!(!screen.concat().contains('\u{1b}'));
    }

    #[test]
    fn no_frame_is_wider_or_higher_than_its_terminal() {
        for width in [20, 33, 50, 80, 300] {
            for rows in [5, 10, 15, 24, 60] {
                let screen = screen(&crowded(), width, rows);
                assert!(screen.len() < rows, "{width}x{rows}:\n{}", screen.join("\n"));
                for line in screen {
                    assert!(line.chars().count() <= width, "{width}x{rows}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn at_80_by_24_reasons_fold_and_all_acts_are_told() {
        let screen = screen(&crowded(), 80, 24);
        let parts = [
            "    authentication_required 123,456, score_step_up 123,456",
            "    lost_card 123,456, velocity_amount_exceeded 123,456, suspected_fraud",
            "latency in µs              p50       p99     p99.9    p99.99        max",
            "in-process log, no network",
            "  - card A is tried in a burst",
            "1,120 µs after the order was published\n",
            "byte, counted once (approved_count_10m is 1 at its next payment)",
        ];
        check(&screen, &parts);
    }

    #[test]
    fn at_50_by_15_the_newest_act_and_both_latencies_are_left() {
        let screen = screen(&crowded(), 50, 15);
        let parts = [
            "  decline                          2             1",
            "µs p50/p99: engine 2.5/2.5, end to end 140/140",
            "(in-process log, no network)",
            "  - an authorisation of card C is sent 3 times: 3",
            "next payment)",
        ];
        check(&screen, &parts);
    }

    #[test]
    fn colours_are_used_where_they_may_be() {
        let look = Look { width: 80, rows: 24, paint: Paint::Colours };
        let screen = frame().as_screen(&stage(), look).join("\n");
        assert!(screen.contains("\u{1b}[31m  decline"), "{screen:?}");
    }
}

//! `[overload]`: when the engine sheds work, step by step, and when it takes it up again.

use std::time::Duration;

use super::document::Node;
use super::problem::Problem;
use super::section::Section;
use super::units::{SPAN_FORM, parse_span, show_span};
use crate::domain::Span;

/// When the steps of the overload ladder are climbed and left. Steps 1 to 3: shadow rules
/// off, optional features off, stand-in. The fourth, no polling, has no bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverloadSettings {
    /// The bounds of steps 1, 2 and 3; those of each are above those of the one before.
    pub steps: [StepBounds; STEPS_COUNT],
    /// For how long the pressure must stay above a step's bounds before it is climbed.
    pub rise_after: Duration,
    /// For how long it must stay below before the step is left; longer than `rise_after`.
    pub fall_after: Duration,
}

/// Steps that have bounds.
const STEPS_COUNT: usize = 3;

/// The bounds of one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepBounds {
    /// A longer wait of requests climbs to it.
    pub wait_above: Span,
    /// With a shorter one it may be left; less than `wait_above`.
    pub wait_below: Span,
    /// A fuller queue of answers climbs to it, in percent.
    pub queue_above_percent: u8,
    /// With an emptier one it may be left; less than `queue_above_percent`.
    pub queue_below_percent: u8,
}

/// What the steps are called in messages.
const STEPS: [&str; STEPS_COUNT] = ["shadow rules off", "optional features off", "stand-in"];

const WAIT_MIN: Span = Span::from_millis(1);
const WAIT_MAX: Span = Span::from_seconds(3_600);
const AFTER_MIN: Span = Span::from_millis(100);

pub(super) fn overload(section: &mut Section<'_>) -> Option<OverloadSettings> {
    let purpose = "how long requests wait at steps 1, 2 and 3, such as [\"250ms\", \"1s\", \"5s\"]";
    let wait_above = row(section, "wait_above", Measure::Wait, purpose);
    let purpose = "below which wait each step may be left, such as [\"50ms\", \"250ms\", \"1s\"]";
    let wait_below = row(section, "wait_below", Measure::Wait, purpose);
    let purpose = "how full the queue of answers is at steps 1, 2 and 3, such as [40, 60, 80]";
    let queue_above = row(section, "queue_above_percent", Measure::Queue, purpose);
    let purpose = "below which share of it each step may be left, such as [20, 30, 40]";
    let queue_below = row(section, "queue_below_percent", Measure::Queue, purpose);
    let purpose = "how long the pressure stays above a step's bounds before it is climbed";
    let rise_after = section.required_span("rise_after", purpose, AFTER_MIN, WAIT_MAX);
    let purpose = "how long it stays below before the step is left; longer than `rise_after`";
    let fall_after = section.required_span("fall_after", purpose, AFTER_MIN, WAIT_MAX);

    let waits_leave_room = leaves_room(section, wait_above.as_ref(), wait_below.as_ref());
    let queues_leave_room = leaves_room(section, queue_above.as_ref(), queue_below.as_ref());
    let (rise_after, fall_after) = (rise_after?, fall_after?);
    if fall_after <= rise_after {
        let what = format!(
            "a step would be left after {}, and climbed after {}",
            show_span(fall_after),
            show_span(rise_after)
        );
        let place = section.find("fall_after")?;
        let problem = Problem::error(&place.spot, what);
        section.problems.push(problem.expected(format!("longer than {}", show_span(rise_after))));
        return None;
    }
    if !waits_leave_room || !queues_leave_room {
        return None;
    }
    let (wait_above, wait_below) = (wait_above?.values()?, wait_below?.values()?);
    let (queue_above, queue_below) = (queue_above?.values()?, queue_below?.values()?);
    let [first, second, third] = [0, 1, 2].map(|step: usize| {
        let percent = |row: &[i64; STEPS_COUNT]| u8::try_from(*row.get(step)?).ok();
        Some(StepBounds {
            wait_above: Span::from_millis(*wait_above.get(step)?),
            wait_below: Span::from_millis(*wait_below.get(step)?),
            queue_above_percent: percent(&queue_above)?,
            queue_below_percent: percent(&queue_below)?,
        })
    });
    Some(OverloadSettings {
        steps: [first?, second?, third?],
        rise_after: duration(rise_after),
        fall_after: duration(fall_after),
    })
}

/// What a row of bounds measures.
#[derive(Clone, Copy)]
enum Measure {
    /// Spans of time, in milliseconds.
    Wait,
    /// Shares, in percent.
    Queue,
}

/// One bound for each step, with its place.
struct Row {
    key: &'static str,
    measure: Measure,
    bounds: Vec<(i64, Node)>,
}

fn row(
    section: &mut Section<'_>,
    key: &'static str,
    measure: Measure,
    purpose: &str,
) -> Option<Row> {
    let node = section.require(key, purpose)?;
    let expected = "three bounds in brackets: of steps 1, 2 and 3";
    let nodes = node.list(expected, section.problems)?;
    if nodes.len() != STEPS_COUNT {
        let what = format!("`{key}` has {} bounds", nodes.len());
        section.problems.push(Problem::error(&node.spot, what).expected(expected));
        return None;
    }
    let mut bounds: Vec<(i64, Node)> = Vec::with_capacity(STEPS_COUNT);
    for (node, step) in nodes.into_iter().zip(STEPS) {
        let value = measure.read(&node, section)?;
        if let Some((before, _)) = bounds.last().filter(|(before, _)| value <= *before) {
            let what = format!(
                "`{key}` of \"{step}\" is {}, not above {} of the step before",
                measure.show(value),
                measure.show(*before)
            );
            let problem = Problem::error(&node.spot, what);
            section.problems.push(problem.expected("bounds that increase from step to step"));
            return None;
        }
        bounds.push((value, node));
    }
    Some(Row { key, measure, bounds })
}

/// True where each step is left at less than it is climbed at; one that is missing is
/// reported as that.
fn leaves_room(section: &mut Section<'_>, above: Option<&Row>, below: Option<&Row>) -> bool {
    let (Some(above), Some(below)) = (above, below) else {
        return false;
    };
    let errors_count = section.problems.errors_count();
    let pairs = above.bounds.iter().zip(&below.bounds).zip(STEPS);
    for (((climbed, _), (left, place)), step) in pairs {
        if left >= climbed {
            let (climbed, left) = (above.measure.show(*climbed), below.measure.show(*left));
            let what = format!(
                "`{}` of \"{step}\" is {left} and its `{}` {climbed}: it would flap",
                below.key, above.key
            );
            let problem = Problem::error(&place.spot, what);
            section.problems.push(problem.expected(format!("less than {climbed}")));
        }
    }
    section.problems.errors_count() == errors_count
}

impl Row {
    fn values(&self) -> Option<[i64; STEPS_COUNT]> {
        let values: Vec<_> = self.bounds.iter().map(|(value, _)| *value).collect();
        values.try_into().ok()
    }
}

impl Measure {
    fn read(self, node: &Node, section: &mut Section<'_>) -> Option<i64> {
        match self {
            Self::Wait => {
                let text = node.text(SPAN_FORM, section.problems)?;
                let problem = match parse_span(&text) {
                    Some(span) if (WAIT_MIN..=WAIT_MAX).contains(&span) => {
                        return Some(span.millis());
                    }
                    Some(_) => Problem::error(&node.spot, format!("`{text}` is out of range"))
                        .expected(format!("{} to {}", show_span(WAIT_MIN), show_span(WAIT_MAX))),
                    None => Problem::error(&node.spot, format!("`{text}` is no span of time"))
                        .expected(SPAN_FORM),
                };
                section.problems.push(problem);
                None
            }
            Self::Queue => {
                let expected = "a whole number of percent from 1 to 99";
                let value = node.integer(expected, section.problems)?;
                if !(1..=99).contains(&value) {
                    let problem = Problem::error(&node.spot, format!("{value} is out of range"));
                    section.problems.push(problem.expected(expected));
                    return None;
                }
                Some(value)
            }
        }
    }

    fn show(self, value: i64) -> String {
        match self {
            Self::Wait => show_span(Span::from_millis(value)),
            Self::Queue => format!("{value} %"),
        }
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0))
}

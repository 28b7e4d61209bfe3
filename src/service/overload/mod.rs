//! The overload ladder: how much is left out so that the rest comes in time.
//!
//! ```text
//!                     climbed                               left
//!   4 stop polling    answers are not taken, or not         they are
//!                     acknowledged for 3 s
//!   3 stand-in     ┐  one step at a time: the pressure      one step at a time: the pressure
//!   2 optional off │  was above the step's bounds for       was below the step's lower bounds
//!   1 shadow off   ┘  `rise_after`, without a break         for `fall_after`, without a break
//!   0 none
//! ```
//!
//! Between its two bounds a step is neither climbed nor left, and every move starts the
//! time anew: pressure that swings around a bound moves the step at most once per span.
//! Step 4 is never climbed by age: what is not polled only gets older, and a worker that
//! stopped for that would never begin again.
//!
//! A [`Governor`] reads no clock and knows no log: it is told the time and the
//! [`Pressure`]. What each step leaves out is the engine's, see
//! [`Shedding`](crate::engine::Shedding).

mod export;
mod tally;

use std::time::Duration;

use crate::config::{OverloadSettings, StepBounds};
use crate::domain::Span;

pub use tally::OverloadTally;

pub(super) use export::{describe, export};

/// A step of the ladder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum OverloadStep {
    /// Nothing is left out.
    #[default]
    None,
    /// Shadow rules are not evaluated.
    ShadowOff,
    /// Nor are optional features measured.
    OptionalOff,
    /// The stop list alone decides, and what stands in for all else.
    StandIn,
    /// No messages are taken.
    StopPolling,
}

impl OverloadStep {
    /// All of them, upwards.
    pub const ALL: [Self; 5] =
        [Self::None, Self::ShadowOff, Self::OptionalOff, Self::StandIn, Self::StopPolling];

    /// Its name in metrics and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ShadowOff => "shadow_off",
            Self::OptionalOff => "optional_off",
            Self::StandIn => "stand_in",
            Self::StopPolling => "stop_polling",
        }
    }

    /// Its number, as records carry it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The step above, as far as pressure climbs.
    const fn above(self) -> Option<Self> {
        match self {
            Self::None => Some(Self::ShadowOff),
            Self::ShadowOff => Some(Self::OptionalOff),
            Self::OptionalOff => Some(Self::StandIn),
            Self::StandIn | Self::StopPolling => None,
        }
    }

    /// The step below.
    const fn below(self) -> Self {
        match self {
            Self::None | Self::ShadowOff => Self::None,
            Self::OptionalOff => Self::ShadowOff,
            Self::StandIn => Self::OptionalOff,
            Self::StopPolling => Self::StandIn,
        }
    }

    const fn bounds(self, settings: &OverloadSettings) -> Option<&StepBounds> {
        let [first, second, third] = &settings.steps;
        match self {
            Self::ShadowOff => Some(first),
            Self::OptionalOff => Some(second),
            Self::StandIn => Some(third),
            Self::None | Self::StopPolling => None,
        }
    }
}

/// How far the worker is behind, on both of its sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pressure {
    /// How long requests wait in the log before they are polled.
    pub wait: Span,
    /// How full the queue of answers is that the log has not acknowledged, in percent.
    pub queue_percent: u8,
}

impl Pressure {
    fn is_above(self, bounds: &StepBounds) -> bool {
        self.wait > bounds.wait_above || self.queue_percent > bounds.queue_above_percent
    }

    fn is_below(self, bounds: &StepBounds) -> bool {
        self.wait < bounds.wait_below && self.queue_percent < bounds.queue_below_percent
    }
}

/// From one step to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// The step that was left.
    pub from: OverloadStep,
    /// The step in force now.
    pub to: OverloadStep,
}

/// Says which step is in force. Without settings it knows steps 0 and 4 only.
#[derive(Clone, Copy, Debug)]
pub struct Governor {
    settings: Option<OverloadSettings>,
    /// Steps 0 to 3.
    shed: OverloadStep,
    is_stopped: bool,
    /// Since when the pressure has been above the next step's bounds.
    above_since_nanos: Option<u64>,
    /// Since when it has been below the lower bounds of the step in force.
    below_since_nanos: Option<u64>,
}

impl Governor {
    /// At step 0.
    pub const fn new(settings: Option<OverloadSettings>) -> Self {
        Self {
            settings,
            shed: OverloadStep::None,
            is_stopped: false,
            above_since_nanos: None,
            below_since_nanos: None,
        }
    }

    /// True where pressure moves it.
    pub const fn is_on(&self) -> bool {
        self.settings.is_some()
    }

    /// The step in force.
    pub const fn step(&self) -> OverloadStep {
        if self.is_stopped { OverloadStep::StopPolling } else { self.shed }
    }

    /// The step, 0 to 3, that a message is met with: at step 4 none is polled, and one that
    /// was on its way already meets the step before it.
    pub const fn shed(&self) -> OverloadStep {
        self.shed
    }

    /// Takes note of the `pressure` at `now_nanos`, which never steps back, and moves at most
    /// one step. Hot path: once a batch.
    pub fn observe(&mut self, now_nanos: u64, pressure: Pressure) -> Option<Moved> {
        let settings = self.settings.as_ref()?;
        if self.is_stopped {
            return None; // Nothing is polled, so that nothing is known.
        }
        let (from, above) = (self.shed, self.shed.above());
        let climbs = above.and_then(|step| step.bounds(settings));
        let is_above = climbs.is_some_and(|bounds| pressure.is_above(bounds));
        let is_below = from.bounds(settings).is_some_and(|bounds| pressure.is_below(bounds));
        let above_nanos = lasting(&mut self.above_since_nanos, is_above, now_nanos);
        let below_nanos = lasting(&mut self.below_since_nanos, is_below, now_nanos);
        let to = match above {
            Some(above) if is_above && above_nanos >= nanos(settings.rise_after) => above,
            _ if is_below && below_nanos >= nanos(settings.fall_after) => from.below(),
            _ => return None,
        };
        self.shed = to;
        self.begin_anew();
        Some(Moved { from, to })
    }

    /// No messages are taken from now on.
    pub const fn stop_polling(&mut self) -> Moved {
        let from = self.step();
        self.is_stopped = true;
        self.begin_anew();
        Moved { from, to: self.step() }
    }

    /// Messages are taken again, at the step before. It is left in its own time: what waited
    /// meanwhile is still to come.
    pub const fn poll_again(&mut self) -> Moved {
        let from = self.step();
        self.is_stopped = false;
        self.begin_anew();
        Moved { from, to: self.step() }
    }

    const fn begin_anew(&mut self) {
        self.above_since_nanos = None;
        self.below_since_nanos = None;
    }
}

/// For how long `holds` has been true without a break; `since_nanos` remembers since when.
fn lasting(since_nanos: &mut Option<u64>, holds: bool, now_nanos: u64) -> u64 {
    if holds {
        now_nanos.saturating_sub(*since_nanos.get_or_insert(now_nanos))
    } else {
        *since_nanos = None;
        0
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

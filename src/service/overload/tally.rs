//! What is counted of the overload ladder.

use super::{Moved, OverloadStep, Pressure};

/// What a worker counted of the ladder since it was last handed over.
#[derive(Clone, Debug, Default)]
pub struct OverloadTally {
    /// The step in force.
    pub step: OverloadStep,
    /// The highest pressure; nothing where the ladder is off.
    pub highest: Pressure,
    climbed: [u64; OverloadStep::ALL.len()],
    decisions: [u64; OverloadStep::ALL.len()],
    millis: [u64; OverloadStep::ALL.len()],
}

impl OverloadTally {
    /// Counts a move upwards; the way down shows in the time spent.
    pub fn moved(&mut self, moved: Moved) {
        if moved.to > moved.from {
            add(&mut self.climbed, moved.to, 1);
        }
    }

    /// Counts a decision that was met under `step`.
    pub fn decided(&mut self, step: OverloadStep) {
        add(&mut self.decisions, step, 1);
    }

    /// Counts time spent at `step`.
    pub fn spent(&mut self, step: OverloadStep, millis: u64) {
        add(&mut self.millis, step, millis);
    }

    /// Keeps the highest of each side.
    pub fn felt(&mut self, pressure: Pressure) {
        self.highest.wait = self.highest.wait.max(pressure.wait);
        self.highest.queue_percent = self.highest.queue_percent.max(pressure.queue_percent);
    }

    /// How often each step was climbed to, none of them zero.
    pub fn climbed(&self) -> impl Iterator<Item = (OverloadStep, u64)> {
        counted(self.climbed)
    }

    /// Decisions by the step that they were met under, none of them zero.
    pub fn decisions(&self) -> impl Iterator<Item = (OverloadStep, u64)> {
        counted(self.decisions)
    }

    /// Milliseconds spent at each step, none of them zero.
    pub fn millis(&self) -> impl Iterator<Item = (OverloadStep, u64)> {
        counted(self.millis)
    }

    /// Adds what `other`, handed over later, counted.
    pub fn merge(&mut self, other: &Self) {
        self.step = other.step;
        self.felt(other.highest);
        for (step, count) in other.climbed() {
            add(&mut self.climbed, step, count);
        }
        for (step, count) in other.decisions() {
            add(&mut self.decisions, step, count);
        }
        for (step, millis) in other.millis() {
            add(&mut self.millis, step, millis);
        }
    }
}

fn add(counts: &mut [u64; OverloadStep::ALL.len()], step: OverloadStep, count: u64) {
    if let Some(found) = counts.get_mut(step as usize) {
        *found += count;
    }
}

fn counted(counts: [u64; OverloadStep::ALL.len()]) -> impl Iterator<Item = (OverloadStep, u64)> {
    OverloadStep::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
}

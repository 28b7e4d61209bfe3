//! What the process exports of the overload ladder.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::{OverloadStep, OverloadTally};

/// Says what each means, and has what has not happened yet there as zero.
pub(in crate::service) fn describe() {
    describe_gauge!("stopline_overload_step", "Step of the overload ladder in force; 0 is none.");
    describe_gauge!(
        "stopline_overload_wait_millis",
        "The longest wait of requests, lately; 0 where the ladder is off."
    );
    describe_gauge!(
        "stopline_overload_queue_percent",
        "How full the queue of answers was, lately; 0 where the ladder is off."
    );
    describe_counter!(
        "stopline_overload_steps_climbed_total",
        "How often a step of the overload ladder was climbed to."
    );
    describe_counter!(
        "stopline_overload_decisions_total",
        "Decisions made, by the step of the overload ladder that they were met under."
    );
    describe_counter!(
        "stopline_overload_millis_total",
        "Milliseconds that workers spent at each step of the overload ladder."
    );
    for step in OverloadStep::ALL {
        counter!("stopline_overload_steps_climbed_total", "step" => step.name()).absolute(0);
        counter!("stopline_overload_decisions_total", "step" => step.name()).absolute(0);
    }
}

/// Exports what `worker` counted.
pub(in crate::service) fn export(tally: &OverloadTally, worker: &str) {
    let set = |name: &'static str, value: u32| {
        gauge!(name, "worker" => worker.to_owned()).set(f64::from(value));
    };
    let wait_millis = u32::try_from(tally.highest.wait.millis()).unwrap_or(u32::MAX);
    set("stopline_overload_step", tally.step.number().into());
    set("stopline_overload_wait_millis", wait_millis);
    set("stopline_overload_queue_percent", tally.highest.queue_percent.into());
    for (step, count) in tally.climbed() {
        counter!("stopline_overload_steps_climbed_total", "step" => step.name()).increment(count);
    }
    for (step, count) in tally.decisions() {
        counter!("stopline_overload_decisions_total", "step" => step.name()).increment(count);
    }
    for (step, millis) in tally.millis() {
        counter!("stopline_overload_millis_total", "step" => step.name()).increment(millis);
    }
}

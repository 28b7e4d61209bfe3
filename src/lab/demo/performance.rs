//! The demo as it runs: sender and reader on threads of their own, frames to the screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::cpu;
use super::frame::{Frame, Stage};
use super::plan::Plan;
use super::reader::{Read, Reader};
use super::sender::Sender;
use super::signals::Signals;
use super::story::{Story, Witness};
use super::summary::{Ending, Summary};
use super::tally::Tally;
use crate::lab::closing::Closing;
use crate::lab::elapsed::Elapsed;
use crate::lab::outlet::Outlet;
use crate::lab::threads::{joined, spawned};
use crate::lab::traffic::{Arrivals, Traffic, TrafficSettings, rest_millis};
use crate::service::Clock;
use crate::service::log::{Fault, Tail};

/// How often the screen is asked whether it has something to show.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a performance is told with.
pub(super) struct Performance<T> {
    pub(super) stage: Stage,
    pub(super) clock: Clock,
    pub(super) outlet: Outlet,
    /// Reads the decisions from the first one on.
    pub(super) tail: T,
    pub(super) witness: Option<Witness>,
    /// From frame to frame.
    pub(super) frame_nanos: u64,
    /// How long answers may take after the last request.
    pub(super) grace: Duration,
    /// Ends it early.
    pub(super) must_end: Arc<AtomicBool>,
}

impl<T: Tail + Send + 'static> Performance<T> {
    /// Plays it, shows every frame, and tells how it ended. Ends early where the engine is not
    /// at work any more.
    ///
    /// # Errors
    /// The log fails: nothing can be said about what was sent.
    pub(super) fn play(
        self,
        show: &mut dyn FnMut(&Frame),
        is_at_work: &dyn Fn() -> bool,
    ) -> Result<Ending, Fault> {
        let stage = self.stage;
        let plan = Plan::new(stage.length_nanos);
        let signals = Arc::new(Signals::new());
        let cpu_before = cpu::used_nanos();
        let (frames_in, frames_out) = mpsc::channel();
        let elapsed = Elapsed::new(self.clock);
        let reader = Reader {
            tail: self.tail,
            elapsed: elapsed.clone(),
            signals: Arc::clone(&signals),
            tally: Tally::new(),
            story: Story::new(plan, self.witness),
            warm_up_nanos: plan.warm_up_nanos(),
            frames: frames_in,
            frame_nanos: self.frame_nanos,
            closing: Closing::new(u64::try_from(self.grace.as_nanos()).unwrap_or(u64::MAX)),
        };
        let sender = Sender {
            plan,
            traffic: Traffic::new(traffic_settings(&stage, &elapsed)),
            arrivals: Arrivals::new(stage.seed, f64::from(stage.rate_per_second)),
            outlet: self.outlet,
            elapsed: elapsed.clone(),
            signals: Arc::clone(&signals),
            must_end: Arc::clone(&self.must_end),
        };
        let reading = spawned("demo-reader", move || reader.run())?;
        let sending = spawned("demo-sender", move || {
            let result = sender.run();
            let ended_at_nanos = elapsed.nanos();
            result.map(|()| ended_at_nanos)
        })?;
        loop {
            match frames_out.recv_timeout(PATIENCE) {
                Ok(frame) => show(&frame),
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !is_at_work() {
                self.must_end.store(true, Ordering::SeqCst);
            }
        }
        let sent_until_nanos = joined(sending)?;
        let read = joined(reading)?;
        let cpu_nanos = cpu_before
            .and_then(|before| cpu::used_nanos().map(|after| after.saturating_sub(before)));
        Ok(ending(&stage, &read, &signals, sent_until_nanos, cpu_nanos))
    }
}

fn ending(
    stage: &Stage,
    read: &Read,
    signals: &Signals,
    sent_until_nanos: u64,
    cpu_nanos: Option<u64>,
) -> Ending {
    let Read { tally, story } = read;
    let sent = signals.progress.sent();
    let missing = sent.saturating_sub(tally.answers.answered);
    let counted = [
        (missing, "requests got no answer"),
        (tally.answers.duplicates, "records answer a request that had its answer"),
        (tally.errors, "requests were answered with an error"),
        (tally.strays, "records answer no request of this demo, or lie elsewhere"),
    ];
    let mut faults: Vec<String> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if tally.log_faults > 0 {
        faults.push(format!(
            "{} faults of the log while answers were read, the last: {}",
            tally.log_faults, tally.last_log_fault
        ));
    }
    faults.extend(story.faults(sent_until_nanos));
    Ending {
        summary: Summary {
            sent,
            answered: tally.answers.answered,
            missing,
            duplicates: tally.answers.duplicates,
            approved: tally.approved,
            declined: tally.declined,
            stepped_up: tally.stepped_up,
            declined_by_stop_list: tally.declined_by_stop_list,
            engine_latency_ns: tally.engine_nanos.percentiles(),
            end_to_end_latency_us: tally.end_to_end_micros.percentiles(),
            stop_order_to_enforced_us: story.enforced_after_nanos().map(|nanos| nanos / 1_000),
            seed: stage.seed,
        },
        story: story.lines(sent_until_nanos),
        faults,
        ran_nanos: sent_until_nanos,
        cpu_nanos,
    }
}

fn traffic_settings(stage: &Stage, elapsed: &Elapsed) -> TrafficSettings {
    TrafficSettings {
        seed: stage.seed,
        cards_count: stage.cards_count,
        start_unix_millis: elapsed.began_at_unix_millis,
        rate_per_second: f64::from(stage.rate_per_second),
        rest_millis: rest_millis(stage.cards_count, stage.rate_per_second),
    }
}

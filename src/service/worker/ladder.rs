//! How the worker feels pressure, and tells of the steps of the overload ladder.

use tracing::{info, warn};

use super::{Observer, Worker};
use crate::config::OverloadSettings;
use crate::domain::Span;
use crate::service::log::{BATCH_MESSAGES_MAX, Batch, Log, UNACKNOWLEDGED_RECORDS_MAX};
use crate::service::{Governor, Moved, OverloadTally, Pressure};

/// The ladder of one worker.
#[derive(Debug)]
pub(super) struct Ladder {
    pub(super) governor: Governor,
    /// What the poll before saw.
    waited_before: Span,
    /// Up to when the time spent is counted.
    counted_at_nanos: u64,
}

const NANOS_PER_MILLI: u64 = 1_000_000;

impl Ladder {
    pub(super) fn new(settings: Option<OverloadSettings>, now_nanos: u64) -> Self {
        Self {
            governor: Governor::new(settings),
            waited_before: Span::ZERO,
            counted_at_nanos: now_nanos,
        }
    }

    /// How long requests wait, as `batch`, polled at `unix_millis`, shows.
    ///
    /// Behind a full batch there is more: its oldest message says how long that waits. One
    /// that is not full took all there was, so that nothing waits, however old its messages
    /// are: the host's clock may be wrong, or the broker slow, and shedding mends neither.
    /// The client cuts a batch short now and then; only two in a row are believed.
    fn wait(&mut self, batch: &Batch, unix_millis: i64) -> Span {
        let oldest = batch.iter().map(|message| message.appended_at_unix_millis).min();
        let waited = match oldest {
            Some(oldest) if batch.len() >= BATCH_MESSAGES_MAX => {
                Span::from_millis(unix_millis.saturating_sub(oldest))
            }
            Some(_) | None => Span::ZERO,
        };
        std::mem::replace(&mut self.waited_before, waited).max(waited)
    }

    /// Counts the time since it was last counted for the step in force.
    fn count_time(&mut self, now_nanos: u64, tally: &mut OverloadTally) {
        let millis = now_nanos.saturating_sub(self.counted_at_nanos) / NANOS_PER_MILLI;
        self.counted_at_nanos += millis * NANOS_PER_MILLI;
        tally.spent(self.governor.step(), millis);
    }
}

impl<L: Log, O: Observer> Worker<L, O> {
    /// Picks the step that the messages of `batch`, just polled, are met with.
    pub(super) fn watch_pressure(&mut self, batch: &Batch) {
        if !self.ladder.governor.is_on() {
            return;
        }
        let pressure = Pressure {
            wait: self.ladder.wait(batch, self.clock.unix_millis()),
            queue_percent: self.queue_percent(),
        };
        let now = self.polled_at_nanos;
        self.tally.overload.felt(pressure);
        self.ladder.count_time(now, &mut self.tally.overload);
        if let Some(moved) = self.ladder.governor.observe(now, pressure) {
            self.pipeline.set_overload_step(self.ladder.governor.shed().number());
            self.tally.overload.moved(moved);
            tell(moved, pressure);
        }
    }

    /// Takes step 4, or leaves it.
    pub(super) fn stop_or_go_on(&mut self, is_stalled: bool) {
        let now = self.clock.monotonic_nanos();
        self.ladder.count_time(now, &mut self.tally.overload);
        let governor = &mut self.ladder.governor;
        let moved = if is_stalled { governor.stop_polling() } else { governor.poll_again() };
        self.tally.overload.moved(moved);
        let (entered, left) = (moved.to.name(), moved.from.name());
        if is_stalled {
            let (unsent, outstanding) = (self.unsent.len(), self.outstanding_count());
            warn!(
                entered,
                left,
                unsent,
                outstanding,
                "answers are not acknowledged: no more messages are taken until they are"
            );
        } else {
            info!(entered, left, "answers are acknowledged again: messages are taken");
        }
    }

    /// Notes the step in force and the time spent, before the tally is handed over.
    pub(super) fn tally_ladder(&mut self) {
        let now = self.clock.monotonic_nanos();
        self.ladder.count_time(now, &mut self.tally.overload);
        self.tally.overload.step = self.ladder.governor.step();
    }

    /// How full the queue of answers is; records that wait behind one that is not
    /// acknowledged count with it.
    fn queue_percent(&self) -> u8 {
        let percent = self.outstanding_count().saturating_mul(100) / UNACKNOWLEDGED_RECORDS_MAX;
        u8::try_from(percent.min(100)).unwrap_or(100)
    }

    fn outstanding_count(&self) -> usize {
        self.partitions.values().map(|held| held.frontier.unsettled_count()).sum()
    }
}

fn tell(moved: Moved, pressure: Pressure) {
    let (entered, left) = (moved.to.name(), moved.from.name());
    let Pressure { wait, queue_percent } = pressure;
    let wait_millis = wait.millis();
    if moved.to > moved.from {
        warn!(entered, left, wait_millis, queue_percent, "overload: one step more is shed");
    } else {
        info!(entered, left, wait_millis, queue_percent, "overload: one step less is shed");
    }
}

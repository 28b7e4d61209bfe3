//! The reader of the decisions: recognises each answer, counts it and tells the screen.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use prost::Message;

use super::correlation::Correlation;
use super::frame::Frame;
use super::plan::Role;
use super::signals::Signals;
use super::story::{Seen, Story};
use super::tally::Tally;
use crate::lab::closing::Closing;
use crate::lab::elapsed::Elapsed;
use crate::lab::headers::{CORRELATION_HEADER, header, lies_with_its_input};
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};
use crate::wire::proto::{Record, record::Answer};

/// How long it waits for a record before it looks at the clock.
const PATIENCE: Duration = Duration::from_millis(20);

/// Reads answers until every request has one.
pub(super) struct Reader<T: Tail> {
    pub(super) tail: T,
    pub(super) elapsed: Elapsed,
    pub(super) signals: Arc<Signals>,
    pub(super) tally: Tally,
    pub(super) story: Story,
    /// Latencies of what is due from then on are measured.
    pub(super) warm_up_nanos: u64,
    pub(super) frames: mpsc::Sender<Frame>,
    /// From frame to frame.
    pub(super) frame_nanos: u64,
    /// How long it waits for answers after the last request.
    pub(super) closing: Closing,
}

/// What a reader has read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) tally: Tally,
    pub(super) story: Story,
}

impl<T: Tail> Reader<T> {
    /// Reads until every request sent has its answer, or the grace is over.
    ///
    /// # Errors
    /// The log cannot be read any more.
    pub(super) fn run(mut self) -> Result<Read, Fault> {
        let mut shown = Frame::default();
        loop {
            match self.tail.next(PATIENCE) {
                Ok(Some(TailEvent::Record(record))) => self.note(&record),
                Err(fault) if fault.is_fatal() => return Err(fault),
                Err(fault) => {
                    self.tally.log_faults += 1;
                    self.tally.last_log_fault = fault.to_string();
                }
                Ok(Some(TailEvent::ReachedEnd(_)) | None) => (),
            }
            let now = self.elapsed.nanos();
            if now.saturating_sub(shown.at_nanos) >= self.frame_nanos {
                shown = self.frame(now, &shown);
                // Nobody looks any more where the other end is gone: reading goes on.
                if self.frames.send(shown.clone()).is_err() {
                    self.frame_nanos = u64::MAX;
                }
            }
            let is_whole = self.tally.answers.answered >= self.signals.progress.sent();
            if self.signals.progress.is_all_sent() && self.closing.is_over(now, is_whole) {
                break;
            }
        }
        Ok(Read { tally: self.tally, story: self.story })
    }

    fn frame(&self, now: u64, shown: &Frame) -> Frame {
        let mut frame = Frame::of(&self.tally, now, self.signals.progress.sent(), shown);
        frame.story = self.story.lines(now);
        frame
    }

    fn note(&mut self, record: &TailRecord) {
        let read_at_nanos = self.elapsed.nanos();
        let correlation = header(record, CORRELATION_HEADER).and_then(Correlation::from_bytes);
        let (Some(correlation), Some(value)) = (correlation, record.value.as_deref()) else {
            self.tally.strays += 1;
            return;
        };
        if !self.tally.answers.note(correlation.sequence, value) {
            return;
        }
        if correlation.due_nanos >= self.warm_up_nanos {
            self.measure(record, read_at_nanos.saturating_sub(correlation.due_nanos));
        }
        if !lies_with_its_input(record) {
            self.tally.strays += 1;
        }
        let Ok(Record { answer: Some(Answer::Decision(decision)) }) =
            <Record as Message>::decode(value)
        else {
            self.tally.errors += 1;
            return;
        };
        if header(record, "stopline-repeat").is_some() {
            self.tally.repeated += 1;
        } else {
            self.tally.decided(&decision);
        }
        self.tell(correlation.role, &decision, value, read_at_nanos);
    }

    fn measure(&mut self, record: &TailRecord, end_to_end_nanos: u64) {
        self.tally.end_to_end_micros.record(end_to_end_nanos / 1_000);
        if let Some(nanos) = header(record, "stopline-stage-nanos").and_then(sum_of_stages) {
            self.tally.engine_nanos.record(nanos);
        }
    }

    fn tell(
        &mut self,
        role: Role,
        decision: &crate::wire::proto::Decision,
        value: &[u8],
        read_at_nanos: u64,
    ) {
        if role == Role::Traffic {
            return;
        }
        if let Some(at_nanos) = self.signals.order_published_at_nanos() {
            self.story.order_published(at_nanos);
        }
        self.story.answered(&Seen { role, decision, value, read_at_nanos });
        if self.story.enforced_after_nanos().is_some() {
            self.signals.order_enforced();
        }
    }
}

/// `decode,decide,encode` in nanoseconds, added up.
fn sum_of_stages(header: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(header).ok()?;
    text.split(',').map(|stage| stage.parse::<u64>().ok()).sum()
}

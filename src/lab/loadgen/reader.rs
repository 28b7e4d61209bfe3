//! The reader of the decisions: recognises each answer and takes its latency.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use prost::Message;

use super::tally::{Answered, Kind, Moment, Tally};
use super::ticket::Ticket;
use crate::lab::closing::Closing;
use crate::lab::elapsed::Elapsed;
use crate::lab::headers::{CORRELATION_HEADER, WRITER_HEADER, header, lies_with_its_input};
use crate::lab::progress::Progress;
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};
use crate::wire::Format;
use crate::wire::proto::{Record, record::Answer};

/// What the writer's name of an echo begins with.
pub(super) const ECHO_WRITER: &str = "echo/";
/// How long it waits for a record before it looks at the clock.
const PATIENCE: Duration = Duration::from_millis(20);
/// From progress line to progress line.
const MOMENT_NANOS: u64 = 1_000_000_000;

/// Reads answers until every request has one.
pub(super) struct Reader<T: Tail> {
    pub(super) tail: T,
    pub(super) elapsed: Elapsed,
    /// How many requests were sent.
    pub(super) progress: Arc<Progress>,
    /// How many probes were sent.
    pub(super) probing: Arc<Progress>,
    /// Number of the run.
    pub(super) run: u64,
    pub(super) format: Format,
    pub(super) tally: Tally,
    pub(super) closing: Closing,
    pub(super) moments: mpsc::Sender<Moment>,
}

impl<T: Tail> Reader<T> {
    /// Reads until every request sent has its answer, or no more are to be hoped for.
    ///
    /// # Errors
    /// The log cannot be read any more.
    pub(super) fn run(mut self) -> Result<Tally, Fault> {
        let mut told_at_nanos = 0;
        loop {
            match self.tail.next(PATIENCE) {
                Ok(Some(TailEvent::Record(record))) => self.note(&record),
                Err(fault) if fault.is_fatal() => return Err(fault),
                Ok(Some(TailEvent::ReachedEnd(_)) | None) | Err(_) => (),
            }
            let now = self.elapsed.nanos();
            if now.saturating_sub(told_at_nanos) >= MOMENT_NANOS {
                told_at_nanos = now;
                let moment = self.tally.moment(now, self.progress.sent());
                if self.moments.send(moment).is_err() {
                    // Nobody looks any more: reading goes on.
                }
            }
            if self.progress.is_all_sent() && self.closing.is_over(now, self.is_whole()) {
                return Ok(self.tally);
            }
        }
    }

    /// True where all that was sent has its answer.
    fn is_whole(&self) -> bool {
        self.tally.requests.answers.answered >= self.progress.sent()
            && self.tally.probes.answers.answered >= self.probing.sent()
    }

    fn note(&mut self, record: &TailRecord) {
        let read_nanos = self.elapsed.nanos();
        let ticket = header(record, CORRELATION_HEADER).and_then(Ticket::from_bytes);
        let Some(ticket) = ticket.filter(|ticket| ticket.run == self.run) else {
            self.tally.foreign += 1;
            return;
        };
        let value = record.value.as_deref().unwrap_or_default();
        let appended_at_unix_millis = record.appended_at_unix_millis;
        let answered = Answered { ticket, read_nanos, appended_at_unix_millis, value };
        let is_first = self.tally.answered(&answered);
        if !lies_with_its_input(record) {
            self.tally.strays += 1;
        }
        let writer = header(record, WRITER_HEADER).and_then(|name| std::str::from_utf8(name).ok());
        let writer = writer.unwrap_or("unknown");
        self.tally.written_by(writer);
        if is_first && !writer.starts_with(ECHO_WRITER) {
            self.tally.is_of_kind(kind(self.format, value));
        }
    }
}

/// What an engine's record in `format` is. One that cannot be read counts as an error.
fn kind(format: Format, value: &[u8]) -> Kind {
    let record: Option<Record> = match format {
        Format::Protobuf => <Record as Message>::decode(value).ok(),
        Format::Json => serde_json::from_slice(value).ok(),
    };
    match record.and_then(|record| record.answer) {
        Some(Answer::Decision(_) | Answer::Acknowledgement(_)) => Kind::Answer,
        Some(Answer::Error(_)) | None => Kind::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::{Decision, Error};

    #[test]
    fn a_decision_is_told_from_an_error_in_both_formats() {
        let record = |answer| Record { answer: Some(answer) };
        let cases = [
            (record(Answer::Decision(Decision::default())), Kind::Answer),
            (record(Answer::Error(Error::default())), Kind::Error),
        ];
        for (record, expected) in cases {
            let json = serde_json::to_vec(&record).expect("plain data");
            assert_eq!(kind(Format::Protobuf, &record.encode_to_vec()), expected);
            assert_eq!(kind(Format::Json, &json), expected);
        }
        assert_eq!(kind(Format::Json, b"not JSON"), Kind::Error);
    }
}

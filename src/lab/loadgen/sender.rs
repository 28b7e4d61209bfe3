//! The switch of a run: sends what is due when it is due.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::probes::{Probe, Probes, echo_test};
use super::schedule::Schedule;
use super::ticket::{Stream, Ticket};
use crate::lab::elapsed::Elapsed;
use crate::lab::headers::{CONTENT_TYPE, CORRELATION_HEADER};
use crate::lab::outlet::Outlet;
use crate::lab::progress::Progress;
use crate::lab::traffic::{Arrivals, Traffic, to_json, to_protobuf};
use crate::service::log::Fault;
use crate::wire::Format;
use crate::wire::proto::Authorisation;

/// Sends traffic in an open loop: nothing waits for an answer.
pub(super) struct Sender {
    pub(super) traffic: Traffic,
    pub(super) arrivals: Arrivals,
    pub(super) probes: Probes,
    pub(super) outlet: Outlet,
    pub(super) elapsed: Elapsed,
    /// How many requests were sent.
    pub(super) progress: Arc<Progress>,
    /// How many probes were sent.
    pub(super) probing: Arc<Progress>,
    pub(super) must_end: Arc<AtomicBool>,
    /// Number of the run.
    pub(super) run: u64,
    pub(super) format: Format,
    /// Requests that are due earlier are not measured.
    pub(super) warm_up_nanos: u64,
    /// When it is over, warm-up included.
    pub(super) length_nanos: u64,
}

/// What became of the sending.
#[derive(Debug)]
pub(super) struct Sent {
    /// Requests handed to the client.
    pub(super) requests_count: u64,
    /// Probes handed to the client.
    pub(super) probes_count: u64,
    pub(super) schedule: Schedule,
    /// When the sender stopped, in nanoseconds after the start.
    pub(super) until_nanos: u64,
    /// It was stopped before its time.
    pub(super) is_cut_short: bool,
    /// Why not all of it is in the log.
    pub(super) fault: Option<String>,
}

impl Sender {
    /// Sends until it is over or must end; returns when all is in the log.
    pub(super) fn run(mut self) -> Sent {
        let mut schedule = Schedule::new();
        let ended = self.send_all(&mut schedule);
        let until_nanos = self.elapsed.nanos();
        if !matches!(ended, Ok(Ended::Over)) {
            let is_due = |due_nanos: &u64| *due_nanos <= until_nanos.min(self.length_nanos);
            schedule.owed(self.arrivals.by_ref().take_while(is_due).count() as u64);
        }
        let settled = self.outlet.settle();
        self.progress.all_sent();
        let is_cut_short = matches!(ended, Ok(Ended::CutShort));
        let fault = ended.and(settled).err().map(|fault| fault.to_string());
        let (requests_count, probes_count) = (self.progress.sent(), self.probing.sent());
        Sent { requests_count, probes_count, schedule, until_nanos, is_cut_short, fault }
    }

    fn send_all(&mut self, schedule: &mut Schedule) -> Result<Ended, Fault> {
        loop {
            let due_nanos = self.arrivals.next().unwrap_or(u64::MAX);
            while let Some(probe) = self.probes.next_before(due_nanos.min(self.length_nanos)) {
                if let Ended::CutShort = self.send_probe(probe)? {
                    return Ok(Ended::CutShort);
                }
            }
            if due_nanos >= self.length_nanos {
                return Ok(Ended::Over);
            }
            // Made before it is due: the making is no part of the lag.
            let request = self.traffic.next_request(self.elapsed.unix_millis_at(due_nanos));
            let value = in_format(self.format, &request)?;
            let ticket = self.ticket(Stream::Requests, &self.progress, due_nanos);
            let headers = headers(self.format, &ticket);
            if !self.elapsed.wait_until(due_nanos, &self.must_end) {
                // A request that is not due yet is not owed.
                schedule.owed(u64::from(due_nanos <= self.elapsed.nanos()));
                return Ok(Ended::CutShort);
            }
            schedule.owed(1);
            self.outlet.send(request.account_reference.as_bytes(), &value, &headers)?;
            self.progress.one_sent();
            if due_nanos >= self.warm_up_nanos {
                schedule.sent(due_nanos, self.elapsed.nanos());
            }
        }
    }

    fn send_probe(&mut self, probe: Probe) -> Result<Ended, Fault> {
        let Probe { partition, due_nanos } = probe;
        let test = echo_test(self.elapsed.unix_millis_at(due_nanos));
        let value = in_format(self.format, &test)?;
        let ticket = self.ticket(Stream::Probes, &self.probing, due_nanos);
        if !self.elapsed.wait_until(due_nanos, &self.must_end) {
            return Ok(Ended::CutShort);
        }
        self.outlet.send_to(partition, &value, &headers(self.format, &ticket))?;
        self.probing.one_sent();
        Ok(Ended::Over)
    }

    fn ticket(&self, stream: Stream, progress: &Progress, due_nanos: u64) -> String {
        Ticket { run: self.run, stream, sequence: progress.sent(), due_nanos }.to_text()
    }
}

/// How the sending ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Over,
    CutShort,
}

/// What a message of this run carries.
pub(super) fn headers(format: Format, ticket: &str) -> [(&str, &[u8]); 2] {
    [(CONTENT_TYPE, format.content_type().as_bytes()), (CORRELATION_HEADER, ticket.as_bytes())]
}

/// `request` as a record's value.
///
/// # Errors
/// It has no JSON: a fault of the traffic.
pub(super) fn in_format(format: Format, request: &Authorisation) -> Result<Vec<u8>, Fault> {
    match format {
        Format::Protobuf => Ok(to_protobuf(request)),
        Format::Json => to_json(request)
            .map_err(|error| Fault::StepDown { what: format!("a request has no JSON: {error}") }),
    }
}

//! The switch and the operations desk of the demo: sends what is due when it is due.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use prost::Message;

use super::correlation::Correlation;
use super::plan::{Plan, Play, Role};
use super::signals::Signals;
use crate::lab::elapsed::Elapsed;
use crate::lab::headers::{CONTENT_TYPE, CORRELATION_HEADER};
use crate::lab::outlet::Outlet;
use crate::lab::traffic::{Arrivals, CardNumber, Traffic, repeat_of, to_protobuf};
use crate::service::log::Fault;
use crate::wire::Format;
use crate::wire::proto::{Authorisation, ReportChannel, StopCause, StopOrder};

/// How long a report by telephone stands unless it is confirmed in writing.
const PROVISIONAL_MILLIS: i64 = 5 * 24 * 3_600 * 1_000;

/// Sends the traffic and plays the story.
pub(super) struct Sender {
    pub(super) plan: Plan,
    pub(super) traffic: Traffic,
    pub(super) arrivals: Arrivals,
    pub(super) outlet: Outlet,
    pub(super) elapsed: Elapsed,
    pub(super) signals: Arc<Signals>,
    pub(super) must_end: Arc<AtomicBool>,
}

/// The cards of the story; ordinary traffic never uses them.
#[derive(Clone, Copy, Debug)]
struct Cast {
    tried: CardNumber,
    lost: CardNumber,
    copied: CardNumber,
}

impl Sender {
    /// Sends until the plan is over or it must end; returns when all is in the log.
    ///
    /// # Errors
    /// The log takes no more.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let sent = self.send_all();
        let settled = self.outlet.settle();
        self.signals.progress.all_sent();
        sent.and(settled)
    }

    fn send_all(&mut self) -> Result<(), Fault> {
        let cast = Cast {
            tried: self.traffic.spare_card(0),
            lost: self.traffic.spare_card(1),
            copied: self.traffic.spare_card(2),
        };
        let mut copied = None;
        let mut cues = self.plan.cues().into_iter().peekable();
        let mut arrival_nanos = self.arrivals.next().unwrap_or(u64::MAX);
        loop {
            let cue = cues.next_if(|cue| cue.due_nanos <= arrival_nanos);
            let (due_nanos, play) = match cue {
                Some(cue) => (cue.due_nanos, cue.play),
                None => (arrival_nanos, Play::Send(Role::Traffic)),
            };
            if due_nanos >= self.plan.length_nanos()
                || !self.elapsed.wait_until(due_nanos, &self.must_end)
            {
                return Ok(());
            }
            match play {
                Play::ReportLoss => self.report_loss(cast.lost)?,
                Play::Send(Role::AfterLoss(_)) if self.signals.is_order_enforced() => (),
                Play::Send(role) => {
                    let at_unix_millis = self.elapsed.unix_millis_at(due_nanos);
                    let request = self.request(role, cast, at_unix_millis, &mut copied);
                    self.send(role, due_nanos, &request)?;
                }
            }
            if cue.is_none() {
                arrival_nanos = self.arrivals.next().unwrap_or(u64::MAX);
            }
        }
    }

    fn request(
        &mut self,
        role: Role,
        cast: Cast,
        at_unix_millis: i64,
        copied: &mut Option<Authorisation>,
    ) -> Authorisation {
        match role {
            Role::Traffic => self.traffic.next_request(at_unix_millis),
            Role::Burst(_) => self.traffic.burst(cast.tried, at_unix_millis),
            Role::BeforeLoss | Role::AfterLoss(_) => {
                self.traffic.calm_payment_of(cast.lost, at_unix_millis)
            }
            Role::Copy(copy) => {
                let original = copied.get_or_insert_with(|| {
                    self.traffic.calm_payment_of(cast.copied, at_unix_millis)
                });
                // A switch sends either the same message or one that says it is a repeat.
                if copy < 3 { original.clone() } else { repeat_of(original) }
            }
            Role::AfterCopies => self.traffic.calm_payment_of(cast.copied, at_unix_millis),
        }
    }

    fn send(&mut self, role: Role, due_nanos: u64, request: &Authorisation) -> Result<(), Fault> {
        let correlation = Correlation { sequence: self.signals.progress.sent(), due_nanos, role };
        let correlation = correlation.to_text();
        let headers = [
            (CONTENT_TYPE, Format::Protobuf.content_type().as_bytes()),
            (CORRELATION_HEADER, correlation.as_bytes()),
        ];
        let key = request.account_reference.as_bytes();
        self.outlet.send(key, &to_protobuf(request), &headers)?;
        self.signals.progress.one_sent();
        Ok(())
    }

    fn report_loss(&mut self, card: CardNumber) -> Result<(), Fault> {
        let began_at = self.elapsed.began_at_unix_millis;
        let now = self.elapsed.unix_millis_at(self.elapsed.nanos());
        let order = StopOrder {
            order_id: format!("demo-loss-{began_at}"),
            card_token: Some(self.traffic.card_token(card)),
            account_reference: Some(self.traffic.account_reference(card)),
            cause: StopCause::Lost.into(),
            report_channel: ReportChannel::Telephone.into(),
            reported_at_millis: Some(now),
            lapses_at_millis: Some(now.saturating_add(PROVISIONAL_MILLIS)),
            source: Some("demo desk".to_owned()),
            ..StopOrder::default()
        };
        // Noted first: an answer may come before the call returns.
        self.signals.order_published(self.elapsed.nanos());
        let key = order.order_id.as_bytes();
        self.outlet.publish_order(key, &order.encode_to_vec())
    }
}

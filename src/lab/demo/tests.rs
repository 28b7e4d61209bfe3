//! The demo against a stand-in for the engine that can be made to err.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use prost::Message as _;

use super::frame::{Frame, Stage};
use super::performance::Performance;
use super::story::Witness;
use super::summary::Ending;
use crate::domain::{Offset, PartitionId};
use crate::lab::outlet::Outlet;
use crate::lab::topics::Topics;
use crate::service::Clock;
use crate::service::log::memory::MemoryBroker;
use crate::service::log::{Batch, Change, Fault, Log, Message, Outgoing, Tail, TailEvent};
use crate::wire::proto::{
    Authorisation, Decision, Outcome, Reason, Record, StopOrder, StopOrderSeen, record::Answer,
};

const PARTITIONS: u32 = 2;

/// How the stand-in errs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    None,
    /// Every hundredth request gets no answer.
    Silent,
    /// Every hundredth request gets two.
    Twice,
    /// A repeat is decided again.
    Forgetful,
    /// Stop orders are not read.
    Deaf,
    /// The log fails once while answers are read.
    Hiccup,
}

/// Counts per account, remembers answers, reads stop orders: as little as the story needs.
struct StandIn {
    slip: Slip,
    met: u64,
    counts: HashMap<String, u64>,
    answers: HashMap<String, Vec<u8>>,
    stopped: Vec<String>,
}

impl StandIn {
    fn answer(&mut self, message: &Message<'_>) -> (Vec<u8>, bool) {
        let bytes = message.value.expect("a value");
        let request = Authorisation::decode(bytes).expect("valid");
        if let Some(answer) = self.answers.get(&request.authorisation_id)
            && self.slip != Slip::Forgetful
        {
            return (answer.clone(), true);
        }
        let count = self.counts.entry(request.account_reference.clone()).or_default();
        let (outcome, reason) = if self.stopped.contains(&request.account_reference) {
            (Outcome::Decline, Reason::LostCard)
        } else if *count >= 5 {
            (Outcome::Decline, Reason::VelocityCountExceeded)
        } else {
            (Outcome::Approve, Reason::Unspecified)
        };
        let decision = Decision {
            outcome: outcome.into(),
            reason: reason.into(),
            // 1 + zigzag(count): 0 is absent.
            evidence: vec![1 + 2 * *count],
            stop_order: (reason == Reason::LostCard).then(StopOrderSeen::default),
            authorisation_id: request.authorisation_id.clone(),
            ..Decision::default()
        };
        *count += u64::from(outcome == Outcome::Approve);
        let value = Record { answer: Some(Answer::Decision(decision)) }.encode_to_vec();
        self.answers.insert(request.authorisation_id, value.clone());
        (value, false)
    }

    fn run(mut self, broker: &MemoryBroker, topics: &Topics, must_end: &AtomicBool) {
        let partitions: Vec<_> = (0..PARTITIONS.cast_signed()).map(PartitionId).collect();
        let (inputs, outputs) = (&topics.authorisations, &topics.decisions);
        let mut log = broker.worker_log("demo", inputs, outputs, &partitions).expect("topics");
        let mut orders = broker.tail_from_beginning(&topics.stop_orders).expect("topics");
        let mut batch = Batch::default();
        while !must_end.load(Ordering::SeqCst) {
            let change = log.poll(Duration::from_millis(1), &mut batch).expect("memory");
            if let Some(Change::Assigned(assigned)) = change {
                let starts: Vec<_> =
                    assigned.iter().map(|share| (share.partition, Offset(0))).collect();
                log.start(&starts).expect("memory");
                log.resume(&partitions).expect("memory");
            }
            while let Ok(Some(TailEvent::Record(order))) = orders.next(Duration::ZERO) {
                let order = StopOrder::decode(order.value.unwrap_or_default().as_slice());
                if self.slip != Slip::Deaf {
                    self.stopped.extend(order.expect("valid").account_reference);
                }
            }
            for message in batch.iter() {
                self.met += 1;
                let (value, is_repeat) = self.answer(&message);
                let input = format!("{}:{}", message.input.partition.0, message.input.offset.0);
                let correlation = message.header("correlation-id").expect("a header");
                let mut headers: Vec<(&str, &[u8])> = vec![
                    ("stopline-input", input.as_bytes()),
                    ("stopline-stage-nanos", b"100,200,300"),
                    ("correlation-id", correlation),
                ];
                if is_repeat {
                    headers.push(("stopline-repeat", b"1"));
                }
                let copies = match (self.slip, self.met.is_multiple_of(100)) {
                    (Slip::Silent, true) => 0,
                    (Slip::Twice, true) => 2,
                    (_, _) => 1,
                };
                for _ in 0..copies {
                    log.append(&Outgoing {
                        answers: message.input,
                        key: message.key,
                        value: &value,
                        headers: &headers,
                    })
                    .expect("memory");
                }
            }
        }
    }
}

/// Fails once, then reads on.
struct Stumbling<T> {
    tail: T,
    has_failed: bool,
}

impl<T: Tail> Tail for Stumbling<T> {
    fn next(&mut self, wait: Duration) -> Result<Option<TailEvent>, Fault> {
        if std::mem::replace(&mut self.has_failed, true) {
            return self.tail.next(wait);
        }
        Err(Fault::Passing { what: "a hiccup".to_owned() })
    }

    fn is_at_end(&mut self, wait: Duration) -> Result<bool, Fault> {
        self.tail.is_at_end(wait)
    }
}

fn played(slip: Slip) -> (Ending, Vec<Frame>) {
    let clock = Clock::system();
    let broker = MemoryBroker::new(clock.clone());
    let topics = Topics::named("demo.");
    broker.create_topic(&topics.authorisations, PARTITIONS);
    broker.create_topic(&topics.decisions, PARTITIONS);
    broker.create_topic(&topics.stop_orders, 1);
    let tail = broker.tail_from_beginning(&topics.decisions).expect("topics");
    let is_over = Arc::new(AtomicBool::new(false));
    let engine = {
        let (broker, topics, is_over) = (broker.clone(), topics.clone(), Arc::clone(&is_over));
        let stand_in = StandIn {
            slip,
            met: 0,
            counts: HashMap::new(),
            answers: HashMap::new(),
            stopped: Vec::new(),
        };
        thread::spawn(move || stand_in.run(&broker, &topics, &is_over))
    };
    let performance = Performance {
        stage: Stage {
            seed: 3,
            rate_per_second: 500,
            cards_count: 20_000,
            partitions_count: PARTITIONS,
            length_nanos: 1_500_000_000,
            rules_count: 1,
            log: "in-process log, no network".to_owned(),
            notes: Vec::new(),
        },
        clock,
        outlet: Outlet::Memory { broker, topics },
        tail: Stumbling { tail, has_failed: slip != Slip::Hiccup },
        witness: Some(Witness { feature: "approved_count".to_owned(), place: 0, expected: 1 }),
        frame_nanos: 250_000_000,
        grace: Duration::from_millis(700),
        must_end: Arc::new(AtomicBool::new(false)),
    };
    let mut frames = Vec::new();
    let ending =
        performance.play(&mut |frame| frames.push(frame.clone()), &|| true).expect("memory");
    is_over.store(true, Ordering::SeqCst);
    engine.join().expect("the stand-in ends");
    (ending, frames)
}

#[test]
fn a_demo_of_a_sound_engine_ends_well() {
    let (ending, frames) = played(Slip::None);
    assert_eq!(ending.faults, Vec::<String>::new(), "{ending:#?}");
    let summary = &ending.summary;
    assert!((600..900).contains(&summary.sent), "{summary:?}");
    assert_eq!((summary.missing, summary.duplicates), (0, 0));
    // Two of the three copies are no authorisations of their own.
    let decided = summary.approved + summary.stepped_up + summary.declined;
    assert_eq!(decided, summary.sent - 2);
    assert_eq!(summary.engine_latency_ns.p50, 600);
    assert!(summary.end_to_end_latency_us.max > 0);
    assert!(summary.declined_by_stop_list >= 1);
    assert!(summary.stop_order_to_enforced_us.is_some());
    assert!(frames.len() >= 4, "{} frames", frames.len());
    assert_eq!(ending.story.len(), 4, "{:#?}", ending.story);
}

#[test]
fn what_an_engine_does_wrong_is_told() {
    let cases = [
        (Slip::Silent, "requests got no answer"),
        (Slip::Twice, "records answer a request that had its answer"),
        (Slip::Forgetful, "the copies of one authorisation got"),
        (Slip::Hiccup, "1 faults of the log while answers were read, the last: the client"),
        (Slip::Deaf, "the lost card was not declined"),
    ];
    let told = cases.map(|(slip, fault)| (thread::spawn(move || played(slip).0), fault));
    for (demo, fault) in told {
        let ending = demo.join().expect("it ends");
        assert!(!ending.is_well());
        let faults = ending.faults.join("\n");
        assert!(faults.contains(fault), "{fault:?} is not in {faults:?}");
    }
}

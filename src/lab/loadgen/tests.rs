//! Load and echo, both over the in-process log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::backlog::{Backlog, BacklogMoment, BacklogSettings, Decisions};
use super::echo::{Echo, EchoStart};
use super::run::{LoadSettings, Loadgen};
use super::summary::LoadSummary;
use super::tally::Moment;
use crate::domain::{Offset, PartitionId};
use crate::lab::outlet::Outlet;
use crate::lab::topics::Topics;
use crate::service::Clock;
use crate::service::log::Fault;
use crate::service::log::memory::{MemoryBroker, MemoryTail};
use crate::wire::Format;

const PARTITIONS: u32 = 2;

struct Run {
    summary: LoadSummary,
    moments: Vec<Moment>,
    echoed: u64,
    /// Positions that the echo has committed.
    committed: Vec<Option<Offset>>,
    ends: Vec<Offset>,
}

/// Load on an echo, or on nobody.
fn run(format: Format, is_answered: bool) -> Run {
    let clock = Clock::system();
    let broker = MemoryBroker::new(clock.clone());
    let topics = Topics::named("load.");
    broker.create_topic(&topics.authorisations, PARTITIONS);
    broker.create_topic(&topics.decisions, PARTITIONS);
    // What was there before is not answered, and answers to others are not counted.
    broker.produce(&topics.authorisations, PartitionId(0), None, None, &[]).expect("topics");
    broker.produce(&topics.decisions, PartitionId(0), None, None, &[]).expect("topics");
    let partitions: Vec<_> = (0..PARTITIONS.cast_signed()).map(PartitionId).collect();
    let (inputs, outputs) = (&topics.authorisations, &topics.decisions);
    let log = broker.worker_log("echo", inputs, outputs, &partitions).expect("topics");
    let is_over = Arc::new(AtomicBool::new(!is_answered));
    let (tell, is_ready) = std::sync::mpsc::channel();
    let echo = {
        let (echo, is_over) = (Echo::new(log, clock.clone(), EchoStart::End), Arc::clone(&is_over));
        thread::spawn(move || {
            echo.run(None, &is_over, &mut |moment| {
                // Nobody asks any more once the first one was told.
                tell.send(moment).ok();
            })
        })
    };
    if is_answered {
        let moment = is_ready.recv().expect("a first moment");
        assert_eq!(moment.partitions_count, 2);
    }
    let loadgen = Loadgen {
        settings: LoadSettings {
            rate_per_second: 500,
            length: Duration::from_secs(1),
            warm_up: Duration::from_millis(200),
            cards_count: 10_000,
            seed: 3,
            format,
            has_probes: true,
            grace: Duration::from_millis(300),
        },
        clock,
        outlet: Outlet::Memory { broker: broker.clone(), topics: topics.clone() },
        partitions_count: PARTITIONS,
        tail: broker.tail_from_beginning(outputs).expect("topics"),
    };
    let mut moments = Vec::new();
    let summary = loadgen.run(&Arc::default(), &mut |moment| moments.push(*moment));
    is_over.store(true, Ordering::SeqCst);
    let echoed = echo.join().expect("the echo ends").expect("memory");
    let committed = partitions
        .iter()
        .map(|partition| broker.committed("echo", inputs, *partition).expect("topics"))
        .collect();
    let ends = broker.end_offsets(inputs).expect("topics").into_iter().map(|(_, end)| end);
    Run { summary: summary.expect("memory"), moments, echoed, committed, ends: ends.collect() }
}

#[test]
fn an_echo_answers_every_request_and_commits_it() {
    for format in [Format::Protobuf, Format::Json] {
        let run = run(format, true);
        let summary = &run.summary;
        assert!((450..750).contains(&summary.sent), "{summary:?}");
        assert_eq!((summary.answered, summary.missing), (summary.sent, 0));
        assert_eq!((summary.duplicates, summary.errors, summary.strays), (0, 0, 0));
        let probes = summary.probes.expect("asked for");
        assert_eq!((probes.sent, probes.answered, probes.missing), (3, 3, 0));
        assert_eq!(summary.scheduled, summary.sent);
        assert_eq!(run.echoed, summary.sent + probes.sent);
        assert!(summary.measured > 300 && summary.measured < summary.sent, "{summary:?}");
        assert_eq!(summary.writers.len(), 1);
        assert!(summary.writers[0].starts_with("echo/"), "{:?}", summary.writers);
        let ends: Vec<_> = run.ends.iter().copied().map(Some).collect();
        assert_eq!(run.committed, ends);
        assert!(!run.moments.is_empty());
    }
}

#[test]
fn a_run_that_nobody_answers_is_not_good() {
    let Run { summary, .. } = run(Format::Protobuf, false);
    assert_eq!((summary.answered, summary.missing), (0, summary.sent));
    assert!(summary.is_broken && !summary.is_good && summary.sent > 0);
    assert!(summary.faults[0].contains("requests got no answer"), "{:?}", summary.faults);
}

/// Decisions in memory.
struct MemoryDecisions {
    broker: MemoryBroker,
    topic: String,
}

impl Decisions for MemoryDecisions {
    type Tail = MemoryTail;

    fn count(&self) -> Result<u64, Fault> {
        let ends = self.broker.end_offsets(&self.topic)?;
        Ok(ends.iter().map(|(_, end)| end.0.cast_unsigned()).sum())
    }

    fn read(self) -> Result<MemoryTail, Fault> {
        self.broker.tail_from_beginning(&self.topic)
    }
}

#[test]
fn a_backlog_is_in_the_log_before_anybody_answers() {
    let clock = Clock::system();
    let broker = MemoryBroker::new(clock.clone());
    let topics = Topics::named("backlog.");
    let (inputs, outputs) = (topics.authorisations.clone(), topics.decisions.clone());
    broker.create_topic(&inputs, PARTITIONS);
    broker.create_topic(&outputs, PARTITIONS);
    let partitions: Vec<_> = (0..PARTITIONS.cast_signed()).map(PartitionId).collect();
    let log = broker.worker_log("echo", &inputs, &outputs, &partitions).expect("topics");
    let mut echo = Some(Echo::new(log, clock.clone(), EchoStart::Beginning));
    let mut echoing = None;
    let backlog = Backlog {
        settings: BacklogSettings {
            count: 500,
            cards_count: 1_000,
            seed: 4,
            format: Format::Json,
            grace: Duration::from_secs(30),
        },
        clock,
        outlet: Outlet::Memory { broker: broker.clone(), topics },
        decisions: MemoryDecisions { broker, topic: outputs },
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let summary = backlog.run(&AtomicBool::new(false), &mut |moment| match moment {
        BacklogMoment::Produced { count } => {
            assert_eq!(count, 500);
            let (echo, is_over) = (echo.take().expect("produced once"), Arc::clone(&is_over));
            echoing = Some(thread::spawn(move || echo.run(None, &is_over, &mut |_| ())));
        }
        BacklogMoment::Answering { answered } => assert!(answered <= 500),
    });
    is_over.store(true, Ordering::SeqCst);
    let echoed = echoing.expect("all was produced").join().expect("the echo ends").expect("memory");
    let summary = summary.expect("memory");
    assert_eq!((echoed, summary.backlog, summary.answered), (500, 500, 500));
    assert!(summary.is_good && summary.decisions_per_second > 0, "{summary:?}");
}

//! A run put together: sender and reader on threads of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::place::{LoadFault, Place};
use super::probes::Probes;
use super::reader::Reader;
use super::sender::Sender;
use super::summary::LoadSummary;
use super::tally::{Moment, Tally};
use crate::lab::closing::Closing;
use crate::lab::cluster::ClusterOutlet;
use crate::lab::elapsed::Elapsed;
use crate::lab::outlet::Outlet;
use crate::lab::progress::Progress;
use crate::lab::threads::{joined, spawned};
use crate::lab::traffic::{Arrivals, Traffic, TrafficSettings, rest_millis};
use crate::service::Clock;
use crate::service::log::Tail;
use crate::service::log::kafka::{KafkaFeed, KafkaTail};
use crate::wire::Format;

/// What load to generate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadSettings {
    /// Requests a second, on average: arrivals are random, as from many senders.
    pub rate_per_second: u32,
    /// How long it is measured.
    pub length: Duration,
    /// How long it is sent before that.
    pub warm_up: Duration,
    /// Cards that pay.
    pub cards_count: u32,
    /// Which traffic.
    pub seed: u64,
    /// How requests are written, and answers with them.
    pub format: Format,
    /// Each partition is sent an echo test a second.
    pub has_probes: bool,
    /// How long answers may take after the last request.
    pub grace: Duration,
}

/// A run that is ready.
pub struct Loadgen<T = KafkaTail> {
    pub(super) settings: LoadSettings,
    pub(super) clock: Clock,
    pub(super) outlet: Outlet,
    /// Partitions of the authorisations.
    pub(super) partitions_count: u32,
    /// Reads the decisions, at the latest from the first answer on.
    pub(super) tail: T,
}

impl Loadgen {
    /// Makes ready to put load on the engine at `place`.
    ///
    /// # Errors
    /// The topics are not there or not as they must be, or no broker answers.
    pub fn open(settings: LoadSettings, place: Place) -> Result<Self, LoadFault> {
        let partitions_count = place.partitions_count()?;
        let tail = place.decisions_since(&place.decisions_positions(partitions_count)?)?;
        let Place { kafka, topics, clock } = place;
        let feed = KafkaFeed::open(&kafka, clock.clone())?;
        let outlet = Outlet::Cluster(ClusterOutlet { feed, topics });
        Ok(Self { settings, clock, outlet, partitions_count, tail })
    }
}

impl<T: Tail + Send + 'static> Loadgen<T> {
    /// Runs until its time is over or `must_end`, shows every moment, and adds it up.
    ///
    /// # Errors
    /// The decisions cannot be read: nothing can be said about them.
    pub fn run(
        self,
        must_end: &Arc<AtomicBool>,
        show: &mut dyn FnMut(&Moment),
    ) -> Result<LoadSummary, LoadFault> {
        let settings = self.settings;
        let warm_up_nanos = nanos(settings.warm_up);
        let progress = Arc::new(Progress::default());
        let probing = Arc::new(Progress::default());
        let elapsed = Elapsed::new(self.clock);
        let run = run_number(&elapsed, settings.seed);
        let (moments_in, moments_out) = mpsc::channel();
        let reader = Reader {
            tail: self.tail,
            elapsed: elapsed.clone(),
            progress: Arc::clone(&progress),
            probing: Arc::clone(&probing),
            run,
            format: settings.format,
            tally: Tally::new(warm_up_nanos),
            closing: Closing::new(nanos(settings.grace)),
            moments: moments_in,
        };
        let sender = Sender {
            traffic: traffic(
                settings.seed,
                settings.cards_count,
                settings.rate_per_second,
                &elapsed,
            ),
            arrivals: Arrivals::new(settings.seed, f64::from(settings.rate_per_second)),
            probes: Probes::new(if settings.has_probes { self.partitions_count } else { 0 }),
            outlet: self.outlet,
            elapsed,
            progress,
            probing,
            must_end: Arc::clone(must_end),
            run,
            format: settings.format,
            warm_up_nanos,
            length_nanos: warm_up_nanos.saturating_add(nanos(settings.length)),
        };
        let reading = spawned("loadgen-reader", move || reader.run())?;
        let sending = spawned("loadgen-sender", move || Ok(sender.run()))?;
        for moment in moments_out {
            show(&moment);
        }
        // The reader is through, or cannot go on: then there is nobody to send for.
        must_end.store(true, Ordering::SeqCst);
        let sent = joined(sending)?;
        let tally = joined(reading)?;
        Ok(LoadSummary::of(&settings, &sent, &tally))
    }
}

/// What tells the answers of a run from those of others in the same topics.
pub(super) fn run_number(elapsed: &Elapsed, seed: u64) -> u64 {
    elapsed.began_at_unix_millis.cast_unsigned() ^ seed.rotate_left(48)
}

/// Traffic of so many cards at such a rate.
pub(super) fn traffic(
    seed: u64,
    cards_count: u32,
    rate_per_second: u32,
    elapsed: &Elapsed,
) -> Traffic {
    Traffic::new(TrafficSettings {
        seed,
        cards_count,
        start_unix_millis: elapsed.began_at_unix_millis,
        rate_per_second: f64::from(rate_per_second),
        rest_millis: rest_millis(cards_count, rate_per_second),
    })
}

pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

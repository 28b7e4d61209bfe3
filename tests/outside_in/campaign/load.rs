//! Traffic at a steady rate, from a thread of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::service::log::partition_of_key;
use stopline::wire::proto::Authorisation;

use super::form::PATIENCE;
use crate::broker::Broker;
use crate::inputs::{Expected, Input, Traffic};
use crate::poison::poison;
use crate::topics::{Outbound, PARTITIONS_COUNT, Place, Writer};

/// How often a group goes out.
const GROUP_INTERVAL: Duration = Duration::from_millis(10);

/// Requests that may be repeated: those of the last 20 s at 1,000 a second.
const REPEATABLE_COUNT: usize = 20_000;

/// Requests of one account, one behind the other: more than the shipped rules let pass.
const BURST_COUNT: usize = 12;

/// One input in this many is poison, a probe, a repeat, the first of a burst.
const POISON_EVERY: usize = 100;
const PROBE_EVERY: usize = 50;
const REPEAT_EVERY: usize = 40;
const BURST_EVERY: usize = 120;

/// What traffic is made of: accounts with much and with little, bursts, repeats of what was
/// asked up to 20 s ago, one in a hundred poison, one in fifty a probe.
pub(super) struct Mix {
    traffic: Traffic,
    rng: ChaCha8Rng,
    made_count: usize,
    past: VecDeque<Authorisation>,
    burst: Option<(String, usize)>,
    /// A partition where the account `wanderer` does not belong.
    elsewhere: i32,
}

impl Mix {
    /// From this seed; `name` is in its ids.
    pub(super) fn new(name: &'static str, seed: u64) -> Self {
        let home = partition_of_key(b"wanderer", PARTITIONS_COUNT.unsigned_abs()).0;
        Self {
            traffic: Traffic::new(name, seed),
            rng: ChaCha8Rng::seed_from_u64(seed),
            made_count: 0,
            past: VecDeque::new(),
            burst: None,
            elsewhere: (home + 1) % PARTITIONS_COUNT,
        }
    }

    /// The next input.
    pub(super) fn next_input(&mut self) -> Input {
        self.made_count += 1;
        let number = self.made_count;
        let format = self.traffic.format();
        if number.is_multiple_of(POISON_EVERY) {
            return poison(number / POISON_EVERY, &mut self.traffic, self.elsewhere);
        }
        if number % PROBE_EVERY == PROBE_EVERY / 2 {
            return self.traffic.echo_test(format);
        }
        if number % REPEAT_EVERY == REPEAT_EVERY / 2 && !self.past.is_empty() {
            let mut message = self.past[self.rng.random_range(0..self.past.len())].clone();
            // Marked as a repeat, or the same id again without a word.
            message.message_type += self.rng.random_range(0..2);
            return Input::new(message, format, Expected::Decision);
        }
        if number % BURST_EVERY == 1 {
            self.burst = Some((format!("burst-{number}"), BURST_COUNT));
        }
        self.request()
    }

    fn request(&mut self) -> Input {
        let format = self.traffic.format();
        let message = match &mut self.burst {
            Some((account, left)) if *left > 0 && self.rng.random_bool(0.5) => {
                *left -= 1;
                self.traffic.request_of(account)
            }
            _ if self.rng.random_bool(0.25) => {
                let input = self.traffic.next_input(); // Fills what poison is made of.
                if input.expected == Expected::Decision {
                    self.remember(&input.message);
                }
                return input;
            }
            _ => self.traffic.request_of(&format!("account-{}", self.rng.random_range(0..5_000))),
        };
        self.remember(&message);
        Input::new(message, format, Expected::Decision)
    }

    fn remember(&mut self, message: &Authorisation) {
        if message.message_type % 10 != 1 {
            self.past.push_back(message.clone());
        }
        if self.past.len() > REPEATABLE_COUNT {
            self.past.pop_front();
        }
    }

    /// This many inputs.
    pub(super) fn inputs(&mut self, count: usize) -> Vec<Input> {
        (0..count).map(|_| self.next_input()).collect()
    }
}

/// What went out and where it lies.
#[derive(Clone, Default)]
pub(super) struct Sent {
    /// All of it.
    pub(super) places: Vec<Place>,
    /// The probes among them.
    pub(super) probes: Vec<Place>,
}

impl Sent {
    /// Sends this many of `mix`, and returns when the broker has them.
    pub(super) fn send(&mut self, writer: &Writer, topic: &str, mix: &mut Mix, count: usize) {
        let inputs = mix.inputs(count);
        let records: Vec<Outbound> = inputs.iter().map(|input| input.record.clone()).collect();
        let places = writer.send(topic, &records);
        let probes = inputs.iter().zip(&places).filter(|(input, _)| is_probe(input));
        self.probes.extend(probes.map(|(_, place)| *place));
        self.places.extend(places);
    }
}

fn is_probe(input: &Input) -> bool {
    input.expected == Expected::Acknowledgement(810)
}

/// Traffic that goes out until it is stopped.
pub(super) struct Load {
    should_stop: Arc<AtomicBool>,
    sent_count: Arc<AtomicUsize>,
    thread: JoinHandle<Sent>,
}

impl Load {
    /// Starts traffic of `name`, 1,000 a second, into `topic`. It waits for nobody: what a
    /// broker that is away delays goes out when it is back.
    pub(super) fn start(broker: &Broker, topic: &str, name: &'static str, seed: u64) -> Self {
        Self::at_rate(broker, topic, Mix::new(name, seed), 1_000)
    }

    /// The same with a mix and a rate of its own.
    pub(super) fn at_rate(broker: &Broker, topic: &str, mut mix: Mix, rate: usize) -> Self {
        let should_stop = Arc::new(AtomicBool::new(false));
        let sent_count = Arc::new(AtomicUsize::new(0));
        let (stops, count) = (Arc::clone(&should_stop), Arc::clone(&sent_count));
        let (writer, topic) = (Writer::new(broker), topic.to_owned());
        let thread = thread::spawn(move || {
            let (mut sent, mut probes) = (Sent::default(), Vec::new());
            let began = Instant::now();
            let mut handed_count = 0;
            let take = |sent: &mut Sent, probes: &[bool], acknowledged: Vec<(usize, Place)>| {
                for (number, place) in acknowledged {
                    sent.places.push(place);
                    if probes[number] {
                        sent.probes.push(place);
                    }
                }
                count.store(sent.places.len(), Ordering::Release);
            };
            while !stops.load(Ordering::Acquire) {
                let due_count =
                    rate * usize::try_from(began.elapsed().as_millis()).unwrap() / 1_000;
                let inputs = mix.inputs(due_count - handed_count);
                probes.extend(inputs.iter().map(is_probe));
                let records: Vec<_> = inputs.into_iter().map(|input| input.record).collect();
                writer.hand_over(&topic, handed_count, &records);
                handed_count = due_count;
                take(&mut sent, &probes, writer.acknowledged());
                thread::sleep(GROUP_INTERVAL);
            }
            take(&mut sent, &probes, writer.await_all(PATIENCE));
            sent
        });
        Self { should_stop, sent_count, thread }
    }

    /// How many inputs the broker has.
    pub(super) fn sent_count(&self) -> usize {
        self.sent_count.load(Ordering::Acquire)
    }

    /// Stops it: what was sent.
    pub(super) fn stop(self) -> Sent {
        self.should_stop.store(true, Ordering::Release);
        self.thread.join().expect("traffic goes out")
    }
}

//! The world of one seed: what all share, and what is drawn.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::broker::Broker;
use crate::member::Member;
use crate::points::{Coverage, Fault, Phase, Point};
use crate::support::BEGINNING;
use crate::traffic::Traffic;

/// How much time passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    /// A minute: leases matter.
    Minute,
    /// Most of an hour: stored answers go, and all is within the horizon.
    Hour,
    /// Hours: windows go, too. Nothing refers to what is older than stored answers.
    Hours,
}

/// What a seed is like: each has its own set of faults, so that rare ones are not drowned.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) partitions_count: usize,
    /// Instances judge by different rules and lists: what binds depends on who was first.
    pub(crate) is_unlike: bool,
    /// How long it takes.
    pub(crate) length: Length,
    /// How likely each fault is where it can happen, in ten-thousandths.
    rates: Vec<u32>,
    /// The point at which somebody is struck for certain, if it is reached, and how.
    target: (Point, Fault),
}

impl Profile {
    fn new(seed: u64, random: &mut ChaCha8Rng) -> Self {
        let length = [Length::Minute, Length::Hour, Length::Hours][random.random_range(0..3)];
        let is_swift = random.random_bool(0.1);
        let rates = Fault::ALL
            .iter()
            .map(|fault| {
                let is_used = !is_swift && random.random_bool(0.6);
                let most = usual_rate(*fault);
                if is_used { random.random_range(most / 4..=most) } else { 0 }
            })
            .collect();
        // Round robin over the points: each has its share of any row of seeds.
        let points = Point::ALL.len() as u64;
        let fault = if (seed / points).is_multiple_of(2) { Fault::Killed } else { Fault::Frozen };
        Self {
            partitions_count: random.random_range(1..=4),
            is_unlike: random.random_bool(0.6),
            length,
            rates,
            target: (Point::ALL[(seed % points) as usize], fault),
        }
    }
}

/// The highest rate of a fault, in ten-thousandths of the times when it can happen.
const fn usual_rate(fault: Fault) -> u32 {
    match fault {
        Fault::Killed => 16,
        Fault::Frozen => 20,
        Fault::Deposed | Fault::ToldLost | Fault::Revoked | Fault::AskedToEnd => 4_000,
        Fault::OneMoves | Fault::GivenSeveral => 6_000,
        Fault::BrokerStep | Fault::WallStep | Fault::Hole | Fault::Held => 4_000,
        Fault::LandsUnplaced | Fault::LandsUntold | Fault::LandsAfterAll | Fault::IsLost => 800,
        Fault::ToldLate => 5_000,
        Fault::ToldOutOfOrder | Fault::ToldTwice => 1_500,
        Fault::ProducerFull => 200,
        Fault::ProducerFatal => 10,
        Fault::CommitRefused | Fault::CommitLate => 3_000,
        Fault::PollFault => 100,
        Fault::AskFault => 300,
        Fault::ReadFault => 30,
        Fault::EndsEarly => 2_000,
        Fault::RecalledLate => 6_000,
        Fault::LandsMeanwhile => 300,
        Fault::Retention => 4_000,
        Fault::StopOrder => 6_000,
    }
}

/// What happened: always as a hash, and in words where somebody wants to read it.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    story: Option<Vec<String>>,
}

/// The world of one seed.
pub(crate) struct Sim {
    pub(crate) profile: Profile,
    random: RefCell<ChaCha8Rng>,
    /// True time, which nobody knows.
    pub(crate) now: Cell<i64>,
    pub(crate) broker: RefCell<Broker>,
    /// Who has each partition, as the group sees it.
    pub(crate) owners: RefCell<Vec<Option<u32>>>,
    pub(crate) members: RefCell<BTreeMap<u32, Rc<Member>>>,
    pub(crate) members_count: Cell<u32>,
    /// Of each instance ever, how many stop orders there were when its list was whole.
    pub(crate) lists_at_start: RefCell<Vec<i64>>,
    /// Who was given a partition more than once.
    pub(crate) returned: RefCell<BTreeSet<(String, i32)>>,
    /// The dead, whose records may still land.
    pub(crate) adrift: RefCell<Vec<Rc<Member>>>,
    pub(crate) traffic: RefCell<Traffic>,
    pub(crate) coverage: RefCell<Coverage>,
    pub(crate) counts: RefCell<Counts>,
    trace: RefCell<Trace>,
    /// How many workers are frozen around what happens now.
    pub(crate) depth: Cell<u32>,
    /// How rough it is, in quarters of the profile's rates.
    pub(crate) roughness: Cell<u32>,
    /// No more faults.
    pub(crate) is_calm: Cell<bool>,
    target_left: Cell<u32>,
}

/// What was done and judged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) inputs: u64,
    pub(crate) records: u64,
    pub(crate) binding: u64,
    pub(crate) judged: u64,
    pub(crate) adopted: u64,
    pub(crate) amended: u64,
    pub(crate) foreign: u64,
    pub(crate) gaps: u64,
    pub(crate) restores: u64,
    pub(crate) members: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.records += other.records;
        self.binding += other.binding;
        self.judged += other.judged;
        self.adopted += other.adopted;
        self.amended += other.amended;
        self.foreign += other.foreign;
        self.gaps += other.gaps;
        self.restores += other.restores;
        self.members += other.members;
    }
}

impl Sim {
    pub(crate) fn new(seed: u64, tells_story: bool) -> Rc<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let profile = Profile::new(seed, &mut random);
        let partitions_count = profile.partitions_count;
        let sim = Rc::new(Self {
            random: RefCell::new(random),
            now: Cell::new(BEGINNING),
            broker: RefCell::new(Broker::new(partitions_count)),
            owners: RefCell::new(vec![None; partitions_count]),
            members: RefCell::default(),
            members_count: Cell::new(0),
            lists_at_start: RefCell::default(),
            returned: RefCell::default(),
            adrift: RefCell::default(),
            traffic: RefCell::new(Traffic::new(seed, profile.length)),
            coverage: RefCell::default(),
            counts: RefCell::default(),
            trace: RefCell::new(Trace { hash: HASH_BASIS, story: tells_story.then(Vec::new) }),
            depth: Cell::new(0),
            roughness: Cell::new(4),
            is_calm: Cell::new(false),
            target_left: Cell::new(2),
            profile,
        });
        let Profile { is_unlike, length, target, .. } = &sim.profile;
        sim.tell(0, "begins", || {
            let alike = if *is_unlike { "unlike" } else { "alike" };
            format!("{partitions_count} partitions, instances {alike}, {length:?}, {target:?}")
        });
        sim
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.random.borrow_mut().random_range(0..end)
    }

    pub(crate) fn between(&self, range: std::ops::Range<i64>) -> i64 {
        self.random.borrow_mut().random_range(range)
    }

    pub(crate) fn chance(&self, ten_thousandths: u32) -> bool {
        ten_thousandths > 0 && self.random.borrow_mut().random_range(0..10_000) < ten_thousandths
    }

    /// Draws whether `fault` happens to `member`, and counts it.
    pub(crate) fn happens(&self, fault: Fault, member: &Member) -> bool {
        self.happens_in(fault, member.phase())
    }

    pub(crate) fn happens_in(&self, fault: Fault, phase: Phase) -> bool {
        let happens = self.may_happen(fault);
        if happens {
            self.coverage.borrow_mut().fault(fault, phase);
        }
        happens
    }

    /// The same without counting: whether it makes a difference is seen later.
    pub(crate) fn may_happen(&self, fault: Fault) -> bool {
        let rate = self.profile.rates[fault as usize] * self.roughness.get() / 4;
        !self.is_calm.get() && self.chance(rate)
    }

    /// A worker is at `point`: it may be killed here, or frozen while the world goes on.
    pub(crate) fn at(self: &Rc<Self>, member: &Rc<Member>, point: Point) {
        self.coverage.borrow_mut().reached(point);
        self.hash(u64::from(member.number), point as u64);
        if self.is_calm.get() {
            return;
        }
        let target = self.profile.target;
        let is_target = target.0 == point && self.target_left.get() > 0 && self.chance(5_000);
        for fault in [Fault::Killed, Fault::Frozen] {
            let strikes = (is_target && target.1 == fault) || self.may_happen(fault);
            if !strikes || (fault == Fault::Frozen && self.depth.get() >= 2) {
                continue;
            }
            if is_target {
                self.target_left.set(self.target_left.get() - 1);
            }
            let mut coverage = self.coverage.borrow_mut();
            coverage.struck(fault, point);
            coverage.fault(fault, member.phase());
            drop(coverage);
            if fault == Fault::Frozen {
                self.tell(member.number, "is frozen", || format!("{point:?}"));
                self.freeze(member);
                self.tell(member.number, "goes on", String::new);
            } else {
                self.tell(member.number, "is killed", || format!("{point:?}"));
                member.crash();
            }
        }
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.now.set(self.now.get() + millis);
        let by = Duration::from_millis(millis.unsigned_abs());
        for member in self.members.borrow().values() {
            member.clock.advance(by);
        }
    }

    pub(crate) fn hash(&self, one: u64, other: u64) {
        let mut trace = self.trace.borrow_mut();
        trace.hash = (trace.hash ^ one).wrapping_mul(HASH_PRIME);
        trace.hash = (trace.hash ^ other).wrapping_mul(HASH_PRIME);
    }

    pub(crate) fn hash_bytes(&self, bytes: &[u8]) {
        let folded = bytes.chunks(8).fold(HASH_BASIS, |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            (hash ^ u64::from_le_bytes(word)).wrapping_mul(HASH_PRIME)
        });
        self.hash(bytes.len() as u64, folded);
    }

    /// Notes that `who`, a worker's number or 0 for the world, did `what`.
    pub(crate) fn tell(&self, who: u32, what: &str, more: impl FnOnce() -> String) {
        self.hash_bytes(what.as_bytes());
        self.hash(u64::from(who), self.now.get().cast_unsigned());
        let mut trace = self.trace.borrow_mut();
        let Some(story) = &mut trace.story else { return };
        let since = self.now.get() - BEGINNING;
        let depth = "  ".repeat(self.depth.get() as usize);
        let mut line = format!("{:>9}.{:03} s  {depth}", since / 1_000, since % 1_000);
        let wrote = match who {
            0 => write!(line, "the world {what} {}", more()),
            _ => write!(line, "worker {who} {what} {}", more()),
        };
        wrote.unwrap();
        story.push(line);
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace.borrow().hash
    }

    /// The last `count` things that matter to the input called `about`, in words.
    pub(crate) fn story(&self, about: Option<&str>, count: usize) -> String {
        let trace = self.trace.borrow();
        let story = trace.story.iter().flatten();
        let matters = |line: &&String| {
            let is_minor = MINOR.iter().any(|what| line.contains(what));
            let words = || line.split([' ', ',']);
            !is_minor || about.is_some_and(|about| words().any(|word| word == about))
        };
        let told: Vec<&str> = story.filter(matters).map(String::as_str).collect();
        told[told.len().saturating_sub(count)..].join("\n")
    }
}

/// What happens all the time: told only where it is about the input in question.
const MINOR: [&str; 4] = [" sends ", " has landed ", " has as input ", " commits "];
const HASH_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x0100_0000_01b3;

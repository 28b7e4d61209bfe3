//! A seeded storm over a few workers, and the judgement when it is over.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::domain::PartitionId;
use stopline::service::WorkerEnd;
use stopline::service::journal::RestoreFault;
use stopline::service::log::Change;
use stopline::service::log::memory::MemoryBroker;

use super::member::{Member, Rules, fates};
use super::traffic::Traffic;
use crate::support::faulty_log::{Script, given};
use crate::support::owner::Owner;
use crate::support::{AUTHORISATIONS, BEGINNING, GROUP, Rig, loss_order};

const STEPS_COUNT: usize = 160;
/// A storm that is not long stays well within the horizon.
const SHORT_MILLIS: i64 = 3_000_000;
const SETTLING_TURNS_MAX: usize = 3_000;

/// What may happen in a storm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One worker per partition at a time, one list, one rule set.
    Mild,
    /// Zombies, too, under other lists and rules.
    Wild,
}

/// What was seen in storms: what never happens is not tested.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Seen {
    pub(super) inputs: u64,
    pub(super) records: u64,
    pub(super) judged: u64,
    pub(super) kills: u64,
    pub(super) zombies: u64,
    pub(super) returns: u64,
    pub(super) adopted: u64,
    pub(super) gaps: u64,
    pub(super) foreign: u64,
    pub(super) amended: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.records += other.records;
        self.judged += other.judged;
        self.kills += other.kills;
        self.zombies += other.zombies;
        self.returns += other.returns;
        self.adopted += other.adopted;
        self.gaps += other.gaps;
        self.foreign += other.foreign;
        self.amended += other.amended;
    }
}

/// Asserts that what the tests are about happened.
pub(super) fn check_coverage(kind: Kind, seen: &Seen) {
    let Seen { kills, zombies, returns, adopted, gaps, foreign, amended, judged, .. } = *seen;
    assert!([kills, returns, adopted, gaps, judged].iter().all(|count| *count > 0), "{seen:?}");
    if kind == Kind::Wild {
        assert!([zombies, foreign, amended].iter().all(|count| *count > 0), "{seen:?}");
    }
}

pub(super) struct Storm {
    pub(super) kind: Kind,
    /// It outlasts the horizon, maybe.
    pub(super) is_long: bool,
    pub(super) random: ChaCha8Rng,
    pub(super) rig: Rig,
    pub(super) traffic: Traffic,
    members: BTreeMap<u32, Member>,
    /// What each writer ever wrote, dead or alive.
    pub(super) writers: HashMap<String, Rc<RefCell<Script>>>,
    members_count: u32,
    /// Who was given each partition last, and has it still.
    pub(super) owners: Vec<Option<u32>>,
    /// Logs of the dead: what is in flight may land.
    adrift: Vec<Rc<RefCell<Script>>>,
    pub(super) probes_from: Vec<std::ops::Range<usize>>,
    pub(super) seen: Seen,
}

impl Storm {
    pub(super) fn new(seed: u64, kind: Kind) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let partitions_count = random.random_range(1..=2);
        let is_long = random.random_bool(0.5);
        Self {
            kind,
            is_long,
            random,
            rig: Rig::new(partitions_count),
            traffic: Traffic::new(is_long),
            members: BTreeMap::new(),
            writers: HashMap::new(),
            members_count: 0,
            owners: vec![None; partitions_count as usize],
            adrift: Vec::new(),
            probes_from: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn broker(&self) -> MemoryBroker {
        self.rig.broker.clone()
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.owners.len()).map(|index| PartitionId(i32::try_from(index).unwrap()))
    }

    /// Lets anything happen.
    pub(super) fn rage(&mut self) {
        for _ in 0..STEPS_COUNT {
            self.step();
        }
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..=29 => self.traffic.send_any(&self.rig, &mut self.random),
            30..=39 => self.let_time_pass(),
            40..=46 => self.land_any(),
            47..=52 => self.set_faults(),
            53..=61 => self.give_any(),
            62..=63 => self.kill_any(),
            64..=65 => self.revoke_any(),
            66..=67 if self.kind == Kind::Wild => self.depose_any(),
            68 if self.kind == Kind::Wild => self.tell_lost(),
            69 if self.kind == Kind::Wild => self.change_lists(),
            _ => self.turn_any(),
        }
    }

    fn let_time_pass(&mut self) {
        let millis = match self.random.random_range(0..40) {
            0 if self.is_long => self.random.random_range(500_000..4_000_000),
            0..=4 if self.is_long || self.rig.clock.unix_millis() < BEGINNING + SHORT_MILLIS => {
                self.random.random_range(60_000..400_000)
            }
            _ => self.random.random_range(0..5_000),
        };
        self.rig.clock.advance(Duration::from_millis(millis));
    }

    fn any_member(&mut self) -> Option<u32> {
        let count = self.members.len();
        (count > 0).then(|| *self.members.keys().nth(self.random.random_range(0..count)).unwrap())
    }

    fn turn_any(&mut self) {
        if let Some(member) = self.any_member() {
            for _ in 0..self.random.random_range(1..4) {
                self.turn(member);
            }
        }
    }

    fn turn(&mut self, number: u32) {
        if let Some(member) = self.members.get_mut(&number) {
            let is_fenced = member.owner.script.borrow().is_fenced;
            match member.owner.worker.turn() {
                Ok(()) => {}
                // A zombie that never had a position finds its successor's answers.
                Err(WorkerEnd::NotRestored(RestoreFault::NoPosition { .. })) if is_fenced => {
                    self.kill(number);
                }
                Err(end) => panic!("{end}"),
            }
        }
    }

    /// Lets some records in flight land, of the living or the dead.
    fn land_any(&mut self) {
        let broker = self.broker();
        let count = self.random.random_range(1..5);
        let dead = self.adrift.len();
        if dead > 0 && self.random.random_bool(0.5) {
            let place = self.random.random_range(0..dead);
            self.adrift[place].borrow_mut().land(&broker, count);
            if self.random.random_bool(0.3) {
                self.adrift.remove(place);
            }
        } else if let Some(member) = self.any_member() {
            self.members[&member].owner.script.borrow_mut().land(&broker, count);
        }
    }

    fn set_faults(&mut self) {
        let Some(member) = self.any_member() else { return };
        let mut script = self.members[&member].owner.script.borrow_mut();
        script.holds_back = self.random.random_bool(0.4);
        script.refuses_commits = self.random.random_bool(0.3);
        script.full_times = if self.random.random_bool(0.1) { 2 } else { 0 };
        script.fates = self
            .random
            .random_bool(0.6)
            .then(|| fates(ChaCha8Rng::seed_from_u64(self.random.random())));
    }

    /// Gives a partition that nobody has to somebody, new or not.
    fn give_any(&mut self) {
        let partition = self.random.random_range(0..self.owners.len());
        if self.owners[partition].is_some() {
            return;
        }
        let member = match self.any_member() {
            Some(member) if self.random.random_bool(0.5) => member,
            _ => self.make_member(),
        };
        if !self.members[&member].owner.script.borrow().is_fenced {
            self.give(partition, member);
        }
    }

    fn give(&mut self, partition: usize, member: u32) {
        let id = PartitionId(i32::try_from(partition).unwrap());
        let mut script = self.members[&member].owner.script.borrow_mut();
        self.seen.returns += u64::from(script.released.contains(&id));
        script.changes.push_back(given(&[id.0]));
        drop(script);
        self.owners[partition] = Some(member);
        self.turn(member);
    }

    fn make_member(&mut self) -> u32 {
        self.members_count += 1;
        let rules = match (self.kind, self.random.random_range(0..3)) {
            (Kind::Mild, _) | (Kind::Wild, 0) => Rules::Usual,
            (Kind::Wild, 1) => Rules::Strict,
            (Kind::Wild, _) => Rules::Lax,
        };
        let shared = match self.kind {
            Kind::Mild => Arc::clone(&self.rig.shared),
            Kind::Wild => Arc::default(),
        };
        let seed = self.random.random();
        let member = Member::new(&self.rig, self.members_count, rules, shared, seed);
        let writer = format!("test/{}", self.members_count);
        self.writers.insert(writer, Rc::clone(&member.owner.script));
        self.members.insert(self.members_count, member);
        self.members_count
    }

    fn kill_any(&mut self) {
        if let Some(member) = self.any_member() {
            self.kill(member);
            self.seen.kills += 1;
        }
    }

    fn kill(&mut self, member: u32) {
        let Owner { script, notes, worker } = self.members.remove(&member).unwrap().owner;
        drop(worker);
        let tally = &notes.borrow().tally;
        self.seen.adopted += tally.adopted;
        self.seen.gaps += tally.gaps;
        self.seen.foreign += tally.foreign_records;
        self.seen.amended += tally.amended;
        self.adrift.push(script);
        for owner in &mut self.owners {
            *owner = owner.filter(|owner| *owner != member);
        }
    }

    /// Takes a partition away as the group does: its owner settles it first, if it can.
    fn revoke_any(&mut self) {
        let partition = self.random.random_range(0..self.owners.len());
        let Some(member) = self.owners[partition] else { return };
        let id = PartitionId(i32::try_from(partition).unwrap());
        let script = Rc::clone(&self.members[&member].owner.script);
        let before = script.borrow().released.len();
        script.borrow_mut().changes.push_back(Change::Revoked(vec![id]));
        while script.borrow().released.len() == before {
            self.turn(member);
            self.rig.clock.advance(Duration::from_millis(500));
            if self.random.random_bool(0.2) {
                script.borrow_mut().land(&self.rig.broker, 2);
            }
        }
        self.owners[partition] = None;
    }

    /// The group gives a member up that does not know it: a zombie from now on.
    fn depose_any(&mut self) {
        let Some(member) = self.any_member() else { return };
        for owner in &mut self.owners {
            if *owner == Some(member) {
                *owner = None;
                self.seen.zombies += 1;
            }
        }
        self.members[&member].owner.script.borrow_mut().is_fenced = true;
        if self.random.random_bool(0.7) {
            self.give_any();
        }
    }

    /// A zombie learns that it is one, and joins again.
    fn tell_lost(&mut self) {
        let Some(member) = self.any_member() else { return };
        let script = Rc::clone(&self.members[&member].owner.script);
        if !script.borrow().is_fenced {
            return;
        }
        let lost = self.members[&member].held();
        script.borrow_mut().changes.push_back(Change::Lost(lost));
        while self.members.contains_key(&member) && !script.borrow().changes.is_empty() {
            self.turn(member);
        }
        script.borrow_mut().is_fenced = false;
    }

    /// An order comes, and some members learn of it.
    fn change_lists(&mut self) {
        let number = self.random.random_range(0..4);
        self.rig.publish(&loss_order(&format!("order-{number}"), &format!("account-{number}")));
        for member in self.members.values() {
            if self.random.random_bool(0.5) {
                self.rig.follow(&member.shared);
            }
        }
    }

    /// Ends the zombies and the faults, and lets everything be answered.
    pub(super) fn calm_down(&mut self) {
        let owners: Vec<u32> = self.owners.iter().copied().flatten().collect();
        let strays: Vec<u32> =
            self.members.keys().copied().filter(|member| !owners.contains(member)).collect();
        let broker = self.broker();
        for stray in strays {
            self.kill(stray);
        }
        for script in std::mem::take(&mut self.adrift) {
            let count = self.random.random_range(0..20);
            script.borrow_mut().land(&broker, count);
        }
        for member in self.members.values() {
            let mut script = member.owner.script.borrow_mut();
            script.land(&broker, usize::MAX);
            script.holds_back = false;
            script.refuses_commits = false;
            script.full_times = 0;
            script.fates = None;
        }
        for partition in 0..self.owners.len() {
            if self.owners[partition].is_none() {
                let member = self.make_member();
                self.give(partition, member);
            }
        }
        self.settle();
    }

    /// Turns until every input is answered, acknowledged and committed.
    pub(super) fn settle(&mut self) {
        for _ in 0..SETTLING_TURNS_MAX {
            let members: Vec<u32> = self.members.keys().copied().collect();
            for member in members {
                self.turn(member);
            }
            self.rig.clock.advance(Duration::from_millis(200));
            let ends = self.rig.ends(AUTHORISATIONS);
            let is_settled = self.partitions().zip(ends).all(|(partition, end)| {
                let committed = self.rig.broker.committed(GROUP, AUTHORISATIONS, partition);
                committed == Ok(Some(end))
            });
            if is_settled {
                return;
            }
        }
        panic!("something is never answered, acknowledged or committed");
    }

    /// Lets a fresh worker take over from the survivors.
    pub(super) fn replace_all(&mut self) {
        let members: Vec<u32> = self.members.keys().copied().collect();
        for member in members {
            self.kill(member);
        }
        self.adrift.clear();
        let member = self.make_member();
        for partition in 0..self.owners.len() {
            self.give(partition, member);
        }
        self.settle();
    }
}

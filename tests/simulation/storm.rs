//! What happens to the instances, step by step, and how all comes to rest.

use std::rc::Rc;
use std::time::Duration;

use stopline::domain::Offset;

use crate::broker::Stored;
use crate::judgement::Probe;
use crate::member::{LEASE, Member};
use crate::points::{Fault, Phase};
use crate::policy::HORIZON_MILLIS;
use crate::sim::{Length, Sim};
use crate::support::BEGINNING;

/// Steps of a seed; about 500 messages are sent in them.
const STEPS_COUNT: usize = 600;
/// The weather changes so often.
const STEPS_BETWEEN: usize = 75;
const HOUR_MILLIS: i64 = 3_000_000;
const SETTLING_TURNS_MAX: usize = 3_000;

impl Sim {
    /// Lets anything happen, now roughly and now quietly.
    pub(crate) fn rage(self: &Rc<Self>) {
        for step in 0..STEPS_COUNT {
            if step.is_multiple_of(STEPS_BETWEEN) {
                self.roughness.set([0, 1, 4, 4, 8][self.below(5)]);
                self.tell(0, "is rough", || format!("{} of 8", self.roughness.get()));
            }
            self.step();
        }
    }

    fn step(self: &Rc<Self>) {
        match self.below(100) {
            0..=26 => self.send_some(),
            27..=34 => self.let_time_pass(),
            35..=40 => self.deliver_any(),
            41..=48 => {
                let partitions: Vec<_> = self.partitions().collect();
                self.give(partitions[self.below(partitions.len())]);
            }
            49..=54 => self.change_group(),
            55..=59 => self.change_world(),
            60..=62 => self.change_lists(),
            _ => self.turn_any(),
        }
    }

    fn send_some(&self) {
        for _ in 0..=self.below(5) {
            self.traffic.borrow_mut().send_any(self);
        }
    }

    fn let_time_pass(&self) {
        let is_within_hour = self.now.get() < BEGINNING + HOUR_MILLIS;
        let millis = match (self.profile.length, self.below(40)) {
            (Length::Minute, _) => self.between(0..400),
            (Length::Hours, 0) => self.between(500_000..4_000_000),
            (Length::Hours, 1..=4) => self.between(60_000..400_000),
            (Length::Hour, 0..=4) if is_within_hour => self.between(60_000..400_000),
            _ => self.between(0..5_000),
        };
        self.advance(millis);
    }

    fn turn_any(&self) {
        for _ in 0..=self.below(3) {
            if let Some(member) = self.any_member() {
                self.turn(&member);
            }
        }
    }

    fn change_group(self: &Rc<Self>) {
        let members: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        if members.is_empty() {
            return;
        }
        let member = &members[self.below(members.len())];
        if member.is_fenced.get() {
            // A frozen one learns nothing.
            if member.is_free() && self.happens(Fault::ToldLost, member) {
                self.tell_lost(member);
            }
            return;
        }
        match self.below(4) {
            0 if self.happens(Fault::Deposed, member) => self.depose(member),
            1 if member.is_free() && self.happens(Fault::AskedToEnd, member) => {
                self.tell(member.number, "is asked to end", String::new);
                member.is_ending.set(true);
                self.turn(member);
            }
            2 | 3 if member.is_free() => self.revoke(member),
            _ => {}
        }
    }

    /// Clocks, retention, and whatever else happens to the machines.
    fn change_world(&self) {
        let Some(member) = self.any_member() else { return };
        let place = self.below(self.profile.partitions_count);
        match self.below(5) {
            0 if member.has_lease && self.happens(Fault::Held, &member) => {
                let held = LEASE + Duration::from_millis(self.between(1..20_000).unsigned_abs());
                self.tell(member.number, "is held up", || format!("for {held:?}"));
                member.clock.advance(held);
            }
            1 if self.happens(Fault::WallStep, &member) => {
                let to = self.now.get() + self.between(-500_000..500_000);
                member.clock.step_wall_to(to);
            }
            2 if self.happens(Fault::BrokerStep, &member) => {
                let side = self.below(2);
                let skew = self.between(-200_000..200_000);
                self.tell(0, "sets a broker's clock", || format!("{place} {side}: {skew} ms"));
                self.broker.borrow_mut().skew_millis[place][side] = skew;
            }
            3 if self.happens(Fault::Hole, &member) => {
                let mut broker = self.broker.borrow_mut();
                if self.chance(5_000) {
                    broker.inputs[place].leave_hole();
                } else if broker.outputs[place].end > 0 {
                    broker.outputs[place].leave_hole();
                }
            }
            4 => self.delete_old(&member, place),
            _ => {}
        }
    }

    /// Deletes what is older than anybody asks for; the journal is kept longer.
    fn delete_old(&self, member: &Member, place: usize) {
        if !self.happens(Fault::Retention, member) {
            return;
        }
        // Whoever takes over hours too late, or began to hours ago, knows that its history is
        // truncated, says so, and judges otherwise.
        let is_zombie = |member: &Rc<Member>| member.is_fenced.get() || !member.is_free();
        if !self.profile.is_unlike && self.members.borrow().values().any(is_zombie) {
            return;
        }
        let mut broker = self.broker.borrow_mut();
        let Some(committed) = broker.committed[place] else { return };
        let inputs = &broker.inputs[place];
        let is_done = |input: &&Rc<Stored>| input.offset.0 < committed;
        let Some(last) = inputs.records.iter().rev().find(is_done) else { return };
        let reached = last.appended_at.min(self.now.get());
        let oldest = reached - HORIZON_MILLIS - 500_000;
        let moves = broker.inputs[place].retain(oldest, committed);
        broker.outputs[place].retain(oldest - 1_200_000, i64::MAX);
        drop(broker);
        if moves {
            self.tell(0, "deletes old inputs", || format!("of {place}"));
        }
    }

    /// An order comes, and some followers take what there is.
    fn change_lists(&self) {
        if !self.profile.is_unlike {
            return;
        }
        let phase = self.any_member().map_or(Phase::Answering, |member| member.phase());
        if self.happens_in(Fault::StopOrder, phase) {
            self.traffic.borrow_mut().send_stop_order(self);
        }
        for member in self.free_members() {
            if self.chance(5_000) {
                member.follow();
            }
        }
    }

    /// `member` stands still in the middle of what it does, and the world goes on.
    pub(crate) fn freeze(self: &Rc<Self>, member: &Rc<Member>) {
        self.depth.set(self.depth.get() + 1);
        if !member.is_fenced.get() && self.chance(6_000) {
            self.coverage.borrow_mut().fault(Fault::Deposed, member.phase());
            self.depose(member);
        }
        for _ in 0..self.below(40) + 2 {
            self.step();
        }
        self.depth.set(self.depth.get() - 1);
        if member.is_doomed() {
            member.crash();
        }
    }

    /// Ends the faults and the zombies, and lets everything be answered.
    pub(crate) fn calm_down(self: &Rc<Self>) {
        self.is_calm.set(true);
        self.tell(0, "calms down", String::new);
        let members: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        for member in members {
            if member.is_fenced.get() || self.chance(2_000) {
                self.bury(&member);
            }
        }
        let adrift: Vec<Rc<Member>> = self.adrift.borrow_mut().drain(..).collect();
        for dead in adrift {
            for _ in 0..self.below(20) {
                dead.deliver_one(self);
            }
        }
        self.settle();
    }

    /// Turns until every input is answered, acknowledged and committed.
    pub(crate) fn settle(self: &Rc<Self>) {
        for _ in 0..SETTLING_TURNS_MAX {
            for partition in self.partitions() {
                self.give(partition);
            }
            for member in self.free_members() {
                for _ in 0..4 {
                    member.follow();
                }
                self.turn(&member);
            }
            self.advance(200);
            if self.is_settled() {
                return;
            }
        }
        panic!("O1: something is never answered, acknowledged or committed");
    }

    fn is_settled(&self) -> bool {
        let broker = self.broker.borrow();
        let is_committed =
            broker.inputs.iter().zip(&broker.committed).all(|(inputs, committed)| {
                committed.is_some_and(|committed| inputs.from(committed).is_none())
            });
        let has_list = |member: &Rc<Member>| {
            i64::try_from(member.list_version()).unwrap() >= broker.stop_orders.end
        };
        is_committed && self.members.borrow().values().all(has_list)
    }

    /// Lets fresh instances take over from the survivors.
    pub(crate) fn replace_all(self: &Rc<Self>) {
        let members: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        for member in members {
            self.bury(&member);
        }
        self.adrift.borrow_mut().clear();
        self.settle();
    }

    /// Asks all instances what they remember, and looks.
    pub(crate) fn probe(self: &Rc<Self>) -> Probe {
        let ends = || {
            let broker = self.broker.borrow();
            broker.inputs.iter().map(|inputs| Offset(inputs.end)).collect()
        };
        let from = ends();
        self.tell(0, "asks what is remembered", String::new);
        self.traffic.borrow_mut().send_probes(self);
        self.settle();
        let listings = self.partitions().map(|partition| {
            let owner = self.owners.borrow()[partition.0 as usize].unwrap();
            self.members.borrow()[&owner].listing(partition)
        });
        let listings = listings.collect();
        Probe { from, to: ends(), listings }
    }

    /// Ends all that is left, so that nothing keeps this world alive.
    pub(crate) fn end(&self) {
        let members: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        for member in members {
            member.kill();
        }
        self.members.borrow_mut().clear();
        self.adrift.borrow_mut().clear();
    }
}

//! The group: who has which partition, and what it takes for a commit.

use std::rc::Rc;

use stopline::domain::{Offset, PartitionId};
use stopline::service::log::{Assigned, Change};

use crate::member::Member;
use crate::points::Fault;
use crate::sim::Sim;

/// So many instances that the group knows.
const MEMBERS_MAX: usize = 3;

impl Sim {
    pub(crate) fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.profile.partitions_count).map(|index| PartitionId(i32::try_from(index).unwrap()))
    }

    /// All instances alive, zombies too, that are not turning.
    pub(crate) fn free_members(&self) -> Vec<Rc<Member>> {
        let members = self.members.borrow();
        members.values().filter(|member| member.is_free()).cloned().collect()
    }

    pub(crate) fn any_member(&self) -> Option<Rc<Member>> {
        let members = self.free_members();
        (!members.is_empty()).then(|| Rc::clone(&members[self.below(members.len())]))
    }

    pub(crate) fn make_member(self: &Rc<Self>) -> Rc<Member> {
        let number = self.members_count.get() + 1;
        self.members_count.set(number);
        self.counts.borrow_mut().members += 1;
        let member = Member::new(self, number);
        self.tell(number, "starts", || format!("with {} stop orders", member.list_version()));
        self.members.borrow_mut().insert(number, Rc::clone(&member));
        member
    }

    /// Gives `partition`, which nobody has, to somebody, new or not.
    pub(crate) fn give(self: &Rc<Self>, partition: PartitionId) {
        let place = partition.0 as usize;
        if self.owners.borrow()[place].is_some() {
            return;
        }
        let members = self.members.borrow().values().cloned().collect::<Vec<_>>();
        let able: Vec<_> = members
            .into_iter()
            .filter(|member| !member.is_fenced.get() && !member.is_ending.get())
            .collect();
        let makes_one = able.is_empty() || (able.len() < MEMBERS_MAX && self.chance(4_000));
        let member =
            if makes_one { self.make_member() } else { Rc::clone(&able[self.below(able.len())]) };
        // One that has it still, from before it was given up, learns of that first.
        if member.client.borrow().shares.contains_key(&partition) {
            return;
        }
        let mut given = vec![partition];
        let others: Vec<_> =
            self.partitions().filter(|it| self.is_left_for(*it, &member)).collect();
        if others.len() > 1 && self.happens(Fault::GivenSeveral, &member) {
            given = others;
        }
        let nothing = Offset(0);
        let assigned = given.into_iter().map(|partition| {
            self.owners.borrow_mut()[partition.0 as usize] = Some(member.number);
            Assigned { partition, committed: None, beginning: nothing, end: nothing }
        });
        let change = Change::Assigned(assigned.collect());
        member.client.borrow_mut().changes.push_back(change);
    }

    /// True where nobody has `partition`, and `member` has nothing of it from earlier.
    fn is_left_for(&self, partition: PartitionId, member: &Member) -> bool {
        self.owners.borrow()[partition.0 as usize].is_none()
            && !member.client.borrow().shares.contains_key(&partition)
    }

    /// Asks `member` for all that it holds, or for one of several, as a partition moves when
    /// an instance joins.
    pub(crate) fn revoke(&self, member: &Member) {
        if !member.client.borrow().changes.is_empty() {
            return;
        }
        let mut held = member.held();
        held.retain(|partition| !member.client.borrow().leaving.contains(partition));
        if held.len() > 1 && self.happens(Fault::OneMoves, member) {
            held = vec![held[self.below(held.len())]];
        } else if held.is_empty() || !self.happens(Fault::Revoked, member) {
            return;
        }
        member.client.borrow_mut().changes.push_back(Change::Revoked(held));
    }

    /// The group gives `member` up, which does not know: a zombie from now on.
    pub(crate) fn depose(&self, member: &Member) {
        self.tell(member.number, "is given up by the group", String::new);
        member.is_fenced.set(true);
        self.disown(member);
    }

    fn disown(&self, member: &Member) {
        for owner in self.owners.borrow_mut().iter_mut() {
            *owner = owner.filter(|owner| *owner != member.number);
        }
    }

    /// A zombie learns that it is one, and joins again.
    pub(crate) fn tell_lost(&self, member: &Member) {
        let mut client = member.client.borrow_mut();
        client.changes.clear();
        client.commits.clear();
        let held: Vec<PartitionId> = client.shares.keys().copied().collect();
        if !held.is_empty() {
            client.changes.push_back(Change::Lost(held));
        }
        drop(client);
        member.is_fenced.set(false);
    }

    /// `member` gave `partitions` back.
    pub(crate) fn released(&self, member: &Member, partitions: &[PartitionId]) {
        let mut owners = self.owners.borrow_mut();
        for partition in partitions {
            let owner = &mut owners[partition.0 as usize];
            *owner = owner.filter(|owner| *owner != member.number);
        }
    }

    /// `member` is no more: the group notices, and what it sent may still land.
    pub(crate) fn bury(&self, member: &Rc<Member>) {
        member.kill();
        if self.members.borrow_mut().remove(&member.number).is_none() {
            return;
        }
        if self.chance(5_000) {
            member.apply_commits(self);
        }
        self.disown(member);
        self.adrift.borrow_mut().push(Rc::clone(member));
    }

    /// Lets `member` turn; one that ends by that is buried.
    pub(crate) fn turn(&self, member: &Rc<Member>) {
        if !member.turn(self) {
            self.bury(member);
        }
    }

    /// Lets a record of somebody, dead or alive, land.
    pub(crate) fn deliver_any(&self) {
        let adrift = self.adrift.borrow().len();
        if adrift > 0 && self.chance(5_000) {
            let place = self.below(adrift);
            let dead = Rc::clone(&self.adrift.borrow()[place]);
            let has_landed = dead.deliver_one(self);
            if !has_landed || self.chance(1_000) {
                self.adrift.borrow_mut().retain(|other| other.number != dead.number);
            }
            return;
        }
        let members: Vec<_> = self.members.borrow().values().cloned().collect();
        if !members.is_empty() {
            members[self.below(members.len())].deliver_one(self);
        }
    }
}

impl Member {
    /// The group takes what was committed, or refuses it; what it takes must be answered.
    pub(crate) fn apply_commits(&self, sim: &Sim) {
        let commits = std::mem::take(&mut self.client.borrow_mut().commits);
        for (partition, position) in commits.into_iter().flatten() {
            let place = partition.0 as usize;
            let is_owner = sim.owners.borrow()[place] == Some(self.number);
            if self.is_fenced.get() || !is_owner {
                self.client.borrow_mut().is_commit_refused = true;
                continue;
            }
            let mut broker = sim.broker.borrow_mut();
            let first_unanswered = broker.first_unanswered(place);
            sim.tell(self.number, "commits", || format!("{place}:{}", position.0));
            assert!(
                position.0 <= first_unanswered,
                "O1: worker {} commits {place}:{}, and {place}:{first_unanswered} has no record",
                self.number,
                position.0
            );
            let earlier = broker.committed[place].replace(position.0);
            assert!(
                earlier.is_none_or(|earlier| earlier <= position.0),
                "O1: worker {} commits {place}:{} behind {earlier:?}",
                self.number,
                position.0
            );
        }
    }
}

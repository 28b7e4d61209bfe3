//! What must hold when all is at rest.
//!
//! - O1: every input has a record, of the kind that it must have.
//! - O2: of one decided input the decision at the lowest offset binds; copies of one writer
//!   are the same, unless an amendment or another assignment came between.
//! - O3: every binding decision follows from what it recorded, stop orders included; where
//!   all instances judge alike, it is byte for byte that of the reference.
//! - O4: what the instances remember, asked by probes, is what the reference remembers, fed
//!   with what binds: the survivors' and that of fresh ones that took over.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message as _;
use stopline::domain::{Offset, PartitionId};
use stopline::engine::shared::Shared;
use stopline::service::log::Side;
use stopline::wire::proto::{self, record::Answer};

use crate::broker::{Broker, Landed, Stored};
use crate::reference::{Expected, Reference, check_rederives};
use crate::sim::{Counts, Sim};

/// Questions to all instances.
pub(crate) struct Probe {
    /// From which input on they were sent, per partition.
    pub(crate) from: Vec<Offset>,
    /// Up to which.
    pub(crate) to: Vec<Offset>,
    /// What was remembered when they were answered.
    pub(crate) listings: Vec<Vec<String>>,
}

impl Sim {
    /// Judges all that happened.
    pub(crate) fn judge(&self, probes: &[Probe]) {
        let broker = self.broker.borrow();
        let mut counts = Counts::default();
        for partition in self.partitions() {
            self.judge_answers(&broker, partition, probes, &mut counts);
            self.judge_copies(&broker, partition);
            counts.records += broker.journal[partition.0 as usize].records.len() as u64;
        }
        let mut all = self.counts.borrow_mut();
        all.add(&counts);
    }

    fn judge_answers(
        &self,
        broker: &Broker,
        partition: PartitionId,
        probes: &[Probe],
        counts: &mut Counts,
    ) {
        let place = partition.0 as usize;
        let journal = &broker.journal[place];
        let mut reference =
            Reference::new(partition, self.profile.partitions_count, Shared::default());
        let is_probe =
            |offset| probes.iter().any(|it| (it.from[place]..it.to[place]).contains(&offset));
        for input in &broker.side(Side::Inputs, place).records {
            counts.inputs += 1;
            let name = format!("{place}:{}", input.offset.0);
            let expected = reference.answer(input);
            let Some(first) = journal.answers.get(&input.offset.0) else {
                panic!("O1: input {name} has no record");
            };
            self.coverage.borrow_mut().answers.note(&first.answer);
            let binding = journal.binding.get(&input.offset.0);
            check_kind(&name, input, &expected, first, binding);
            if let Some(binding) = binding {
                counts.binding += 1;
                let decision = binding.decision().unwrap();
                check_rederives(input, decision);
                self.check_stop(broker, &name, binding, decision);
                reference.follow(binding);
            }
            if !self.profile.is_unlike {
                assert!(
                    first.value == expected.value,
                    "O3: all instances judge alike, and {name} is answered with {:?} where an \
                     undisturbed engine says {:?}",
                    first.answer,
                    expected.answer
                );
            }
            for probe in probes.iter().filter(|it| it.to[place] == input.offset.next()) {
                reference.check_state(&probe.listings[place]);
            }
            if is_probe(input.offset) {
                counts.judged += 1;
                let decided = expected.decided().and_then(|decided| journal.binding.get(&decided));
                let noted = first.noted().filter(|noted| *noted != input.offset.0);
                if noted.is_some() && noted == expected.noted() {
                    // Notes do not bind: the answer may be any that the first one got.
                    let is_copy = |copy: &Rc<Landed>| copy.value == first.value;
                    let mut copies = journal.records.iter().filter(|it| Some(it.answers) == noted);
                    assert!(
                        copies.any(is_copy),
                        "O4: {name} repeats what was never said: {first:?}"
                    );
                    continue;
                }
                check_remembered(&name, &expected, first, decided);
            }
        }
    }

    /// A decision must have seen the stop orders that it says it has, and all that were there
    /// when its writer began.
    fn check_stop(&self, broker: &Broker, name: &str, landed: &Landed, decision: &proto::Decision) {
        let number: usize = landed.writer.split_once('/').unwrap().1.parse().unwrap();
        let at_start = self.lists_at_start.borrow()[number - 1];
        let version = decision.stop_list_version;
        assert!(
            version >= at_start,
            "O3: {name} was decided by {} with {version} stop orders of {at_start}",
            landed.writer
        );
        let mut latest = BTreeMap::new();
        for record in broker.stop_orders.records.iter().filter(|it| it.offset.0 < version) {
            let order = proto::StopOrder::decode(record.value.as_deref().unwrap()).unwrap();
            latest.insert(order.order_id.clone(), (order, record));
        }
        let moment = decision.appended_at_millis;
        let stopping = latest.values().find(|(order, record)| {
            self.account_key(order.account_reference()) == decision.account_key
                && record.appended_at <= moment
                && order.lifted_at_millis.is_none_or(|lifted| moment < lifted)
        });
        let seen = decision.stop_order.as_ref().map(|seen| seen.offset);
        assert_eq!(
            seen,
            stopping.map(|(_, record)| record.offset.0),
            "O3: the stop order of {name}, decided with {version} stop orders"
        );
    }

    fn account_key(&self, account: &str) -> String {
        format!("{:032x}", crate::support::door().keys().account_key(account).bits())
    }

    fn judge_copies(&self, broker: &Broker, partition: PartitionId) {
        let journal = &broker.journal[partition.0 as usize];
        let mut last: BTreeMap<(&str, i64), &Rc<Landed>> = BTreeMap::new();
        for record in &journal.records {
            let Some(decided) = record.decided() else { continue };
            let binding = &journal.binding[&decided];
            let earlier = last.insert((&record.writer, decided), record);
            let Some(earlier) = earlier.filter(|earlier| earlier.value != record.value) else {
                continue;
            };
            let knew = [earlier, record].iter().any(|copy| copy.value == binding.value);
            let has_returned =
                self.returned.borrow().contains(&(record.writer.clone(), partition.0));
            assert!(
                (knew || has_returned) && self.profile.is_unlike,
                "O2: {} decides input {}:{decided} in two ways, at {} and {} of the journal",
                record.writer,
                partition.0,
                earlier.offset,
                record.offset
            );
        }
    }
}

/// The first record of an input must be what the input asks for.
fn check_kind(
    name: &str,
    input: &Stored,
    expected: &Expected,
    first: &Landed,
    binding: Option<&Rc<Landed>>,
) {
    let own = Some(input.offset.0);
    match &expected.answer {
        Answer::Decision(_) if expected.decided() == own => {
            assert!(binding.is_some(), "O1: {name} must be decided and is not: {first:?}");
        }
        Answer::Decision(_) => {
            assert!(binding.is_none(), "O2: {name} repeats another and was decided: {binding:?}");
            assert_eq!(first.decided(), expected.decided(), "O2: what {name} repeats: {first:?}");
        }
        Answer::Acknowledgement(_) => assert!(
            matches!(first.answer, Answer::Acknowledgement(_)),
            "O1: {name} must be noted and is not: {first:?}"
        ),
        Answer::Error(expected) => match &first.answer {
            Answer::Error(found) => assert_eq!(found.reason, expected.reason, "O1: {name}"),
            other => panic!("O1: {name} must be refused and is not: {other:?}"),
        },
    }
}

/// A probe must be answered as whoever remembers what binds answers it.
fn check_remembered(name: &str, expected: &Expected, first: &Landed, binding: Option<&Rc<Landed>>) {
    match (&expected.answer, &first.answer) {
        (Answer::Decision(expected), Answer::Decision(found)) => {
            let remembered = |decision: &proto::Decision| {
                (
                    decision.evidence.clone(),
                    decision.event_at_millis,
                    decision.appended_at_millis,
                    decision.judged_again,
                    decision.counted_before,
                    decision.original_unknown,
                    decision.history_truncated,
                )
            };
            let binding = binding.unwrap();
            if expected.decided_input == binding.decision().unwrap().decided_input
                && first.answers == binding.answers
            {
                assert_eq!(
                    remembered(found),
                    remembered(expected),
                    "O4: {} answers probe {name} by windows that are not what the journal says",
                    first.writer
                );
            } else {
                assert!(
                    first.value == binding.value,
                    "O4: {} answers the repeat {name} of {:?} with another decision than the one \
                     that binds, of {}",
                    first.writer,
                    expected.decided_input,
                    binding.writer
                );
            }
        }
        _ => assert!(
            expected.value == first.value,
            "O4: {} answers probe {name} with {:?}, and the journal says {:?}",
            first.writer,
            first.answer,
            expected.answer
        ),
    }
}

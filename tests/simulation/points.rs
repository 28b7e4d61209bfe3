//! The names of what is counted: where a worker is, what is done to it, and how it stands.
//!
//! A point is a call of a worker to its log, its archive or its observer, before or after:
//! there, and nowhere else, does the world see anything of it. To add a fault, name it here
//! and draw it where it belongs, see the README.

use std::collections::BTreeMap;
use std::fmt::Debug;

use stopline::wire::proto::{Authorisation, MessageType};

use crate::answers::Answers;

/// Lists the cases of an enum, so that all can be counted.
macro_rules! listed {
    ($(#[$meta:meta])* $name:ident { $($(#[$case_meta:meta])* $case:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum $name { $($(#[$case_meta])* $case,)* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$case,)*];
        }
    };
}

listed! {
    /// Where a worker is: at each it is killed and frozen.
    Point {
        BeforePoll,
        AfterMessages,
        AfterAssigned,
        AfterRevoked,
        AfterLost,
        BeforeSend,
        AfterSend,
        ProducerFull,
        BeforeSendAgain,
        AfterSendAgain,
        BeforeAcknowledged,
        AfterAcknowledged,
        BeforeCommit,
        AfterCommit,
        BeforeFirstCommit,
        AfterFirstCommit,
        BeforeLastCommit,
        AfterLastCommit,
        BeforeStart,
        AfterStart,
        AfterResume,
        BeforePause,
        BeforeRelease,
        AfterRelease,
        RestoreBegins,
        RestoreLooks,
        RestoreReadsInputs,
        RestoreReadsJournal,
        RestoreLooksAgain,
        RestoreEnds,
        GapBegins,
        GapIsRead,
        GapEnds,
        TellsAssigned,
        TellsLost,
        TellsTally,
    }
}

listed! {
    /// What is done to a worker or to its log.
    Fault {
        /// kill -9, at a point.
        Killed,
        /// Stopped at a point while the others go on, and woken.
        Frozen,
        /// The group gives it up and it does not know.
        Deposed,
        /// It learns that it was given up.
        ToldLost,
        /// All that it holds is asked back.
        Revoked,
        /// One of its partitions moves, and it goes on with the others.
        OneMoves,
        /// Several partitions are given to it at once.
        GivenSeveral,
        /// It is asked to end in good order.
        AskedToEnd,
        /// A record lands and its acknowledgement has no offset.
        LandsUnplaced,
        /// A record lands and is said to have failed.
        LandsUntold,
        /// A record is said to have failed and lands afterwards.
        LandsAfterAll,
        /// A record is lost and said to have failed.
        IsLost,
        /// Acknowledgements are kept back.
        ToldLate,
        /// An acknowledgement is told before an earlier one.
        ToldOutOfOrder,
        /// An acknowledgement is told twice.
        ToldTwice,
        /// The producer takes nothing more for a while.
        ProducerFull,
        /// The producer takes nothing more for good.
        ProducerFatal,
        /// A commit is refused.
        CommitRefused,
        /// A commit takes effect later.
        CommitLate,
        /// A poll reports what the client mends by itself.
        PollFault,
        /// A question to the archive is not answered.
        AskFault,
        /// A record is not read for now.
        ReadFault,
        /// A tail tells of an end that is none.
        EndsEarly,
        /// What is read back is told late.
        RecalledLate,
        /// Somebody's record lands while it is read.
        LandsMeanwhile,
        /// The worker's machine stands still for longer than its lease.
        Held,
        /// Its wall clock is set.
        WallStep,
        /// The clock of the brokers is set.
        BrokerStep,
        /// Old records are deleted.
        Retention,
        /// An offset without a record, as a control record leaves it.
        Hole,
        /// A stop order comes.
        StopOrder,
    }
}

listed! {
    /// How a worker stands when something is done to it.
    Phase {
        /// It restores a partition.
        Restoring,
        /// It answers.
        Answering,
        /// It answers and something in the journal is unread.
        Gap,
        /// It gives a partition back.
        Leaving,
        /// It ends in good order.
        Ending,
        /// The group gave it up and it does not know.
        Zombie,
    }
}

/// True for what cannot be, or only by a chance that no run can wait for.
fn is_not_asked_for(fault: Fault, phase: Phase) -> bool {
    match fault {
        // Only who was given up learns of it, and nobody is given up twice or asked then.
        Fault::ToldLost => phase != Phase::Zombie,
        Fault::Deposed => phase == Phase::Zombie,
        Fault::Revoked | Fault::OneMoves | Fault::GivenSeveral | Fault::AskedToEnd => {
            matches!(phase, Phase::Zombie | Phase::Ending | Phase::Leaving)
        }
        // Who ends does so in one go: nothing outside happens meanwhile but by a freeze.
        // Few are leaving when something happens to the world.
        Fault::Held
        | Fault::WallStep
        | Fault::BrokerStep
        | Fault::Retention
        | Fault::Hole
        | Fault::StopOrder => matches!(phase, Phase::Ending | Phase::Leaving),
        // Nothing is read back by who only answers; who ends or leaves asks nothing new.
        Fault::ReadFault | Fault::EndsEarly | Fault::LandsMeanwhile | Fault::RecalledLate => {
            phase == Phase::Answering || (phase == Phase::Ending && fault != Fault::RecalledLate)
        }
        Fault::AskFault => {
            matches!(phase, Phase::Answering | Phase::Ending | Phase::Leaving | Phase::Gap)
        }
        // The last commit waits until it is done.
        Fault::CommitLate => phase == Phase::Ending,
        // Few records are handed over then, and few clients break.
        Fault::ProducerFatal => {
            matches!(phase, Phase::Leaving | Phase::Ending | Phase::Restoring)
        }
        _ => false,
    }
}

/// How often what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    reached: Vec<u64>,
    at_points: [Vec<u64>; 2],
    faults: Vec<u64>,
    /// Messages sent, by type, and how many of them are incrementals.
    sent: BTreeMap<i32, u64>,
    incrementals: u64,
    pub(crate) answers: Answers,
}

impl Coverage {
    pub(crate) fn reached(&mut self, point: Point) {
        count(&mut self.reached, point as usize);
    }

    /// A worker was killed or frozen at `point`.
    pub(crate) fn struck(&mut self, fault: Fault, point: Point) {
        count(&mut self.at_points[usize::from(fault == Fault::Frozen)], point as usize);
    }

    pub(crate) fn fault(&mut self, fault: Fault, phase: Phase) {
        count(&mut self.faults, fault as usize * Phase::ALL.len() + phase as usize);
    }

    /// `message` was sent.
    pub(crate) fn sent(&mut self, message: &Authorisation) {
        *self.sent.entry(message.message_type).or_default() += 1;
        self.incrementals += u64::from(message.incremental);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, times) in &other.sent {
            *self.sent.entry(*kind).or_default() += times;
        }
        self.incrementals += other.incrementals;
        self.answers.add(&other.answers);
        let [killed, frozen] = &mut self.at_points;
        let [others_killed, others_frozen] = &other.at_points;
        for (mine, theirs) in [
            (&mut self.reached, &other.reached),
            (killed, others_killed),
            (frozen, others_frozen),
            (&mut self.faults, &other.faults),
        ] {
            for (place, times) in theirs.iter().enumerate() {
                if *times > 0 {
                    count(mine, place);
                    mine[place] += times - 1;
                }
            }
        }
    }

    /// What never happened, in words.
    pub(crate) fn holes(&self) -> Vec<String> {
        let of = |counts: &[u64], place: usize| counts.get(place).copied().unwrap_or(0);
        let mut holes = Vec::new();
        for point in Point::ALL {
            if of(&self.reached, *point as usize) == 0 {
                holes.push(format!("{point:?} is never reached"));
            }
            for (fault, counts) in ["killed", "frozen"].iter().zip(&self.at_points) {
                if of(counts, *point as usize) == 0 {
                    holes.push(format!("nobody is {fault} at {point:?}"));
                }
            }
        }
        for kind in message_types().filter(|kind| !self.sent.contains_key(&(*kind as i32))) {
            holes.push(format!("{kind:?} is never sent"));
        }
        if self.incrementals == 0 {
            holes.push("an incremental is never sent".to_owned());
        }
        holes.extend(self.answers.holes());
        for fault in Fault::ALL {
            for phase in Phase::ALL {
                let times = of(&self.faults, *fault as usize * Phase::ALL.len() + *phase as usize);
                if times == 0 && !is_not_asked_for(*fault, *phase) {
                    holes.push(format!("{fault:?} never happens while {phase:?}"));
                }
            }
        }
        holes
    }

    /// All counts, as a table.
    pub(crate) fn table(&self) -> String {
        let of = |counts: &[u64], place: usize| counts.get(place).copied().unwrap_or(0);
        let mut lines =
            vec![format!("{:<20} {:>10} {:>9} {:>9}", "", "reached", "killed", "frozen")];
        for point in Point::ALL {
            let place = *point as usize;
            let [killed, frozen] = [0, 1].map(|fault| of(&self.at_points[fault], place));
            let reached = of(&self.reached, place);
            lines.push(format!("{:<20} {reached:>10} {killed:>9} {frozen:>9}", name(point)));
        }
        let heads: Vec<String> =
            Phase::ALL.iter().map(|phase| format!("{:>9}", name(phase))).collect();
        lines.push(format!("\n{:<16} {}", "", heads.join(" ")));
        for fault in Fault::ALL {
            let cells = Phase::ALL.iter().map(|phase| {
                let times = of(&self.faults, *fault as usize * Phase::ALL.len() + *phase as usize);
                if times == 0 && is_not_asked_for(*fault, *phase) {
                    format!("{:>9}", "-")
                } else {
                    format!("{times:>9}")
                }
            });
            let cells: Vec<String> = cells.collect();
            lines.push(format!("{:<16} {}", name(fault), cells.join(" ")));
        }
        let sent = self.sent.iter().map(|(kind, times)| format!("{kind:04} {times}"));
        let sent = sent.collect::<Vec<_>>().join(", ");
        lines.push(format!("\nsent: {sent}; incrementals among them {}", self.incrementals));
        lines.push(format!("\nanswered: {}", self.answers.in_words()));
        lines.join("\n")
    }
}

/// All of the contract.
fn message_types() -> impl Iterator<Item = MessageType> {
    let all = (1..1_000).filter_map(|number| MessageType::try_from(number).ok());
    all.filter(|kind| *kind != MessageType::Unspecified)
}

fn count(counts: &mut Vec<u64>, place: usize) {
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    counts[place] += 1;
}

fn name(named: &impl Debug) -> String {
    format!("{named:?}")
}

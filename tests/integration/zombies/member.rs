//! One worker in a storm.

use std::sync::{Arc, OnceLock};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::domain::PartitionId;
use stopline::engine::rules::RuleSet;
use stopline::engine::shared::Shared;
use stopline::service::journal::{Inline, Recall, Task, TaskEnd};
use stopline::service::log::memory::MemoryArchive;

use crate::support::faulty_log::{Fate, Fates};
use crate::support::owner::{Owner, patient_settings};
use crate::support::{AUTHORISATIONS, DECISIONS, POLICY, Rig, engine_by, pipeline_of, rule_set};

/// What a worker judges by; the features are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rules {
    Usual,
    Strict,
    Lax,
}

impl Rules {
    fn rule_set(self) -> Arc<RuleSet> {
        static SETS: [OnceLock<Arc<RuleSet>>; 3] = [const { OnceLock::new() }; 3];
        let text = match self {
            Self::Usual => POLICY.to_owned(),
            Self::Strict => POLICY.replace("few = 3", "few = 1").replace("many = 5", "many = 2"),
            Self::Lax => POLICY.replace("10000.00", "90000.00").replace("few = 3", "few = 5"),
        };
        Arc::clone(SETS[self as usize].get_or_init(|| rule_set(&text)))
    }
}

/// A worker, and the list that it judges by.
pub(super) struct Member {
    pub(super) owner: Owner,
    pub(super) shared: Arc<Shared>,
}

impl Member {
    pub(super) fn new(
        rig: &Rig,
        number: u32,
        rules: Rules,
        shared: Arc<Shared>,
        seed: u64,
    ) -> Self {
        let engine = engine_by(rules.rule_set(), &shared);
        let writer = format!("test/{number}");
        let pipeline = pipeline_of(&writer, engine, &rig.clock, rig.partitions_count);
        let recall = Box::new(SlowRecall {
            inner: Inline::new(rig.broker.archive(AUTHORISATIONS, DECISIONS)),
            random: ChaCha8Rng::seed_from_u64(seed),
        });
        Self { owner: Owner::new(rig, pipeline, recall, patient_settings()), shared }
    }

    /// What its log holds.
    pub(super) fn held(&self) -> Vec<PartitionId> {
        self.owner.script.borrow().held.iter().copied().collect()
    }
}

/// Fates at random, most of them good.
pub(super) fn fates(mut random: ChaCha8Rng) -> Fates {
    let waits = random.random_bool(0.5);
    Box::new(move |_| match random.random_range(0..20) {
        0..=1 => Fate::LandsUnplaced,
        2..=3 => Fate::LandsUntold,
        4..=6 => Fate::Fails,
        7..=14 if waits => Fate::Waits,
        _ => Fate::Lands,
    })
}

/// Reads at once and tells it late: the log goes on meanwhile.
struct SlowRecall {
    inner: Inline<MemoryArchive>,
    random: ChaCha8Rng,
}

impl Recall for SlowRecall {
    fn begin(&mut self, task: Task) {
        self.inner.begin(task);
    }

    fn take_end(&mut self) -> Option<TaskEnd> {
        if self.random.random_bool(0.4) {
            return None;
        }
        self.inner.take_end()
    }
}

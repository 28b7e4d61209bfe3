//! A partition's state, read back from its two topics.

mod asking;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use thiserror::Error;

use self::asking::Asking;
use self::replay::Replay;
use super::Kept;
use super::reader::Reader;
use crate::config::{FirstStart, StartAt};
use crate::domain::{Offset, PartitionId, Span};
use crate::engine::partition::Partition;
use crate::engine::{Engine, History};
use crate::service::log::{Archive, Assigned, Batch, Bounds, Fault, Side};
use crate::service::{Clock, Pipeline};

/// One partition to be restored.
pub struct RestoreTask {
    /// It, and where the group's position is.
    pub assigned: Assigned,
    /// Adopts what is read back; it has an engine of its own.
    pub pipeline: Pipeline,
    /// What holds where nothing was ever answered.
    pub first_start: Option<FirstStart>,
    /// What this worker remembered when it gave the partition back.
    pub left_behind: Option<LeftBehind>,
    /// Tells time and waits.
    pub clock: Clock,
    /// How far it is, for whoever asks.
    pub progress: Arc<RestoreProgress>,
}

/// The state of a partition that was given back whole, in case it returns.
#[derive(Debug)]
pub struct LeftBehind {
    /// All that it remembers.
    pub state: Partition,
    /// The first input that it does not hold.
    pub position: Offset,
    /// The first offset of the journal that it does not know.
    pub journal_next: Offset,
}

/// How far a partition is restored; shared with whoever asks.
#[derive(Debug)]
pub struct RestoreProgress {
    /// Nobody needs it any more.
    is_abandoned: AtomicBool,
    inputs_left: AtomicI64,
}

/// Inputs are not counted yet.
const NOT_COUNTED: i64 = -1;

impl Default for RestoreProgress {
    fn default() -> Self {
        let (is_abandoned, inputs_left) = (AtomicBool::new(false), AtomicI64::new(NOT_COUNTED));
        Self { is_abandoned, inputs_left }
    }
}

/// A partition that can be answered.
#[derive(Debug)]
pub struct Restored {
    /// All that it remembers.
    pub state: Partition,
    /// The first input to be answered, or passed over as answered.
    pub start: Offset,
    /// It has no committed position yet, and must have one before the first answer.
    pub is_first_start: bool,
    /// The offset behind all of the journal that is known.
    pub journal_next: Offset,
    /// What the journal says of inputs from `start` on.
    pub kept: Kept,
    /// What was met on the way.
    pub counts: RestoreCounts,
}

/// What a restoration met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RestoreCounts {
    /// Inputs adopted from their records.
    pub adopted: u64,
    /// Inputs without a record: of before the first start.
    pub unanswered: u64,
    /// Inputs with a record that the door does not understand any more.
    pub not_understood: u64,
    /// Records of the journal read.
    pub records: u64,
}

/// Why a partition cannot be restored.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RestoreFault {
    /// The log fails.
    #[error(transparent)]
    Log(#[from] Fault),
    /// The committed position is not in the log any more.
    #[error(
        "partition {}: the group has committed {}, and the log holds {} to {}: going on would skip \
         inputs, or answer others. Was it retention, or was the topic made anew? See README \
         \"Operate\"",
        partition.0, committed.0, inputs.beginning.0, inputs.end.0
    )]
    PositionGone {
        /// The partition.
        partition: PartitionId,
        /// What the group has committed.
        committed: Offset,
        /// What the log holds.
        inputs: Bounds,
    },
    /// There are answers, and nobody knows up to where.
    #[error(
        "partition {}: the group has no committed position, but answers were written up to offset \
         {}. Starting anew would answer inputs again. Is kafka.group the group that answered them? \
         If its positions expired, set each partition to the input behind the last one answered: \
         stopline verify names it in its lines `next`, and README \"Operate\" has the command",
        partition.0, journal_end.0
    )]
    NoPosition {
        /// The partition.
        partition: PartitionId,
        /// The end of its journal.
        journal_end: Offset,
    },
    /// Nothing was ever answered, and nobody said where to begin.
    #[error(
        "partition {}: nothing was ever answered here, and the settings do not say where to begin. \
         Add [first_start] with history_from and answer_from, see README \"Operate\"",
        partition.0
    )]
    NoFirstStart {
        /// The partition.
        partition: PartitionId,
    },
    /// Restoring broke an invariant.
    #[error("restoring a partition broke an invariant; its last words are in the log")]
    Broken,
    /// Nobody needs it any more.
    #[error("the partition was taken away meanwhile")]
    Abandoned,
}

/// Brokers' clocks may differ by so much: the journal is read from so much earlier.
const CLOCKS_APART_MAX: Span = Span::from_seconds(600);

impl RestoreProgress {
    /// Ends the restoration as soon as it looks up.
    pub fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Inputs still to be replayed; `None` before that is known.
    pub fn inputs_left(&self) -> Option<i64> {
        Some(self.inputs_left.load(Ordering::Relaxed)).filter(|left| *left != NOT_COUNTED)
    }

    fn check(&self) -> Result<(), RestoreFault> {
        if self.is_abandoned.load(Ordering::Relaxed) {
            return Err(RestoreFault::Abandoned);
        }
        Ok(())
    }
}

/// Restores one partition.
///
/// # Errors
/// A [`RestoreFault`]; one of the log that is passing may be tried again.
pub(super) fn restore<A: Archive>(
    archive: &mut A,
    task: RestoreTask,
) -> Result<Restored, RestoreFault> {
    let partition = task.assigned.partition;
    let mut asking = Asking { archive, partition, clock: &task.clock, progress: &task.progress };
    let inputs = asking.bounds(Side::Inputs)?;
    let journal = asking.bounds(Side::Journal)?;
    let start = find_start(&mut asking, &task, inputs, journal)?;
    let left_behind = task.left_behind.filter(|left| {
        (inputs.beginning..=start.at).contains(&left.position)
            && left.journal_next >= journal.beginning
    });
    let from = match &left_behind {
        Some(left) => Origin {
            input: left.position,
            journal: left.journal_next,
            history: History::Whole, // What the state says of itself stands.
            answers: i64::MIN,
        },
        None => find_from(&mut asking, inputs, journal, start, task.pipeline.engine())?,
    };
    let mut pipeline = task.pipeline;
    match left_behind {
        Some(left) => pipeline.engine_mut().take_over_partition(partition, left.state),
        None => pipeline.engine_mut().open_partition(partition, from.history),
    }
    let tail = asking.archive.tail(Side::Journal, partition, from.journal)?;
    let name = |side: &str| format!("partition {} of the {side}", partition.0);
    let mut replay = Replay {
        pipeline,
        partition,
        position: from.input,
        journal: Reader::new(tail, from.journal, journal.end, name("answers")),
        journal_next: from.journal,
        journal_is_read: false,
        kept: Kept::default(),
        answers_from: from.answers,
        counts: RestoreCounts::default(),
        batch: Batch::default(),
        progress: &task.progress,
    };
    if from.input < start.at {
        let tail = asking.archive.tail(Side::Inputs, partition, from.input)?;
        let mut reader = Reader::new(tail, from.input, start.at, name("authorisations"));
        replay.inputs_to(start.at, &mut reader)?;
    }
    replay.position = start.at;
    replay.journal_to_end()?;
    // Once more: an owner before us may have written while this was read (journal rule J3).
    let journal_end = asking.bounds(Side::Journal)?.end;
    if journal_end > replay.journal_next {
        let tail = asking.archive.tail(Side::Journal, partition, replay.journal_next)?;
        replay.journal = Reader::new(tail, replay.journal_next, journal_end, name("answers"));
        replay.journal_is_read = false;
        replay.journal_to_end()?;
    }
    let state = replay.pipeline.engine_mut().close_partition(partition);
    Ok(Restored {
        state: state.expect("Invariant: a partition that was opened is there."),
        start: start.at,
        is_first_start: start.is_first,
        journal_next: replay.journal_next,
        kept: replay.kept,
        counts: replay.counts,
    })
}

/// Where answering begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Offset,
    /// At a first start: nothing before it is in the windows.
    history_from: Offset,
    is_first: bool,
}

/// Where reading back begins.
#[derive(Clone, Copy, Debug)]
struct Origin {
    input: Offset,
    journal: Offset,
    history: History,
    /// Answers older than this, in Unix milliseconds, are not kept for repeats any more.
    answers: i64,
}

fn find_start<A: Archive>(
    asking: &mut Asking<'_, A>,
    task: &RestoreTask,
    inputs: Bounds,
    journal: Bounds,
) -> Result<Start, RestoreFault> {
    let partition = asking.partition;
    if let Some(at) = task.assigned.committed {
        if !(inputs.beginning..=inputs.end).contains(&at) {
            return Err(RestoreFault::PositionGone { partition, committed: at, inputs });
        }
        if at != inputs.beginning || journal.end > Offset(0) || !may_be_read_again(task) {
            return Ok(Start { at, history_from: inputs.beginning, is_first: false });
        }
    } else if journal.end > Offset(0) {
        return Err(RestoreFault::NoPosition { partition, journal_end: journal.end });
    }
    let FirstStart { history_from, answer_from } =
        task.first_start.ok_or(RestoreFault::NoFirstStart { partition })?;
    let at = asking.place(answer_from, inputs)?;
    let history_from = asking.place(history_from, inputs)?.min(at);
    Ok(Start { at, history_from, is_first: true })
}

/// True where a first start may be read once more: it stands at the first input, as one does
/// that met empty topics, and nothing was ever answered. What it promised to answer must not be
/// passed over: "at the end" would be another place today.
fn may_be_read_again(task: &RestoreTask) -> bool {
    task.first_start.is_some_and(|first| !matches!(first.answer_from, StartAt::End))
}

/// Counted back from `start` by the engine's horizon, in the brokers' time (journal rule J8).
fn find_from<A: Archive>(
    asking: &mut Asking<'_, A>,
    inputs: Bounds,
    journal: Bounds,
    start: Start,
    engine: &Engine,
) -> Result<Origin, RestoreFault> {
    let is_whole_log = inputs.beginning == Offset(0);
    let Some(reached) = asking.append_time_before(start.at, inputs)? else {
        let history = if is_whole_log { History::Whole } else { History::Truncated };
        let answers = i64::MIN;
        return Ok(Origin { input: start.at, journal: journal.beginning, history, answers });
    };
    let oldest = reached.saturating_sub(engine.horizon().millis());
    let found = asking.offset_at(Side::Inputs, oldest)?.unwrap_or(inputs.beginning);
    let found = found.clamp(inputs.beginning, start.at);
    let input = found.max(start.history_from);
    // Where the log begins with the first it holds, older ones may have been dropped.
    let is_whole = input == found && (is_whole_log || found > inputs.beginning);
    let oldest_record = oldest.saturating_sub(CLOCKS_APART_MAX.millis());
    let first_record = asking.offset_at(Side::Journal, oldest_record)?.unwrap_or(journal.end);
    let history = if is_whole { History::Whole } else { History::Truncated };
    let kept_for = engine.answers_age().plus(CLOCKS_APART_MAX);
    let answers = reached.saturating_sub(kept_for.millis());
    Ok(Origin { input, journal: first_record.max(journal.beginning), history, answers })
}

//! Inputs and their records, read side by side and adopted.

use std::sync::atomic::Ordering;

use tracing::warn;

use super::{RestoreCounts, RestoreFault, RestoreProgress};
use crate::domain::{Input, Offset, PartitionId};
use crate::engine::Journalled;
use crate::service::Pipeline;
use crate::service::journal::reader::{Read, Reader};
use crate::service::journal::{JournalRecord, Kept};
use crate::service::log::{Batch, Tail, TailRecord};

/// Inputs and their records, read side by side: the journal only as far ahead as the next
/// input asks.
pub(super) struct Replay<'p, T> {
    pub(super) pipeline: Pipeline,
    pub(super) partition: PartitionId,
    /// The next input.
    pub(super) position: Offset,
    pub(super) journal: Reader<T>,
    pub(super) journal_next: Offset,
    pub(super) journal_is_read: bool,
    pub(super) kept: Kept,
    /// Answers older than this, in Unix milliseconds, are not kept for repeats any more.
    pub(super) answers_from: i64,
    pub(super) counts: RestoreCounts,
    pub(super) batch: Batch,
    pub(super) progress: &'p RestoreProgress,
}

impl<T: Tail> Replay<'_, T> {
    pub(super) fn inputs_to(
        &mut self,
        end: Offset,
        inputs: &mut Reader<T>,
    ) -> Result<(), RestoreFault> {
        while self.position < end {
            self.progress.check()?;
            self.progress.inputs_left.store(end.0 - self.position.0, Ordering::Relaxed);
            match inputs.next()? {
                Read::Nothing => {}
                Read::Record(record) if record.offset < end => self.input(&record)?,
                Read::Record(_) | Read::End => break,
            }
        }
        self.progress.inputs_left.store(0, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn input(&mut self, record: &TailRecord) -> Result<(), RestoreFault> {
        let offset = record.offset;
        self.position = offset;
        while !self.journal_is_read && !self.kept.has_answer(offset) {
            self.read_journal()?;
        }
        self.position = offset.next();
        let kept = self.kept.take(offset);
        let journalled = kept
            .as_ref()
            .and_then(|kept| kept.journalled().or_else(|| kept.binding().map(Journalled::Decided)));
        self.batch.clear();
        self.batch.push(
            Input { partition: self.partition, offset },
            record.appended_at_unix_millis,
            record.key.as_deref(),
            record.value.as_deref(),
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())),
        );
        let Some(message) = self.batch.get(0) else { return Ok(()) };
        if !self.pipeline.adopt(&message, journalled.unwrap_or(Journalled::Unanswered)) {
            self.counts.not_understood += 1;
        }
        match journalled {
            Some(_) => self.counts.adopted += 1,
            None => self.counts.unanswered += 1,
        }
        Ok(())
    }

    pub(super) fn journal_to_end(&mut self) -> Result<(), RestoreFault> {
        while !self.journal_is_read {
            self.read_journal()?;
        }
        Ok(())
    }

    pub(super) fn read_journal(&mut self) -> Result<(), RestoreFault> {
        match self.journal.next()? {
            Read::Nothing => self.progress.check()?,
            Read::End => self.journal_is_read = true,
            Read::Record(record) => {
                self.counts.records += 1;
                self.journal_next = record.offset.next();
                match JournalRecord::read(&record, self.pipeline.settings().default_format) {
                    Ok(read) if record.appended_at_unix_millis < self.answers_from => {
                        self.kept.add_old(&read, self.position);
                    }
                    Ok(read) => self.kept.add(&read, self.position),
                    Err(unreadable) => warn!(%unreadable, "it binds nothing and is passed over"),
                }
            }
        }
        Ok(())
    }
}

//! Questions to an archive, asked until they are answered.

use std::time::Duration;

use tracing::warn;

use super::{RestoreFault, RestoreProgress};
use crate::config::StartAt;
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::journal::reader::{Read, Reader};
use crate::service::log::{Archive, Bounds, Fault, Side};

/// How long a question that failed rests before it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Questions to an archive, asked until they are answered.
pub(super) struct Asking<'a, A> {
    pub(super) archive: &'a mut A,
    pub(super) partition: PartitionId,
    pub(super) clock: &'a Clock,
    pub(super) progress: &'a RestoreProgress,
}

impl<A: Archive> Asking<'_, A> {
    pub(super) fn bounds(&mut self, side: Side) -> Result<Bounds, RestoreFault> {
        self.ask(|archive, partition| archive.bounds(side, partition))
    }

    pub(super) fn offset_at(
        &mut self,
        side: Side,
        unix_millis: i64,
    ) -> Result<Option<Offset>, RestoreFault> {
        self.ask(|archive, partition| archive.offset_at(side, partition, unix_millis))
    }

    pub(super) fn place(&mut self, at: StartAt, inputs: Bounds) -> Result<Offset, RestoreFault> {
        Ok(match at {
            StartAt::Beginning => inputs.beginning,
            StartAt::End => inputs.end,
            StartAt::At(time) => self
                .offset_at(Side::Inputs, time.unix_millis())?
                .map_or(inputs.end, |offset| offset.clamp(inputs.beginning, inputs.end)),
        })
    }

    /// When the last input before `start` was appended; `None` where there is none.
    pub(super) fn append_time_before(
        &mut self,
        start: Offset,
        inputs: Bounds,
    ) -> Result<Option<i64>, RestoreFault> {
        let mut from = Offset(start.0 - 1);
        while from >= inputs.beginning {
            let tail = self.archive.tail(Side::Inputs, self.partition, from)?;
            let what = format!("partition {} of the authorisations", self.partition.0);
            let mut reader = Reader::new(tail, from, start, what);
            loop {
                self.progress.check()?;
                match reader.next()? {
                    Read::Record(record) if record.offset < start => {
                        return Ok(Some(record.appended_at_unix_millis));
                    }
                    Read::Nothing => {}
                    Read::Record(_) | Read::End => break,
                }
            }
            if from == inputs.beginning {
                break;
            }
            // Nothing is shown there (control records): look further back.
            let back = (start.0 - from.0).saturating_mul(16);
            from = Offset(start.0.saturating_sub(back)).max(inputs.beginning);
        }
        Ok(None)
    }

    pub(super) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut A, PartitionId) -> Result<T, Fault>,
    ) -> Result<T, RestoreFault> {
        loop {
            self.progress.check()?;
            match question(self.archive, self.partition) {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.is_fatal() => return Err(fault.into()),
                Err(fault) => {
                    warn!(%fault, partition = self.partition.0, "restoring waits");
                    self.clock.sleep(ASK_AGAIN);
                }
            }
        }
    }
}

//! A worker's log over the memory broker.

use std::sync::Arc;
use std::time::Duration;

use super::Topic;
use super::doorbell::Doorbell;
use super::partition::Reader;
use crate::domain::{Offset, PartitionId};
use crate::service::log::{
    AppendRefused, Assigned, BATCH_MESSAGES_MAX, Batch, Change, CommitWait, Delivery, Fault, Log,
    Outgoing, Report,
};

/// Fills [`Log`] in process, see [`super::MemoryBroker::worker_log`].
#[derive(Debug)]
pub struct MemoryLog {
    group: String,
    inputs: Arc<Topic>,
    outputs: Arc<Topic>,
    shares: Vec<Share>,
    /// The share that is looked at first: rotates, so that a full one starves no other.
    first_share: usize,
    is_announced: bool,
    reports: Vec<Report>,
    bell: Arc<Doorbell>,
}

/// A partition that it reads.
#[derive(Debug)]
struct Share {
    partition: PartitionId,
    reader: Arc<Reader>,
    /// The next offset to hand out, once it is started.
    position: Option<Offset>,
    is_flowing: bool,
}

impl MemoryLog {
    pub(super) fn new(
        group: &str,
        inputs: Arc<Topic>,
        outputs: Arc<Topic>,
        partitions: &[PartitionId],
    ) -> Result<Self, Fault> {
        let bell = Arc::new(Doorbell::default());
        let mut shares = Vec::with_capacity(partitions.len());
        for &partition in partitions {
            drop(outputs.partition(partition)?);
            let mut log = inputs.partition(partition)?;
            let reader = Reader::new(log.beginning(), Arc::clone(&bell));
            log.register(&reader);
            shares.push(Share { partition, reader, position: None, is_flowing: false });
        }
        Ok(Self {
            group: group.to_owned(),
            inputs,
            outputs,
            shares,
            first_share: 0,
            is_announced: false,
            reports: Vec::new(),
            bell,
        })
    }

    fn announce(&mut self) -> Result<Change, Fault> {
        self.is_announced = true;
        let mut assigned = Vec::with_capacity(self.shares.len());
        for share in &self.shares {
            let log = self.inputs.partition(share.partition)?;
            assigned.push(Assigned {
                partition: share.partition,
                committed: log.committed(&self.group),
                beginning: log.beginning(),
                end: log.end(),
            });
        }
        Ok(Change::Assigned(assigned))
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), Fault> {
        let (behind, ahead) = self.shares.split_at_mut(self.first_share);
        for share in ahead.iter_mut().chain(behind) {
            let Some(position) = share.position.as_mut().filter(|_| share.is_flowing) else {
                continue;
            };
            let log = self.inputs.partition(share.partition)?;
            while batch.len() < BATCH_MESSAGES_MAX
                && let Some(record) = log.record(*position)
            {
                batch.push(
                    record.input,
                    record.appended_at_unix_millis,
                    record.key,
                    record.value,
                    record.headers(),
                );
                *position = position.next();
            }
        }
        self.first_share = (self.first_share + 1).checked_rem(self.shares.len()).unwrap_or(0);
        Ok(())
    }

    fn share(&mut self, partition: PartitionId) -> Result<&mut Share, Fault> {
        self.shares
            .iter_mut()
            .find(|share| share.partition == partition)
            .ok_or_else(|| not_assigned(partition))
    }

    fn set_flow(&mut self, partitions: &[PartitionId], is_flowing: bool) -> Result<(), Fault> {
        for &partition in partitions {
            let share = self.share(partition)?;
            if share.position.is_none() {
                return Err(Fault::Passing {
                    what: format!("partition {} is not started", partition.0),
                });
            }
            share.is_flowing = is_flowing;
        }
        Ok(())
    }
}

impl Log for MemoryLog {
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        batch.clear();
        if !self.is_announced {
            return self.announce().map(Some);
        }
        self.bell.reset();
        self.take(batch)?;
        if batch.is_empty() {
            self.bell.wait(wait);
            self.take(batch)?;
        }
        Ok(None)
    }

    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        for &(partition, offset) in starts {
            self.inputs.partition(partition)?.check_start(offset)?;
            let share = self.share(partition)?;
            share.position = Some(offset);
            share.is_flowing = false;
            share.reader.hold_from(offset);
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.set_flow(partitions, true)
    }

    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.set_flow(partitions, false)
    }

    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.reports.retain(|report| !partitions.contains(&report.answers.partition));
        for &partition in partitions {
            let share = self.share(partition)?;
            let reader = Arc::clone(&share.reader);
            self.inputs.partition(partition)?.forget(&reader);
            self.shares.retain(|share| share.partition != partition);
        }
        self.first_share = 0;
        Ok(())
    }

    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let offset = self
            .outputs
            .append(record.answers.partition, record.key, Some(record.value), record.headers)
            .map_err(|_| AppendRefused::Fatal)?;
        self.reports.push(Report {
            answers: record.answers,
            delivery: Delivery::Acknowledged(Some(offset)),
        });
        Ok(())
    }

    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault> {
        reports.append(&mut self.reports);
        Ok(())
    }

    fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        _wait: CommitWait,
    ) -> Result<(), Fault> {
        for &(partition, offset) in frontier {
            let share = self.share(partition)?;
            share.reader.hold_from(offset);
            self.inputs.partition(partition)?.commit(&self.group, offset);
        }
        Ok(())
    }

    fn close(self) {}
}

impl Drop for MemoryLog {
    fn drop(&mut self) {
        for share in &self.shares {
            if let Ok(mut log) = self.inputs.partition(share.partition) {
                log.forget(&share.reader);
            }
        }
    }
}

fn not_assigned(partition: PartitionId) -> Fault {
    Fault::Passing { what: format!("partition {} is not assigned", partition.0) }
}

//! The consumer's side of a worker's log: a member of the group.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::LogTopics;
use super::aside::{aside, close_within};
use super::context::{ConsumerNews, MemberContext, add, is_cooperative, take_all_away, take_away};
use super::fault::{Quieter, member_fault, settings_fault};
use super::figures::KafkaFigures;
use super::headers::headers_of;
use super::look_up::{LookUp, LookedUp};
use super::membership::Membership;
use super::purpose::mark;
use crate::domain::{Input, Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{BATCH_MESSAGES_MAX, Batch, Change, CommitWait, Fault};

/// The longest that a commit may take that is waited for: well inside a worker's lease.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often a look-up under way is glanced at.
const GLANCE: Duration = Duration::from_millis(2);
/// How long a failed look-up rests.
const LOOK_UP_REST_NANOS: u64 = 500_000_000;

/// How long a request may take of which only the answer's arrival counts.
const NUDGE_TIMEOUT: Duration = Duration::from_secs(1);

/// A consumer in the group, and what is still to be told of it.
pub(super) struct Member {
    consumer: Arc<BaseConsumer<MemberContext>>,
    topic: String,
    /// Where the answers go: what it commits says so.
    outputs: String,
    /// What it is called in the group.
    name: String,
    news: Receiver<ConsumerNews>,
    membership: Membership,
    look_up: Option<LookUp>,
    look_up_rests_until_nanos: u64,
    /// What is to be told, each alone.
    to_tell: VecDeque<Result<Change, Fault>>,
    quieter: Quieter,
    clock: Clock,
    /// The longest that a commit or a close may wait.
    wait_max: Duration,
}

impl Member {
    /// Joins the group, which takes until some later poll.
    pub(super) fn join(
        config: &ClientConfig,
        topics: LogTopics<'_>,
        figures: Arc<KafkaFigures>,
        wait_max: Duration,
        clock: Clock,
    ) -> Result<Self, Fault> {
        let (sender, news) = channel();
        let consumer: BaseConsumer<_> = config
            .create_with_context(MemberContext::new(sender, figures))
            .map_err(|error| settings_fault(&error))?;
        consumer.subscribe(&[topics.inputs]).map_err(|error| settings_fault(&error))?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: topics.inputs.to_owned(),
            outputs: topics.outputs.to_owned(),
            name: name_in_group(config),
            news,
            membership: Membership::default(),
            look_up: None,
            look_up_rests_until_nanos: 0,
            to_tell: VecDeque::new(),
            quieter: Quieter::new(clock.clone()),
            clock,
            wait_max,
        })
    }

    pub(super) fn poll(
        &mut self,
        wait: Duration,
        batch: &mut Batch,
    ) -> Result<Option<Change>, Fault> {
        batch.clear();
        self.advance_look_up();
        if let Some(told) = self.to_tell.pop_front() {
            return told.map(Some);
        }
        let mut wait = match &self.look_up {
            Some(_) => wait.min(GLANCE),
            None => wait,
        };
        let mut error = None;
        while batch.len() < BATCH_MESSAGES_MAX {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => take(&self.membership, &message, batch)?,
                Some(Err(found)) => {
                    error = Some(found);
                    break;
                }
                // Nothing more, or a callback ran: what it left comes first.
                None => break,
            }
            wait = Duration::ZERO;
        }
        self.take_news(error.as_ref());
        let ends_all = |told: &Result<Change, Fault>| match told {
            Ok(change) => matches!(change, Change::Lost(_)),
            Err(fault) => fault.is_fatal(),
        };
        if self.consumer.assignment_lost() || self.to_tell.iter().any(ends_all) {
            batch.clear(); // Not ours any more: whoever has them now decides them.
        }
        if batch.is_empty() {
            self.advance_look_up();
            return self.to_tell.pop_front().transpose();
        }
        Ok(None)
    }

    pub(super) fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        let starts: Vec<_> =
            starts.iter().filter(|(partition, _)| self.membership.may_start(*partition)).collect();
        if !self.membership.has_started_none() && !is_cooperative(&self.consumer) {
            return Err(Fault::Settings {
                what: "an eager member starts all its partitions at once".to_owned(),
            });
        }
        if self.consumer.assignment_lost() {
            // Adding to it would make the client forget that it is lost; the next polls tell.
            return Ok(());
        }
        let list = self
            .list(starts.iter().map(|&&(partition, offset)| (partition, Some(offset))))
            .map_err(|error| refused(&error))?;
        add(&self.consumer, &list).map_err(|error| refused(&error))?;
        self.consumer.pause(&list).map_err(|error| refused(&error))?;
        for &&(partition, _) in &starts {
            self.membership.start(partition);
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        let started = self.started(partitions);
        self.list(started.iter().map(|&partition| (partition, None)))
            .and_then(|list| self.consumer.resume(&list))
            .map_err(|error| refused(&error))?;
        for partition in started {
            self.membership.resume(partition);
        }
        self.nudge();
        Ok(())
    }

    pub(super) fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        let started = self.started(partitions);
        self.list(started.iter().map(|&partition| (partition, None)))
            .and_then(|list| self.consumer.pause(&list))
            .map_err(|error| refused(&error))?;
        for partition in started {
            self.membership.pause(partition);
        }
        Ok(())
    }

    /// Those of `partitions` that the client reads: others were taken away meanwhile, which
    /// the next polls tell.
    fn started(&self, partitions: &[PartitionId]) -> Vec<PartitionId> {
        let is_started = |partition: &PartitionId| self.membership.is_started(*partition);
        partitions.iter().copied().filter(is_started).collect()
    }

    pub(super) fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.membership.release(partitions);
        self.answer_revocation()
    }

    pub(super) fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        wait: CommitWait,
    ) -> Result<(), Fault> {
        if frontier.is_empty() {
            return Ok(());
        }
        let list = self.positions(frontier).map_err(|error| refused(&error))?;
        match wait {
            CommitWait::Lazily => self.consumer.commit(&list, CommitMode::Async),
            CommitWait::UntilDone => {
                // The client's own wait has no bound that could be set.
                let consumer = Arc::clone(&self.consumer);
                aside(move || consumer.commit(&list, CommitMode::Sync))
                    .recv_timeout(self.wait_max.min(COMMIT_WAIT_MAX))
                    .unwrap_or(Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut)))
            }
        }
        .map_err(|error| refused(&error))
    }

    /// Turns what the callbacks left into something to tell.
    fn take_news(&mut self, error: Option<&KafkaError>) {
        let mut reason = None;
        while let Ok(news) = self.news.try_recv() {
            match news {
                ConsumerNews::Given(partitions) => {
                    if partitions.is_empty() {
                        self.to_tell.push_back(Ok(Change::Assigned(Vec::new())));
                    }
                    self.membership.give(&partitions);
                    self.nudge();
                }
                ConsumerNews::Revoked(partitions) => self.take_revoked(&partitions),
                ConsumerNews::Lost => {
                    self.outdate_look_up();
                    let known = self.membership.lose();
                    if !known.is_empty() {
                        self.to_tell.push_back(Ok(Change::Lost(known)));
                    }
                }
                ConsumerNews::Reason(text) => reason = Some(text),
                ConsumerNews::CommitRefused(what) => self.tell_fault(Fault::Passing { what }),
                ConsumerNews::AnswerRefused(what) => self.tell_fault(Fault::StepDown { what }),
            }
        }
        if let Some(error) = error {
            self.tell_fault(member_fault(error, reason, &self.topic, &self.name));
        }
    }

    fn take_revoked(&mut self, partitions: &[PartitionId]) {
        self.outdate_look_up();
        let known = self.membership.revoke(partitions);
        if known.is_empty() {
            if let Err(fault) = self.answer_revocation() {
                self.tell_fault(fault);
            }
        } else {
            self.to_tell.push_back(Ok(Change::Revoked(known)));
        }
    }

    /// Tells a fault at one of the next polls, passing ones once a second.
    pub(super) fn tell_fault(&mut self, fault: Fault) {
        if let Some(fault) = self.quieter.hear(fault) {
            self.to_tell.push_back(Err(fault));
        }
    }

    /// Answers the group once the worker has released all of a revocation.
    fn answer_revocation(&mut self) -> Result<(), Fault> {
        let Some(partitions) = self.membership.take_answer() else {
            return Ok(());
        };
        let answered = self
            .list(partitions.into_iter().map(|partition| (partition, None)))
            .and_then(|list| take_away(&self.consumer, &list));
        answered.map_err(|error| Fault::StepDown { what: error.to_string() })?;
        self.nudge();
        Ok(())
    }

    /// Wakes the client's broker threads. Where all their partitions were held back they
    /// may sleep for half a second before they look for something to fetch again; the
    /// answer to any request wakes them (measured: 500 to 700 ms without, 3 to 30 with it).
    fn nudge(&self) {
        let flowing = self.membership.flowing();
        if flowing.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(flowing.len());
        for partition in flowing {
            if list.add_partition_offset(&self.topic, partition.0, ListOffset::End).is_err() {
                return;
            }
        }
        let consumer = Arc::clone(&self.consumer);
        drop(aside(move || {
            drop(consumer.offsets_for_times(list, NUDGE_TIMEOUT));
        }));
    }

    fn outdate_look_up(&mut self) {
        if let Some(look_up) = &mut self.look_up {
            look_up.outdate();
        }
    }

    /// Looks up what was given and not told yet.
    fn advance_look_up(&mut self) {
        if let Some(look_up) = &self.look_up {
            match look_up.result() {
                LookedUp::NotYet => return,
                LookedUp::Stale => {}
                LookedUp::Found(mut assigned) => {
                    assigned.retain(|found| self.membership.tell(found.partition));
                    if !assigned.is_empty() {
                        self.to_tell.push_back(Ok(Change::Assigned(assigned)));
                    }
                }
                LookedUp::Refused(fault) => self.tell_fault(fault),
                LookedUp::Failed(what) => {
                    let now_nanos = self.clock.monotonic_nanos();
                    self.look_up_rests_until_nanos = now_nanos + LOOK_UP_REST_NANOS;
                    self.tell_fault(Fault::Passing { what });
                }
            }
            self.look_up = None;
        }
        let given = self.membership.given();
        if !given.is_empty() && self.clock.monotonic_nanos() >= self.look_up_rests_until_nanos {
            self.look_up = Some(LookUp::begin(&self.consumer, &self.topic, &self.outputs, given));
        }
    }

    /// What to commit: each position says where its answers went.
    fn positions(&self, frontier: &[(PartitionId, Offset)]) -> KafkaResult<TopicPartitionList> {
        let mark = mark(&self.outputs);
        let mut list = TopicPartitionList::with_capacity(frontier.len());
        for &(partition, offset) in frontier {
            let mut element = list.add_partition(&self.topic, partition.0);
            element.set_offset(ListOffset::Offset(offset.0))?;
            element.set_metadata(&mark);
        }
        Ok(list)
    }

    /// A list for one call: it must not be kept, see the module's traps.
    fn list(
        &self,
        partitions: impl Iterator<Item = (PartitionId, Option<Offset>)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in partitions {
            let offset = offset.map_or(ListOffset::Invalid, |offset| ListOffset::Offset(offset.0));
            list.add_partition_offset(&self.topic, partition.0, offset)?;
        }
        Ok(list)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.membership.owes_an_answer() {
            // Without an answer the client would wait for one for ever.
            if let Err(error) = take_all_away(&self.consumer) {
                tracing::warn!(%error, "the last answer to the group was refused");
            }
        }
        self.consumer.context().begin_closing();
        close_within(&self.consumer, self.wait_max);
    }
}

/// Copies a message into the batch.
fn take(
    membership: &Membership,
    message: &BorrowedMessage<'_>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let input =
        Input { partition: PartitionId(message.partition()), offset: Offset(message.offset()) };
    if !membership.is_flowing(input.partition) {
        // Dropping it would skip an input; after a restart it is read again.
        batch.clear();
        return Err(Fault::StepDown {
            what: format!("a message of partition {}, which is not resumed", input.partition.0),
        });
    }
    batch.push(
        input,
        message.timestamp().to_millis().unwrap_or(0),
        message.key(),
        message.payload(),
        headers_of(message),
    );
    Ok(())
}

/// What the member of `config` is called in its group.
fn name_in_group(config: &ClientConfig) -> String {
    let setting = |name| config.get(name).unwrap_or("none");
    format!("{} in group {}", setting("group.instance.id"), setting("group.id"))
}

fn refused(error: &KafkaError) -> Fault {
    Fault::Passing { what: error.to_string() }
}

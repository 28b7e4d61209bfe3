//! Positions name the topic of their answers: whose group it is shows before it is joined.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use stopline::config::KafkaSettings;
use stopline::domain::{Offset, PartitionId};
use stopline::service::log::kafka::{AnswersAre, LogTopics, check_group};
use stopline::service::log::{CommitWait, Fault, Log};

use super::{INPUTS, Mock, OUTPUTS, Worker};

#[test]
fn positions_that_were_committed_for_another_answers_topic_are_refused() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..50);
    let mut worker = mock.worker("a");
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    worker.log.commit(&[(PartitionId(0), Offset(30))], CommitWait::UntilDone).unwrap();
    worker.log.close();

    let settings = mock.settings("b", &[]);
    let mut observer = Worker::open_for(&settings, "observations");
    observer.until("it is refused", |worker| !worker.faults.is_empty());
    let fault = &observer.faults[0];
    assert!(matches!(fault, Fault::AnothersGroup { .. }) && fault.is_fatal(), "{fault}");
    assert!(observer.changes.is_empty(), "nothing is given: {:?}", observer.changes);

    let looked = |outputs, answers| {
        let topics = LogTopics { inputs: INPUTS, outputs };
        check_group(&settings, topics, 1, answers)
    };
    for answers in [AnswersAre::Expected, AnswersAre::Possible] {
        assert_eq!(looked(OUTPUTS, answers), Ok(()));
        let refused = looked("observations", answers).expect_err("another's");
        assert!(refused.to_string().contains("answers to out, "), "{refused}");
    }
}

#[test]
fn a_position_without_a_name_is_anothers_where_answers_are_expected_and_none_was_written() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..50);
    let settings = mock.settings("a", &[]);
    commit_as_a_tool(&settings, 30);
    let topics = LogTopics { inputs: INPUTS, outputs: OUTPUTS };
    assert_eq!(check_group(&settings, topics, 1, AnswersAre::Possible), Ok(()));
    let refused = check_group(&settings, topics, 1, AnswersAre::Expected).expect_err("another's");
    assert!(refused.to_string().contains("committed 30 on partition 0"), "{refused}");
    let mut worker = mock.worker("a");
    worker.next_assigned();
    worker.append(0, 0);
    worker.until("it is answered", |worker| !worker.reports.is_empty());
    assert_eq!(check_group(&settings, topics, 1, AnswersAre::Expected), Ok(()));
}

/// Commits `offset` on partition 0 as `kafka-consumer-groups.sh` does.
fn commit_as_a_tool(kafka: &KafkaSettings, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("group.id", &kafka.group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(INPUTS, 0, ListOffset::Offset(offset)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

//! What cannot work is named, and never called ready.

use std::time::Duration;

use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::topics::{PARTITIONS_COUNT, Topics, create, create_with};
use crate::waiting::eventually;

/// Waits until the engine has named `cause` and either ended or answered that it is not
/// ready. Returns its exit code, where it ended.
fn await_complaint(engine: &mut Engine, cause: &str) -> Option<i32> {
    let what = format!("the log names {cause}");
    eventually(&what, Duration::from_mins(1), || {
        assert!(!engine.is_ready(), "ready, though {cause} is not there");
        let status = engine.exit_status();
        let is_named = engine.log().contains(cause);
        assert!(status.is_none() || is_named, "ended without naming {cause}");
        let says_not_ready = matches!(engine.page("/-/ready"), Some((503, _)));
        (is_named && (status.is_some() || says_not_ready)).then(|| status?.code())
    })
}

#[test]
fn a_missing_topic_is_named_and_the_engine_is_not_ready() {
    let broker = Broker::shared();
    for missing in ["authorisations", "decisions", "stop-orders"] {
        let topics = Topics::named_for(&format!("without-{missing}"));
        let all = [
            (&topics.authorisations, PARTITIONS_COUNT),
            (&topics.decisions, PARTITIONS_COUNT),
            (&topics.stop_orders, 1),
        ];
        let (absent, present): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(name, _)| name.ends_with(missing));
        for (name, partitions) in present {
            create(broker, name, partitions, "delete");
        }
        let installation = Installation::new(missing, broker.address(), &topics);
        let code = await_complaint(&mut installation.start(), absent[0].0);
        assert_ne!(code, Some(0), "{missing}");
    }
}

#[test]
fn topics_that_would_spoil_answers_are_named_with_their_mending_and_78_is_the_exit_code() {
    let broker = Broker::shared();
    let topics = Topics::named_for("spoilt");
    let week = [("message.timestamp.type", "CreateTime"), ("retention.ms", "604800000")];
    create_with(broker, &topics.authorisations, PARTITIONS_COUNT, &week);
    let compacted = [("message.timestamp.type", "CreateTime"), ("cleanup.policy", "compact")];
    create_with(broker, &topics.decisions, PARTITIONS_COUNT - 1, &compacted);
    create(broker, &topics.stop_orders, 2, "delete");
    let installation = Installation::new("spoilt", broker.address(), &topics);
    let mut engine = installation.start();
    let code = engine.await_exit(Duration::from_mins(1));
    let log = engine.log();
    let named = [
        "partition-counts: ",
        "stop-order-partitions: ",
        "ended exit=78 fault=\"append-time: ",
        "decisions-append-time: ",
        "retention: ",
        "decisions-compacted: ",
        "stop-orders-not-compacted: ",
        "--add-config cleanup.policy=compact",
    ];
    for fault in named {
        assert!(log.contains(fault), "{fault} is missing from:\n{log}");
    }
    assert_eq!(code, Some(78));
}

#[test]
fn a_broker_that_nobody_reaches_is_named_and_the_engine_is_not_ready() {
    let nowhere = "127.0.0.1:1";
    let topics = Topics::named_for("nowhere");
    let installation = Installation::new("nowhere", nowhere, &topics);
    let code = await_complaint(&mut installation.start(), nowhere);
    assert!(matches!(code, None | Some(69)), "exit code {code:?}");
}

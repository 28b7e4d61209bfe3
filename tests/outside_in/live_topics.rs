//! Topics that change under a running engine: it says so, drains and leaves.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;

use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::inputs::Traffic;
use crate::ledger::Ledger;
use crate::topics::{PARTITIONS_COUNT, Reader, Topics, Writer};
use crate::waiting::eventually;

/// How long the broker may take for a change.
const PATIENCE: Duration = Duration::from_secs(30);
/// A change is looked for every few seconds.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);

/// An engine that has answered something, and its topics.
fn at_work(test: &str) -> (Engine, Installation, Topics) {
    let broker = Broker::shared();
    let topics = Topics::named_for(test);
    topics.create(broker);
    let installation = Installation::new(test, broker.address(), &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("live", 7));
    let mut ledger = Ledger::default();
    let inputs: Vec<_> = (0..50).map(|_| traffic.next_input()).collect();
    ledger.send(&writer, &topics.authorisations, inputs);
    let mut decisions = Reader::new(broker, &topics.decisions);
    ledger.await_answers(&mut decisions, PATIENCE);
    (engine, installation, topics)
}

fn order<T>(what: impl AsyncFnOnce(AdminClient<DefaultClientContext>, AdminOptions) -> T) -> T {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", Broker::shared().address());
    let admin = config.create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(what(admin, options))
}

fn grow(topic: &str) {
    let wanted = usize::try_from(PARTITIONS_COUNT).unwrap() + 1;
    let grown = order(async |admin, options| {
        admin.create_partitions([&NewPartitions::new(topic, wanted)], &options).await
    });
    assert_eq!(grown.expect("the broker answers"), [Ok(topic.to_owned())]);
}

fn remove(topic: &str) {
    let removed = order(async |admin, options| admin.delete_topics(&[topic], &options).await);
    assert_eq!(removed.expect("the broker answers"), [Ok(topic.to_owned())]);
}

fn assert_leaves_with_78(engine: &mut Engine, says: &str) {
    let code = engine.await_exit(NOTICED_WITHIN);
    let log = engine.log();
    assert!(log.contains(says), "`{says}` is missing from:\n{log}");
    assert_eq!(code, Some(78), "{log}");
}

#[test]
fn a_topic_that_grows_stops_the_engine_with_78_and_it_does_not_start_again() {
    for test in ["grown-authorisations", "grown-decisions"] {
        let (mut engine, installation, topics) = at_work(test);
        let topic = match test {
            "grown-decisions" => &topics.decisions,
            _ => &topics.authorisations,
        };
        grow(topic);
        let says = format!("{topic} had 4 partitions at the start and has 5 now");
        assert_leaves_with_78(&mut engine, &says);
        assert!(engine.log().contains("drained and committed"), "{}", engine.log());
        assert_leaves_with_78(&mut installation.start(), "partition-counts: ");
    }
}

#[test]
fn a_topic_that_is_removed_stops_the_engine_with_78() {
    let (mut engine, _installation, topics) = at_work("removed");
    remove(&topics.decisions);
    assert_leaves_with_78(&mut engine, &format!("{} is gone", topics.decisions));
}

#[test]
fn stop_orders_that_are_gone_are_said_at_once_and_stop_the_engine_with_78() {
    let (mut engine, _installation, topics) = at_work("removed-orders");
    eventually("the stop list is said to be followed", PATIENCE, || {
        (engine.metric("stopline_stop_list_followed") == 1).then_some(())
    });
    remove(&topics.stop_orders);
    eventually("it is not ready and says why", Duration::from_secs(10), || {
        let (status, page) = engine.page("/-/ready")?;
        (status == 503 && page.contains("stop list: not followed for")).then_some(())
    });
    assert_leaves_with_78(&mut engine, &format!("{} is gone", topics.stop_orders));
}

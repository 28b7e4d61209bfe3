//! A transaction that somebody leaves open on the topics hides nothing: neither a request nor
//! a stop order waits behind it, not even at a start.

use std::time::Duration;

use prost::Message;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stopline::wire::proto::{Reason, Record, StopCause, StopOrder, record::Answer};

use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::inputs::{Expected, Format, Input, Traffic};
use crate::topics::{Outbound, Reader, Topics, Writer};
use crate::waiting::eventually;

const PATIENCE: Duration = Duration::from_secs(30);

/// A producer that has written a record each to these, in a transaction that it leaves open.
fn leave_open(broker: &Broker, topics: [&str; 2]) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("transactional.id", topics[0])
        .set("transaction.timeout.ms", "300000")
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    for topic in topics {
        let record = BaseRecord::to(topic).partition(0).key("hung").payload("hung");
        producer.send(record).unwrap();
    }
    eventually("the records of the open transaction are written", PATIENCE, || {
        producer.poll(Duration::ZERO);
        (producer.in_flight_count() == 0).then_some(())
    });
    producer
}

fn order_for(account: &str) -> Outbound {
    let order = StopOrder {
        order_id: format!("order-of-{account}"),
        account_reference: Some(account.to_owned()),
        cause: i32::from(StopCause::Lost),
        ..StopOrder::default()
    };
    Outbound {
        key: Some(order.order_id.clone().into_bytes()),
        value: Some(order.encode_to_vec()),
        headers: vec![("content-type", Format::Protobuf.content_type().into())],
        partition: Some(0),
    }
}

/// An account of the partition that the transaction was left open on.
fn asks_partition_0(writer: &Writer, topics: &Topics, traffic: &mut Traffic) -> (String, i64) {
    (0..100)
        .find_map(|number| {
            let account = format!("account-{number}");
            let request = traffic.request_of(&account);
            let input = Input::new(request, Format::Protobuf, Expected::Decision);
            let places = writer.send(&topics.authorisations, &[input.record]);
            (places[0].0 == 0).then_some((account, places[0].1))
        })
        .expect("an account in partition 0")
}

/// The reason of the decision for the input at `offset` of partition 0, once it is there.
fn await_reason(decisions: &mut Reader, offset: i64) -> Reason {
    eventually("the request behind the open transaction is answered", PATIENCE, || {
        decisions.read_to_end().iter().find_map(|inbound| {
            let record = Record::decode(inbound.value.as_slice()).ok()?;
            let Some(Answer::Decision(decision)) = record.answer else { return None };
            let input = decision.decided_input?;
            ((input.partition, input.offset) == (0, offset)).then(|| decision.reason())
        })
    })
}

#[test]
fn what_lies_behind_an_open_transaction_is_seen() {
    let broker = Broker::shared();
    let topics = Topics::named_for("open-transaction");
    topics.create(broker);
    let installation = Installation::new("open-transaction", broker.address(), &topics);
    let mut engine: Engine = installation.start();
    engine.await_ready();
    let open = leave_open(broker, [&topics.stop_orders, &topics.authorisations]);

    let writer = Writer::new(broker);
    let mut traffic = Traffic::new("open-transaction", 1);
    let mut decisions = Reader::new(broker, &topics.decisions);
    let (account, offset) = asks_partition_0(&writer, &topics, &mut traffic);
    assert_ne!(await_reason(&mut decisions, offset), Reason::LostCard, "no order yet");

    writer.send(&topics.stop_orders, &[order_for(&account)]);
    let mut ask = || {
        let request = traffic.request_of(&account);
        let input = Input::new(request, Format::Protobuf, Expected::Decision);
        writer.send(&topics.authorisations, &[input.record])[0].1
    };
    eventually("an order behind the open transaction is enforced", PATIENCE, || {
        (await_reason(&mut decisions, ask()) == Reason::LostCard).then_some(())
    });

    // Nor does a start call a list whole that it has not read to its end.
    engine.kill();
    let mut engine = installation.start();
    engine.await_ready();
    assert_eq!(await_reason(&mut decisions, ask()), Reason::LostCard, "{}", engine.log());
    open.abort_transaction(PATIENCE).unwrap();
    engine.terminate();
    assert_eq!(engine.await_exit(PATIENCE), Some(0));
}

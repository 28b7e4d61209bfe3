//! Properties of the Kafka client that nobody may set by hand.

/// What correctness or the seam depends on: nobody may set it otherwise.
const REFUSED: [(&str, &str); 28] = [
    ("bootstrap.servers", "set kafka.brokers"),
    ("metadata.broker.list", "set kafka.brokers"),
    ("client.id", "set kafka.instance"),
    ("group.id", "set kafka.group"),
    ("group.instance.id", "set kafka.instance"),
    ("max.poll.interval.ms", "a worker's lease is shorter, so that no two own a partition"),
    ("group.protocol", "the newer group protocol stalls with this client"),
    ("enable.auto.commit", "only acknowledged inputs are committed"),
    ("enable.auto.offset.store", "only acknowledged inputs are committed"),
    ("auto.commit.enable", "only acknowledged inputs are committed"),
    ("auto.offset.reset", "inputs would be skipped in silence"),
    ("check.crcs", "a bit flipped on the way would be decided on"),
    ("isolation.level", "stop orders and requests behind an open transaction would be hidden"),
    ("enable.partition.eof", "the log tells an end where it is asked for"),
    ("allow.auto.create.topics", "a misspelt topic must be missing"),
    ("enable.idempotence", "records would be reordered and doubled"),
    ("enable.gapless.guarantee", "failed records are sent again by the worker"),
    ("acks", "an acknowledged record must be on all replicas"),
    ("request.required.acks", "an acknowledged record must be on all replicas"),
    ("max.in.flight", "records would be reordered"),
    ("max.in.flight.requests.per.connection", "records would be reordered"),
    ("retries", "a record is retried until it times out"),
    ("message.send.max.retries", "a record is retried until it times out"),
    ("transactional.id", "the response topic is the journal, not a transaction"),
    ("delivery.report.only.error", "acknowledgements are the frontier"),
    ("produce.offset.report", "acknowledged offsets show a second writer"),
    ("partitioner", "a card's messages belong to one partition"),
    ("test.mock.num.brokers", "answers would go nowhere"),
];

/// `property` without the side that it is for.
pub(super) fn unprefixed(property: &str) -> &str {
    property
        .strip_prefix("consumer.")
        .or_else(|| property.strip_prefix("producer."))
        .unwrap_or(property)
}

/// Why a client property may not be set by hand, or `None` where it may.
///
/// A property goes to consumers and producers alike, one that begins with `consumer.` or
/// `producer.` to that side only, without the prefix.
pub fn refused_client_property(property: &str) -> Option<&'static str> {
    let name = unprefixed(property);
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}

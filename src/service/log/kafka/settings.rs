//! The clients' settings. Source of each: the design's table "Kafka" and the traps behind it.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::fault::settings_fault;
use crate::config::{KafkaSettings, refused_client_property};
use crate::service::log::{Fault, UNACKNOWLEDGED_RECORDS_MAX};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Consumer,
    Producer,
}

fn side_and_name(property: &str) -> (Option<Side>, &str) {
    if let Some(name) = property.strip_prefix("consumer.") {
        (Some(Side::Consumer), name)
    } else if let Some(name) = property.strip_prefix("producer.") {
        (Some(Side::Producer), name)
    } else {
        (None, property)
    }
}

/// A worker's consumer: number `worker_number` of its process.
pub(super) fn worker_consumer(
    kafka: &KafkaSettings,
    worker_number: usize,
) -> Result<ClientConfig, Fault> {
    let member = member_name(kafka, worker_number);
    let mut config = consumer(kafka, &member)?;
    config
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "500")
        .set("max.poll.interval.ms", "60000")
        .set("enable.partition.eof", "false")
        .set("statistics.interval.ms", "1000");
    if kafka.is_static_member {
        config.set("group.instance.id", &member);
    }
    add_properties(&mut config, kafka, Side::Consumer);
    Ok(config)
}

/// A worker's producer.
pub(super) fn worker_producer(
    kafka: &KafkaSettings,
    worker_number: usize,
) -> Result<ClientConfig, Fault> {
    let mut config = producer(kafka, &member_name(kafka, worker_number))?;
    config.set("statistics.interval.ms", "1000");
    add_properties(&mut config, kafka, Side::Producer);
    Ok(config)
}

/// The same for bursts: it waits for all of one.
pub(super) fn worker_bulk_producer(
    kafka: &KafkaSettings,
    worker_number: usize,
) -> Result<ClientConfig, Fault> {
    let mut config = producer(kafka, &format!("{}-bulk", member_name(kafka, worker_number)))?;
    config.set("statistics.interval.ms", "1000").set("linger.ms", "1");
    add_properties(&mut config, kafka, Side::Producer);
    Ok(config)
}

/// A tail's consumer. It names the group, as the client wants one, and never joins it.
pub(super) fn tail(kafka: &KafkaSettings) -> Result<ClientConfig, Fault> {
    let mut config = consumer(kafka, &format!("{}-tail", kafka.instance))?;
    config.set("enable.partition.eof", "true").set("statistics.interval.ms", "1000");
    add_properties(&mut config, kafka, Side::Consumer);
    Ok(config)
}

/// A feed's producer: keys are placed as Java producers place them.
pub(super) fn feed(kafka: &KafkaSettings) -> Result<ClientConfig, Fault> {
    let mut config = producer(kafka, &format!("{}-feed", kafka.instance))?;
    config.set("partitioner", "murmur2_random");
    add_properties(&mut config, kafka, Side::Producer);
    Ok(config)
}

/// A client that only asks and orders.
pub(super) fn admin(kafka: &KafkaSettings) -> Result<ClientConfig, Fault> {
    let mut config = client(kafka, &format!("{}-admin", kafka.instance))?;
    add_properties(&mut config, kafka, Side::Producer);
    Ok(config)
}

/// Unique in the group and the same after a restart.
fn member_name(kafka: &KafkaSettings, worker_number: usize) -> String {
    format!("{}-{worker_number}", kafka.instance)
}

fn client(kafka: &KafkaSettings, client_id: &str) -> Result<ClientConfig, Fault> {
    for (name, _) in &kafka.properties {
        if let Some(why) = refused_client_property(name) {
            return Err(Fault::Settings {
                what: format!("kafka.properties may not set {name}: {why}"),
            });
        }
    }
    let mut config = ClientConfig::new();
    for (name, file) in &kafka.secret_property_files {
        let value = std::fs::read_to_string(file).map_err(|cause| Fault::Settings {
            what: format!(
                "kafka.secret_property_files: {name} = {}: cannot be read: {cause}",
                file.display()
            ),
        })?;
        config.set(name, value.trim());
    }
    config
        .set("bootstrap.servers", &kafka.brokers)
        .set("client.id", client_id)
        .set("socket.keepalive.enable", "true")
        .set("allow.auto.create.topics", "false")
        .set("enable.metrics.push", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    Ok(config)
}

fn consumer(kafka: &KafkaSettings, client_id: &str) -> Result<ClientConfig, Fault> {
    let mut config = client(kafka, client_id)?;
    config
        .set("group.id", &kafka.group)
        .set("group.protocol", "classic")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        // Else whatever lies behind another one's open transaction is hidden: a lost card goes
        // on paying, requests wait, and nothing says so.
        .set("isolation.level", "read_uncommitted")
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "50");
    Ok(config)
}

fn producer(kafka: &KafkaSettings, client_id: &str) -> Result<ClientConfig, Fault> {
    let mut config = client(kafka, client_id)?;
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("compression.type", "none")
        .set("delivery.timeout.ms", "30000")
        .set("queue.buffering.max.messages", UNACKNOWLEDGED_RECORDS_MAX.to_string());
    Ok(config)
}

/// What the client refuses of the properties of `kafka`, each for itself; nothing is opened.
pub fn refused_properties(kafka: &KafkaSettings) -> Vec<Fault> {
    let named = kafka.properties.iter().map(|(property, value)| (property, Ok(value.clone())));
    let secret = kafka.secret_property_files.iter();
    let secret = secret.map(|(name, file)| (name, std::fs::read_to_string(file)));
    let refused = |(property, value): (&String, std::io::Result<String>)| {
        let (_, name) = side_and_name(property);
        let mut config = ClientConfig::new();
        config.set(name, value.ok()?.trim()); // A file that cannot be read is told elsewhere.
        config.create_native_config().err().map(|error| settings_fault(&error))
    };
    named.chain(secret).filter_map(refused).collect()
}

fn add_properties(config: &mut ClientConfig, kafka: &KafkaSettings, own_side: Side) {
    for (property, value) in &kafka.properties {
        let (side, name) = side_and_name(property);
        if side.is_none_or(|side| side == own_side) {
            config.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(properties: &[(&str, &str)]) -> KafkaSettings {
        KafkaSettings {
            brokers: "127.0.0.1:1".to_owned(),
            group: "stopline".to_owned(),
            instance: "here".to_owned(),
            is_static_member: true,
            secret_property_files: Vec::new(),
            properties: properties
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_property_that_correctness_depends_on_is_refused_on_either_side() {
        for name in [
            "auto.offset.reset",
            "consumer.auto.offset.reset",
            "producer.enable.idempotence",
            "acks",
        ] {
            assert!(refused_client_property(name).is_some(), "{name}");
            let refused = worker_consumer(&kafka(&[(name, "x")]), 0);
            assert!(matches!(refused, Err(Fault::Settings { .. })), "{name}");
        }
        assert_eq!(refused_client_property("sasl.username"), None);
    }

    #[test]
    fn a_property_reaches_its_side_only() {
        let kafka = kafka(&[
            ("debug", "cgrp"),
            ("consumer.session.timeout.ms", "6000"),
            ("producer.linger.ms", "1"),
        ]);
        let consumer = worker_consumer(&kafka, 3).expect("allowed");
        let producer = worker_producer(&kafka, 3).expect("allowed");
        assert_eq!(consumer.get("debug"), Some("cgrp"));
        assert_eq!(consumer.get("session.timeout.ms"), Some("6000"));
        assert_eq!(consumer.get("linger.ms"), None);
        assert_eq!(consumer.get("group.instance.id"), Some("here-3"));
        assert_eq!(producer.get("debug"), Some("cgrp"));
        assert_eq!(producer.get("session.timeout.ms"), None);
        assert_eq!(producer.get("linger.ms"), Some("1"));
    }

    #[test]
    fn a_dynamic_member_has_no_instance_id() {
        let mut kafka = kafka(&[]);
        kafka.is_static_member = false;
        let config = worker_consumer(&kafka, 0).expect("allowed");
        assert_eq!(config.get("group.instance.id"), None);
    }

    #[test]
    fn all_properties_that_the_client_does_not_take_are_named() {
        let kafka = kafka(&[
            ("nonsense.prop", "1"),
            ("consumer.socket.timeout.ms", "abc"),
            ("debug", "cgrp"),
        ]);
        let refused: Vec<_> = refused_properties(&kafka).iter().map(ToString::to_string).collect();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].contains("nonsense.prop"), "{refused:?}");
        assert!(refused[1].contains("socket.timeout.ms"), "{refused:?}");
    }

    #[test]
    fn librdkafka_knows_every_property() {
        let kafka = kafka(&[]);
        for config in [
            worker_consumer(&kafka, 0),
            worker_producer(&kafka, 0),
            worker_bulk_producer(&kafka, 0),
            tail(&kafka),
            feed(&kafka),
            admin(&kafka),
        ] {
            let config = config.expect("allowed");
            assert!(config.create_native_config().is_ok());
        }
    }
}

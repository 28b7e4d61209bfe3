//! `[kafka]`: brokers, group, and what is handed to the client as it is.

use std::net::Ipv6Addr;

use super::client_property::{refused_client_property, unprefixed};
use super::document::{Node, Value};
use super::problem::Problem;
use super::section::Section;
use super::settings::KafkaSettings;

/// What the key `brokers` looks like, for messages.
const BROKERS_FORM: &str = "`host:port`, several by comma";

pub(super) fn kafka(section: &mut Section<'_>) -> Option<KafkaSettings> {
    let brokers = brokers(section);
    let purpose = "the consumer group that all instances share";
    let group = section.required_kafka_name("group", purpose, "a group");
    let purpose = "the name of this process in the group, unique and stable over restarts";
    let instance = section.required_kafka_name("instance", purpose, "an instance");
    let is_static_member = section.boolean("static_membership", true);
    let properties = properties(section);
    let mut secret_property_files = Vec::new();
    for (name, node) in section.pairs("secret_property_files") {
        if let Some(why) = refused_client_property(&name) {
            section.problems.push(not_to_be_set(&name, node, why));
            continue;
        }
        if let Some(path) = section.path(&format!("secret_property_files.{name}"), node) {
            secret_property_files.push((name, path));
        }
    }
    Some(KafkaSettings {
        brokers: brokers?,
        group: group?,
        instance: instance?,
        is_static_member: is_static_member?,
        properties,
        secret_property_files,
    })
}

fn brokers(section: &mut Section<'_>) -> Option<String> {
    let (brokers, node) = section.required_text("brokers", BROKERS_FORM)?;
    let mut parts = brokers.split(',').map(str::trim);
    if let Some(broker) = parts.find(|broker| !is_broker(broker)) {
        let what = format!("`{broker}` is no broker");
        let expected = format!("{BROKERS_FORM}, such as \"kafka-1:9092\"; ports are 1 to 65535");
        section.problems.push(Problem::error(&node.spot, what).expected(expected));
        return None;
    }
    Some(brokers)
}

/// True for `host:port` and `[IPv6]:port`.
fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = is_digits && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_host = if let Some(address) = host.strip_prefix('[') {
        address.strip_suffix(']').is_some_and(|it| it.parse::<Ipv6Addr>().is_ok())
    } else {
        !host.is_empty() && host.bytes().all(is_letter)
    };
    is_host && is_port
}

/// The properties that the client is given, without those that were refused.
fn properties(section: &mut Section<'_>) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    for (name, node) in section.pairs("properties") {
        let problem = if let Some(why) = refused_client_property(&name) {
            not_to_be_set(&name, node, why)
        } else if unprefixed(&name) == "partition.assignment.strategy" {
            not_to_be_set(&name, node, "partitions come and go one by one")
        } else if is_secret(&name) {
            let help = format!(
                "write it to a file and name that under [kafka.secret_property_files]: \
                 \"{name}\" = \"…\""
            );
            Problem::error(&node.spot, format!("`{name}` is a secret; settings hold none"))
                .help(help)
        } else if let Some(value) = property(node) {
            if needs_tls(&name, &value) && !cfg!(feature = "tls") {
                let what = format!("`{value}` needs TLS, which this build of Stopline has not");
                Problem::error(&node.spot, what)
                    .expected("`plaintext` or `sasl_plaintext`")
                    .help("build with `--features tls`")
            } else if is_short_session(&name, &value) {
                let what =
                    format!("a session of `{value}` ms is shorter than a worker's lease needs");
                Problem::error(&node.spot, what)
                    .expected(format!("{SESSION_MILLIS_MIN} or more, which is the default"))
            } else {
                properties.push((name, value));
                continue;
            }
        } else {
            Problem::error(&node.spot, "this is no property").expected("a text, a number or a flag")
        };
        section.problems.push(problem);
    }
    properties
}

fn not_to_be_set(name: &str, node: &Node, why: &str) -> Problem {
    let what = format!("`{name}` is not to be set here: {why}");
    Problem::error(&node.spot, what).expected("a property that Stopline leaves to you")
}

/// A worker that was held up steps down 2 s before its session may have ended.
const SESSION_MILLIS_MIN: u32 = 10_000;

fn is_short_session(property: &str, value: &str) -> bool {
    let millis = value.trim().parse::<u32>();
    unprefixed(property) == "session.timeout.ms"
        && millis.is_ok_and(|millis| millis < SESSION_MILLIS_MIN)
}

fn needs_tls(property: &str, value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    unprefixed(property) == "security.protocol" && ["ssl", "sasl_ssl"].contains(&value.as_str())
}

fn is_secret(property: &str) -> bool {
    let words = ["password", "secret", ".pem", "sasl.oauthbearer.config"];
    words.iter().any(|word| property.contains(word))
}

fn property(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        Value::Bare => Some(node.spot.text().to_owned()),
        Value::List(_) | Value::Table(_) | Value::Time(_) | Value::Other(_) => None,
    }
}

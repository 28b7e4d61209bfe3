//! What the other tests stand on, tested against the broker itself.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::{Broker, OwnBroker};
use crate::http;
use crate::topics::{Outbound, PARTITIONS_COUNT, Reader, Topics, Writer, committed};

fn record(number: usize) -> Outbound {
    Outbound {
        partition: None,
        key: Some(format!("account-{}", number % 20).into_bytes()),
        value: Some(format!("value-{number}").into_bytes()),
        headers: vec![
            ("content-type", b"application/json".to_vec()),
            ("number", number.to_string().into_bytes()),
        ],
    }
}

#[test]
fn what_is_written_is_read_back_once_where_its_key_belongs() {
    let broker = Broker::shared();
    let topics = Topics::named_for("harness");
    topics.create(broker);
    let writer = Writer::new(broker);
    let sent: Vec<_> = (0..1_000).map(record).collect();
    let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();

    let places = writer.send(&topics.authorisations, &sent);
    let mut reader = Reader::new(broker, &topics.authorisations);
    let read = reader.read_to_end();

    assert_eq!(read.len(), sent.len());
    for inbound in read {
        let number: usize = inbound.header("number").unwrap().parse().unwrap();
        assert_eq!(inbound.place, places[number]);
        assert_eq!(inbound.key, sent[number].key);
        assert_eq!(Some(&inbound.value), sent[number].value.as_ref());
        assert_eq!(inbound.header("content-type"), Some("application/json"));
        assert_eq!(inbound.header("other"), None);
        let appended_at = u128::try_from(inbound.appended_at_millis).unwrap();
        assert!(appended_at >= before.as_millis(), "the broker's own time");
    }
    let partitions: Vec<_> = places.iter().map(|(partition, _)| *partition).collect();
    for number in 20..sent.len() {
        assert_eq!(partitions[number], partitions[number - 20], "by its key");
    }
    // What the Java client's partitioner says of these keys.
    assert_eq!(partitions[..8], [3, 0, 0, 3, 2, 1, 0, 3]);
    let none = vec![0; usize::try_from(PARTITIONS_COUNT).unwrap()];
    assert_eq!(committed(broker, "nobody", &topics.authorisations), none);
}

#[test]
fn a_stalled_broker_answers_nothing_and_ends_all_the_same() {
    let own = OwnBroker::start();
    let topics = Topics::named_for("stalled");
    topics.create(own.as_broker());
    let writer = Writer::new(own.as_broker());
    assert_eq!(writer.send(&topics.decisions, &[record(1)]).len(), 1);

    own.stall();

    let began = Instant::now();
    let state = thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let client = rdkafka::ClientConfig::new()
                .set("bootstrap.servers", own.as_broker().address())
                .create::<rdkafka::consumer::BaseConsumer>()
                .unwrap();
            let wait = Duration::from_millis(500);
            rdkafka::consumer::Consumer::fetch_metadata(&client, None, wait).is_err()
        });
        asked.join().unwrap()
    });
    assert!(state, "nothing was answered");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_page_is_fetched_with_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 256];
        let length = stream.read(&mut asked).unwrap();
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 8\r\n\r\nstarting")
            .unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    assert_eq!(http::get(address, "/-/ready").unwrap(), (503, "starting".to_owned()));
    let asked = server.join().unwrap();
    assert!(asked.starts_with("GET /-/ready HTTP/1.1\r\n"), "{asked}");
}

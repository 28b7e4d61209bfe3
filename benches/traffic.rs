//! Is the traffic generator fast enough to feed the engine and a broker?
//!
//! Sizes: 100 thousand cards, 10 million, and 100 thousand that rest. Budget: 2 µs a
//! message (500,000 a second on one core), its encoding included. The seed is fixed.
//!
//! Asserted: what was made is not empty, and the last of it reads back as the payment it was.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use prost::Message as _;
use stopline::lab::traffic::{Traffic, TrafficSettings, to_json, to_protobuf};
use stopline::wire::proto::Authorisation;

const SEED: u64 = 1;

fn traffic(cards_count: u32, rest_millis: i64) -> Traffic {
    Traffic::new(TrafficSettings {
        seed: SEED,
        cards_count,
        start_unix_millis: 1_790_000_000_000,
        rate_per_second: 2_000.0,
        rest_millis,
    })
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("traffic");
    group.throughput(Throughput::Elements(1));
    let sizes = [
        ("100k cards", 100_000, 0),
        ("10M cards", 10_000_000, 0),
        ("100k cards that rest 30 s", 100_000, 30_000),
    ];
    for (name, cards_count, rest_millis) in sizes {
        let mut traffic = traffic(cards_count, rest_millis);
        group.bench_function(format!("protobuf, {name}"), |bencher| {
            let (mut last, mut bytes) = (Authorisation::default(), Vec::new());
            bencher.iter(|| {
                last = traffic.next_due().request;
                bytes = black_box(to_protobuf(&last));
            });
            assert_same(&last, Authorisation::decode(bytes.as_slice()).ok().as_ref());
        });
    }
    let mut traffic = traffic(100_000, 0);
    group.bench_function("json, 100k cards", |bencher| {
        let (mut last, mut bytes) = (Authorisation::default(), Vec::new());
        bencher.iter(|| {
            last = traffic.next_due().request;
            bytes = black_box(to_json(&last).expect("valid"));
        });
        assert_same(&last, serde_json::from_slice(&bytes).ok().as_ref());
    });
    group.finish();
}

fn assert_same(made: &Authorisation, read: Option<&Authorisation>) {
    assert!(!made.account_reference.is_empty(), "a generator that costs nothing did not run");
    assert_eq!(Some(made), read, "what was made reads back as it was");
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    messages(&mut criterion);
    criterion.final_summary();
}

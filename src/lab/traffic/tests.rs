//! The shape of the traffic, in figures.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::wire::proto::{CheckResult, EntryMode, Initiator, MessageType, Scheme, authorisation};

/// What is counted, its share, and how it is told.
type Share = (&'static str, f64, fn(&Authorisation) -> bool);

const START: i64 = 1_790_000_000_000;
const SEED: u64 = 11;
const MESSAGES: usize = 60_000;

fn settings() -> TrafficSettings {
    TrafficSettings {
        seed: SEED,
        cards_count: 1_000_000,
        start_unix_millis: START,
        rate_per_second: 2_000.0,
        rest_millis: 0,
    }
}

fn sample() -> Vec<Authorisation> {
    let mut traffic = Traffic::new(settings());
    (0..MESSAGES).map(|_| traffic.next_due().request).collect()
}

fn share(requests: &[Authorisation], holds: impl Fn(&Authorisation) -> bool) -> f64 {
    requests.iter().filter(|request| holds(request)).count() as f64 / requests.len() as f64
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let bytes = |settings: TrafficSettings| {
        let mut traffic = Traffic::new(settings);
        let requests = std::iter::repeat_with(move || to_protobuf(&traffic.next_due().request));
        requests.take(1_000).collect::<Vec<_>>()
    };
    let rested = TrafficSettings { rest_millis: 10_000, ..settings() };
    assert_eq!(bytes(settings()), bytes(settings()));
    assert_eq!(bytes(rested), bytes(rested));
    let reseeded = TrafficSettings { seed: SEED + 1, ..settings() };
    assert_ne!(bytes(settings()), bytes(reseeded));
}

#[test]
fn payments_are_mixed_as_card_not_present_payments_are() {
    let requests = sample();
    let cases: [Share; 12] = [
        ("home", 0.85, |r| r.merchant_country() == "CN"),
        ("shop", 0.55, |r| r.entry_mode() == EntryMode::Ecommerce),
        ("on file", 0.42, |r| r.entry_mode() == EntryMode::CredentialOnFile),
        ("dictated", 0.03, |r| r.entry_mode() == EntryMode::Manual),
        ("by agreement", 0.15, |r| r.initiator() == Initiator::Merchant),
        ("free", 0.01, |r| r.amount_minor_units() == 0),
        ("UnionPay", 0.55, |r| r.scheme() == Scheme::Unionpay),
        ("financial", 0.55, |r| r.message_type() == MessageType::MessageType0200),
        ("code wrong", 0.0024, |r| r.cvv2_result() == CheckResult::NoMatch),
        ("expiry wrong", 0.0012, |r| r.expiry_result() == CheckResult::NoMatch),
        ("authenticated", 0.33, |r| matches!(r.eci, Some(2 | 5))),
        ("billed in yuan", 0.15, |r| r.billing_currency() == "CNY"),
    ];
    for (what, expected, holds) in cases {
        let found = share(&requests, holds);
        let tolerance = 0.01_f64.min(expected * 0.4);
        assert!(
            (found - expected).abs() < tolerance,
            "{what}: {found} is not {expected} (seed {SEED})"
        );
    }
}

#[test]
fn most_payments_are_at_merchants_met_before() {
    let settings = TrafficSettings { cards_count: 50, ..settings() };
    let mut traffic = Traffic::new(settings);
    let mut met = HashSet::new();
    let mut repeated = 0;
    for round in 0..40_000 {
        let request = traffic.next_request(START);
        let visit = (request.account_reference.clone(), request.merchant_id);
        // The first half only fills the memory.
        repeated += usize::from(!met.insert(visit) && round >= 20_000);
    }
    // 60 % by habit, and large merchants are met again by chance.
    let found = repeated as f64 / 20_000.0;
    assert!((0.60..0.90).contains(&found), "{found}");
}

#[test]
fn merchants_are_few_large_and_many_small() {
    let mut payments: HashMap<String, usize> = HashMap::new();
    for request in sample() {
        *payments.entry(request.merchant_id().to_owned()).or_default() += 1;
    }
    let mut counts: Vec<usize> = payments.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    assert!(counts.len() > 10_000, "{} merchants", counts.len());
    let largest = counts.iter().take(10).sum::<usize>() as f64 / MESSAGES as f64;
    assert!((0.1..0.3).contains(&largest), "{largest}");
}

#[test]
fn the_median_payment_is_about_120_yuan() {
    let mut fen: Vec<i64> = sample()
        .iter()
        .map(|request| request.billing_amount_minor_units.unwrap_or(request.amount_minor_units()))
        .filter(|&fen| fen > 0)
        .collect();
    fen.sort_unstable();
    let median = fen[fen.len() / 2];
    assert!((10_000..14_000).contains(&median), "{median} fen");
}

#[test]
fn every_message_keeps_the_contract() {
    let mut ids = HashSet::new();
    for request in sample() {
        assert!(ids.insert(request.authorisation_id.clone()), "an id twice");
        let Some(authorisation::Card::CardToken(token)) = &request.card else {
            panic!("a card token");
        };
        for (name, most) in [
            (request.authorisation_id.as_str(), 64),
            (token, 64),
            (&request.account_reference, 64),
            (request.merchant_id(), 32),
            (request.acquirer_id(), 32),
            (request.terminal_id(), 32),
            (request.bin(), 8),
        ] {
            assert!((1..=most).contains(&name.len()), "{name}");
        }
        assert!(!request.account_reference.bytes().all(|b| b.is_ascii_digit()));
        assert!((0..1_000_000_000_000_000).contains(&request.amount_minor_units()));
        let mastercard = request.scheme() == Scheme::Mastercard;
        match request.eci {
            Some(0..=2) if mastercard => (),
            Some(1) => assert_eq!(request.scheme(), Scheme::Visa),
            Some(5..=7) => assert!(!mastercard),
            other => assert_eq!(other, None),
        }
        if request.initiator() == Initiator::Merchant {
            assert!(request.original_id.is_some() && request.device_id.is_none());
            assert_eq!(request.cvv2_result(), CheckResult::Unspecified);
        }
    }
}

#[test]
fn json_and_protobuf_say_the_same() {
    let request = Traffic::new(settings()).next_request(START);
    let json = to_json(&request).expect("valid");
    let read: Authorisation = serde_json::from_slice(&json).expect("valid");
    assert_eq!(read, request);
    let read = <Authorisation as Message>::decode(to_protobuf(&request).as_slice());
    assert_eq!(read.expect("valid"), request);
}

#[test]
fn a_repeat_differs_by_its_message_type_alone() {
    let request = Traffic::new(settings()).next_request(START);
    let repeat = repeat_of(&request);
    assert_eq!(repeat.message_type, request.message_type + 1);
    assert_eq!(repeat_of(&repeat), repeat);
    let back = Authorisation { message_type: request.message_type, ..repeat };
    assert_eq!(back, request);
}

#[test]
fn cards_that_rest_do_not_pay_twice_in_a_row() {
    let settings = TrafficSettings { cards_count: 20_000, rest_millis: 5_000, ..settings() };
    let mut traffic = Traffic::new(settings);
    let mut paid_at: HashMap<String, i64> = HashMap::new();
    let mut early = 0;
    for _ in 0..MESSAGES {
        let request = traffic.next_due().request;
        let before = paid_at.insert(request.account_reference, request.authorised_at_millis);
        early += usize::from(before.is_some_and(|at| request.authorised_at_millis - at < 5_000));
    }
    assert_eq!(early, 0, "seed {SEED}");
}

#[test]
fn a_burst_is_one_card_at_many_merchants() {
    let mut traffic = Traffic::new(settings());
    let card = traffic.spare_card(0);
    let attempts: Vec<_> = (0..20).map(|_| traffic.burst(card, START)).collect();
    let tokens: HashSet<_> = attempts.iter().map(|r| &r.account_reference).collect();
    let merchants: HashSet<_> = attempts.iter().map(|r| &r.merchant_id).collect();
    assert_eq!(tokens.len(), 1);
    assert!(merchants.len() > 10, "{}", merchants.len());
    assert!(attempts.iter().all(|r| r.amount_minor_units() < 2_000));
}

fn lives(shares: Shares) -> LifeCycles {
    let settings = TrafficSettings { cards_count: 1_000, rate_per_second: 5.0, ..settings() };
    LifeCycles::new(settings, shares, Delays { late_max: 60_000, after_max: 600_000 })
}

#[test]
fn without_what_follows_life_cycles_are_the_plain_traffic() {
    let settings = TrafficSettings { cards_count: 1_000, rate_per_second: 5.0, ..settings() };
    let (mut plain, mut lives) = (Traffic::new(settings), lives(Shares::NONE));
    for _ in 0..1_000 {
        assert_eq!(lives.next_due().request, plain.next_due().request);
    }
}

#[test]
fn every_kind_of_message_comes_in_the_order_of_its_arrival_from_the_same_seed() {
    use MessageType as Type;
    let sample = || {
        let mut lives = lives(Shares::EVERY_KIND);
        std::iter::repeat_with(move || lives.next_due()).take(20_000).collect::<Vec<_>>()
    };
    let all = sample();
    assert_eq!(all, sample());
    assert!(all.is_sorted_by_key(|due| due.after_start_nanos));
    let requests: Vec<Authorisation> = all.into_iter().map(|due| due.request).collect();
    let is_of = |types: [MessageType; 2]| {
        move |request: &Authorisation| types.contains(&request.message_type())
    };
    for (what, least, found) in [
        ("requests", 0.45, share(&requests, is_of([Type::MessageType0100, Type::MessageType0200]))),
        ("repeats", 0.02, share(&requests, is_of([Type::MessageType0101, Type::MessageType0201]))),
        ("notices", 0.15, share(&requests, is_of([Type::MessageType0110, Type::MessageType0210]))),
        ("advices", 0.03, share(&requests, is_of([Type::MessageType0120, Type::MessageType0220]))),
        ("reversals", 0.1, share(&requests, is_of([Type::MessageType0400, Type::MessageType0420]))),
        ("incrementals", 0.05, share(&requests, |request| request.incremental)),
        ("echo tests", 0.005, share(&requests, |r| r.message_type() == Type::MessageType0800)),
        ("failures", 0.01, share(&requests, |r| ["91", "96"].contains(&r.response_code()))),
    ] {
        assert!(found >= least, "{what}: {found} is below {least} (seed {SEED})");
    }
}

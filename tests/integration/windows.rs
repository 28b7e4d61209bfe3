//! Windows equal a recount of the whole history, whatever the order of arrival.
//!
//! The recount is independent: it keeps every authorisation for ever, sorts nothing
//! and forgets nothing, and counts each feature from its definition in words.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::domain::{AccountKey, EventTime, IdKey, MerchantKey, Span};
use stopline::engine::velocity::{
    CardLimits, CardTable, Event, FeatureSpec, Measure, OutcomeFilter, ProcessingFilter,
    RecordedOutcome, What, Window,
};

const HISTORIES_COUNT: u64 = 20_000;
const ACCOUNTS_COUNT: u128 = 3;
const BEGINNING: i64 = 1_700_000_000_000;

/// What the recount keeps of one authorisation, in the order of arrival.
struct Seen {
    account: u128,
    event: Event,
}

/// A feature's value by its definition, from everything an account ever did.
fn recount(
    seen: &[Seen],
    account: u128,
    current: &Event,
    now: i64,
    feature: &FeatureSpec,
) -> Option<i64> {
    let start = now - feature.window.longest().millis();
    let mut inside: Vec<&Event> = Vec::new();
    for earlier in seen.iter().filter(|earlier| earlier.account == account) {
        let at = earlier.event.at.unix_millis();
        if at > start && at <= now && feature.outcomes.holds(earlier.event.outcome) {
            inside.push(&earlier.event);
        }
    }
    let latest = inside
        .iter()
        .filter(|event| !event.is_incremental)
        .map(|event| event.at.unix_millis())
        .max();
    if feature.with_current && feature.outcomes == OutcomeFilter::ANY {
        inside.push(current);
    }
    let amounts: Vec<i64> = inside.iter().filter_map(|event| event.minor_units).collect();
    let distinct = |keys: BTreeSet<u128>| Some(i64::try_from(keys.len()).expect("few"));
    match feature.what {
        What::Count => {
            let counted = inside.iter().filter(|event| !event.is_incremental).count();
            Some(i64::try_from(counted).expect("few"))
        }
        What::Sum => Some(amounts.iter().sum()),
        What::Mean if amounts.is_empty() => None,
        What::Mean => {
            let count = i64::try_from(amounts.len()).expect("few");
            Some(amounts.iter().sum::<i64>() / count)
        }
        What::Max => amounts.iter().copied().max(),
        What::DistinctMerchants => distinct(
            inside.iter().filter_map(|event| event.merchant).map(MerchantKey::bits).collect(),
        ),
        What::DistinctCountries => distinct(
            inside
                .iter()
                .filter_map(|event| event.country)
                .map(|letters| u128::from(letters[0]) * 256 + u128::from(letters[1]))
                .collect(),
        ),
        What::SecondsSinceLast => latest.map(|latest| (now - latest) / 1_000),
    }
}

fn random_feature(random: &mut ChaCha8Rng, number: usize) -> FeatureSpec {
    let whats = [
        What::Count,
        What::Sum,
        What::Mean,
        What::Max,
        What::DistinctMerchants,
        What::DistinctCountries,
        What::SecondsSinceLast,
    ];
    let windows = [1, 10, 60, 600, 3_600];
    let mut outcomes = OutcomeFilter::ANY;
    if random.random_bool(0.4) {
        outcomes = OutcomeFilter::NONE;
        for outcome in
            [RecordedOutcome::Approved, RecordedOutcome::SteppedUp, RecordedOutcome::Declined]
        {
            if random.random_bool(0.5) {
                outcomes = outcomes.with(outcome);
            }
        }
    }
    FeatureSpec {
        name: format!("feature_{number}").into(),
        what: whats[random.random_range(0..whats.len())],
        window: Span::from_seconds(windows[random.random_range(0..windows.len())]).into(),
        outcomes,
        processings: ProcessingFilter::ANY,
        with_current: random.random_bool(0.7),
        absent_as: None,
        is_optional: false,
    }
}

fn random_event(random: &mut ChaCha8Rng, clock: i64, number: u128) -> Event {
    // Whole seconds meet window edges often; lateness reaches beyond the longest window.
    let late = if random.random_bool(0.3) { random.random_range(0..4_000) } else { 0 };
    let outcomes =
        [RecordedOutcome::Approved, RecordedOutcome::SteppedUp, RecordedOutcome::Declined];
    let plain = Event::plain(
        EventTime::from_unix_millis(clock - late * 1_000).expect("in range"),
        IdKey::from_bits(number),
        random.random_bool(0.9).then(|| random.random_range(0..100_000)),
        outcomes[random.random_range(0..3)],
    );
    Event {
        merchant: random
            .random_bool(0.9)
            .then(|| MerchantKey::from_bits(random.random_range(0..4))),
        country: random
            .random_bool(0.9)
            .then(|| [*b"CN", *b"US", *b"SG"][random.random_range(0..3)]),
        is_incremental: random.random_bool(0.1),
        ..plain
    }
}

fn check_history(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let features: Vec<_> = (0..6).map(|number| random_feature(&mut random, number)).collect();
    let retention = features.iter().map(|feature| feature.window.longest()).max().expect("some");
    let mut table = CardTable::new(CardLimits {
        cards_count_max: 1_000,
        retention,
        lateness: Span::from_seconds(4_000),
    });
    let mut measure = Measure::default();
    let mut seen: Vec<Seen> = Vec::new();
    let mut newest = [i64::MIN; ACCOUNTS_COUNT as usize];
    let mut clock = BEGINNING;
    for number in 0..random.random_range(1..30) {
        clock += 1_000 * [0, 0, 1, 5, 60, 1_200][random.random_range(0..6)];
        let account = random.random_range(0..ACCOUNTS_COUNT);
        let event = random_event(&mut random, clock, number);
        let place = usize::try_from(account).expect("few");
        let now = newest[place].max(event.at.unix_millis());
        newest[place] = now;

        let card = table.find_or_make(AccountKey::from_bits(account), event.at);
        let moment = card.newest().expect("advanced");
        assert_eq!(moment.unix_millis(), now, "seed {seed}, authorisation {number}");
        for feature in &features {
            let found = Window::new(card, Some(&event), moment).value(feature, &mut measure);
            let expected = recount(&seen, account, &event, now, feature);
            assert_eq!(found, expected, "seed {seed}, authorisation {number}, {feature:?}");
        }
        card.record(event);
        seen.push(Seen { account, event });
    }
}

#[test]
fn windows_equal_a_recount_over_random_histories() {
    for seed in 0..HISTORIES_COUNT {
        check_history(seed);
    }
}

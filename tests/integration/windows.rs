//! Windows equal a recount of the whole history, whatever the order of arrival.
//!
//! The recount is independent: it keeps every authorisation for ever, sorts nothing
//! and forgets nothing, and counts each feature from its definition in words.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::domain::{
    AccountKey, Channel, EntryMode, EventTime, IdKey, Initiator, MerchantKey, Offset, Processing,
    Span,
};
use stopline::engine::velocity::{
    CardLimits, CardTable, Event, EventField, EventTest, FeaturePlan, FeatureSpec, Keys, Measure,
    OutcomeFilter, RecordedOutcome, Slot, SlotSet, What, Window,
};

const HISTORIES_COUNT: u64 = 20_000;
const ACCOUNTS_COUNT: u128 = 3;
const BEGINNING: i64 = 1_700_000_000_000;

/// What the recount keeps of one authorisation, in the order of arrival.
#[derive(Clone, Copy)]
struct Seen {
    account: u128,
    event: Event,
    keys: Keys,
}

/// What a feature asks of an event, in words that the engine does not read.
#[derive(Clone, Copy, Debug)]
enum Asks {
    Nothing,
    Purchases,
    Merchants,
    NotByApp,
    SomeCategories,
    NotSmall,
    AbroadOrByChip,
}

impl Asks {
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Purchases,
        Self::Merchants,
        Self::NotByApp,
        Self::SomeCategories,
        Self::NotSmall,
        Self::AbroadOrByChip,
    ];

    fn of(self, event: &Event) -> bool {
        match self {
            Self::Nothing => true,
            Self::Purchases => event.processing == Processing::Purchase,
            Self::Merchants => event.initiator == Initiator::Merchant,
            Self::NotByApp => event.channel.is_some_and(|channel| channel != Channel::App),
            Self::SomeCategories => {
                event.category.is_some_and(|it| it == 4_829 || (5_000..6_000).contains(&it))
            }
            Self::NotSmall => event.minor_units.is_some_and(|amount| amount >= 30_000),
            Self::AbroadOrByChip => {
                event.country.is_none_or(|country| country != *b"CN")
                    || event.entry_mode == Some(EntryMode::Chip)
            }
        }
    }

    fn test(self) -> Option<EventTest> {
        let is = |field, code| EventTest::Among(field, vec![code]);
        let not = |test| EventTest::Not(Box::new(test));
        Some(match self {
            Self::Nothing => return None,
            Self::Purchases => is(EventField::Processing, Processing::Purchase as i64),
            Self::Merchants => is(EventField::Initiator, Initiator::Merchant as i64),
            Self::NotByApp => EventTest::All(vec![
                EventTest::Has(EventField::Channel),
                not(is(EventField::Channel, Channel::App as i64)),
            ]),
            Self::SomeCategories => EventTest::Any(vec![
                is(EventField::Category, 4_829),
                EventTest::Within(EventField::Category, 5_000, 5_999),
            ]),
            Self::NotSmall => EventTest::Within(EventField::Amount, 30_000, i64::MAX),
            Self::AbroadOrByChip => EventTest::Any(vec![
                not(is(EventField::Country, i64::from(b'C') * 256 + i64::from(b'N'))),
                is(EventField::EntryMode, EntryMode::Chip as i64),
            ]),
        })
    }
}

/// A feature's value by its definition, from everything an account ever did.
fn recount(
    seen: &[Seen],
    current: &Seen,
    now: i64,
    (feature, asks): &(FeatureSpec, Asks),
) -> Option<i64> {
    let end = now - feature.delay.millis();
    let start = end - feature.window.longest().millis();
    let mut inside: Vec<Seen> = Vec::new();
    for earlier in seen.iter().filter(|earlier| earlier.account == current.account) {
        let at = earlier.event.at.unix_millis();
        let counts = feature.outcomes.holds(earlier.event.outcome) && asks.of(&earlier.event);
        if at > start && at <= end && counts {
            inside.push(*earlier);
        }
    }
    let latest = inside
        .iter()
        .filter(|one| !one.event.is_incremental)
        .map(|one| one.event.at.unix_millis())
        .max();
    let is_delayed = feature.delay > Span::ZERO;
    let may_count = feature.with_current && feature.outcomes == OutcomeFilter::ANY && !is_delayed;
    if may_count && asks.of(&current.event) {
        inside.push(*current);
    }
    // By their own time, those of one time in the order of arrival.
    inside.sort_by_key(|one| one.event.at);
    let amounts: Vec<i64> = inside.iter().filter_map(|one| one.event.minor_units).collect();
    let count = |count: usize| Some(i64::try_from(count).expect("few"));
    let distinct = |key: &dyn Fn(&Seen) -> Option<u128>| {
        count(inside.iter().filter_map(key).collect::<BTreeSet<_>>().len())
    };
    match feature.what {
        What::Count => count(inside.iter().filter(|one| !one.event.is_incremental).count()),
        What::Sum => Some(amounts.iter().sum()),
        What::Mean if amounts.is_empty() => None,
        What::Mean => {
            let count = i64::try_from(amounts.len()).expect("few");
            Some(amounts.iter().sum::<i64>() / count)
        }
        What::Max => amounts.iter().copied().max(),
        What::Min => amounts.iter().copied().min(),
        What::DistinctMerchants => distinct(&|one| one.event.merchant.map(MerchantKey::bits)),
        What::DistinctCountries => distinct(&|one| {
            let letters = one.event.country?;
            Some(u128::from(letters[0]) * 256 + u128::from(letters[1]))
        }),
        What::DistinctCategories => distinct(&|one| one.event.category.map(u128::from)),
        What::DistinctDevices => distinct(&|one| one.keys.get(Slot::Device)),
        What::DistinctIps => distinct(&|one| one.keys.get(Slot::Ip)),
        What::DistinctCards => distinct(&|one| one.keys.get(Slot::Card)),
        What::DistinctAccounts => distinct(&|one| one.keys.get(Slot::Account)),
        What::CountryChanges => {
            let mut changes = 0;
            let mut last = None;
            for one in inside.iter().filter(|one| !one.event.is_incremental) {
                let Some(country) = one.event.country else { continue };
                changes += i64::from(last.is_some_and(|last| last != country));
                last = Some(country);
            }
            Some(changes)
        }
        What::SecondsSinceLast => latest.map(|latest| (now - latest) / 1_000),
    }
}

const WHATS: [What; 13] = [
    What::Count,
    What::Sum,
    What::Mean,
    What::Max,
    What::Min,
    What::DistinctMerchants,
    What::DistinctCountries,
    What::DistinctCategories,
    What::DistinctDevices,
    What::DistinctIps,
    What::DistinctCards,
    What::CountryChanges,
    What::SecondsSinceLast,
];

fn random_feature(random: &mut ChaCha8Rng, number: usize) -> (FeatureSpec, Asks) {
    // Few windows, delays and filters: several features share a pass.
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
    let asks = match random.random_range(0..14) {
        asked @ 0..7 => Asks::ALL[asked],
        _ => Asks::Nothing,
    };
    let delay = [0, 0, 0, 1, 60, 1_200][random.random_range(0..6)];
    let window = Span::from_seconds(windows[random.random_range(0..windows.len())]);
    let what = WHATS[random.random_range(0..WHATS.len())];
    let feature = FeatureSpec {
        delay: Span::from_seconds(delay),
        outcomes,
        test: asks.test(),
        with_current: random.random_bool(0.7),
        ..FeatureSpec::plain(&format!("feature_{number}"), what, window)
    };
    (feature, asks)
}

fn random_keys(random: &mut ChaCha8Rng) -> Keys {
    let mut some = || random.random_bool(0.8).then(|| random.random_range(1..4));
    let keys = Keys::default().with(Slot::Card, some()).with(Slot::Device, some());
    keys.with(Slot::Ip, some())
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
        category: [None, Some(4_829), Some(5_411), Some(6_000)][random.random_range(0..4)],
        initiator: [Initiator::Cardholder, Initiator::Merchant][random.random_range(0..2)],
        entry_mode: [None, Some(EntryMode::Chip), Some(EntryMode::Ecommerce)]
            [random.random_range(0..3)],
        channel: [None, Some(Channel::App), Some(Channel::Mail)][random.random_range(0..3)],
        processing: [Processing::Purchase, Processing::Cash][random.random_range(0..2)],
        input: Offset(i64::try_from(number).expect("few")),
        is_incremental: random.random_bool(0.1),
        ..plain
    }
}

fn check_history(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let features: Vec<_> = (0..8).map(|number| random_feature(&mut random, number)).collect();
    let specs: Vec<_> = features.iter().map(|(feature, _)| feature.clone()).collect();
    let plan = FeaturePlan::of(&specs);
    let kept = SlotSet::NONE.with(Slot::Card).with(Slot::Device).with(Slot::Ip);
    let mut table = CardTable::new(CardLimits {
        cards_count_max: 1_000,
        retention: specs.iter().map(FeatureSpec::reach).max().expect("some"),
        lateness: Span::from_seconds(4_000),
        kept,
    });
    let mut measure = Measure::default();
    let mut seen: Vec<Seen> = Vec::new();
    let mut newest = [i64::MIN; ACCOUNTS_COUNT as usize];
    let mut clock = BEGINNING;
    for number in 0..random.random_range(1..30) {
        clock += 1_000 * [0, 0, 1, 5, 60, 1_200][random.random_range(0..6)];
        let account = random.random_range(0..ACCOUNTS_COUNT);
        let event = random_event(&mut random, clock, number);
        let current = Seen { account, event, keys: random_keys(&mut random) };
        let place = usize::try_from(account).expect("few");
        let now = newest[place].max(event.at.unix_millis());
        newest[place] = now;

        let card = table.find_or_make(AccountKey::from_bits(account), event.at);
        let moment = card.newest().expect("advanced");
        assert_eq!(moment.unix_millis(), now, "seed {seed}, authorisation {number}");
        let window = Window::new(card, Some(&event), moment).with_keys(&current.keys);
        let mut together = vec![None; features.len()];
        for pass in plan.passes() {
            window.measure(pass, &mut measure, &mut together);
        }
        for (feature, found) in features.iter().zip(together) {
            let expected = recount(&seen, &current, now, feature);
            assert_eq!(found, expected, "seed {seed}, authorisation {number}, {feature:?}");
            let alone = window.value(&feature.0, &mut measure);
            assert_eq!(alone, expected, "alone: seed {seed}, authorisation {number}, {feature:?}");
        }
        card.record_with(event, &current.keys);
        seen.push(current);
    }
}

#[test]
fn windows_equal_a_recount_over_random_histories() {
    for seed in 0..HISTORIES_COUNT {
        check_history(seed);
    }
}

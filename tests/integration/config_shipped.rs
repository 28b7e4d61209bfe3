//! Every file in `config/` loads, and does what its comments say.

use std::fs;
use std::path::Path;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal};

use stopline::cli::check::summary;
use stopline::config::{Configuration, load, parse_rules};
use stopline::domain::{
    AccountKey, Amount, Authorisation, CardKey, EntryMode, EventTime, IdKey, Identifier, Initiator,
    MerchantKey, MessageType, Outcome, Processing, Reason,
};
use stopline::engine::rules::{RuleSet, Verdict};
use stopline::engine::velocity::{FeatureSpec, What};

fn shipped() -> Configuration {
    match load(Path::new("config/stopline.toml"), std::iter::empty(), &[]) {
        Ok(configuration) => configuration,
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn the_shipped_files_load_without_a_warning() {
    let configuration = shipped();
    assert!(configuration.warnings.is_empty(), "{}", configuration.warnings);
    assert!(configuration.uses_development_seed, "the shipped seed is a known one");
}

#[test]
fn every_toml_file_in_config_is_one_that_the_tests_load() {
    let mut names: Vec<_> = fs::read_dir("config")
        .expect("config/")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned()
        })
        .filter(|name| Path::new(name).extension().is_some_and(|it| it == "toml"))
        .filter(|name| name != "clippy.toml")
        .collect();
    names.sort();
    assert_eq!(names, ["calendar.toml", "rules.toml", "scenarios.toml", "stopline.toml"]);
}

#[test]
fn the_summary_of_the_shipped_configuration_fits_on_one_screen() {
    let summary = summary(&shipped());
    insta::with_settings!({
        snapshot_path => "../golden/config",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("check_summary", summary);
    });
    assert!(summary.lines().count() <= 40, "{summary}");
    assert!(summary.lines().all(|line| line.len() <= 100), "{summary}");
}

/// The shipped settings with the example of `[overload]` in force.
fn with_the_ladder(text: &str) -> String {
    let mut is_example = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        is_example = (is_example || line == "# [overload]") && !line.is_empty();
        let written = line.strip_prefix("# ").filter(|written| {
            let key = written.split(" = ").next().unwrap_or_default();
            let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            *written == "[overload]" || (is_key && written.contains(" = "))
        });
        lines.push(written.filter(|_| is_example).unwrap_or(line));
    }
    lines.join("\n")
}

#[test]
fn the_overload_ladder_is_off_and_its_example_loads() {
    assert!(shipped().settings.overload.is_none());
    let text = fs::read_to_string("config/stopline.toml").expect("readable");
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("dev")).expect("made");
    fs::create_dir(directory.path().join("lists")).expect("made");
    for name in ["rules.toml", "lists/risky_mccs.txt", "dev/key_seed.hex"] {
        fs::copy(Path::new("config").join(name), directory.path().join(name)).expect("copied");
    }
    let file = directory.path().join("stopline.toml");
    fs::write(&file, with_the_ladder(&text)).expect("written");
    let configuration = load(&file, std::iter::empty(), &[]).expect("sound");
    let overload = configuration.settings.overload.expect("on");
    assert_eq!(overload.steps.map(|step| step.wait_above.millis()), [250, 1_000, 5_000]);
    assert_eq!(overload.steps.map(|step| step.wait_below.millis()), [50, 250, 1_000]);
    assert_eq!(overload.steps.map(|step| step.queue_above_percent), [40, 60, 80]);
    assert_eq!(overload.steps.map(|step| step.queue_below_percent), [20, 30, 40]);
    let summary = summary(&configuration);
    let wanted = "overload    shadow rules off above 250ms or 40 %,";
    assert!(summary.contains(wanted), "{summary}");
    // Step 2 has something to leave out.
    let features = configuration.rule_set.features().iter();
    assert!(features.filter(|feature| feature.is_optional).count() > 0);
}

#[test]
fn comments_and_layout_do_not_change_the_hash() {
    let text = fs::read_to_string("config/rules.toml").expect("readable");
    let path = Path::new("config/rules.toml");
    let (rule_set, _) = parse_rules(path, &text).expect("sound");
    let bare: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let (other, _) = parse_rules(path, &bare.join("\r\n")).expect("sound");
    assert_eq!(other.hash(), rule_set.hash());
}

#[test]
fn what_an_authorisation_costs_is_told_as_it_is() {
    let bytes = size_of::<stopline::engine::velocity::Event>();
    let settings = fs::read_to_string("config/stopline.toml").expect("readable");
    assert!(settings.contains(&format!("{bytes} bytes an authorisation")), "{bytes}");
    let readme = fs::read_to_string("README.md").expect("readable");
    assert!(readme.contains(&format!("{bytes} bytes each")), "{bytes}");
}

/// What an account did, as the windows see it.
struct Event {
    at: i64,
    amount: i64,
    merchant: u128,
    outcome: Outcome,
}

/// The value of `feature` at the last of `events`, counted anew.
fn recount(feature: &FeatureSpec, events: &[Event]) -> Option<i64> {
    let (current, earlier) = events.split_last().expect("the current one");
    let counts = |event: &&Event| {
        let inside = event.at > current.at - feature.window.longest().millis();
        inside && (feature.outcomes.is_any() || feature.outcomes.holds(event.outcome.into()))
    };
    let seen = if feature.with_current { events } else { earlier };
    let seen: Vec<_> = seen.iter().filter(counts).collect();
    let amounts = || seen.iter().map(|event| event.amount);
    let count = i64::try_from(seen.len()).expect("small");
    match feature.what {
        What::Count => Some(count),
        What::Sum => Some(amounts().sum()),
        What::Mean => (count > 0).then(|| amounts().sum::<i64>() / count),
        What::Max => amounts().max(),
        What::DistinctMerchants => {
            let mut merchants: Vec<_> = seen.iter().map(|event| event.merchant).collect();
            merchants.sort_unstable();
            merchants.dedup();
            i64::try_from(merchants.len()).ok()
        }
        What::DistinctCountries => Some(i64::from(count > 0)),
        What::SecondsSinceLast => seen.last().map(|event| (current.at - event.at) / 1_000),
        other => panic!("no shipped feature counts {other:?}; add it here"),
    }
}

/// One account under the shipped rules.
struct Account<'r> {
    rule_set: &'r RuleSet,
    events: Vec<Event>,
    verdict: Verdict,
}

impl<'r> Account<'r> {
    fn new(rule_set: &'r RuleSet) -> Self {
        Self { rule_set, events: Vec::new(), verdict: Verdict::default() }
    }

    /// Pays `amount` fen at `at`.
    fn pay(&mut self, at: i64, amount: i64, merchant: u128) -> (Outcome, Option<Reason>) {
        self.events.push(Event { at, amount, merchant, outcome: Outcome::StepUp });
        let request = Authorisation {
            message_type: MessageType::from_indicator(100).expect("spoken"),
            id: Identifier::new("a-1", 64).expect("valid"),
            id_key: IdKey::from_bits(1),
            original_id: None,
            original_key: None,
            processing: Processing::Purchase,
            incremental: false,
            account: AccountKey::from_bits(2),
            card: Some(CardKey::from_bits(3)),
            amount: Amount::new(amount, self.rule_set.currency()),
            billing_amount: None,
            authorised_at: EventTime::from_unix_millis(at).expect("in range"),
            original_authorised_at: None,
            deadline: None,
            merchant_id: None,
            acquirer_id: None,
            merchant: Some(MerchantKey::from_bits(merchant)),
            acquirer: None,
            device: None,
            ip: None,
            email: None,
            merchant_category: Some(5_411),
            merchant_country: Some(*b"CN"),
            entry_mode: Some(EntryMode::Ecommerce),
            channel: None,
            initiator: Initiator::Cardholder,
            eci: Some(7),
            cavv_result: None,
            cvv2_result: None,
            avs_result: None,
            expiry_result: None,
            bin: None,
            ip_country: Some(*b"CN"),
            scheme: None,
            portfolio: None,
            response_code: None,
            outcome_elsewhere: None,
        };
        let features = self.rule_set.features().iter();
        let evidence: Vec<_> = features.map(|it| recount(it, &self.events)).collect();
        let minor_units = request.minor_units_in(self.rule_set.currency());
        self.rule_set.judge(&request, minor_units, &evidence, &mut self.verdict);
        if let Some(event) = self.events.last_mut() {
            event.outcome = self.verdict.outcome;
        }
        (self.verdict.outcome, self.verdict.reason)
    }
}

const START: i64 = 1_700_000_000_000;

#[test]
fn ordinary_traffic_is_almost_always_approved() {
    const SEED: u64 = 1;
    let configuration = shipped();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let amounts = LogNormal::new(12_000_f64.ln(), 1.1).expect("sound");
    let (mut asked, mut approved, mut declined) = (0_u32, 0_u32, 0_u32);
    for _ in 0..400 {
        let mut account = Account::new(&configuration.rule_set);
        let mut at = START;
        // 0.4 a day: on average 60 hours between two.
        for _ in 0..36 {
            let hours: f64 = -60.0 * random.random_range(f64::EPSILON..1.0).ln();
            at += (hours * 3_600_000.0) as i64;
            let merchant = if random.random_bool(0.6) {
                random.random_range(0..4)
            } else {
                random.random_range(4..100_000)
            };
            let amount = amounts.sample(&mut random).clamp(100.0, 5_000_000.0) as i64;
            let (outcome, _) = account.pay(at, amount, merchant);
            asked += 1;
            approved += u32::from(outcome == Outcome::Approve);
            declined += u32::from(outcome == Outcome::Decline);
        }
    }
    let shares = format!("seed {SEED}: {approved} approved, {declined} declined of {asked}");
    assert!(f64::from(approved) >= 0.995 * f64::from(asked), "{shares}");
    assert!(f64::from(declined) <= 0.0005 * f64::from(asked), "{shares}");
}

#[test]
fn a_burst_is_declined_from_its_sixth_attempt_on() {
    let configuration = shipped();
    for merchants in [1_u32, 2] {
        let mut account = Account::new(&configuration.rule_set);
        for attempt in 0..12_u32 {
            let at = START + i64::from(attempt) * 30_000;
            let merchant = u128::from(attempt % merchants);
            let ruled = account.pay(at, 8_000, merchant);
            let expected = if attempt < 5 {
                (Outcome::Approve, None)
            } else {
                (Outcome::Decline, Some(Reason::VelocityCountExceeded))
            };
            assert_eq!(ruled, expected, "attempt {attempt} at {merchants} merchants");
        }
    }
}

#[test]
fn a_burst_over_many_merchants_asks_the_cardholder_first() {
    use Outcome::{Approve, Decline, StepUp};
    let configuration = shipped();
    let mut account = Account::new(&configuration.rule_set);
    let outcomes: Vec<_> = (0..7_u32)
        .map(|attempt| account.pay(START + i64::from(attempt) * 20_000, 8_000, attempt.into()).0)
        .collect();
    assert_eq!(outcomes, [Approve, Approve, Approve, StepUp, StepUp, Decline, Decline]);
}

#[test]
fn tested_then_used_and_far_above_own_mean_are_told_from_ordinary_growth() {
    let configuration = shipped();
    // Twice next to nothing, then a real purchase.
    let mut tested = Account::new(&configuration.rule_set);
    for minute in [0, 12] {
        assert_eq!(tested.pay(START + minute * 60_000, 100, 1).0, Outcome::Approve);
    }
    let used = tested.pay(START + 24 * 60_000, 90_000, 2);
    assert_eq!(used, (Outcome::StepUp, Some(Reason::SuspectedFraud)));
    // Mean 100.00: 20 times that is not reached by 2999.99, is reached by 3000.00.
    for (amount, expected) in [(299_999, Outcome::Approve), (300_000, Outcome::StepUp)] {
        let mut account = Account::new(&configuration.rule_set);
        for day in 0..5 {
            account.pay(START + day * 86_400_000, 10_000, 1);
        }
        assert_eq!(account.pay(START + 6 * 86_400_000, amount, 1).0, expected, "{amount}");
    }
}

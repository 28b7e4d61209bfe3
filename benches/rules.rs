//! What do rules cost, beside the plain tree evaluator and the `cel` crate's interpreter?
//!
//! 30 and 200 rules over 40 features and three fields of the request, one row at a time; 512
//! rows in turn, so that branches cannot be learnt. Rules are written as operations write
//! them: thresholds, sums, multiples, alternatives, lists, negations. Rules fire on most rows;
//! `quiet` rows fire none: the difference is what it costs to show a rule in the record.
//! Budgets for one row: 80 ns for 30 rules, 500 ns for 200; 200 ms to load 1,000 rules.
//!
//! The interpreter gets thresholds as numbers and features as plain variables, which is the
//! form that it is fastest in; its figure has setting the variables in it, and `execute` has
//! not. Rounds of all evaluators are interleaved; the median round is told.
//!
//! Asserted: all evaluators fire the same rules on the same rows, some rules fire and none on
//! quiet rows; without `--test`, masks beat the tree evaluator, the interpreter takes ten
//! times as long, and loading 20 times the rules takes less than 60 times as long.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails loudly and prints its figures"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use cel::{Context, Program, Value};
use prost::Message as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use stopline::config::parse_rules;
use stopline::domain::{Amount, Authorisation, Currency};
use stopline::engine::rules::{RuleSet, Verdict};
use stopline::service::Clock;
use stopline::wire::{Door, DoorSettings, Format, Incoming, KafkaKey, KeySeed, proto};

const FEATURES_COUNT: usize = 40;
const ROWS_COUNT: usize = 512;
const SEED: u64 = 1;
/// Where stolen cards become money.
const RISKY: &str = "[4829, 6012, 6051, 6211, 6540, 7800, 7801, 7802, 7995]";

/// `rules_count` conditions, with `$N` for feature N and `#N` for the number N.
fn conditions(rules_count: usize) -> Vec<String> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut feature = move || format!("${}", random.random_range(0..FEATURES_COUNT));
    let limits = |rule: usize| (6 + rule % 4, 1_000 * (1 + rule % 9), 100 + rule);
    let condition = |rule: usize| {
        let (high, amount, other) = limits(rule);
        let [one, two] = [(); 2].map(|()| feature());
        // What is compared with itself never differs, and is refused.
        let three = std::iter::repeat_with(&mut feature).find(|it| *it != two).unwrap();
        match rule % 6 {
            0 => format!("{one} >= #{high} && {two} >= #{high}"),
            1 => format!("{one} + {two} > #{} && amount >= #{amount}", high * 2 - 1),
            2 => format!("amount >= #{other} * {one} && {two} >= #{high} && {three} > 0"),
            3 => format!("({one} >= #{high} || {two} >= #{high}) && {three} >= #{high}"),
            4 => format!("merchant_category in {RISKY} && amount > #{amount} && {one} >= #{high}"),
            _ => format!("{one} >= #{high} && !(eci in [2, 5]) && {two} != {three}"),
        }
    };
    (0..rules_count).map(condition).collect()
}

/// The rule set of `conditions`, as operations write it.
fn policy(conditions: &[String]) -> String {
    let mut text = "currency = \"CNY\"\n[bands]\nstep_up_at = 300\ndecline_at = 700\n\
                    merchant_initiated_step_up = \"decline\"\n[thresholds]\n"
        .to_owned();
    let numbers: BTreeSet<usize> = conditions.iter().flat_map(|it| numbers_in(it)).collect();
    for number in numbers {
        // Counts are small, amounts are not.
        if number < 100 {
            writeln!(text, "limit_{number} = {number}").unwrap();
        } else {
            let (whole, rest) = (number / 100, number % 100);
            writeln!(text, "limit_{number} = \"{whole}.{rest:02} CNY\"").unwrap();
        }
    }
    for feature in 0..FEATURES_COUNT {
        writeln!(
            text,
            "[[velocity]]\nname = \"count_{feature}\"\nkey = \"account\"\nwhat = \"count\"\n\
             window = \"{}s\"",
            60 + feature
        )
        .unwrap();
    }
    for (rule, condition) in conditions.iter().enumerate() {
        let when = condition.replace('$', "velocity.count_").replace('#', "thresholds.limit_");
        writeln!(
            text,
            "[[rule]]\nname = \"rule_{rule}\"\nwhen = '{when}'\n\
             then = {{ points = 10, reason = \"suspected_fraud\" }}\nmode = \"live\""
        )
        .unwrap();
    }
    let shipped = include_str!("../config/rules.toml");
    let fail_policy = shipped.find("[fail_policy.late]").unwrap();
    let behind = shipped.find("\n[thresholds]").unwrap();
    text + &shipped[fail_policy..behind]
}

fn numbers_in(condition: &str) -> Vec<usize> {
    let behind = condition.split('#').skip(1);
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    behind.map(|text| digits(text).parse().unwrap()).collect()
}

fn loaded(conditions: &[String]) -> RuleSet {
    let found = parse_rules(Path::new("policy.toml"), &policy(conditions));
    found.map_or_else(|problems| unreachable!("{problems}"), |(rule_set, _)| rule_set)
}

struct Row {
    auth: Authorisation<'static>,
    evidence: Vec<Option<i64>>,
}

impl Row {
    fn draw(random: &mut ChaCha8Rng, largest: i64) -> Self {
        let amount = random.random_range(0..10 * largest.pow(3) + 1);
        let categories = [4829, 5411, 5732, 5814, 5999, 6051, 7995];
        Self {
            auth: Authorisation {
                amount: Amount::new(amount, Currency::from_numeric(156)),
                merchant_category: Some(categories[random.random_range(0..categories.len())]),
                eci: Some(random.random_range(0..8)),
                ..purchase()
            },
            evidence: (0..FEATURES_COUNT).map(|_| Some(random.random_range(0..=largest))).collect(),
        }
    }

    fn amount(&self) -> Option<i64> {
        self.auth.amount.map(Amount::minor_units)
    }
}

/// A plain purchase.
fn purchase() -> Authorisation<'static> {
    let message = proto::Authorisation {
        message_type: proto::MessageType::MessageType0100.into(),
        authorisation_id: "a-1".to_owned(),
        account_reference: "account".to_owned(),
        card: Some(proto::authorisation::Card::CardToken("token".to_owned())),
        amount_minor_units: Some(1),
        currency: "CNY".to_owned(),
        authorised_at_millis: 1_700_000_000_000,
        ..proto::Authorisation::default()
    };
    let (value, scratch) = (message.encode_to_vec().leak(), Box::leak(Box::default()));
    let settings =
        DoorSettings { accept_pan: false, numeric_references: false, message_bytes_max: 65_536 };
    let seed = KeySeed::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    let key = KafkaKey::Record(Some(b"account"));
    match Door::new(settings, &seed, None).decode(Format::Protobuf, key, Some(value), scratch) {
        Ok(Incoming::Message { auth, .. }) => auth,
        Ok(Incoming::Echo { .. }) | Err(_) => unreachable!("it is sound"),
    }
}

fn rows(largest: i64) -> Vec<Row> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..ROWS_COUNT).map(|_| Row::draw(&mut random, largest)).collect()
}

/// The names of the variables, made once.
fn variables() -> Vec<String> {
    (0..FEATURES_COUNT).map(|at| format!("f{at}")).collect()
}

fn set_variables(context: &mut Context<'_, '_>, names: &[String], row: &Row) {
    for (name, value) in names.iter().zip(&row.evidence) {
        context.add_variable_from_value(name.as_str(), value.unwrap());
    }
    context.add_variable_from_value("amount", row.amount().unwrap());
    let category = row.auth.merchant_category.unwrap();
    context.add_variable_from_value("merchant_category", i64::from(category));
    context.add_variable_from_value("eci", i64::from(row.auth.eci.unwrap()));
}

fn interpret<'p>(
    programs: &'p [Program],
    context: &Context<'_, '_>,
) -> impl Iterator<Item = usize> + use<'p> {
    let found: Vec<_> = programs.iter().map(|it| it.execute(context).unwrap()).collect();
    let fired = found.into_iter().enumerate().filter(|(_, it)| *it == Value::Bool(true));
    fired.map(|(at, _)| at)
}

fn programs(conditions: &[String]) -> Vec<Program> {
    let text = |condition: &String| condition.replace('$', "f").replace('#', "");
    conditions.iter().map(|it| Program::compile(&text(it)).unwrap()).collect()
}

/// How many rules fired on all `rows` together; all three evaluators say the same.
fn assert_equal(rule_set: &RuleSet, programs: &[Program], rows: &[Row]) -> usize {
    let (mut by_masks, mut by_tree) = (Verdict::default(), Verdict::default());
    let names = variables();
    let mut fired = 0;
    for row in rows {
        rule_set.judge(&row.auth, row.amount(), &row.evidence, &mut by_masks);
        rule_set.judge_by_tree(&row.auth, row.amount(), &row.evidence, &mut by_tree);
        assert_eq!((by_masks.score, &by_masks.fired), (by_tree.score, &by_tree.fired));
        let mut context = Context::default();
        set_variables(&mut context, &names, row);
        let interpreted = interpret(programs, &context).map(|at| format!("rule_{at}"));
        assert!(interpreted.eq(by_masks.fired.iter().map(|it| it.name.to_string())));
        fired += by_masks.fired.len();
    }
    fired
}

/// Nanoseconds for each of `rows` that `step` takes.
fn nanos(clock: &Clock, rows: &[Row], repeats: usize, mut step: impl FnMut(&Row)) -> u64 {
    let started = clock.monotonic_nanos();
    for _ in 0..repeats {
        rows.iter().for_each(&mut step);
    }
    (clock.monotonic_nanos() - started) / u64::try_from(repeats * rows.len()).unwrap()
}

fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

fn bench(clock: &Clock, rules_count: usize, rounds: usize) {
    let conditions = conditions(rules_count);
    let (rule_set, programs) = (loaded(&conditions), programs(&conditions));
    let (rows, quiet) = (rows(9), rows(0));
    let fired = assert_equal(&rule_set, &programs, &rows);
    assert!(fired > ROWS_COUNT / 4, "only {fired} fired");
    assert_eq!(assert_equal(&rule_set, &programs, &quiet), 0);

    let names = variables();
    let mut figures = [const { Vec::new() }; 6];
    let mut verdict = Verdict::default();
    for _ in 0..rounds {
        let masks = |row: &Row, verdict: &mut Verdict| {
            rule_set.judge(black_box(&row.auth), row.amount(), &row.evidence, verdict);
        };
        let tree = |row: &Row, verdict: &mut Verdict| {
            rule_set.judge_by_tree(black_box(&row.auth), row.amount(), &row.evidence, verdict);
        };
        figures[0].push(nanos(clock, &rows, 20, |row| masks(row, &mut verdict)));
        figures[1].push(nanos(clock, &quiet, 20, |row| masks(row, &mut verdict)));
        figures[2].push(nanos(clock, &rows, 20, |row| tree(row, &mut verdict)));
        figures[3].push(nanos(clock, &quiet, 20, |row| tree(row, &mut verdict)));
        figures[4].push(nanos(clock, &rows, 1, |row| {
            let mut context = Context::default();
            set_variables(&mut context, &names, row);
            black_box(interpret(&programs, &context).count());
        }));
        let mut context = Context::default();
        set_variables(&mut context, &names, &rows[0]);
        figures[5].push(nanos(clock, &rows, 1, |_| {
            black_box(interpret(&programs, &context).count());
        }));
    }
    let [masks, masks_quiet, tree, tree_quiet, cel, execute] = figures.map(median);
    println!(
        "rules/{rules_count}: {masks} ns a row, with {} rules firing in 100, {masks_quiet} ns quiet; \
         tree {tree} and {tree_quiet} ns; cel {cel} ns, execute {execute} ns",
        fired * 100 / ROWS_COUNT,
    );
    if rounds > 1 {
        assert!(masks_quiet < tree_quiet, "masks are no faster than the tree");
        assert!(masks * 10 < execute, "the interpreter came near");
    }
}

/// Milliseconds, in thousandths, that loading `rules_count` rules takes.
fn load_micros(clock: &Clock, rules_count: usize) -> u64 {
    let text = policy(&conditions(rules_count));
    let started = clock.monotonic_nanos();
    let found = parse_rules(Path::new("policy.toml"), black_box(&text));
    let micros = (clock.monotonic_nanos() - started) / 1_000;
    assert!(found.is_ok_and(|(rule_set, _)| rule_set.rules().len() == rules_count));
    micros
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let rounds = if is_test { 1 } else { 31 };
    let clock = Clock::system();
    bench(&clock, 30, rounds);
    bench(&clock, 200, rounds);

    let load = |count| median((0..rounds.min(9)).map(|_| load_micros(&clock, count)).collect());
    let (few, many) = (load(50), load(1_000));
    println!("load/1000 rules: {many} µs; 50 rules: {few} µs");
    assert!(is_test || many < 60 * few, "loading grows faster than the rules");
}

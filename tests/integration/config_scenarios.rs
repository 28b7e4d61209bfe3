//! `config/scenarios.toml`, and what is said of stories that are wrong or come out differently.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use stopline::config::scenarios::{Story, load_stories};
use stopline::config::{Problems, parse_rules};
use stopline::engine::rules::RuleSet;
use stopline::lab::scenarios::{Told, tell};

use crate::config_errors::check;
use crate::support::engine_settings;

fn shipped_rules() -> Arc<RuleSet> {
    let text = fs::read_to_string("config/rules.toml").unwrap();
    Arc::new(parse_rules(Path::new("config/rules.toml"), &text).unwrap().0)
}

fn shipped_stories(rule_set: &RuleSet) -> Vec<Story> {
    match load_stories(Path::new("config/scenarios.toml"), rule_set) {
        Ok(stories) => stories,
        Err(problems) => panic!("{problems}"),
    }
}

/// The stories in `text`, a file of its own in `directory`.
fn stories_in(directory: &Path, text: &str, rule_set: &RuleSet) -> Result<Vec<Story>, Problems> {
    let file = directory.join("scenarios.toml");
    fs::write(&file, text).unwrap();
    load_stories(&file, rule_set)
}

/// What is said of the stories in `text`.
fn said(text: &str) -> String {
    let rule_set = shipped_rules();
    let directory = tempfile::tempdir().unwrap();
    let problems = match stories_in(directory.path(), text, &rule_set) {
        Ok(stories) => tell(&stories, &rule_set, &engine_settings()).unwrap().problems,
        Err(problems) => problems,
    };
    problems.to_string().replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn the_shipped_policy_does_what_its_stories_say() {
    let rule_set = shipped_rules();
    let stories = shipped_stories(&rule_set);
    let told = tell(&stories, &rule_set, &engine_settings()).unwrap();
    let Told { stories_count, messages_count, failed_count, problems } = told;
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(failed_count, 0);
    assert_eq!(stories_count, stories.len());
    assert!(messages_count > stories_count);
}

#[test]
fn each_shipped_rule_has_a_story_that_fires_it_and_one_that_just_does_not() {
    let rule_set = shipped_rules();
    let stories = shipped_stories(&rule_set);
    let steps = || stories.iter().flat_map(|story| &story.steps);
    let fired: BTreeSet<_> = steps().flat_map(|step| step.expected.fired()).collect();
    let not_fired: BTreeSet<_> = steps().flat_map(|step| step.expected.not_fired()).collect();
    for rule in rule_set.rules() {
        assert!(fired.contains(rule.name()), "no story fires `{}`", rule.name());
        assert!(not_fired.contains(rule.name()), "no story spares `{}`", rule.name());
    }
}

#[test]
fn a_rule_that_is_turned_is_noticed_by_a_story() {
    // One step of each threshold, and what is said of the stories then.
    let text = fs::read_to_string("config/rules.toml").unwrap();
    let stories_text = fs::read_to_string("config/scenarios.toml").unwrap();
    for (right, wrong) in [
        ("burst_count = { value = 6", "burst_count = { value = 7"),
        ("guess_refusals = { value = 2", "guess_refusals = { value = 3"),
        ("spend_1h = { value = \"20000.00 CNY\"", "spend_1h = { value = \"20000.01 CNY\""),
        ("mean_multiple = { value = 20", "mean_multiple = { value = 31"),
        ("spread_countries = { value = 3", "spread_countries = { value = 2"),
        ("seconds_since_last <= 20", "seconds_since_last <= 19"),
    ] {
        assert!(text.contains(right), "{right}");
        let turned = text.replacen(right, wrong, 1);
        let rule_set = parse_rules(Path::new("rules.toml"), &turned).unwrap().0;
        let rule_set = Arc::new(rule_set);
        let directory = tempfile::tempdir().unwrap();
        let stories = stories_in(directory.path(), &stories_text, &rule_set).unwrap();
        let told = tell(&stories, &rule_set, &engine_settings()).unwrap();
        assert!(told.failed_count > 0, "no story notices {wrong}");
    }
}

#[test]
fn a_story_that_comes_out_differently_is_told_with_what_the_rules_saw() {
    check(
        "scenario_differs",
        &said(concat!(
            "[[story]]\n",
            "name = \"a burst\"\n",
            "payment = { amount = \"80.00 CNY\" }\n",
            "steps = [\n",
            "  { id = \"first\", times = 5, every = \"1m\" },\n",
            "  { message = \"notice\", of = \"first\", outcome = \"declined\",",
            " expect = \"pending\" },\n",
            "  { after = \"1m\", expect = \"step_up\", reason = \"suspected_fraud\" },\n",
            "  { after = \"1m\", expect = \"decline\",",
            " reason = \"suspected_fraud\", score = 3 },\n",
            "  { fired = [\"country_spread\"], not_fired = [\"burst\"] },\n",
            "]\n",
        )),
    );
}

#[test]
fn mistakes_in_a_scenarios_file_are_located() {
    check(
        "scenario_mistakes",
        &said(concat!(
            "begins_at = 2026-03-04T10:00:00\n",
            "[payment]\n",
            "amount = \"80.00\"\n",
            "channel = \"web\"\n",
            "colour = \"red\"\n",
            "[[story]]\n",
            "name = \"one\"\n",
            "steps = [\n",
            "  { at = \"5m\", expect = \"approved\", fired = [\"brst\"] },\n",
            "  { at = \"4m\", after = \"1m\" },\n",
            "  { at = \"4m\", times = 0 },\n",
            "  { message = \"notice\", of = \"nobody\" },\n",
            "  { message = \"reversal\", expect = \"approve\" },\n",
            "  { without = [\"amout\"], eci = 105, merchant_category = \"5411\" },\n",
            "]\n",
            "[[story]]\n",
            "name = \"one\"\n",
            "steps = []\n",
        )),
    );
    check(
        "scenario_expects_nothing",
        &said("[[story]]\nname = \"one\"\nsteps = [{ at = \"5m\" }]\n"),
    );
    check("scenario_none", &said("# nothing yet\n"));
    check(
        "scenario_refused",
        &said(concat!(
            "[[story]]\nname = \"one\"\nsteps = [{ amount = \"1.00 CNY\", ",
            "merchant_country = \"CHN\", expect = \"approve\" }]\n",
        )),
    );
}

#[test]
fn what_a_story_can_set_the_contract_has() {
    let contract = include_str!("../../proto/stopline/v1/authorisation.proto");
    let set = concat!(
        "[[story]]\nname = \"all\"\nsteps = [{ ",
        "amount = \"1.00 USD\", billing_amount = \"7.20 CNY\", ",
        "account = \"a\", card = \"c\", processing_code = \"cash\", merchant = \"m\", ",
        "acquirer = \"q\", merchant_category = 1, merchant_country = \"CN\", ",
        "entry_mode = \"manual\", channel = \"app\", initiator = \"merchant\", eci = 7, ",
        "cavv_result = \"match\", cvv2_result = \"match\", avs_result = \"match\", ",
        "expiry_result = \"match\", bin = 622848, device = \"d\", ip = \"192.0.2.1\", ",
        "ip_country = \"CN\", scheme = \"visa\", portfolio = \"gold\", expect = \"approve\" }]\n",
    );
    let rule_set = shipped_rules();
    let directory = tempfile::tempdir().unwrap();
    let stories = stories_in(directory.path(), set, &rule_set).unwrap();
    let fields = &stories[0].steps[0].fields;
    assert_eq!(fields.len(), 25, "each key, and two currencies");
    for (field, _) in fields {
        assert!(contract.contains(&format!(" {field} = ")), "the contract has no `{field}`");
    }
    let told = tell(&stories, &rule_set, &engine_settings()).unwrap();
    assert!(!told.problems.to_string().contains("refused"), "{}", told.problems);
}

//! What operations are told when a file is wrong: one golden file for each mistake, in
//! `tests/golden/config/`. They were read by eye; read them again when they change.

use std::path::Path;

use stopline::config::parse_rules;

/// A small rule set without a mistake; each case spoils one thing.
pub(crate) const RULES: &str = r#"currency = "CNY"

[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"

[thresholds]
burst_count = { value = 5, min = 2, max = 50 }
large_amount = "1500.00 CNY"

[[velocity]]
name = "attempts_10m"
key = "account"
what = "count"
window = "10m"

[[velocity]]
name = "largest_1h"
key = "account"
what = "max"
window = "1h"
where = "outcome == approved"

[[rule]]
name = "burst"
when = "velocity.attempts_10m >= thresholds.burst_count"
then = { points = 700, reason = "velocity_count_exceeded" }
mode = "live"

[[rule]]
name = "large"
when = "amount >= thresholds.large_amount && amount >= 3 * velocity.largest_1h"
then = { step_up = true }
mode = "live"

[fail_policy.late]
bands = [
  { below = "500.00 CNY", then = "approve" },
  { below = "5000.00 CNY", then = "step_up", merchant_initiated = "approve" },
  { then = "decline", reason = "issuer_unavailable" },
]
without_amount = { then = "decline", reason = "issuer_unavailable" }

[fail_policy.overload]
bands = [{ then = "decline", reason = "not_scored" }]
without_amount = { then = "decline", reason = "not_scored" }

[fail_policy.stop_list_stale]
bands = [{ then = "judge" }]
without_amount = { then = "judge" }

[fail_policy.recovering]
bands = [{ then = "judge" }]
without_amount = { then = "judge" }

[fail_policy.history_truncated]
bands = [{ then = "judge" }]
without_amount = { then = "approve" }
"#;

/// The condition of the second rule, which most cases replace.
pub(crate) const CONDITION: &str =
    "\"amount >= thresholds.large_amount && amount >= 3 * velocity.largest_1h\"";

pub(crate) fn check(name: &str, problems: &str) {
    insta::with_settings!({
        snapshot_path => "../golden/config",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, problems);
    });
}

pub(crate) fn rules_problems(text: &str) -> String {
    match parse_rules(Path::new("rules.toml"), text) {
        Ok((_, warnings)) => format!("loads: {warnings}"),
        Err(problems) => problems.to_string(),
    }
}

pub(crate) fn spoilt(right: &str, wrong: &str) -> String {
    assert!(RULES.contains(right), "the case spoils nothing: {right}");
    RULES.replacen(right, wrong, 1)
}

#[test]
fn the_file_that_the_cases_spoil_is_sound() {
    assert_eq!(rules_problems(RULES), "loads: no problem");
}

pub(crate) fn check_rules(cases: &[(&str, &str, &str)]) {
    for (name, right, wrong) in cases {
        check(name, &rules_problems(&spoilt(right, wrong)));
    }
}

#[test]
fn toml_and_keys_that_are_not_right_are_explained() {
    let cases = [
        ("toml_unclosed_string", "name = \"burst\"", "name = \"burst"),
        ("toml_missing_value", "step_up_at = 300", "step_up_at ="),
        ("toml_duplicate_key", "step_up_at = 300", "step_up_at = 300\nstep_up_at = 200"),
        ("unknown_key", "window = \"1h\"", "windw = \"1h\""),
        ("unknown_section", "[thresholds]", "[threshold]"),
        ("missing_mode", "mode = \"live\"", "# no mode"),
        ("missing_currency", "currency = \"CNY\"", ""),
        ("wrong_type", "step_up_at = 300", "step_up_at = \"300\""),
        ("wrong_type_decimals", "decline_at = 700", "decline_at = 7e2"),
        ("not_a_list", "[[rule]]\nname = \"burst\"", "[rule]\nname = \"burst\""),
        ("name_form", "name = \"largest_1h\"", "name = \"Largest 1h\""),
        ("duplicate_rule", "name = \"large\"", "name = \"burst\""),
        ("toml_leading_zero", "decline_at = 700", "decline_at = 0700"),
        ("toml_many", "step_up_at = 300", "a b = 1\nc d = 2\ne f = 3\ng h = 4\ni j = 5"),
        ("duplicate_feature", "name = \"largest_1h\"", "name = \"attempts_10m\""),
    ];
    check_rules(&cases);
}

#[test]
fn values_that_are_not_right_are_explained() {
    let cases = [
        ("unknown_currency", "currency = \"CNY\"", "currency = \"RMB\""),
        ("bands_overlap", "decline_at = 700", "decline_at = 300"),
        ("band_out_of_range", "decline_at = 700", "decline_at = 1000"),
        ("unknown_mode", "mode = \"live\"", "mode = \"life\""),
        ("window_out_of_range", "window = \"1h\"", "window = \"31d\""),
        ("window_without_unit", "window = \"1h\"", "window = \"60\""),
        ("unknown_what", "what = \"max\"", "what = \"maximum\""),
        ("unknown_feature_key", "key = \"account\"", "key = \"cardd\""),
        ("distinct_of_nothing", "what = \"max\"", "what = \"distinct\""),
        ("distinct_of_itself", "what = \"max\"", "what = \"distinct\"\nof = \"account\""),
        ("delay_too_long", "window = \"10m\"", "window = \"10m\"\ndelay = \"37d\""),
        ("delay_without_unit", "window = \"10m\"", "window = \"10m\"\ndelay = \"7\""),
        (
            "delay_with_current",
            "window = \"10m\"",
            "window = \"10m\"\ndelay = \"7d\"\nwith_current = true",
        ),
        ("where_unknown_field", "outcome == approved", "mcc == 5411"),
        ("where_direction_in", "outcome == approved", "direction == 'in'"),
        ("where_direction_out", "outcome == approved", "direction == out"),
        ("where_unknown_word", "outcome == approved", "entry_mode == e_commerce"),
        ("where_other_currency", "outcome == approved", "amount >= '100.00 USD'"),
        ("where_no_order", "outcome == approved", "channel > app"),
        ("where_category", "outcome == approved", "merchant_category in [5411, 54110]"),
        ("where_country", "outcome == approved", "merchant_country == 'Chn'"),
        (
            "where_empty_range",
            "outcome == approved",
            "merchant_category > 6000 && merchant_category < 6001",
        ),
        ("where_unknown_outcome", "outcome == approved", "outcome == approve"),
        (
            "where_passes_nothing",
            "outcome == approved",
            "outcome == approved && outcome == declined",
        ),
        (
            "where_with_current",
            "where = \"outcome == approved\"",
            "where = \"outcome == approved\"\nwith_current = true",
        ),
        ("optional_no_flag", "window = \"10m\"", "window = \"10m\"\noptional = \"yes\""),
        ("absent_as_of_a_count", "window = \"10m\"", "window = \"10m\"\nabsent_as = 0"),
        ("threshold_outside_bounds", "value = 5, min = 2", "value = 500, min = 2"),
        ("threshold_number_in_money", "value = 5, min = 2", "value = 5, min = \"2.00 CNY\""),
        ("threshold_money_in_numbers", "value = 5,", "value = \"5.00 CNY\","),
        (
            "threshold_money_outside_bounds",
            "\"1500.00 CNY\"",
            "{ value = \"9.00 CNY\", min = \"10.00 CNY\", max = \"70.00 CNY\" }",
        ),
        (
            "absent_as_money",
            "where = \"outcome == approved\"",
            "where = \"outcome == approved\"\nabsent_as = \"1.5 CNY\"",
        ),
        ("threshold_other_currency", "\"1500.00 CNY\"", "\"1500.00 USD\""),
        ("threshold_decimals", "\"1500.00 CNY\"", "\"1500.5 CNY\""),
        ("threshold_no_money", "\"1500.00 CNY\"", "\"¥1500\""),
        ("threshold_too_large", "value = 5,", "value = 99999999999999999999,"),
        ("wide_characters", "value = 5,", "\"上限说明\" = \"大额\", value = 5.5,"),
    ];
    check_rules(&cases);
}

#[test]
fn actions_and_rule_sets_that_make_no_sense_are_explained() {
    let cases = [
        (
            "reason_of_a_stop_order",
            "reason = \"velocity_count_exceeded\"",
            "reason = \"lost_card\"",
        ),
        (
            "reason_unknown",
            "reason = \"velocity_count_exceeded\"",
            "reason = \"velocity_exceeded\"",
        ),
        ("points_zero", "points = 700", "points = 0"),
        ("points_beyond", "points = 700", "points = 1000"),
        (
            "points_without_reason",
            "points = 700, reason = \"velocity_count_exceeded\"",
            "points = 700",
        ),
        (
            "points_and_decline",
            "points = 700, reason",
            "points = 700, decline = \"suspected_fraud\", reason",
        ),
        ("action_empty", "{ step_up = true }", "{}"),
        (
            "decline_for_authentication",
            "{ step_up = true }",
            "{ decline = \"authentication_required\" }",
        ),
        (
            "unused",
            "amount >= thresholds.large_amount && amount >= 3 * velocity.largest_1h",
            "amount >= '5.00 CNY'",
        ),
        ("toothless", "points = 700", "points = 699"),
    ];
    check_rules(&cases);
}

#[test]
fn a_fail_policy_that_leaves_a_cause_or_an_amount_to_chance_is_refused() {
    let late_ends = "{ then = \"decline\", reason = \"issuer_unavailable\" },\n]";
    let cases = [
        (
            "fail_policy_cause_left_out",
            concat!(
                "[fail_policy.recovering]\n",
                "bands = [{ then = \"judge\" }]\n",
                "without_amount = { then = \"judge\" }\n",
            ),
            "",
        ),
        ("fail_policy_unknown_cause", "[fail_policy.recovering]", "[fail_policy.recovery]"),
        ("fail_policy_no_bands", "bands = [{ then = \"judge\" }]\n", ""),
        ("fail_policy_empty_bands", "bands = [{ then = \"judge\" }]\n", "bands = []\n"),
        ("fail_policy_no_answer_without_amount", "without_amount = { then = \"judge\" }\n", ""),
        ("fail_policy_gap", late_ends, "]"),
        ("fail_policy_overlap", "below = \"5000.00 CNY\"", "below = \"500.00 CNY\""),
        ("fail_policy_overlap_open", "{ below = \"500.00 CNY\", then", "{ then"),
        ("fail_policy_empty_band", "below = \"500.00 CNY\"", "below = \"0.00 CNY\""),
        ("fail_policy_band_other_currency", "below = \"500.00 CNY\"", "below = \"500.00 USD\""),
        (
            "fail_policy_judged_late",
            "below = \"500.00 CNY\", then = \"approve\"",
            "below = \"500.00 CNY\", then = \"judge\"",
        ),
        (
            "fail_policy_unknown_answer",
            "below = \"500.00 CNY\", then = \"approve\"",
            "below = \"500.00 CNY\", then = \"aprove\"",
        ),
        ("fail_policy_step_up_of_a_merchant", ", merchant_initiated = \"approve\"", ""),
        (
            "fail_policy_merchant_without_step_up",
            "below = \"500.00 CNY\", then = \"approve\"",
            "below = \"500.00 CNY\", then = \"approve\", merchant_initiated = \"approve\"",
        ),
        ("fail_policy_decline_without_reason", ", reason = \"not_scored\"", ""),
        ("fail_policy_reason_of_a_rule", "reason = \"not_scored\"", "reason = \"suspected_fraud\""),
        (
            "fail_policy_reason_of_nothing",
            "without_amount = { then = \"approve\" }",
            "without_amount = { then = \"approve\", reason = \"not_scored\" }",
        ),
        (
            "fail_policy_unknown_key",
            "below = \"500.00 CNY\", then",
            "bellow = \"500.00 CNY\", then",
        ),
    ];
    check_rules(&cases);
    let (without, _) = RULES.split_once("[fail_policy.late]").expect("it has one");
    check("fail_policy_missing", &rules_problems(without));
}

#[test]
fn mistakes_in_conditions_are_pointed_at_inside_them() {
    let cases = [
        ("condition_empty", r#""""#),
        ("condition_unknown_field", r#""amont >= 5""#),
        ("condition_other_name", r#""mcc == 7995""#),
        ("condition_unknown_feature", r#""velocity.atempts_10m >= 5""#),
        ("condition_unknown_threshold", r#""amount >= thresholds.large_amout""#),
        ("condition_missing_room", r#""amount >= large_amount""#),
        ("condition_wrong_room", r#""amount >= threshold.large_amount""#),
        ("condition_single_equals", r#""amount = 5""#),
        ("condition_and", r#""amount >= 5 and eci == 7""#),
        ("condition_no_comparison", r#""amount""#),
        ("condition_number", r#""amount * 2""#),
        ("condition_constant", r#""thresholds.large_amount >= 5 && amount >= 5""#),
        ("condition_true", r#""true""#),
        ("condition_division", r#""amount / velocity.largest_1h >= 3""#),
        ("condition_modulo", r#""amount % 100 == 0""#),
        ("condition_choice", r#""eci == 5 ? amount >= 5 : amount >= 7""#),
        ("condition_function", r#""portfolio.startsWith('gold')""#),
        ("condition_loop", r#""[1, 2].exists(x, x == eci)""#),
        ("condition_map", r#""{'a': 1}['a'] == amount""#),
        ("condition_decimals", r#""amount >= 1.5 * velocity.largest_1h""#),
        ("condition_kinds", r#""merchant_country == 5""#),
        ("condition_word_kinds", r#""cvv2_result == initiator""#),
        ("condition_unknown_word", r#""initiator == merchnt""#),
        ("condition_no_order", r#""entry_mode >= ecommerce""#),
        ("condition_country_form", r#""merchant_country == 'CHN'""#),
        ("condition_text_without_quotes", r#""portfolio == gold""#),
        ("condition_money_other_currency", r#""amount >= '1500.00 USD'""#),
        ("condition_text_for_number", r#""amount >= 'large'""#),
        ("condition_list_empty", r#""eci in []""#),
        ("condition_list_mixed", r#""eci in [5, visa, 'x']""#),
        ("condition_list_threshold", r#""amount in [thresholds.large_amount]""#),
        ("condition_has_always", r#""has(initiator)""#),
        ("condition_has_count", r#""has(velocity.attempts_10m)""#),
        ("condition_bracket", r#""(amount >= 5 && eci == 7""#),
        ("condition_ends_early", r#""amount >= 5 &&""#),
        ("condition_two_values", r#""amount >= 5 eci == 7""#),
        ("condition_number_too_large", r#""amount >= 99999999999999999999""#),
        ("condition_products_too_large", r#""amount * amount * amount >= 5""#),
        ("condition_chained_comparison", r#""5 <= amount <= 7""#),
        ("condition_several", r#""amont >= 5 && velocity.x >= 1 && eci == visa""#),
        ("condition_multiline", "\"\"\"\n  amount >= 5\n  && velocity.largest_2h >= 7\"\"\""),
        ("condition_escaped", r#""merchant_country == \"CHN\"""#),
        ("condition_unreadable_field", r#""terminal_id == 'T-1'""#),
        ("condition_unreadable_currency", r#""currency != 'CNY'""#),
        ("condition_arrow", r#""amount => 5""#),
        ("condition_angles", r#""eci <> 5""#),
        ("condition_quoted_number", r#""eci == '05'""#),
        ("condition_quoted_numbers", r#""bin in ['622848', 622849]""#),
        ("condition_impossible_eci", r#""eci == 105""#),
        ("condition_impossible_values", r#""merchant_category in [0, 5411, 10000] && bin == 62""#),
        ("condition_country_not_assigned", r#""merchant_country in [UK, GB, XX]""#),
        ("condition_step_up_without_cardholder", r#""initiator == merchant && eci >= 5""#),
    ];
    for (name, condition) in cases {
        check(name, &rules_problems(&spoilt(CONDITION, condition)));
    }
}

#[test]
fn all_problems_of_a_file_are_listed_at_once() {
    let text = RULES
        .replace("window = \"1h\"", "windw = \"1h\"")
        .replace("decline_at = 700", "decline_at = 70_000")
        .replace("reason = \"velocity_count_exceeded\"", "reason = \"lost_card\"")
        .replace("amount >= thresholds.large_amount", "amont >= thresholds.large_amout")
        .replace("currency = \"CNY\"", "currency = \"CNY\"\nfoo =");
    check("several", &rules_problems(&text));
}

#[test]
fn an_optional_feature_can_be_asked_for_whatever_it_counts() {
    let asks = spoilt(CONDITION, r#""has(velocity.attempts_10m)""#);
    assert!(parse_rules(Path::new("rules.toml"), &asks).is_err(), "a count is never absent");
    let optional = asks.replacen("window = \"10m\"", "window = \"10m\"\noptional = true", 1);
    let (rule_set, _) = parse_rules(Path::new("rules.toml"), &optional).expect("sound");
    let optional: Vec<_> = rule_set.features().iter().map(|it| it.is_optional).collect();
    assert_eq!(optional, [true, false]);
}

#[test]
fn money_may_stand_for_an_absent_mean() {
    let text = spoilt("window = \"1h\"", "window = \"1h\"\nabsent_as = \"1.50 CNY\"");
    let (rule_set, _) = parse_rules(Path::new("rules.toml"), &text).expect("sound");
    assert_eq!(rule_set.features()[1].absent_as, Some(150));
}

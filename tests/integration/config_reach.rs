//! Rules that cannot be meant: they never fire, or always, or take numbers for money.

use crate::config_errors::{CONDITION, check, check_rules, rules_problems, spoilt};

#[test]
fn rules_that_never_fire_or_always_are_refused() {
    let cases = [
        ("never_contradiction", r#""velocity.attempts_10m > 5 && velocity.attempts_10m < 3""#),
        ("never_two_words", r#""initiator == merchant && eci == 5 && initiator == cardholder""#),
        ("never_threshold", r#""eci == 7 && velocity.attempts_10m < thresholds.burst_count - 5""#),
        (
            "never_two_values",
            r#""ip_country == merchant_country && ip_country != merchant_country""#,
        ),
        ("never_absent", r#""!has(eci) && eci == 5""#),
        (
            "never_both_absent",
            r#""!has(eci) && (eci == 5 || amount > '1.00 CNY') && !has(amount)""#,
        ),
        ("never_amount_below_zero", r#""amount < 0""#),
        ("always_at_least_zero", r#""velocity.attempts_10m >= 0""#),
        ("always_either", r#""initiator == merchant || initiator == cardholder""#),
        ("idle_part", r#""velocity.attempts_10m >= 0 && amount >= thresholds.large_amount""#),
        (
            "idle_alternative",
            r#""amount >= thresholds.large_amount || portfolio in ['a'] && portfolio == 'b'""#,
        ),
    ];
    for (name, condition) in cases {
        check(name, &rules_problems(&spoilt(CONDITION, condition)));
    }
}

#[test]
fn money_is_compared_with_money() {
    let cases = [
        ("money_and_literal", r#""amount >= 2000""#),
        ("money_in_list", r#""amount in ['10.00 CNY', 2000]""#),
        ("money_and_threshold", r#""velocity.largest_1h >= thresholds.burst_count""#),
        ("money_and_count", r#""amount >= 3 * velocity.attempts_10m""#),
        ("money_added_to_count", r#""amount + velocity.attempts_10m >= thresholds.large_amount""#),
        ("count_and_money", r#""velocity.attempts_10m >= '6.00 CNY'""#),
        ("money_squared", r#""amount * amount >= thresholds.large_amount""#),
    ];
    for (name, condition) in cases {
        check(name, &rules_problems(&spoilt(CONDITION, condition)));
    }
    check_rules(&[("fail_policy_band_without_currency", "below = \"500.00 CNY\"", "below = 500")]);
    // Products on both sides, and nothing at all, are money as well.
    for sound in [
        "amount * velocity.attempts_10m >= 3 * velocity.largest_1h",
        "amount * thresholds.large_amount >= velocity.largest_1h * amount",
        "velocity.largest_1h > 0",
    ] {
        let text = spoilt(CONDITION, &format!("\"{sound}\""));
        assert!(!rules_problems(&text).contains("error"), "{}", rules_problems(&text));
    }
}

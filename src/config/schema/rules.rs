//! The schema of `rules.toml`.

use serde_json::{Value, json};

use super::super::features::{DISTINCT_OF_ACCOUNT, DISTINCT_OF_CARD, KEYS, WHATS};
use super::forms::{file, flag, list, money, name, number, quantity, span, table, text, words};
use crate::domain::{FailCause, Reason};
use crate::engine::rules::{
    Action, FAIL_BANDS_COUNT_MAX, FEATURES_COUNT_MAX, LISTS_COUNT_MAX, ListOf,
    MerchantInitiatedStepUp, Mode, POINTS_MAX, RULES_COUNT_MAX, SCORE_MAX, THRESHOLDS_COUNT_MAX,
};

/// The JSON Schema of a rule set.
pub fn rules_schema() -> Value {
    let required = ["currency", "bands", "fail_policy"];
    let properties = [
        (
            "currency",
            json!({
                "description": "The currency of all amounts, in ISO 4217 letters.",
                "type": "string", "pattern": "^[A-Z]{3}$",
            }),
        ),
        ("calendar", text("The file that says which days are business days, beside this one.")),
        ("bands", bands()),
        ("fail_policy", fail_policy()),
        ("thresholds", thresholds()),
        ("lists", lists()),
        ("velocity", list("What is counted.", &feature(), FEATURES_COUNT_MAX)),
        ("rule", list("What is made of it.", &rule(), RULES_COUNT_MAX)),
    ];
    let about = "What operations turn: bands, thresholds, features, rules, fail policy.";
    file("Stopline: the rule set", table(about, &required, properties))
}

fn bands() -> Value {
    let score = |what: &str| number(what, 1, SCORE_MAX.into());
    let properties = [
        ("step_up_at", score("The lowest sum of points that asks the cardholder.")),
        ("decline_at", score("The lowest sum of points that declines; above step_up_at.")),
        (
            "merchant_initiated_step_up",
            words(
                "What a step-up becomes where nobody is there to authenticate.",
                MerchantInitiatedStepUp::ALL.map(MerchantInitiatedStepUp::name),
            ),
        ),
    ];
    let required = ["step_up_at", "decline_at", "merchant_initiated_step_up"];
    table("From the sum of points to the outcome.", &required, properties)
}

fn fail_policy() -> Value {
    let causes = FailCause::ALL.map(|cause| (cause.name(), cause_policy(cause)));
    let required = FailCause::ALL.map(FailCause::name);
    let about =
        "What becomes of a request that cannot be judged as usual: every cause is answered.";
    table(about, &required, causes)
}

fn cause_policy(cause: FailCause) -> Value {
    let band = answer(cause, Some(money("Where the band ends; the last one has no end.")));
    let bands =
        list("By amount, ascending; the last without `below`.", &band, FAIL_BANDS_COUNT_MAX);
    let properties = [("bands", bands), ("without_amount", answer(cause, None))];
    table("By amount in the policy's currency.", &["bands", "without_amount"], properties)
}

fn answer(cause: FailCause, below: Option<Value>) -> Value {
    let answers = ["approve", "decline", "step_up", "judge"].into_iter();
    let answers = answers.filter(|answer| *answer != "judge" || cause.may_be_judged());
    let reasons = Reason::ALL.into_iter().filter(|reason| reason.is_for_fail_policy());
    let instead = MerchantInitiatedStepUp::ALL.map(MerchantInitiatedStepUp::name);
    let properties = [
        ("then", words("What becomes of it.", answers)),
        ("reason", words("Why it is declined.", reasons.map(Reason::name))),
        ("merchant_initiated", words("What a step-up becomes where nobody is asked.", instead)),
    ];
    let below = below.map(|below| ("below", below));
    table("An answer.", &["then"], properties.into_iter().chain(below))
}

fn thresholds() -> Value {
    let bounds = [
        ("value", quantity("The value in force.")),
        ("min", quantity("The least that it may be set to.")),
        ("max", quantity("The most that it may be set to.")),
    ];
    let bounded = table("A value with its guard rails.", &["value", "min", "max"], bounds);
    json!({
        "description": "The named numbers that operations turn: thresholds.NAME in conditions.",
        "type": "object",
        "propertyNames": name(""),
        "additionalProperties": {
            "oneOf": [{ "type": "integer" }, money("An amount with its currency."), bounded],
        },
        "maxProperties": THRESHOLDS_COUNT_MAX,
    })
}

fn lists() -> Value {
    let properties = [
        ("file", text("The file with the values, one a line, beside this one.")),
        ("of", words("What its values are.", ListOf::ALL.map(ListOf::name))),
    ];
    json!({
        "description": "Files of values: FIELD in lists.NAME in conditions.",
        "type": "object",
        "propertyNames": name(""),
        "additionalProperties": table("A list.", &["file", "of"], properties),
        "maxProperties": LISTS_COUNT_MAX,
    })
}

fn feature() -> Value {
    let required = ["name", "key", "what", "window"];
    let mut of: Vec<_> =
        DISTINCT_OF_ACCOUNT.iter().chain(&DISTINCT_OF_CARD).map(|(what, _)| *what).collect();
    of.sort_unstable();
    of.dedup();
    let properties = [
        ("name", name("What conditions call it: velocity.NAME.")),
        ("key", words("Whose authorisations are counted.", KEYS.map(|(key, _)| key))),
        ("what", words("What is counted.", WHATS.map(|(what, _)| what))),
        ("of", words("Of `distinct`: what differs.", of)),
        (
            "window",
            json!({
                "description": "How far back, 10s to 30d, or so many business days.",
                "type": "string",
                "pattern": "^([0-9]+(ms|s|m|h|d)|[0-9]+ business days?)$",
            }),
        ),
        ("delay", span("How long before now the window ends.")),
        ("where", text("Which authorisations: by `outcome` and `processing_code`, as CEL.")),
        ("with_current", flag("Whether the authorisation being judged counts.")),
        ("absent_as", quantity("What stands for absence.")),
        ("optional", flag("Left out at step 2 of the overload ladder.")),
    ];
    table("One thing that is counted.", &required, properties)
}

fn rule() -> Value {
    let required = ["name", "when", "then", "mode"];
    let properties = [
        ("name", name("What it is called in decisions.")),
        ("when", text("The condition under which it fires, as CEL.")),
        ("then", action()),
        ("mode", words("Whether it counts.", Mode::ALL.map(Mode::name))),
        ("description", text("A text for its readers.")),
    ];
    table("One rule.", &required, properties)
}

fn action() -> Value {
    let reasons = || {
        let reasons = Reason::ALL.into_iter().filter(|reason| Action::may_stand_for(*reason));
        words("What it stands for.", reasons.map(Reason::name))
    };
    let points = |min: i32, max: i32| number("Added to the sum.", min.into(), max.into());
    let yes = |what: &str| json!({ "description": what, "const": true });
    let given = [("points", points(1, POINTS_MAX)), ("reason", reasons())];
    json!({
        "description": "What it does when it fires.",
        "oneOf": [
            table("Points for a reason.", &["points", "reason"], given),
            table("Speaks for the payment.", &["points"], [("points", points(-POINTS_MAX, -1))]),
            table("Declines outright.", &["decline"], [("decline", reasons())]),
            table("Asks the cardholder.", &["step_up"], [("step_up", yes("Steps up at least."))]),
            table("Is only reported.", &["tag"], [("tag", yes("Is only reported."))]),
        ],
    })
}

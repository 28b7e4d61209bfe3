//! All that operations decide, validated and hashed.

use std::sync::Arc;

use thiserror::Error;

use crate::domain::{Currency, EventTime, RuleSetHash, Span};

use super::super::velocity::{BusinessCalendar, FeaturePlan, FeatureSpec, Key, Lookback};
use super::list::{LISTS_COUNT_MAX, List};
use super::plan::Plan;
use super::{Action, Bands, FailPolicy, Operand, POINTS_MAX, Rule, SCORE_MAX, canonical};

/// The most rules in a rule set.
pub const RULES_COUNT_MAX: usize = 2_000;

/// The most features in a rule set.
pub const FEATURES_COUNT_MAX: usize = 512;

/// The most thresholds in a rule set.
pub const THRESHOLDS_COUNT_MAX: usize = 2_000;

/// What a rule set is made of.
#[derive(Clone, Debug)]
pub struct RuleSetParts {
    /// The currency of its amounts.
    pub currency: Currency,
    /// From points to outcome.
    pub bands: Bands,
    /// What becomes of a request that cannot be judged as usual.
    pub fail_policy: FailPolicy,
    /// The named numbers that operations turn.
    pub thresholds: Vec<Threshold>,
    /// What is counted.
    pub features: Vec<FeatureSpec>,
    /// Values that rules look fields up in.
    pub lists: Vec<Arc<List>>,
    /// What is made of it.
    pub rules: Vec<Rule>,
}

/// A named number that operations turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// Its name in conditions.
    pub name: Arc<str>,
    /// Its value; money in minor units of the policy's currency.
    pub value: i64,
    /// How a person reads it; without influence on any decision.
    pub unit: Unit,
}

/// How a person reads a threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// As a number.
    Number,
    /// As an amount in the policy's currency.
    Money,
}

/// Everything that operations decide, checked: nothing in it can fail.
#[derive(Clone, Debug)]
pub struct RuleSet {
    currency: Currency,
    bands: Bands,
    fail_policy: FailPolicy,
    thresholds: Vec<Threshold>,
    features: Vec<FeatureSpec>,
    lists: Vec<Arc<List>>,
    rules: Vec<Rule>,
    feature_plan: FeaturePlan,
    hash: RuleSetHash,
    /// The rules as they run.
    pub(super) plan: Plan,
}

/// Why parts make no rule set.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RuleSetFault {
    /// The bands are not in order within 1 to 999.
    #[error(
        "bands begin at {step_up_at} and {decline_at}; expected \
         1 <= step_up_at < decline_at <= {SCORE_MAX}"
    )]
    Bands {
        /// Where stepping up begins.
        step_up_at: i32,
        /// Where declining begins.
        decline_at: i32,
    },
    /// Two things of a kind have one name.
    #[error("two {kind}s are named `{name}`; a name is used once")]
    DuplicateName {
        /// What they are.
        kind: &'static str,
        /// Their name.
        name: Arc<str>,
    },
    /// There are more than the limit.
    #[error("there are {count} {kind}s; at most {count_max} are allowed")]
    TooMany {
        /// What there are too many of.
        kind: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        count_max: usize,
    },
    /// Two features count the business days of two calendars.
    #[error("feature `{feature}` has another calendar than those before it")]
    SecondCalendar {
        /// The feature.
        feature: Arc<str>,
    },
    /// A rule reads a feature, threshold or list that the rule set does not have.
    #[error("rule `{rule}` reads a feature, threshold or list that is not declared")]
    UnknownOperand {
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule's points are not within the limits.
    #[error("rule `{rule}` has {points} points; expected 1 to {POINTS_MAX}, above or below zero")]
    Points {
        /// The rule.
        rule: Arc<str>,
        /// Its points.
        points: i32,
    },
    /// A rule stands for a reason that is not a rule's to give.
    #[error("rule `{rule}` stands for `{reason}`, which is not for rules")]
    Reason {
        /// The rule.
        rule: Arc<str>,
        /// The reason's name.
        reason: &'static str,
    },
    /// A rule asks for a step-up where no cardholder is there.
    #[error("rule `{rule}` steps up merchant-initiated payments: nobody is there to authenticate")]
    StepUpWithoutCardholder {
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule's numbers may leave 128 bits.
    #[error("rule `{rule}` multiplies more than exact arithmetic can hold")]
    TooLarge {
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule reads nothing of the request.
    #[error("rule `{rule}` reads neither field nor feature: it always fires or never does")]
    ReadsNothing {
        /// The rule.
        rule: Arc<str>,
    },
}

impl RuleSet {
    /// The rule set made of `parts`.
    ///
    /// # Errors
    /// The first [`RuleSetFault`] found; `config` reports all of them, with places.
    pub fn new(parts: RuleSetParts) -> Result<Self, RuleSetFault> {
        let mut rule_set = Self {
            feature_plan: FeaturePlan::of(&parts.features),
            currency: parts.currency,
            bands: parts.bands,
            fail_policy: parts.fail_policy,
            thresholds: parts.thresholds,
            features: parts.features,
            lists: parts.lists,
            rules: parts.rules,
            hash: RuleSetHash(0),
            plan: Plan::default(),
        };
        rule_set.check_bands()?;
        rule_set.check_names()?;
        rule_set.check_calendars()?;
        for rule in &rule_set.rules {
            rule_set.check_rule(rule)?;
        }
        let Self { rules, thresholds, .. } = &rule_set;
        rule_set.plan = Plan::of(rules, thresholds, |operand| rule_set.name_of(operand));
        rule_set.hash = canonical::hash_of(&rule_set.canonical());
        Ok(rule_set)
    }

    /// The currency of its amounts.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// From points to outcome.
    pub fn bands(&self) -> &Bands {
        &self.bands
    }

    /// What becomes of a request that cannot be judged as usual.
    pub fn fail_policy(&self) -> &FailPolicy {
        &self.fail_policy
    }

    /// The named numbers.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// What is counted; evidence has this order.
    pub fn features(&self) -> &[FeatureSpec] {
        &self.features
    }

    /// The calendar of those that count business days; `None` where none does.
    pub fn calendar(&self) -> Option<&Arc<BusinessCalendar>> {
        self.features.iter().find_map(|feature| feature.window.calendar())
    }

    /// How the features are measured.
    pub fn feature_plan(&self) -> &FeaturePlan {
        &self.feature_plan
    }

    /// How far back any feature looks.
    pub fn longest_window(&self) -> Span {
        self.features.iter().map(FeatureSpec::reach).max().unwrap_or_default()
    }

    /// How long an account must remember an authorisation where a message may be `lateness`
    /// late: until it has left every window, and those of a card whose account has moved on.
    pub fn retention(&self, lateness: Span) -> Span {
        let of_cards = if self.feature_plan.counts_by(Key::Card) {
            self.feature_plan.reach(Key::Card).plus(lateness)
        } else {
            Span::ZERO
        };
        self.feature_plan.reach(Key::Account).max(of_cards)
    }

    /// The first feature whose calendar does not reach `now` and back: it is absent then.
    /// Hot path; costs a look at each feature where none counts business days.
    pub fn out_of_calendar(&self, now: EventTime) -> Option<&FeatureSpec> {
        let mut features = self.features.iter();
        features.find(|feature| {
            matches!(feature.window, Lookback::BusinessDays(_))
                && feature.opens_after(now).is_none()
        })
    }

    /// The lists that rules look fields up in.
    pub fn lists(&self) -> &[Arc<List>] {
        &self.lists
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first 8 bytes, big endian, of the SHA-256 of [`Self::canonical`].
    pub fn hash(&self) -> RuleSetHash {
        self.hash
    }

    /// The same rule set as text, whatever it was read from: two rule sets with the
    /// same text decide and report alike. One thing a line, in file order:
    ///
    /// ```text
    /// stopline-rule-set 1
    /// currency 156
    /// bands step_up_at=300 decline_at=700 merchant_initiated_step_up=decline
    /// fail late below=50000:approve rest:decline=issuer_unavailable without_amount:…
    /// threshold burst_count 5
    /// calendar ends_at=1798732800000 starts=1704124800000,1704211200000,…
    /// feature count_10m what=count window_millis=600000 outcomes=any with_current=true …
    /// feature spent_10bd what=sum window_business_days=10 outcomes=approved …
    /// list risky_mccs of=merchant_category values=9 sha256=5f1c…
    /// rule burst live points=400 reason=velocity_count_exceeded when (>= velocity.count_10m …)
    /// ```
    ///
    /// A calendar is there where a feature counts business days: when each begins, in Unix
    /// milliseconds. Conditions are written operator first; a list has its values sorted, words and
    /// countries by their codes.
    pub fn canonical(&self) -> String {
        canonical::text_of(self)
    }

    /// What `operand` is called in conditions and decisions.
    pub fn name_of(&self, operand: Operand) -> String {
        let (room, name) = match operand {
            Operand::Field(field) => return field.name().to_owned(),
            Operand::Feature(at) => ("velocity", self.features.get(at.0).map(|it| &it.name)),
            Operand::Threshold(at) => ("thresholds", self.thresholds.get(at.0).map(|it| &it.name)),
        };
        format!("{room}.{}", name.map_or("?", |name| name))
    }

    fn check_calendars(&self) -> Result<(), RuleSetFault> {
        let own = self.calendar();
        let other = |feature: &&FeatureSpec| {
            feature.window.calendar().is_some() && feature.window.calendar() != own
        };
        self.features.iter().find(other).map_or(Ok(()), |feature| {
            Err(RuleSetFault::SecondCalendar { feature: Arc::clone(&feature.name) })
        })
    }

    fn check_bands(&self) -> Result<(), RuleSetFault> {
        let Bands { step_up_at, decline_at, .. } = self.bands;
        let in_order = 1 <= step_up_at && step_up_at < decline_at && decline_at <= SCORE_MAX;
        in_order.then_some(()).ok_or(RuleSetFault::Bands { step_up_at, decline_at })
    }

    fn check_names(&self) -> Result<(), RuleSetFault> {
        let features: Vec<_> = self.features.iter().map(|it| &it.name).collect();
        let thresholds: Vec<_> = self.thresholds.iter().map(|it| &it.name).collect();
        let rules: Vec<_> = self.rules.iter().map(Rule::name).collect();
        check_names("feature", features, FEATURES_COUNT_MAX)?;
        check_names("threshold", thresholds, THRESHOLDS_COUNT_MAX)?;
        check_names("list", self.lists.iter().map(|it| it.name()).collect(), LISTS_COUNT_MAX)?;
        check_names("rule", rules, RULES_COUNT_MAX)
    }

    fn check_rule(&self, rule: &Rule) -> Result<(), RuleSetFault> {
        let name = || rule.name().clone();
        match rule.action() {
            Action::Points { points, .. } | Action::Relief { points }
                if !(1..=POINTS_MAX).contains(&points) =>
            {
                return Err(RuleSetFault::Points { rule: name(), points });
            }
            Action::Points { reason, .. } | Action::Decline { reason }
                if !Action::may_stand_for(reason) =>
            {
                return Err(RuleSetFault::Reason { rule: name(), reason: reason.name() });
            }
            Action::StepUp if rule.condition().asks_for_merchant_initiated() => {
                return Err(RuleSetFault::StepUpWithoutCardholder { rule: name() });
            }
            Action::Points { .. }
            | Action::Relief { .. }
            | Action::Decline { .. }
            | Action::StepUp
            | Action::Tag => {}
        }
        let reads = rule.condition().reads();
        let is_known = |operand: &Operand| match operand {
            Operand::Field(_) => true,
            Operand::Feature(at) => at.0 < self.features.len(),
            Operand::Threshold(at) => at.0 < self.thresholds.len(),
        };
        let has_lists = rule.condition().lists().into_iter().all(|at| at < self.lists.len());
        if !has_lists || !reads.iter().all(is_known) {
            return Err(RuleSetFault::UnknownOperand { rule: name() });
        }
        if !rule.condition().reads_the_request() {
            return Err(RuleSetFault::ReadsNothing { rule: name() });
        }
        let largest = |operand| largest_of(operand, &self.features, &self.thresholds);
        if !rule.condition().is_exact(&largest) {
            return Err(RuleSetFault::TooLarge { rule: name() });
        }
        Ok(())
    }
}

/// The furthest from zero that `operand` can get, of these features and thresholds.
pub fn largest_of(operand: Operand, features: &[FeatureSpec], thresholds: &[Threshold]) -> i128 {
    let largest = match operand {
        Operand::Field(field) => Some(i128::from(field.largest())),
        Operand::Feature(at) => features.get(at.0).map(FeatureSpec::largest),
        Operand::Threshold(at) => thresholds.get(at.0).map(|it| i128::from(it.value).abs()),
    };
    largest.unwrap_or(i128::from(i64::MAX) + 1)
}

fn check_names(
    kind: &'static str,
    mut names: Vec<&Arc<str>>,
    count_max: usize,
) -> Result<(), RuleSetFault> {
    let count = names.len();
    if count > count_max {
        return Err(RuleSetFault::TooMany { kind, count, count_max });
    }
    names.sort_unstable();
    let double = names.array_windows().find(|[one, next]| one == next);
    double.map_or(Ok(()), |[name, _]| {
        let name = Arc::clone(name);
        Err(RuleSetFault::DuplicateName { kind, name })
    })
}

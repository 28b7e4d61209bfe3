//! From the values of features to an outcome, rule by rule.

use stopline::domain::{
    Authorisation, CheckResult, FiredRule, Initiator, Outcome, Processing, Reason, ShadowRuleFired,
    ValueSeen,
};

use super::policy::{Condition, Field, Number, Policy, Read, Relation, Rule, Then};

/// What the rules say of a request.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) score: u16,
    pub(crate) fired: Vec<FiredRule>,
    pub(crate) shadow: Vec<ShadowRuleFired>,
}

/// All that a rule may read about one request.
pub(crate) struct Row<'r> {
    pub(crate) policy: &'r Policy,
    pub(crate) auth: &'r Authorisation<'r>,
    /// Its amount in the policy's currency.
    pub(crate) minor_units: Option<i64>,
    /// In the order of the policy's features.
    pub(crate) evidence: &'r [Option<i64>],
}

impl Row<'_> {
    /// Every rule is asked. The points of the live ones add up; the bands turn the sum into
    /// the outcome, and the rule with the most points gives the reason. One that declines
    /// outright goes before all points. Of reasons alike the first in precedence is given.
    pub(crate) fn judge(&self) -> Verdict {
        let firing = |is_live: bool| {
            let rules = self.policy.rules.iter();
            rules.filter(move |rule| rule.is_live == is_live && self.holds(&rule.when))
        };
        let thens: Vec<Then> = firing(true).map(|rule| rule.then).collect();
        let sum: i32 = thens.iter().map(|then| points(*then)).sum();
        let score = sum.clamp(0, 999);
        let by_points = if score >= self.policy.decline_at {
            Outcome::Decline
        } else if score >= self.policy.step_up_at {
            self.step_up()
        } else {
            Outcome::Approve
        };
        let is_asked = thens.iter().any(|then| matches!(then, Then::StepUp));
        let asked = if is_asked { self.step_up() } else { Outcome::Approve };
        let outright = thens.iter().filter_map(|then| match then {
            Then::Decline(reason) => Some(*reason),
            _ => None,
        });
        let (outcome, reason) = if let Some(reason) = outright.min() {
            (Outcome::Decline, Some(reason))
        } else if by_points.max(asked) == Outcome::Approve {
            (Outcome::Approve, None)
        } else if by_points >= asked {
            (by_points, most_points(&thens))
        } else {
            (asked, Some(Reason::AuthenticationRequired))
        };
        Verdict {
            outcome,
            reason,
            score: u16::try_from(score).expect("0 to 999"),
            fired: firing(true).map(|rule| self.seen(rule)).collect(),
            shadow: firing(false).map(|rule| on_trial(self.seen(rule))).collect(),
        }
    }

    /// What a step-up is: nobody is there to authenticate where the merchant asks.
    fn step_up(&self) -> Outcome {
        match self.auth.initiator {
            Initiator::Cardholder => Outcome::StepUp,
            Initiator::Merchant if self.policy.merchant_initiated_go_ahead => Outcome::Approve,
            Initiator::Merchant => Outcome::Decline,
        }
    }

    fn seen(&self, rule: &Rule) -> FiredRule {
        let mut reads = Vec::new();
        collect_reads(&rule.when, &mut reads);
        let seen =
            |read: &Read| ValueSeen { name: read.to_string().into(), value: self.read(*read) };
        FiredRule {
            name: rule.name.into(),
            points: points(rule.then),
            reason: match rule.then {
                Then::Points(_, reason) | Then::Decline(reason) => Some(reason),
                Then::StepUp => Some(Reason::AuthenticationRequired),
                Then::Relief(_) | Then::Tag => None,
            },
            values: reads.iter().map(seen).collect(),
        }
    }

    /// A comparison with something absent is false.
    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| self.holds(part)),
            Condition::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Condition::Not(part) => !self.holds(part),
            Condition::Compare(left, relation, right) => {
                let (Some(left), Some(right)) = (self.number(left), self.number(right)) else {
                    return false;
                };
                match relation {
                    Relation::Equal => left == right,
                    Relation::Less => left < right,
                    Relation::AtMost => left <= right,
                    Relation::More => left > right,
                    Relation::AtLeast => left >= right,
                }
            }
            Condition::Is(field, word) => self.field(*field) == Some(code(*field, word)),
            Condition::Has(read) => self.read(*read).is_some(),
        }
    }

    fn number(&self, number: &Number) -> Option<i128> {
        Some(match number {
            Number::Plain(value) => i128::from(*value),
            Number::Read(read) => i128::from(self.read(*read)?),
            Number::Plus(left, right) => self.number(left)? + self.number(right)?,
            Number::Times(left, right) => self.number(left)? * self.number(right)?,
        })
    }

    fn read(&self, read: Read) -> Option<i64> {
        match read {
            Read::Field(field) => self.field(field),
            Read::Feature(name) => {
                let place = self.policy.features.iter().position(|it| it.name == name);
                self.evidence[place.expect("a declared feature")]
            }
            Read::Threshold(name) => {
                let found = self.policy.thresholds.iter().find(|(it, _)| *it == name);
                Some(found.expect("a declared threshold").1)
            }
        }
    }

    fn field(&self, field: Field) -> Option<i64> {
        match field {
            Field::Amount => self.minor_units,
            Field::Eci => self.auth.eci.map(i64::from),
            Field::MerchantCountry => self.auth.merchant_country.map(letters),
            Field::ProcessingCode => Some(match self.auth.processing {
                Processing::Purchase => 1,
                Processing::Cash => 2,
                Processing::QuasiCash => 3,
                Processing::Refund => 4,
                Processing::Credit => 5,
                Processing::AccountCheck => 6,
            }),
            Field::Initiator => Some(match self.auth.initiator {
                Initiator::Cardholder => 1,
                Initiator::Merchant => 2,
            }),
            Field::Cvv2Result => self.auth.cvv2_result.map(|result| match result {
                CheckResult::Match => 1,
                CheckResult::NoMatch => 2,
                CheckResult::PartialMatch => 3,
                CheckResult::NotProcessed => 4,
                CheckResult::NotProvided => 5,
            }),
        }
    }
}

/// Words are read as their number in the contract, a country as its two letters.
fn code(field: Field, word: &str) -> i64 {
    match (field, word) {
        (Field::MerchantCountry, country) => {
            letters(country.as_bytes().try_into().expect("two letters"))
        }
        (Field::Initiator, "cardholder") | (Field::Cvv2Result, "match") => 1,
        (Field::Initiator, "merchant") | (Field::Cvv2Result, "no_match") => 2,
        (Field::ProcessingCode, "refund") => 4,
        (Field::ProcessingCode, "credit") => 5,
        (Field::ProcessingCode, "account_check") => 6,
        other => panic!("the oracle does not know {other:?}; add it here"),
    }
}

fn letters([first, second]: [u8; 2]) -> i64 {
    i64::from(first) * 256 + i64::from(second)
}

fn points(then: Then) -> i32 {
    match then {
        Then::Points(points, _) => points,
        Then::Relief(points) => -points,
        Then::Decline(_) | Then::StepUp | Then::Tag => 0,
    }
}

fn most_points(thens: &[Then]) -> Option<Reason> {
    let with_reason = |then: &Then| match then {
        Then::Points(points, reason) => Some((*points, *reason)),
        _ => None,
    };
    let all: Vec<(i32, Reason)> = thens.iter().filter_map(with_reason).collect();
    let most = all.iter().map(|(points, _)| *points).max()?;
    all.iter().filter(|(points, _)| *points == most).map(|(_, reason)| *reason).min()
}

fn on_trial(fired: FiredRule) -> ShadowRuleFired {
    ShadowRuleFired::new(fired.name, fired.points, fired.reason, fired.values)
}

/// What `condition` reads, in its order, each once.
fn collect_reads(condition: &Condition, reads: &mut Vec<Read>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                collect_reads(part, reads);
            }
        }
        Condition::Not(part) => collect_reads(part, reads),
        Condition::Compare(left, _, right) => {
            collect_numbers(left, reads);
            collect_numbers(right, reads);
        }
        Condition::Is(field, _) => collect_numbers(&Number::Read(Read::Field(*field)), reads),
        Condition::Has(read) => collect_numbers(&Number::Read(*read), reads),
    }
}

fn collect_numbers(number: &Number, reads: &mut Vec<Read>) {
    match number {
        Number::Plain(_) => {}
        Number::Read(read) if reads.contains(read) => {}
        Number::Read(read) => reads.push(*read),
        Number::Plus(left, right) | Number::Times(left, right) => {
            collect_numbers(left, reads);
            collect_numbers(right, reads);
        }
    }
}

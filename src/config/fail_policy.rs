//! `[fail_policy]`: what becomes of a request that cannot be judged as usual.

use crate::domain::{Currency, FailCause, Reason};
use crate::engine::rules::{
    CausePolicy, FAIL_BANDS_COUNT_MAX, FailAnswer, FailBand, FailPolicy, MerchantInitiatedStepUp,
    WithoutCardholder,
};

use super::document::{Fields, Node, Value, one_of};
use super::names::{read_choice, require_entry};
use super::problem::{Code, Problem, Spot};
use super::rules::Reader;
use super::units::{decimals, show_money};

/// What `then` may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Judge,
    Approve,
    StepUp,
    Decline,
}

const APPROVE: (&str, Then) = ("approve", Then::Approve);
const DECLINE: (&str, Then) = ("decline", Then::Decline);
const STEP_UP: (&str, Then) = ("step_up", Then::StepUp);
const JUDGE: (&str, Then) = ("judge", Then::Judge);

/// Where a band ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Below(i64),
    Open,
    /// It says so, and it cannot be read.
    Unreadable,
}

/// A band as written, and where.
struct Placed {
    end: End,
    answer: Option<FailAnswer>,
    spot: Spot,
}

impl Reader<'_> {
    /// The fail policy, which must be there: no cause has an answer by default.
    pub(super) fn fail_policy(
        &mut self,
        top: &mut Fields<'_>,
        currency: Option<Currency>,
    ) -> Option<FailPolicy> {
        let names: Vec<_> = FailCause::ALL.map(|cause| cause.name().to_owned()).into();
        let expected = format!(
            "a table [fail_policy] that says what becomes of a request that cannot be judged as \
             usual, for each of {}; config/rules.toml shows one",
            names.join(", ")
        );
        let entry = require_entry(top, "fail_policy", &expected)?;
        let table = entry.node.table(&expected, self.problems)?;
        let mut fields = self.fields(table, "[fail_policy]", &entry.key_spot);
        let declared = FailCause::ALL.map(|cause| self.cause_policy(&mut fields, cause, currency));
        fields.finish(self.problems);
        let declared: Option<Vec<_>> = declared.into_iter().collect();
        let mut declared = declared?.into_iter();
        // All are there: `always` stands for none of them.
        let policy = FailPolicy::new(|_| {
            let refusal = FailAnswer::Decline { reason: Reason::NotScored };
            declared.next().unwrap_or_else(|| CausePolicy::always(refusal))
        });
        match policy {
            Ok(policy) => Some(policy),
            Err(fault) => {
                self.problems.push(Problem::error(&entry.key_spot, fault.to_string()));
                None
            }
        }
    }

    fn cause_policy(
        &mut self,
        fields: &mut Fields<'_>,
        cause: FailCause,
        currency: Option<Currency>,
    ) -> Option<CausePolicy> {
        let expected =
            format!("a table [fail_policy.{}] with `bands` and `without_amount`", cause.name());
        let entry = require_entry(fields, cause.name(), &expected)?;
        let table = entry.node.table(&expected, self.problems)?;
        let title = format!("[fail_policy.{}]", cause.name());
        let mut fields = self.fields(table, title, &entry.key_spot);
        let bands = fields.require("bands", BANDS);
        let bands = bands.and_then(|node| self.bands_of(node, cause, currency));
        let purpose = "an answer, such as { then = \"approve\" }, for a request without an amount \
                       in the policy's currency";
        let without_amount = fields.require("without_amount", purpose);
        let without_amount =
            without_amount.and_then(|node| self.answer_without_amount(node, cause));
        fields.finish(self.problems);
        Some(CausePolicy { bands: bands?, without_amount: without_amount? })
    }

    fn bands_of(
        &mut self,
        node: &Node,
        cause: FailCause,
        currency: Option<Currency>,
    ) -> Option<Vec<FailBand>> {
        let Value::List(nodes) = &node.value else {
            self.problems.push(Problem::error(&node.spot, "this is no list").expected(BANDS));
            return None;
        };
        self.limit_count("bands", nodes.len(), FAIL_BANDS_COUNT_MAX, &node.spot);
        if nodes.is_empty() {
            let problem = Problem::error(&node.spot, "there is no band: every amount is left out");
            self.problems.push(problem.code(Code::Bands).expected(BANDS));
            return None;
        }
        let nodes = nodes.iter().take(FAIL_BANDS_COUNT_MAX);
        let bands: Vec<_> = nodes.map(|node| self.band_of(node, cause, currency)).collect();
        let is_whole = self.check_bands(&bands, currency);
        let bands = bands.into_iter().map(|Placed { end, answer, .. }| {
            let answer = answer?;
            match end {
                End::Below(below) => Some(FailBand { below: Some(below), answer }),
                End::Open => Some(FailBand { below: None, answer }),
                End::Unreadable => None,
            }
        });
        bands.collect::<Option<Vec<_>>>().filter(|_| is_whole)
    }

    fn band_of(&mut self, node: &Node, cause: FailCause, currency: Option<Currency>) -> Placed {
        let Some(table) = node.table(BANDS, self.problems) else {
            return Placed { end: End::Unreadable, answer: None, spot: node.spot.clone() };
        };
        let title = format!("a band of [fail_policy.{}]", cause.name());
        let mut fields = self.fields(table, title, &node.spot);
        let below = fields.entry("below").map(|entry| &entry.node);
        let spot = below.map_or(&node.spot, |below| &below.spot).clone();
        let end = match below {
            None if fields.is_misspelt("below") => End::Unreadable,
            None => End::Open,
            Some(below) => self.amount(below, currency).map_or(End::Unreadable, End::Below),
        };
        let answer = self.fail_answer(&mut fields, &node.spot, cause);
        fields.finish(self.problems);
        Placed { end, answer, spot }
    }

    /// An amount in the policy's currency: a plain number could be anything.
    fn amount(&mut self, node: &Node, currency: Option<Currency>) -> Option<i64> {
        if let (Value::Integer(written), Some(currency)) = (&node.value, currency) {
            let unit = i64::pow(10, u32::try_from(decimals(currency)).unwrap_or(0));
            let meant = show_money(written.saturating_mul(unit), currency);
            let problem = Problem::error(&node.spot, "this amount has no currency");
            let problem = problem.code(Code::WrongUnit);
            self.problems.push(problem.expected(format!("money, such as \"{meant}\"")));
            return None;
        }
        self.quantity(node, currency)
    }

    fn answer_without_amount(&mut self, node: &Node, cause: FailCause) -> Option<FailAnswer> {
        let table = node.table("an answer, such as { then = \"approve\" }", self.problems)?;
        let title = format!("`without_amount` of [fail_policy.{}]", cause.name());
        let mut fields = self.fields(table, title, &node.spot);
        let answer = self.fail_answer(&mut fields, &node.spot, cause);
        fields.finish(self.problems);
        answer
    }

    /// Reports bands that overlap, are empty or leave amounts out; true where none does.
    fn check_bands(&mut self, bands: &[Placed], currency: Option<Currency>) -> bool {
        let errors_count = self.problems.errors_count();
        let show = |amount: i64| match currency {
            Some(currency) => show_money(amount, currency),
            None => amount.to_string(),
        };
        // Up to where amounts have a band; `None` once one without an end came.
        let mut reached = Some(0);
        for Placed { end, spot, .. } in bands {
            match (reached, *end) {
                (_, End::Unreadable) => return false,
                (None, End::Below(_) | End::Open) => {
                    let what = "these bands overlap: the one before has no end";
                    let problem = Problem::error(spot, what);
                    let problem = problem.code(Code::Bands);
                    self.problems.push(problem.expected("nothing behind a band without `below`"));
                }
                (Some(before), End::Below(below)) if below <= before => {
                    let what = if before == 0 {
                        "this band is empty: no amount is below zero".to_owned()
                    } else {
                        format!("these bands overlap: the one before ends at {}", show(before))
                    };
                    let expected = format!("more than {}", show(before));
                    let problem = Problem::error(spot, what).code(Code::Bands);
                    self.problems.push(problem.expected(expected));
                }
                (Some(_), End::Below(below)) => reached = Some(below),
                (Some(_), End::Open) => reached = None,
            }
        }
        if let (Some(end), Some(last)) = (reached, bands.last())
            && self.problems.errors_count() == errors_count
        {
            let what = format!("amounts of {} and more have no band", show(end));
            let expected = "a last band without `below`, for all that is left";
            let problem = Problem::error(&last.spot, what).code(Code::Bands);
            self.problems.push(problem.expected(expected));
        }
        self.problems.errors_count() == errors_count
    }

    fn fail_answer(
        &mut self,
        fields: &mut Fields<'_>,
        head: &Spot,
        cause: FailCause,
    ) -> Option<FailAnswer> {
        const PURPOSE: &str = "`approve`, `decline`, `step_up` or, where rules may go on, `judge`";
        let then = fields.require("then", PURPOSE);
        let reason = fields.find("reason");
        let merchant_initiated = fields.find("merchant_initiated");
        let then = self.then(then?, cause)?;
        if then != Then::StepUp
            && let Some(node) = merchant_initiated
        {
            let what = "`merchant_initiated` belongs to a step-up, and this is none";
            self.problems
                .push(Problem::error(&node.spot, what).expected("no `merchant_initiated`"));
        }
        let otherwise = match (then, merchant_initiated) {
            (Then::StepUp, Some(node)) => {
                let choices = MerchantInitiatedStepUp::ALL.map(|it| (it.name(), it));
                Some(read_choice(node, &choices, self.problems)?)
            }
            (Then::StepUp, None) => {
                let what = "nobody is there to authenticate a merchant-initiated payment, and \
                            this step-up does not say what it gets";
                let expected = "`merchant_initiated` beside it, \"approve\" or \"decline\"";
                self.problems.push(Problem::error(head, what).expected(expected));
                return None;
            }
            (Then::Judge | Then::Approve | Then::Decline, _) => None,
        };
        let declines = then == Then::Decline || otherwise == Some(MerchantInitiatedStepUp::Decline);
        let reason = match (declines, reason) {
            (true, reason) => Some(self.fail_reason(reason, head)?),
            (false, None) => None,
            (false, Some(node)) => {
                let what = "no `reason` belongs here: nothing is declined";
                self.problems.push(Problem::error(&node.spot, what).expected("no `reason`"));
                None
            }
        };
        let merchant_initiated = match reason {
            Some(reason) => WithoutCardholder::Decline { reason },
            None => WithoutCardholder::Approve,
        };
        match then {
            Then::Judge => Some(FailAnswer::Judge),
            Then::Approve => Some(FailAnswer::Approve),
            Then::StepUp => Some(FailAnswer::StepUp { merchant_initiated }),
            Then::Decline => reason.map(|reason| FailAnswer::Decline { reason }),
        }
    }

    fn then(&mut self, node: &Node, cause: FailCause) -> Option<Then> {
        if cause.may_be_judged() {
            return read_choice(node, &[APPROVE, DECLINE, STEP_UP, JUDGE], self.problems);
        }
        if matches!(&node.value, Value::Text(text) if text == JUDGE.0) {
            let what = format!(
                "`judge` is not for `{}`: it is there so that no rule is evaluated",
                cause.name()
            );
            let problem = Problem::error(&node.spot, what);
            self.problems.push(problem.expected("one of `approve`, `decline`, `step_up`"));
            return None;
        }
        read_choice(node, &[APPROVE, DECLINE, STEP_UP], self.problems)
    }

    fn fail_reason(&mut self, node: Option<&Node>, head: &Spot) -> Option<Reason> {
        let allowed = || Reason::ALL.into_iter().filter(|it| it.is_for_fail_policy());
        let names: Vec<_> = allowed().map(|it| format!("`{}`", it.name())).collect();
        let Some(node) = node else {
            let problem = Problem::error(head, "this declines without a reason");
            let expected = format!("`reason` beside it, {}", one_of(&names));
            self.problems.push(problem.expected(expected));
            return None;
        };
        let choices: Vec<_> = allowed().map(|it| (it.name(), it)).collect();
        read_choice(node, &choices, self.problems)
    }
}

const BANDS: &str = "a list of bands, such as [{ below = \"500.00 CNY\", then = \"approve\" }, \
                     { then = \"decline\", reason = \"issuer_unavailable\" }]";

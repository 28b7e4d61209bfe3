//! The shipped policy, scenario by scenario: what its comments promise is what happens.

use std::path::Path;

use stopline::config::parse_rules;
use stopline::domain::{
    AccountKey, Amount, Authorisation, CardKey, Channel, CheckResult, Currency, EntryMode,
    EventTime, IdKey, Identifier, Initiator, MerchantKey, MessageType, Outcome, Processing, Reason,
};
use stopline::engine::rules::{RuleSet, Verdict};
use stopline::engine::velocity::{CardState, Event, Measure, Window};

use Outcome::{Approve, Decline, StepUp};

const START: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const YUAN: Currency = Currency::from_numeric(156);
const DOLLAR: Currency = Currency::from_numeric(840);

fn shipped() -> RuleSet {
    let text = include_str!("../../config/rules.toml");
    parse_rules(Path::new("config/rules.toml"), text).expect("sound").0
}

/// A faultless purchase in a shop on line that nobody authenticated: what each case changes.
fn payment(fen: i64) -> Authorisation<'static> {
    Authorisation {
        message_type: MessageType::from_indicator(100).expect("spoken"),
        id: Identifier::new("a-1", 64).expect("valid"),
        id_key: IdKey::from_bits(1),
        original_id: None,
        original_key: None,
        processing: Processing::Purchase,
        incremental: false,
        account: AccountKey::from_bits(2),
        card: Some(CardKey::from_bits(3)),
        amount: Amount::new(fen, YUAN),
        billing_amount: None,
        authorised_at: EventTime::from_unix_millis(START).expect("in range"),
        original_authorised_at: None,
        deadline: None,
        merchant_id: None,
        acquirer_id: None,
        merchant: Some(MerchantKey::from_bits(1)),
        acquirer: None,
        device: None,
        ip: None,
        email: None,
        merchant_category: Some(5_411),
        merchant_country: Some(*b"CN"),
        entry_mode: Some(EntryMode::Ecommerce),
        channel: Some(Channel::Browser),
        initiator: Initiator::Cardholder,
        eci: Some(7),
        cavv_result: None,
        cvv2_result: Some(CheckResult::Match),
        avs_result: None,
        expiry_result: Some(CheckResult::Match),
        bin: None,
        ip_country: Some(*b"CN"),
        scheme: None,
        portfolio: None,
        response_code: None,
        outcome_elsewhere: None,
    }
}

fn authenticated(request: &Authorisation<'static>) -> Authorisation<'static> {
    Authorisation { eci: Some(5), cavv_result: Some(CheckResult::Match), ..*request }
}

fn by_telephone(request: &Authorisation<'static>) -> Authorisation<'static> {
    let entry_mode = Some(EntryMode::Manual);
    Authorisation { channel: Some(Channel::Telephone), entry_mode, eci: None, ..*request }
}

fn at_merchant(merchant: u128, request: &Authorisation<'static>) -> Authorisation<'static> {
    Authorisation { merchant: Some(MerchantKey::from_bits(merchant)), ..*request }
}

/// One account under the shipped rules.
#[derive(Clone)]
struct Account<'r> {
    rule_set: &'r RuleSet,
    card: CardState,
}

impl<'r> Account<'r> {
    fn new(rule_set: &'r RuleSet) -> Self {
        Self { rule_set, card: CardState::default() }
    }

    /// Sends `request` at `millis` after the start.
    fn send(&mut self, millis: i64, request: &Authorisation<'_>) -> Verdict {
        let event = self.event(millis, request, StepUp);
        let is_counted = !matches!(request.processing, Processing::Refund | Processing::Credit);
        let window = Window::new(&self.card, Some(&event).filter(|_| is_counted), event.at);
        let mut measure = Measure::default();
        let features = self.rule_set.features().iter();
        let evidence: Vec<_> = features.map(|it| window.value(it, &mut measure)).collect();
        let minor_units = request.minor_units_in(self.rule_set.currency());
        let mut verdict = Verdict::default();
        self.rule_set.judge(request, minor_units, &evidence, &mut verdict);
        if is_counted {
            let event = self.event(millis, request, verdict.outcome);
            self.card.record(event);
        }
        verdict
    }

    /// What became of an earlier payment, whatever the rules would say of it.
    fn remember(&mut self, millis: i64, request: &Authorisation<'_>, outcome: Outcome) {
        let event = self.event(millis, request, outcome);
        self.card.record(event);
    }

    fn event(&self, millis: i64, request: &Authorisation<'_>, outcome: Outcome) -> Event {
        Event {
            merchant: request.merchant,
            country: request.merchant_country,
            ..Event::plain(
                EventTime::from_unix_millis(START + millis).expect("in range"),
                IdKey::from_bits(u128::try_from(millis).expect("positive")),
                request.minor_units_in(self.rule_set.currency()),
                outcome.into(),
            )
        }
    }
}

fn ruling(verdict: &Verdict) -> (Outcome, Option<Reason>) {
    (verdict.outcome, verdict.reason)
}

fn fired(verdict: &Verdict) -> Vec<&str> {
    verdict.fired.iter().map(|rule| rule.name.as_ref()).collect()
}

/// What came before, for each rule that comes to a step-up, and the payment that fires it.
type Case = (&'static str, Vec<(i64, Authorisation<'static>, Outcome)>, Authorisation<'static>);

fn step_up_cases() -> Vec<Case> {
    let abroad =
        |country: &[u8; 2], fen| Authorisation { merchant_country: Some(*country), ..payment(fen) };
    let small = |minutes: i64, outcome| (minutes * MINUTE, payment(8_000), outcome);
    vec![
        (
            "burst_at_many_merchants",
            (0..3)
                .map(|at| (at * MINUTE, at_merchant(at as u128, &payment(100)), Approve))
                .collect(),
            at_merchant(9, &payment(100)),
        ),
        ("spend_in_an_hour", vec![(0, payment(1_950_000), Approve)], payment(60_000)),
        (
            "spend_in_a_day",
            (0..3).map(|at| (at * 120 * MINUTE, payment(1_660_000), Approve)).collect(),
            payment(60_000),
        ),
        (
            "tested_then_used",
            vec![(0, payment(100), Approve), (12 * MINUTE, payment(100), Decline)],
            payment(90_000),
        ),
        (
            "far_above_own_mean",
            (0..5).map(|day| (day * DAY, payment(10_000), Approve)).collect(),
            payment(300_000),
        ),
        (
            "country_spread",
            vec![(0, abroad(b"FR", 9_000), Approve), (MINUTE, abroad(b"US", 9_000), Approve)],
            payment(9_000),
        ),
        (
            "retries_after_declines",
            (0..4).map(|at| small(at * 11, Decline)).collect(),
            payment(8_000),
        ),
        ("wrong_code_or_expiry", vec![], wrong_code(&payment(8_000))),
        ("wrong_code_or_expiry", vec![], wrong_expiry(&payment(8_000))),
        (
            "risky_merchant_without_authentication",
            vec![],
            Authorisation { merchant_category: Some(7_800), ..payment(200_000) },
        ),
        ("large_without_authentication", vec![], payment(800_000)),
        (
            "large_without_authentication",
            vec![],
            Authorisation { entry_mode: Some(EntryMode::CredentialOnFile), ..payment(800_000) },
        ),
        (
            "large_without_authentication",
            vec![],
            Authorisation { entry_mode: None, channel: None, ..payment(800_000) },
        ),
        (
            "amount_unknown",
            vec![],
            Authorisation { amount: Amount::new(9_000, DOLLAR), ..payment(0) },
        ),
    ]
}

fn wrong_code(request: &Authorisation<'static>) -> Authorisation<'static> {
    Authorisation { cvv2_result: Some(CheckResult::NoMatch), ..*request }
}

fn wrong_expiry(request: &Authorisation<'static>) -> Authorisation<'static> {
    Authorisation { expiry_result: Some(CheckResult::NoMatch), ..*request }
}

/// An account with the history of a case, and when its next payment comes.
fn account_of<'r>(rule_set: &'r RuleSet, case: &Case) -> (Account<'r>, i64) {
    let mut account = Account::new(rule_set);
    let mut now = 0;
    for (at, request, outcome) in &case.1 {
        account.remember(*at, request, *outcome);
        now = *at + 3 * MINUTE;
    }
    (account, now)
}

#[test]
fn a_step_up_ends_when_the_cardholder_authenticates_and_not_before() {
    let rule_set = shipped();
    for case in step_up_cases() {
        let (name, _, request) = &case;
        let (mut account, now) = account_of(&rule_set, &case);
        let first = account.send(now, request);
        assert_eq!(fired(&first), [*name]);
        assert_eq!(first.outcome, StepUp, "{name}");
        let again = account.clone().send(now + 30_000, request);
        assert_ne!(again.outcome, Approve, "{name}: the same once more");
        for eci in [2, 5] {
            let request = Authorisation { eci: Some(eci), ..authenticated(request) };
            let retry = account.clone().send(now + 30_000, &request);
            assert_eq!(ruling(&retry), (Approve, None), "{name}: {:?}", fired(&retry));
        }
        let attempted = Authorisation { eci: Some(6), ..authenticated(request) };
        assert_ne!(account.clone().send(now + 30_000, &attempted).outcome, Approve, "{name}");
        let forged =
            Authorisation { cavv_result: Some(CheckResult::NoMatch), ..authenticated(request) };
        assert_ne!(account.send(now + 30_000, &forged).outcome, Approve, "{name}");
    }
}

#[test]
fn every_live_rule_that_can_come_to_a_step_up_has_a_scenario() {
    let rule_set = shipped();
    let cases = step_up_cases();
    let live = rule_set.rules().iter().filter(|rule| rule.mode().name() == "live");
    for rule in live {
        let points = rule.action().points();
        let asks = rule.action().reason() == Some(Reason::AuthenticationRequired);
        let steps_up = asks || (1..rule_set.bands().decline_at).contains(&points);
        let has_case = cases.iter().any(|(name, _, _)| *name == &**rule.name());
        assert_eq!(steps_up, has_case, "{}", rule.name());
    }
}

#[test]
fn money_on_its_way_back_is_never_judged_as_a_purchase() {
    let rule_set = shipped();
    let guess = wrong_expiry(&wrong_code(&payment(2_000_000)));
    let requests = step_up_cases().into_iter().map(|case| (account_of(&rule_set, &case), case.2));
    let mut requests: Vec<_> = requests.collect();
    let mut tried = Account::new(&rule_set);
    for minute in 0..9 {
        tried.remember(minute * MINUTE, &payment(100), Decline);
    }
    requests.push(((tried.clone(), 9 * MINUTE), guess));
    let by_agreement = Authorisation { initiator: Initiator::Merchant, ..payment(8_000) };
    requests.push(((tried, 9 * MINUTE), by_agreement));
    for ((account, now), request) in requests {
        for processing in [Processing::Refund, Processing::Credit] {
            let request = Authorisation { processing, ..request };
            let verdict = account.clone().send(now, &request);
            assert_eq!(ruling(&verdict), (Approve, None), "{processing:?}");
            assert!(verdict.fired.is_empty(), "{:?}", fired(&verdict));
            assert!(verdict.shadow.is_empty(), "{processing:?}");
        }
    }
}

#[test]
fn a_burst_is_declined_although_everything_about_it_is_faultless() {
    let rule_set = shipped();
    for merchants in [1, 2, 10] {
        let mut account = Account::new(&rule_set);
        for attempt in 0..12_i64 {
            let request = at_merchant(attempt as u128 % merchants, &authenticated(&payment(100)));
            let verdict = account.send(attempt * 30_000, &request);
            let declined = (Decline, Some(Reason::VelocityCountExceeded));
            let expected = if attempt < 5 { (Approve, None) } else { declined };
            assert_eq!(ruling(&verdict), expected, "attempt {attempt}, {merchants} merchants");
        }
    }
}

#[test]
fn a_wrong_code_is_asked_about_twice_and_then_called_guessing() {
    let rule_set = shipped();
    for spoil in [wrong_code, wrong_expiry] {
        let mut account = Account::new(&rule_set);
        let request = spoil(&payment(8_000));
        let outcomes = [0, 1, 2].map(|minute| account.send(minute * MINUTE, &request).outcome);
        assert_eq!(outcomes, [StepUp, StepUp, Decline]);
        // Authentication does not excuse it any more; the right code does.
        let verdict = account.clone().send(3 * MINUTE, &authenticated(&request));
        assert_eq!(ruling(&verdict), (Decline, Some(Reason::SecurityViolation)));
        assert_eq!(account.clone().send(3 * MINUTE, &payment(8_000)).outcome, Approve);
        // An hour later it is a slip again.
        assert_eq!(account.send(63 * MINUTE, &request).outcome, StepUp);
        // Approved attempts are no guesses, however many there were.
        let mut shopper = Account::new(&rule_set);
        for minute in [0, 11, 22, 33] {
            assert_eq!(shopper.send(minute * MINUTE, &payment(8_000)).outcome, Approve);
        }
        assert_eq!(shopper.send(44 * MINUTE, &request).outcome, StepUp);
    }
}

#[test]
fn retries_let_go_when_fewer_declines_are_within_the_hour() {
    let rule_set = shipped();
    let mut account = Account::new(&rule_set);
    for minute in [0, 10, 20, 30] {
        account.remember(minute * MINUTE, &payment(8_000), Decline);
    }
    for (minute, expected) in [(41, StepUp), (52, StepUp), (59, StepUp), (60, Approve)] {
        assert_eq!(account.send(minute * MINUTE, &payment(8_000)).outcome, expected, "{minute}");
    }
}

#[test]
fn checks_and_payments_without_an_amount_do_not_make_an_ordinary_payment_stand_out() {
    let rule_set = shipped();
    let mut checked = Account::new(&rule_set);
    let mut foreign = Account::new(&rule_set);
    let check = Authorisation { processing: Processing::AccountCheck, ..payment(0) };
    let unknown = Authorisation { amount: Amount::new(100, DOLLAR), ..payment(0) };
    for day in 0..20 {
        checked.remember(day * DAY, &check, Approve);
        foreign.remember(day * DAY, &unknown, Approve);
    }
    // Nothing to compare with.
    assert_eq!(checked.clone().send(21 * DAY, &payment(310_000)).outcome, Approve);
    assert_eq!(foreign.clone().send(21 * DAY, &payment(310_000)).outcome, Approve);
    // One payment of much the same size.
    for account in [&mut checked, &mut foreign] {
        account.remember(20 * DAY, &payment(290_000), Approve);
        assert_eq!(account.send(21 * DAY, &payment(310_000)).outcome, Approve);
    }
}

#[test]
fn a_merchants_retries_are_told_from_a_busy_account() {
    let rule_set = shipped();
    let by_agreement = Authorisation { initiator: Initiator::Merchant, ..payment(8_000) };
    let mut busy = Account::new(&rule_set);
    let mut retried = Account::new(&rule_set);
    for hour in 0..12 {
        busy.remember(hour * 60 * MINUTE, &payment(8_000), Approve);
    }
    for hour in 0..8 {
        retried.remember(hour * 60 * MINUTE, &by_agreement, Decline);
    }
    assert_eq!(busy.send(12 * 60 * MINUTE, &by_agreement).outcome, Approve);
    let verdict = retried.send(12 * 60 * MINUTE, &by_agreement);
    assert_eq!(ruling(&verdict), (Decline, Some(Reason::VelocityCountExceeded)));
}

#[test]
fn nobody_is_asked_where_nobody_can_authenticate() {
    let rule_set = shipped();
    let foreign = Authorisation { amount: Amount::new(9_000, DOLLAR), ..payment(0) };
    let gambling = Authorisation { merchant_category: Some(7_802), ..payment(200_000) };
    let send = |request| Account::new(&rule_set).send(0, &request);
    for request in [&payment(800_000), &foreign, &gambling] {
        let verdict = send(by_telephone(request));
        assert_eq!(verdict.outcome, Approve, "{:?}", fired(&verdict));
    }
    let verdict = send(by_telephone(&gambling));
    assert_eq!(&**verdict.shadow[0].name(), "risky_merchant_by_telephone");
    for request in
        [by_telephone(&foreign), Authorisation { initiator: Initiator::Merchant, ..foreign }]
    {
        let verdict = send(request);
        assert_eq!(verdict.outcome, Approve);
        assert_eq!(fired(&verdict), ["amount_unknown_and_nobody_to_ask"]);
    }
    // A check of the account has no amount to speak of.
    let check = Authorisation { processing: Processing::AccountCheck, ..foreign };
    assert!(send(check).fired.is_empty());
}

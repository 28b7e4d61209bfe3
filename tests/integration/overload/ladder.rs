//! The worker on the ladder, over the in-process log and with a clock turned by hand.

use std::time::Duration;

use stopline::config::{OverloadSettings, StepBounds};
use stopline::domain::{Offset, Span};
use stopline::service::{OverloadStep, Tally, WorkerSettings};
use stopline::wire::proto::{self, Outcome, Reason};

use crate::support::faulty_log::{Fate, given};
use crate::support::owner::{Owner, patient_settings};
use crate::support::{AUTHORISATIONS, DECISIONS, Rig, decision, loss_order, pipeline, purchase};

const TURN: Duration = Duration::from_millis(100);
/// Messages of a full batch.
const FULL: usize = 16;

fn bounds() -> OverloadSettings {
    let step = |wait_above, wait_below, queue_above_percent, queue_below_percent| StepBounds {
        wait_above: Span::from_millis(wait_above),
        wait_below: Span::from_millis(wait_below),
        queue_above_percent,
        queue_below_percent,
    };
    OverloadSettings {
        steps: [step(250, 50, 2, 1), step(1_000, 250, 60, 30), step(5_000, 1_000, 80, 40)],
        rise_after: Duration::from_secs(1),
        fall_after: Duration::from_secs(10),
    }
}

fn owner(rig: &Rig, overload: Option<OverloadSettings>) -> Owner {
    let pipeline = pipeline(&rig.shared, &rig.clock, 1);
    let settings = WorkerSettings { overload, ..patient_settings() };
    let mut owner = Owner::new(rig, pipeline, rig.recall(), settings);
    owner.script.borrow_mut().changes.push_back(given(&[0]));
    owner.turn(3);
    owner
}

/// A purchase abroad, which a shadow rule fires on; every fourth by a stopped account.
fn send(rig: &Rig, number: usize) {
    let account =
        if number.is_multiple_of(4) { "stopped".to_owned() } else { format!("account-{number}") };
    let merchant_country = Some("US".to_owned());
    rig.send(&proto::Authorisation {
        merchant_country,
        ..purchase(&format!("id-{number}"), &account)
    });
}

/// Turns so often, 100 ms each, with a message before each that is polled at once.
fn trickle(rig: &Rig, owner: &mut Owner, turns_count: usize, sent: &mut usize) {
    for _ in 0..turns_count {
        send(rig, *sent);
        *sent += 1;
        owner.turn(1);
        rig.clock.advance(TURN);
    }
}

/// The steps that decisions carry, each once as long as it lasts.
fn steps(rig: &Rig) -> Vec<u32> {
    let mut steps: Vec<_> =
        rig.answers().iter().map(|answer| decision(answer).overload_step).collect();
    steps.dedup();
    steps
}

/// What was counted so far.
fn tally(rig: &Rig, owner: &mut Owner) -> Tally {
    rig.clock.advance(Duration::from_secs(1));
    owner.turn(1);
    owner.notes.borrow().tally.clone()
}

#[test]
fn pressure_climbs_the_ladder_and_its_end_leaves_it_step_by_step() {
    let rig = Rig::new(1);
    rig.publish(&loss_order("order", "stopped"));
    let mut owner = owner(&rig, Some(bounds()));
    let mut sent = 45 * FULL;
    (0..sent).for_each(|number| send(&rig, number));
    rig.clock.advance(Duration::from_secs(6)); // A pause of the engine: all of it waited.
    for _ in 0..45 {
        owner.turn(1);
        rig.clock.advance(TURN);
    }
    assert_eq!(steps(&rig), [0, 1, 2, 3]);
    trickle(&rig, &mut owner, 320, &mut sent);
    assert_eq!(steps(&rig), [0, 1, 2, 3, 2, 1, 0]);

    let answers = rig.answers();
    assert_eq!(answers.len(), sent, "each has its answer");
    for (number, answer) in answers.iter().enumerate() {
        let found = decision(answer);
        let is_by_policy = found.overload_step == 3 && !number.is_multiple_of(4);
        assert_eq!(found.synthetic, is_by_policy, "message {number}");
        assert_eq!(found.degraded, found.overload_step > 0 && !is_by_policy);
        assert_eq!(found.shadow_rules.is_empty(), found.overload_step > 0);
        if number.is_multiple_of(4) {
            assert_eq!(found.outcome(), Outcome::Decline, "message {number}");
            assert_eq!(found.reason(), Reason::LostCard, "message {number}");
        }
    }
    // Climbed after a second of pressure each, left after ten without.
    let first_at = |step: u32| {
        let place = answers.iter().position(|answer| decision(answer).overload_step == step);
        place.expect("met") / FULL
    };
    assert_eq!([first_at(1), first_at(2), first_at(3)], [10, 21, 32]);

    let overload = tally(&rig, &mut owner).overload;
    assert_eq!(overload.step, OverloadStep::None);
    let climbed: Vec<_> = overload.climbed().collect();
    let [_, shadow_off, optional_off, stand_in, _] = OverloadStep::ALL;
    assert_eq!(climbed, [(shadow_off, 1), (optional_off, 1), (stand_in, 1)]);
    let by_step: Vec<_> = overload.decisions().collect();
    for (step, count) in &by_step {
        let carry =
            |answer: &&proto::Record| decision(answer).overload_step == u32::from(step.number());
        assert_eq!(answers.iter().filter(carry).count() as u64, *count, "{step:?}");
    }
    assert_eq!(by_step.len(), 4);
    let spent: Vec<_> = overload.millis().map(|(step, _)| step).collect();
    assert_eq!(spent, [OverloadStep::None, shadow_off, optional_off, stand_in]);
    let in_stand_in = overload.millis().find(|(step, _)| *step == stand_in).expect("spent").1;
    assert!((10_000..13_000).contains(&in_stand_in), "{in_stand_in} ms at step 3");
}

#[test]
fn a_ladder_that_is_off_changes_nothing() {
    let values = |pause: Duration| {
        let rig = Rig::new(1);
        let mut owner = owner(&rig, None);
        (0..40 * FULL).for_each(|number| send(&rig, number));
        rig.clock.advance(pause);
        for _ in 0..50 {
            owner.turn(1);
            rig.clock.advance(TURN);
        }
        assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
        assert_eq!(tally(&rig, &mut owner).overload.climbed().count(), 0);
        rig.decisions().into_iter().map(|record| record.value).collect::<Vec<_>>()
    };
    assert_eq!(values(Duration::ZERO), values(Duration::from_hours(1)));
}

#[test]
fn old_messages_are_no_pressure_where_none_waits_behind_them() {
    let rig = Rig::new(1);
    let mut owner = owner(&rig, Some(bounds()));
    let behind = rig.clock.unix_millis();
    for number in 0..600 {
        // The host's clock is an hour ahead of the broker's.
        rig.clock.step_wall_to(behind);
        (0..FULL - 1).for_each(|place| send(&rig, number * FULL + place));
        rig.clock.step_wall_to(behind + 3_600_000);
        owner.turn(1);
        rig.clock.advance(TURN);
    }
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
    assert_eq!(steps(&rig), [0]);
}

#[test]
fn one_short_batch_between_full_ones_is_not_taken_for_the_end() {
    let rig = Rig::new(1);
    let mut owner = owner(&rig, Some(bounds()));
    for turn in 0..15 {
        // Polled a second late each time, and every other batch is cut short.
        let count = if turn % 2 == 0 { FULL } else { FULL / 2 };
        (0..count).for_each(|place| send(&rig, turn * FULL + place));
        rig.clock.advance(Duration::from_millis(400));
        owner.turn(1);
    }
    assert_eq!(steps(&rig), [0, 1]);
}

#[test]
fn answers_that_pile_up_climb_the_ladder_then_stop_the_polling_and_both_pass() {
    let rig = Rig::new(1);
    let mut owner = owner(&rig, Some(bounds()));
    owner.script.borrow_mut().fates = Some(Box::new(|_| Fate::Waits));
    // Three in a hundred of what the log keeps; polled at once, so that nothing waits.
    let sent = 3_100;
    for round in 0..sent / 10 {
        (0..10).for_each(|place| send(&rig, round * 10 + place));
        owner.turn(1);
        rig.clock.advance(Duration::from_millis(2));
    }
    for _ in 0..12 {
        owner.turn(1);
        rig.clock.advance(TURN);
    }
    (sent..sent + 10).for_each(|number| send(&rig, number));
    owner.turn(2);
    let shed = tally(&rig, &mut owner).overload;
    assert_eq!((shed.step, owner.notes.borrow().stalls.len()), (OverloadStep::ShadowOff, 0));
    assert_eq!(shed.highest.queue_percent, 3);

    // Still none is acknowledged: no more messages are taken, however old they get.
    for _ in 0..30 {
        owner.turn(1);
        rig.clock.advance(TURN);
    }
    assert_eq!(owner.notes.borrow().stalls, [true]);
    let late = sent + 10..sent + 10 + FULL;
    late.clone().for_each(|number| send(&rig, number));
    let taken_count = owner.script.borrow().in_flight.len();
    for _ in 0..600 {
        owner.turn(1);
        rig.clock.advance(TURN);
    }
    assert_eq!(owner.script.borrow().in_flight.len(), taken_count, "nothing was polled");
    let stopped = tally(&rig, &mut owner).overload;
    assert_eq!(stopped.step, OverloadStep::StopPolling);
    let climbed: Vec<_> = stopped.climbed().collect();
    assert_eq!(climbed, [(OverloadStep::ShadowOff, 1), (OverloadStep::StopPolling, 1)]);

    owner.script.borrow_mut().fates = None;
    owner.script.borrow_mut().land(&rig.broker, usize::MAX);
    owner.turn(3);
    assert_eq!(owner.notes.borrow().stalls, [true, false]);
    assert_eq!(rig.ends(DECISIONS), [Offset(i64::try_from(late.end).unwrap())]);
    let answers = rig.answers();
    let last = decision(answers.last().unwrap());
    assert_eq!(last.overload_step, 1, "it goes on at the step before");
    let mut sent = late.end;
    trickle(&rig, &mut owner, 130, &mut sent);
    assert_eq!(steps(&rig), [0, 1, 0]);
}

#[test]
fn a_catch_up_is_answered_to_its_end_and_begins_at_step_0() {
    let rig = Rig::new(1);
    let mut sent = 120 * FULL;
    (0..sent).for_each(|number| send(&rig, number));
    rig.clock.advance(Duration::from_hours(1));
    for half in [40, 120] {
        // The first dies at the height of the ladder.
        let mut owner = owner(&rig, Some(bounds()));
        let begins_at = rig.ends(DECISIONS)[0].0 as usize;
        for _ in begins_at / FULL..half {
            owner.turn(1);
            rig.clock.advance(TURN);
        }
        let answers = rig.answers();
        assert_eq!(decision(&answers[begins_at]).overload_step, 0, "a restart begins at 0");
        assert_eq!(decision(answers.last().unwrap()).overload_step, 3);
        assert!(owner.notes.borrow().stalls.is_empty(), "age alone stops no polling");
        if half == 120 {
            trickle(&rig, &mut owner, 320, &mut sent);
        }
    }
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
    assert_eq!(steps(&rig), [0, 1, 2, 3, 0, 1, 2, 3, 2, 1, 0]);
}

#[test]
fn a_restart_follows_what_was_decided_under_a_step() {
    let rig = Rig::new(1);
    let burst = |number: usize| purchase(&format!("burst-{number}"), "account");
    let mut first = owner(&rig, Some(bounds()));
    (0..40 * FULL).for_each(|number| send(&rig, number));
    (0..6).for_each(|number| rig.send(&burst(number)));
    rig.clock.advance(Duration::from_secs(6));
    for _ in 0..42 {
        first.turn(1);
        rig.clock.advance(TURN);
    }
    let before = rig.answers();
    // At step 3 the rules on bursts did not see the sixth: the fail policy answers.
    let sixth = decision(before.last().unwrap()).clone();
    assert_eq!((sixth.overload_step, sixth.reason()), (3, Reason::NotScored));
    drop(first);

    let mut second = owner(&rig, None);
    let repeat = proto::Authorisation {
        message_type: proto::MessageType::MessageType0101 as i32,
        ..burst(5)
    };
    rig.send(&repeat);
    rig.send(&burst(6));
    second.turn(5);
    let answers = rig.answers();
    assert_eq!(answers.len(), before.len() + 2);
    assert_eq!(decision(&answers[before.len()]), &sixth, "the answer that was given");
    // The burst was remembered all the same: the seventh is declined by it.
    let seventh = decision(answers.last().unwrap());
    assert_eq!((seventh.overload_step, seventh.outcome()), (0, Outcome::Decline));
}

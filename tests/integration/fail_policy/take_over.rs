//! A crash and a restart past the deadlines.

use super::{TEN_SECONDS, answer, decisions, over, owner, synthetic, wait, windows};
use crate::support::faulty_log::Fate;
use crate::support::{AUTHORISATIONS, DECISIONS, Rig};

use stopline::wire::proto::{FailCause, Outcome, Reason};

#[test]
fn after_a_crash_what_was_answered_is_adopted_and_what_was_not_is_answered_late() {
    let rig = Rig::new(1);
    let mut first = owner(&rig, TEN_SECONDS);
    for number in 0..3 {
        rig.send(&over(2_000, &format!("in-time-{number}")));
    }
    // The third record is lost, and the engine is killed before it sends it again.
    first.script.borrow_mut().fates =
        Some(Box::new(|input| if input.offset.0 == 2 { Fate::Waits } else { Fate::Lands }));
    first.turn(5);
    assert_eq!(rig.ends(DECISIONS)[0].0, 2);
    drop(first);

    wait(&rig, 60);
    rig.send(&over(10, "after"));
    let mut second = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut second);
    let found = decisions(&rig);
    assert_eq!(found.len(), 4);
    assert!(found[..2].iter().all(|found| !found.late && !found.synthetic));
    let unavailable = (Outcome::Decline, Reason::IssuerUnavailable);
    assert_eq!(synthetic(&found[2], FailCause::Late), unavailable);
    // Two approved in time and read back, one declined late by us, and this one.
    assert!(!found[3].late && !found[3].synthetic);
    assert_eq!(windows(&found[3]), [4, 400_000, 0]);
}

#[test]
fn a_late_answer_is_adopted_as_it_was_given_and_counts_as_it_did() {
    let rig = Rig::new(1);
    rig.send(&over(50, "approved-late"));
    rig.send(&over(2_000, "declined-late"));
    wait(&rig, 11);
    let mut first = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut first);
    rig.send(&over(10, "probe-1"));
    answer(&rig, &mut first);
    drop(first);
    let before = decisions(&rig);

    // The second one has no deadline: what it judged anew would be judged, not late.
    let mut second = owner(&rig, None);
    rig.send(&over(10, "probe-2"));
    answer(&rig, &mut second);
    let after = decisions(&rig);
    assert_eq!(after[..3], before[..]);
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
    assert_eq!(windows(&before[2]), [3, 5_000, 0]);
    assert_eq!(windows(&after[3]), [4, 6_000, 0]);
}

#[test]
fn a_repeat_of_a_late_request_gets_the_late_answer() {
    let rig = Rig::new(1);
    rig.send(&over(2_000, "late"));
    wait(&rig, 11);
    let mut owner = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut owner);
    rig.send(&over(2_000, "late"));
    answer(&rig, &mut owner);
    let values: Vec<_> = rig.decisions().into_iter().map(|record| record.value).collect();
    assert_eq!(values[0], values[1]);
    assert!(decisions(&rig)[1].late);
}

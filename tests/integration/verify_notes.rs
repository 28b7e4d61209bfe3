//! What the verifier says besides violations: notes, from where to go on, and that nothing
//! was asked for.

use stopline::domain::Span;
use stopline::lab::verify::FindingKind;
use stopline::wire::proto;

use crate::support::{AUTHORISATIONS, DECISIONS, Rig, purchase};
use crate::verify::{
    PARTITIONS_COUNT, account, index_of, of_type, stretches, verify, verify_by, verify_damaged,
    written,
};

#[test]
fn a_repeat_that_was_judged_again_is_noted_whatever_the_verifier_is_told_of_ages() {
    // Forgotten by its age, which the writer kept shorter than the verifier is told: as with an
    // answer that was pushed out, only the decision itself says what happened.
    let rig = Rig::new(PARTITIONS_COUNT);
    let account = account(0, 0);
    rig.send(&purchase("a", &account));
    rig.clock.advance(std::time::Duration::from_secs(601));
    rig.send(&purchase("b", &account));
    rig.send(&of_type(purchase("a", &account), proto::MessageType::MessageType0101));
    rig.answer_all(&[0]);
    let (inputs, records) = (stretches(&rig, AUTHORISATIONS), stretches(&rig, DECISIONS));
    let report = verify_by(&rig, &inputs, &records, DECISIONS, Span::from_seconds(6_000));
    assert!(report.is_clean, "{report}");
    assert_eq!(report.notes[&FindingKind::JudgedAgain], 1, "{report}");
    assert_eq!(report.first_notes[0].at.to_string(), "0:2", "{report}");
    assert!(report.to_string().contains("judged again: 1\n"), "{report}");
}

#[test]
fn the_first_input_behind_the_last_one_answered_is_named() {
    let report = verify_damaged(|records| {
        for input in ["0:2", "0:8", "0:9"] {
            records.remove(index_of(records, input));
        }
    });
    let found: Vec<_> = report
        .positions
        .iter()
        .map(|found| (found.partition, found.next, found.end, found.unanswered_below))
        .collect();
    assert_eq!(found, [(0, 8, 10, 1), (1, 8, 8, 0)], "{report}");
    let shown = report.to_string();
    let line =
        "next        0:8 is behind the last input with a record; end 10; 1 before it have none";
    assert!(shown.contains(line), "{shown}");
    let summary = serde_json::to_value(&report).expect("JSON");
    assert_eq!(summary["positions"][0]["next"], 8);
}

#[test]
fn a_group_without_commits_is_asked_about_and_nothing_is_called_ok() {
    let report = verify(&written(), DECISIONS);
    let asked = report.clone().bounded_by("typo", 0);
    assert_eq!(asked.group_without_commits.as_deref(), Some("typo"));
    let shown = asked.to_string();
    assert!(shown.contains("group `typo` has committed nothing"), "{shown}");
    assert!(!shown.contains("OK "), "{shown}");
    assert_eq!(report.clone().bounded_by("right", 1), report);
    // Of empty topics there is nothing to say.
    let empty = verify(&Rig::new(PARTITIONS_COUNT), DECISIONS);
    assert_eq!(empty.clone().bounded_by("new", 0), empty);
}

#[test]
fn an_id_on_two_partitions_is_noted_as_the_senders() {
    let rig = Rig::new(PARTITIONS_COUNT);
    rig.send(&purchase("twice", &account(0, 0)));
    rig.send(&purchase("twice", &account(1, 0)));
    rig.answer_all(&[0, 1]);
    let report = verify(&rig, DECISIONS);
    assert!(report.is_clean, "{report}");
    let [finding] = report.first_notes.as_slice() else { panic!("{report}") };
    assert_eq!(finding.kind, FindingKind::IdOnTwoPartitions, "{report}");
    let shown = report.to_string();
    assert!(shown.contains("ids used twice by the sender: 1\n"), "{shown}");
    assert!(shown.contains("OK "), "{shown}");
}

//! What is wrong with the answers of a run, whatever it measured.

use super::tally::Tally;
use crate::lab::answers::Answers;
use crate::lab::figures::grouped;

/// How many of `sent_count` messages have no answer.
pub(super) fn missing(sent_count: u64, answers: &Answers) -> u64 {
    sent_count.saturating_sub(answers.answered)
}

/// Whether all that was sent is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LogHas {
    All,
    /// Brokers did not take some of it: an answer to that cannot be.
    NotAll,
}

/// What is wrong with the answers, where so many requests and probes were sent.
pub(super) fn of_answers(
    tally: &Tally,
    requests_count: u64,
    probes_count: u64,
    log: LogHas,
) -> Vec<String> {
    let unanswered = match log {
        LogHas::NotAll => "requests have no answer, and not all of them reached the brokers",
        LogHas::All if tally.requests.answers.answered == 0 => {
            "requests got no answer, none did: is `stopline run` up?"
        }
        LogHas::All => "requests got no answer",
    };
    let differing = tally.requests.answers.differing_copies + tally.probes.answers.differing_copies;
    let counted = [
        (missing(requests_count, &tally.requests.answers), unanswered),
        (missing(probes_count, &tally.probes.answers), "probes got no answer"),
        (differing, "records differ from the first one for their request"),
        (tally.strays, "records lie in another partition than their request"),
        (tally.errors, "requests were answered with an error"),
    ];
    let wrong = counted.iter().filter(|(count, _)| *count > 0);
    wrong.map(|(count, what)| format!("{} {what}", grouped(*count))).collect()
}

/// True where the answers themselves break what is promised: one is missing though its
/// request is in the log, two say different things, or one lies where nobody looks for it.
pub(super) fn is_broken(tally: &Tally, missing_count: u64, log: LogHas) -> bool {
    tally.requests.answers.differing_copies > 0
        || tally.probes.answers.differing_copies > 0
        || tally.strays > 0
        || (missing_count > 0 && log == LogHas::All)
}

//! `[fail_causes]`: from when on the causes of the fail policy hold.

use crate::domain::Span;

use super::problem::Problem;
use super::section::Section;

/// From when on the causes of the fail policy hold; what is `None` never holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FailCauseSettings {
    /// Late: how old a request that names no deadline may be when it is decided.
    pub answer_within: Option<Span>,
    /// Late: the header that names the deadline of a request that does not.
    pub deadline_header: Option<String>,
    /// Stop list stale: how long it may not be known to be up to date.
    pub stop_list_stale_after: Option<Span>,
    /// Recovering: how long a request may wait while its partition is restored.
    pub recovering_after: Option<Span>,
}

const MILLI: Span = Span::from_millis(1);
const SECOND: Span = Span::from_seconds(1);
const HOUR: Span = Span::from_seconds(3_600);
/// The list is asked for its end once a second: less could not be told from a hiccup.
const STALE_MIN: Span = Span::from_seconds(3);

/// What the section says; every key may be left out. What is unsound is reported.
pub(super) fn fail_causes(section: &mut Section<'_>) -> FailCauseSettings {
    FailCauseSettings {
        answer_within: section.optional_span("answer_within", MILLI, HOUR),
        deadline_header: deadline_header(section),
        stop_list_stale_after: section.optional_span("stop_list_stale_after", STALE_MIN, HOUR),
        recovering_after: section.optional_span("recovering_after", SECOND, HOUR),
    }
}

fn deadline_header(section: &mut Section<'_>) -> Option<String> {
    const EXPECTED: &str = "the name of a header, in printable ASCII, such as \"deadline-millis\"";
    let node = section.find("deadline_header")?;
    let name = node.text(EXPECTED, section.problems)?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = Problem::error(&node.spot, format!("`{name}` is no name of a header"));
        section.problems.push(problem.expected(EXPECTED));
        return None;
    }
    Some(name)
}

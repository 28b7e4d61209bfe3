//! The three topics of a try.

use crate::service::log::kafka::LogTopics;

/// Names of the topics that are tried with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Topics {
    /// Requests.
    pub(super) authorisations: String,
    /// Answers.
    pub(super) decisions: String,
    /// Stop orders.
    pub(super) stop_orders: String,
}

impl Topics {
    /// Topics whose names begin with `prefix`.
    pub(super) fn named(prefix: &str) -> Self {
        Self {
            authorisations: format!("{prefix}authorisations"),
            decisions: format!("{prefix}decisions"),
            stop_orders: format!("{prefix}stop-orders"),
        }
    }

    /// What a worker reads and writes of them.
    pub(super) fn of_worker(&self) -> LogTopics<'_> {
        LogTopics { inputs: &self.authorisations, outputs: &self.decisions }
    }
}

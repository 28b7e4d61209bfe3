//! Answers to every cause, for rule sets that are about something else.

/// A fail policy for rule sets that are about something else.
pub(crate) const FAIL_POLICY: &str = r#"
[fail_policy]
late.bands = [{ then = "decline", reason = "issuer_unavailable" }]
late.without_amount = { then = "decline", reason = "issuer_unavailable" }
overload.bands = [{ then = "decline", reason = "issuer_unavailable" }]
overload.without_amount = { then = "decline", reason = "issuer_unavailable" }
stop_list_stale.bands = [{ then = "judge" }]
stop_list_stale.without_amount = { then = "judge" }
recovering.bands = [{ then = "judge" }]
recovering.without_amount = { then = "judge" }
history_truncated.bands = [{ then = "judge" }]
history_truncated.without_amount = { then = "judge" }
"#;

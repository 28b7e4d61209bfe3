//! What a request carries there and back, so that its answer is recognised by itself.

use super::plan::Role;

/// Which request it is, when it was due and what part it plays: `12/4000000/burst/3`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Correlation {
    /// Number of the request, from 0.
    pub(super) sequence: u64,
    /// When it was due, in nanoseconds after the start.
    pub(super) due_nanos: u64,
    /// Its part.
    pub(super) role: Role,
}

impl Correlation {
    /// As a header's value.
    pub(super) fn to_text(self) -> String {
        let (name, number) = match self.role {
            Role::Traffic => ("traffic", 0),
            Role::Burst(attempt) => ("burst", attempt),
            Role::BeforeLoss => ("before-loss", 0),
            Role::AfterLoss(attempt) => ("after-loss", attempt),
            Role::Copy(copy) => ("copy", copy),
            Role::AfterCopies => ("after-copies", 0),
        };
        format!("{}/{}/{name}/{number}", self.sequence, self.due_nanos)
    }

    /// From a header's value; `None` for one that the demo did not write.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(bytes).ok()?.split('/');
        let sequence = parts.next()?.parse().ok()?;
        let due_nanos = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let number = parts.next()?.parse().ok()?;
        let role = match name {
            "traffic" => Role::Traffic,
            "burst" => Role::Burst(number),
            "before-loss" => Role::BeforeLoss,
            "after-loss" => Role::AfterLoss(number),
            "copy" => Role::Copy(number),
            "after-copies" => Role::AfterCopies,
            _ => return None,
        };
        Some(Self { sequence, due_nanos, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_comes_back_as_it_went() {
        let roles = [
            Role::Traffic,
            Role::Burst(3),
            Role::BeforeLoss,
            Role::AfterLoss(1),
            Role::Copy(2),
            Role::AfterCopies,
        ];
        for role in roles {
            let correlation = Correlation { sequence: 12, due_nanos: 4_000_000, role };
            let text = correlation.to_text();
            assert_eq!(Correlation::from_bytes(text.as_bytes()), Some(correlation));
        }
        for foreign in ["", "1/2", "1/2/else/0", "x/2/burst/0", "\u{fffd}"] {
            assert_eq!(Correlation::from_bytes(foreign.as_bytes()), None);
        }
    }
}

//! What a message carries there and back, so that its answer is recognised by itself.

/// What is sent, each kind numbered by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stream {
    /// Authorisation requests.
    Requests,
    /// Echo tests (0800), one per partition a second.
    Probes,
}

/// Which run it belongs to, which message it is and when it was due: `18f2c/12/4000000`, and
/// `18f2c/p12/4000000` for a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket {
    /// Number of the run: a topic may hold answers to others.
    pub(super) run: u64,
    /// What it is.
    pub(super) stream: Stream,
    /// Its number among its kind, from 0.
    pub(super) sequence: u64,
    /// When it was due, in nanoseconds after the start.
    pub(super) due_nanos: u64,
}

impl Ticket {
    /// As a header's value.
    pub(super) fn to_text(self) -> String {
        let mark = match self.stream {
            Stream::Requests => "",
            Stream::Probes => "p",
        };
        format!("{:x}/{mark}{}/{}", self.run, self.sequence, self.due_nanos)
    }

    /// From a header's value; `None` for one that no run wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(bytes).ok()?.split('/');
        let run = u64::from_str_radix(parts.next()?, 16).ok()?;
        let number = parts.next()?;
        let (stream, number) = match number.strip_prefix('p') {
            Some(number) => (Stream::Probes, number),
            None => (Stream::Requests, number),
        };
        let sequence = number.parse().ok()?;
        let due_nanos = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { run, stream, sequence, due_nanos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_as_it_went() {
        let request =
            Ticket { run: 0x18f2c, stream: Stream::Requests, sequence: 12, due_nanos: 4_000_000 };
        let probe = Ticket { stream: Stream::Probes, ..request };
        for (ticket, text) in [(request, "18f2c/12/4000000"), (probe, "18f2c/p12/4000000")] {
            assert_eq!(ticket.to_text(), text);
            assert_eq!(Ticket::from_bytes(text.as_bytes()), Some(ticket));
        }
        for foreign in ["", "1/2", "1/2/3/4", "12/4000000/burst/3", "x/2/3", "1/p/3", "\u{fffd}"] {
            assert_eq!(Ticket::from_bytes(foreign.as_bytes()), None, "{foreign:?}");
        }
    }
}

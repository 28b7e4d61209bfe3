//! The lines of a canonical text.

/// One line: a kind of thing, its name, and what is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line<'t> {
    pub(super) kind: &'t str,
    /// Empty where there is one of the kind.
    pub(super) name: &'t str,
    pub(super) rest: &'t str,
}

/// Kinds of which there is one.
const SINGLE: [&str; 3] = ["currency", "bands", "calendar"];

/// The lines of `canonical`.
pub(super) fn lines_of(canonical: &str) -> Vec<Line<'_>> {
    let lines = canonical.lines().map(|line| {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if SINGLE.contains(&kind) {
            return Line { kind, name: "", rest };
        }
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        Line { kind, name, rest }
    });
    lines.collect()
}

impl<'t> Line<'t> {
    /// What stands behind `when`.
    pub(super) fn condition(&self) -> Option<&'t str> {
        self.rest.split_once("when ").map(|(_, condition)| condition)
    }

    /// What stands behind `where`.
    pub(super) fn filter(&self) -> Option<&'t str> {
        self.rest.split_once(" where ").map(|(_, filter)| filter)
    }

    /// Each word before the condition, as key and value: `live` has no key of its own, and
    /// `rest:approve` is the rest of all amounts.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        let before = self.rest.split_once("when ").map_or(self.rest, |(before, _)| before);
        let before = before.split_once(" where ").map_or(before, |(before, _)| before);
        before.split_whitespace().map(|word| match word {
            "live" | "shadow" => ("mode", word),
            _ => match (word.split_once('='), word.split_once(':')) {
                (Some((key, _)), Some((earlier, value))) if earlier.len() < key.len() => {
                    (earlier, value)
                }
                (Some((key, value)), _) | (None, Some((key, value))) => (key, value),
                (None, None) => (word, ""),
            },
        })
    }

    /// The value of `key`; of several the first.
    pub(super) fn word(&self, key: &str) -> Option<&'t str> {
        self.words().find(|(other, _)| *other == key).map(|(_, value)| value)
    }
}

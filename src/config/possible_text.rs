//! What a text of a payment can still be.

use std::collections::BTreeSet;

use crate::engine::rules::TextField;

use super::possible::Possible;

/// What a text can be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KnownText {
    texts: Texts,
    may_be_absent: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Texts {
    Only(BTreeSet<Box<str>>),
    AllBut(BTreeSet<Box<str>>),
}

impl KnownText {
    const AT_FIRST: Self = Self { texts: Texts::AllBut(BTreeSet::new()), may_be_absent: true };

    /// What it can be in the one case or the other.
    pub(super) fn or(&self, other: &Self) -> Self {
        use Texts::{AllBut, Only};
        let texts = match (&self.texts, &other.texts) {
            (Only(one), Only(other)) => Only(one | other),
            (AllBut(one), AllBut(other)) => AllBut(one & other),
            (AllBut(all_but), Only(only)) | (Only(only), AllBut(all_but)) => AllBut(all_but - only),
        };
        Self { texts, may_be_absent: self.may_be_absent || other.may_be_absent }
    }
}

fn known_text(field: TextField, possible: &Possible) -> KnownText {
    let found = possible.texts.iter().find(|(other, _)| *other == field);
    found.map_or(KnownText::AT_FIRST, |(_, known)| known.clone())
}

fn with_text(field: TextField, known: KnownText, possible: &Possible) -> Option<Possible> {
    if !known.may_be_absent && matches!(&known.texts, Texts::Only(texts) if texts.is_empty()) {
        return None;
    }
    let mut left = possible.clone();
    left.texts.retain(|(other, _)| *other != field);
    left.texts.push((field, known));
    Some(left)
}

/// What is left where `field` is one of `choices`; or where it is not, or is absent.
pub(super) fn text_among(
    field: TextField,
    choices: &BTreeSet<Box<str>>,
    wanted: bool,
    possible: &Possible,
) -> Option<Possible> {
    let KnownText { texts, may_be_absent } = known_text(field, possible);
    let texts = match (texts, wanted) {
        (Texts::Only(only), true) => Texts::Only(&only & choices),
        (Texts::Only(only), false) => Texts::Only(&only - choices),
        (Texts::AllBut(all_but), true) => Texts::Only(choices - &all_but),
        (Texts::AllBut(all_but), false) => Texts::AllBut(&all_but | choices),
    };
    with_text(field, KnownText { texts, may_be_absent: may_be_absent && !wanted }, possible)
}

/// What is left where `field` is there, or where it is not.
pub(super) fn has_text(field: TextField, wanted: bool, possible: &Possible) -> Option<Possible> {
    let known = known_text(field, possible);
    let known = if wanted {
        KnownText { may_be_absent: false, ..known }
    } else {
        KnownText { texts: Texts::Only(BTreeSet::new()), ..known }
    };
    with_text(field, known, possible)
}

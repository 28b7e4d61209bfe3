//! Conditions from their canonical form, operator first, to the form in which they are written.

use crate::engine::rules::{Field, Kind, RuleSet, Unit};

use super::super::units::show_money;

/// A part of a canonical condition: a word, or a list that begins with its operator.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Word(String),
    List(Vec<Part>),
}

/// `canonical` as it is written in a file.
pub(super) fn infix(canonical: &str, rule_set: &RuleSet) -> String {
    parsed(canonical).map_or_else(|| canonical.to_owned(), |part| written(&part, rule_set))
}

/// The parts of `canonical` that hold together, each as it is written in a file.
pub(super) fn parts(canonical: &str, rule_set: &RuleSet) -> Vec<String> {
    match parsed(canonical) {
        Some(Part::List(parts)) if operator(&parts) == Some("and") => {
            parts.iter().skip(1).map(|part| written(part, rule_set)).collect()
        }
        Some(part) => vec![written(&part, rule_set)],
        None => vec![canonical.to_owned()],
    }
}

fn parsed(canonical: &str) -> Option<Part> {
    let mut open = vec![Vec::new()];
    for word in words_of(canonical) {
        match word.as_str() {
            "(" => open.push(Vec::new()),
            ")" => {
                let list = open.pop()?;
                open.last_mut()?.push(Part::List(list));
            }
            _ => open.last_mut()?.push(Part::Word(word)),
        }
    }
    open.pop()?.pop()
}

/// Brackets, texts in quotes and what stands between blanks.
fn words_of(canonical: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut is_quoted, mut is_escaped) = (false, false);
    for character in canonical.chars() {
        match character {
            _ if is_escaped => {
                word.push(character);
                is_escaped = false;
            }
            '\\' if is_quoted => {
                word.push(character);
                is_escaped = true;
            }
            '"' => {
                word.push(character);
                is_quoted = !is_quoted;
            }
            '(' | ')' | ' ' if !is_quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if character != ' ' {
                    words.push(character.to_string());
                }
            }
            _ => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn operator(parts: &[Part]) -> Option<&str> {
    match parts.first() {
        Some(Part::Word(word)) => Some(word),
        Some(Part::List(_)) | None => None,
    }
}

fn written(part: &Part, rule_set: &RuleSet) -> String {
    let Part::List(parts) = part else {
        return literal(part, None, rule_set);
    };
    let arguments = parts.get(1..).unwrap_or_default();
    let bracketed = |part: &Part| match part {
        Part::List(inner) if matches!(operator(inner), Some("and" | "or")) => {
            format!("({})", written(part, rule_set))
        }
        Part::List(_) | Part::Word(_) => written(part, rule_set),
    };
    let joined = |sign: &str| {
        let parts: Vec<_> = arguments.iter().map(bracketed).collect();
        parts.join(&format!(" {sign} "))
    };
    match (operator(parts).unwrap_or_default(), arguments) {
        ("and", _) => joined("&&"),
        ("or", _) => joined("||"),
        ("not", [inner]) => match inner {
            Part::List(parts) if operator(parts) == Some("has") => {
                format!("!{}", written(inner, rule_set))
            }
            Part::List(_) | Part::Word(_) => format!("!({})", written(inner, rule_set)),
        },
        ("neg", [inner]) => format!("-({})", written(inner, rule_set)),
        ("has", [inner]) => format!("has({})", written(inner, rule_set)),
        ("in", [value, Part::Word(list)]) if list.starts_with("lists.") => {
            format!("{} in {list}", written(value, rule_set))
        }
        ("in", [value, choices @ ..]) => {
            let choices: Vec<_> =
                choices.iter().map(|it| literal(it, Some(value), rule_set)).collect();
            format!("{} in [{}]", written(value, rule_set), choices.join(", "))
        }
        (sign, [left, right]) => {
            let side = |one: &Part, other: &Part| match one {
                Part::Word(word) if sign == "*" => word.clone(),
                Part::Word(_) => literal(one, Some(other), rule_set),
                Part::List(_) if sign == "*" => format!("({})", written(one, rule_set)),
                Part::List(_) => written(one, rule_set),
            };
            format!("{} {sign} {}", side(left, right), side(right, left))
        }
        (name, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|it| written(it, rule_set)).collect();
            format!("{name}({})", arguments.join(", "))
        }
    }
}

/// A written value as the value `beside` it asks for: a word, a country, an amount.
fn literal(part: &Part, beside: Option<&Part>, rule_set: &RuleSet) -> String {
    let Part::Word(word) = part else {
        return written(part, rule_set);
    };
    let (Some(beside), Ok(value)) = (beside, word.parse::<i64>()) else {
        return word.clone();
    };
    if let Part::Word(name) = beside
        && let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name)
    {
        match field.kind() {
            Kind::Word(words) => {
                let mut words = words.words().iter();
                let found = words.find(|(_, code)| *code == value);
                return found.map_or_else(|| word.clone(), |(name, _)| (*name).to_owned());
            }
            Kind::Country => {
                let letters = u16::try_from(value).unwrap_or_default().to_be_bytes();
                return letters.map(char::from).iter().collect();
            }
            Kind::Flag => return (value != 0).to_string(),
            Kind::Amount | Kind::Number => {}
        }
    }
    let is_amount = value > 0 && is_money_in(beside, rule_set);
    if is_amount { format!("'{}'", show_money(value, rule_set.currency())) } else { word.clone() }
}

/// True where `part` is an amount, or a sum of some.
fn is_money_in(part: &Part, rule_set: &RuleSet) -> bool {
    match part {
        Part::List(parts) => match (operator(parts), parts.get(1..)) {
            (Some("+" | "-" | "neg"), Some(parts)) => {
                parts.iter().any(|part| is_money_in(part, rule_set))
            }
            (_, _) => false,
        },
        Part::Word(name) => match name.split_once('.') {
            Some(("velocity", name)) => {
                let mut features = rule_set.features().iter();
                features.any(|it| *it.name == *name && it.what.is_money())
            }
            Some(("thresholds", name)) => {
                let mut thresholds = rule_set.thresholds().iter();
                thresholds.any(|it| *it.name == *name && it.unit == Unit::Money)
            }
            Some(_) | None => name == Field::Amount.name(),
        },
    }
}

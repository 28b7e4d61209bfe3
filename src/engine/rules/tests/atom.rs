//! What comparisons come to.

use super::super::atom::{Atom, Leaf};
use super::super::masks::Masks;
use super::super::{Choices, Condition, Field, Number, Relation, Threshold, Unit};
use super::sample::{compare, feature, field, threshold};

fn atom(condition: &Condition) -> Option<Atom> {
    let thresholds = [Threshold { name: "limit".into(), value: 5, unit: Unit::Number }];
    match Leaf::of(condition, &thresholds) {
        Leaf::Never => None,
        Leaf::Atom(atom) => Some(atom),
    }
}

fn times(factor: i64, number: Number) -> Number {
    Number::Product(Box::new(Number::Literal(factor)), Box::new(number))
}

#[test]
fn comparisons_that_mean_the_same_are_one_atom() {
    use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let literal = Number::Literal;
    let eci = || field(Field::Eci);
    let among = |choices: &[i64]| Condition::Among {
        value: eci(),
        choices: Choices::new(choices.to_vec()),
    };
    let same = [
        [compare(eci(), Greater, literal(4)), compare(eci(), GreaterOrEqual, threshold())],
        [compare(literal(4), Less, eci()), compare(eci(), GreaterOrEqual, literal(5))],
        [compare(times(2, eci()), GreaterOrEqual, literal(9)), compare(eci(), Greater, literal(4))],
        [compare(times(-2, eci()), LessOrEqual, literal(-9)), compare(eci(), Greater, literal(4))],
        [among(&[5]), compare(eci(), Equal, threshold())],
        [
            compare(feature(), GreaterOrEqual, times(3, eci())),
            compare(times(3, eci()), LessOrEqual, feature()),
        ],
        [
            compare(feature(), Greater, times(3, eci())),
            compare(
                Number::Difference(Box::new(times(3, eci())), Box::new(feature())),
                LessOrEqual,
                literal(-1),
            ),
        ],
    ];
    for [one, other] in same {
        let found = atom(&one);
        assert!(found.is_some() && !matches!(found, Some(Atom::Plain(_))), "{one:?}");
        assert_eq!(found, atom(&other), "{one:?} {other:?}");
    }
    let near = compare(times(2, eci()), Equal, literal(9));
    assert_eq!(atom(&near), None, "no whole number is it");
}

#[test]
fn each_distinct_comparison_is_worked_out_once() {
    let of_feature = |limit| compare(feature(), Relation::Greater, Number::Literal(limit));
    let mut masks = Masks::new(&[]);
    let conditions = [
        Condition::All(vec![of_feature(1), of_feature(2)]),
        Condition::Not(Box::new(of_feature(1))),
        Condition::Any(vec![of_feature(2), of_feature(3)]),
    ];
    let formulas: Vec<_> = conditions.iter().map(|it| masks.formula(it)).collect();
    let programme = masks.programme(&formulas, &[]);
    assert_eq!((programme.slots.len(), programme.ranges.len()), (1, 3));
    assert_eq!(programme.live.len(), 1 + 1 + 2, "a check for each alternative");
}

#[test]
fn what_would_multiply_gets_a_bit_of_its_own() {
    let either = |from: i64| {
        let one = |limit| compare(feature(), Relation::Greater, Number::Literal(limit));
        Condition::Any((from..from + 4).map(one).collect())
    };
    let mut masks = Masks::new(&[]);
    let nested = Condition::All((0..20).map(|at| either(at * 10)).collect());
    let formula = masks.formula(&nested);
    let programme = masks.programme(&[formula], &[]);
    assert_eq!(programme.ranges.len(), 80);
    assert!(programme.derived.len() >= 18, "not four to the power of twenty alternatives");
    assert!(programme.live.len() <= 16);
}

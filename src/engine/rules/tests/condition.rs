//! Each kind of condition, one table each.

use crate::domain::{Amount, Authorisation};

use super::super::number::Row;
use super::super::{
    Choices, Condition, Field, Kind, Number, Operand, Relation, TextField, Threshold, Unit,
};
use super::sample::{bare_request, compare, feature, field, request, threshold};

fn check(condition: &Condition, auth: &Authorisation<'_>, value: Option<i64>) -> bool {
    let thresholds = [Threshold { name: "limit".into(), value: 5, unit: Unit::Number }];
    condition.holds(&Row {
        auth,
        policy_minor_units: auth.amount.map(Amount::minor_units),
        evidence: &[value],
        thresholds: &thresholds,
        lists: &[],
    })
}

fn literal(value: i64) -> Number {
    Number::Literal(value)
}

#[test]
fn every_relation_compares_and_is_false_beside_something_absent() {
    use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let cases = [
        (Equal, [false, true, false]),
        (NotEqual, [true, false, true]),
        (Less, [true, false, false]),
        (LessOrEqual, [true, true, false]),
        (Greater, [false, false, true]),
        (GreaterOrEqual, [false, true, true]),
    ];
    for (relation, expected) in cases {
        let condition = compare(feature(), relation, threshold());
        let found = [4, 5, 6].map(|value| check(&condition, &request(), Some(value)));
        assert_eq!(found, expected, "{relation:?}");
        assert!(!check(&condition, &request(), None), "{relation:?}");
        let mirrored = compare(threshold(), relation, feature());
        assert!(!check(&mirrored, &request(), None), "{relation:?}");
    }
}

#[test]
fn arithmetic_is_exact_beyond_64_bits_and_absent_where_a_part_is_absent() {
    let boxed = |number: Number| Box::new(number);
    let largest = literal(i64::MAX);
    let cases = [
        (Number::Sum(boxed(largest.clone()), boxed(literal(1))), i128::from(i64::MAX) + 1),
        (Number::Difference(boxed(literal(i64::MIN)), boxed(literal(1))), i128::from(i64::MIN) - 1),
        (
            Number::Product(boxed(largest.clone()), boxed(largest)),
            i128::from(i64::MAX) * i128::from(i64::MAX),
        ),
        (Number::Negation(boxed(literal(i64::MIN))), -i128::from(i64::MIN)),
    ];
    let auth = request();
    let row = Row {
        auth: &auth,
        policy_minor_units: None,
        evidence: &[None],
        thresholds: &[],
        lists: &[],
    };
    for (number, expected) in cases {
        assert_eq!(number.value(&row), Some(expected), "{number:?}");
    }
    let sum = Number::Sum(boxed(literal(1)), boxed(feature()));
    assert_eq!(sum.value(&row), None);
}

#[test]
fn every_field_is_read_and_absent_where_the_request_lacks_it() {
    for known in Field::ALL {
        let has = Condition::Has(Operand::Field(known));
        assert!(check(&has, &request(), None), "{known:?}");
        let is_there = check(&has, &bare_request(), None);
        assert_eq!(is_there, known.is_always_present(), "{known:?}");
        let bounded = compare(field(known), Relation::LessOrEqual, literal(known.largest()));
        assert!(check(&bounded, &request(), None), "{known:?}");
    }
}

#[test]
fn words_and_countries_have_the_codes_that_conditions_use() {
    let word = |known: Field, word: &str| match known.kind() {
        Kind::Word(set) => set.code(word).expect("a word"),
        Kind::Amount | Kind::Number | Kind::Country | Kind::Flag => panic!("no words"),
    };
    let cases = [
        (Field::ProcessingCode, word(Field::ProcessingCode, "purchase")),
        (Field::EntryMode, word(Field::EntryMode, "ecommerce")),
        (Field::Channel, word(Field::Channel, "app")),
        (Field::Initiator, word(Field::Initiator, "cardholder")),
        (Field::CavvResult, word(Field::CavvResult, "match")),
        (Field::Cvv2Result, word(Field::Cvv2Result, "no_match")),
        (Field::AvsResult, word(Field::AvsResult, "partial_match")),
        (Field::ExpiryResult, word(Field::ExpiryResult, "not_processed")),
        (Field::Scheme, word(Field::Scheme, "unionpay")),
        (Field::MerchantCountry, Kind::country_code(*b"CN")),
        (Field::IpCountry, Kind::country_code(*b"HK")),
        (Field::Incremental, 0),
    ];
    for (known, code) in cases {
        let equal = compare(field(known), Relation::Equal, literal(code));
        assert!(check(&equal, &request(), None), "{known:?}");
    }
}

#[test]
fn no_word_is_the_name_of_a_field() {
    for known in Field::ALL {
        if let Kind::Word(set) = known.kind() {
            for (word, _) in set.words() {
                let fields = || Field::ALL.iter().map(|it| it.name());
                assert!(fields().all(|name| name != *word), "{word}");
            }
        }
    }
}

#[test]
fn lists_and_texts() {
    let among = |choices: Vec<i64>| Condition::Among {
        value: field(Field::Eci),
        choices: Choices::new(choices),
    };
    let texts = |texts: Vec<&str>| Condition::TextAmong {
        field: TextField::Portfolio,
        choices: Choices::new(texts.into_iter().map(Box::from).collect()),
    };
    let differs =
        |text: &str| Condition::TextDiffers { field: TextField::Portfolio, text: text.into() };
    let cases = [
        (among(vec![7, 5, 5]), true, false),
        (among(vec![2, 7]), false, false),
        (texts(vec!["silver", "gold"]), true, false),
        (texts(vec!["silver"]), false, false),
        (differs("silver"), true, false),
        (differs("gold"), false, false),
        (Condition::HasText(TextField::Portfolio), true, false),
    ];
    for (condition, with, without) in cases {
        assert_eq!(check(&condition, &request(), None), with, "{condition:?}");
        assert_eq!(check(&condition, &bare_request(), None), without, "{condition:?}");
    }
}

#[test]
fn all_any_and_not_combine() {
    let yes = || compare(literal(1), Relation::Equal, literal(1));
    let no = || compare(literal(1), Relation::Equal, literal(2));
    let absent = || compare(feature(), Relation::Equal, literal(2));
    let not = |part: Condition| Condition::Not(Box::new(part));
    let cases = [
        (Condition::All(vec![yes(), yes()]), true),
        (Condition::All(vec![yes(), no()]), false),
        (Condition::Any(vec![no(), yes()]), true),
        (Condition::Any(vec![no(), no()]), false),
        (not(no()), true),
        (not(yes()), false),
        // Absence makes a comparison false, and `not` turns that.
        (not(absent()), true),
    ];
    for (condition, expected) in cases {
        assert_eq!(check(&condition, &request(), None), expected, "{condition:?}");
    }
}

#[test]
fn conditions_on_merchant_initiated_payments_are_recognised() {
    let merchant = || compare(field(Field::Initiator), Relation::Equal, literal(2));
    let other = || compare(field(Field::Eci), Relation::Equal, literal(5));
    let cases = [
        (merchant(), true),
        (compare(literal(2), Relation::Equal, field(Field::Initiator)), true),
        (compare(field(Field::Initiator), Relation::Equal, literal(1)), false),
        (Condition::All(vec![other(), merchant()]), true),
        (Condition::Any(vec![other(), merchant()]), false),
        (Condition::Any(vec![merchant(), merchant()]), true),
        (Condition::Not(Box::new(merchant())), false),
    ];
    for (condition, expected) in cases {
        assert_eq!(condition.asks_for_merchant_initiated(), expected, "{condition:?}");
    }
}

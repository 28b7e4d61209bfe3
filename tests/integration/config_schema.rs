//! The JSON Schemas that editors use say what the readers say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use stopline::config::{Settings, parse_rules, rules_schema, schema_text, settings_schema};

use crate::config_errors::RULES;

/// `text` as an editor's validator sees it.
fn as_json(text: &str) -> Value {
    fn convert(value: &toml::Value) -> Value {
        match value {
            toml::Value::String(text) => text.as_str().into(),
            toml::Value::Integer(number) => (*number).into(),
            toml::Value::Float(number) => (*number).into(),
            toml::Value::Boolean(flag) => (*flag).into(),
            toml::Value::Datetime(time) => time.to_string().into(),
            toml::Value::Array(list) => list.iter().map(convert).collect(),
            toml::Value::Table(table) => {
                let pairs = table.iter().map(|(key, value)| (key.clone(), convert(value)));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
    convert(&toml::Value::Table(text.parse().unwrap()))
}

fn faults(schema: &Value, text: &str) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    let text = as_json(text);
    validator.iter_errors(&text).map(|fault| fault.to_string()).collect()
}

#[test]
fn the_committed_schemas_are_those_of_this_code() {
    for (file, schema) in [
        ("config/rules.schema.json", rules_schema()),
        ("config/stopline.schema.json", settings_schema()),
    ] {
        let committed = fs::read_to_string(file).unwrap_or_default();
        let name = if file.contains("rules") { "rules" } else { "settings" };
        assert!(
            committed == schema_text(&schema),
            "{file} is stale: stopline config schema {name} >{file}"
        );
    }
}

#[test]
fn the_shipped_files_name_their_schema_and_keep_to_it() {
    for (file, schema) in
        [("config/rules.toml", rules_schema()), ("config/stopline.toml", settings_schema())]
    {
        let text = fs::read_to_string(file).unwrap();
        let first = text.lines().next().unwrap();
        let named = first.strip_prefix("#:schema ./").expect("the first line names the schema");
        assert!(Path::new("config").join(named).is_file(), "{named}");
        assert_eq!(faults(&schema, &text), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn common_slips_are_seen_in_the_editor() {
    let schema = rules_schema();
    assert_eq!(faults(&schema, RULES), Vec::<String>::new());
    for (right, wrong) in [
        ("currency = \"CNY\"", "currency = \"yuan\""),
        ("step_up_at = 300", "step_up_at = \"300\""),
        ("decline_at = 700", "decline_at = 7000"),
        ("what = \"max\"", "what = \"maximum\""),
        ("window = \"10m\"", "window = \"10 min\""),
        ("mode = \"live\"", "mod = \"live\""),
        ("points = 700, reason = \"velocity_count_exceeded\"", "points = 700"),
        ("reason = \"velocity_count_exceeded\"", "reason = \"lost_card\""),
        ("large_amount = \"1500.00 CNY\"", "large_amount = \"1500.00\""),
        ("[{ then = \"decline\", reason = \"not_scored\" }]", "[{ then = \"judge\" }]"),
    ] {
        assert!(RULES.contains(right), "{right}");
        let text = RULES.replacen(right, wrong, 1);
        assert!(!faults(&schema, &text).is_empty(), "not seen: {wrong}");
        assert!(parse_rules(Path::new("rules.toml"), &text).is_err(), "loads: {wrong}");
    }
}

/// The keys that a reader names where `unknown` stands in one of its tables.
fn known_keys(problems: &str) -> BTreeSet<String> {
    let (_, behind) = problems.split_once("unknown key `zzz`").expect(problems);
    let (_, expected) = behind.split_once("expected ").expect(problems);
    let line = expected.lines().next().unwrap();
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn properties(table: &Value) -> BTreeSet<String> {
    table["properties"].as_object().expect("a table").keys().cloned().collect()
}

#[test]
fn rules_have_the_keys_that_their_reader_knows() {
    let schema = rules_schema();
    let of = |path: &str| properties(schema.pointer(path).expect(path));
    let top = of("");
    let cases = [
        ("currency = \"CNY\"", "currency = \"CNY\"\nzzz = 1", top),
        ("step_up_at", "zzz = 1\nstep_up_at", of("/properties/bands")),
        (
            "value = 5,",
            "value = 5, zzz = 1,",
            of("/properties/thresholds/additionalProperties/oneOf/2"),
        ),
        (
            "[bands]",
            "[lists]\nx = { file = \"x\", of = \"bin\", zzz = 1 }\n[bands]",
            of("/properties/lists/additionalProperties"),
        ),
        ("what = \"count\"", "what = \"count\"\nzzz = 1", of("/properties/velocity/items")),
        ("mode = \"live\"", "mode = \"live\"\nzzz = 1", of("/properties/rule/items")),
        (
            "[fail_policy.late]",
            "[fail_policy.zzz]\n[fail_policy.late]",
            of("/properties/fail_policy"),
        ),
        (
            "{ below = \"500.00 CNY\",",
            "{ zzz = 1, below = \"500.00 CNY\",",
            of("/properties/fail_policy/properties/late/properties/bands/items"),
        ),
        (
            "[fail_policy.late]",
            "[fail_policy.late]\nzzz = 1",
            of("/properties/fail_policy/properties/late"),
        ),
    ];
    for (right, wrong, keys) in cases {
        assert!(RULES.contains(right), "{right}");
        let text = RULES.replacen(right, wrong, 1);
        let problems = parse_rules(Path::new("rules.toml"), &text).unwrap_err().to_string();
        assert_eq!(known_keys(&problems), keys, "{wrong}");
    }
    // Each way to act has keys of its own.
    let text = RULES.replacen("{ step_up = true }", "{ step_up = true, zzz = 1 }", 1);
    let problems = parse_rules(Path::new("rules.toml"), &text).unwrap_err().to_string();
    let actions = schema.pointer("/properties/rule/items/properties/then/oneOf").unwrap();
    let actions = actions.as_array().unwrap().iter();
    assert_eq!(known_keys(&problems), actions.flat_map(properties).collect());
}

#[test]
fn sections_have_the_keys_that_their_reader_knows() {
    let schema = settings_schema();
    let file = Path::new("config/stopline.toml");
    let said = |option: &str| {
        let options = [option.to_owned()];
        Settings::load(file, std::iter::empty(), &options).unwrap_err().to_string()
    };
    assert_eq!(known_keys(&said("zzz.key=1")), properties(&schema));
    for section in properties(&schema) {
        let problems = said(&format!("{section}.zzz=1"));
        let keys = properties(&schema["properties"][&section]);
        assert_eq!(known_keys(&problems), keys, "[{section}]");
    }
}

#[test]
fn what_a_rule_set_must_have_the_schema_asks_for() {
    let schema = rules_schema();
    let is_whole =
        |line: &&str| line.contains(" = ") && !line.starts_with(' ') && !line.ends_with('[');
    for line in RULES.lines().filter(is_whole) {
        let text = RULES.replacen(&format!("{line}\n"), "", 1);
        let problems = parse_rules(Path::new("rules.toml"), &text);
        let is_missing = problems.is_err_and(|it| it.to_string().contains("has no `"));
        let is_seen = faults(&schema, &text).iter().any(|fault| fault.contains("required"));
        assert_eq!(is_seen, is_missing, "without {line}");
    }
}

//! The schema of `stopline.toml` and of the layers over it.

use serde_json::{Value, json};

use super::forms::{file, flag, number, span, table, text, words};

/// The JSON Schema of settings. It asks for no key: what one file leaves out may come from
/// another layer.
pub fn settings_schema() -> Value {
    let sections = [
        ("kafka", kafka()),
        ("topics", topics()),
        ("workers", workers()),
        ("overload", overload()),
        ("first_start", first_start()),
        ("door", door()),
        ("formats", formats()),
        ("rules", section("The rules.", [("file", text("The file with the rule set."))])),
        ("admin", section("The admin port.", [("address", text("A loopback address and port."))])),
        ("answers", answers()),
        ("time", time()),
        ("fail_causes", fail_causes()),
        ("windows", windows()),
        ("log", section("The log.", [("format", words("Its look.", ["text", "json"]))])),
    ];
    let about = "The service's settings. Files in conf.d, variables and --set go over them.";
    file("Stopline: the service", table(about, &[], sections))
}

fn section(
    description: &str,
    properties: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    table(description, &[], properties)
}

fn kafka() -> Value {
    let scalar = json!({ "type": ["string", "integer", "boolean", "object"] });
    let properties = [
        ("brokers", text("`host:port`, several by comma.")),
        ("group", text("The consumer group that all instances share.")),
        ("instance", text("The name of this process in the group, unique and stable.")),
        ("static_membership", flag("Keep the place in the group over a restart.")),
        (
            "properties",
            json!({
                "description": "Properties handed to the client as they are; no secrets.",
                "type": "object", "additionalProperties": scalar,
            }),
        ),
        (
            "secret_property_files",
            json!({
                "description": "Properties whose value is the content of a file.",
                "type": "object", "additionalProperties": { "type": ["string", "object"] },
            }),
        ),
    ];
    section("Brokers and group.", properties)
}

fn topics() -> Value {
    let properties = [
        ("authorisations", text("In: requests and all that comes after them.")),
        ("decisions", text("Out: one record for each input.")),
        ("observations", text("Out in the place of decisions, where mode is \"observe\".")),
        ("stop_orders", text("In: the stop list.")),
    ];
    section("Names of the topics.", properties)
}

fn workers() -> Value {
    let properties = [
        ("count", number("Threads that decide.", 1, 256)),
        ("mode", words("Who hears the answers.", ["answer", "observe"])),
        ("drain_timeout", span("How long a drain may take.")),
        ("commit_interval", span("How often the acknowledged position is committed.")),
    ];
    section("The threads that decide.", properties)
}

fn overload() -> Value {
    let three = |items: Value, what: &str| {
        json!({
            "description": what, "type": "array", "items": items, "minItems": 3, "maxItems": 3,
        })
    };
    let waits = |what: &str| three(span(""), what);
    let percents = |what: &str| three(number("", 1, 99), what);
    let properties = [
        ("wait_above", waits("A longer wait climbs to step 1, 2, 3.")),
        ("wait_below", waits("With a shorter one the step is left.")),
        ("queue_above_percent", percents("A fuller queue of answers climbs to the step.")),
        ("queue_below_percent", percents("With an emptier one the step is left.")),
        ("rise_after", span("How long the pressure must last before a step is climbed.")),
        ("fall_after", span("How long it must be gone before a step is left.")),
    ];
    section("What is left out where the engine cannot keep up.", properties)
}

fn first_start() -> Value {
    let place = |what: &str| json!({ "description": what, "type": "string" });
    let properties = [
        ("history_from", place("From where on inputs fill the windows.")),
        ("answer_from", place("From where on inputs are answered.")),
    ];
    section("Where partitions begin that nothing was ever answered of.", properties)
}

fn door() -> Value {
    let properties = [
        ("accept_pan", flag("Messages may carry card numbers.")),
        ("numeric_references", flag("Account references may be 13 to 19 digits.")),
        ("message_bytes_max", number("The largest message, in bytes.", 1_024, 1_000_000)),
        ("key_seed_file", text("The file with the key seed.")),
        ("pan_key_file", text("The file with the key that card numbers are hashed with.")),
    ];
    section("What is let in.", properties)
}

fn formats() -> Value {
    let headers = json!({
        "description": "Headers of a request that its answer carries unchanged.",
        "type": "array", "items": { "type": "string" },
    });
    let default = words("How a request is read that says nothing.", ["protobuf", "json"]);
    section("Formats of messages.", [("default", default), ("echo_headers", headers)])
}

fn answers() -> Value {
    let properties = [
        ("age", span("How long an answer is kept for repeats.")),
        ("bytes_max", number("How much memory they may take in a partition.", 1 << 16, 1 << 36)),
    ];
    section("Answers kept for repeats.", properties)
}

fn time() -> Value {
    let properties = [
        ("lateness", span("How far a request's time may lie behind the broker's.")),
        ("advice_lateness", span("The same of an advice.")),
    ];
    section("How late messages may be.", properties)
}

fn fail_causes() -> Value {
    let properties = [
        ("answer_within", span("How old a request may be when it is decided.")),
        ("deadline_header", text("The header with a request's deadline.")),
        ("stop_list_stale_after", span("How long the stop list may be unconfirmed.")),
        ("recovering_after", span("How long a request may wait for its partition.")),
    ];
    section("From when on the causes of the fail policy hold.", properties)
}

fn windows() -> Value {
    let most = number("The most accounts that one partition remembers.", 1, 1 << 30);
    section("What windows remember.", [("accounts_count_max", most)])
}

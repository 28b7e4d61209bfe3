//! `stopline score`: requests from standard input, decisions to standard output, no Kafka.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;

use super::{ConfigArgs, Exit, load};
use crate::domain::{EventTime, Input, Offset, PartitionId};
use crate::engine::shared::Shared;
use crate::engine::{Engine, History};
use crate::service::log::Batch;
use crate::service::{Clock, Pipeline, PipelineSettings, Told, build};
use crate::wire::{Door, Format, KafkaKey};

/// Decides requests from standard input.
///
/// One request a line, as JSON with the names of `proto/stopline/v1/authorisation.proto`;
/// one answer a line, in the same order. A line that cannot be understood gets an
/// error on its line, and the exit code at the end is 65. Time is the requests'
/// own: a line may have `appended_at_millis`, the broker's time; without it that is
/// `authorised_at_millis`.
#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Stop orders to load first, one JSON object a line, as in
    /// `proto/stopline/v1/stop_order.proto`. Without `in_force_from_millis` an order
    /// is in force from the beginning.
    #[arg(long, value_name = "FILE")]
    stop_orders: Option<PathBuf>,
}

/// The only partition here.
const PARTITION: PartitionId = PartitionId(0);

/// What this command reads of a line besides the contract.
#[derive(Deserialize)]
struct Times {
    appended_at_millis: Option<Millis>,
    authorised_at_millis: Option<Millis>,
}

/// A 64-bit integer as JSON has it: a number or a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Millis {
    Number(i64),
    Text(String),
}

impl Millis {
    fn value(&self) -> Option<i64> {
        match self {
            Self::Number(millis) => Some(*millis),
            Self::Text(millis) => millis.parse().ok(),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &ScoreArgs) -> Exit {
    let loaded = match load::config(&args.config) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let door = match build::door(&loaded.settings.door) {
        Ok(door) => door,
        Err(fault) => {
            eprintln!("error: {fault}");
            return Exit::BadConfig;
        }
    };
    let shared = Arc::new(Shared::default());
    if let Some(file) = &args.stop_orders
        && let Err(exit) = load_stop_orders(file, &door, &shared)
    {
        return exit;
    }
    let settings = PipelineSettings {
        default_format: Format::Json,
        echo_headers: Vec::new(),
        writer: "score".to_owned(),
        partitions_count: None,
    };
    let engine_settings = build::engine_settings(&loaded.settings);
    let mut engine =
        Engine::new(Arc::new(loaded.rule_set), shared, engine_settings, crate::wire::encode_record);
    engine.open_partition(PARTITION, History::Whole);
    // Time stands still: an answer depends on the requests and nothing else.
    let clock = Clock::manual(0);
    let mut pipeline = Pipeline::new(door, engine, clock.clone(), settings);
    let stdin = io::stdin().lock();
    let stdout = BufWriter::new(io::stdout().lock());
    match score_lines(stdin, stdout, &mut pipeline, &clock) {
        Ok(Bad { count: 0, .. }) => Exit::Ok,
        Ok(Bad { count, first_line }) => {
            eprintln!("answered with an error: {}, the first is line {first_line}", lines(count));
            Exit::BadInput
        }
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(fault) => {
            eprintln!("error: reading or writing failed: {fault}");
            Exit::Disk
        }
    }
}

/// Lines that were answered with an error.
#[derive(Clone, Copy, Default)]
struct Bad {
    count: u64,
    /// Counted from one.
    first_line: i64,
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

/// Answers every line; returns which were bad.
fn score_lines(
    mut requests: impl BufRead,
    mut decisions: impl Write,
    pipeline: &mut Pipeline,
    clock: &Clock,
) -> io::Result<Bad> {
    let mut batch = Batch::default();
    let mut line = Vec::new();
    let mut bad = Bad::default();
    for number in 0.. {
        line.clear();
        if requests.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = if number == 0 { without_mark(&line) } else { &line };
        let value = text.trim_ascii();
        let appended_at = appended_at_millis(value);
        clock.step_wall_to(appended_at);
        batch.clear();
        let input = Input { partition: PARTITION, offset: Offset(number) };
        batch.push(input, appended_at, None, Some(value), []);
        for message in batch.iter() {
            let (answered, written) = pipeline.answer(&message, |record| {
                decisions.write_all(record.value)?;
                decisions.write_all(b"\n")
            });
            written?;
            if matches!(answered.told, Told::Refused(_)) {
                bad.count += 1;
                if bad.count == 1 {
                    bad.first_line = number + 1;
                }
            }
        }
    }
    decisions.flush()?;
    Ok(bad)
}

/// A file's first line without the byte order mark that some editors put there.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// The broker's time for a line: as given, else the request's own, else the earliest.
fn appended_at_millis(line: &[u8]) -> i64 {
    serde_json::from_slice::<Times>(line)
        .ok()
        .and_then(|times| {
            let given = times.appended_at_millis.as_ref().and_then(Millis::value);
            given.or_else(|| times.authorised_at_millis.as_ref().and_then(Millis::value))
        })
        .unwrap_or_else(|| EventTime::EARLIEST.unix_millis())
}

/// Loads every order of `file`, or says which lines are bad and loads none.
fn load_stop_orders(file: &Path, door: &Door, shared: &Shared) -> Result<(), Exit> {
    let opened = File::open(file).map_err(|fault| {
        eprintln!("error: {} cannot be read: {fault}", file.display());
        Exit::Disk
    })?;
    let mut orders = Vec::new();
    let mut bad = 0_u64;
    for (number, line) in BufReader::new(opened).split(b'\n').enumerate() {
        let line = line.map_err(|fault| {
            eprintln!("error: {} cannot be read: {fault}", file.display());
            Exit::Disk
        })?;
        let line = if number == 0 { without_mark(&line) } else { &line }.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let offset = Offset(i64::try_from(number).unwrap_or(i64::MAX));
        let beginning = EventTime::EARLIEST;
        match door.decode_stop_order(
            Format::Json,
            KafkaKey::Unchecked,
            Some(line),
            offset,
            beginning,
        ) {
            Ok(order) => orders.push(order),
            Err(refusal) => {
                bad += 1;
                eprintln!("error: {}:{}: {refusal}", file.display(), number + 1);
            }
        }
    }
    if bad > 0 {
        eprintln!("bad stop orders: {}; none was loaded", lines(bad));
        return Err(Exit::BadInput);
    }
    for order in orders {
        let version = order.offset.next();
        shared.stop_list.apply(order);
        shared.stop_list.set_version(version);
    }
    Ok(())
}

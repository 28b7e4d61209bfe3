//! `stopline loadgen`: load on an engine that answers from Kafka, and how it bore it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Exit;
use super::arguments::{length, length_or_none};
use super::print::{SummaryFile, complain, say};
use super::run::exit_of_log;
use super::signals::end_on_signal;
use crate::lab::loadgen::{
    Backlog, BacklogMoment, BacklogSettings, Echo, EchoStart, LoadFault, LoadSettings, Loadgen,
    Place,
};
use crate::wire::Format;

/// How long it is measured where nobody says.
const LENGTH: Duration = Duration::from_mins(1);

/// Sends requests in an open loop to the topics of a running `stopline run`, and measures
/// from the moment each is due to its decision.
///
/// Exits 0 only if the run was good. Exits 70 if an answer is missing, differs from another
/// for the same request or lies in another partition. Exits 1 if anything else is wrong, also
/// if the rate was not held: all that was due must be sent, and 99 of 100 requests within
/// 10 ms of when they were due. It says what was wrong.
#[derive(Clone, Debug, Args)]
pub(super) struct LoadgenArgs {
    /// Where the cluster is; several by comma
    #[arg(long, value_name = "HOST:PORT")]
    brokers: String,
    /// What the names of the topics begin with: `stopline.` for `stopline.decisions`
    #[arg(long, value_name = "PREFIX", default_value = "stopline.")]
    topics: String,
    /// Requests a second on average; arrivals are random
    #[arg(long, value_name = "COUNT", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long it is measured: a number with s, m or h [default: 60s; an echo: until a signal]
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Option<Duration>,
    /// How long requests are sent before that; they are counted, not measured
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = length_or_none)]
    warm_up: Duration,
    /// Cards that pay
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    cards: u32,
    /// Which traffic: the same seed makes the same cards, merchants and payments
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How requests, and so their answers, are written
    #[arg(long, value_enum, default_value_t = MessageFormat::Protobuf)]
    format: MessageFormat,
    /// Send each partition an echo test (0800) a second too; they are told apart
    #[arg(long)]
    probes: bool,
    /// How long answers may take after the last request, before they count as missing
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length)]
    grace: Duration,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Instead: put so many requests in the log while no engine runs, wait for one to be
    /// started, and measure how fast it catches up. On topics of their own
    #[arg(long, value_name = "COUNT",
        value_parser = clap::value_parser!(u64).range(1..=100_000_000),
        conflicts_with_all = ["rate", "length", "warm_up", "probes"])]
    backlog: Option<u64>,
    /// Instead: be what is measured, a consumer and producer with the engine's client settings
    /// that sends every request back. On topics of its own; it answers what comes from now on
    #[arg(long, conflicts_with_all = ["rate", "warm_up", "cards", "seed", "format", "probes",
        "grace", "summary", "backlog", "make_topics"])]
    echo: bool,
    /// With --echo: answer all that the topic holds, as an engine does that catches up
    #[arg(long, requires = "echo")]
    from_beginning: bool,
    /// Instead: make the topics, authorisations and decisions with so many partitions
    #[arg(long, value_name = "PARTITIONS", value_parser = clap::value_parser!(u32).range(1..=256),
        conflicts_with_all = ["rate", "length", "warm_up", "cards", "seed", "format", "probes",
        "grace", "summary", "backlog"])]
    make_topics: Option<u32>,
}

/// The formats of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum MessageFormat {
    /// Protocol buffers.
    Protobuf,
    /// JSON with the names of the contract.
    Json,
}

impl MessageFormat {
    const fn as_wire(self) -> Format {
        match self {
            Self::Protobuf => Format::Protobuf,
            Self::Json => Format::Json,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &LoadgenArgs) -> Exit {
    // Made first: a run that cannot be written down would be lost.
    let summary = match SummaryFile::create("loadgen", args.summary.as_deref()) {
        Ok(summary) => summary,
        Err(exit) => return exit,
    };
    let place = Place::new(args.brokers.clone(), &args.topics);
    let must_end = Arc::new(AtomicBool::new(false));
    end_on_signal(&must_end, || ());
    let ended = if let Some(partitions_count) = args.make_topics {
        make_topics(&place, partitions_count, &must_end)
    } else if args.echo {
        echo(args, place, &must_end)
    } else if let Some(count) = args.backlog {
        backlog(args, count, place, &must_end, summary)
    } else {
        load(args, place, &must_end, summary)
    };
    ended.unwrap_or_else(|fault| {
        complain("loadgen", &fault.to_string());
        match fault {
            LoadFault::Log(fault) => exit_of_log(&fault),
            LoadFault::PartitionCounts { .. } => Exit::BadConfig,
        }
    })
}

fn make_topics(
    place: &Place,
    partitions_count: u32,
    must_end: &AtomicBool,
) -> Result<Exit, LoadFault> {
    for name in place.make_topics(partitions_count, must_end)? {
        say(&format!("made {name}\n"));
    }
    Ok(Exit::Ok)
}

fn echo(args: &LoadgenArgs, place: Place, must_end: &AtomicBool) -> Result<Exit, LoadFault> {
    let start = if args.from_beginning { EchoStart::Beginning } else { EchoStart::End };
    let echo = Echo::open(place, start)?;
    let echoed = echo.run(args.length, must_end, &mut |moment| {
        say(&format!(
            "echoing {} partitions, {} sent back\n",
            moment.partitions_count, moment.echoed
        ));
    })?;
    say(&format!("ended: {echoed} sent back, all acknowledged and committed\n"));
    Ok(Exit::Ok)
}

fn backlog(
    args: &LoadgenArgs,
    count: u64,
    place: Place,
    must_end: &AtomicBool,
    file: Option<SummaryFile<'_>>,
) -> Result<Exit, LoadFault> {
    let settings = BacklogSettings {
        count,
        cards_count: args.cards,
        seed: args.seed,
        format: args.format.as_wire(),
        grace: args.grace,
    };
    let summary = Backlog::open(settings, place)?.run(must_end, &mut |moment| {
        say(&match moment {
            BacklogMoment::Produced { count } => {
                format!("{count} requests are in the log: start the engine now\n")
            }
            BacklogMoment::Answering { answered } => format!("{answered} decisions\n"),
        });
    })?;
    let verdict = Verdict { is_good: summary.is_good, is_broken: summary.is_broken };
    Ok(finish(file, &summary, &summary.as_lines(), verdict))
}

fn load(
    args: &LoadgenArgs,
    place: Place,
    must_end: &Arc<AtomicBool>,
    file: Option<SummaryFile<'_>>,
) -> Result<Exit, LoadFault> {
    let settings = LoadSettings {
        rate_per_second: args.rate,
        length: args.length.unwrap_or(LENGTH),
        warm_up: args.warm_up,
        cards_count: args.cards,
        seed: args.seed,
        format: args.format.as_wire(),
        has_probes: args.probes,
        grace: args.grace,
    };
    let loadgen = Loadgen::open(settings, place)?;
    let summary = loadgen.run(must_end, &mut |moment| {
        say(&(moment.as_line() + "\n"));
    })?;
    let verdict = Verdict { is_good: summary.is_good, is_broken: summary.is_broken };
    Ok(finish(file, &summary, &summary.as_lines(), verdict))
}

/// How a run was.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    is_good: bool,
    is_broken: bool,
}

fn finish(
    file: Option<SummaryFile<'_>>,
    summary: &impl Serialize,
    lines: &[String],
    verdict: Verdict,
) -> Exit {
    say(&(lines.join("\n") + "\n"));
    if let Some(Err(exit)) = file.map(|file| file.write(summary)) {
        return exit;
    }
    match verdict {
        Verdict { is_broken: true, .. } => Exit::Broken,
        Verdict { is_good: true, .. } => Exit::Ok,
        Verdict { .. } => Exit::Failed,
    }
}

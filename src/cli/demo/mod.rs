//! `stopline demo`: a minute of traffic with a story in it, on one machine.

mod screen;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;

use self::screen::{SHOW_CURSOR, Screen, look};
use super::Exit;
use super::run::exit_of_log;
use crate::lab::demo::{Demo, DemoFault, DemoSettings, Ending};

/// Shows traffic, decisions and latencies without any set-up, and tells a story on the way.
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    /// How long it lasts: a number with s, m or h; the story scales with it
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = length)]
    length: Duration,
    /// Requests a second
    #[arg(long, value_name = "COUNT", default_value_t = 2_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Cards that pay
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    cards: u32,
    /// Partitions of the topics
    #[arg(long, value_name = "COUNT", default_value_t = 4,
        value_parser = clap::value_parser!(u32).range(1..=256))]
    partitions: u32,
    /// Which traffic: the same seed makes the same cards, merchants and payments
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// A real Kafka cluster instead of the log in this process; makes topics of its own
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// Plays the demo. [`Exit::Ok`] only if every request got exactly one binding answer.
pub(super) fn run(args: &DemoArgs) -> Exit {
    // Made first: a minute that cannot be written down would be lost.
    let summary = match args.summary.as_deref().map(SummaryFile::create).transpose() {
        Ok(summary) => summary,
        Err(exit) => return exit,
    };
    let must_end = Arc::new(AtomicBool::new(false));
    let mut screen = Screen::new(io::stdout(), look(), Arc::clone(&must_end));
    let settings = DemoSettings {
        length: args.length,
        rate_per_second: args.rate,
        cards_count: args.cards,
        partitions_count: args.partitions,
        seed: args.seed,
        brokers: args.brokers.clone(),
        frame_interval: screen.interval(),
    };
    end_on_signal(&must_end);
    let played = Demo::open(settings).and_then(|demo| {
        let stage = demo.stage().clone();
        screen.open(&stage);
        let ending = demo.play(must_end, &mut |frame| screen.show(&stage, frame))?;
        Ok((stage, ending))
    });
    match played {
        Ok((stage, ending)) => {
            screen.close(&stage, &ending);
            finish(summary, screen.into_fault(), &ending)
        }
        Err(fault) => {
            screen.restore();
            failed(&fault)
        }
    }
}

fn finish(
    summary: Option<SummaryFile<'_>>,
    screen_fault: Option<io::Error>,
    ending: &Ending,
) -> Exit {
    if let Some(Err(exit)) = summary.map(|file| file.write(ending)) {
        return exit;
    }
    match screen_fault {
        // Whoever read has seen enough.
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("standard output: {error}"));
            Exit::Disk
        }
        Some(_) | None if ending.is_well() => Exit::Ok,
        Some(_) | None => Exit::Failed,
    }
}

/// Where the figures go.
struct SummaryFile<'p> {
    path: &'p Path,
    file: File,
}

impl<'p> SummaryFile<'p> {
    fn create(path: &'p Path) -> Result<Self, Exit> {
        match File::create(path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(Self::refused(path, &error)),
        }
    }

    fn write(mut self, ending: &Ending) -> Result<(), Exit> {
        serde_json::to_string_pretty(&ending.summary)
            .map_err(io::Error::from)
            .and_then(|text| writeln!(self.file, "{text}"))
            .map_err(|error| Self::refused(self.path, &error))
    }

    fn refused(path: &Path, error: &io::Error) -> Exit {
        complain(&format!("{}: {error}", path.display()));
        Exit::Disk
    }
}

fn failed(fault: &DemoFault) -> Exit {
    complain(&fault.to_string());
    match fault {
        DemoFault::Log(fault) => exit_of_log(fault),
        DemoFault::Rules(_) => Exit::Broken,
        DemoFault::Thread(_) | DemoFault::Engine(_) => Exit::Failed,
    }
}

/// Sets `must_end` at the first Ctrl-C or SIGTERM, and leaves at once at the second.
fn end_on_signal(must_end: &Arc<AtomicBool>) {
    let must_end = Arc::clone(must_end);
    let watching = thread::Builder::new().name("demo-signals".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            interrupted().await?;
            must_end.store(true, Ordering::SeqCst);
            interrupted().await?;
            if io::stdout().is_terminal() {
                io::stdout().write_all(SHOW_CURSOR.as_bytes())?;
                io::stdout().flush()?;
            }
            std::process::exit(130)
        })
    });
    let watching: io::Result<thread::JoinHandle<io::Result<()>>> = watching;
    // Without it the demo still runs; Ctrl-C then ends it without a summary.
    drop(watching);
}

#[cfg(unix)]
async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    Ok(())
}

#[cfg(not(unix))]
async fn interrupted() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn complain(text: &str) {
    drop(writeln!(io::stderr().lock(), "stopline demo: {text}"));
}

/// Reads a length of time: 90s, 2m, 1h.
fn length(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a whole number with s, m or h, from 1s to 24h, not {text:?}");
    let digits_end = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let seconds_per_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(expected()),
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(seconds_per_unit))
        .filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::demo::{Percentiles, Summary};

    #[test]
    fn lengths_are_whole_seconds_minutes_or_hours() {
        let cases = [
            ("60s", Some(60)),
            ("90s", Some(90)),
            ("5", None),
            ("2m", Some(120)),
            ("1h", Some(3_600)),
            ("0s", None),
            ("25h", None),
            ("s", None),
            ("1.5s", None),
            ("10ms", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(length(text).ok().map(|found| found.as_secs()), seconds, "{text:?}");
        }
    }

    /// An output that fails.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_fails_ends_the_demo_and_only_a_closed_pipe_is_well() {
        let cases =
            [(io::ErrorKind::StorageFull, Exit::Disk), (io::ErrorKind::BrokenPipe, Exit::Ok)];
        for (kind, exit) in cases {
            let must_end = Arc::new(AtomicBool::new(false));
            let mut screen = Screen::new(Broken(kind), None, Arc::clone(&must_end));
            screen.say("one");
            screen.say("two");
            assert!(must_end.load(Ordering::SeqCst), "{kind}");
            let found = finish(None, screen.into_fault(), &ending());
            assert_eq!(found, exit, "{kind}");
        }
    }

    #[test]
    fn a_summary_is_refused_before_the_demo_and_written_whole_after_it() {
        let place = tempfile::tempdir().expect("a directory");
        let missing = place.path().join("missing/summary.json");
        assert_eq!(SummaryFile::create(&missing).err(), Some(Exit::Disk));
        let path = place.path().join("summary.json");
        let file = SummaryFile::create(&path).unwrap_or_else(|exit| panic!("{exit:?}"));
        assert_eq!(finish(Some(file), None, &ending()), Exit::Ok);
        let text = std::fs::read_to_string(&path).expect("written");
        assert!(text.contains("\"sent\": 0") && text.ends_with("}\n"), "{text}");
    }

    fn ending() -> Ending {
        let nothing = Percentiles::default();
        Ending {
            summary: Summary {
                sent: 0,
                answered: 0,
                missing: 0,
                duplicates: 0,
                approved: 0,
                declined: 0,
                stepped_up: 0,
                declined_by_stop_list: 0,
                engine_latency_ns: nothing,
                end_to_end_latency_us: nothing,
                stop_order_to_enforced_us: None,
                seed: 1,
            },
            story: Vec::new(),
            faults: Vec::new(),
            ran_nanos: 0,
            cpu_nanos: None,
        }
    }
}

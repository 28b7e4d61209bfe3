//! `stopline demo`: a minute of traffic with a story in it, on one machine.

mod screen;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;

use self::screen::{SHOW_CURSOR, Screen, look};
use super::Exit;
use super::arguments::length;
use super::print::{SummaryFile, complain, say};
use super::run::exit_of_log;
use super::signals::end_on_signal;
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
    let summary = match SummaryFile::create("demo", args.summary.as_deref()) {
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
    end_on_signal(&must_end, show_cursor);
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
    if let Some(Err(exit)) = summary.map(|file| file.write(&ending.summary)) {
        return exit;
    }
    match screen_fault {
        // Whoever read has seen enough.
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain("demo", &format!("standard output: {error}"));
            Exit::Disk
        }
        Some(_) | None if ending.is_well() => Exit::Ok,
        Some(_) | None => Exit::Failed,
    }
}

fn failed(fault: &DemoFault) -> Exit {
    complain("demo", &fault.to_string());
    match fault {
        DemoFault::Log(fault) => exit_of_log(fault),
        DemoFault::Rules(_) => Exit::Broken,
        DemoFault::Thread(_) | DemoFault::Engine(_) => Exit::Failed,
    }
}

/// Shows the cursor again.
fn show_cursor() {
    if io::stdout().is_terminal() {
        say(SHOW_CURSOR);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::lab::{Percentiles, demo::Summary};

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
        assert_eq!(SummaryFile::create("demo", Some(&missing)).err(), Some(Exit::Disk));
        let path = place.path().join("summary.json");
        let file =
            SummaryFile::create("demo", Some(&path)).unwrap_or_else(|exit| panic!("{exit:?}"));
        assert_eq!(finish(file, None, &ending()), Exit::Ok);
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

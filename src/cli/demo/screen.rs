//! Where frames go: a terminal, or lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::lab::demo::{Ending, Frame, Look, Paint, Stage, what_to_try_next};

/// Columns and rows where nobody says how many there are.
const SIZE_UNKNOWN: (usize, usize) = (80, 24);
/// Between two frames on a terminal, and between two lines elsewhere.
const REDRAW_INTERVAL: Duration = Duration::from_millis(500);
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Where frames go: redrawn in place on a terminal, lines elsewhere.
pub(super) struct Screen<W: Write> {
    out: W,
    /// Set where nothing can be written any more: nobody looks.
    must_end: Arc<AtomicBool>,
    /// The first fault of the output; nothing is written after it.
    fault: Option<io::Error>,
    look: Option<Look>,
    drawn_lines_count: usize,
    told: Vec<String>,
}

impl<W: Write> Screen<W> {
    /// A screen on `out`.
    pub(super) fn new(out: W, look: Option<Look>, must_end: Arc<AtomicBool>) -> Self {
        Self { out, must_end, fault: None, look, drawn_lines_count: 0, told: Vec::new() }
    }

    /// From frame to frame.
    pub(super) fn interval(&self) -> Duration {
        if self.look.is_some() { REDRAW_INTERVAL } else { LINE_INTERVAL }
    }

    /// Says what will be played.
    pub(super) fn open(&mut self, stage: &Stage) {
        let mut text = String::new();
        if self.look.is_none() {
            text.push_str("Stopline demo: ");
            text.push_str(&stage.summary());
            text.push('\n');
        }
        for note in &stage.notes {
            text.push_str(note);
            text.push('\n');
        }
        if self.look.is_some() {
            text.push_str(HIDE_CURSOR);
        }
        self.say(&text);
    }

    /// Shows a frame.
    pub(super) fn show(&mut self, stage: &Stage, frame: &Frame) {
        if let Some(drawn) = self.look {
            let (width, rows) = size();
            let look = Look { width, rows, ..drawn };
            let lines = frame.as_screen(stage, look);
            let text = if look == drawn {
                redrawn(self.drawn_lines_count, &lines)
            } else {
                // The terminal has folded what was drawn: nobody knows where it begins.
                format!("{CLEAR}{}", redrawn(0, &lines))
            };
            self.say(&text);
            self.look = Some(look);
            self.drawn_lines_count = lines.len();
            return;
        }
        let mut text = frame.as_line(stage);
        text.push('\n');
        for told in frame.story.iter().filter(|told| !self.told.contains(told)) {
            text.push_str("      * ");
            text.push_str(told);
            text.push('\n');
        }
        self.told.clone_from(&frame.story);
        self.say(&text);
    }

    /// Says how it ended and what to try next.
    pub(super) fn close(&mut self, stage: &Stage, ending: &Ending) {
        let width = self.look.map_or(usize::MAX, |look| look.width);
        let mut lines = ending.as_lines(stage, width);
        lines.push(String::new());
        lines.extend(what_to_try_next(&program(), width, stage.rate_per_second));
        self.restore();
        let mut text = String::from("\n");
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        self.say(&text);
    }

    /// Leaves the terminal as it was.
    pub(super) fn restore(&mut self) {
        if self.look.is_some() {
            self.say(SHOW_CURSOR);
        }
    }

    /// What went wrong with the output.
    pub(super) fn into_fault(self) -> Option<io::Error> {
        self.fault
    }

    pub(super) fn say(&mut self, text: &str) {
        if self.fault.is_some() {
            return;
        }
        let said = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(fault) = said {
            self.fault = Some(fault);
            self.must_end.store(true, Ordering::SeqCst);
        }
    }
}

const HIDE_CURSOR: &str = "\u{1b}[?25l";
/// Shows the cursor.
pub(super) const SHOW_CURSOR: &str = "\u{1b}[?25h";
/// Empties the screen; what has scrolled off it stays.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// What draws `lines` over the `drawn_lines_count` lines drawn before.
fn redrawn(drawn_lines_count: usize, lines: &[String]) -> String {
    let mut text = match drawn_lines_count {
        0 => String::new(),
        count => format!("\u{1b}[{count}A\r"),
    };
    for line in lines {
        // Emptied before: behind a line as wide as the terminal that would take its last letter.
        text.push_str("\u{1b}[K");
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("\u{1b}[J");
    text
}

/// How frames may look; `None` where standard output cannot redraw.
pub(super) fn look() -> Option<Look> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let (width, rows) = size();
    (io::stdout().is_terminal() && !is_dumb).then(|| Look { width, rows, paint: paint() })
}

/// Columns and rows.
fn size() -> (usize, usize) {
    terminal_size::terminal_size()
        .map_or(SIZE_UNKNOWN, |(columns, rows)| (columns.0.into(), rows.0.into()))
}

/// This program as it was started: what is typed the same way runs again.
fn program() -> String {
    let name = std::env::args_os().next().unwrap_or_else(|| "stopline".into());
    let name = name.to_string_lossy();
    if name.contains(' ') { format!("'{name}'") } else { name.into_owned() }
}

/// Source: no-color.org: present and not empty.
fn paint() -> Paint {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        Paint::Nothing
    } else {
        Paint::Colours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_drawn_over_the_one_before() {
        let lines = ["one".to_owned(), "two".to_owned()];
        assert_eq!(redrawn(0, &lines), "\u{1b}[Kone\n\u{1b}[Ktwo\n\u{1b}[J");
        assert!(redrawn(3, &lines).starts_with("\u{1b}[3A\r\u{1b}[Kone"));
    }
}

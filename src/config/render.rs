//! Problems as a person reads them: the line, the marks below it, the remedy.

use std::fmt::{self, Write as _};

use super::problem::{Place, Problem, Problems, Severity};

/// How many problems are shown; a broken file can have thousands.
const SHOWN_COUNT_MAX: usize = 100;

/// How much of a line is shown, in characters.
const LINE_LENGTH_MAX: usize = 160;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", self.what)?;
        let gutter = match &self.place {
            Some(place) => place.write(f, &self.expected)?,
            None if self.expected.is_empty() => 1,
            None => {
                writeln!(f, "  = expected {}", self.expected)?;
                1
            }
        };
        if let Some(remedy) = &self.remedy {
            writeln!(f, "{:gutter$} = help: {remedy}", "")?;
        }
        Ok(())
    }
}

impl Place {
    /// Writes the line with its marks; returns how wide the line number is.
    fn write(&self, f: &mut fmt::Formatter<'_>, expected: &str) -> Result<usize, fmt::Error> {
        let Self { file, line, column, .. } = self;
        let gutter = line.to_string().len();
        writeln!(f, "{:gutter$}--> {file}:{line}:{column}", "")?;
        if self.length == 0 {
            if !expected.is_empty() {
                writeln!(f, "{:gutter$} = expected {expected}", "")?;
            }
            return Ok(gutter);
        }
        let (text, indent, marks) = self.cut();
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} | {}", text.trim_end())?;
        let marks = "^".repeat(marks);
        write!(f, "{:gutter$} | {}{marks}", "", " ".repeat(indent))?;
        if expected.is_empty() {
            writeln!(f)?;
        } else {
            writeln!(f, " expected {expected}")?;
        }
        Ok(gutter)
    }

    /// The line as it can be shown, and where and how wide its mark is, in terminal
    /// columns.
    fn cut(&self) -> (String, usize, usize) {
        let start = self.column - 1;
        let first = if start + 40 > LINE_LENGTH_MAX { start - 40.min(start) } else { 0 };
        let mut text = String::from(if first > 0 { "…" } else { "" });
        let (mut indent, mut marks) = (usize::from(first > 0), 0);
        for (at, character) in self.text.chars().enumerate().skip(first) {
            if at >= first + LINE_LENGTH_MAX {
                text.push('…');
                break;
            }
            let shown = if character.is_control() { ' ' } else { character };
            let width = if is_wide(shown) { 2 } else { 1 };
            if at < start {
                indent += width;
            } else if at < start + self.length {
                marks += width;
            }
            text.push(shown);
        }
        let beyond = start.saturating_sub(self.text.chars().count());
        (text, indent + beyond.min(1), marks.max(1))
    }
}

/// True for characters that take two columns on a terminal.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.iter().take(SHOWN_COUNT_MAX) {
            writeln!(f, "{problem}")?;
        }
        let mut counts = String::new();
        if self.iter().count() > SHOWN_COUNT_MAX {
            write!(counts, "first {SHOWN_COUNT_MAX} shown of ")?;
        }
        let (errors, warnings) = (self.errors_count(), self.warnings_count());
        match (errors, warnings) {
            (0, 0) => write!(counts, "no problem")?,
            (0, _) => write!(counts, "{}", plural(warnings, "warning"))?,
            (_, 0) => write!(counts, "{}", plural(errors, "error"))?,
            (_, _) => {
                write!(counts, "{}, {}", plural(errors, "error"), plural(warnings, "warning"))?;
            }
        }
        f.write_str(&counts)
    }
}

/// `count` and `noun`, in the plural where that is right.
pub(super) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

//! How text fits a terminal: widths, colours, folded lines.

/// Widest line that is drawn.
const WIDTH_MAX: usize = 100;
/// Narrowest line that is drawn; a terminal that is narrower wraps.
const WIDTH_MIN: usize = 20;
/// Fewest rows that are drawn; a terminal that is lower scrolls.
const ROWS_MIN: usize = 4;
/// Narrowest name in front of figures.
const NAME_MIN: usize = 10;

/// How a frame may look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Columns of the terminal.
    pub width: usize,
    /// Rows of the terminal.
    pub rows: usize,
    /// What may be used to set things off.
    pub paint: Paint,
}

/// What may be used to set things off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// ANSI colours.
    Colours,
    /// Nothing (`NO_COLOR`).
    Nothing,
}

impl Look {
    /// How wide lines may be.
    pub(super) fn width(self) -> usize {
        self.width.clamp(WIDTH_MIN, WIDTH_MAX)
    }

    /// How many lines there may be: the last row is the cursor's.
    pub(super) fn lines_count_max(self) -> usize {
        self.rows.saturating_sub(1).max(ROWS_MIN)
    }
}

/// For what goes well.
pub(super) const GREEN: &str = "\u{1b}[32m";
/// For what needs a second look.
pub(super) const YELLOW: &str = "\u{1b}[33m";
/// For what is refused.
pub(super) const RED: &str = "\u{1b}[31m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// A line of the screen.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its text.
    pub(super) text: String,
    /// What sets it off.
    pub(super) colour: Option<&'static str>,
}

impl Line {
    /// A line like any other.
    pub(super) fn plain(text: String) -> Self {
        Self { text, colour: None }
    }

    /// A heading.
    pub(super) fn bold(text: String) -> Self {
        Self { text, colour: Some(BOLD) }
    }

    /// The line as it is written, cut to `width`.
    pub(super) fn painted(&self, width: usize, paint: Paint) -> String {
        let cut = cut(&self.text, width);
        match (paint, self.colour) {
            (Paint::Colours, Some(colour)) => format!("{colour}{cut}{PLAIN}"),
            (Paint::Colours, None) | (Paint::Nothing, _) => cut,
        }
    }
}

/// `text` in at most `width` characters; an ellipsis stands for what is not there.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A name and figures below each other, each with the width of its column. What has no room
/// in `width` is left out from the right: a figure is whole or not there.
pub(super) fn row(
    name: &str,
    name_width: usize,
    figures: &[(&str, usize)],
    width: usize,
) -> String {
    let figures_width: usize = figures.iter().map(|(_, width)| width).sum();
    let name_width = width.saturating_sub(figures_width).clamp(NAME_MIN, name_width);
    let mut text = format!("{:<name_width$}", cut(name, name_width));
    let mut used = name_width;
    for (figure, figure_width) in figures {
        used += figure_width;
        if used > width {
            break;
        }
        let room = figure_width.saturating_sub(figure.chars().count());
        text.extend(std::iter::repeat_n(' ', room));
        text.push_str(figure);
    }
    text
}

/// What lines begin and end with when text does not fit one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hang {
    /// Before the first.
    pub(super) first: &'static str,
    /// Before the others.
    pub(super) others: &'static str,
    /// Behind all but the last.
    pub(super) more: &'static str,
}

impl Hang {
    /// An entry of a list.
    pub(super) const ENTRY: Self = Self { first: "  - ", others: "    ", more: "" };
    /// An indented line.
    pub(super) const INDENTED: Self = Self { first: "  ", others: "    ", more: "" };
    /// A command of a shell.
    pub(super) const COMMAND: Self = Self { first: "  ", others: "      ", more: " \\" };
}

/// `text` in lines of at most `width` characters, folded between words.
pub(super) fn folded(text: &str, width: usize, hang: Hang) -> Vec<String> {
    let width = width.max(WIDTH_MIN).saturating_sub(hang.more.len());
    let mut lines = Vec::new();
    let mut line = hang.first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            line.push_str(hang.more);
            lines.push(std::mem::replace(&mut line, hang.others.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_fold_between_words() {
        let text = "one two three four five";
        assert_eq!(folded(text, 20, Hang::ENTRY), ["  - one two three", "    four five"]);
        assert_eq!(folded(text, 20, Hang::COMMAND), ["  one two three \\", "      four five"]);
        assert_eq!(folded("one", 80, Hang::ENTRY), ["  - one"]);
        assert_eq!(folded(text, usize::MAX, Hang::INDENTED), ["  one two three four five"]);
    }

    #[test]
    fn a_line_is_cut_before_it_is_painted() {
        let line = Line::bold("heading".to_owned());
        assert_eq!(line.painted(4, Paint::Nothing), "hea…");
        assert_eq!(line.painted(4, Paint::Colours), "\u{1b}[1mhea…\u{1b}[0m");
        assert_eq!(line.painted(7, Paint::Nothing), "heading");
    }

    #[test]
    fn a_figure_is_whole_or_not_there() {
        let figures = [("1,234", 8), ("56,789", 8)];
        assert_eq!(row("approved", 12, &figures, 80), "approved       1,234  56,789");
        assert_eq!(row("approved authorisations", 30, &figures, 26), "approved …   1,234  56,789");
        assert_eq!(row("approved", 12, &figures, 25), "approved     1,234");
    }
}

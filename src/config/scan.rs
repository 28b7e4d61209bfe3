//! A look at a condition's text before it is parsed: nothing gets to the parser that
//! could exhaust it, and the commonest slips are named better than it would.

use std::ops::Range;

use super::problem::Code;

/// The longest condition, in bytes.
pub(super) const TEXT_LENGTH_MAX: usize = 4_096;

/// How deep a condition may be nested, chains of operators counted.
pub(super) const NESTING_MAX: usize = 64;

/// What keeps a text from being parsed.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Slip {
    pub(super) span: Range<usize>,
    pub(super) what: String,
    pub(super) expected: &'static str,
}

impl Slip {
    /// A construct that is not compiled, or a slip in the syntax.
    pub(super) fn code(&self) -> Code {
        let is_known = self.what.ends_with("not compiled");
        if is_known { Code::NotCompiled } else { Code::ConditionSyntax }
    }
}

/// One open bracket, and the text before the first one.
struct Level {
    opened_at: usize,
    closing: u8,
    /// Operators since the last `&&`, `||` or comma: each may be a level of the tree.
    chain: usize,
}

/// Looks through `text`.
///
/// # Errors
/// The first [`Slip`].
pub(super) fn scan(text: &str) -> Result<(), Slip> {
    if text.len() > TEXT_LENGTH_MAX {
        let what = format!("this condition has {} bytes", text.len());
        return Err(slip(0..text.len(), what, "at most 4096: split the rule in two"));
    }
    Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        levels: vec![Level { opened_at: 0, closing: 0, chain: 0 }],
    }
    .run()
}

fn slip(span: Range<usize>, what: impl Into<String>, expected: &'static str) -> Slip {
    Slip { span, what: what.into(), expected }
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    levels: Vec<Level>,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), Slip> {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'"' | b'\'' => self.string(byte)?,
                b'(' => self.open(b')')?,
                b'[' => self.open(b']')?,
                b')' | b']' => self.close(byte)?,
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word()?,
                b'0'..=b'9' => self.number(),
                _ => self.sign(byte)?,
            }
        }
        match self.levels.pop() {
            Some(level) if level.closing != 0 => {
                let expected = closing_text(level.closing);
                Err(slip(
                    level.opened_at..level.opened_at + 1,
                    "this bracket is not closed",
                    expected,
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn string(&mut self, quote: u8) -> Result<(), Slip> {
        let start = self.at;
        let rest = self.bytes.get(start + 1..).unwrap_or_default();
        let end = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n') || *byte == quote);
        let found = end.and_then(|length| Some((start + 1 + length, *rest.get(length)?)));
        match found {
            Some((end, found)) if found == quote => {
                self.at = end + 1;
                if self.bytes.get(self.at) == Some(&quote) {
                    return Err(slip(
                        start..self.at + 1,
                        "three quotes in a row",
                        "one quote at each end",
                    ));
                }
                self.printable(start..self.at)
            }
            Some((end, b'\\')) => {
                Err(slip(end..end + 1, "a backslash in a text", "printable ASCII without escapes"))
            }
            Some(_) | None => Err(slip(
                start..start + 1,
                "this text has no closing quote",
                "the same quote at its end",
            )),
        }
    }

    fn printable(&self, span: Range<usize>) -> Result<(), Slip> {
        let text = self.text.get(span.clone()).unwrap_or_default();
        if text.is_ascii() {
            return Ok(());
        }
        Err(slip(span, "this text has characters that no field can have", "printable ASCII"))
    }

    fn open(&mut self, closing: u8) -> Result<(), Slip> {
        self.levels.push(Level { opened_at: self.at, closing, chain: 0 });
        self.deepen(self.at..self.at + 1, 0)?;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<(), Slip> {
        let here = self.at..self.at + 1;
        let closing = self.levels.last().map_or(0, |level| level.closing);
        if closing == 0 {
            return Err(slip(
                here,
                "this bracket was never opened",
                "an opening bracket before it",
            ));
        }
        if closing != byte {
            return Err(slip(here, "this bracket does not match", closing_text(closing)));
        }
        self.levels.pop();
        self.at += 1;
        Ok(())
    }

    fn word(&mut self) -> Result<(), Slip> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        self.at += self.length_of(is_part);
        let word = self.text.get(start..self.at).unwrap_or_default();
        let follows_dot = self.text.get(..start).is_some_and(|it| it.trim_end().ends_with('.'));
        let sign = match word {
            "and" | "AND" => "`&&`",
            "or" | "OR" => "`||`",
            "not" | "NOT" => "`!`",
            _ if matches!(self.bytes.get(self.at), Some(b'"' | b'\'')) => {
                return Err(slip(
                    start..self.at,
                    "a letter before a quote",
                    "a plain text in quotes",
                ));
            }
            _ => return Ok(()),
        };
        if follows_dot {
            return Ok(());
        }
        Err(slip(start..self.at, format!("`{word}` is not an operator"), sign))
    }

    fn number(&mut self) {
        // What a number may look like is the parser's to say, and the compiler's.
        self.at += self.length_of(u8::is_ascii_alphanumeric);
    }

    fn sign(&mut self, byte: u8) -> Result<(), Slip> {
        let here = self.at;
        let next = self.bytes.get(here + 1).copied();
        let one = here..here + 1;
        let length = match (byte, next) {
            (b'/', Some(b'/')) => {
                self.at += self.length_of(|byte| *byte != b'\n');
                return Ok(());
            }
            (b'&', Some(b'&')) | (b'|', Some(b'|')) => {
                self.separate();
                self.at += 2;
                return Ok(());
            }
            (b',', _) => {
                self.separate();
                self.at += 1;
                return Ok(());
            }
            (b'=', Some(b'>')) => return Err(no_operator(here, "=>", "`>=`")),
            (b'=', Some(b'<')) => return Err(no_operator(here, "=<", "`<=`")),
            (b'<', Some(b'>')) => return Err(no_operator(here, "<>", "`!=`")),
            (b'=' | b'!' | b'<' | b'>', Some(b'=')) => 2,
            (b'=', _) => return Err(slip(one, "a single `=`", "`==` to compare")),
            (b'&', _) => return Err(slip(one, "a single `&`", "`&&` between conditions")),
            (b'|', _) => return Err(slip(one, "a single `|`", "`||` between conditions")),
            (b'{' | b'}', _) => {
                return Err(slip(
                    one,
                    "maps and messages are not compiled",
                    "fields, velocity.NAME, thresholds.NAME",
                ));
            }
            (b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'?' | b':', _) => 1,
            (_, _) => {
                let character = self.text.get(here..).and_then(|rest| rest.chars().next());
                let length = character.map_or(1, char::len_utf8);
                let what = match character {
                    Some(character) if !character.is_control() => {
                        format!("`{character}` means nothing in a condition")
                    }
                    Some(_) | None => "a control character in a condition".to_owned(),
                };
                return Err(slip(
                    here..here + length,
                    what,
                    "names, numbers, texts in quotes, operators",
                ));
            }
        };
        self.deepen(here..here + length, 1)?;
        self.at += length;
        Ok(())
    }

    fn separate(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.chain = 0;
        }
    }

    fn deepen(&mut self, span: Range<usize>, operators: usize) -> Result<(), Slip> {
        if let Some(level) = self.levels.last_mut() {
            level.chain += operators;
        }
        let depth: usize = self.levels.iter().map(|level| level.chain + 1).sum();
        if depth <= NESTING_MAX {
            return Ok(());
        }
        Err(slip(
            span,
            "this condition is nested too deep here",
            "at most 64 levels: split the rule in two",
        ))
    }

    /// How many bytes from here on are `wanted`.
    fn length_of(&self, wanted: impl Fn(&u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().take_while(|byte| wanted(byte)).count()
    }
}

fn no_operator(at: usize, sign: &str, meant: &'static str) -> Slip {
    slip(at..at + sign.len(), format!("`{sign}` is not an operator"), meant)
}

fn closing_text(closing: u8) -> &'static str {
    if closing == b']' { "`]`" } else { "`)`" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_where_they_are() {
        let cases = [
            ("amount = 5", 7..8, "a single `=`"),
            ("amount => 5", 7..9, "`=>` is not an operator"),
            ("amount =< 5", 7..9, "`=<` is not an operator"),
            ("eci <> 5", 4..6, "`<>` is not an operator"),
            ("a == 1 & b == 2", 7..8, "a single `&`"),
            ("a == 1 and b == 2", 7..10, "`and` is not an operator"),
            ("(a == 1", 0..1, "this bracket is not closed"),
            ("a in [1, 2)", 10..11, "this bracket does not match"),
            ("a == 1)", 6..7, "this bracket was never opened"),
            ("a == \"x", 5..6, "this text has no closing quote"),
            ("a == \"x\\n\"", 7..8, "a backslash in a text"),
            ("a == r\"x\"", 5..6, "a letter before a quote"),
            ("a == \"\"\"x\"\"\"", 5..8, "three quotes in a row"),
            ("a == \"卡\"", 5..10, "this text has characters that no field can have"),
            ("金额 > 1", 0..3, "`金` means nothing in a condition"),
            ("a == {}", 5..6, "maps and messages are not compiled"),
        ];
        for (text, span, what) in cases {
            let found = scan(text).expect_err(text);
            assert_eq!((found.span, found.what.as_str()), (span, what), "{text}");
        }
    }

    #[test]
    fn sound_texts_pass() {
        for text in [
            "",
            "velocity.and > 1 && !(a in [1, 2]) || b == 'x'",
            "a == 1 // why: see the note, it's said there",
        ] {
            assert_eq!(scan(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn nesting_and_length_are_refused_right_beyond_their_limits() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(scan(&nested(63)), Ok(()));
        assert!(scan(&nested(64)).is_err());
        let chained = |operators: usize| format!("1{}", "+1".repeat(operators));
        assert_eq!(scan(&chained(63)), Ok(()));
        assert!(scan(&chained(64)).is_err());
        let many = |parts: usize| vec!["a"; parts].join(" && ");
        assert_eq!(scan(&many(800)), Ok(()));
        assert_eq!(scan(&" ".repeat(TEXT_LENGTH_MAX)), Ok(()));
        assert!(scan(&" ".repeat(TEXT_LENGTH_MAX + 1)).is_err());
    }
}

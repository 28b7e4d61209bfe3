//! Conditions as the CEL parser sees them, each part with its place in the file.

use std::ops::Range;

use ::cel::Env;
use ::cel::common::ast::{Expr, IdedExpr, SourceInfo};
use ::cel::parser::ParseErrors;

use super::document::Node;
use super::problem::{Code, Problem, Problems, Spot};
use super::scan::scan;

/// A parsed condition.
pub(super) struct Expression {
    root: IdedExpr,
    offsets: SourceInfo,
    text: String,
    place: TextPlace,
}

/// Where the text of a TOML string lies in its file.
struct TextPlace {
    whole: Spot,
    /// Where its first character is; `None` where escapes make the two differ.
    start: Option<usize>,
}

impl TextPlace {
    fn of(whole: &Spot, text: &str) -> Self {
        let raw = whole.text();
        let quotes_length = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
        // TOML drops a line break right behind three quotes.
        let inner = raw.get(quotes_length..).unwrap_or_default();
        let dropped_length = match quotes_length {
            3 if inner.starts_with("\r\n") => 2,
            3 if inner.starts_with('\n') => 1,
            _ => 0,
        };
        let is_verbatim = inner.get(dropped_length..).is_some_and(|inner| inner.starts_with(text));
        Self {
            whole: whole.clone(),
            start: is_verbatim.then_some(whole.span.start + quotes_length + dropped_length),
        }
    }

    fn spot(&self, span: Range<usize>) -> Spot {
        match self.start {
            Some(start) => self.whole.at(start + span.start..start + span.end),
            None => self.whole.clone(),
        }
    }
}

impl Expression {
    /// The condition written as `text` in `node`.
    pub(super) fn parse(node: &Node, text: &str, problems: &mut Problems) -> Option<Self> {
        let place = TextPlace::of(&node.spot, text);
        if text.trim().is_empty() {
            problems.push(
                Problem::error(&node.spot, "this condition is empty")
                    .code(Code::ConditionSyntax)
                    .expected("a comparison, such as \"amount >= thresholds.large_amount\""),
            );
            return None;
        }
        if let Err(slip) = scan(text) {
            let code = slip.code();
            let problem = Problem::error(&place.spot(slip.span), slip.what).code(code);
            problems.push(problem.expected(slip.expected));
            return None;
        }
        // Without the macros `has` stays a call, and `exists` and the like can be named.
        let parser = Env::default().parser().enable_optional_syntax(false);
        match parser.parse_with_source_info(text) {
            Ok((root, offsets)) => Some(Self { root, offsets, text: text.to_owned(), place }),
            Err(errors) => {
                problems.push(explain(&errors, text, &place).code(Code::ConditionSyntax));
                None
            }
        }
    }

    /// The outermost part.
    pub(super) fn root(&self) -> &IdedExpr {
        &self.root
    }

    /// The place of all of it.
    pub(super) fn whole(&self) -> Spot {
        self.place.spot(0..self.text.len())
    }

    /// The place of `part`.
    pub(super) fn spot(&self, part: &IdedExpr) -> Spot {
        match self.span(part) {
            Some(span) => self.place.spot(span),
            None => self.whole(),
        }
    }

    /// The place of the sign or name that `part` itself is.
    pub(super) fn token_spot(&self, part: &IdedExpr) -> Spot {
        match self.token(part) {
            Some(span) => self.place.spot(span),
            None => self.spot(part),
        }
    }

    fn token(&self, part: &IdedExpr) -> Option<Range<usize>> {
        let (start, last) = self.offsets.offset_for(part.id)?;
        let span = usize::try_from(start).ok()?..usize::try_from(last).ok()?.checked_add(1)?;
        self.text.get(span.clone())?;
        Some(span)
    }

    /// From the first to the last character of `part`: the parser tells the place of
    /// one token of each, the rest is put together.
    fn span(&self, part: &IdedExpr) -> Option<Range<usize>> {
        let token = self.token(part)?;
        let mut span = token.clone();
        let mut include = |inner: &IdedExpr| {
            if let Some(inner) = self.span(inner) {
                span = span.start.min(inner.start)..span.end.max(inner.end);
            }
        };
        let mut closing = None;
        match &part.expr {
            Expr::Call(call) => {
                call.target.iter().for_each(|target| include(target));
                call.args.iter().for_each(&mut include);
                if self.text.get(token.clone()) == Some("(") {
                    closing = Some(')');
                    let before = self.text.get(..token.start)?.trim_end();
                    if before.ends_with(call.func_name.as_str()) {
                        span.start = span.start.min(before.len() - call.func_name.len());
                    }
                }
            }
            Expr::List(list) => {
                list.elements.iter().for_each(&mut include);
                closing = Some(']');
            }
            Expr::Select(select) => {
                include(&select.operand);
                let behind = self.text.get(token.end..)?;
                let blanks = behind.len() - behind.trim_start().len();
                span.end = span.end.max(token.end + blanks + select.field.len());
            }
            Expr::Unspecified
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_) => {}
        }
        if let Some(found) = closing.and_then(|it| self.text.get(span.end..)?.find(it)) {
            span.end += found + 1;
        }
        span.end = span.end.min(self.text.len());
        Some(span)
    }
}

/// The first thing that the parser stumbled over, in our words.
fn explain(errors: &ParseErrors, text: &str, place: &TextPlace) -> Problem {
    let Some(error) = errors.errors.first() else {
        return Problem::error(&place.spot(0..text.len()), "this is no condition");
    };
    let start = offset_of(error.pos, text);
    let quoted = error.msg.split('\'').nth(1).unwrap_or_default();
    let spot = |length: usize| place.spot(start..(start + length).min(text.len()).max(start));
    let is_at_end = ["input '<EOF>'", "at '<EOF>'"].iter().any(|it| error.msg.contains(it));
    if is_at_end {
        let end = text.trim_end().len();
        return Problem::error(&place.spot(end..end), "this condition ends too early")
            .expected("a name, a number or a text in quotes");
    }
    if error.msg.contains("int literal") {
        let length = text
            .get(start..)
            .map_or(1, |rest| rest.bytes().take_while(u8::is_ascii_alphanumeric).count());
        return Problem::error(&spot(length), "this number is too large")
            .expected("a whole number of at most 64 bits");
    }
    if let Some(word) = error.msg.strip_prefix("reserved identifier: ") {
        return Problem::error(&spot(word.len()), format!("`{word}` is a word of the language"))
            .expected("a field, velocity.NAME or thresholds.NAME");
    }
    if error.msg.contains("unsupported syntax") {
        return Problem::error(&spot(1), "optional access is not compiled")
            .expected("has(x) to ask whether x is there");
    }
    // The parser names the token, or all of the text up to it.
    let unexpected = quoted.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
    let at = text.get(start..).unwrap_or_default();
    if unexpected.is_empty() || !at.starts_with(unexpected) {
        return Problem::error(&spot(1), "this is not understood here")
            .expected("an operator between two values");
    }
    Problem::error(&spot(unexpected.len()), format!("`{unexpected}` is not expected here"))
        .expected("an operator between two values")
}

/// The offset of a line and column, both counted from 1, as the parser counts them.
fn offset_of((line, column): (isize, isize), text: &str) -> usize {
    let lines_before = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let start: usize = text.split_inclusive('\n').take(lines_before).map(str::len).sum();
    (start + column).min(text.len())
}

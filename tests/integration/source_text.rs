//! Rust source as plain text, as far as the architecture test must understand it:
//! what is code and what is not, which paths it names, where functions end.

use std::iter::Peekable;
use std::str::Chars;

/// A path that the code names, with `use` groups written out: `crate::wire::Door`.
/// A macro keeps its `!`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    /// Line of its first word, from 1.
    pub(crate) line: usize,
    /// Its words.
    pub(crate) words: Vec<String>,
    /// How many inline modules lie around it.
    pub(crate) inline_modules: usize,
    /// Named inside an inline module that only tests compile.
    pub(crate) is_in_tests: bool,
}

impl Named {
    /// True where it begins with the words of `prefix`, written as a path.
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        let mut words = self.words.iter();
        prefix.split("::").all(|wanted| words.next().is_some_and(|word| word == wanted))
    }
}

/// The text with comments and the content of literals blanked; lines stay where they are.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let blank = if is_word(before) { 0 } else { length_of_prefixed_literal(rest) };
        let blank = blank.max(length_of_comment_or_literal(rest));
        let taken = blank.max(first.len_utf8());
        if blank == 0 {
            code.push(first);
        } else {
            code.extend(rest[..taken].chars().map(|c| if c == '\n' { c } else { ' ' }));
        }
        before = first;
        rest = &rest[taken..];
    }
    code
}

/// Bytes of the comment, string or character that `text` begins with; 0 for none.
fn length_of_comment_or_literal(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return length_of_block_comment(text);
    }
    if text.starts_with('"') {
        return length_of_quoted(text, '"');
    }
    // A lifetime has no closing quote one (possibly escaped) character later.
    let mut chars = text.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('\''), Some('\\'), _) => length_of_quoted(text, '\''),
        (Some('\''), Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// Bytes of the raw string that `text` begins with, its `r` or `br` included; 0 for none.
fn length_of_prefixed_literal(text: &str) -> usize {
    let after_prefix = text.strip_prefix('b').unwrap_or(text);
    let Some(after_prefix) = after_prefix.strip_prefix('r') else {
        return 0;
    };
    let quoted = after_prefix.trim_start_matches('#');
    if !quoted.starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(after_prefix.len() - quoted.len()));
    let start = text.len() - quoted.len() + 1;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

fn length_of_block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn length_of_quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word or a mark of the code, with its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    /// From 1.
    pub(crate) line: usize,
    /// A word, `::`, or one other character.
    pub(crate) text: String,
}

/// The words and marks of `code`, without white space.
pub(crate) fn tokens_of(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        } else if !c.is_whitespace() {
            let text = token_from(c, &mut chars);
            tokens.push(Token { line, text });
        }
    }
    tokens
}

fn token_from(first: char, chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::from(first);
    if is_word(first) {
        while let Some(c) = chars.next_if(|c| is_word(*c)) {
            text.push(c);
        }
        // `println!` is a word of its own; `a != b` is not.
        let mut ahead = chars.clone();
        if ahead.next() == Some('!') && ahead.next() != Some('=') {
            text.extend(chars.next());
        }
    } else if first == ':' {
        text.extend(chars.next_if_eq(&':'));
    }
    text
}

/// Every path that `code` names, single words included.
pub(crate) fn names_in(code: &str) -> Vec<Named> {
    let tokens = tokens_of(code);
    let modules = inline_modules_of(&tokens);
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut paths = Vec::new();
        let is_use = tokens[at].text == "use";
        let start = at + usize::from(is_use);
        let end = path_from(&tokens, start, &[], is_use, &mut paths);
        let around = modules.iter().filter(|module| module.from < at && at < module.to);
        names.extend(paths.into_iter().map(|words| Named {
            line: tokens[start].line,
            words,
            inline_modules: around.clone().count(),
            is_in_tests: around.clone().any(|module| module.is_for_tests),
        }));
        at = end.max(at + 1);
    }
    names
}

/// Reads a path at `at` into `paths`, behind the words of `prefix`, and its groups where
/// it `is_use`. A group right behind `crate` is named too, as `crate::{`. Returns where it
/// ends.
fn path_from(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    is_use: bool,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut words = prefix.to_vec();
    at += usize::from(text(at) == "::");
    while text(at).starts_with(is_word) || (is_use && text(at) == "*") {
        words.push(text(at).to_owned());
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
    }
    if is_use && text(at) == "{" {
        if words == ["crate"] {
            paths.push(vec!["crate".to_owned(), "{".to_owned()]);
        }
        while text(at) == "{" || text(at) == "," {
            at = path_from(tokens, at + 1, &words, true, paths);
            while text(at).starts_with(is_word) {
                at += 1; // `as` and a new name: no path.
            }
        }
        return at + 1;
    }
    if words.len() > prefix.len() {
        paths.push(words);
    }
    at
}

/// The braces of an inline module.
struct InlineModule {
    from: usize,
    to: usize,
    is_for_tests: bool,
}

fn inline_modules_of(tokens: &[Token]) -> Vec<InlineModule> {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    (2..texts.len())
        .filter(|&at| texts[at] == "{" && texts[at - 2] == "mod")
        .map(|from| InlineModule {
            from,
            to: closing_brace(tokens, from),
            is_for_tests: texts[from - 1] == "tests"
                || texts[..from - 2].ends_with(&["#", "[", "cfg", "(", "test", ")", "]"]),
        })
        .collect()
}

/// Where the brace that opens at `from` closes; the end where it does not.
fn closing_brace(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

/// Every function with a body: its name, first line, and how many lines it has.
pub(crate) fn functions_in(code: &str) -> Vec<(String, usize, usize)> {
    let tokens = tokens_of(code);
    let mut functions = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        if token.text != "fn" || !name.starts_with(is_word) {
            continue;
        }
        let mut depth = 0;
        for (body, inner) in tokens.iter().enumerate().skip(at) {
            match inner.text.as_str() {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                "{" if depth == 0 => {
                    let last = tokens[closing_brace(&tokens, body)].line;
                    functions.push((name.to_owned(), token.line, last - token.line + 1));
                    break;
                }
                ";" if depth == 0 => break,
                _ => {}
            }
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(text: &str) -> Vec<String> {
        names_in(&code_of(text))
            .into_iter()
            .map(|named| named.words.join("::"))
            .filter(|path| path.contains("::") || path.ends_with('!'))
            .collect()
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let cases = [
            ("a::b // c::d\ne::f", vec!["a::b", "e::f"]),
            ("/* a::b /* c::d */ e::f */ g::h", vec!["g::h"]),
            (r#""a::b \" c::d" e::f"#, vec!["e::f"]),
            (r##"r#"a::b " c::d"# e::f"##, vec!["e::f"]),
            (r#"b"a::b" br"c::d" e::f"#, vec!["e::f"]),
            (r"'\'' a::b ':' '{' c::d", vec!["a::b", "c::d"]),
            ("fn f<'a>(x: &'a b::c) -> d::e<'a>", vec!["b::c", "d::e"]),
            ("/// `crate::wire`\nx::y", vec!["x::y"]),
        ];
        for (text, expected) in cases {
            assert_eq!(paths_of(text), expected, "{text}");
        }
    }

    #[test]
    fn groups_are_written_out_and_new_names_left_out() {
        let cases = [
            (
                "use a::{b, c::{d, e as f}, self as g,}; h::i",
                vec!["a::b", "a::c::d", "a::c::e", "a::self", "h::i"],
            ),
            ("use crate::{a::b};", vec!["crate::{", "crate::a::b"]),
            ("use std::{\n    fs,\n    net::*,\n};", vec!["std::fs", "std::net::*"]),
            ("pub(crate) use ::a::b as c;", vec!["a::b"]),
            ("print!(\"x\"); a!= b; c::d!{}", vec!["print!", "c::d!"]),
        ];
        for (text, expected) in cases {
            assert_eq!(paths_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_knows_its_line_and_the_modules_around_it() {
        let text = "a::b;\n#[cfg(test)]\nmod tests {\n    c::d;\n}\nmod m { e::f; }\ng::h;";
        let found: Vec<_> = names_in(&code_of(text))
            .into_iter()
            .filter(|named| named.words.len() == 2)
            .map(|named| (named.line, named.inline_modules, named.is_in_tests))
            .collect();
        assert_eq!(found, [(1, 0, false), (4, 1, true), (6, 1, false), (7, 0, false)]);
    }

    #[test]
    fn functions_are_measured_from_their_first_line_to_their_closing_brace() {
        let text =
            "fn a(x: [u8; 2]) -> u8 {\n    if x { y }\n}\nfn b();\nlet c: fn(u8);\nfn d() {}";
        let expected = [("a".to_owned(), 1, 3), ("d".to_owned(), 6, 1)];
        assert_eq!(functions_in(&code_of(text)), expected);
    }
}

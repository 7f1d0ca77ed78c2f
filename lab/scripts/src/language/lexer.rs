//! Text ⇄ tokens.
//!
//! The language has few words of its own: most of them mean something in one place only, so they are
//! all [`Token::Word`] and the parser knows what it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::position::{Parsed, Position, Refusal};

/// How many bytes a script may have: the longest that people write are a thousandth of it.
pub(crate) const SCRIPT_LEN_MAX: usize = 4 << 20;

/// A word of a script.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// `socket`, `EAGAIN`, `1abc`.
    Word(String),
    /// `12`, `-1`, as written in decimal.
    Int(i64),
    /// `0x1f`.
    Hex(i64),
    /// `.5`, `-1.25`, as written.
    Float(String),
    /// What stands between quotes, unescaped.
    Text(Vec<u8>),
    /// What stands between back quotes.
    Backquoted(String),
    /// What stands between `%{` and `}%`.
    Code(String),
    /// `--name`, without the dashes.
    Option(String),
    /// `...`
    Ellipsis,
    /// Any other character.
    Sign(char),
    /// Nothing is left.
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "'{word}'"),
            Self::Int(n) => write!(f, "'{n}'"),
            Self::Hex(n) => write!(f, "'{n:#x}'"),
            Self::Float(text) => write!(f, "'{text}'"),
            Self::Text(_) => f.write_str("a text in quotes"),
            Self::Backquoted(_) => f.write_str("a command in back quotes"),
            Self::Code(_) => f.write_str("code"),
            Self::Option(name) => write!(f, "'--{name}'"),
            Self::Ellipsis => f.write_str("'...'"),
            Self::Sign(c) => write!(f, "'{c}'"),
            Self::End => f.write_str("the end of the script"),
        }
    }
}

/// Reads a script token by token, with one token of foresight.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    rest: &'a str,
    at: Position,
    /// Words that stand for something else: `-D`.
    defines: BTreeMap<String, String>,
    /// Those that were given with the text, which it cannot change.
    given: BTreeSet<String>,
    next: Option<(Position, Token)>,
}

impl<'a> Lexer<'a> {
    /// At the beginning of `text`.
    pub(crate) fn new(text: &'a str, defines: BTreeMap<String, String>) -> Parsed<Self> {
        let at = Position { line: 1, column: 1 };
        if text.len() > SCRIPT_LEN_MAX {
            return Err(Refusal::new(at, format!("longer than {SCRIPT_LEN_MAX} bytes")));
        }
        let given = defines.keys().cloned().collect();
        Ok(Self { rest: text, at, defines, given, next: None })
    }

    /// From now on a word stands for something else, unless who gave the text has said what for.
    pub(crate) fn define(&mut self, name: String, value: String) {
        if !self.given.contains(&name) {
            self.defines.insert(name, value);
        }
    }

    /// From now on a word stands for something else, if it does not yet.
    pub(crate) fn define_if_missing(&mut self, name: &str, value: &str) {
        self.defines.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// The next token, which stays.
    pub(crate) fn peek(&mut self) -> Parsed<&Token> {
        Ok(&self.peek_at()?.1)
    }

    /// Where the next token stands.
    pub(crate) fn position(&mut self) -> Parsed<Position> {
        Ok(self.peek_at()?.0)
    }

    fn peek_at(&mut self) -> Parsed<&(Position, Token)> {
        if self.next.is_none() {
            let token = self.read()?;
            self.next = Some(token);
        }
        Ok(self.next.as_ref().expect("it was just read"))
    }

    /// The next token.
    pub(crate) fn take(&mut self) -> Parsed<(Position, Token)> {
        self.peek_at()?;
        Ok(self.next.take().expect("it was just read"))
    }

    /// The rest of the line up to a blank, as it is written: addresses and the like.
    ///
    /// Only where no token was looked at.
    pub(crate) fn take_raw(&mut self) -> (Position, String) {
        debug_assert!(self.next.is_none(), "a token would be lost");
        let at = self.at;
        let len = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (raw, _) = self.rest.split_at(len);
        let raw = raw.to_owned();
        self.skip(len);
        (at, raw)
    }

    /// The next letters and digits, as they are written or as what they stand for; nothing if
    /// something else stands there.
    ///
    /// Only where no token was looked at.
    pub(crate) fn take_digits(&mut self) -> Parsed<(Position, String)> {
        debug_assert!(self.next.is_none(), "a token would be lost");
        self.skip_blanks()?;
        let at = self.at;
        let word: String = self.rest.chars().take_while(|c| is_word(*c)).collect();
        self.skip(word.len());
        let meaning = self.defines.get(&word).cloned();
        Ok((at, meaning.unwrap_or(word)))
    }

    /// Whether the next character is `c`, without blanks before it.
    pub(crate) fn is_directly_followed_by(&self, c: char) -> bool {
        self.next.is_none() && self.rest.starts_with(c)
    }

    /// Takes the next token if it is this sign.
    pub(crate) fn take_if(&mut self, sign: char) -> Parsed<bool> {
        let is_it = *self.peek()? == Token::Sign(sign);
        if is_it {
            self.take()?;
        }
        Ok(is_it)
    }

    /// Takes the next token if it is this word.
    pub(crate) fn take_if_word(&mut self, wanted: &str) -> Parsed<bool> {
        let is_it = matches!(self.peek()?, Token::Word(word) if word == wanted);
        if is_it {
            self.take()?;
        }
        Ok(is_it)
    }

    /// Takes a sign that must be there.
    pub(crate) fn expect(&mut self, sign: char) -> Parsed<Position> {
        let (at, token) = self.take()?;
        match token {
            Token::Sign(c) if c == sign => Ok(at),
            other => Err(Refusal::new(at, format!("expected '{sign}' but found {other}"))),
        }
    }

    /// Takes a word that must be there.
    pub(crate) fn expect_word(&mut self, what: &str) -> Parsed<(Position, String)> {
        match self.take()? {
            (at, Token::Word(word)) => Ok((at, word)),
            (at, other) => Err(Refusal::new(at, format!("expected {what} but found {other}"))),
        }
    }

    /// Takes a decimal number between `low` and `high`.
    pub(crate) fn expect_int(&mut self, what: &str, low: i64, high: i64) -> Parsed<i64> {
        match self.take()? {
            (_, Token::Int(n)) if (low..=high).contains(&n) => Ok(n),
            (at, Token::Int(n)) => {
                Err(Refusal::new(at, format!("{what} {n} is not between {low} and {high}")))
            }
            (at, other) => Err(Refusal::new(at, format!("expected {what} but found {other}"))),
        }
    }

    /// Says that the next token is not what stands here.
    pub(crate) fn unexpected<T>(&mut self, wanted: &str) -> Parsed<T> {
        let (at, token) = self.take()?;
        Err(Refusal::new(at, format!("expected {wanted} but found {token}")))
    }

    // From characters to tokens.

    /// Goes on by `len` bytes.
    fn skip(&mut self, len: usize) {
        let (skipped, rest) = self.rest.split_at(len);
        self.at = advance(self.at, skipped);
        self.rest = rest;
    }

    fn skip_blanks(&mut self) -> Parsed<()> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.skip(blanks);
            let len = if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest.find('\n').unwrap_or(self.rest.len())
            } else if self.rest.starts_with("/*") {
                let Some(end) = self.rest.find("*/") else {
                    return Err(Refusal::new(self.at, "a comment has no end"));
                };
                end + 2
            } else {
                return Ok(());
            };
            self.skip(len);
        }
    }

    fn read(&mut self) -> Parsed<(Position, Token)> {
        self.skip_blanks()?;
        let at = self.at;
        let Some(first) = self.rest.chars().next() else { return Ok((at, Token::End)) };
        let (token, len) = match first {
            '"' => self.read_text('"')?,
            '`' => self.read_text('`')?,
            '%' if self.rest.starts_with("%{") => self.read_code()?,
            '.' if self.rest.starts_with("...") => (Token::Ellipsis, 3),
            '-' if self.rest.starts_with("--") => self.read_option(),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') => self.read_word()?,
            c => (Token::Sign(c), c.len_utf8()),
        };
        self.skip(len);
        Ok((at, token))
    }

    fn read_option(&self) -> (Token, usize) {
        let name: String = self.rest.chars().skip(2).take_while(|c| is_word(*c)).collect();
        if name.is_empty() {
            return (Token::Sign('-'), 1);
        }
        let len = name.len() + 2;
        (Token::Option(name), len)
    }

    /// A number or a word; of several the longest, as in every lexer.
    fn read_word(&self) -> Parsed<(Token, usize)> {
        let number_len = len_of_number(self.rest);
        let word_len = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        if number_len >= word_len.max(1) {
            let (text, _) = self.rest.split_at(number_len);
            if text.contains('.') {
                return Ok((Token::Float(text.to_owned()), number_len));
            }
            let number = text.parse().map_err(|_| self.bad(format!("{text} is too large")))?;
            return Ok((Token::Int(number), number_len));
        }
        if word_len == 0 {
            let c = self.rest.chars().next().unwrap_or_default();
            return Ok((Token::Sign(c), c.len_utf8()));
        }
        let (word, _) = self.rest.split_at(word_len);
        if let Some(digits) = word.strip_prefix("0x").filter(|digits| !digits.is_empty())
            && digits.chars().all(|c| c.is_ascii_hexdigit())
        {
            let number = i64::from_str_radix(digits, 16);
            let number = number.map_err(|_| self.bad(format!("{word} is too large")))?;
            return Ok((Token::Hex(number), word_len));
        }
        Ok((self.meaning(word)?, word_len))
    }

    /// What a word stands for.
    fn meaning(&self, word: &str) -> Parsed<Token> {
        let Some(value) = self.defines.get(word) else { return Ok(Token::Word(word.to_owned())) };
        let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
        Ok(if let Some(text) = inner('"') {
            Token::Text(unescape(self.at, text)?)
        } else if let Some(command) = inner('`') {
            Token::Backquoted(command.to_owned())
        } else if let Ok(number) = value.parse() {
            Token::Int(number)
        } else {
            Token::Word(value.clone())
        })
    }

    fn read_text(&self, quote: char) -> Parsed<(Token, usize)> {
        let mut is_escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                c if c == quote => {
                    let inside = self.rest.get(1..at).unwrap_or_default();
                    let token = match quote {
                        '"' => Token::Text(unescape(self.at, inside)?),
                        _ => Token::Backquoted(inside.to_owned()),
                    };
                    return Ok((token, at + 1));
                }
                _ => {}
            }
        }
        Err(self.bad(format!("{quote} has no counterpart")))
    }

    fn read_code(&self) -> Parsed<(Token, usize)> {
        let end = self.rest.find("}%").ok_or_else(|| self.bad("%{ has no }%".to_owned()))?;
        Ok((Token::Code(self.rest.get(2..end).unwrap_or_default().to_owned()), end + 2))
    }

    fn bad(&self, what: String) -> Refusal {
        Refusal::new(self.at, what)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The place behind `text`, which begins `at`.
pub(crate) fn advance(mut at: Position, text: &str) -> Position {
    for c in text.chars() {
        if c == '\n' {
            at = Position { line: at.line + 1, column: 1 };
        } else {
            at.column += 1;
        }
    }
    at
}

/// How much of the beginning is a number: `12`, `-1`, `.5`, `1.25`; a point needs a digit behind it.
fn len_of_number(text: &str) -> usize {
    let sign = usize::from(text.starts_with('-'));
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let whole = digits(sign);
    let fraction = match text.get(sign + whole..).is_some_and(|rest| rest.starts_with('.')) {
        true => digits(sign + whole + 1),
        false => 0,
    };
    match (whole, fraction) {
        (0, 0) => 0,
        (_, 0) => sign + whole,
        _ => sign + whole + 1 + fraction,
    }
}

/// A text of C.
fn unescape(at: Position, text: &str) -> Parsed<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match chars.next() {
            Some('\\') => b'\\',
            Some('"') => b'"',
            Some('f') => 0x0c,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('v') => 0x0b,
            Some('0') => 0,
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                let byte = u8::from_str_radix(&digits, 16);
                byte.map_err(|_| Refusal::new(at, format!("\\x{digits} is no byte")))?
            }
            other => {
                let other = other.unwrap_or(' ');
                return Err(Refusal::new(at, format!("unknown escape \\{other}")));
            }
        });
    }
    Ok(bytes)
}

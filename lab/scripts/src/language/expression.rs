//! Arguments of calls: numbers, names, texts, lists and structs.

use crate::language::lexer::{Lexer, Token};
use crate::position::{Parsed, Position, Refusal};
use crate::symbols;

/// How deep brackets may stand in one another; structs of `recvmsg` need four.
const DEPTH_MAX: usize = 16;

/// An argument, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
}

/// What an argument is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `...`: whatever fits.
    Ellipsis,
    /// A number, or names of numbers.
    Int(i64),
    /// A text; `is_open` when `...` follows it.
    Text(Vec<u8>),
    /// `[a, b]`
    List(Vec<Expression>),
    /// `{a, b}` or `{name = a, name(n) = b}`
    Struct(Vec<Field>),
    /// `htons(80)`
    Apply(String, Vec<Expression>),
    /// `&sin6_addr`
    Reference(String),
}

/// One part of a struct.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// What it is called, if it has a name.
    pub(crate) name: Option<String>,
    /// What stands in parentheses behind the name.
    pub(crate) count: Option<Expression>,
    pub(crate) value: Expression,
}

/// Reads `(a, b, c)`.
pub(crate) fn read_arguments(lexer: &mut Lexer<'_>) -> Parsed<Vec<Expression>> {
    lexer.expect('(')?;
    read_list(lexer, ')', 0)
}

/// Reads one argument.
pub(crate) fn read(lexer: &mut Lexer<'_>) -> Parsed<Expression> {
    read_nested(lexer, 0)
}

fn read_list(lexer: &mut Lexer<'_>, end: char, depth: usize) -> Parsed<Vec<Expression>> {
    let mut all = Vec::new();
    if lexer.take_if(end)? {
        return Ok(all);
    }
    loop {
        all.push(read_nested(lexer, depth)?);
        if lexer.take_if(end)? {
            return Ok(all);
        }
        lexer.expect(',')?;
    }
}

fn read_nested(lexer: &mut Lexer<'_>, depth: usize) -> Parsed<Expression> {
    let first = read_one(lexer, depth)?;
    if *lexer.peek()? != Token::Sign('|') {
        return Ok(first);
    }
    let at = first.at;
    let mut all = first.int("a number before '|'")?;
    while lexer.take_if('|')? {
        all |= read_one(lexer, depth)?.int("a number behind '|'")?;
    }
    Ok(Expression { at, kind: Kind::Int(all) })
}

fn read_one(lexer: &mut Lexer<'_>, depth: usize) -> Parsed<Expression> {
    let (at, token) = lexer.take()?;
    if depth >= DEPTH_MAX {
        return Err(Refusal::new(at, "too many brackets in one another"));
    }
    let kind = match token {
        Token::Ellipsis => Kind::Ellipsis,
        Token::Int(n) | Token::Hex(n) => Kind::Int(n),
        Token::Text(text) => Kind::Text(read_text(lexer, text)?),
        Token::Sign('[') => Kind::List(read_list(lexer, ']', depth + 1)?),
        Token::Sign('{') => Kind::Struct(read_struct(lexer, depth + 1)?),
        Token::Sign('&') => Kind::Reference(lexer.expect_word("a name")?.1),
        Token::Word(word) => match lexer.peek()? {
            Token::Sign('(') => {
                lexer.expect('(')?;
                Kind::Apply(word, read_list(lexer, ')', depth + 1)?)
            }
            _ => match symbols::value_of(&word) {
                Some(value) => Kind::Int(value),
                None => return Err(Refusal::new(at, format!("unknown name '{word}'"))),
            },
        },
        other => return Err(Refusal::new(at, format!("expected an argument but found {other}"))),
    };
    Ok(Expression { at, kind })
}

/// Texts that stand side by side are one.
fn read_text(lexer: &mut Lexer<'_>, mut text: Vec<u8>) -> Parsed<Vec<u8>> {
    while let Token::Text(_) = lexer.peek()? {
        let (_, Token::Text(more)) = lexer.take()? else { break };
        text.extend(more);
    }
    if *lexer.peek()? == Token::Ellipsis {
        let at = lexer.position()?;
        return Err(Refusal::new(at, "texts that are cut short are not supported"));
    }
    Ok(text)
}

/// Inside `{`: parts with names or without.
fn read_struct(lexer: &mut Lexer<'_>, depth: usize) -> Parsed<Vec<Field>> {
    let mut fields = Vec::new();
    if lexer.take_if('}')? {
        return Ok(fields);
    }
    if let Token::Sign('(') = lexer.peek()? {
        let at = lexer.position()?;
        return Err(Refusal::new(at, "MPLS label stacks are not supported"));
    }
    loop {
        fields.push(read_field(lexer, depth)?);
        if lexer.take_if('}')? {
            return Ok(fields);
        }
        lexer.expect(',')?;
    }
}

fn read_field(lexer: &mut Lexer<'_>, depth: usize) -> Parsed<Field> {
    let Token::Word(_) = lexer.peek()? else {
        return Ok(Field { name: None, count: None, value: read_nested(lexer, depth)? });
    };
    let mut ahead = lexer.clone();
    let (at, name) = ahead.expect_word("a name")?;
    let mut count = None;
    if name == "inet_pton" {
        // A part of an address that says its name itself.
        return Ok(Field { name: None, count: None, value: read_nested(lexer, depth)? });
    }
    if ahead.take_if('(')? {
        count = Some(read_nested(&mut ahead, depth)?);
        ahead.expect(')')?;
    }
    if !ahead.take_if('=')? {
        if matches!(&name[..], "flags" | "Flags") {
            return Err(Refusal::new(at, "headers of GRE are not supported"));
        }
        return Ok(Field { name: None, count: None, value: read_nested(lexer, depth)? });
    }
    *lexer = ahead;
    Ok(Field { name: Some(name), count, value: read_nested(lexer, depth)? })
}

impl Expression {
    /// The number that must stand here.
    pub(crate) fn int(&self, what: &str) -> Parsed<i64> {
        match &self.kind {
            Kind::Int(n) => Ok(*n),
            Kind::Apply(name, arguments) if name == "htons" || name == "htonl" => {
                match &arguments[..] {
                    [one] => one.int("a number"),
                    _ => Err(self.bad(&format!("{name} takes one number"))),
                }
            }
            _ => Err(self.bad(&format!("expected {what}"))),
        }
    }

    /// The number of 32 bits, with a sign or without, that must stand here; with its sign.
    pub(crate) fn int32(&self, what: &str) -> Parsed<i64> {
        let n = self.int(what)?;
        if !(i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&n) {
            return Err(self.bad(&format!("{n} has more than 32 bits")));
        }
        Ok(n)
    }

    /// How much of something.
    pub(crate) fn size(&self, what: &str) -> Parsed<usize> {
        // As much as a script may write or read in one call: bytes of a buffer that is really there.
        const SIZE_MAX: i64 = 64 << 20;
        let n = self.int(what)?;
        let size = usize::try_from(n).ok().filter(|_| n <= SIZE_MAX);
        size.ok_or_else(|| self.bad(&format!("{what} {n} is not between 0 and {SIZE_MAX}")))
    }

    /// `...` must stand here.
    pub(crate) fn ellipsis(&self) -> Parsed<()> {
        match self.kind {
            Kind::Ellipsis => Ok(()),
            _ => Err(self.bad("expected '...'")),
        }
    }

    /// `...` or 0 must stand here: whether it was `...`.
    pub(crate) fn buffer(&self) -> Parsed<bool> {
        match self.kind {
            Kind::Ellipsis => Ok(true),
            Kind::Int(0) => Ok(false),
            _ => Err(self.bad("expected '...' or NULL")),
        }
    }

    /// A list must stand here.
    pub(crate) fn list(&self, what: &str) -> Parsed<&[Self]> {
        match &self.kind {
            Kind::List(list) => Ok(list),
            _ => Err(self.bad(&format!("expected [{what}]"))),
        }
    }

    /// `[n]` must stand here.
    pub(crate) fn bracketed(&self) -> Parsed<i64> {
        match self.list("a number")? {
            [one] => one.int32("a number"),
            _ => Err(self.bad("expected [one number]")),
        }
    }

    /// A struct with these names, in this order, must stand here; those that begin with '?' may be
    /// missing.
    pub(crate) fn fields(&self, names: &[&str]) -> Parsed<Vec<Option<&Field>>> {
        let Kind::Struct(fields) = &self.kind else {
            return Err(self.bad(&format!("expected {{{}}}", names.join(", "))));
        };
        let mut rest = fields.iter().peekable();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let (name, is_optional) = match name.strip_prefix('?') {
                Some(name) => (name, true),
                None => (*name, false),
            };
            let field = rest.next_if(|field| field.name.as_deref() == Some(name));
            if field.is_none() && !is_optional {
                return Err(self.bad(&format!("expected '{name}' here")));
            }
            found.push(field);
        }
        match rest.next() {
            Some(field) => Err(field.value.bad("unexpected part of a struct")),
            None => Ok(found),
        }
    }

    pub(crate) fn bad(&self, what: &str) -> Refusal {
        Refusal::new(self.at, what)
    }
}

//! The language: text becomes a [`Script`], or a [`Refusal`] with line and column.

mod addresses;
pub(crate) mod calls;
mod conditions;
pub(crate) mod expression;
pub(crate) mod icmp_names;
pub(crate) mod lexer;
pub(crate) mod messages;
pub(crate) mod packets;
pub(crate) mod script;
pub(crate) mod settings;
mod waits;

use std::collections::BTreeMap;
use std::path::Path;

use crate::position::{Parsed, Position, Refusal};
use crate::python::{self, Names};
use crate::shell;
use crate::symbols;
use lexer::{Lexer, Token};
use script::{Action, Direction, Event, Micros, Script, Syscall, Time};
use settings::{IpVersion, Settings};

/// Reads a script. `defines` are what `-D` says, `overrides` are options that are stronger than the
/// script's, and scripts of the shell are looked for from `directory` on.
pub(crate) fn parse(
    text: &str,
    defines: BTreeMap<String, String>,
    overrides: &[(String, Option<String>)],
    directory: Option<&Path>,
) -> Parsed<Script> {
    let start = Position { line: 1, column: 1 };
    let chosen = overrides.iter().rev().find(|(name, _)| name == "profile");
    let chosen = chosen.and_then(|(_, value)| value.as_deref());
    let is_for_freebsd = conditions::is_for_freebsd(text);
    let is_freebsd = chosen.map_or(is_for_freebsd, |name| name == "freebsd");
    let text = conditions::resolve(text, if is_freebsd { "FreeBSD" } else { "Linux" })?;
    let mut lexer = Lexer::new(&text, defines)?;
    let mut settings = Settings { directory: directory.map(Path::to_owned), ..Settings::default() };
    settings::read(&mut lexer, &mut settings)?;
    for (name, value) in overrides {
        settings.set(start, name, value.as_deref())?;
    }
    if settings.profile.is_none() && is_for_freebsd {
        settings.profile = Some(tcp::Profile::FreeBsd);
    }
    define_levels(&mut lexer, settings.ip_version);
    let mut before = None;
    if let Token::Backquoted(_) = lexer.peek()? {
        let command = read_command(&mut lexer, directory)?;
        settings.mtu = command.mtu.unwrap_or(settings.mtu);
        before = Some(command);
    }
    settings.check(start)?;
    let mut parser = Parser { lexer, settings, names: Names::default() };
    let mut events = Vec::new();
    loop {
        match parser.lexer.peek()? {
            Token::End => break,
            Token::Backquoted(_) => {
                // It would undo what was set; here nothing outlives the script.
                read_command(&mut parser.lexer, directory)?;
                if *parser.lexer.peek()? != Token::End {
                    return parser.lexer.unexpected("nothing behind the last command");
                }
            }
            _ => events.push(parser.read_event()?),
        }
    }
    check_first(&events, &mut parser.lexer)?;
    check_order(&events)?;
    Ok(Script { settings: parser.settings, before, events })
}

/// What harnesses define for both versions of IP, so that one script does for both.
fn define_levels(lexer: &mut Lexer<'_>, version: IpVersion) {
    let names = match version {
        IpVersion::V4 => [("CMSG_LEVEL_IP", "SOL_IP"), ("CMSG_TYPE_RECVERR", "IP_RECVERR")],
        _ => [("CMSG_LEVEL_IP", "SOL_IPV6"), ("CMSG_TYPE_RECVERR", "IPV6_RECVERR")],
    };
    for (name, value) in names {
        lexer.define_if_missing(name, value);
    }
}

fn read_command(lexer: &mut Lexer<'_>, directory: Option<&Path>) -> Parsed<shell::Command> {
    match lexer.take()? {
        (at, Token::Backquoted(command)) => shell::parse(at, &command, directory),
        (at, other) => Err(Refusal::new(at, format!("expected a command but found {other}"))),
    }
}

/// The first event is at time 0: times count from it.
fn check_first(events: &[Event], lexer: &mut Lexer<'_>) -> Parsed<()> {
    match events.first() {
        Some(Event { time: Time::Absolute(0) | Time::Relative(0) | Time::Any, .. }) => Ok(()),
        Some(first) => Err(Refusal::new(first.at, "the first event must be at time 0")),
        None => lexer.unexpected("an event"),
    }
}

/// Absolute times do not go back.
fn check_order(events: &[Event]) -> Parsed<()> {
    let begin = |event: &Event| match event.time {
        Time::Absolute(at) | Time::AbsoluteRange(at, _) => Some(at),
        _ => None,
    };
    for (earlier, later) in events.iter().zip(events.iter().skip(1)) {
        if let (Some(before), Some(after)) = (begin(earlier), begin(later))
            && after < before
        {
            return Err(Refusal::new(later.at, "time goes back"));
        }
    }
    Ok(())
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    settings: Settings,
    /// What code has given names to so far.
    names: Names,
}

impl Parser<'_> {
    fn read_event(&mut self) -> Parsed<Event> {
        let at = self.lexer.position()?;
        let time = self.read_time()?;
        let (action, may_be_any) = match self.lexer.peek()? {
            Token::Sign('<' | '>') => {
                let is_v6 = self.settings.ip_version.is_v6_on_the_wire();
                let packet = packets::read(&mut self.lexer, is_v6)?;
                let may_be_any = packet.direction == Direction::Outbound;
                (Action::Packet(Box::new(packet)), may_be_any)
            }
            Token::Backquoted(_) => {
                let directory = self.settings.directory.as_deref();
                let command = read_command(&mut self.lexer, directory)?;
                if command.mtu.is_some() {
                    let what = "the MTU can be set before the first event only";
                    return Err(Refusal::new(at, what));
                }
                (Action::Command(command), false)
            }
            Token::Code(_) => {
                let (at, Token::Code(code)) = self.lexer.take()? else {
                    return self.lexer.unexpected("code");
                };
                let inside = Position { line: at.line, column: at.column + 2 };
                (Action::Code(python::parse(inside, &code, &mut self.names)?), false)
            }
            Token::Word(_) | Token::Ellipsis => {
                (Action::Call(Box::new(self.read_call(time)?)), false)
            }
            _ => return self.lexer.unexpected("a packet, a call, a command or code"),
        };
        if !may_be_any && !matches!(time, Time::Absolute(_) | Time::Relative(_)) {
            let what = "'*' and ranges of time are for outbound packets";
            return Err(Refusal::new(at, what));
        }
        Ok(Event { at, time, action })
    }

    fn read_time(&mut self) -> Parsed<Time> {
        let at = self.lexer.position()?;
        if self.lexer.take_if('*')? {
            return Ok(Time::Any);
        }
        let is_relative = self.lexer.take_if('+')?;
        let from = self.read_micros()?;
        if !self.lexer.take_if('~')? {
            return Ok(if is_relative { Time::Relative(from) } else { Time::Absolute(from) });
        }
        if is_relative {
            self.lexer.expect('+')?;
        }
        let to = self.read_micros()?;
        if to < from {
            return Err(Refusal::new(at, "the range of time goes back"));
        }
        Ok(match is_relative {
            true => Time::RelativeRange(from, to),
            false => Time::AbsoluteRange(from, to),
        })
    }

    /// Seconds, to the microsecond.
    fn read_micros(&mut self) -> Parsed<Micros> {
        // A day: nobody waits longer, and sums of times stay small.
        const SECONDS_MAX: i64 = 86_400;
        let (at, token) = self.lexer.take()?;
        let text = match token {
            Token::Int(n) => n.to_string(),
            Token::Float(text) => text,
            other => return Err(Refusal::new(at, format!("expected a time but found {other}"))),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        if whole.starts_with('-') {
            return Err(Refusal::new(at, "a time below zero"));
        }
        let seconds: i64 = if whole.is_empty() { Ok(0) } else { whole.parse() }
            .ok()
            .filter(|seconds| *seconds <= SECONDS_MAX)
            .ok_or_else(|| Refusal::new(at, format!("a time above {SECONDS_MAX} seconds")))?;
        let digits = fraction.chars().chain(std::iter::repeat('0')).take(6);
        let micros = digits.fold(0, |sum, c| sum * 10 + i64::from(c.to_digit(10).unwrap_or(0)));
        Ok(seconds * 1_000_000 + micros)
    }

    /// `...0.2 connect(3, ..., ...) = -1 ETIMEDOUT (Connection timed out)`
    fn read_call(&mut self, time: Time) -> Parsed<Syscall> {
        let at = self.lexer.position()?;
        let mut end = None;
        if *self.lexer.peek()? == Token::Ellipsis {
            self.lexer.take()?;
            let until = self.read_micros()?;
            let begin = match time {
                Time::Absolute(begin) => begin,
                // Both are counted from the same instant.
                Time::Relative(begin) => begin,
                _ => 0,
            };
            if until < begin {
                return Err(Refusal::new(at, "the call ends before it begins"));
            }
            end = Some(until);
        }
        let (at, name) = self.lexer.expect_word("a system call")?;
        let arguments = expression::read_arguments(&mut self.lexer)?;
        let call = calls::read(at, &name, &arguments)?;
        self.lexer.expect('=')?;
        let result = expression::read(&mut self.lexer)?;
        let result_at = result.at;
        let result = result.int32("a result")?;
        let mut errno = None;
        if let Token::Word(_) = self.lexer.peek()? {
            let (at, name) = self.lexer.expect_word("an error")?;
            let number = symbols::errno(&name)
                .ok_or_else(|| Refusal::new(at, format!("unknown error '{name}'")))?;
            if result != -1 {
                return Err(Refusal::new(result_at, "a call that fails returns -1"));
            }
            errno = Some((number, name));
        }
        if *self.lexer.peek()? == Token::Sign('(') {
            self.skip_remark()?;
        }
        Ok(Syscall { name, call, end, result, errno })
    }

    /// What an error says in words: `(Connection reset by peer)`.
    fn skip_remark(&mut self) -> Parsed<()> {
        let at = self.lexer.expect('(')?;
        loop {
            match self.lexer.take()? {
                (_, Token::Sign(')')) => return Ok(()),
                (_, Token::Word(_) | Token::Int(_) | Token::Hex(_)) => {}
                (_, Token::Sign('/' | '-' | '\'' | ',' | '.' | ':')) => {}
                _ => return Err(Refusal::new(at, "the remark has no end")),
            }
        }
    }
}

//! Code between `%{` and `}%`: as much of Python as scripts look at connections with.
//!
//! ```text
//!   assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd      before = tcpi_rtt      print(tcpi_rtt)
//! ```
//!
//! Statements stand in lines or behind semicolons. What is not listed here is refused before the
//! script begins: other statements, names that nobody gave, calls of other functions than `abs`,
//! `int`, `len`, `max`, `min` and `round`. What `print` would print is not looked at.

mod evaluate;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use crate::position::Position;

pub(crate) use evaluate::{Value, run};
pub(crate) use read::parse;

/// Code that was read.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) at: Position,
    pub(crate) statements: Vec<Statement>,
}

/// The names that code has given so far: code further down may use them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

/// The values of names.
pub(crate) type Values = BTreeMap<String, Value>;

/// A line of code.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// `assert condition, message`
    Assert { at: Position, condition: Expr, message: Option<Expr>, text: String },
    /// `name = value`
    Assign { name: String, value: Expr },
    /// What has no effect.
    Nothing,
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Value(Value),
    Name(String),
    Not(Box<Self>),
    Minus(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// `a < b <= c`
    Compare(Box<Self>, Vec<(Comparison, Self)>),
    Binary(Operator, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    /// `a, b` in parentheses or brackets.
    Tuple(Vec<Self>),
    /// `a if c else b`
    If(Box<Self>, Box<Self>, Box<Self>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// What is done with two values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    BitOr,
    BitXor,
    BitAnd,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

/// What can be called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Function {
    Abs,
    Int,
    Float,
    Len,
    Max,
    Min,
    Round,
    Str,
}

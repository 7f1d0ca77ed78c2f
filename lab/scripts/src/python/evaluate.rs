use std::fmt;

use super::{Comparison, Expr, Function, Operator, Program, Statement, Values};
use crate::info;
use crate::position::Position;

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(i128),
    Float(f64),
    Text(String),
    Tuple(Vec<Self>),
}

/// Why code did not come to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    pub(crate) at: Position,
    pub(crate) what: String,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(text),
            Self::Tuple(all) => {
                let all: Vec<_> = all.iter().map(Self::to_string).collect();
                write!(f, "({})", all.join(", "))
            }
        }
    }
}

/// Runs code; what it gives names to is added to `values`.
pub(crate) fn run(program: &Program, values: &mut Values) -> Result<(), Broken> {
    for statement in &program.statements {
        match statement {
            Statement::Nothing => {}
            Statement::Assign { name, value } => {
                let broken = |what| Broken { at: program.at, what };
                let value = evaluate(value, values).map_err(broken)?;
                values.insert(name.clone(), value);
            }
            Statement::Assert { at, condition, message, text } => {
                let broken = |what| Broken { at: *at, what };
                if evaluate(condition, values).map_err(broken)?.is_true() {
                    continue;
                }
                return Err(broken(explain(text, condition, message.as_ref(), values)));
            }
        }
    }
    Ok(())
}

/// Why an assertion fails: what it says, and what the names in it stand for.
fn explain(text: &str, condition: &Expr, message: Option<&Expr>, values: &Values) -> String {
    let mut what = format!("{text}: it does not hold");
    let mut names = Vec::new();
    names_in(condition, &mut names);
    names.dedup();
    for name in names {
        if let Some(value) = values.get(name) {
            what += &format!(", {name} is {value}");
        }
    }
    if let Some(Ok(message)) = message.map(|message| evaluate(message, values)) {
        what += &format!(" ({message})");
    }
    what
}

fn names_in<'e>(expr: &'e Expr, names: &mut Vec<&'e str>) {
    match expr {
        Expr::Value(_) => {}
        Expr::Name(name) => names.push(name),
        Expr::Not(one) | Expr::Minus(one) => names_in(one, names),
        Expr::And(a, b) | Expr::Or(a, b) | Expr::Binary(_, a, b) => {
            names_in(a, names);
            names_in(b, names);
        }
        Expr::Compare(first, rest) => {
            names_in(first, names);
            rest.iter().for_each(|(_, one)| names_in(one, names));
        }
        Expr::Call(_, all) | Expr::Tuple(all) => all.iter().for_each(|one| names_in(one, names)),
        Expr::If(c, a, b) => [c, a, b].into_iter().for_each(|one| names_in(one, names)),
    }
}

type Evaluated = Result<Value, String>;

fn evaluate(expr: &Expr, values: &Values) -> Evaluated {
    Ok(match expr {
        Expr::Value(value) => value.clone(),
        Expr::Name(name) => {
            let value = values.get(name).cloned();
            let value = value.or_else(|| Some(Value::Int(info::constant(name)?.into())));
            value.ok_or_else(|| format!("'{name}' has no value here"))?
        }
        Expr::Not(one) => truth(!evaluate(one, values)?.is_true()),
        Expr::Minus(one) => match evaluate(one, values)? {
            Value::Int(n) => Value::Int(-n),
            Value::Float(n) => Value::Float(-n),
            other => return Err(format!("-{other} is nothing")),
        },
        Expr::And(a, b) => {
            let a = evaluate(a, values)?;
            if a.is_true() { evaluate(b, values)? } else { a }
        }
        Expr::Or(a, b) => {
            let a = evaluate(a, values)?;
            if a.is_true() { a } else { evaluate(b, values)? }
        }
        Expr::If(condition, a, b) => {
            evaluate(if evaluate(condition, values)?.is_true() { a } else { b }, values)?
        }
        Expr::Compare(first, rest) => {
            let mut left = evaluate(first, values)?;
            for (how, right) in rest {
                let right = evaluate(right, values)?;
                if !compare(*how, &left, &right)? {
                    return Ok(truth(false));
                }
                left = right;
            }
            truth(true)
        }
        Expr::Binary(operator, a, b) => {
            binary(*operator, evaluate(a, values)?, evaluate(b, values)?)?
        }
        Expr::Call(function, arguments) => {
            let arguments = arguments.iter().map(|one| evaluate(one, values));
            call(*function, arguments.collect::<Result<_, _>>()?)?
        }
        Expr::Tuple(all) => {
            let all = all.iter().map(|one| evaluate(one, values));
            Value::Tuple(all.collect::<Result<_, _>>()?)
        }
    })
}

const fn truth(holds: bool) -> Value {
    Value::Int(holds as i128)
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Self::Int(n) => *n != 0,
            Self::Float(n) => *n != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Tuple(all) => !all.is_empty(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            _ => None,
        }
    }
}

fn compare(how: Comparison, a: &Value, b: &Value) -> Result<bool, String> {
    if let (Comparison::In | Comparison::NotIn, Value::Tuple(all)) = (how, b) {
        let mut is_in = false;
        for one in all {
            is_in |= compare(Comparison::Equal, a, one)?;
        }
        return Ok(is_in == (how == Comparison::In));
    }
    let order = match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        _ => a.number().zip(b.number()).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    let order = order.ok_or_else(|| format!("{a} and {b} cannot be compared"))?;
    match how {
        Comparison::Equal => Ok(order.is_eq()),
        Comparison::NotEqual => Ok(order.is_ne()),
        Comparison::Less => Ok(order.is_lt()),
        Comparison::LessOrEqual => Ok(order.is_le()),
        Comparison::Greater => Ok(order.is_gt()),
        Comparison::GreaterOrEqual => Ok(order.is_ge()),
        Comparison::In | Comparison::NotIn => Err(format!("nothing is in {b}")),
    }
}

fn binary(operator: Operator, a: Value, b: Value) -> Evaluated {
    match (operator, a, b) {
        // What is put into a text: it is only shown.
        (Operator::Remainder, Value::Text(text), with) => {
            Ok(Value::Text(format!("{text} % {with}")))
        }
        (Operator::Add, Value::Text(a), b) => Ok(Value::Text(format!("{a}{b}"))),
        (operator, Value::Int(a), Value::Int(b)) => integers(operator, a, b),
        (operator, a, b) => {
            let numbers = a.number().zip(b.number());
            let (x, y) = numbers.ok_or_else(|| format!("{a} and {b} do not go together"))?;
            floats(operator, x, y).ok_or_else(|| format!("{a} and {b} do not go together"))
        }
    }
}

fn integers(operator: Operator, a: i128, b: i128) -> Evaluated {
    let shift = u32::try_from(b).ok().filter(|bits| *bits < 64);
    let result = match operator {
        Operator::BitOr => Some(a | b),
        Operator::BitXor => Some(a ^ b),
        Operator::BitAnd => Some(a & b),
        Operator::ShiftLeft => shift.and_then(|bits| a.checked_mul(1 << bits)),
        Operator::ShiftRight => shift.map(|bits| a >> bits),
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Power => shift.and_then(|power| a.checked_pow(power)),
        // Python rounds down, also below zero.
        Operator::FloorDivide if b != 0 => {
            Some(a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0))
        }
        Operator::Remainder if b != 0 => {
            let rest = a.rem_euclid(b);
            Some(if b < 0 && rest != 0 { rest + b } else { rest })
        }
        Operator::Divide if b != 0 => return Ok(Value::Float(a as f64 / b as f64)),
        _ => None,
    };
    result.map(Value::Int).ok_or_else(|| format!("{a} and {b}: there is no result"))
}

fn floats(operator: Operator, a: f64, b: f64) -> Option<Value> {
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b != 0.0 => a / b,
        Operator::FloorDivide if b != 0.0 => (a / b).floor(),
        Operator::Remainder if b != 0.0 => a - b * (a / b).floor(),
        Operator::Power => a.powf(b),
        _ => return None,
    };
    Some(Value::Float(result))
}

fn call(function: Function, arguments: Vec<Value>) -> Evaluated {
    let all = match (&arguments[..], function) {
        ([Value::Tuple(all)], Function::Max | Function::Min) => all.clone(),
        _ => arguments,
    };
    match (function, &all[..]) {
        (Function::Abs, [Value::Int(n)]) => Ok(Value::Int(n.abs())),
        (Function::Abs, [Value::Float(n)]) => Ok(Value::Float(n.abs())),
        (Function::Int | Function::Round, [Value::Int(n)]) => Ok(Value::Int(*n)),
        (Function::Int, [Value::Float(n)]) => Ok(Value::Int(*n as i128)),
        (Function::Round, [Value::Float(n)]) => Ok(Value::Int(n.round_ties_even() as i128)),
        (Function::Float, [one]) if one.number().is_some() => {
            Ok(Value::Float(one.number().unwrap_or_default()))
        }
        (Function::Len, [Value::Tuple(all)]) => Ok(Value::Int(all.len() as i128)),
        (Function::Str, [one]) => Ok(Value::Text(one.to_string())),
        (Function::Max | Function::Min, [first, rest @ ..]) => {
            let wanted = match function {
                Function::Max => Comparison::Greater,
                _ => Comparison::Less,
            };
            let mut best = first;
            for one in rest {
                if compare(wanted, one, best)? {
                    best = one;
                }
            }
            Ok(best.clone())
        }
        _ => Err(format!("{function:?} does not take these arguments").to_lowercase()),
    }
}

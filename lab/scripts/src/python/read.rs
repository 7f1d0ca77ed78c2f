use super::{Comparison, Expr, Function, Names, Operator, Program, Statement, Value};
use crate::info;
use crate::language::lexer::advance;
use crate::position::{Parsed, Position, Refusal};

/// How deep parentheses may stand in one another.
const DEPTH_MAX: usize = 32;

/// Reads code whose text begins `at`.
pub(crate) fn parse(at: Position, text: &str, names: &mut Names) -> Parsed<Program> {
    let mut reader = Reader { text, offset: 0, start: at, names, depth: 0, is_shown: false };
    let mut statements = Vec::new();
    loop {
        reader.skip_blanks(true);
        if reader.rest().is_empty() {
            return Ok(Program { at, statements });
        }
        statements.push(reader.read_statement()?);
        reader.skip_blanks(false);
        if !reader.rest().is_empty() && !reader.take(";") && !reader.rest().starts_with('\n') {
            return Err(reader.bad("expected the end of a statement"));
        }
    }
}

struct Reader<'a, 'n> {
    text: &'a str,
    offset: usize,
    start: Position,
    names: &'n mut Names,
    /// How many brackets are open: lines end inside of none.
    depth: usize,
    /// What is read is only shown.
    is_shown: bool,
}

impl<'a> Reader<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn position(&self) -> Position {
        advance(self.start, self.text.get(..self.offset).unwrap_or_default())
    }

    fn bad(&self, what: &str) -> Refusal {
        Refusal::new(self.position(), format!("code: {what}"))
    }

    fn skip_blanks(&mut self, over_lines: bool) {
        loop {
            let rest = self.rest();
            let is_blank = |c: char| c.is_whitespace() && (over_lines || c != '\n');
            self.offset += rest.len() - rest.trim_start_matches(is_blank).len();
            if self.rest().starts_with("\\\n") {
                self.offset += 2;
            } else if self.rest().starts_with('#') {
                let rest = self.rest();
                self.offset += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn skip(&mut self) {
        self.skip_blanks(self.depth > 0);
    }

    /// Takes a sign.
    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let is_it = self.rest().starts_with(sign);
        if is_it {
            self.offset += sign.len();
        }
        is_it
    }

    /// Looks at the next word.
    fn word(&mut self) -> &'a str {
        self.skip();
        let rest = self.rest();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        rest.get(..rest.find(|c| !is_word(c)).unwrap_or(rest.len())).unwrap_or_default()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.word() == word;
        if is_it {
            self.offset += word.len();
        }
        is_it
    }

    // Statements.

    fn read_statement(&mut self) -> Parsed<Statement> {
        let at = self.position();
        let begin = self.offset;
        if self.take_word("assert") {
            let condition = self.read_expr()?;
            let end = self.offset;
            let message = if self.take(",") { Some(self.read_expr()?) } else { None };
            let text = self.text.get(begin..end).unwrap_or_default().trim().to_owned();
            return Ok(Statement::Assert { at, condition, message, text });
        }
        if self.take_word("pass") {
            return Ok(Statement::Nothing);
        }
        if self.take_word("print") {
            return self.read_print();
        }
        let name = self.word();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.bad("expected a statement"));
        }
        self.offset += name.len();
        if !self.take("=") || self.rest().starts_with('=') {
            self.offset = begin;
            return Err(self.bad(&format!("'{name}' begins no statement that is known")));
        }
        let value = self.read_expr()?;
        if is_given(name) {
            self.offset = begin;
            return Err(self.bad(&format!("'{name}' is not yours to set")));
        }
        self.names.0.insert(name.to_owned());
        Ok(Statement::Assign { name: name.to_owned(), value })
    }

    /// `print(a, b)` or, as it once was, `print a, b`.
    fn read_print(&mut self) -> Parsed<Statement> {
        self.skip();
        self.is_shown = true;
        while !self.rest().is_empty() && !self.rest().starts_with(['\n', ';']) {
            self.read_expr()?;
            if !self.take(",") {
                break;
            }
            self.skip();
        }
        self.is_shown = false;
        Ok(Statement::Nothing)
    }

    // Expressions, from the loosest binding to the tightest.

    fn read_expr(&mut self) -> Parsed<Expr> {
        if self.depth > DEPTH_MAX {
            return Err(self.bad("too many brackets in one another"));
        }
        let value = self.read_or()?;
        if !self.take_word("if") {
            return Ok(value);
        }
        let condition = self.read_or()?;
        if !self.take_word("else") {
            return Err(self.bad("'if' without 'else'"));
        }
        let other = self.read_expr()?;
        Ok(Expr::If(Box::new(condition), Box::new(value), Box::new(other)))
    }

    fn read_or(&mut self) -> Parsed<Expr> {
        let mut left = self.read_and()?;
        while self.take_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.read_and()?));
        }
        Ok(left)
    }

    fn read_and(&mut self) -> Parsed<Expr> {
        let mut left = self.read_not()?;
        while self.take_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.read_not()?));
        }
        Ok(left)
    }

    fn read_not(&mut self) -> Parsed<Expr> {
        let mut count = 0;
        while self.take_word("not") {
            count += 1;
        }
        let mut value = self.read_comparison()?;
        for _ in 0..count {
            value = Expr::Not(Box::new(value));
        }
        Ok(value)
    }

    fn read_comparison(&mut self) -> Parsed<Expr> {
        let first = self.read_binary(0)?;
        let mut rest = Vec::new();
        while let Some(how) = self.take_comparison() {
            rest.push((how, self.read_binary(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(Box::new(first), rest) })
    }

    fn take_comparison(&mut self) -> Option<Comparison> {
        const SIGNS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        self.skip();
        let is_shift = self.rest().starts_with("<<") || self.rest().starts_with(">>");
        if !is_shift && let Some((_, how)) = SIGNS.into_iter().find(|(sign, _)| self.take(sign)) {
            return Some(how);
        }
        if self.take_word("in") {
            return Some(Comparison::In);
        }
        let before = self.offset;
        if self.take_word("not") {
            if self.take_word("in") {
                return Some(Comparison::NotIn);
            }
            self.offset = before;
        }
        None
    }

    /// Operators by how tightly they bind: `|`, `^`, `&`, shifts, sums, products.
    fn read_binary(&mut self, level: usize) -> Parsed<Expr> {
        const LEVELS: [&[(&str, Operator)]; 6] = [
            &[("|", Operator::BitOr)],
            &[("^", Operator::BitXor)],
            &[("&", Operator::BitAnd)],
            &[("<<", Operator::ShiftLeft), (">>", Operator::ShiftRight)],
            &[("+", Operator::Add), ("-", Operator::Subtract)],
            &[
                ("//", Operator::FloorDivide),
                ("/", Operator::Divide),
                ("%", Operator::Remainder),
                ("*", Operator::Multiply),
            ],
        ];
        let Some(operators) = LEVELS.get(level) else { return self.read_unary() };
        let mut left = self.read_binary(level + 1)?;
        loop {
            self.skip();
            if self.rest().starts_with("**") {
                return Ok(left);
            }
            let taken = operators.iter().find(|(sign, _)| self.take(sign));
            let Some((_, operator)) = taken else { return Ok(left) };
            let right = self.read_binary(level + 1)?;
            left = Expr::Binary(*operator, Box::new(left), Box::new(right));
        }
    }

    fn read_unary(&mut self) -> Parsed<Expr> {
        let mut is_negative = false;
        loop {
            if self.take("-") {
                is_negative = !is_negative;
            } else if !self.take("+") {
                break;
            }
        }
        let mut value = self.read_atom()?;
        if self.take("**") {
            let power = self.read_unary()?;
            value = Expr::Binary(Operator::Power, Box::new(value), Box::new(power));
        }
        Ok(if is_negative { Expr::Minus(Box::new(value)) } else { value })
    }

    fn read_atom(&mut self) -> Parsed<Expr> {
        self.skip();
        let at = self.position();
        match self.rest().chars().next() {
            Some('(') => self.read_tuple('(', ")"),
            Some('[') => self.read_tuple('[', "]"),
            Some(quote @ ('"' | '\'')) => self.read_text(quote),
            Some(c) if c.is_ascii_digit() || c == '.' => self.read_number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.word();
                self.offset += name.len();
                // f"…": only shown, so what stands in its braces stays as it is.
                if let ("f", Some(quote @ ('"' | '\''))) = (name, self.rest().chars().next()) {
                    return self.read_text(quote);
                }
                self.read_name(at, name)
            }
            _ => Err(self.bad("expected a value")),
        }
    }

    /// What stands in brackets: one value, or several.
    fn read_tuple(&mut self, open: char, close: &str) -> Parsed<Expr> {
        self.offset += open.len_utf8();
        self.depth += 1;
        let mut all = Vec::new();
        let mut has_comma = open == '[';
        while !self.take(close) {
            all.push(self.read_expr()?);
            if self.take(",") {
                has_comma = true;
            } else if self.take(close) {
                break;
            } else {
                return Err(self.bad(&format!("expected '{close}'")));
            }
        }
        self.depth -= 1;
        match (has_comma, all.len()) {
            (false, 1) => Ok(all.swap_remove(0)),
            _ => Ok(Expr::Tuple(all)),
        }
    }

    fn read_text(&mut self, quote: char) -> Parsed<Expr> {
        let rest = self.rest().get(1..).unwrap_or_default();
        let end = rest.find(quote).ok_or_else(|| self.bad("a text has no end"))?;
        let text = rest.get(..end).unwrap_or_default();
        if text.contains(['\\', '\n']) {
            return Err(self.bad("this text is not supported"));
        }
        self.offset += end + 2;
        Ok(Expr::Value(Value::Text(text.to_owned())))
    }

    fn read_number(&mut self) -> Parsed<Expr> {
        let rest = self.rest();
        if let Some(digits) = rest.strip_prefix("0x") {
            let len = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            let number = i128::from_str_radix(digits.get(..len).unwrap_or_default(), 16);
            let number = number.map_err(|_| self.bad("no number"))?;
            self.offset += len + 2;
            return Ok(Expr::Value(Value::Int(number)));
        }
        let mut len = 0;
        let mut before = ' ';
        for c in rest.chars() {
            let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
            if !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_') || is_sign) {
                break;
            }
            len += 1;
            before = c;
        }
        let text: String =
            rest.get(..len).unwrap_or_default().chars().filter(|c| *c != '_').collect();
        let value = match text.parse() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Float(text.parse().map_err(|_| self.bad("no number"))?),
        };
        self.offset += len;
        Ok(Expr::Value(value))
    }

    fn read_name(&mut self, at: Position, name: &str) -> Parsed<Expr> {
        let function = match name {
            "True" => return Ok(Expr::Value(Value::Int(1))),
            "False" => return Ok(Expr::Value(Value::Int(0))),
            "abs" => Function::Abs,
            "int" => Function::Int,
            "float" => Function::Float,
            "len" => Function::Len,
            "max" => Function::Max,
            "min" => Function::Min,
            "round" => Function::Round,
            "str" => Function::Str,
            _ => {
                if self.names.0.contains(name) || is_given(name) {
                    return Ok(Expr::Name(name.to_owned()));
                }
                if self.is_shown && info::why_not(name).is_some() {
                    return Ok(Expr::Value(Value::Int(0)));
                }
                let why = info::why_not(name).unwrap_or("is unknown");
                return Err(Refusal::new(at, format!("code: '{name}' {why}")));
            }
        };
        self.skip();
        if !self.rest().starts_with('(') {
            return Err(self.bad(&format!("expected '(' behind {name}")));
        }
        let arguments = match self.read_tuple('(', ")")? {
            Expr::Tuple(arguments) => arguments,
            one => vec![one],
        };
        Ok(Expr::Call(function, arguments))
    }
}

/// Whether a name has a value by itself.
fn is_given(name: &str) -> bool {
    info::NAMES.contains(&name) || info::constant(name).is_some()
}

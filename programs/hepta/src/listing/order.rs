//! In which order a directory is shown.

use std::cmp::Ordering;

use files::{Kind, Listed};

/// The order of a listing. Directories always come before files.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Order {
    by: By,
    is_descending: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum By {
    #[default]
    Name,
    Size,
    Date,
}

impl By {
    /// As a query names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Date => "date",
        }
    }

    /// Whether one who asks for this order usually wants the greatest first: large and new files.
    fn is_descending_first(self) -> bool {
        self != Self::Name
    }
}

impl Order {
    /// What the query of a request says, `sort=name|size|date&order=asc|desc`. What it does not say,
    /// or says in other words, is by name and ascending.
    pub(crate) fn from_query(query: Option<&[u8]>) -> Self {
        let mut order = Self::default();
        for part in query.unwrap_or_default().split(|&b| b == b'&') {
            match part {
                b"sort=name" => order.by = By::Name,
                b"sort=size" => order.by = By::Size,
                b"sort=date" => order.by = By::Date,
                b"order=asc" => order.is_descending = false,
                b"order=desc" => order.is_descending = true,
                _ => {}
            }
        }
        order
    }

    /// The order that a click on a column's head asks for: the other way round, when it is this.
    pub(super) fn clicked(self, by: By) -> Self {
        let is_descending =
            if self.by == by { !self.is_descending } else { by.is_descending_first() };
        Self { by, is_descending }
    }

    /// As a query, with its `?`; nothing for the usual order.
    pub(super) fn to_query(self) -> String {
        if self == Self::default() { String::new() } else { self.to_full_query() }
    }

    /// As a query, with its `?`, whatever the order.
    pub(super) fn to_full_query(self) -> String {
        format!("?sort={}&order={}", self.by.as_str(), self.direction("asc", "desc"))
    }

    /// How `aria-sort` names the order of a column.
    pub(super) fn aria(self, by: By) -> Option<&'static str> {
        (self.by == by).then(|| self.direction("ascending", "descending"))
    }

    fn direction(self, ascending: &'static str, descending: &'static str) -> &'static str {
        if self.is_descending { descending } else { ascending }
    }

    /// Puts the entries in this order. Equal ones are in the order of their names.
    pub(super) fn sort(self, entries: &mut [Listed]) {
        entries.sort_unstable_by(|a, b| {
            let is_file = |entry: &Listed| entry.kind == Kind::File;
            let by_name = || compare_names(&a.name, &b.name);
            let by_choice = match self.by {
                By::Name => by_name(),
                By::Size => a.len.cmp(&b.len),
                By::Date => a.modified.cmp(&b.modified),
            };
            let by_choice = if self.is_descending { by_choice.reverse() } else { by_choice };
            is_file(a).cmp(&is_file(b)).then(by_choice).then_with(by_name)
        });
    }
}

/// As people sort names: the case of letters does not matter, and numbers count as numbers, so that
/// `page-9` comes before `page-10`. Names that are the same so far are told apart by their bytes.
fn compare_names(a: &[u8], b: &[u8]) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some((&first_a, after_a)), Some((&first_b, after_b))) =
        (rest_a.split_first(), rest_b.split_first())
    {
        let ordering = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (number_a, number_b);
            (number_a, rest_a) = split_number(rest_a);
            (number_b, rest_b) = split_number(rest_b);
            // Without leading zeros the longer number is the greater one.
            number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b))
        } else {
            (rest_a, rest_b) = (after_a, after_b);
            first_a.to_ascii_lowercase().cmp(&first_b.to_ascii_lowercase())
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// The digits in front, without leading zeros, and what follows them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (mut number, rest) = text.split_at_checked(end).unwrap_or_default();
    while let [b'0', shorter @ ..] = number {
        number = shorter;
    }
    (number, rest)
}

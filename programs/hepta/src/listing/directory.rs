//! A directory for people.

use std::fmt::Write;

use files::{Kind, Listed, Listing};
use message::uri::percent;

use super::order::By;
use super::text::{Size, Utc, escaped};
use super::{Form, Order, Page, html_page, json};
use crate::words::{self, Words};

/// What the directory `path` holds: `""` is the root, and names stand between slashes. The links
/// are relative to the directory's own address, which ends in a slash.
pub(crate) fn directory_page(
    form: Form,
    words: &Words,
    path: &[u8],
    mut listing: Listing,
    order: Order,
) -> Page {
    order.sort(&mut listing.entries);
    match form {
        Form::Json => json::directory(path, &listing),
        Form::Html | Form::Text => html(words, path, &listing, order),
    }
}

/// A link from a directory to what it holds: every byte that could mean something is escaped, a
/// colon too, so that no name looks like a scheme.
pub(super) fn href(entry: &Listed) -> String {
    let mut href = String::with_capacity(entry.name.len() + 8);
    percent::append(&mut href, &entry.name, percent::UNRESERVED);
    if entry.kind == Kind::Directory {
        href.push('/');
    }
    href
}

fn html(words: &Words, path: &[u8], listing: &Listing, order: Order) -> Page {
    let (shown, says) = (String::from_utf8_lossy(path), &words.listing);
    let slash = if path.is_empty() { "" } else { "/" };
    let title = format!("{}/{shown}{slash}", says.heading);
    // Some 300 bytes a row, and names twice.
    let mut out = String::with_capacity(1024 + 320 * listing.entries.len());
    push_crumbs(&mut out, says, path, order);
    push_head(&mut out, says, order);
    let query = escaped(&order.to_query()).into_owned();
    if !path.is_empty() {
        let _ = writeln!(
            out,
            "<tr><td class=\"name\"><a class=\"up\" href=\"../{query}\">{}</a></td>\
             <td></td><td></td></tr>",
            escaped(says.parent),
        );
    }
    for entry in &listing.entries {
        push_row(&mut out, says, entry, &query);
    }
    out.push_str("</tbody>\n</table>\n");
    push_total(&mut out, says, listing);
    html_page(words, &title, &out)
}

/// The way from the root to here. Each step links to its directory, but the last one, which is this.
fn push_crumbs(out: &mut String, says: &words::Listing, path: &[u8], order: Order) {
    let query = order.to_query();
    let query = escaped(&query);
    let names: Vec<_> = path.split(|&b| b == b'/').filter(|name| !name.is_empty()).collect();
    let _ = write!(
        out,
        "<nav aria-label=\"{}\">\n<h1><span class=\"label\">{}</span>",
        escaped(says.way),
        escaped(says.heading),
    );
    if names.is_empty() {
        out.push_str("<span aria-current=\"page\">/</span>");
    } else {
        let (up, top) = ("../".repeat(names.len()), escaped(says.top));
        let _ = write!(out, "<a href=\"{up}{query}\" title=\"{top}\">/</a>");
    }
    for (at, name) in (1..).zip(&names) {
        let name = String::from_utf8_lossy(name);
        let (name, above) = (escaped(&name), names.len() - at);
        let _ = if above == 0 {
            write!(out, "<bdi aria-current=\"page\">{name}</bdi>/")
        } else {
            let up = "../".repeat(above);
            write!(out, "<a href=\"{up}{query}\"><bdi>{name}</bdi></a>/<wbr>")
        };
    }
    out.push_str("</h1>\n</nav>\n");
}

/// The table up to its first row. The heads of the columns are links that sort, so that it works
/// without a script.
fn push_head(out: &mut String, says: &words::Listing, order: Order) {
    out.push_str("<table>\n<thead>\n<tr>");
    for (by, label) in [(By::Name, says.name), (By::Size, says.size), (By::Date, says.modified)] {
        let (class, label) = (by.as_str(), escaped(label));
        let aria = order.aria(by).map(|sorted| format!(" aria-sort=\"{sorted}\""));
        let (aria, query) = (aria.unwrap_or_default(), order.clicked(by).to_full_query());
        let query = escaped(&query);
        let zone = if by == By::Date { " <small>UTC</small>" } else { "" };
        let _ = write!(
            out,
            "<th scope=\"col\" class=\"{class}\"{aria}><a href=\"{query}\">{label}</a>{zone}</th>",
        );
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
}

fn push_row(out: &mut String, says: &words::Listing, entry: &Listed, query: &str) {
    let (href, name) = (href(entry), String::from_utf8_lossy(&entry.name));
    let (name, modified) = (escaped(&name), Utc::new(entry.modified));
    let _ = match entry.kind {
        Kind::Directory => write!(
            out,
            "<tr><td class=\"name\"><a class=\"directory\" href=\"{href}{query}\">\
             <bdi>{name}</bdi>/</a></td><td class=\"size\"></td>",
        ),
        Kind::File => write!(
            out,
            "<tr><td class=\"name\"><a class=\"file\" href=\"{href}\"><bdi>{name}</bdi></a></td>\
             <td class=\"size\" title=\"{}\">{}</td>",
            escaped(&(says.bytes)(entry.len)),
            Size(entry.len),
        ),
    };
    let Utc { date, time } = &modified;
    let _ = writeln!(
        out,
        "<td class=\"date\"><time datetime=\"{modified}\">{date}<span> {time}</span></time></td></tr>",
    );
}

/// How much there is.
fn push_total(out: &mut String, says: &words::Listing, listing: &Listing) {
    let files = listing.entries.iter().filter(|entry| entry.kind == Kind::File);
    let (files_len, len) =
        files.fold((0, 0u64), |(n, sum), file| (n + 1, sum.saturating_add(file.len)));
    let directories_len = listing.entries.len() as u64 - files_len;
    let mut parts = Vec::new();
    if directories_len > 0 {
        parts.push(escaped(&(says.directories)(directories_len)).into_owned());
    }
    if files_len > 0 {
        parts.push(escaped(&(says.files)(files_len)).into_owned());
        let exactly = (says.bytes)(len);
        parts.push(format!("<span title=\"{}\">{}</span>", escaped(&exactly), Size(len)));
    }
    let counts = if parts.is_empty() { escaped(says.empty).into_owned() } else { parts.join(", ") };
    let _ = write!(out, "<p class=\"total\">{counts}");
    if listing.truncated {
        let _ = write!(out, ". {}", escaped(says.truncated));
    }
    out.push_str("</p>\n");
}

//! Links in the Markdown files: every one leads somewhere, every page of docs/ is led to.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// Where the reading of docs/ begins.
const INDEX: &str = "docs/README.md";

/// Every link that leads nowhere and every page that none leads to.
pub(super) fn check(tracked: &[String], text: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let pages: BTreeMap<&str, Page> = tracked
        .iter()
        .filter(|file| file.ends_with(".md"))
        .filter_map(|file| Some((file.as_str(), Page::read(&text(file)?))))
        .collect();
    let exists = |path: &str| {
        path.is_empty()
            || tracked
                .iter()
                .any(|f| f == path || f.strip_prefix(path).is_some_and(|f| f.starts_with('/')))
    };
    let mut complaints = Vec::new();
    for (file, page) in &pages {
        for (line, target) in &page.links {
            let Some((path, anchor)) = resolve(file, target) else { continue };
            if !exists(&path) {
                complaints.push(format!("{file}:{line}: {target} leads nowhere"));
            } else if let (Some(anchor), Some(page)) = (anchor, pages.get(path.as_str()))
                && !page.anchors.contains(anchor)
            {
                complaints.push(format!("{file}:{line}: {path} has no heading #{anchor}"));
            }
        }
    }
    complaints.extend(check_reach(&pages));
    complaints
}

fn check_reach(pages: &BTreeMap<&str, Page>) -> Vec<String> {
    let mut reached = BTreeSet::from([INDEX.to_owned()]);
    let mut next = vec![INDEX.to_owned()];
    while let Some(file) = next.pop() {
        for (_, target) in pages.get(file.as_str()).into_iter().flat_map(|page| &page.links) {
            let Some((path, _)) = resolve(&file, target) else { continue };
            if pages.contains_key(path.as_str()) && reached.insert(path.clone()) {
                next.push(path);
            }
        }
    }
    let is_lost = |file: &&&str| file.starts_with("docs/") && !reached.contains(**file);
    pages
        .keys()
        .filter(is_lost)
        .map(|file| format!("{file}: no page leads here from {INDEX}"))
        .collect()
}

/// What matters of one page.
#[derive(Debug, Default, Eq, PartialEq)]
struct Page {
    /// Each link's line and target.
    links: Vec<(usize, String)>,
    /// The names of its headings, as links use them.
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut is_code = false;
        for (n, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                page.links.extend(links_in(line).into_iter().map(|target| (n, target)));
                page.anchors.extend(anchor_of(line));
            }
        }
        page
    }
}

/// The targets of `[text](target)` and of `[name]: target`, outside `code`.
fn links_in(line: &str) -> Vec<String> {
    let mut targets = Vec::new();
    if let Some((_, target)) = line.split_once("]: ").filter(|_| line.starts_with('[')) {
        targets.push(target.trim().to_owned());
    }
    // Links may hold code, code may not hold links: what stands between backquotes is dropped.
    let plain: String = line.split('`').step_by(2).collect();
    let mut rest = plain.as_str();
    while let Some((_, after)) = rest.split_once("](") {
        let Some((target, after)) = after.split_once(')') else { break };
        targets.extend(target.split_whitespace().next().map(str::to_owned));
        rest = after;
    }
    targets
}

/// The name of a heading: lower case, blanks as hyphens, other punctuation dropped.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#');
    if heading.len() == line.len() || !heading.starts_with(' ') {
        return None;
    }
    let name = heading.trim().to_lowercase().replace(' ', "-");
    Some(name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect())
}

/// The path a link leads to, from the root, and the heading; nothing for what is outside.
fn resolve<'a>(file: &str, target: &'a str) -> Option<(String, Option<&'a str>)> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    if path.is_empty() {
        return Some((file.to_owned(), anchor));
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some((parts.join("/"), anchor))
}

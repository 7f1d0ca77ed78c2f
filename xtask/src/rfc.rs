//! What the code says it obeys, against what the RFCs' tables of contents hold.
//!
//! [`cite`] finds citations in comments, [`spec`] reads the lists in `specs/`; here the two meet.

mod cite;
mod spec;

use std::collections::{BTreeMap, BTreeSet};

use crate::term::{Paint, paint};
use crate::{Outcome, term, tree, unknown_argument};
use cite::{Citation, Kind};
use spec::{Section, Spec};

#[cfg(test)]
mod tests;

/// What `cargo xtask rfc --help` says.
pub(crate) const HELP: &str = "\
Prints which sections of the RFCs are obeyed, tested, excepted and open.

usage: cargo xtask rfc [NUMBER] [--check | --open | --all | --section SECTION]

  NUMBER             only this RFC: 9110
  --check            print nothing but what is wrong
  --open             list the sections that no code cites yet
  --all              list every section with what becomes of it
  --section SECTION  show where a section is cited; needs NUMBER: 9110 --section 13.2.2

Citations stand in comments:

  // RFC 9112 §5.1: no whitespace before the colon.          obeyed: above the line that does it
  //= test RFC 9112 §5.1: whitespace is refused              tested: above the test that shows it
  //= exception: RFC 9112 §2.2: why we decide otherwise      excepted

specs/rfcNNNN.txt lists the sections that concern us, specs/by-name.txt the RFCs whose sections
are not followed. A citation of a section that is not listed is an error: it is a slip of the pen,
or the list lacks a line. A whole chapter may be cited (§13), but that counts for no section.
";

/// The RFCs whose sections are not followed.
const BY_NAME: &str = "specs/by-name.txt";

/// What to print.
#[derive(Debug, Default, PartialEq)]
struct Args {
    /// Only this RFC.
    number: Option<u32>,
    view: View,
}

#[derive(Debug, Default, PartialEq)]
enum View {
    /// One line for each RFC.
    #[default]
    Summary,
    /// Nothing.
    Check,
    /// What no code cites.
    Open,
    /// Everything.
    All,
    /// Where one section is cited.
    Section(String),
}

impl Args {
    fn parse(args: &[String]) -> Result<Self, Vec<String>> {
        let mut parsed = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            parsed.view = match arg.as_str() {
                "--check" => View::Check,
                "--open" => View::Open,
                "--all" => View::All,
                "--section" => match args.next() {
                    Some(section) => View::Section(section.trim_start_matches('§').to_owned()),
                    None => {
                        return Err(vec!["--section needs a number: --section 13.2.2".to_owned()]);
                    }
                },
                number => match number.parse() {
                    Ok(number) => {
                        parsed.number = Some(number);
                        continue;
                    }
                    Err(_) => {
                        unknown_argument("rfc", number)?;
                        continue;
                    }
                },
            };
        }
        if matches!(parsed.view, View::Section(_)) && parsed.number.is_none() {
            return Err(vec!["--section needs the RFC too: 9110 --section 13.2.2".to_owned()]);
        }
        Ok(parsed)
    }
}

/// Reads the tree and prints.
pub(crate) fn run(args: &[String]) -> Outcome {
    let args = Args::parse(args)?;
    let files = tree::files();
    let specs = read_specs(&files)?;
    let citations = read_citations(&files);
    let mut complaints = check(&specs, &citations);

    let wanted: Vec<&Spec> = specs
        .values()
        .filter(|spec| args.number.is_none_or(|number| spec.number == number))
        .collect();
    if let (Some(number), true) = (args.number, wanted.is_empty()) {
        complaints.push(format!("there is no specs/rfc{number}.txt"));
    }
    match &args.view {
        View::Check => {}
        View::Section(section) => show_section(&wanted, section, &citations, &mut complaints),
        view => {
            for spec in wanted {
                show(spec, &citations, view);
            }
            if args.number.is_none() {
                show_by_name(&specs);
            }
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

fn read_specs(files: &[String]) -> Result<BTreeMap<u32, Spec>, Vec<String>> {
    let (mut specs, mut complaints) = (BTreeMap::new(), Vec::new());
    for file in files.iter().filter(|file| file.starts_with("specs/") && file.ends_with(".txt")) {
        let text = tree::text(file).unwrap_or_default();
        let read = match file.as_str() {
            BY_NAME => spec::parse_by_name(&text),
            _ => spec::parse(&text).map(|spec| vec![spec]),
        };
        let read = read.unwrap_or_else(|(line, why)| {
            complaints.push(format!("{file}:{line}: {why}"));
            Vec::new()
        });
        for spec in read {
            let own_file = format!("specs/rfc{}.txt", spec.number);
            if !spec.is_by_name() && *file != own_file {
                complaints
                    .push(format!("{file}: it lists RFC {}, so it is {own_file}", spec.number));
            }
            if let Some(before) = specs.insert(spec.number, spec) {
                complaints.push(format!("{file}: RFC {} is listed twice", before.number));
            }
        }
    }
    if complaints.is_empty() { Ok(specs) } else { Err(complaints) }
}

fn read_citations(files: &[String]) -> Vec<Citation> {
    // The tool's own tests cite what does not exist.
    let is_ours = |file: &&String| file.ends_with(".rs") && !file.starts_with("xtask/");
    let read = |file: &String| Some(cite::find(file, &tree::text(file)?));
    files.iter().filter(is_ours).filter_map(read).flatten().collect()
}

/// Every citation of what is not listed.
fn check(specs: &BTreeMap<u32, Spec>, citations: &[Citation]) -> Vec<String> {
    let mut complaints = Vec::new();
    for Citation { rfc, section, file, line, .. } in citations {
        match specs.get(rfc) {
            Some(spec) if spec.may_be_cited(section) => {}
            Some(_) => complaints.push(format!(
                "{file}:{line}: specs/rfc{rfc}.txt does not list §{section}; correct one of them"
            )),
            None => complaints.push(format!(
                "{file}:{line}: RFC {rfc} §{section} is cited, but there is no specs/rfc{rfc}.txt, nor is it in {BY_NAME}"
            )),
        }
    }
    complaints
}

/// What becomes of the sections of one RFC.
#[derive(Debug, Default, PartialEq)]
struct Tally<'a> {
    obeyed: BTreeSet<&'a str>,
    tested: BTreeSet<&'a str>,
    excepted: BTreeSet<&'a str>,
}

impl<'a> Tally<'a> {
    fn of(spec: &Spec, citations: &'a [Citation]) -> Self {
        let mut tally = Self::default();
        for citation in citations.iter().filter(|c| c.rfc == spec.number && spec.lists(&c.section))
        {
            let set = match citation.kind {
                Kind::Obeyed => &mut tally.obeyed,
                Kind::Tested => &mut tally.tested,
                Kind::Excepted => &mut tally.excepted,
                Kind::Mentioned => continue,
            };
            set.insert(&citation.section);
        }
        tally
    }

    /// Whether no code says anything of a section that concerns us now.
    fn is_open(&self, section: &Section) -> bool {
        let number = section.number.as_str();
        let said = [&self.obeyed, &self.tested, &self.excepted];
        !section.later && said.iter().all(|set| !set.contains(number))
    }

    fn words(&self, section: &Section) -> String {
        let number = section.number.as_str();
        if self.is_open(section) {
            return paint(Paint::Red, "open");
        }
        let mut words = Vec::new();
        if self.obeyed.contains(number) {
            words.push(paint(Paint::Green, "obeyed"));
        }
        if self.tested.contains(number) {
            words.push(paint(Paint::Green, "tested"));
        }
        if self.excepted.contains(number) {
            words.push(paint(Paint::Yellow, "excepted"));
        }
        if words.is_empty() { "later".to_owned() } else { words.join(", ") }
    }
}

fn show(spec: &Spec, citations: &[Citation], view: &View) {
    let tally = Tally::of(spec, citations);
    if spec.is_by_name() {
        return;
    }
    let head = paint(Paint::Bold, format_args!("RFC {:<5}{:<24}", spec.number, spec.title));
    let open = spec.sections.iter().filter(|section| tally.is_open(section)).count();
    let later = spec.sections.iter().filter(|section| section.later).count();
    term::say(format_args!(
        "{head} {:>3} sections  {:>3} obeyed  {:>3} tested  {:>2} excepted  {open:>3} open  {later:>2} later",
        spec.sections.len(),
        tally.obeyed.len(),
        tally.tested.len(),
        tally.excepted.len(),
    ));
    for section in &spec.sections {
        if *view == View::All || (*view == View::Open && tally.is_open(section)) {
            term::say(format_args!(
                "  §{:<10}{:<64} {}",
                section.number,
                section.title,
                tally.words(section)
            ));
        }
    }
}

fn show_by_name(specs: &BTreeMap<u32, Spec>) {
    let by_name = specs.values().filter(|spec| spec.is_by_name());
    let numbers: Vec<String> = by_name.map(|spec| spec.number.to_string()).collect();
    term::say(format_args!("by name only: {}", numbers.join(", ")));
}

fn show_section(
    specs: &[&Spec],
    number: &str,
    citations: &[Citation],
    complaints: &mut Vec<String>,
) {
    for spec in specs {
        let Some(section) = spec.sections.iter().find(|section| section.number == number) else {
            complaints.push(format!("specs/rfc{}.txt does not list §{number}", spec.number));
            continue;
        };
        let title =
            paint(Paint::Bold, format_args!("RFC {} §{number}: {}", spec.number, section.title));
        term::say(format_args!("{title} ({})", Tally::of(spec, citations).words(section)));
        for citation in citations.iter().filter(|c| c.rfc == spec.number && c.section == number) {
            term::say(format_args!(
                "  {:<9} {}:{}  {}",
                citation.kind.word(),
                citation.file,
                citation.line,
                citation.text
            ));
        }
    }
}

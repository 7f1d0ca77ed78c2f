//! The catalogue of the x-ray: what each layer can say.
//!
//! It is read from the declarations (`notes! { … }`) themselves, so that it is complete whatever
//! is linked into which program.

use crate::term::{Paint, paint};
use crate::{Outcome, term, tree};

#[cfg(test)]
mod tests;

/// What `cargo xtask notes --help` says.
pub(crate) const HELP: &str = "\
Prints what each layer can tell the x-ray.

usage: cargo xtask notes [LAYER]

LAYER is physical, link, network, transport, session, presentation or application. Each line is a
note with its fields; below it stands what it means. docs/x-ray.md says how to read a film.
";

/// The layers, from the top down.
const LAYERS: [&str; 7] =
    ["Application", "Presentation", "Session", "Transport", "Network", "Link", "Physical"];

/// Reads the declarations and prints them.
pub(crate) fn run(args: &[String]) -> Outcome {
    let wanted = match args {
        [] => None,
        [layer] => match LAYERS.iter().find(|known| known.eq_ignore_ascii_case(layer)) {
            Some(layer) => Some(*layer),
            None => return Err(vec![format!("there is no layer {layer:?}")]),
        },
        [_, more, ..] => return crate::unknown_argument("notes", more),
    };
    let files = tree::files();
    let sources = files.iter().filter(|file| file.ends_with(".rs") && !file.starts_with("xtask/"));
    let mut vocabularies: Vec<(&String, Vocabulary)> = sources
        .filter(|file| !file.contains("tests"))
        .filter_map(|file| Some((file, tree::text(file)?)))
        .flat_map(|(file, text)| vocabularies(&text).into_iter().map(move |v| (file, v)))
        .collect();
    vocabularies.sort_by_key(|(_, v)| LAYERS.iter().position(|layer| *layer == v.layer));
    for (file, vocabulary) in vocabularies {
        if wanted.is_none_or(|layer| vocabulary.layer == layer) {
            show(file, &vocabulary);
        }
    }
    Ok(())
}

fn show(file: &str, vocabulary: &Vocabulary) {
    term::say(paint(Paint::Bold, format_args!("{} ({file})", vocabulary.layer)));
    for Note { name, fields, meaning } in &vocabulary.notes {
        let fields: String = fields.iter().map(|field| format!(" {field}")).collect();
        term::say(format_args!("  {}{fields}", paint(Paint::Green, name)));
        term::say(format_args!("      {meaning}"));
    }
}

/// What one declaration holds.
#[derive(Debug, Eq, PartialEq)]
struct Vocabulary {
    layer: String,
    notes: Vec<Note>,
}

/// One note.
#[derive(Debug, Eq, PartialEq)]
struct Note {
    name: String,
    fields: Vec<String>,
    meaning: String,
}

/// Every declaration in a file.
fn vocabularies(text: &str) -> Vec<Vocabulary> {
    let declarations = text.split("notes! {").skip(1);
    declarations.filter_map(vocabulary).collect()
}

fn vocabulary(text: &str) -> Option<Vocabulary> {
    let (head, body) = text.split_once(" in ")?;
    let (layer, body) = body.split_once('{').filter(|_| head.contains("enum "))?;
    let (mut notes, mut meaning, mut declared) = (Vec::new(), String::new(), String::new());
    for line in body.lines().map(str::trim) {
        if let Some(said) = line.strip_prefix("///") {
            meaning = [&meaning, said].concat();
            continue;
        }
        declared.push_str(line);
        // A note ends with the comma behind its name or its fields; the declaration with a brace.
        if declared == "}" {
            break;
        }
        if declared.ends_with("},") || (declared.ends_with(',') && !declared.contains('{')) {
            notes.push(note(&declared, meaning.trim()));
            meaning.clear();
            declared.clear();
        }
    }
    Some(Vocabulary { layer: layer.trim().to_owned(), notes })
}

fn note(declared: &str, meaning: &str) -> Note {
    let declared = declared.trim_end_matches(',');
    let (name, fields) = declared.split_once('{').unwrap_or((declared, ""));
    let fields = fields.trim_end_matches('}').split(',');
    Note {
        name: name.trim().to_owned(),
        fields: fields.filter_map(|f| Some(f.split_once(':')?.0.trim().to_owned())).collect(),
        meaning: meaning.to_owned(),
    }
}

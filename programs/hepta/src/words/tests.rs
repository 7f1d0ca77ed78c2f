use base::{Cx, Instant, Wall, World};
use message::{Fields, Name, Status};

use super::digits::{Digits, NARROW_BLANK};
use super::{Errors, LANGUAGES, Listing, Words, preferred};

fn chosen(accepts: &[&str]) -> &'static str {
    let fields: Fields = accepts.iter().map(|value| (Name::AcceptLanguage, *value)).collect();
    let mut world = World::seeded(1);
    preferred(&mut Cx::new(Instant::ORIGIN, Wall(0), &mut world), &fields).tag
}

//= test RFC 4647 §3.4: a range is cut until there is such a language, and a star takes the default.
//= test RFC 9110 §12.5.4: what nobody names, or what is excluded, does not keep a page away.
#[test]
fn the_language_that_is_liked_best_is_spoken() {
    for (accepts, want) in [
        ("de", "de"),
        ("DE", "de"),
        ("de-CH", "de"),
        ("de-Latn-AT-1996", "de"),
        ("fr-CA, en;q=0.9", "fr"),
        ("es-419,es;q=0.9,en;q=0.8", "es"),
        ("en-GB,en;q=0.8,de;q=0.7", "en"),
        ("de-CH, en;q=0.5", "de"),
        ("en;q=0.5, de-CH", "de"),
        ("en;q=0.5, fr;q=0.7, es;q=0.6", "fr"),
        ("ja, fr;q=0.1", "fr"),
        ("fr, de", "fr"),
        ("de, fr", "de"),
        ("ja", "en"),
        ("deu", "en"),
        ("*", "en"),
        ("*, de;q=0.5", "en"),
        ("*;q=0.5, de", "de"),
        ("de, *", "de"),
        ("*;q=0", "en"),
        ("de;q=0", "en"),
        ("en;q=0", "en"),
        ("*, en;q=0", "en"),
        ("en;q=0, es;q=0.001", "es"),
        ("de-CH;q=0, fr;q=0.1", "fr"),
        ("", "en"),
        (",,;=", "en"),
        ("de_DE", "en"),
        ("\u{fffd}, fr;q=0.2", "fr"),
        ("de;q=7", "en"),
        ("de;level=1", "en"),
    ] {
        assert_eq!(chosen(&[accepts]), want, "{accepts}");
    }
    assert_eq!(chosen(&[]), "en");
    assert_eq!(chosen(&["ja", "es;q=0.5", "fr;q=0.4"]), "es", "of all lines");
}

#[test]
fn a_field_of_any_length_is_read_once() {
    let long = "xx-".repeat(20_000) + "yy, de";
    assert_eq!(chosen(&[&long]), "de", "a range of many subtags takes one pass");
    let many = "ja, ".repeat(20_000) + "de";
    assert_eq!(chosen(&[&many]), "en", "more languages than anybody speaks are not looked at");
}

/// Every sentence of a language by its name, those with a gap filled with this number and this text.
/// A new one has to be named here.
fn sentences(words: &Words, number: u64, text: &str) -> Vec<(&'static str, String)> {
    let Errors {
        path_unusable,
        login_needed,
        not_readable,
        address_refused,
        cross_site,
        certificate_needed,
        origin_refused,
        nothing_here,
        method_refused,
        nothing_acceptable,
        alternatives: _,
        no_coding_acceptable,
        not_as_expected,
        body_too_long,
        range_outside,
        no_such_site,
        other_site,
        too_many_requests,
        unreadable,
        rewrites_go_round,
        method_unknown,
        exhausted,
        too_many_at_once,
        too_many_logins,
    } = &words.errors;
    let (empty, truncated) = (words.listing.empty, words.listing.truncated);
    vec![
        ("path_unusable", (*path_unusable).into()),
        ("login_needed", (*login_needed).into()),
        ("not_readable", (*not_readable).into()),
        ("address_refused", (*address_refused).into()),
        ("cross_site", (*cross_site).into()),
        ("certificate_needed", (*certificate_needed).into()),
        ("origin_refused", origin_refused(text)),
        ("nothing_here", (*nothing_here).into()),
        ("method_refused", method_refused(text)),
        ("nothing_acceptable", (*nothing_acceptable).into()),
        ("no_coding_acceptable", no_coding_acceptable(text)),
        ("not_as_expected", (*not_as_expected).into()),
        ("body_too_long", body_too_long(number)),
        ("range_outside", range_outside(number)),
        ("no_such_site", (*no_such_site).into()),
        ("other_site", (*other_site).into()),
        ("too_many_requests", too_many_requests(number)),
        ("unreadable", (*unreadable).into()),
        ("rewrites_go_round", (*rewrites_go_round).into()),
        ("method_unknown", (*method_unknown).into()),
        ("exhausted", (*exhausted).into()),
        ("too_many_at_once", (*too_many_at_once).into()),
        ("too_many_logins", (*too_many_logins).into()),
        ("empty", empty.into()),
        ("truncated", truncated.into()),
    ]
}

/// Every text of a language that is no sentence; a new one has to be named here.
fn labels(words: &Words) -> Vec<String> {
    let Listing {
        heading,
        way,
        top,
        parent,
        name,
        size,
        modified,
        directories,
        files,
        bytes,
        empty: _,
        truncated: _,
    } = &words.listing;
    let labels = [heading, way, top, parent, name, size, modified, &words.errors.alternatives];
    let counted = [directories, files, bytes].map(|counted| counted(2));
    labels.into_iter().map(|label| (*label).to_owned()).chain(counted).collect()
}

fn titles(words: &Words) -> Vec<String> {
    let registered = (400..=599).filter_map(Status::new).filter(|s| !s.reason().is_empty());
    registered.map(|status| words.titles.of(status).to_owned()).collect()
}

fn all(words: &Words) -> Vec<String> {
    let sentences = sentences(words, 12_345, "X").into_iter().map(|(_, sentence)| sentence);
    sentences.chain(labels(words)).chain(titles(words)).collect()
}

#[test]
fn every_error_has_a_title() {
    for words in LANGUAGES {
        let titles = titles(words);
        assert!(titles.iter().all(|title| !title.is_empty()), "{}: {titles:?}", words.tag);
        let mut different = titles.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), titles.len(), "{}: two errors are called the same", words.tag);
        for other in [Status::OK, Status::new(499).unwrap(), Status::new(599).unwrap()] {
            assert_eq!(words.titles.of(other), "");
        }
    }
    for status in (400..=599).filter_map(Status::new) {
        assert_eq!(LANGUAGES[0].titles.of(status), status.reason(), "as in the status line");
    }
}

#[test]
fn every_sentence_is_whole() {
    for words in LANGUAGES {
        for (name, sentence) in sentences(words, 12_345, "X") {
            let what = format!("{} {name}: {sentence}", words.tag);
            assert!(sentence.chars().next().unwrap().is_uppercase(), "{what}");
            assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{what}");
        }
    }
}

#[test]
fn nothing_is_left_in_english() {
    let english = all(LANGUAGES[0]);
    for words in &LANGUAGES[1..] {
        let same: Vec<_> =
            all(words).into_iter().zip(&english).filter(|(a, b)| a == *b).map(|(a, _)| a).collect();
        let want: &[&str] = match words.tag {
            "de" => &["Name"],
            "es" => &["2\u{a0}bytes"],
            _ => &[],
        };
        assert_eq!(same, want, "{}", words.tag);
    }
}

/// What can be checked of how a language is written: quotes and apostrophes are those of print, no
/// blank is doubled or at an end, and French has one before a colon at which no line ends.
#[test]
fn every_language_is_written_as_it_is() {
    for words in LANGUAGES {
        for text in all(words) {
            let what = format!("{}: {text:?}", words.tag);
            assert!(!text.contains(['"', '\'', '\n', '\t', '<', '>', '&']), "{what}");
            assert!(!text.contains("  ") && !text.starts_with(' '), "{what}");
            assert!(text == words.listing.heading || text.trim() == text, "{what}");
            for (at, _) in text.match_indices([':', ';', '?', '!']) {
                let before = text[..at].chars().next_back().unwrap();
                let has_blank = matches!(before, '\u{a0}' | NARROW_BLANK);
                assert_eq!(has_blank, words.tag == "fr", "{what}");
                assert_ne!(before, ' ', "{what}");
            }
        }
        assert!(words.listing.heading.ends_with(' '), "{}", words.tag);
    }
}

#[test]
fn gaps_are_filled_where_they_are() {
    for words in LANGUAGES {
        let without = sentences(words, 7, "X");
        let with = sentences(words, 98_765_432, "another text");
        let mut filled = Vec::new();
        for ((name, without), (_, with)) in without.iter().zip(&with) {
            if without != with {
                let shows_text = with.matches("another text").count() == 1;
                let shows_number =
                    with.contains("98") && with.contains("765") && with.contains("432");
                assert!(shows_text != shows_number, "{} {name}: {with}", words.tag);
                filled.push(*name);
            }
        }
        let want = "origin_refused method_refused no_coding_acceptable body_too_long range_outside \
                    too_many_requests";
        assert_eq!(filled.join(" "), want, "{}", words.tag);
    }
}

#[test]
fn numbers_are_written_as_the_language_does() {
    let shown = |n: u64| {
        LANGUAGES.map(|words| {
            let says = &words.listing;
            let all = [(says.directories)(n), (says.files)(n), (says.bytes)(n)].join(", ");
            all.replace('\u{a0}', "_").replace(NARROW_BLANK, "~")
        })
    };
    let none = [
        "0_directories, 0_files, 0_bytes",
        "0_Verzeichnisse, 0_Dateien, 0_Byte",
        "0_répertoire, 0_fichier, 0_octet",
        "0_directorios, 0_archivos, 0_bytes",
    ];
    let one = [
        "1_directory, 1_file, 1_byte",
        "1_Verzeichnis, 1_Datei, 1_Byte",
        "1_répertoire, 1_fichier, 1_octet",
        "1_directorio, 1_archivo, 1_byte",
    ];
    let thousand = [
        "1,234_directories, 1,234_files, 1,234_bytes",
        "1234_Verzeichnisse, 1234_Dateien, 1234_Byte",
        "1~234_répertoires, 1~234_fichiers, 1~234_octets",
        "1234_directorios, 1234_archivos, 1234_bytes",
    ];
    let many = [
        "1,234,567_directories, 1,234,567_files, 1,234,567_bytes",
        "1~234~567_Verzeichnisse, 1~234~567_Dateien, 1~234~567_Byte",
        "1~234~567_répertoires, 1~234~567_fichiers, 1~234~567_octets",
        "1~234~567_directorios, 1~234~567_archivos, 1~234~567_bytes",
    ];
    for (n, want) in [(0, none), (1, one), (1234, thousand), (1_234_567, many)] {
        assert_eq!(shown(n), want);
    }
    for (n, want) in [(1, "1\u{a0}Sekunde erneut"), (2, "2\u{a0}Sekunden erneut")] {
        assert!((LANGUAGES[1].errors.too_many_requests)(n).contains(want), "{n}");
    }
}

#[test]
fn digits_stand_in_threes() {
    let digits = Digits { separator: ',', len_min: 4 };
    for (number, want) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (123_456, "123,456"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(digits.of(number).to_string(), want);
    }
    assert_eq!(Digits { len_min: 5, ..digits }.of(9_999).to_string(), "9999");
    assert_eq!(Digits { len_min: 5, ..digits }.of(10_000).to_string(), "10,000");
}

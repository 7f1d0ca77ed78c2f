//! Recorded answers of negotiators that other servers use.

use message::media::MediaType;
use message::{Fields, Name};
use serde_json::Value;

use super::negotiation::variants;
use super::{fields, vectors, with_cx};
use crate::media::Accept;
use crate::negotiation::{Decision, OtherLanguages, Variant, choose};

/// The places of the variants in the order in which they would be chosen: the best, the best of the
/// rest, and so on.
fn ranked(request: &Fields, offered: &[Variant<'_>]) -> Vec<usize> {
    let mut rest: Vec<usize> = (0..offered.len()).collect();
    let mut ranked = Vec::new();
    loop {
        let variants: Vec<_> = rest.iter().map(|place| offered[*place].clone()).collect();
        let negotiated = with_cx(|cx| choose(cx, request, &variants, OtherLanguages::Refused));
        let Decision::Chosen(index) = negotiated.decision else { return ranked };
        ranked.push(rest.remove(index));
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn agrees_with_a_negotiator_for_node() {
    let Some(Value::Array(cases)) = vectors("negotiator.json") else { return };
    let mut checked = 0;
    for case in cases {
        let method = case["method"].as_str().unwrap();
        let (field, variant): (Name, fn(&str) -> String) = match method.trim_end_matches('s') {
            "charset" => (Name::AcceptCharset, |name| format!("text/plain;charset={name}")),
            "language" => (Name::AcceptLanguage, |name| format!("text/plain {name}")),
            "mediaType" => (Name::Accept, str::to_owned),
            _ => continue,
        };
        // Without an offer it lists what the client likes, which we never ask.
        let Some(offered) = case["args"].get(0) else { continue };
        let header = case["headers"].get(field.as_str().to_ascii_lowercase());
        let said = header.and_then(Value::as_str);
        // `boom` is offered once, to be passed over; we do not offer what is no media type.
        let offered: Vec<_> = names(offered).into_iter().filter(|name| *name != "boom").collect();
        let texts: Vec<_> = offered.iter().map(|name| variant(name)).collect();
        let theirs = match &case["result"] {
            one if method.ends_with('s') => names(one),
            one => one.as_str().into_iter().collect(),
        };
        let request: Fields = said.map(|said| (field, said)).into_iter().collect();
        let joined = texts.join(" | ");
        let mut ours: Vec<_> =
            ranked(&request, &variants(&joined)).into_iter().map(|place| offered[place]).collect();
        if !method.ends_with('s') {
            ours.truncate(1);
        }
        if exception(said, &offered) {
            assert_ne!(ours, theirs, "no exception: {case}");
        } else {
            assert_eq!(ours, theirs, "{case}");
            checked += 1;
        }
    }
    assert!(checked > 140, "only {checked}");
}

fn exception(said: Option<&str>, offered: &[&str]) -> bool {
    match said {
        //= exception: RFC 9110 §12.5.1: the order of ranges means nothing, so that of equals the
        //= server's order decides; theirs takes the client's.
        Some("*/*;q=0.8, text/*, image/*") => true,
        Some("text/plain, application/json;q=0.5, text/html, */*;q=0.1") => {
            offered.ends_with(&["text/html", "text/plain"])
        }
        //= exception: RFC 9110 §12.5.1: a range takes what has all its parameters; theirs forgets the
        //= second of one name.
        Some("text/html;LEVEL=1;level=2") => offered == ["text/html;level=1"],
        _ => false,
    }
}

#[test]
fn agrees_with_mimeparse() {
    let Some(vectors) = vectors("mimeparse.json") else { return };
    for case in vectors["quality"].as_array().unwrap() {
        let (media, accept) = (case[0][0].as_str().unwrap(), case[0][1].as_str().unwrap());
        let request = fields(&format!("Accept: {accept}"));
        let media = MediaType::parse(media.as_bytes()).unwrap();
        let quality = with_cx(|cx| Accept::read(cx, &request).liking(&media).quality);
        //= exception: RFC 9110 §12.4.2: `.2` is no weight, and §12.5.1: `*` is no range. Theirs mends
        //= both; with us they only keep the rest from excluding anything.
        let want = if accept.contains("q=.2") { 0.001 } else { case[1].as_f64().unwrap() };
        assert_eq!(f64::from(quality), want * 1000.0, "{case}");
    }
    for case in vectors["best_match"].as_array().unwrap() {
        // Theirs offers the best last, and qualities of the server as if they were parameters.
        let offered: Vec<_> = names(&case[0][0]).into_iter().rev().collect();
        let texts: Vec<_> = offered.iter().map(|text| with_quality(text)).collect();
        let accept = case[0][1].as_str().unwrap();
        let request = fields(&format!("Accept: {accept}"));
        let joined = texts.join(" | ");
        let best = ranked(&request, &variants(&joined)).first().map(|place| offered[*place]);
        let want = match (offered.as_slice(), accept) {
            //= exception: RFC 9110 §8.3.1: a representation has one type; theirs offers a range.
            (["application/xml", "image/*"], "image/png") => None,
            // A field that cannot be read is as good as absent; theirs would have taken a default.
            (["text/html", "application/json"], "text") => Some("text/html"),
            _ => case[1].as_str().filter(|theirs| !theirs.is_empty()),
        };
        assert_eq!(best, want, "{case}");
    }
}

/// `a/b;q=0.9` as `a/b 900`.
fn with_quality(text: &str) -> String {
    let Some((media, quality)) = text.split_once(";q=") else { return text.to_owned() };
    format!("{media} {}", quality.parse::<f64>().unwrap() * 1000.0)
}

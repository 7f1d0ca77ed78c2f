use std::path::Path;

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Wall, World};
use message::{Fields, date};
use serde_json::Value;

mod conditional;
mod cors;
mod cross_site;
mod encoding;
mod etag;
mod language;
mod link;
mod lists;
mod media;
mod negotiation;
mod negotiators;
mod origin;
mod range;
mod trace_context;

/// 1994-11-06T08:49:37Z, the date of the RFC's examples.
const NOW: Wall = Wall(784_111_777);

fn with_cx<T>(run: impl FnOnce(&mut Cx<'_>) -> T) -> T {
    let mut world = World::seeded(1);
    run(&mut Cx::new(Instant::ORIGIN, NOW, &mut world))
}

/// What `run` returns, under its film.
fn film<T: std::fmt::Debug>(run: impl FnOnce(&mut Cx<'_>) -> T) -> String {
    xray::watch(&[Layer::Application]);
    let (mut world, mut film) = (World::seeded(1), Film::default());
    let result = run(&mut Cx::new(Instant::ORIGIN, NOW, &mut world).watched_by(&mut film));
    format!("{}=> {result:?}\n", film.take().replace("0.000000s Application ", ""))
}

/// `Name: value | Name: value` as fields; `{NOW}` and `{NOW-5}` are dates.
fn fields(lines: &str) -> Fields {
    let lines = lines.split(" | ").filter(|line| !line.is_empty());
    lines.map(|line| line.split_once(':').unwrap()).map(|(n, v)| (n, dated(v.trim()))).collect()
}

fn dated(value: &str) -> String {
    let Some((before, rest)) = value.split_once("{NOW") else { return value.to_owned() };
    let (offset, after) = rest.split_once('}').unwrap();
    let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
    format!("{before}{}{}", http_date(NOW.0 + offset), dated(after))
}

fn http_date(seconds: i64) -> String {
    String::from_utf8(date::emit(Wall(seconds)).to_vec()).unwrap()
}

/// The vectors of that name, or nothing, and a line that says so.
fn vectors(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data").join(name);
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("NOT RUN: there are no vectors in {}", path.display());
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

//! What is kept, for how long, and what leaves.

use std::collections::BTreeMap;

use super::*;

#[test]
fn a_hit_is_the_same_file() {
    let site = Site::new();
    site.dir.write("a/f", "x");
    assert!(Rc::ptr_eq(&site.file("a/f"), &site.file("a/f")));
}

#[test]
fn a_hint_is_only_a_hint() {
    let site = Site::with(Config { files_max: 1, ..Config::default() });
    site.dir.write("one", "1");
    site.dir.write("two", "2");
    let hint = crate::Hint::default();
    let again = |path: &str| site.root.find_again(&hint, path.as_bytes(), site.now);
    assert!(again("one").is_none(), "nothing is cached");
    let one = site.file("one");
    assert!(again("one").is_none(), "the hint did not know it yet");
    assert!(Rc::ptr_eq(&again("one").unwrap(), &one));
    site.file("two");
    assert!(again("one").is_none(), "it had to leave");
    assert!(again("two").is_none(), "the hint was for another");
    assert_eq!(text(&again("two").unwrap()), "2");
    site.dir.write("two", "changed");
    site.root.drain();
    assert!(again("two").is_none());
}

#[test]
fn absence_is_remembered_until_something_comes() {
    let site = Site::new();
    site.dir.write("a/f.txt", "x");
    for path in ["a/f.txt.br", "none", "none/x/y", "a/f.txt/below", "a/none/x"] {
        assert_eq!(site.text(path), "NotFound");
    }
    assert_eq!(site.root.counts().bare, 5);
    site.dir.write("a/f.txt.br", "compressed");
    assert_eq!(site.lookup("a/f.txt.br").err(), Some(Refused::NotFound), "from memory");
    assert_eq!(site.text("a/f.txt.br"), "compressed", "the arrival was heard");
    site.dir.write("none/x/y", "now here");
    assert_eq!(site.text("none/x/y"), "now here");
    site.dir.mkdir("a/none");
    assert_eq!(site.text("a/none/x"), "NotFound");
    site.dir.write("a/none/x", "here");
    assert_eq!(site.text("a/none/x"), "here");
    site.dir.remove("a/f.txt");
    site.dir.write("a/f.txt/below", "a file became a directory");
    assert_eq!(site.text("a/f.txt/below"), "a file became a directory");
    assert_eq!(site.text("a/f.txt"), "a directory");
}

#[test]
fn every_bound_holds() {
    let site = Site::with(Config {
        content_len_max: 10,
        contents_len_max: 95,
        files_max: 20,
        descriptors_max: 5,
        bare_max: 7,
        ..Config::default()
    });
    for n in 0..100 {
        site.dir.write(&format!("small/{n}"), [b'x'; 10]);
        site.dir.write(&format!("large/{n}"), [b'x'; 11]);
    }
    for n in 0..100 {
        assert_eq!(site.file(format!("small/{n}")).len, 10);
        assert_eq!(site.file(format!("large/{n}")).len, 11);
        assert!(site.lookup(format!("none/{n}")).is_err());
        let counts = site.root.counts();
        assert!(counts.in_memory + counts.open <= 20, "{counts:?}");
        assert!(counts.contents_len <= 95 && counts.open <= 5 && counts.bare <= 7, "{counts:?}");
    }
    let counts = site.root.counts();
    assert_eq!((counts.in_memory, counts.open, counts.bare), (9, 5, 7));
}

#[test]
fn what_is_asked_for_often_stays() {
    let site = Site::with(Config { files_max: 10, ..Config::default() });
    site.dir.write("often", "x");
    let often = site.file("often");
    for n in 0..100 {
        site.dir.write(&format!("d/{n}"), "x");
        site.file(format!("d/{n}"));
        assert!(Rc::ptr_eq(&often, &site.file("often")), "after {n} others");
    }
}

#[test]
fn the_longer_queue_gives_way() {
    let config = Config { content_len_max: 1, files_max: 10, ..Config::default() };
    let site = Site::with(config);
    for n in 0..20 {
        site.dir.write(&format!("small/{n}"), "x");
        site.dir.write(&format!("large/{n}"), "xx");
    }
    (0..20).for_each(|n| drop(site.file(format!("small/{n}"))));
    (0..20).for_each(|n| drop(site.file(format!("large/{n}"))));
    let counts = site.root.counts();
    assert_eq!((counts.in_memory, counts.open), (5, 5));
}

#[test]
fn nothing_is_kept_if_nothing_may_be() {
    let config = Config { files_max: 0, bare_max: 0, ..Config::default() };
    let site = Site::with(config);
    site.dir.write("a/f", "x");
    assert_eq!(site.text("a/f"), "x");
    assert_eq!(site.text("a/none"), "NotFound");
    let counts = site.root.counts();
    assert_eq!((counts.in_memory, counts.bare, counts.directories), (0, 0, 1));
    // One that is larger than all that may be kept pushes nothing out.
    let site = Site::with(Config { contents_len_max: 10, ..Config::default() });
    site.dir.write("fits", "x");
    site.dir.write("too-large", [b'x'; 11]);
    let fits = site.file("fits");
    assert_eq!(site.file("too-large").len, 11);
    assert!(Rc::ptr_eq(&fits, &site.file("fits")));
}

#[test]
fn paths_that_strangers_make_up_take_bounded_memory() {
    let site = Site::with(Config { bare_max: 100, ..Config::default() });
    for n in 0..1_000 {
        assert_eq!(site.text(&format!("made/{n}/up")), "NotFound");
        assert_eq!(site.text(&format!("{n}/{}", "x".repeat(250))), "NotFound");
    }
    let counts = site.root.counts();
    assert_eq!((counts.bare, counts.directories), (100, 1), "the long ones are not remembered");
}

#[test]
fn directories_leave_with_their_last_entry() {
    let site = Site::with(Config { files_max: 3, ..Config::default() });
    for n in 0..50 {
        site.dir.write(&format!("{n}/a/b/c/f"), "x");
        site.file(format!("{n}/a/b/c/f"));
        assert!(site.root.counts().directories <= 1 + 3 * 4);
    }
    site.root.clear();
    assert_eq!(site.root.counts(), crate::Counts { directories: 1, ..crate::Counts::default() });
    assert_eq!(site.text("7/a/b/c/f"), "x");
}

#[test]
fn watches_have_a_bound_and_what_lies_beyond_lives_by_the_clock() {
    let mut site = Site::with(Config { directories_max: 2, ..Config::default() });
    site.dir.write("a/f", "x");
    site.dir.write("b/f", "x");
    assert_eq!((site.text("a/f"), site.text("b/f")), ("x".into(), "x".into()));
    assert_eq!(site.root.take_notices(), [crate::Notice::WatchesExhausted]);
    site.dir.write("b/f", "changed");
    assert_eq!(site.text("b/f"), "x", "nobody told");
    site.pass(Duration::from_millis(1_001));
    assert_eq!(site.text("b/f"), "changed");
}

#[test]
fn thousands_of_files_and_a_hit_finds_its_own() {
    let site = Site::in_memory();
    for n in 0..5_000 {
        site.dir.write(&format!("{}/{n}.txt", n % 50), format!("{n}"));
    }
    for _ in 0..2 {
        for n in 0..5_000 {
            assert_eq!(text(&site.file(format!("{}/{n}.txt", n % 50))), format!("{n}"));
        }
    }
    let counts = site.root.counts();
    assert_eq!((counts.in_memory, counts.directories), (4_096, 51));
}

#[test]
fn a_file_that_grows_while_it_is_read_has_the_length_of_what_was_read() {
    let site = Site::new();
    site.dir.write("log", "");
    let path = site.dir.at("log");
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let done = std::sync::Arc::clone(&done);
        move || {
            use std::io::Write;
            let mut file = std::fs::File::options().append(true).open(path).unwrap();
            for _ in 0..50_000 {
                file.write_all(b"x").unwrap();
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        }
    });
    for _ in 0..500 {
        site.root.drain();
        let file = site.file("log");
        assert_eq!(file.len, text(&file).len() as u64);
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}

/// Whatever happens to files and directories, what was heard is answered right, and no bound is
/// passed on the way. The oracle is a plain map of what was written.
#[test]
fn random_use_keeps_its_books() {
    let site = Site::with(Config {
        content_len_max: 3,
        contents_len_max: 20,
        files_max: 8,
        descriptors_max: 3,
        bare_max: 4,
        ..Config::default()
    });
    let mut rng = base::Rng::seeded(7);
    let mut truth = BTreeMap::<String, String>::new();
    for step in 0..1_000 {
        let [path, other] = [(); 2].map(|()| format!("{}/{}", rng.below(5), rng.below(5)));
        match rng.below(8) {
            0 | 1 => {
                let content = "x".repeat(rng.below(6) as usize);
                site.dir.write(&path, &content);
                truth.insert(path.clone(), content);
            }
            2 if truth.remove(&path).is_some() => site.dir.remove(&path),
            3 if truth.contains_key(&path) && site.dir.at(&other).parent().unwrap().exists() => {
                site.dir.rename(&path, &other);
                let content = truth.remove(&path).unwrap();
                truth.insert(other.clone(), content);
            }
            4 => rename_directory(&site, &mut truth, &path[..1], &other[..1]),
            5 if step % 100 == 0 => site.root.clear(),
            _ => {}
        }
        for path in [path, other] {
            let want = truth.get(&path).cloned().unwrap_or_else(|| "NotFound".into());
            assert_eq!(site.text(&path), want, "{path} at step {step}");
            let _ = site.text(&path[..1]);
        }
        let counts = site.root.counts();
        assert!(counts.in_memory + counts.open <= 8 && counts.bare <= 4, "{counts:?}");
        assert!(counts.contents_len <= 20 && counts.open <= 3 && counts.directories <= 6);
    }
}

/// Moves a directory to a name that is free.
fn rename_directory(site: &Site, truth: &mut BTreeMap<String, String>, from: &str, to: &str) {
    if site.dir.at(to).exists() || !site.dir.at(from).exists() {
        return;
    }
    site.dir.rename(from, to);
    let moved: Vec<_> = truth.extract_if(.., |path, _| path.starts_with(from)).collect();
    truth.extend(moved.into_iter().map(|(path, content)| (format!("{to}{}", &path[1..]), content)));
}

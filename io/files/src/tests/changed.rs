//! What changes is seen by the next request after the change was heard.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

#[test]
fn content_name_and_mode_are_heard() {
    let site = Site::new();
    site.dir.write("a/b/f", "one");
    assert_eq!(site.text("a/b/f"), "one");

    site.dir.write("a/b/f", "two, in place");
    assert_eq!(site.text("a/b/f"), "two, in place");
    site.dir.write("a/b/new", "three, renamed over it");
    site.dir.rename("a/b/new", "a/b/f");
    assert_eq!(site.text("a/b/f"), "three, renamed over it");
    assert_eq!(site.text("a/b/new"), "NotFound");
    site.dir.rename("a/b/f", "a/b/g");
    assert_eq!(site.text("a/b/f"), "NotFound");
    assert_eq!(site.text("a/b/g"), "three, renamed over it");
    let before = site.file("a/b/g");
    set_mode(&site.dir.at("a/b/g"), 0o600);
    site.root.drain();
    assert!(!Rc::ptr_eq(&before, &site.file("a/b/g")), "a change of mode");
    site.dir.remove("a/b/g");
    assert_eq!(site.text("a/b/g"), "NotFound");
}

#[test]
fn a_change_between_opening_and_hearing_is_not_missed() {
    let site = Site::new();
    site.dir.write("f", "one");
    assert_eq!(site.text("f"), "one");
    // Not heard yet when it is opened again: the entry is dropped once more than needed, never less.
    site.dir.write("f", "two");
    site.root.clear();
    assert_eq!(site.lookup("f").map(|_| ()), Ok(()));
    site.dir.write("f", "three");
    assert_eq!(site.text("f"), "three");
}

#[test]
fn of_many_only_what_changed_is_opened_again() {
    let site = Site::new();
    for n in 0..100 {
        site.dir.write(&format!("d/{n}"), "one");
    }
    site.root.drain();
    let before: Vec<_> = (0..100).map(|n| site.file(format!("d/{n}"))).collect();
    site.dir.write("d/50", "two");
    site.root.drain();
    for (n, before) in before.iter().enumerate() {
        assert_eq!(Rc::ptr_eq(before, &site.file(format!("d/{n}"))), n != 50, "{n}");
    }
}

#[test]
fn what_is_being_sent_stays_whole() {
    let site = Site::with(Config { content_len_max: 0, ..Config::default() });
    site.dir.write("f", "the old one");
    let old = site.file("f");
    site.dir.write("new", "the new one, which is longer");
    site.dir.rename("new", "f");
    assert_eq!(site.text("f"), "the new one, which is longer");
    assert_eq!(text(&old), "the old one");
    site.dir.remove("f");
    assert_eq!(site.text("f"), "NotFound");
    assert_eq!(text(&old), "the old one");
}

#[test]
fn a_file_that_shrinks_has_its_new_length_and_the_old_descriptor_ends_early() {
    let site = Site::with(Config { content_len_max: 0, ..Config::default() });
    site.dir.write("f", "0123456789");
    let old = site.file("f");
    std::fs::File::options().write(true).open(site.dir.at("f")).unwrap().set_len(4).unwrap();
    site.root.drain();
    assert_eq!(site.file("f").len, 4);
    assert_eq!((old.len, text(&old).as_str()), (10, "0123"));
}

#[test]
fn parents_that_move_take_everything_with_them() {
    let site = Site::new();
    site.dir.write("a/b/c/f", "one");
    assert_eq!(site.text("a/b/c/f"), "one");
    assert_eq!(site.text("a/b/c/none"), "NotFound");
    site.dir.rename("a", "z");
    assert_eq!(site.text("a/b/c/f"), "NotFound");
    assert_eq!(site.text("z/b/c/f"), "one");
    // The directory kept its watch, which now speaks of another path.
    site.dir.write("z/b/c/f", "two");
    assert_eq!(site.text("z/b/c/f"), "two");
    // Another tree takes its place.
    site.dir.write("y/b/c/f", "another");
    site.dir.rename("z", "x");
    site.dir.rename("y", "z");
    assert_eq!(site.text("z/b/c/f"), "another");
    assert_eq!(site.text("x/b/c/f"), "two");
}

#[test]
fn a_directory_found_under_its_new_name_before_the_old_one_was_dropped_stays_watched() {
    let site = Site::new();
    site.dir.write("a/f", "one");
    assert_eq!(site.text("a/f"), "one");
    site.dir.rename("a", "b");
    // Not drained: the tree knows the directory by both names, with one watch.
    assert_eq!(text(&site.file("b/f")), "one");
    assert_eq!(site.text("a/f"), "NotFound");
    assert_eq!(text(&site.file("b/f")), "one");
    site.dir.write("b/f", "two");
    assert_eq!(site.text("b/f"), "two");
}

#[test]
fn two_directories_change_places() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let site = Site::new();
    site.dir.write("blue/f", "blue");
    site.dir.write("green/f", "green");
    assert_eq!((site.text("blue/f"), site.text("green/f")), ("blue".into(), "green".into()));
    let (blue, green) = (site.dir.at("blue"), site.dir.at("green"));
    renameat_with(CWD, blue, CWD, green, RenameFlags::EXCHANGE).unwrap();
    assert_eq!((site.text("blue/f"), site.text("green/f")), ("green".into(), "blue".into()));
}

#[test]
fn a_directory_becomes_a_file_and_back() {
    let site = Site::new();
    site.dir.write("a/f", "x");
    assert_eq!((site.text("a"), site.text("a/f")), ("a directory".into(), "x".into()));
    std::fs::remove_dir_all(site.dir.at("a")).unwrap();
    site.dir.write("a", "a file");
    assert_eq!((site.text("a"), site.text("a/f")), ("a file".into(), "NotFound".into()));
    site.dir.remove("a");
    site.dir.write("a/f", "y");
    assert_eq!((site.text("a"), site.text("a/f")), ("a directory".into(), "y".into()));
}

#[test]
fn what_is_reached_by_a_link_lives_by_the_clock() {
    let mut site = Site::new();
    site.dir.write("releases/1/f", "one");
    site.dir.write("releases/2/f", "two");
    site.dir.link("releases/1", "current");
    assert_eq!((site.text("current/f"), site.text("current/g")), ("one".into(), "NotFound".into()));
    site.dir.link("releases/2", "next");
    site.dir.rename("next", "current");
    site.dir.write("releases/2/g", "new in two");
    // A link that turns is a name that comes: heard at once where it stands below the root.
    assert_eq!(
        (site.text("current/f"), site.text("current/g")),
        ("two".into(), "new in two".into())
    );
    // What changes behind the link is not heard, but does not last.
    site.dir.write("releases/2/f", "two, corrected");
    site.pass(Duration::from_millis(999));
    assert_eq!(site.text("current/f"), "two");
    site.pass(Duration::from_millis(1));
    assert_eq!(site.text("current/f"), "two, corrected");
    assert_eq!(site.text("releases/2/f"), "two, corrected");
}

#[test]
fn a_file_with_two_names_lives_by_the_clock() {
    let mut site = Site::new();
    let outside = Dir::new();
    site.dir.write("f", "one");
    std::fs::hard_link(site.dir.at("f"), outside.at("other")).unwrap();
    assert_eq!(site.text("f"), "one");
    outside.write("other", "changed by the other name");
    assert_eq!(site.text("f"), "one", "nobody told");
    site.pass(Duration::from_secs(1));
    assert_eq!(site.text("f"), "changed by the other name");
}

#[test]
fn without_a_listener_everything_lives_by_the_clock() {
    let dir = Dir::new();
    let root = Root::open(dir.path(), Config::default(), derive).unwrap();
    let mut site = Site { dir, root, now: Instant::from_millis(1) };
    site.dir.write("f", "one");
    assert_eq!(text(&site.file("f")), "one");
    site.dir.write("f", "two");
    assert_eq!(text(&site.file("f")), "one");
    site.pass(Duration::from_secs(1));
    assert_eq!(text(&site.file("f")), "two");
}

#[test]
fn what_has_settled_is_compared_and_kept() {
    // An old file nobody touches: the program that runs this test.
    let program = std::env::current_exe().unwrap();
    let (dir, name) = (program.parent().unwrap(), program.file_name().unwrap());
    let root = Root::open(dir, Config::default(), derive).unwrap();
    let mut site = Site { root, ..Site::new() };
    let name = name.to_str().unwrap();
    let file = site.file(name);
    if !file.is_settled {
        // Built less than two seconds ago. It must then be read again, which is the other half.
        site.pass(Duration::from_secs(2));
        assert!(!Rc::ptr_eq(&file, &site.file(name)));
        return;
    }
    for _ in 0..5 {
        site.pass(Duration::from_secs(100));
        assert!(Rc::ptr_eq(&file, &site.file(name)), "nothing changed, so nothing is opened");
    }
}

#[test]
fn lost_changes_drop_everything() {
    let site = Site::new();
    site.dir.write("a/b/f", "one");
    site.dir.write("g", "one");
    assert_eq!((site.text("a/b/f"), site.text("g")), ("one".into(), "one".into()));
    let queued_max: usize = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .ok()
        .and_then(|n| n.trim().parse().ok())
        .unwrap();
    // Names that alternate, since the same change twice is told once.
    let [x, y] = ["a/b/x", "a/b/y"].map(|path| {
        site.dir.write(path, "");
        site.dir.at(path)
    });
    for _ in 0..=queued_max / 2 {
        set_mode(&x, 0o600);
        set_mode(&y, 0o600);
    }
    site.dir.rename("a", "z");
    site.dir.write("g", "two");
    site.dir.write("a/b/f", "another");
    assert_eq!((site.text("a/b/f"), site.text("g")), ("another".into(), "two".into()));
    assert_eq!(site.text("z/b/f"), "one");
    site.dir.write("g", "three, so watching went on");
    assert_eq!(site.text("g"), "three, so watching went on");
}

#[test]
fn the_root_is_the_directory_that_was_opened() {
    let site = Site::new();
    site.dir.write("root/f", "one");
    let root = Root::open(&site.dir.at("root"), Config::default(), derive).unwrap();
    root.drain();
    let look = |path: &str| {
        root.drain();
        match root.lookup(path.as_bytes(), site.now) {
            Ok(Entry::File(file)) => text(&file),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(look("f"), "one");
    site.dir.rename("root", "moved");
    site.dir.write("root/f", "another");
    assert_eq!(look("f"), "one", "it is served where it went");
    site.dir.write("moved/f", "two");
    assert_eq!(look("f"), "two", "and still watched");
    std::fs::remove_dir_all(site.dir.at("moved")).unwrap();
    assert_eq!(look("f"), "Err(NotFound)");
    assert_eq!(root.list(b"").unwrap().entries, []);
}

#[test]
fn deriving_may_look_up_other_paths() {
    use std::cell::RefCell;
    use std::rc::Weak;
    let dir = Dir::new();
    dir.write("f", "x");
    dir.write("f.gz", "y");
    let shared: Rc<RefCell<Weak<Root<bool>>>> = Rc::default();
    let inner = Rc::clone(&shared);
    let root = Rc::new(
        Root::open(dir.path(), Config::default(), move |found| {
            let sibling = [found.path, b".gz"].concat();
            let root = inner.borrow().upgrade().unwrap();
            root.lookup(&sibling, Instant::ORIGIN).is_ok()
        })
        .unwrap(),
    );
    *shared.borrow_mut() = Rc::downgrade(&root);
    let has_sibling = |path: &[u8]| match root.lookup(path, Instant::ORIGIN) {
        Ok(Entry::File(file)) => file.derived,
        other => panic!("{other:?}"),
    };
    assert!(has_sibling(b"f"));
    assert!(!has_sibling(b"f.gz"));
}

#[test]
fn who_waits_is_told() {
    let Site { dir, root, now } = Site::new();
    let watcher = root.listen().expect("this machine has inotify");
    let is_told = || {
        let mut fds = [PollFd::new(&watcher, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    };
    for content in ["one", "two", "three"] {
        dir.write("f", content);
        if content != "one" {
            assert!(is_told(), "{content}");
        }
        root.drain();
        assert!(!is_told(), "everything was heard");
        let Ok(Entry::File(file)) = root.lookup(b"f", now) else { panic!("gone") };
        assert_eq!(text(&file), content);
    }
}

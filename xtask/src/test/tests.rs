use super::*;

fn parse(args: &[&str]) -> Result<Options, Vec<String>> {
    Options::parse(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
}

#[test]
fn arguments() {
    let everything = parse(&[]).unwrap();
    assert!(everything.may_install && !everything.quick);
    assert!(STEPS.iter().all(|(name, _)| everything.runs(name)));

    let quick = parse(&["--no-install", "--quick"]).unwrap();
    assert!(!quick.may_install && quick.quick);

    let layers_and_doc = parse(&["--only", "layers", "--only", "doc"]).unwrap();
    let runs: Vec<&str> =
        STEPS.iter().map(|(name, _)| *name).filter(|name| layers_and_doc.runs(name)).collect();
    assert_eq!(runs, ["layers", "doc"]);
    assert!(parse(&["--only", "test"]).unwrap().runs("peers"), "tests need their peers");

    for wrong in [&["--fast"][..], &["--only"], &["--only", "lint"], &["test"]] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn one_failure_fails_all() {
    let second = Duration::from_secs(1);
    assert_eq!(summarise(&[("layers", true, second), ("doc", true, second)], false), Ok(()));
    let one = summarise(&[("layers", false, second), ("doc", true, second)], true);
    assert_eq!(one, Err(vec!["failed: layers".to_owned()]));
}

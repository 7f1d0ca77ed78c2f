use super::*;

fn complaints(files: &[(&str, &str)]) -> Vec<String> {
    let tracked: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    check(&tracked, |file| {
        files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned())
    })
}

#[test]
fn links_that_lead_somewhere() {
    let fine = complaints(&[
        ("README.md", "[map](ARCHITECTURE.md#the-two-ways) [docs](docs/) [x](https://x.test/)\n"),
        (
            "ARCHITECTURE.md",
            "# The two ways!\n[up](#the-two-ways) [code](layers/0-base/base/src/lib.rs)\n",
        ),
        ("layers/0-base/base/src/lib.rs", ""),
        ("docs/README.md", "- [x-ray](x-ray.md \"title\")\n[home]: ../README.md\n"),
        ("docs/x-ray.md", "[back](./README.md), `[not](a link)`\n```\n[nor](this)\n```\n"),
    ]);
    assert_eq!(fine, Vec::<String>::new());
}

#[test]
fn links_that_do_not() {
    let index = ("docs/README.md", "# Index\n");
    let cases = [
        ("[x](gone.md)", "README.md:1: gone.md leads nowhere"),
        ("\n[x](docs/README.md#other)", "README.md:2: docs/README.md has no heading #other"),
        ("[x](#here)", "README.md:1: README.md has no heading #here"),
        ("[x]: ../out.md", "README.md:1: ../out.md leads nowhere"),
    ];
    for (text, complaint) in cases {
        assert_eq!(complaints(&[index, ("README.md", text)]), [complaint]);
    }
}

#[test]
fn pages_that_no_page_leads_to() {
    let found = complaints(&[
        ("README.md", "[c](docs/c.md)"),
        ("docs/README.md", "[a](a.md)"),
        ("docs/a.md", "[b](more/b.md)"),
        ("docs/more/b.md", ""),
        ("docs/c.md", ""),
    ]);
    assert_eq!(found, ["docs/c.md: no page leads here from docs/README.md"]);
}

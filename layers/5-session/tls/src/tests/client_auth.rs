//! Whose certificates clients may show.

use crate::ClientAuth;

fn auth(names: &[&str]) -> ClientAuth {
    ClientAuth {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        authorities: Vec::new(),
    }
}

#[test]
fn the_closest_name_counts() {
    let auth = auth(&["a.example", "*.example", "*.b.example"]);
    assert_eq!(auth.closeness("a.example"), Some(usize::MAX));
    assert!(auth.closeness("x.b.example") > auth.closeness("x.c.example"));
    assert_eq!(auth.closeness("x.y.example"), Some("example".len()));
    for other in ["example", ".example", "aexample", "a.example.org", ""] {
        assert_eq!(auth.closeness(other), None, "{other}");
    }
}

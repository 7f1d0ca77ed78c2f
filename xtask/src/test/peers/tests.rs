use super::*;

#[test]
fn debian_and_its_children_are_known() {
    assert!(is_debian("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"));
    assert!(is_debian("ID=ubuntu\nID_LIKE=debian\n"));
    assert!(is_debian("ID=pop\nID_LIKE=\"ubuntu debian\"\n"));
    assert!(!is_debian("ID=fedora\nHOME_URL=\"https://debian.example/\"\n"));
    assert!(!is_debian(""));
}

#[test]
fn what_is_not_here_is_noticed() {
    let peer = Peer::new("nothing", &["no-program-has-this-name"]);
    assert!(!is_here(&peer));
    let shell = Peer::new("dash", &["no-program-has-this-name", "sh"]);
    assert!(is_here(&shell));
    assert!(is_here(&Peer { probe: Some(&["-c", "exit 0"]), ..Peer::new("dash", &["sh"]) }));
    assert!(!is_here(&Peer { probe: Some(&["-c", "exit 1"]), ..Peer::new("dash", &["sh"]) }));
}

use super::*;

#[test]
fn a_declaration_is_read() {
    let text = "use x;\n\nbase::notes! {\n    /// What it tells.\n    pub enum Seen<'a> in Session {\n\
        /// Both sides agree.\n/// It took a while.\nEstablished { version: Version, name: Or<&'a str> },\n\
        /// It ends.\nClosed,\n/// Long.\nRefused {\nwhy: Why,\ndetail: &'a str,\n},\n}\n}\n\n\
        /// Not a note.\npub enum Why {\nA,\n}\n";
    let note = |name: &str, fields: &[&str], meaning: &str| Note {
        name: name.to_owned(),
        fields: fields.iter().map(|&f| f.to_owned()).collect(),
        meaning: meaning.to_owned(),
    };
    let expected = Vocabulary {
        layer: "Session".to_owned(),
        notes: vec![
            note("Established", &["version", "name"], "Both sides agree. It took a while."),
            note("Closed", &[], "It ends."),
            note("Refused", &["why", "detail"], "Long."),
        ],
    };
    assert_eq!(vocabularies(text), [expected]);
    assert_eq!(vocabularies("macro_rules! notes { () => {} }"), []);
}

use super::subject;

#[test]
fn the_first_comment_is_the_subject() {
    let cases = [
        (
            "#!/usr/bin/env bash\n# CPU per request, 1 KiB.\nset -e\n",
            Some("CPU per request, 1 KiB."),
        ),
        (
            "#!/usr/bin/python3\n\n\"\"\"Memory per connection.\"\"\"\n",
            Some("Memory per connection."),
        ),
        ("#!/bin/sh\nset -e\n# too late\n", None),
        ("#!/bin/sh\n#\n", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(subject(text), expected, "{text:?}");
    }
}

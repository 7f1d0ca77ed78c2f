//! Where the two differ on purpose, and why. docs/from-nginx.md tells the same to people.

use peers::Response;

use super::APP;
use super::both::Question;

/// A difference that is meant.
pub(super) struct Difference {
    /// What is different, and the reason.
    pub(super) what: &'static str,
    /// What of the answer it concerns.
    pub(super) aspects: &'static [&'static str],
    /// Whether this is it: the question, our answer, nginx's.
    pub(super) is_it: fn(&Question, &Response, &Response) -> bool,
}

/// What depends on the content that is sent.
const OF_CONTENT: &[&str] =
    &["content-encoding", "content-length", "vary", "accept-ranges", "body", "last-modified"];

pub(super) const DIFFERENCES: [Difference; 32] = [
    Difference {
        what: "redirects are relative (RFC 9110 §10.2.2); nginx makes them absolute, from what it \
               believes its port and scheme to be",
        aspects: &["location"],
        is_it: |_, ours, theirs| {
            let [ours, theirs] = [ours, theirs].map(|r| r.field("location").unwrap_or_default());
            ours.starts_with('/') && theirs.starts_with("http://") && theirs.ends_with(ours)
        },
    },
    Difference {
        what: "redirects and errors without a page of the site have the server's own",
        aspects: &["body", "content-type", "content-length"],
        is_it: |question, ours, _| {
            ours.status >= 300 && (question.host == APP || !matches!(ours.status, 401 | 403 | 404))
        },
    },
    Difference {
        what: "what was refused before a site had a say has none of its fields",
        aspects: &["referrer-policy", "x-content-type-options", "x-xss-protection"],
        is_it: |_, ours, _| matches!(ours.status, 400 | 414 | 417 | 501),
    },
    Difference {
        what: "a directory without index and listing is 404: what is there is nobody's business; \
               nginx says 403",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            (ours.status, theirs.status) == (404, 403) && question.path().ends_with('/')
        },
    },
    Difference {
        what: "`files` of a route is also the directory itself, and `route \"/a/*\"` is also /a; \
               nginx's `location /a/` is not",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            let is_itself = matches!((ours.status, theirs.status), (301, 404) | (401 | 403, 301));
            let is_view = question.host == APP && (ours.status, theirs.status) == (301, 200);
            (is_itself || is_view) && !question.path().ends_with('/')
        },
    },
    Difference {
        what: "links that lead out of the directory lead nowhere; nginx follows them unless \
               `disable_symlinks` says otherwise",
        aspects: &["status"],
        is_it: |question, ours, _| {
            let is_outside = question.target.contains("outside");
            ours.status == 404 && (is_outside || question.target.contains("link-absolute"))
        },
    },
    Difference {
        what: "a path that can be read in two ways is 400: with a control character, an escaped \
               slash, a backslash or `#`",
        aspects: &["status"],
        is_it: |question, ours, _| {
            let odd = ["%0A", "%00", "%2F", "%2f", "\\", "#"];
            ours.status == 400 && odd.iter().any(|part| question.target.contains(part))
        },
    },
    Difference {
        what: "a field may be as long as the head (64 KiB, 431); nginx has buffers of 8 KiB and 400",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            question.asks("X-Long") && matches!((ours.status, theirs.status), (200 | 431, 400))
        },
    },
    Difference {
        what: "an expectation that is not known is 417 (RFC 9110 §10.1.1)",
        aspects: &["status"],
        is_it: |question, ours, _| question.asks("Expect") && ours.status == 417,
    },
    Difference {
        what: "methods that nobody knows are 501 and OPTIONS is answered (RFC 9110 §9.1, §9.3.7)",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            matches!(question.method, "PROPFIND" | "BREW" | "OPTIONS")
                && matches!((ours.status, theirs.status), (501 | 204, 405))
        },
    },
    Difference {
        what: "405 names what is allowed (RFC 9110 §15.5.6)",
        aspects: &["allow"],
        is_it: |_, ours, _| ours.status == 405,
    },
    Difference {
        what: "a request that was refused and whose end is known leaves the connection open",
        aspects: &["connection"],
        is_it: |_, ours, _| matches!(ours.status, 400 | 405 | 414),
    },
    Difference {
        what: "errors depend on Accept, unless the site has a page",
        aspects: &["vary"],
        is_it: |_, ours, _| ours.status >= 400,
    },
    Difference {
        what: "names are in UTF-8 (RFC 7617 §2.1), and that is said",
        aspects: &["www-authenticate"],
        is_it: |_, ours, theirs| {
            let [ours, theirs] =
                [ours, theirs].map(|r| r.field("www-authenticate").unwrap_or_default());
            format!("{theirs}, charset=\"UTF-8\"") == ours
        },
    },
    Difference {
        what: "text/javascript is the registered type (RFC 9239), and its charset is said",
        aspects: &["content-type"],
        is_it: |question, _, _| question.path().ends_with(".js"),
    },
    Difference {
        what: "application/gzip is registered (RFC 6713); nginx does not know the name",
        aspects: &["content-type"],
        is_it: |question, _, _| question.path().ends_with(".gz"),
    },
    Difference {
        what: "the redirect to TLS has the fields of its site too",
        aspects: &["x-frame-options", "content-security-policy"],
        is_it: |_, ours, _| ours.status == 308,
    },
    Difference {
        what: "`route \"/assets/*\"` is also /assets, and its fields are for errors too; nginx \
               shows a page of an error as if it had been asked for, without them",
        aspects: &["cache-control"],
        is_it: |question, ours, _| {
            question.path().starts_with("/assets") && matches!(ours.status, 301 | 404)
        },
    },
    Difference {
        what: "every answer that could have been another says so (RFC 9110 §12.5.5), also a short one",
        aspects: &["vary"],
        is_it: |_, ours, theirs| {
            theirs.field("vary").is_none() && ours.field("vary") == Some("Accept-Encoding")
        },
    },
    Difference {
        what: "listings look different and may load nothing; nginx compresses them on the way",
        aspects: &["body", "content-length", "vary", "content-encoding", "content-security-policy"],
        is_it: |question, ours, _| {
            question.target.starts_with("/downloads/") && ours.text().contains("<!doctype html>")
        },
    },
    Difference {
        what: "br and zstd are spoken; nginx needs a module for either",
        aspects: &["content-encoding", "content-length", "last-modified", "body"],
        is_it: |_, ours, _| matches!(ours.field("content-encoding"), Some("br" | "zstd")),
    },
    Difference {
        what: "If-None-Match decides alone (RFC 9110 §13.1.3); nginx looks at If-Modified-Since too",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            question.asks("If-None-Match")
                && question.asks("If-Modified-Since")
                && (ours.status, theirs.status) == (304, 200)
        },
    },
    Difference {
        what: "an empty file has no ranges: 416 (RFC 9110 §14.1.2); nginx sends it whole",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            question.asks("Range")
                && (ours.status, theirs.status) == (416, 200)
                && theirs.field("content-length") == Some("0")
        },
    },
    Difference {
        what: "ranges are offered in every answer that has them",
        aspects: &["accept-ranges"],
        is_it: |_, ours, theirs| ours.status == 206 && theirs.field("accept-ranges").is_none(),
    },
    Difference {
        what: "ranges with a few bytes between them become one, which is shorter",
        aspects: &["content-length", "content-range", "content-type", "body"],
        is_it: |question, ours, _| {
            question.fields.contains(&("Range", "bytes=0-1,4-5".to_owned())) && ours.status == 206
        },
    },
    Difference {
        what: "nginx writes the fields of add_header twice with 416, and Expires too",
        aspects: &[
            "cache-control",
            "expires",
            "referrer-policy",
            "x-content-type-options",
            "x-xss-protection",
        ],
        is_it: |_, ours, theirs| (ours.status, theirs.status) == (416, 416),
    },
    Difference {
        what: "a 304 with an ETag needs no Last-Modified (RFC 9110 §15.4.5)",
        aspects: &["last-modified"],
        is_it: |_, ours, theirs| (ours.status, theirs.status) == (304, 304),
    },
    Difference {
        what: "what was compressed on the way is kept, and so it has a length",
        aspects: &["content-length"],
        is_it: |_, ours, theirs| is_coded(ours) && theirs.field("content-length").is_none(),
    },
    Difference {
        what: "what is compressed has ranges, whether it lay ready or not",
        aspects: &["accept-ranges", "status"],
        is_it: |question, ours, theirs| {
            let is_part = question.asks("Range") && matches!(ours.status, 206 | 416);
            is_coded(theirs) && theirs.status == 200 && (ours.status == 200 || is_part)
        },
    },
    Difference {
        what: "what is compressed on the way has a strong validator of its own; nginx's is weak, so \
               that If-Match never holds",
        aspects: &["status"],
        is_it: |question, ours, theirs| {
            question.asks("Accept-Encoding")
                && question.asks("If-Match")
                && (ours.status, theirs.status) == (200, 412)
        },
    },
    Difference {
        what: "icons are compressed, and what is compressed in itself is not, whatever lies beside it",
        aspects: OF_CONTENT,
        is_it: |question, _, theirs| {
            let ends = [".ico", ".pdf", ".woff2"];
            let is_either = ends.iter().any(|end| question.path().ends_with(end));
            is_either && (question.asks("Accept-Encoding") || theirs.field("vary").is_some())
        },
    },
    Difference {
        what: "a compressed file that is older than its original is not it",
        aspects: OF_CONTENT,
        is_it: |question, _, _| {
            question.path().ends_with("/forgotten.css") && question.asks("Accept-Encoding")
        },
    },
];

fn is_coded(response: &Response) -> bool {
    response.field("content-encoding").is_some()
}

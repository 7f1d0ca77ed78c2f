//! Every key of the configuration, once. What reads it, what is said when it is wrong, and the page
//! that documents it come from here.

use std::fmt::Write as _;

use super::template::{FACTS, LOG_FACTS};
pub(crate) use super::value::Kind;

/// A key: a node of KDL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) takes: &'static [Argument],
    /// What may stand in its braces.
    pub(crate) block: &'static [Self],
    pub(crate) may_repeat: bool,
}

/// A value behind a key.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) how: How,
}

/// How a value is written, and how often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// It stands there, once.
    Required,
    /// It may be left out.
    Optional,
    /// It stands there once or more often, behind all others.
    Several,
    /// As `name=value`, if at all.
    Named,
}

const fn arg(name: &'static str, kind: Kind, how: How) -> Argument {
    Argument { name, kind, how }
}

const fn key(name: &'static str, takes: &'static [Argument], help: &'static str) -> Key {
    Key { name, help, takes, block: &[], may_repeat: false }
}

const fn repeated(key: Key) -> Key {
    Key { may_repeat: true, ..key }
}

const fn with_block(key: Key, block: &'static [Key]) -> Key {
    Key { block, ..key }
}

/// The keys of a file.
pub(crate) const FILE: &[Key] = &[
    repeated(key(
        "include",
        &[arg("file", Kind::Path, How::Required)],
        "Another file, read as if it stood here. Its path is relative to this file's. With a star in its \
         last part, as in \"sites/*.kdl\", all files that have such a name, in the order of their names.",
    )),
    repeated(with_block(
        key(
            "listen",
            &[arg("address", Kind::Address, How::Required), arg("mode", Kind::Mode, How::Named)],
            "Where to listen: \"ADDRESS:PORT\", \"[IPV6]:PORT\", a port of this machine only, or \
             \"unix:PATH\" for a socket in the file system. Who may connect to that says `mode`; without \
             it, only who serves. It belongs to `user`, if there is one.",
        ),
        LISTEN,
    )),
    with_block(
        key(
            "admin",
            &[arg("address", Kind::Address, How::Required), arg("mode", Kind::Mode, How::Named)],
            "Where the server tells of itself: metrics, health, connections and the live \
             configuration. The address is as that of `listen`; others than those of this machine \
             and sockets in the file system need a `token`.",
        ),
        ADMIN,
    ),
    with_block(
        key(
            "net",
            &[arg("device", Kind::Device, How::Required)],
            "Serve over our own network stack at this TAP or TUN device, or other interface that \
             carries Ethernet, in place of the kernel's: the same as `--net`. `listen` then names \
             addresses of ours; `admin` and sockets in the file system stay the kernel's. A reload \
             changes what stands in it, but for the device, the MTU and the capture: these take a start.",
        ),
        NET,
    ),
    key(
        "http2",
        &[arg("on", Kind::Flag, How::Required), arg("push", Kind::Flag, How::Named)],
        "Whether HTTP/2 is spoken beside HTTP/1.1: where the client wants it in its TLS handshake \
         (ALPN), or in clear text by prior knowledge or with `Upgrade: h2c`. #true. With `push`, what \
         pages link to with rel=preload (see `preload`) is sent with them to clients that still allow \
         it: once on a connection, from the same site, and unless the link says `nopush`. #false.",
    ),
    key(
        "workers",
        &[arg("count", Kind::Count, How::Required)],
        "How many threads serve; one for each core unless told otherwise. Over a network of our own (`net`) each \
         has a queue of the device, so there is one where that has one queue, or a `capture` is written.",
    ),
    key(
        "busy-poll",
        &[arg("time", Kind::Time, How::Required)],
        "How long a worker with nothing to do looks for more before it sleeps, as \"50us\": an answer comes \
         sooner by the time it takes to wake a core, and a core is busy that long after each request. Not \
         at all.",
    ),
    key(
        "user",
        &[arg("name", Kind::Text, How::Required), arg("group", Kind::Text, How::Named)],
        "Who the program becomes once it listens, if it was started as root; `group` if not the user's \
         own. What it opens later (files, certificates read anew, logs) it opens as that user.",
    ),
    key(
        "pid-file",
        &[arg("file", Kind::Path, How::Required)],
        "The server writes the number of its process there, for `hepta reload` and `hepta upgrade`.",
    ),
    with_block(
        key(
            "access-log",
            &[arg("file", Kind::Log, How::Required)],
            "A line for each request is added to this file; \"-\" is standard output.",
        ),
        ACCESS_LOG,
    ),
    with_block(key("limits", &[], "What strangers may use."), LIMITS),
    repeated(with_block(
        key(
            "site",
            &[arg("host", Kind::Text, How::Several)],
            "What is served under these names: \"example.org\", or \"*.example.org\" for whatever \
             stands below it. Handlers that stand in it directly are for every path.",
        ),
        SITE,
    )),
    with_block(
        key(
            "default",
            &[],
            "What is served under names that no site has. Without it they are answered with 421.",
        ),
        SITE,
    ),
];

const LISTEN: &[Key] = &[
    CERTIFICATE,
    key(
        "congestion-control",
        &[arg("name", Kind::Text, How::Required)],
        "How the kernel's TCP avoids congestion on connections that come here: a name of \
         `sysctl net.ipv4.tcp_available_congestion_control`, as \"cubic\". Unless told otherwise that is the \
         system's; but where that is BBR, \"reno\" at addresses of this machine only, with which there is no \
         network to be careful of.",
    ),
    key(
        "proxy-protocol",
        &[arg("from", Kind::Text, How::Several)],
        "These say first who their client is, by the PROXY protocol (version 1 or 2): addresses, \
         networks, or \"unix\" for who comes by a socket in the file system. Others are taken for \
         clients.",
    ),
    LOCAL_CERTIFICATE,
];

const ADMIN: &[Key] = &[
    key(
        "token",
        &[arg("text", Kind::Secret, How::Required)],
        "Whoever asks shows it, as `Authorization: Bearer TOKEN`. At least 16 letters, digits or \
         -._~+/=.",
    ),
    CERTIFICATE,
    LOCAL_CERTIFICATE,
];

const NET: &[Key] = &[
    repeated(key(
        "address",
        &[arg("address", Kind::Given, How::Several)],
        "Our addresses there, at least one. The kernel's must be others. \"dhcp\" is one that a server of \
         DHCP gives, \"auto\" those of IPv6 that routers offer (SLAAC): they come and go as these say, and a \
         `listen` that names a port alone, or \"0.0.0.0\" or \"[::]\", is at whatever they are.",
    )),
    repeated(key(
        "gateway",
        &[arg("address", Kind::Ip, How::Several)],
        "Who passes on what is for other networks; one for each version of IP.",
    )),
    repeated(key(
        "route",
        &[arg("to", Kind::Network, How::Required), arg("via", Kind::Ip, How::Named)],
        "Who passes on what is for this network; without `via` it is on the link.",
    )),
    repeated(key(
        "neighbor",
        &[arg("address", Kind::Ip, How::Required), arg("mac", Kind::Mac, How::Named)],
        "The hardware address of a neighbour, who is then asked for by nobody and taken for nobody else.",
    )),
    repeated(key(
        "dns",
        &[arg("address", Kind::Ip, How::Several)],
        "Who knows the addresses of names, before those whom routers and servers of DHCP tell; four at most.",
    )),
    key(
        "mtu",
        &[arg("bytes", Kind::Count, How::Required)],
        "The longest packet that the device takes, in bytes. 1500.",
    ),
    key(
        "probe",
        &[arg("when", Kind::Text, How::Required)],
        "When it is asked on the link whether somebody has our addresses, before they are used (RFC \
         5227): \"always\", \"never\" (everybody is told that they are ours), or \"auto\", where others \
         than this machine's kernel can be: on an interface that it has too, and a device that belongs \
         to a bridge. It takes four to seven seconds, in which the server runs. \"auto\".",
    ),
    key(
        "capture",
        &[arg("file", Kind::Path, How::Required)],
        "Every frame that goes over the device is written to this file too, as pcapng, for Wireshark \
         and its kind.",
    ),
];

const CERTIFICATE: Key = repeated(key(
    "certificate",
    &[arg("file", Kind::Path, How::Required), arg("key", Kind::Path, How::Named)],
    "Speak TLS with this certificate and its chain (PEM); `key` is the file of its private key. \
     With several, the client's SNI chooses.",
));

const LOCAL_CERTIFICATE: Key = key(
    "local-certificate",
    &[],
    "Speak TLS with a certificate for localhost, from an authority made once on this machine.",
);

const LIMITS: &[Key] = &[
    key(
        "request-line-max",
        &[arg("size", Kind::Size, How::Required)],
        "The longest request line; a longer one is answered with 414. 8KiB.",
    ),
    key(
        "head-max",
        &[arg("size", Kind::Size, How::Required)],
        "The longest head of a request; a longer one is answered with 431. 64KiB.",
    ),
    key(
        "fields-max",
        &[arg("count", Kind::Count, How::Required)],
        "How many fields a request may have; more are answered with 431. 100.",
    ),
    key(
        "requests-max",
        &[arg("count", Kind::Count, How::Required)],
        "How many requests a connection may make. 10000; on one of HTTP/2, as many as it likes.",
    ),
    key(
        "streams-max",
        &[arg("count", Kind::Count, How::Required)],
        "How many requests may be under way at once on a connection of HTTP/2. 100.",
    ),
    key(
        "connections-max",
        &[arg("count", Kind::Count, How::Required)],
        "How many connections each worker keeps; then idle ones go, and if none is idle, the next \
         is answered with 503. 100000.",
    ),
    key(
        "connections-per-client",
        &[arg("count", Kind::Count, How::Required)],
        "How many connections a client may have, over all workers; the next one is answered with \
         503. A client is an address, of IPv6 its /64; behind `proxy-protocol` the one that the proxy \
         says. As many as it likes.",
    ),
    key(
        "buffers-max",
        &[arg("size", Kind::Size, How::Required)],
        "How many bytes the connections of each worker hold together: read and not taken, or made \
         and not sent. The closer they come to it, the less each may hold, down to 16KiB. 256MiB.",
    ),
    key(
        "body-rate",
        &[arg("size", Kind::Size, How::Required), arg("per", Kind::Time, How::Named)],
        "How much of a request's body must come in each `per` (10s); a slower one is answered with \
         408. 1KiB.",
    ),
    key(
        "timeout-idle",
        &[arg("time", Kind::Time, How::Required)],
        "How long a connection may be silent between requests. 15s.",
    ),
    key(
        "timeout-head",
        &[arg("time", Kind::Time, How::Required)],
        "How long a request's head may take; a slower one is answered with 408. 10s.",
    ),
    key(
        "timeout-write",
        &[arg("time", Kind::Time, How::Required)],
        "How long a client may take nothing of what is sent to it. 30s.",
    ),
    key(
        "grace",
        &[arg("time", Kind::Time, How::Required)],
        "How long running requests may go on after a signal to stop. 30s.",
    ),
];

const ACCESS_LOG: &[Key] = &[
    key(
        "format",
        &[arg("format", Kind::Text, How::Required)],
        "What a line is: \"combined\", as most servers write it; \"json\", an object; or a line of \
         your own, as in \"{time} {address} \\\"{field:User-Agent}\\\" {status}\". \"combined\".",
    ),
    key(
        "sample",
        &[arg("sample", Kind::Count, How::Required)],
        "Of the requests that succeeded (a status below 400), one of so many has a line; errors and \
         what was cut short have theirs always. 1.",
    ),
    key(
        "rotate",
        &[arg("size", Kind::Size, How::Named), arg("keep", Kind::Count, How::Named)],
        "When the file would grow beyond `size`, it is renamed to FILE.1, that to FILE.2 and so on, \
         and a new one begun; `keep` of them are kept. Never, and 7.",
    ),
];

/// What may stand in a site or in a route: what is its own, and behind it the handlers and the steps
/// that both have.
macro_rules! with_handlers_and_steps {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            FILES_HANDLER,
            RESPOND,
            REDIRECT,
            REWRITE,
            CLOSE,
            ALLOW,
            DENY,
            RATE,
            AT_ONCE,
            BODY_MAX,
            BODY_RATE,
            CLIENT_CERTIFICATE,
            BASIC_AUTH,
            FIELDS,
            REQUEST_FIELDS,
            ERROR_PAGE,
            HTTPS_ONLY,
            SECURITY,
            CORS,
            CROSS_SITE,
            CACHE_CONTROL,
            EXPIRES,
            PRELOAD,
            EARLY_HINTS,
            SERVER_TIMING,
        ]
    };
}

const SITE: &[Key] = with_handlers_and_steps![
    with_block(
        key(
            "access-log",
            &[arg("file", Kind::Log, How::Required)],
            "The lines of this site's requests go there, and not to the log that stands outside; \
             with \"off\" there are none. What stands in braces is as there.",
        ),
        ACCESS_LOG,
    ),
    repeated(with_block(
        key(
            "route",
            &[arg("path", Kind::Text, How::Required), arg("method", Kind::Text, How::Named)],
            "What is served at this path: \"/about\" exactly, or \"/docs/*\" for it and all below. \
             The most specific route of a request answers it; `method` makes it one for this \
             method only (\"GET\" is also HEAD).",
        ),
        ROUTE,
    )),
    key(
        "timeout-head",
        &[arg("time", Kind::Time, How::Required)],
        "How long a request's head may take, in place of what `limits` says for all: on a connection \
         of TLS from the handshake on, which names the site; in clear text from the first request \
         on, whose head says which site it is for.",
    ),
    key(
        "client-authorities",
        &[arg("file", Kind::Path, How::Required)],
        "Clients that come under the site's names may show certificates of these authorities (PEM); \
         who shows another one is not let in. `client-certificate` says where one is needed.",
    ),
];

/// What may stand in a route.
const ROUTE: &[Key] = with_handlers_and_steps!();

/// The keys of what answers, of which a route has one.
pub(super) const HANDLERS: &[Key] = &[FILES_HANDLER, RESPOND, REDIRECT, REWRITE, CLOSE];

const FILES_HANDLER: Key = with_block(
    key(
        "files",
        &[arg("directory", Kind::Path, How::Required)],
        "The files below this directory; of the path, what led to the route is left out.",
    ),
    FILES,
);

const RESPOND: Key = key(
    "respond",
    &[arg("status", Kind::Status, How::Required), arg("text", Kind::Text, How::Optional)],
    "This status, with this text.",
);

const REDIRECT: Key = key(
    "redirect",
    &[arg("location", Kind::Text, How::Required), arg("status", Kind::Status, How::Named)],
    "Elsewhere, with 308 or another `status`. What the request says can be put in, as in \
     \"https://{host}{path}{query}\".",
);

const REWRITE: Key = key(
    "rewrite",
    &[arg("path", Kind::Text, How::Required)],
    "The answer to the request for this path of the same site, as in \"/new{rest}\". A query is \
     kept unless one stands in it.",
);

const CLOSE: Key = key("close", &[], "The connection ends without a word.");

const ALLOW: Key = key(
    "allow",
    &[arg("network", Kind::Network, How::Several)],
    "Nobody may come in but from these addresses; others are answered with 403.",
);

const DENY: Key = key(
    "deny",
    &[arg("network", Kind::Network, How::Several)],
    "Nobody may come in from these addresses, also if they are allowed.",
);

const RATE: Key = key(
    "rate",
    &[arg("requests", Kind::Text, How::Required), arg("burst", Kind::Count, How::Named)],
    "So many requests may a client make, as \"10/s\", \"100/m\" or \"1000/h\", and `burst` of them \
     at once (1); others are answered with 429 and when to try again. A client is an address, of \
     IPv6 its /64.",
);

const AT_ONCE: Key = key(
    "at-once",
    &[arg("requests", Kind::Count, How::Required), arg("per-client", Kind::Count, How::Named)],
    "So many requests may be under way at once, and so many of one client; others are answered with \
     503 and when to try again. A client is an address, of IPv6 its /64.",
);

const BODY_MAX: Key = key(
    "body-max",
    &[arg("size", Kind::Size, How::Required)],
    "A request with a longer body is answered with 413: at once if it announces its length, otherwise \
     as soon as more has come.",
);

const BODY_RATE: Key = key(
    "body-rate",
    &[arg("size", Kind::Size, How::Required), arg("per", Kind::Time, How::Named)],
    "How much of a request's body must come in each `per` (10s), in place of what `limits` says for \
     all; over HTTP/2 it is looked at as often as that. A slower one is answered with 408.",
);

const CLIENT_CERTIFICATE: Key = key(
    "client-certificate",
    &[arg("needed", Kind::Flag, How::Optional)],
    "Nobody may come in who has not shown a certificate of the site's `client-authorities`; others \
     are answered with 403. A route may have it #false.",
);

const BASIC_AUTH: Key = with_block(
    key(
        "basic-auth",
        &[arg("realm", Kind::Text, How::Required)],
        "Nobody may come in without a name and a password; `realm` is what browsers call the place. \
         Use it over TLS: the password is sent as it is. A route for everybody has it \"off\".",
    ),
    &[
        repeated(key(
            "user",
            &[arg("name", Kind::Text, How::Required), arg("hash", Kind::Secret, How::Required)],
            "Somebody who may come in, and the password's hash, as `hepta passwd` prints it.",
        )),
        repeated(key(
            "users-file",
            &[arg("file", Kind::Path, How::Required)],
            "A file with NAME:HASH in each line, as `htpasswd -B` and `hepta passwd` write it.",
        )),
    ],
);

const FIELDS: Key = with_block(
    key(
        "fields",
        &[],
        "Changes of the answer's fields, in their order; a route's behind its site's.",
    ),
    FIELD_STEPS,
);

const REQUEST_FIELDS: Key = with_block(
    key("request-fields", &[], "Changes of the request's fields before the handler sees them."),
    FIELD_STEPS,
);

const FIELD_STEPS: &[Key] = &[
    repeated(key(
        "set",
        &[arg("name", Kind::Text, How::Required), arg("value", Kind::Text, How::Required)],
        "The field has this value and no other.",
    )),
    repeated(key(
        "add",
        &[arg("name", Kind::Text, How::Required), arg("value", Kind::Text, How::Required)],
        "The field has this value also, in a line of its own.",
    )),
    repeated(key("remove", &[arg("name", Kind::Text, How::Required)], "The field is left out.")),
];

const ERROR_PAGE: Key = repeated(key(
    "error-page",
    &[arg("path", Kind::Text, How::Required), arg("status", Kind::Status, How::Several)],
    "What the site has at this path is shown for these errors, with their status.",
));

const SERVER_TIMING: Key = key(
    "server-timing",
    &[arg("on", Kind::Flag, How::Optional)],
    "Answers say, for the tools of browsers, how long it took to find them, how far away the client \
     is and how often TCP had to send something again, what TLS agreed on, and the name by which \
     logs know the request (Server-Timing). Costs a system call for each answer, and tells strangers \
     what it tells you. A route may have it #false.",
);

const HTTPS_ONLY: Key = key(
    "https-only",
    &[arg("on", Kind::Flag, How::Optional), arg("port", Kind::Count, How::Named)],
    "Who comes in clear text is sent to the same over TLS (308), at port 443 or another `port`. A \
     route may have it #false.",
);

const SECURITY: Key = with_block(
    key(
        "security",
        &[arg("mode", Kind::Text, How::Optional)],
        "Fields against attacks on browsers, beside those that all answers have: the latter are \
         X-Content-Type-Options: nosniff, Referrer-Policy: strict-origin-when-cross-origin and \
         X-XSS-Protection: 0 (the filter that it turns off in old browsers could be used for \
         attacks). \"off\" leaves those out too.",
    ),
    &[
        key(
            "frame",
            &[arg("by", Kind::Text, How::Several)],
            "Who may show pages in frames: \"nobody\", \"self\", or origins as \
             \"https://example.org\" (X-Frame-Options, and frame-ancestors of \
             Content-Security-Policy). \"self\".",
        ),
        key(
            "referrer",
            &[arg("policy", Kind::Text, How::Required)],
            "What browsers say of where a user comes from (Referrer-Policy).",
        ),
        key(
            "hsts",
            &[
                arg("max-age", Kind::Time, How::Required),
                arg("subdomains", Kind::Flag, How::Named),
                arg("preload", Kind::Flag, How::Named),
            ],
            "Browsers that came by TLS once come by nothing else for so long \
             (Strict-Transport-Security). Not to be taken back: begin with a short time.",
        ),
        key(
            "opener",
            &[arg("policy", Kind::Text, How::Required)],
            "Which windows share a process and a handle (Cross-Origin-Opener-Policy).",
        ),
        key(
            "embedder",
            &[arg("policy", Kind::Text, How::Required)],
            "What pages may embed (Cross-Origin-Embedder-Policy).",
        ),
        key(
            "resource",
            &[arg("policy", Kind::Text, How::Required)],
            "Which pages may embed this (Cross-Origin-Resource-Policy).",
        ),
    ],
);

const CORS: Key = with_block(
    key(
        "cors",
        &[arg("origin", Kind::Text, How::Several)],
        "Pages of these origins may read answers: \"https://example.org\", \
         \"https://*.example.org\" for whatever stands below it, or \"*\" for all.",
    ),
    &[
        key(
            "methods",
            &[arg("method", Kind::Text, How::Several)],
            "With these methods. \"GET\" \"HEAD\" \"POST\".",
        ),
        key(
            "request-fields",
            &[arg("name", Kind::Text, How::Several)],
            "Requests may have these fields beside those that need no leave; \"*\" is any.",
        ),
        key(
            "expose",
            &[arg("name", Kind::Text, How::Several)],
            "Pages may read these fields beside those that need no leave; \"*\" is any.",
        ),
        key(
            "credentials",
            &[arg("on", Kind::Flag, How::Required)],
            "Whether cookies and other credentials may be sent. #false.",
        ),
        key(
            "max-age",
            &[arg("time", Kind::Time, How::Required)],
            "How long browsers may remember what was allowed.",
        ),
    ],
);

const CROSS_SITE: Key = with_block(
    key(
        "cross-site",
        &[],
        "Requests that pages of other sites have browsers send, and that could change something, \
         are refused (403), by Sec-Fetch-Site and Origin. What `cors` allows may come.",
    ),
    &[
        repeated(key(
            "trust",
            &[arg("origin", Kind::Text, How::Several)],
            "Pages of these origins may, as those of our own.",
        )),
        key(
            "same-site",
            &[arg("on", Kind::Flag, How::Required)],
            "Whether pages of sister origins may, as a.example.org for b.example.org. #false.",
        ),
    ],
);

const CACHE_CONTROL: Key = key(
    "cache-control",
    &[arg("directives", Kind::Text, How::Required)],
    "Cache-Control of answers that are no errors, as \"public, max-age=3600\" or, for what never \
     changes, \"public, max-age=31536000, immutable\".",
);

const EXPIRES: Key = key(
    "expires",
    &[arg("time", Kind::Time, How::Required)],
    "Answers that are no errors may be kept for so long (Expires, and max-age where there is no \
     `cache-control`).",
);

const PRELOAD: Key = repeated(key(
    "preload",
    &[
        arg("url", Kind::Text, How::Required),
        arg("as", Kind::Text, How::Named),
        arg("crossorigin", Kind::Text, How::Named),
        arg("type", Kind::Text, How::Named),
        arg("push", Kind::Flag, How::Named),
    ],
    "What the client of a page will need besides, as in preload \"/style.css\" as=\"style\": answers \
     that are no errors have it as a field `Link` with rel=preload. Put it in the routes of pages. \
     `crossorigin` is \"anonymous\" (with as=\"font\" always) or \"use-credentials\"; with \
     push=#false it is never pushed.",
));

const EARLY_HINTS: Key = key(
    "early-hints",
    &[arg("on", Kind::Flag, How::Required)],
    "Whether links with rel=preload, modulepreload or preconnect (of `preload`, of `fields`, or of \
     the handler's own) go ahead of their answer, in a 103 (Early Hints): to who asks with GET, but \
     for HTTP/1.0 and for browsers that say that they ask for no page (Sec-Fetch-Dest). #true.",
);

const FILES: &[Key] = &[
    key(
        "index",
        &[arg("name", Kind::Text, How::Several)],
        "What stands for a directory: the first of these files that is there. \"index.html\".",
    ),
    key(
        "try",
        &[arg("path", Kind::Text, How::Several)],
        "The first of these that is there is the answer; `{path}` is the path that was asked for. \
         With a single-page application: try \"{path}\" \"/index.html\".",
    ),
    key(
        "listing",
        &[arg("on", Kind::Flag, How::Required)],
        "Whether a directory without an index is listed. #false.",
    ),
    key(
        "negotiate",
        &[arg("on", Kind::Flag, How::Required)],
        "Whether files in several languages and types answer for one name that no file has: \
         page.de.html and page.en.html for page.html and page, data.json and data.csv for data. The \
         client's Accept and Accept-Language choose. #false.",
    ),
    key(
        "languages",
        &[arg("tag", Kind::Text, How::Several)],
        "The languages that names of files can have in them, the one for clients that want none of \
         them first. Without it, any tag that begins with two letters.",
    ),
];

/// The keys that stand in `block`, and all in theirs, as a page in Markdown.
pub(crate) fn reference() -> String {
    let mut page = String::new();
    describe(FILE, "", &mut page);
    page.push_str("## What can be put in\n\n");
    page.push_str(
        "Texts of `redirect`, `rewrite`, `fields`, `request-fields` and of a log's `format` can have \
         in them:\n\n",
    );
    for (name, _, what) in FACTS {
        let _ = writeln!(page, "- `{{{name}}}`: {what}");
    }
    page.push_str("- `{field:NAME}`: this field of the request, or nothing\n");
    page.push_str("- `{{`: a brace that stands for itself\n\n");
    page.push_str(
        "In a log's `format` there is no `{rest}`, but also this; where there is nothing to say, a \
         dash is written (but nothing for `{query}`):\n\n",
    );
    for (name, _, what) in LOG_FACTS {
        let _ = writeln!(page, "- `{{{name}}}`: {what}");
    }
    page
}

fn describe(block: &[Key], inside: &str, page: &mut String) {
    for key in block {
        let depth = if inside.is_empty() { "##" } else { "###" };
        let _ = writeln!(page, "{depth} {inside}`{}`\n", key.usage());
        let _ = writeln!(page, "{}\n", key.help);
        for argument in key.takes {
            let _ = writeln!(page, "- `{}`: {}", argument.name, argument.kind.shape());
        }
        if !key.takes.is_empty() {
            page.push('\n');
        }
        // What may stand in a route or in `default` is described where it stands in a site, and
        // what may stand in a site's log where it stands in the log of all.
        let is_described = key.name == "access-log" && !inside.is_empty();
        if key.name != "route" && key.name != "default" && !is_described {
            describe(key.block, &format!("`{}` › ", key.name), page);
        }
    }
}

impl Key {
    /// How the key is written: `listen ADDRESS { … }`.
    pub(crate) fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for argument in self.takes {
            let name = argument.name.to_uppercase();
            let _ = match argument.how {
                How::Required => write!(usage, " {name}"),
                How::Optional => write!(usage, " [{name}]"),
                How::Several => write!(usage, " {name}…"),
                How::Named => write!(usage, " [{}={name}]", argument.name),
            };
        }
        if !self.block.is_empty() {
            usage.push_str(" { … }");
        }
        usage
    }
}

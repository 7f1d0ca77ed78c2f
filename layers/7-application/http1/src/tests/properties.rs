//! What holds for every input.

use message::{Event, Fields, Head, list};
use proptest::collection::vec;
use proptest::prelude::*;

use super::script::Stage;
use crate::Config;

/// Pieces of which requests are made, and pieces that spoil them.
const PIECES: [&[u8]; 48] = [
    b"GET / HTTP/1.1\r\n",
    b"GET /a?b=c HTTP/1.1\r\n",
    b"HEAD / HTTP/1.1\r\n",
    b"POST /a HTTP/1.1\r\n",
    b"POST /a HTTP/1.0\r\n",
    b"PUT http://x/ HTTP/1.1\r\n",
    b"BREW / HTTP/1.1\r\n",
    b"GET / HTTP/2.0\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"Host: x\r\n",
    b"Host: x\r\n\r\n",
    b"host:\tx:80 \r\n",
    b"A: b\r\n",
    b"X-Y_z.1: \"q\\\"\" , ,\x80\xff\r\n",
    b"Empty:\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: x\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"5;a=b; c=\"d\"\r\nhello\r\n",
    b"0000a\r\n0123456789\r\n",
    b"0\r\n",
    b"0\r\n\r\n",
    b"0\r\nETag: a\r\n\r\n",
    b"0\r\nHost: evil\r\nX-Sum: b\r\n\r\n",
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b":",
    b";",
    b"=",
    b"\"",
    b"\0",
    b"\x7f",
    b"\xff",
    b"1",
    b"ffffffffffffffff",
    b"GET ",
    b" HTTP/1.1\r\n",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => prop::sample::select(&PIECES[..]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..4),
    ];
    let request = vec(piece, 1..12).prop_map(|pieces| pieces.concat());
    let sound = prop_oneof![
        Just(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        Just(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_vec()),
        Just(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec()),
    ];
    vec(prop_oneof![request, sound], 1..4).prop_map(|requests| requests.concat())
}

fn responses() -> impl Strategy<Value = Vec<u8>> {
    let starts = [
        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
        b"HTTP/1.1 103\r\nLink: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1 204 \r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 999 What\r\n",
    ];
    let start = prop::sample::select(starts.to_vec());
    let rest = vec(prop::sample::select(PIECES[9..].to_vec()), 0..8);
    let response = (start, rest).prop_map(|(start, rest)| [start, &rest.concat()].concat());
    vec(response, 1..4).prop_map(|responses| responses.concat())
}

/// A server whose user reads everything and answers everything at once, with what came.
fn serve<'a>(config: &Config, parts: impl Iterator<Item = &'a [u8]>, fin: bool) -> Stage {
    let mut stage = Stage::server(config.clone());
    for part in parts {
        stage.receive(part);
        answer_all(&mut stage);
    }
    if fin {
        stage.receive_fin();
        answer_all(&mut stage);
    }
    stage
}

fn answer_all(stage: &mut Stage) {
    // Answering brings new events, which are answered too.
    while !stage.events.is_empty() {
        let (id, event) = stage.events.remove(0);
        match event {
            Event::Head(_) => stage.play("read"),
            Event::End => stage.play("answer 200 ok"),
            _ => {}
        }
        stage.log.push((id, event));
    }
}

/// What the user was told, with the parts of each body put together.
fn transcript(stage: &Stage) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut body = Vec::new();
    for (id, event) in &stage.log {
        if let Event::Data(chunk) = event {
            body.extend_from_slice(chunk.as_bytes().unwrap());
            continue;
        }
        if !body.is_empty() {
            told.push(format!("{} {}", id.0, std::mem::take(&mut body).escape_ascii()));
        }
        told.push(format!("{} {event:?}", id.0));
    }
    told.push(format!("{} {:?}", body.escape_ascii(), stage.connection.closing()));
    told
}

/// Cuts `bytes` at these places, taken modulo what there is.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    /// How the bytes are cut on their way changes nothing.
    #[test]
    fn any_cut_gives_the_same(bytes in bytes(), places in vec(any::<usize>(), 0..6), fin: bool) {
        // Small limits are met more often.
        let small = Config {
            request_line_len_max: 40,
            head_len_max: 80,
            fields_max: 4,
            chunk_line_len_max: 12,
            chunk_extensions_len_max: 20,
            ..Config::default()
        };
        for config in [Config::default(), small] {
            let whole = serve(&config, std::iter::once(&bytes[..]), fin);
            let in_parts = serve(&config, cut(&bytes, &places).into_iter(), fin);
            let bytewise = serve(&config, bytes.chunks(1), fin);
            prop_assert_eq!(transcript(&whole), transcript(&in_parts));
            prop_assert_eq!(transcript(&whole), transcript(&bytewise));
            prop_assert_eq!(whole.sent.escape_ascii().to_string(), in_parts.sent.escape_ascii().to_string());
            prop_assert_eq!(whole.sent.escape_ascii().to_string(), bytewise.sent.escape_ascii().to_string());
        }
    }

    /// The same for responses.
    #[test]
    fn any_cut_of_responses_gives_the_same(
        bytes in responses(),
        places in vec(any::<usize>(), 0..6),
        to_head: bool,
    ) {
        let ask = |parts: &[&[u8]]| {
            let mut stage = Stage::client(Config::default());
            stage.play(if to_head { "open HEAD / Host: x\nend" } else { "open GET / Host: x\nend" });
            for part in parts {
                stage.receive(part);
            }
            stage.receive_fin();
            stage.log.append(&mut stage.events);
            transcript(&stage)
        };
        let bytewise: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(ask(&[&bytes]), ask(&cut(&bytes, &places)));
        prop_assert_eq!(ask(&[&bytes]), ask(&bytewise));
    }

    /// No bytes make it panic or tell its user more than they are worth.
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200), is_client: bool) {
        let stage = if is_client {
            let mut stage = Stage::client(Config::default());
            stage.play("open GET / Host: x\nend");
            stage.receive(&bytes);
            stage.receive_fin();
            stage
        } else {
            serve(&Config::default(), bytes.chunks(7), true)
        };
        prop_assert!(stage.log.len() + stage.events.len() <= bytes.len() + 2);
    }

    /// `httparse` as oracle: what we accept it accepts, and reads the same.
    #[test]
    fn heads_as_httparse_reads_them(bytes in bytes()) {
        let stage = serve(&Config::default(), std::iter::once(&bytes[..]), false);
        let mut lines = [httparse::EMPTY_HEADER; 128];
        let mut theirs = httparse::Request::new(&mut lines);
        let verdict = theirs.parse(&bytes);
        match stage.log.first() {
            Some((_, Event::Head(Head::Request(ours)))) if ours.version.minor > 1 => {
                // RFC 9110 §2.5: a higher minor version is not an error; httparse takes it for one.
            }
            Some((_, Event::Head(Head::Request(ours)))) => {
                prop_assert!(matches!(verdict, Ok(httparse::Status::Complete(_))), "{verdict:?}");
                prop_assert_eq!(Some(ours.method.as_str()), theirs.method);
                prop_assert_eq!(Some(ours.target.as_str()), theirs.path);
                prop_assert_eq!(Some(ours.version.minor), theirs.version);
                let theirs: Vec<_> = theirs.headers.iter().map(|h| (h.name, trimmed(h.value))).collect();
                prop_assert_eq!(as_they_came(&bytes, &ours.fields), theirs);
            }
            Some((_, Event::Reset(reset))) => {
                if let Ok(httparse::Status::Complete(_)) = verdict {
                    prop_assert!(is_known_to_be_stricter(reset.why), "{}", reset.why);
                }
            }
            // Nobody has made up its mind.
            None => prop_assert!(!matches!(verdict, Ok(httparse::Status::Complete(_))), "{theirs:?}"),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Chunks against a reader that is simple because it has everything before it.
    #[test]
    fn chunks_as_a_simple_reader_reads_them(body in chunked_bytes()) {
        const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let stage = serve(&Config::default(), [HEAD, &body].into_iter(), false);
        let data: Vec<u8> = stage.log.iter().filter_map(|(_, event)| match event {
            Event::Data(chunk) => chunk.as_bytes(),
            _ => None,
        }).flatten().copied().collect();
        let ended = stage.log.iter().any(|(_, event)| matches!(event, Event::End));
        match simple::read(&body) {
            simple::Verdict::Whole(expected) => {
                prop_assert!(ended);
                prop_assert_eq!(data, expected);
            }
            simple::Verdict::Wrong => prop_assert!(stage.sent.starts_with(b"HTTP/1.1 400 ")),
            simple::Verdict::Unfinished => prop_assert!(!ended),
        }
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    list::trim_ows(value)
}

/// Names as they stand on the wire: known ones lose their case in [`Fields`].
fn as_they_came<'a>(bytes: &'a [u8], fields: &'a Fields) -> Vec<(&'a str, &'a [u8])> {
    let head_at = bytes.iter().position(|&b| b != b'\r' && b != b'\n').unwrap_or(0);
    let lines = bytes[head_at..].split(|&b| b == b'\n').skip(1);
    let names = lines.filter_map(|line| str::from_utf8(line.split(|&b| b == b':').next()?).ok());
    names
        .zip(fields.iter())
        .map(|(name, (ours, value))| {
            assert!(name.eq_ignore_ascii_case(ours.as_str()), "{name} {}", ours.as_str());
            (name, value)
        })
        .collect()
}

/// Where we refuse what httparse accepts, and why.
fn is_known_to_be_stricter(why: &str) -> bool {
    [
        // RFC 9112 §2.2: it takes a bare LF for the end of a line.
        "a line ends without a carriage return",
        // RFC 9112 §3.2: it does not look into targets…
        "path",
        "query",
        "target",
        "target is empty",
        "fragment in the target",
        "escape in the path",
        "asterisk without OPTIONS",
        "CONNECT without a port",
        "host",
        // … nor into Host, …
        "Host is missing",
        "Host more than once",
        "host is empty",
        "several hosts in one",
        "white space in the host",
        "path behind the host",
        "user information beside the host",
        "port",
        // … nor into what says where the body ends (RFC 9112 §6).
        "Content-Length is not a number",
        "there are two Content-Lengths that differ",
        "Content-Length and Transfer-Encoding exclude each other",
        "HTTP/1.0 has no Transfer-Encoding",
        "Transfer-Encoding names no coding",
        "this server knows no transfer coding but chunked",
        "chunked must be the last transfer coding, and only once",
        // RFC 9112 §2.2: it skips empty lines that end with a bare LF.
        "the request line is not \"method target version\"",
    ]
    .contains(&why)
}

fn chunked_bytes() -> impl Strategy<Value = Vec<u8>> {
    let data = vec(any::<u8>(), 1..20);
    let line = prop::sample::select(vec![
        "",
        "",
        "",
        ";a",
        ";a=b",
        " ; a = b",
        ";a=\"b;\\\"c\"",
        "\t;\ta;b",
        ";a=",
        ";",
        " ",
        ";a b",
        ";a\n",
        ";=",
        ";a=\"b",
        ";a=\"b\"c",
        ";a = \"b\" ;c",
    ]);
    let chunk = (data, line, any::<bool>()).prop_map(|(data, line, upper)| {
        let size = if upper { format!("{:02X}", data.len()) } else { format!("{:x}", data.len()) };
        [size.as_bytes(), line.as_bytes(), b"\r\n", &data, b"\r\n"].concat()
    });
    let end = prop::sample::select(vec![
        "0\r\n\r\n",
        "0;x\r\n\r\n",
        "000\r\nA: b\r\n\r\n",
        "0\r\n",
        "0\n\r\n",
        "",
    ]);
    (vec(chunk, 0..5), end, prop::option::weighted(0.3, (any::<usize>(), any::<u8>()))).prop_map(
        |(chunks, end, spoilt)| {
            let mut bytes = chunks.concat();
            bytes.extend_from_slice(end.as_bytes());
            let len = bytes.len().max(1);
            if let Some((at, b)) = spoilt
                && let Some(byte) = bytes.get_mut(at % len)
            {
                *byte = b;
            }
            bytes
        },
    )
}

/// Reads a chunked body that is all there, as the grammar of RFC 9112 §7.1 is written.
mod simple {
    use message::list;

    pub(super) enum Verdict {
        Whole(Vec<u8>),
        Wrong,
        Unfinished,
    }

    pub(super) fn read(mut rest: &[u8]) -> Verdict {
        let mut data = Vec::new();
        loop {
            let Some(lf) = rest.iter().position(|&b| b == b'\n') else {
                return Verdict::Unfinished;
            };
            let (line, after) = (&rest[..lf], &rest[lf + 1..]);
            let Some(line) = line.strip_suffix(b"\r") else { return Verdict::Wrong };
            let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let Ok(size) = usize::from_str_radix(str::from_utf8(&line[..digits]).unwrap(), 16)
            else {
                return Verdict::Wrong;
            };
            if !extensions(&line[digits..]) {
                return Verdict::Wrong;
            }
            if size == 0 {
                return trailers(after, data);
            }
            let Some(end) = size.checked_add(2).filter(|&end| end <= after.len()) else {
                return Verdict::Unfinished;
            };
            if &after[size..end] != b"\r\n" {
                return Verdict::Wrong;
            }
            data.extend_from_slice(&after[..size]);
            rest = &after[end..];
        }
    }

    /// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`
    fn extensions(mut text: &[u8]) -> bool {
        while !text.is_empty() {
            let Some(after) = trim(text).strip_prefix(b";") else { return false };
            let Some((_, after)) = list::split_token(trim(after)) else { return false };
            text = after;
            if let Some(after) = trim(after).strip_prefix(b"=") {
                let value = trim(after);
                let quoted = list::split_quoted(value).map(|(_, rest)| rest);
                let token = || list::split_token(value).map(|(_, rest)| rest);
                let Some(rest) = quoted.or_else(token) else { return false };
                text = rest;
            }
        }
        true
    }

    fn trailers(mut rest: &[u8], data: Vec<u8>) -> Verdict {
        loop {
            let Some(lf) = rest.iter().position(|&b| b == b'\n') else {
                return Verdict::Unfinished;
            };
            let Some(line) = rest[..lf].strip_suffix(b"\r") else { return Verdict::Wrong };
            if line.is_empty() {
                return Verdict::Whole(data);
            }
            let Some(colon) = line.iter().position(|&b| b == b':') else { return Verdict::Wrong };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.is_empty()
                || !name.iter().all(|&b| list::is_token(b))
                || !value.iter().all(|&b| list::is_in_value(b))
            {
                return Verdict::Wrong;
            }
            rest = &rest[lf + 1..];
        }
    }

    fn trim(text: &[u8]) -> &[u8] {
        let spaces = text.iter().take_while(|&&b| list::is_ows(b)).count();
        &text[spaces..]
    }
}

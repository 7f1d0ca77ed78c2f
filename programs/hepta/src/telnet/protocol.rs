//! Telnet: commands between the bytes, and options that both sides agree on.
//!
//! RFC 854 is the protocol, RFC 855 what an option is, RFC 1143 how to answer so that two sides never
//! go on answering each other: who is in a state already says nothing, and a change is said once.
//! Of all options two are wanted, both from the server: that it echoes (RFC 857), and that it sends no
//! "go ahead" (RFC 858). All others are refused.

/// The bytes of RFC 854, "TELNET command structure".
const SE: u8 = 240;
const ARE_YOU_THERE: u8 = 246;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const NUL: u8 = 0;

/// RFC 857.
const ECHO: u8 = 1;
/// RFC 858.
const SUPPRESS_GO_AHEAD: u8 = 3;

/// One end of a conversation.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    reading: Reading,
    /// Whether the last byte of data was a CR, whose NUL is no data.
    after_cr: bool,
    /// Whether the last byte from the user was a CR.
    sent_cr: bool,
    /// What the server does: these two options are all that may be on.
    server_echoes: bool,
    server_suppresses: bool,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Reading {
    #[default]
    Data,
    /// A command.
    Command,
    /// The option of WILL, WONT, DO or DONT.
    Option(u8),
    /// Inside what belongs to an option, which is not kept.
    Sub,
    /// After an IAC in there.
    SubCommand,
}

impl Telnet {
    /// Takes what came from the server: data is added to `screen`, answers to `out`.
    pub(super) fn handle_bytes(&mut self, bytes: &[u8], screen: &mut Vec<u8>, out: &mut Vec<u8>) {
        for byte in bytes {
            self.handle_byte(*byte, screen, out);
        }
    }

    /// Takes what the user wrote, as it goes to the server.
    ///
    /// RFC 854, "The NVT printer and keyboard": a line ends with CR LF, and a CR alone is CR NUL. RFC 1123
    /// §3.3.1: the key that ends a line is CR LF, or CR NUL where the server echoes.
    pub(super) fn send(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            let after_cr = std::mem::replace(&mut self.sent_cr, *byte == CR);
            match *byte {
                LF if after_cr => out.push(LF),
                _ if after_cr => {
                    out.push(NUL);
                    self.send_one(*byte, out);
                }
                byte => self.send_one(byte, out),
            }
        }
        // A key in a terminal is a piece of its own; nobody waits for what may follow it.
        if self.server_echoes {
            self.send_end(out);
        }
    }

    /// Nothing more comes from the user.
    pub(super) fn send_end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.sent_cr) {
            out.push(NUL);
        }
    }

    /// Whether the server shows what the user types, so that the terminal need not.
    pub(super) fn server_echoes(&self) -> bool {
        self.server_echoes
    }

    fn send_one(&self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            LF => out.extend([CR, LF]),
            // RFC 854: 255 as data is doubled.
            IAC => out.extend([IAC, IAC]),
            byte => out.push(byte),
        }
    }

    fn handle_byte(&mut self, byte: u8, screen: &mut Vec<u8>, out: &mut Vec<u8>) {
        self.reading = match (self.reading, byte) {
            (Reading::Data, IAC) => Reading::Command,
            (Reading::Data, byte) => {
                self.print(byte, screen);
                Reading::Data
            }
            (Reading::Command, IAC) => {
                self.print(IAC, screen);
                Reading::Data
            }
            (Reading::Command, WILL..=DONT) => Reading::Option(byte),
            (Reading::Command, SB) => Reading::Sub,
            (Reading::Command, ARE_YOU_THERE) => {
                // RFC 854: something visible that says yes.
                out.extend(b"[yes]\r\n");
                Reading::Data
            }
            // RFC 1123 §3.2.2, §3.2.3: what a terminal has no use for is ignored, GA above all.
            (Reading::Command, _) => Reading::Data,
            (Reading::Option(verb), option) => {
                self.handle_option(verb, option, out);
                Reading::Data
            }
            (Reading::Sub, IAC) => Reading::SubCommand,
            (Reading::Sub, _) => Reading::Sub,
            (Reading::SubCommand, SE) => Reading::Data,
            // RFC 855: IAC IAC is data there too. All else is a slip that ends nothing.
            (Reading::SubCommand, _) => Reading::Sub,
        };
    }

    fn print(&mut self, byte: u8, screen: &mut Vec<u8>) {
        // RFC 854: CR NUL is a CR alone.
        let after_cr = std::mem::replace(&mut self.after_cr, byte == CR);
        if !(after_cr && byte == NUL) {
            screen.push(byte);
        }
    }

    /// Answers as RFC 1143 §7 says for a side that never asks: `us` and `him` are YES or NO.
    fn handle_option(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let state = match option {
            ECHO => Some(&mut self.server_echoes),
            SUPPRESS_GO_AHEAD => Some(&mut self.server_suppresses),
            _ => None,
        };
        match (verb, state) {
            (WILL, Some(is_on)) if *is_on => {}
            (WILL, Some(is_on)) => {
                *is_on = true;
                out.extend([IAC, DO, option]);
            }
            (WILL, None) => out.extend([IAC, DONT, option]),
            (WONT, Some(is_on)) if *is_on => {
                *is_on = false;
                out.extend([IAC, DONT, option]);
            }
            // It is off, and stays so: RFC 854 asks for silence, or there would be no end.
            (WONT, _) => {}
            // We do nothing that we could be asked for.
            (DO, _) => out.extend([IAC, WONT, option]),
            (_, _) => {}
        }
    }
}

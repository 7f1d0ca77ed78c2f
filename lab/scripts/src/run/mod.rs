//! Playing a script: its events in order, against a clock that only moves when nothing is left to do.
//!
//! Everything happens at once or at a deadline, so a script that waits an hour takes no time, and the
//! same script goes the same way every time. What leaves the stack is kept until the script asks for
//! it; a call that waits is attempted again whenever something has happened.
//!
//! Here are events, time and calls; `packets.rs` has what goes over the link.

mod packets;

use std::time::Duration;

use base::{Instant, TxBuf};

use crate::info;
use crate::language::script::{Action, Direction, Event, Micros, Script, Syscall, Time};
use crate::packet;
use crate::position::Position;
use crate::python::{self, Values};
use crate::shell::{self, Command};
use crate::sockets::{Attempt, Progress, Sockets, World};
use crate::stack::{BEGINNING, Stack};
use crate::sysctl;
use crate::timing::{Check, Timing};
use crate::{Failure, Options, Outcome, Verdict};

/// How long a script waits for a packet, or for a call without an end, before it gives up.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// How long a call that waits may hold up the next call, or the end: as in packetdrill.
const IDLE: Duration = Duration::from_secs(1);

/// How often the stack may ask to be called at one and the same instant.
const TURNS_MAX: usize = 10_000;

/// What happens when a script is played.
pub(crate) fn play(script: &Script, options: &Options) -> Outcome {
    if script.settings.dry_run {
        return Verdict::Passed.into();
    }
    let mut player = match Player::new(script, options) {
        Ok(player) => player,
        Err(end) => return Verdict::from(end).into(),
    };
    let verdict = match player.play() {
        Ok(()) => Verdict::Passed,
        Err(end) => end.into(),
    };
    player.take_film();
    let Player { warnings, film, stack, .. } = player;
    Outcome { verdict, warnings, film, capture: stack.into_capture() }
}

/// Why a script does not go on.
#[derive(Debug)]
enum End {
    /// Something is not as the script says.
    Failed(Position, String),
    /// It asks for something that we do not have.
    Unsupported(Position, String),
}

impl From<End> for Verdict {
    fn from(end: End) -> Self {
        match end {
            End::Failed(at, what) => Self::Failed(Failure { at, what }),
            End::Unsupported(at, what) => Self::Refused(crate::Refusal { at, what }),
        }
    }
}

/// A call that waits.
#[derive(Clone, Copy)]
struct Waiting<'s> {
    at: Position,
    call: &'s Syscall,
    /// When it is to return.
    end: Option<Check>,
    progress: Progress,
    /// It waits no longer than until then.
    until: Option<Instant>,
}

/// The event before the present one.
#[derive(Clone, Copy)]
struct Last {
    scheduled: Micros,
    is_inbound: bool,
}

struct Player<'s> {
    script: &'s Script,
    options: &'s Options,
    timing: Timing,
    stack: Stack,
    sockets: Sockets,
    values: Values,
    waiting: Option<Waiting<'s>>,
    last: Option<Last>,
    /// The port of the next peer.
    remote_port: u16,
    out: TxBuf,
    film: String,
    warnings: Vec<Failure>,
}

impl<'s> Player<'s> {
    fn new(script: &'s Script, options: &'s Options) -> Result<Self, End> {
        let start = Position { line: 1, column: 1 };
        let settings = &script.settings;
        let mut config = tcp::Config::profile(settings.profile.unwrap_or(tcp::Profile::Linux));
        for name in &settings.init_scripts {
            let command = shell::parse(start, name, settings.directory.as_deref())
                .map_err(|refusal| End::Unsupported(refusal.at, refusal.what))?;
            set_up(&mut config, &command);
        }
        if let Some(command) = &script.before {
            set_up(&mut config, command);
        }
        let stack =
            Stack::new(settings, &config, options).map_err(|what| End::Unsupported(start, what))?;
        Ok(Self {
            script,
            options,
            timing: Timing::new(settings),
            stack,
            sockets: Sockets::new(config),
            values: Values::new(),
            waiting: None,
            last: None,
            remote_port: packets::REMOTE_PORT,
            out: TxBuf::new(),
            film: String::new(),
            warnings: Vec::new(),
        })
    }

    fn play(&mut self) -> Result<(), End> {
        for event in &self.script.events {
            let played = self.play_event(event);
            self.forgive(&event.action, played)?;
        }
        let last = self.script.events.last().map_or_else(Position::default, |event| event.at);
        self.wait_for_idle()?;
        if let Some(waiting) = self.waiting {
            let what = "exiting while a blocking system call is in progress".to_owned();
            return Err(End::Failed(waiting.at, what));
        }
        self.check_nothing_is_left(last)
    }

    /// Goes on after what `--non_fatal` forgives.
    fn forgive(&mut self, action: &Action, played: Result<(), End>) -> Result<(), End> {
        let settings = &self.script.settings;
        let is_forgiven = match action {
            Action::Packet(_) => settings.forgives_packets,
            Action::Call(_) => settings.forgives_calls,
            _ => false,
        };
        match played {
            Err(End::Failed(at, what)) if is_forgiven => {
                self.warnings.push(Failure { at, what });
                Ok(())
            }
            other => other,
        }
    }

    // Time.

    /// Microseconds since the script began.
    fn now(&self) -> Micros {
        micros(self.stack.now())
    }

    /// When an event is to happen.
    fn schedule(&self, event: &Event) -> Check {
        let is_inbound = is_inbound(&event.action);
        let offset = match self.last {
            // Times of inbound packets add up exactly, whatever happens between them.
            Some(last) if last.is_inbound && is_inbound => last.scheduled,
            _ => self.now(),
        };
        let last = self.last.map(|last| last.scheduled);
        let (begin, end, relative_to) = match event.time {
            Time::Any => (offset, None, None),
            Time::Absolute(at) => (at, Some(at), None),
            Time::Relative(at) => (offset + at, Some(offset + at), None),
            Time::AbsoluteRange(from, to) => (from, Some(to), None),
            Time::RelativeRange(from, to) => (offset + from, Some(offset + to), Some(offset)),
        };
        let is_range = matches!(event.time, Time::AbsoluteRange(..) | Time::RelativeRange(..));
        Check { begin, end, is_range, relative_to, last }
    }

    /// Lets time pass until then.
    fn wait_until(&mut self, until: Instant) -> Result<(), End> {
        let mut turns = 0;
        loop {
            self.progress()?;
            let Some(next) = self.next_deadline().filter(|next| *next <= until) else { break };
            turns = if next > self.stack.now() { 0 } else { turns + 1 };
            if turns > TURNS_MAX {
                let what = "the stack asks again and again to be called now".to_owned();
                return Err(End::Failed(self.script_position(), what));
            }
            self.stack.set_now(next.max(self.stack.now()));
        }
        self.stack.set_now(until.max(self.stack.now()));
        self.progress()
    }

    /// Lets time pass until the next thing happens, but not past `limit`. Whether something will.
    fn step(&mut self, limit: Instant) -> Result<bool, End> {
        self.progress()?;
        let Some(next) = self.next_deadline().filter(|next| *next <= limit) else {
            return Ok(false);
        };
        self.wait_until(next.max(self.stack.now()))?;
        Ok(true)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let call = self.waiting.and_then(|waiting| waiting.until);
        [self.stack.poll_timeout(), call].into_iter().flatten().min()
    }

    fn script_position(&self) -> Position {
        self.waiting.map_or_else(Position::default, |waiting| waiting.at)
    }

    // Events.

    fn play_event(&mut self, event: &'s Event) -> Result<(), End> {
        let check = self.schedule(event);
        match &event.action {
            Action::Packet(packet) if packet.direction == Direction::Outbound => {
                self.show(|| format!("> {}", packet::show(&packet.body)));
                self.expect(event.at, packet, &check)?;
            }
            Action::Packet(packet) => {
                self.wait_for(event.at, &check, "inbound packet")?;
                self.show(|| format!("< {}", packet::show(&packet.body)));
                self.inject(event.at, packet)?;
            }
            Action::Call(call) => self.play_call(event, call, &check)?,
            Action::Command(command) => {
                self.wait_for(event.at, &check, "command")?;
                set_up(&mut self.sockets.config, command);
                set_up(&mut self.stack.tcp, command);
                if !self.script.settings.is_freebsd() {
                    // Linux' connections look at the settings when they need them.
                    self.stack.reconfigure(|config| set_up(config, command));
                }
                let settings = &self.script.settings;
                self.sockets.reconfigure(&mut World { stack: &mut self.stack, settings });
                self.wait_until(self.stack.now().after(command.sleeps))?;
            }
            Action::Code(program) => {
                self.wait_for(event.at, &check, "data collection for code")?;
                self.look(event.at)?;
                python::run(program, &mut self.values)
                    .map_err(|broken| End::Failed(broken.at, broken.what))?;
            }
        }
        self.last = Some(Last { scheduled: check.begin, is_inbound: is_inbound(&event.action) });
        Ok(())
    }

    /// Waits for an event's time; fails if that is over.
    fn wait_for(&mut self, at: Position, check: &Check, what: &str) -> Result<(), End> {
        self.wait_until(instant(check.begin))?;
        if self.last.is_none() {
            return Ok(());
        }
        self.timing.check(check, self.now(), what).map_err(|what| End::Failed(at, what))
    }

    // Calls.

    fn play_call(&mut self, event: &Event, call: &'s Syscall, check: &Check) -> Result<(), End> {
        self.wait_for_idle()?;
        if self.waiting.is_some() && call.end.is_some() {
            let what = format!(
                "runtime error in {} call: blocking system call while another blocking system call \
                 is already in progress",
                call.name
            );
            return Err(End::Failed(event.at, what));
        }
        self.wait_for(event.at, check, "system call start")?;
        self.show(|| format!("{}(…)", call.name));
        let offset = match event.time {
            Time::Relative(after) => check.begin - after,
            _ => 0,
        };
        let end = call.end.map(|end| {
            // How late it may return depends on how long it takes.
            let end = offset + end;
            Check { begin: end, end: Some(end), last: Some(check.begin), ..*check }
        });
        let mut waiting = Waiting {
            at: event.at,
            call,
            end,
            progress: Progress { begun: self.stack.now(), ..Progress::default() },
            until: None,
        };
        if self.attempt(&mut waiting)? {
            return Ok(());
        }
        if end.is_some() && self.waiting.is_none() {
            self.waiting = Some(waiting);
            return Ok(());
        }
        self.wait_for_call(waiting)
    }

    /// A call without an end that does not return: nothing else of the script happens meanwhile.
    fn wait_for_call(&mut self, mut waiting: Waiting<'s>) -> Result<(), End> {
        let limit = self.stack.now().after(PATIENCE);
        loop {
            let next = [self.next_deadline(), waiting.until].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= limit) else {
                let what = format!("{} blocks, and nothing will ever end that", waiting.call.name);
                return Err(End::Failed(waiting.at, what));
            };
            self.wait_until(next.max(self.stack.now()))?;
            if self.attempt(&mut waiting)? {
                return Ok(());
            }
        }
    }

    /// Attempts a call; whether it has returned.
    fn attempt(&mut self, waiting: &mut Waiting<'s>) -> Result<bool, End> {
        let Waiting { at, call, .. } = *waiting;
        self.sockets.take_events(&mut self.stack, &self.script.settings);
        let mut world = World { stack: &mut self.stack, settings: &self.script.settings };
        let progress = &mut waiting.progress;
        let attempt = self.sockets.attempt(&mut world, &call.call, call.result, progress);
        self.sockets.take_events(&mut self.stack, &self.script.settings);
        let error = |what: String| {
            let what = format!("runtime error in {} call: {what}", call.name);
            End::Failed(at, what)
        };
        match attempt {
            Attempt::Blocked(until) => {
                waiting.until = until;
                return Ok(false);
            }
            Attempt::Wrong(what) => return Err(error(what)),
            Attempt::Unsupported(what) => return Err(End::Unsupported(at, what)),
            Attempt::Returned(_) | Attempt::Failed(_) => {}
        }
        check_result(call, &attempt).map_err(error)?;
        if let Some(end) = &waiting.end {
            let checked = self.timing.check(end, self.now(), "system call return");
            checked.map_err(|what| End::Failed(at, what))?;
        }
        Ok(true)
    }

    /// Something may have happened that a call waits for.
    fn progress(&mut self) -> Result<(), End> {
        self.sockets.take_events(&mut self.stack, &self.script.settings);
        let Some(mut waiting) = self.waiting.take() else { return Ok(()) };
        if !self.attempt(&mut waiting)? {
            self.waiting = Some(waiting);
        }
        Ok(())
    }

    /// A call that waits holds up the next, for a second at most.
    fn wait_for_idle(&mut self) -> Result<(), End> {
        let limit = self.stack.now().after(IDLE);
        self.progress()?;
        while self.waiting.is_some() && self.step(limit)? {}
        Ok(())
    }

    // Looking.

    /// What code can see of the connection.
    fn look(&mut self, at: Position) -> Result<(), End> {
        let fd = self.sockets.track().and_then(|track| track.fd);
        let id = fd.and_then(|fd| self.sockets.connection(fd));
        let Some(connection) = id.and_then(|id| self.stack.host.tcp(id)) else {
            let what = "runtime error in code: no connection that a program has".to_owned();
            return Err(End::Failed(at, what));
        };
        let headers = if connection.flow().remote.is_ipv4() { 40 } else { 60 };
        let now = self.stack.now();
        let info = connection.info(now);
        let busy = fd.map(|fd| self.sockets.busy(fd)).unwrap_or_default();
        let track = self.sockets.track();
        let (data_at, ack_at) = track.map_or((now, now), |track| (track.data_at, track.ack_at));
        let (since_data, since_ack) = (now.since(data_at), now.since(ack_at));
        let outside = info::Outside { headers, busy, since_data, since_ack };
        let values = &mut self.values;
        info::show(&info, &outside, values);
        if self.script.settings.is_freebsd() {
            info::show_as_freebsd(&info, values);
        }
        Ok(())
    }

    /// Adds a line to the film.
    fn show(&mut self, what: impl FnOnce() -> String) {
        if self.options.is_watched {
            self.take_film();
            self.film += &format!("{} script {}\n", seconds(self.now()), what());
        }
    }

    fn take_film(&mut self) {
        let film = self.stack.take_film();
        self.film += &film;
    }
}

fn set_up(config: &mut tcp::Config, command: &Command) {
    for (name, value) in &command.settings {
        sysctl::set(config, name, value).expect("commands were tried out when they were read");
    }
}

fn is_inbound(action: &Action) -> bool {
    matches!(action, Action::Packet(packet) if packet.direction == Direction::Inbound)
}

/// What a call returned, against what the script says.
fn check_result(call: &Syscall, attempt: &Attempt) -> Result<(), String> {
    use crate::language::calls::Call;
    use crate::symbols::errno_name;
    let expected = call.result;
    let opens = matches!(call.call, Call::Socket { .. } | Call::Accept { .. } | Call::EpollCreate);
    match (attempt, &call.errno) {
        (Attempt::Returned(n), None) if *n == expected || (opens && expected >= 0) => Ok(()),
        (Attempt::Returned(n), _) => Err(format!("Expected result {expected} but got {n}")),
        (Attempt::Failed(actual), _) if expected != -1 => Err(format!(
            "Expected result {expected} but got -1 with errno {actual} ({})",
            errno_name(*actual)
        )),
        (Attempt::Failed(actual), Some((wanted, name))) if actual != wanted => Err(format!(
            "Expected errno {wanted} ({name}) but got {actual} ({})",
            errno_name(*actual)
        )),
        _ => Ok(()),
    }
}

/// Microseconds since the script began.
fn micros(at: Instant) -> Micros {
    i64::try_from(at.since(BEGINNING).as_micros()).unwrap_or(i64::MAX)
}

fn instant(micros: Micros) -> Instant {
    BEGINNING.after(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// A time as scripts have it.
pub(crate) fn seconds(micros: Micros) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

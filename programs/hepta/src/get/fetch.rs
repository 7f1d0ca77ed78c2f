//! What happens to one URL.

use std::fmt::Write as _;

use coding::{Coding, Decoder};
use message::{Method, Name, Response, Status};

use super::client::{Answer, Client};
use super::location::Location;
use super::output::{self, Destination, Output};
use super::problem::{Again, Code, Problem, note};
use super::request::{Asked, Step};
use super::resume::{self, Part, Plan};
use super::retry;

/// What a body in a content coding may grow to: more than disks hold. The memory that takes is
/// bounded by a step of the decoder, and who wants less of it stops us.
const DECODED_LEN_MAX: u64 = 1 << 40;

/// Gets what the URL names, as often as `--retry` allows.
pub(super) async fn fetch(
    client: &mut Client<'_>,
    asked: &Asked,
    url: &str,
) -> Result<(), Problem> {
    let options = client.options;
    let location = Location::parse(url)?;
    let destination = Destination::new(options, &location)?;
    let mut attempts = 0;
    loop {
        // What an attempt has left is worth going on with; but only if it was asked for, or is ours.
        let resumes = (options.resume || attempts > 0) && can_resume(client, asked);
        let part = if resumes { destination.part() } else { None };
        let is_last = attempts >= options.retry;
        let step = Step::first(asked, location.clone(), part);
        let problem = match follow(client, asked, &destination, step, is_last).await {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        };
        attempts += 1;
        let wait = problem.after.unwrap_or_else(|| retry::backoff(attempts));
        let is_hopeless = is_last || !retry::may_repeat(&asked.method, problem.again);
        if is_hopeless || wait > retry::WAIT_MAX {
            return Err(problem);
        }
        let (what, seconds) = (problem.what(), wait.as_secs());
        note(options.silent, format_args!("{what}; trying again in {seconds} s"));
        tokio::time::sleep(wait).await;
    }
}

/// Whether a part can go on with what is asked for.
fn can_resume(client: &Client<'_>, asked: &Asked) -> bool {
    asked.method == Method::Get && !client.options.compressed && !asked.asks_for_range()
}

/// From one location to the next, until there is an answer to keep.
async fn follow(
    client: &mut Client<'_>,
    asked: &Asked,
    destination: &Destination,
    mut step: Step,
    is_last: bool,
) -> Result<(), Problem> {
    let mut redirects = 0;
    loop {
        let (request, expects) = (asked.request(&step), asked.expects_continue(&step));
        let origin = step.location.origin.clone();
        let answer = client.ask(&origin, request, step.body.as_ref(), expects).await?;
        let status = answer.response.status;
        if status == Status::EXPECTATION_FAILED && expects {
            // RFC 9110 §10.1.1: the same again, without asking for leave.
            client.skip(answer).await;
            step.expects = false;
            continue;
        }
        if client.options.include || step.method == Method::Head {
            output::write_to_stdout(&head_text(&answer.response))?;
        }
        if let Some(target) = redirect_target(client, &step, &answer.response) {
            let next = step.location.redirect(target)?;
            check_redirect(client, &step.location, &next, redirects)?;
            redirects += 1;
            step = redirected(step, next, status);
            client.skip(answer).await;
            continue;
        }
        let again = retry::of_status(status);
        if !is_last && again != Again::Never {
            let problem = Problem::new(Code::Status, format!("{}: {status}", step.location));
            let after = retry::after(&answer.response.fields, client.cx(&answer).wall());
            client.skip(answer).await;
            return Err(problem.again(again).after(after));
        }
        return keep(client, asked, destination, &step, answer).await;
    }
}

/// Where the answer leads, if it leads on and is to be followed (RFC 9110 §15.4).
fn redirect_target<'a>(
    client: &Client<'_>,
    step: &Step,
    response: &'a Response,
) -> Option<&'a [u8]> {
    let options = client.options;
    let is_safe = matches!(step.method, Method::Get | Method::Head);
    let follows = !options.no_location && (is_safe || options.location);
    let leads_on = matches!(response.status.code(), 301 | 302 | 303 | 307 | 308);
    response.fields.get_only(Name::Location).filter(|_| follows && leads_on)
}

fn check_redirect(
    client: &Client<'_>,
    from: &Location,
    to: &Location,
    redirects: u32,
) -> Result<(), Problem> {
    let max = client.options.max_redirects;
    if redirects >= max {
        let what = format!("there are more than {max} redirects; the last one leads to {to}");
        return Err(Problem::new(Code::Redirects, what)
            .hint("they may go in a circle; --max-redirects N allows more"));
    }
    if from.origin.is_secure && !to.origin.is_secure && !client.options.allow_clear_redirect {
        let what = format!("{from} leads to {to}, which anybody on the way can read and change");
        return Err(
            Problem::new(Code::Redirects, what).hint("allow it with --allow-clear-redirect")
        );
    }
    Ok(())
}

/// The request that follows a redirect.
fn redirected(mut step: Step, next: Location, status: Status) -> Step {
    // RFC 9110 §15.4: what is meant for one server is no other's business. Once lost, it stays so.
    step.may_see_secrets &= step.location.origin == next.origin;
    let becomes_get = match status {
        Status::SEE_OTHER => step.method != Method::Head,
        // RFC 9110 §15.4.2, §15.4.3: what everybody does.
        Status::MOVED_PERMANENTLY | Status::FOUND => step.method == Method::Post,
        _ => false,
    };
    if becomes_get {
        step.method = Method::Get;
        step.body = None;
    }
    step.location = next;
    step
}

/// Keeps the answer, or says why not.
async fn keep(
    client: &mut Client<'_>,
    asked: &Asked,
    destination: &Destination,
    step: &Step,
    mut answer: Answer,
) -> Result<(), Problem> {
    let plan = match plan(client, asked, destination, step, &answer.response) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            client.skip(answer).await;
            return Ok(());
        }
        Err(problem) => {
            client.skip(answer).await;
            return Err(problem);
        }
    };
    if step.method == Method::Head {
        client.skip(answer).await;
        return Ok(());
    }
    let mut decoder = decoder(client, &answer)?;
    let is_whole = answer.response.status == Status::OK && decoder.is_none();
    let options = client.options;
    let shows_progress = !options.silent && options.film_layers().is_none();
    let complete = match (plan, step.part.as_ref()) {
        (Plan::Continue { complete }, _) => complete,
        (Plan::HaveAll, Some(part)) => Some(part.len),
        _ if decoder.is_some() => None,
        _ => answer.body_len(),
    };
    let part = step.part.as_ref();
    let mut out =
        destination.open(&answer.response, plan, part, complete, is_whole, shows_progress)?;
    if plan == Plan::HaveAll {
        client.skip(answer).await;
        return out.finish();
    }
    if let Err(problem) = copy(client, &mut answer, &mut decoder, &mut out).await {
        return Err(out.cut_short(problem));
    }
    if let (Plan::Continue { complete: Some(complete) }, Some(len)) = (plan, out.file_len())
        && len < complete
    {
        // RFC 9110 §15.3.7: a server may send less than what was asked for.
        let missing = complete - len;
        let what = format!("the server sent a part again; {missing} bytes are still missing");
        let problem = Problem::new(Code::Partial, what).again(Again::IfIdempotent);
        return Err(out.cut_short(problem));
    }
    let finished = out.finish();
    client.await_pushes(&mut answer).await;
    client.done(answer);
    finished
}

/// What to do with the body; nothing when there is nothing to be done.
fn plan(
    client: &Client<'_>,
    asked: &Asked,
    destination: &Destination,
    step: &Step,
    response: &Response,
) -> Result<Option<Plan>, Problem> {
    let status = response.status;
    if let Some(part) = usable_part(step, status) {
        return resume::plan(response, part).map(Some);
    }
    let is_no_answer = status.is_error() || status.is_redirection() && destination.is_file();
    if status == Status::NOT_MODIFIED && destination.is_file() {
        note(client.options.silent, format_args!("{}: not modified", step.location));
        return Ok(None);
    }
    let shows_errors = !client.options.fail && !destination.is_file();
    if is_no_answer && !(shows_errors || step.method == Method::Head && !client.options.fail) {
        return Err(refused(client, destination, step, response));
    }
    if status == Status::PARTIAL_CONTENT && !asked.asks_for_range() {
        let what = format!("{}: a part came, and nobody asked for one", step.location);
        return Err(Problem::new(Code::BadAnswer, what));
    }
    if asked.is_range_ignored(status) {
        note(client.options.silent, "the server gives no parts: this is the whole");
    }
    Ok(Some(Plan::Begin))
}

/// The part that this answer may go on from.
fn usable_part(step: &Step, status: Status) -> Option<&Part> {
    let speaks_of_it =
        matches!(status, Status::OK | Status::PARTIAL_CONTENT | Status::RANGE_NOT_SATISFIABLE);
    step.part.as_ref().filter(|_| speaks_of_it)
}

/// The answer is none that was wanted.
fn refused(
    client: &Client<'_>,
    destination: &Destination,
    step: &Step,
    response: &Response,
) -> Problem {
    let status = response.status;
    let saved = if destination.is_file() { "; nothing was saved" } else { "" };
    let problem = Problem::new(Code::Status, format!("{}: {status}{saved}", step.location));
    let location = response.fields.get_only(Name::Location).filter(|_| status.is_redirection());
    match status {
        _ if location.is_some() => {
            let location = location.unwrap_or_default().escape_ascii();
            problem.hint(format!("it leads to {location}; --location follows with every method"))
        }
        Status::UNAUTHORIZED if client.options.user.is_none() => {
            problem.hint("say who you are with --user NAME:PASSWORD")
        }
        _ if destination.is_file() => problem.hint("-o - shows what the server has to say"),
        _ => problem,
    }
}

/// What decodes the body, where it was asked for in a coding and is in one.
fn decoder(client: &Client<'_>, answer: &Answer) -> Result<Option<Decoder>, Problem> {
    let fields = &answer.response.fields;
    if !client.options.compressed || !fields.contains(Name::ContentEncoding) {
        return Ok(None);
    }
    let mut codings = fields.elements(Name::ContentEncoding);
    let (Some(name), None) = (codings.next(), codings.next()) else {
        return Err(Problem::new(Code::Coding, "the body is in several content codings at once")
            .hint("ask for it without --compressed"));
    };
    match Coding::from_bytes(name) {
        Some(Coding::Identity) => Ok(None),
        Some(coding) => Ok(Some(Decoder::new(coding, DECODED_LEN_MAX))),
        None => {
            let what = format!("the content coding {} is unknown here", name.escape_ascii());
            Err(Problem::new(Code::Coding, what).hint("ask for it without --compressed"))
        }
    }
}

/// Moves the body to where it goes.
async fn copy(
    client: &mut Client<'_>,
    answer: &mut Answer,
    decoder: &mut Option<Decoder>,
    out: &mut Output,
) -> Result<(), Problem> {
    let mut decoded = Vec::new();
    let undecodable = |fault: coding::Fault| Problem::new(Code::Coding, fault.to_string());
    while let Some(bytes) = client.part(answer).await? {
        let Some(decoder) = decoder else {
            out.write(&bytes)?;
            continue;
        };
        let mut rest = &*bytes;
        loop {
            let more = decoder.decode(&mut client.cx(answer), &mut rest, &mut decoded);
            out.write(&decoded)?;
            decoded.clear();
            if !more.map_err(undecodable)? {
                break;
            }
        }
    }
    match decoder.take() {
        Some(decoder) => decoder.finish(&mut client.cx(answer)).map_err(undecodable),
        None => Ok(()),
    }
}

/// The head as people read it: lines end as lines do here.
fn head_text(response: &Response) -> Vec<u8> {
    let mut text = String::new();
    let _ = write!(text, "{} {}", response.version, response.status.code());
    let reason = response.status.reason();
    let mut text = if reason.is_empty() { text } else { format!("{text} {reason}") }.into_bytes();
    text.push(b'\n');
    for (name, value) in response.fields.iter() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

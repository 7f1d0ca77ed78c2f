//! Going on where a part ends. (RFC 9110 §13.1.5, §14)
//!
//! A part is two files: `FILE.part` with the bytes, and `FILE.part.of` with the validator that
//! says of which version they are. The validator has a file of its own, and is no extended
//! attribute, because it must survive every file system and every copy, and people can read it.
//! Without a strong validator nothing is continued: two halves of two versions make a file that
//! nobody has ever published.

use std::fs;
use std::path::{Path, PathBuf};

use message::{Fields, Name, Response, Status, date, list};
use semantics::content_range::ContentRange;
use semantics::etag::EntityTag;

use super::problem::{Code, Problem};

/// The longest validator that is believed: entity tags have some dozens of bytes.
const VALIDATOR_LEN_MAX: u64 = 4 * 1024;

/// What is there of a file already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Part {
    /// How many bytes, from its beginning.
    pub(super) len: u64,
    /// Of which version: what If-Range takes.
    pub(super) validator: String,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Plan {
    /// It is the whole.
    Begin,
    /// It goes on where the part ends; the whole is so long, if that is known.
    Continue { complete: Option<u64> },
    /// The part is the whole.
    HaveAll,
}

/// `FILE.part`.
pub(super) fn part_path(file: &Path) -> PathBuf {
    with_suffix(file, ".part")
}

/// `FILE.part.of`.
pub(super) fn validator_path(file: &Path) -> PathBuf {
    with_suffix(file, ".part.of")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The part of `file` that can be continued, if there is one.
pub(super) fn find(file: &Path) -> Option<Part> {
    let len = fs::metadata(part_path(file)).ok().filter(|part| part.is_file())?.len();
    let validator = validator_path(file);
    if fs::metadata(&validator).ok()?.len() > VALIDATOR_LEN_MAX {
        return None;
    }
    let text = fs::read_to_string(validator).ok()?;
    let validator = text.lines().next()?.to_owned();
    let is_validator = matches!(EntityTag::parse(validator.as_bytes()), Ok(tag) if !tag.is_weak())
        || date::parse(validator.as_bytes()).is_some();
    (len > 0 && is_validator).then_some(Part { len, validator })
}

/// The strong validator of a response, as If-Range takes it (RFC 9110 §13.1.5): the entity tag,
/// or the date of the last change where that is a strong one.
pub(super) fn validator(fields: &Fields) -> Option<String> {
    let as_text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
    if let Some(value) = fields.get_only(Name::ETag) {
        // RFC 9110 §13.1.5: with a weak tag nothing can be put together, and not with a date either
        // where there is a tag.
        let tag = EntityTag::parse(list::trim_ows(value)).ok()?;
        return as_text(list::trim_ows(value)).filter(|_| !tag.is_weak());
    }
    let value = fields.get_only(Name::LastModified)?;
    let (changed, sent) = (date::parse(value)?, date::parse(fields.get_only(Name::Date)?)?);
    // RFC 9110 §8.8.2.2: strong when it cannot have changed again within the same second.
    as_text(value).filter(|_| changed < sent)
}

/// What to do with the answer to a request for what `part` lacks. Statuses of errors, but for 416,
/// are the caller's.
pub(super) fn plan(response: &Response, part: &Part) -> Result<Plan, Problem> {
    match response.status {
        Status::PARTIAL_CONTENT => plan_partial(&response.fields, part),
        Status::RANGE_NOT_SATISFIABLE => plan_unsatisfiable(&response.fields, part),
        // RFC 9110 §13.1.5, §14.2: it has changed, or the server gives no parts.
        _ => Ok(Plan::Begin),
    }
}

fn plan_partial(fields: &Fields, part: &Part) -> Result<Plan, Problem> {
    let Some(value) = fields.get_only(Name::ContentRange) else {
        return Err(refused("the server sent a part and did not say which"));
    };
    let shown = value.escape_ascii();
    let len = part.len;
    match ContentRange::parse(value) {
        Ok(ContentRange::Part { range, complete }) if range.first() == len => {
            match fields.get_only(Name::ETag) {
                // RFC 9110 §15.3.7.3: parts are put together under one strong validator only.
                Some(tag)
                    if part.validator.starts_with('"') && tag != part.validator.as_bytes() =>
                {
                    Err(refused("the server sent a part of another version"))
                }
                _ => Ok(Plan::Continue { complete }),
            }
        }
        Ok(_) => {
            Err(refused(&format!("the server was asked for bytes from {len} on and sent {shown}")))
        }
        Err(bad) => Err(refused(&format!("{} cannot be read: {shown}", bad.what))),
    }
}

fn plan_unsatisfiable(fields: &Fields, part: &Part) -> Result<Plan, Problem> {
    let value = fields.get_only(Name::ContentRange).unwrap_or_default();
    match ContentRange::parse(value) {
        // If-Range held, or there would be no 416: it is the same version.
        Ok(ContentRange::Unsatisfied { complete }) if complete == part.len => Ok(Plan::HaveAll),
        Ok(ContentRange::Unsatisfied { complete }) => {
            Err(refused(&format!("the part has {} bytes, the whole only {complete}", part.len)))
        }
        _ => {
            Err(refused("the server has nothing behind the part, and does not say how long it is"))
        }
    }
}

fn refused(what: &str) -> Problem {
    Problem::new(Code::Range, format!("the file cannot be continued: {what}"))
        .hint("begin anew: the same command without --continue")
}

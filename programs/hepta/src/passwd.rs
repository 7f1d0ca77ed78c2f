//! `hepta passwd`: hashes of passwords, for the configuration.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueHint};

use crate::passwords::Hash;

/// The options of `hepta passwd`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Who may come in
    name: String,

    /// Write NAME:HASH to this file, in place of who had that name before
    ///
    /// Without it a line for the configuration is printed.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

/// Asks for a password and prints or writes its hash.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let name = &options.name;
    ensure!(!name.is_empty() && !name.contains([':', '"', '\n']), "{name:?} cannot be a name");
    let hash = Hash::of(ask()?.as_bytes())?;
    match &options.file {
        Some(file) => {
            write(file, name, &hash).with_context(|| format!("cannot write {}", file.display()))
        }
        None => {
            anstream::println!("user \"{name}\" \"{}\"", hash.as_str());
            Ok(())
        }
    }
}

/// The password: asked for twice in a terminal, else the first line of what is read.
fn ask() -> anyhow::Result<String> {
    let password = if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Again: ")? != password {
            bail!("these were two different passwords");
        }
        password
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    ensure!(!password.is_empty(), "the password is empty");
    Ok(password)
}

/// Puts a line into a file of users; nobody ever sees half of it.
fn write(file: &Path, name: &str, hash: &Hash) -> anyhow::Result<()> {
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let is_other = |line: &&str| line.split_once(':').is_none_or(|(other, _)| other != name);
    let mut text: String =
        before.lines().filter(is_other).map(|line| line.to_owned() + "\n").collect();
    text += &format!("{name}:{}\n", hash.as_str());
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    let mut new = tempfile::Builder::new()
        .prefix(".hepta-passwd")
        .tempfile_in(directory.unwrap_or_else(|| Path::new(".")))?;
    if let Ok(found) = std::fs::metadata(file) {
        new.as_file().set_permissions(found.permissions())?;
    }
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

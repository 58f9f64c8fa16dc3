//! Passphrases and keys of age files: from a file or typed, never from the command line, where every process sees them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use newsroom::Problem;
use seal::Secret;
use vault::age::{AgeFault, Identity, PASSPHRASE_CHARS_MIN, Recipient};

use crate::typed;

/// Longer than any passphrase or key file: something else by mistake.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The passphrase of a file that exists: the first line of `file`, or typed.
///
/// # Errors
/// A [`Problem`] when there is none.
pub fn known(file: Option<&Path>) -> Result<Secret<String>, Problem> {
    match file {
        Some(path) => first_line(path),
        None => typed("Passphrase: "),
    }
}

/// The passphrase of a file that is about to be made: the first line of `file`, or typed twice.
///
/// # Errors
/// A [`Problem`] when there is none, or it could be found by trying.
pub fn fresh(file: Option<&Path>) -> Result<Secret<String>, Problem> {
    let words = known(file)?;
    if words.expose().chars().count() < PASSPHRASE_CHARS_MIN {
        return Err(Problem::new(
            format!("The passphrase has fewer than {PASSPHRASE_CHARS_MIN} characters."),
            "Whoever holds the file could find it by trying. Nothing was written.",
            "Take four or five words that do not belong together.",
        ));
    }
    if file.is_none() && typed("Once more: ")?.expose() != words.expose() {
        return Err(Problem::new("The two passphrases differ.", "Nothing was written.", "Type the same one twice."));
    }
    Ok(words)
}

/// Who may open a file: the keys named, or whoever knows a passphrase.
///
/// # Errors
/// A [`Problem`] for a mistyped key or a poor passphrase.
pub fn recipients(to: &[String], passphrase_file: Option<&Path>) -> Result<Vec<Recipient>, Problem> {
    if to.is_empty() {
        return Ok(vec![Recipient::Passphrase(fresh(passphrase_file)?)]);
    }
    let parse = |text: &String| {
        Recipient::parse(text).map_err(|fault| {
            Problem::new(
                format!("{text:?} cannot be written to: {fault}."),
                "Nothing was written.",
                "Copy the line that begins with age1 from the other side's key (`age-keygen -y KEYFILE`).",
            )
        })
    };
    to.iter().map(parse).collect()
}

/// The secret key in an age identity file.
///
/// # Errors
/// A [`Problem`] when it cannot be read or holds none.
pub fn identity(path: &Path) -> Result<Identity, Problem> {
    let text = read(path)?;
    Identity::parse(text.expose()).map_err(|fault| {
        Problem::new(
            format!("The file {} holds no key: {fault}.", path.display()),
            "Nothing was read or changed.",
            "Name the file that age-keygen wrote, with the line AGE-SECRET-KEY-1…",
        )
    })
}

/// The secret in the first line of a file.
///
/// # Errors
/// A [`Problem`] when the file cannot be read or its first line is empty.
pub fn first_line(path: &Path) -> Result<Secret<String>, Problem> {
    let text = read(path)?;
    let line = text.expose().lines().next().unwrap_or_default().trim_end().to_owned();
    if line.is_empty() {
        return Err(Problem::new(
            format!("The first line of {} is empty.", path.display()),
            "Nothing was done without what should stand there.",
            "Write the secret into its first line.",
        ));
    }
    Ok(Secret::new(line))
}

fn read(path: &Path) -> Result<Secret<String>, Problem> {
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    match file {
        Ok(_) => Ok(Secret::new(text)),
        Err(fault) => Err(Problem::new(
            format!("The file {} cannot be read: {fault}.", path.display()),
            "Nothing was done.",
            "Check the file's name and who may read it.",
        )),
    }
}

fn typed(prompt: &str) -> Result<Secret<String>, Problem> {
    let line = typed::is_there().then(|| typed::unseen(prompt));
    match line {
        Some(Ok(line)) if !line.expose().is_empty() => Ok(line),
        _ => Err(Problem::new(
            "No passphrase was given.",
            "Nothing was done without one.",
            "Type it, or name a file whose first line it is with --passphrase-file.",
        )),
    }
}

/// What a fault of an age file means to a person.
pub fn age_problem(name: &str, fault: &AgeFault) -> Problem {
    let act = match fault {
        AgeFault::WrongKey => "Give the passphrase or the key that it was sealed with.",
        _ => "Take another copy of the file: this one cannot be trusted.",
    };
    Problem::new(format!("The file {name} does not open: {fault}."), "Nothing was read or changed.", act)
}

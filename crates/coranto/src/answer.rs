//! How a command answers: one JSON document or plain lines on standard output, everything else on standard error.
//!
//! Who closes their end (`coranto … | head -1`) has read enough: that is no fault, and nothing panics over it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use newsroom::Problem;
use serde::Serialize;

/// What a command gives back: its answer in both forms.
pub struct Answer {
    json: serde_json::Value,
    text: String,
    printed: bool,
}

impl Answer {
    /// An answer.
    ///
    /// # Panics
    /// When `json` cannot be written as JSON: every answer's type can.
    pub fn new(json: impl Serialize, text: impl Into<String>) -> Self {
        Self { json: serde_json::to_value(json).expect("answers are plain data"), text: text.into(), printed: false }
    }

    /// An answer that stands on standard output already.
    pub fn printed() -> Self {
        Self { json: serde_json::Value::Null, text: String::new(), printed: true }
    }

    /// Prints it.
    ///
    /// # Errors
    /// A [`Problem`] when it could not be written for another reason than that nobody reads it any more.
    pub fn print(&self, as_json: bool) -> Result<(), Problem> {
        if self.printed {
            return Ok(());
        }
        let printed = if as_json {
            line(io::stdout(), &self.json)
        } else if self.text.is_empty() {
            Ok(())
        } else {
            line(io::stdout(), &self.text.trim_end())
        };
        printed.map_err(|fault| {
            Problem::new(
                format!("The answer cannot be written: {fault}."),
                "The command itself was done; only its answer is missing.",
                "See that where its output goes can be written and has room.",
            )
        })
    }
}

/// Writes a line and sees it off. An end that was closed is no fault.
fn line(mut to: impl Write, text: &impl Display) -> io::Result<()> {
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(fault) if fault.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Tells a person something on standard error, beside the answer.
pub fn tell(text: impl Display) {
    // Where standard error cannot be written there is nobody left to tell.
    let _told = line(io::stderr(), &text);
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: Parts<'a>,
}

#[derive(Serialize)]
struct Parts<'a> {
    what: &'a str,
    means: &'a str,
    r#do: &'a str,
}

/// Prints a problem: on standard output as one document when JSON was asked for, else on standard error.
pub fn print_problem(problem: &Problem, as_json: bool) {
    if as_json {
        let parts = Parts { what: &problem.what, means: &problem.means, r#do: &problem.act };
        let document = serde_json::to_string(&ErrorDocument { error: parts }).expect("three strings");
        // The exit code says that it failed, whoever reads this.
        let _told = line(io::stdout(), &document);
    } else {
        tell(format_args!("{}\n{}\n{}", problem.what, problem.means, problem.act));
    }
}

//! How a command answers: one JSON document or plain lines on standard output, everything else on standard error.

use newsroom::Problem;
use serde::Serialize;

/// What a command gives back: its answer in both forms.
pub struct Answer {
    json: serde_json::Value,
    text: String,
}

impl Answer {
    /// An answer.
    ///
    /// # Panics
    /// When `json` cannot be written as JSON: every answer's type can.
    pub fn new(json: impl Serialize, text: impl Into<String>) -> Self {
        Self { json: serde_json::to_value(json).expect("answers are plain data"), text: text.into() }
    }

    /// Prints it.
    pub fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.json);
        } else if !self.text.is_empty() {
            println!("{}", self.text.trim_end());
        }
    }
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
        println!("{}", serde_json::to_string(&ErrorDocument { error: parts }).expect("three strings"));
    } else {
        eprintln!("{}\n{}\n{}", problem.what, problem.means, problem.act);
    }
}

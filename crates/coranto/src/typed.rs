//! What a person types at a terminal: lines that are asked for, and secrets that are not shown.
//!
//! It asks only where a person sits at both ends, and never keeps a script waiting. What it asks goes to standard error, so
//! that an answer on standard output stays one.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use seal::Secret;

/// A terminal hands over 4,095 bytes of a line at most (`N_TTY_BUF_SIZE`); more is no answer of a person's.
const LINE_BYTES_MAX: u64 = 4_096;
/// What Ctrl-C sends.
const CTRL_C: u8 = 3;

/// Why nothing was typed.
#[derive(Debug, thiserror::Error)]
pub enum TypedFault {
    /// The person ended it, with Ctrl-C or Ctrl-D.
    #[error("it was broken off")]
    BrokenOff,
    /// The terminal failed.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
}

/// Whether a person can be asked: both what is asked and what is answered go through a terminal.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line. Gives it without spaces around it.
///
/// # Errors
/// [`TypedFault`].
pub fn line(prompt: &str) -> Result<String, TypedFault> {
    ask(prompt)?;
    let line = read()?;
    Ok(String::from_utf8_lossy(line.expose()).trim().to_owned())
}

/// Asks for a secret: what is typed is not shown. Ctrl-C breaks it off and leaves the terminal as it was.
///
/// # Errors
/// [`TypedFault`].
pub fn unseen(prompt: &str) -> Result<Secret<String>, TypedFault> {
    let line = {
        // Before it is asked for: what is typed at once after the question is not shown either.
        let _hidden = Hidden::begin()?;
        ask(prompt)?;
        read()
    };
    // The person's own line end was not shown.
    ask("\n")?;
    let line = line?;
    if line.expose().last() == Some(&CTRL_C) {
        return Err(TypedFault::BrokenOff);
    }
    let text = String::from_utf8_lossy(line.expose());
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn ask(prompt: &str) -> io::Result<()> {
    let mut to = io::stderr();
    to.write_all(prompt.as_bytes())?;
    to.flush()
}

/// One line as the terminal hands it over: to its line end, or to the Ctrl-C of [`Hidden`].
fn read() -> Result<Secret<Vec<u8>>, TypedFault> {
    let mut from = io::stdin().lock().take(LINE_BYTES_MAX);
    let mut line = Vec::with_capacity(256);
    loop {
        let ready = from.fill_buf()?;
        let end = ready.iter().position(|byte| matches!(*byte, b'\n' | CTRL_C));
        let taken = end.map_or(ready.len(), |end| end + 1);
        line.extend_from_slice(&ready[..taken]);
        let over = end.is_some() || taken == 0;
        from.consume(taken);
        if over {
            let line = Secret::new(line);
            return if line.expose().is_empty() { Err(TypedFault::BrokenOff) } else { Ok(line) };
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let mut hidden = shown.clone();
        // A signal would end us and leave the terminal mute; so Ctrl-C is typed like any other, and ends the line.
        hidden.local_modes &= !(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _mended = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

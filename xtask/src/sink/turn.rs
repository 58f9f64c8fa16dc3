//! How a relay turns on a sender in the middle of an edition: what an outlet meets whose account is suspended.
//!
//! After so many messages everything is different, on open connections and on new ones, until the sink ends.

use super::script::Share;
use clap::ValueEnum;
use mail::smtp::server::Answer;
use mail::smtp::{Enhanced, Reply};

/// What it does once it has turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Turn {
    /// It knows our password no more (535), and closes what is open with 421.
    Login,
    /// It refuses our sender at MAIL with 550 5.7.1.
    Sender,
    /// It refuses every recipient at RCPT with 554 5.7.1: relay access denied.
    Recipient,
    /// It turns connections away with 421, and closes what is open.
    Door,
    /// It answers nothing any more. What had come whole is kept or lost.
    Silence,
    /// It resets every connection. What had come whole is kept.
    Reset,
}

/// A step of the dialogue at which a relay may turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The banner.
    Connect,
    /// A login.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
}

impl Turn {
    /// All of them, in the order of a table.
    pub const EVERY: [Turn; 6] = [Turn::Login, Turn::Sender, Turn::Recipient, Turn::Door, Turn::Silence, Turn::Reset];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Turn::Login => "login",
            Turn::Sender => "sender",
            Turn::Recipient => "recipient",
            Turn::Door => "door",
            Turn::Silence => "silence",
            Turn::Reset => "reset",
        }
    }

    /// Whether every answer is given, so that nobody may be left in doubt.
    pub fn is_clean(self) -> bool {
        !matches!(self, Turn::Silence | Turn::Reset)
    }

    /// What it answers at a step, if it spoils that one.
    pub fn answer(self, step: Step) -> Option<Answer> {
        match (self, step) {
            (Turn::Door, Step::Connect) => Some(Answer::Last(CLOSING)),
            (Turn::Login | Turn::Door, Step::Mail) => Some(Answer::Last(CLOSING)),
            (Turn::Login, Step::Auth) => Some(Answer::Reply(REFUSED)),
            (Turn::Sender, Step::Mail) => Some(Answer::Reply(SUSPENDED)),
            (Turn::Recipient, Step::Rcpt) => Some(Answer::Reply(DENIED)),
            _ => None,
        }
    }
}

const CLOSING: Reply = Reply::new(421, Enhanced::new(4, 3, 2), "closing");
const REFUSED: Reply = Reply::new(535, Enhanced::new(5, 7, 8), "authentication failed");
const SUSPENDED: Reply = Reply::new(550, Enhanced::new(5, 7, 1), "your account is suspended");
const DENIED: Reply = Reply::new(554, Enhanced::new(5, 7, 1), "relay access denied");

/// Of the copies that had come whole when it fell silent, so many are lost.
pub fn lost_in_silence() -> Share {
    "1/2".parse().expect("a share")
}

//! The newsroom in one program: command line, configuration, wiring and supervision of the parts.
//!
//! The parts never call one another; here they are given the world, the store and the outlet, and set to work.

pub mod answer;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod dns;
pub mod hold;
pub mod house;
pub mod metrics;
pub mod morning;
pub mod newfile;
pub mod newsdesk;
pub mod notices;
pub mod office;
pub mod passphrase;
pub mod progress;
pub mod relay;
pub mod relay_url;
pub mod reminder;
pub mod report;
pub mod returning;
pub mod run;
mod saved;
pub mod settings;
pub mod typed;
pub mod ways;

use std::process::ExitCode;

use clap::Parser;

/// Exit code when the command was done.
pub const DONE: u8 = 0;
/// Exit code when it failed.
pub const FAILED: u8 = 1;
/// Exit code when it was called in a way that makes no sense (clap's own as well).
pub const WRONG_USAGE: u8 = 2;

/// The program: parses the command line, does what it says, answers, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            let code = if fault.use_stderr() { WRONG_USAGE } else { DONE };
            // When the terminal is gone there is nobody to tell.
            let _told = fault.print();
            return ExitCode::from(code);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(commands::run(cli.command))),
        Err(fault) => {
            answer::tell(format_args!(
                "Coranto cannot start its threads: {fault}.\nNothing was done.\nRaise the limits of this user."
            ));
            ExitCode::from(FAILED)
        }
    }
}

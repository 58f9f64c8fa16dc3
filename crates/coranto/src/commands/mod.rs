//! What each command does. Each gives an [`Answer`] or a [`Problem`].

mod article;
mod backup;
mod block;
mod bounce;
pub mod demo;
mod doctor;
mod doubt;
pub mod edition;
mod export;
mod gather;
pub mod held;
mod init;
mod line_up;
mod member;
mod proof;
mod read;
mod readers;
mod relay;
mod release;
mod restore;
mod run;
mod settings;
mod source;
pub mod under_way;

use newsroom::Problem;

use crate::answer::{Answer, print_problem};
use crate::cli::{Command, Common};
use crate::config::Config;
use crate::house::House;
use crate::{DONE, FAILED};

/// Does what the command line says; gives the exit code.
pub async fn run(command: Command) -> u8 {
    let json = wants_json(&command);
    match done(command).await.and_then(|answer| answer.print(json)) {
        Ok(()) => DONE,
        Err(problem) => {
            print_problem(&problem, json);
            FAILED
        }
    }
}

fn wants_json(command: &Command) -> bool {
    match command {
        Command::Demo(of) => of.json,
        Command::Init(of) => of.json,
        Command::Read(of) => of.json,
        Command::Bounce(of) => of.common.json,
        Command::Bounces(of) => of.common().json,
        Command::Run(of) => of.common.json,
        Command::Doctor(of) => of.common.json,
        Command::Gather(of) => of.common.json,
        Command::Settings(of) => of.common.json,
        Command::Export(of) => of.common.json,
        Command::Backup(of) => of.common.json,
        Command::Restore(of) => of.json,
        Command::Release(of) => of.common.json,
        Command::Readers(of) => of.common().json,
        Command::Source(of) => of.common().json,
        Command::Article(of) => of.common().json,
        Command::Item(of) => of.common().json,
        Command::LineUp(of) => of.common().json,
        Command::Envelope(of) => of.common.json,
        Command::Block(of) => of.common().json,
        Command::Edition(of) => of.common().json,
        Command::Member(of) => of.common().json,
        Command::Relay(of) => of.common().json,
        Command::Doubt(of) => of.common().json,
    }
}

async fn done(command: Command) -> Result<Answer, Problem> {
    match command {
        Command::Demo(of) => demo::run(of).await,
        Command::Init(of) => init::run(of).await,
        Command::Run(of) => run::run(of.common).await,
        Command::Source(of) => source::run(of).await,
        Command::Gather(of) => gather::run(of.common).await,
        Command::Article(of) => article::run(of).await,
        Command::Item(of) => line_up::item(of).await,
        Command::LineUp(of) => line_up::run(of).await,
        Command::Envelope(of) => line_up::envelope(of).await,
        Command::Block(of) => block::run(of).await,
        Command::Edition(of) => edition::run(of).await,
        Command::Readers(of) => readers::run(of).await,
        Command::Member(of) => member::run(of).await,
        Command::Relay(of) => relay::run(of).await,
        Command::Doubt(of) => doubt::run(of).await,
        Command::Settings(of) => settings::run(of).await,
        Command::Export(of) => export::run(of).await,
        Command::Backup(of) => backup::run(of).await,
        Command::Restore(of) => restore::run(of).await,
        Command::Release(of) => release::run(of).await,
        Command::Doctor(of) => doctor::run(of).await,
        Command::Read(of) => read::run(&of),
        Command::Bounce(of) => bounce::run(of).await,
        Command::Bounces(of) => bounce::all(of).await,
    }
}

/// Opens the newsroom a command is about, with its log on standard error.
async fn house(common: &Common) -> Result<House, Problem> {
    let config = Config::read(&common.data)?;
    start_log(&config.log);
    House::open(world(), config).await
}

/// The real world. Two processes on one database mint ids apart by their process numbers.
fn world() -> world::World {
    world::real::world((std::process::id() & 0x3ff) as u16)
}

/// Logs to standard error; where nobody reads a terminal, as JSON.
fn start_log(level: &str) {
    use std::io::IsTerminal;
    let level = level.parse().unwrap_or(tracing::Level::INFO);
    // A log that cannot be written has nobody to complain to: by itself it would panic.
    let log = tracing_subscriber::fmt().with_max_level(level).log_internal_errors(false).with_writer(std::io::stderr);
    // A second start in one process keeps the first log: nothing is lost by it.
    let _first = if std::io::stderr().is_terminal() {
        log.without_time().with_target(false).try_init()
    } else {
        log.json().try_init()
    };
}

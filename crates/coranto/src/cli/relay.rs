//! The command line's words for the ways out.

use clap::{Args, Subcommand};

use super::Common;

/// What can be set of a further relay.
#[derive(Debug, Default, Args)]
pub struct RelayFields {
    /// The host: its certificate must be for this name.
    #[arg(long)]
    pub host: Option<String>,
    /// The port: 587 with STARTTLS, 465 for TLS from the start.
    #[arg(long)]
    pub port: Option<String>,
    /// How the way there is encrypted: auto, starttls, implicit or none.
    #[arg(long)]
    pub tls: Option<String>,
    /// A PEM file of authorities to trust beside the web's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<String>,
    /// The name to log in with; empty for none.
    #[arg(long)]
    pub user: Option<String>,
    /// Read the password to log in with from standard input.
    #[arg(long)]
    pub password: bool,
    /// Its share beside the other relays; 0: only when no other can carry it.
    #[arg(long)]
    pub weight: Option<String>,
    /// How many connections at once.
    #[arg(long)]
    pub connections: Option<String>,
    /// How many messages over one connection.
    #[arg(long)]
    pub messages: Option<String>,
    /// Most messages in a second; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub per_second: Option<String>,
    /// Most messages in a minute; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub per_minute: Option<String>,
    /// Most messages in any 60 minutes; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub per_hour: Option<String>,
    /// Most messages in any 24 hours; 0 for no limit.
    #[arg(long, value_name = "N")]
    pub per_day: Option<String>,
    /// The name this host gives to it; the outlet's when empty.
    #[arg(long, value_name = "NAME")]
    pub ehlo: Option<String>,
    /// The address of this host that connections to it come from; the system's choice when empty.
    #[arg(long, value_name = "ADDR")]
    pub source: Option<String>,
}

impl RelayFields {
    /// What was set, by field.
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("host", &self.host),
            ("port", &self.port),
            ("tls", &self.tls),
            ("ca_file", &self.ca_file),
            ("user", &self.user),
            ("weight", &self.weight),
            ("connections", &self.connections),
            ("messages", &self.messages),
            ("per_second", &self.per_second),
            ("per_minute", &self.per_minute),
            ("per_hour", &self.per_hour),
            ("per_day", &self.per_day),
            ("ehlo", &self.ehlo),
            ("source", &self.source),
        ];
        fields.into_iter().filter_map(|(name, value)| value.as_deref().map(|value| (name, value))).collect()
    }
}

/// A relay by its name.
#[derive(Debug, Args)]
pub struct NamedRelay {
    /// Its name: `coranto relay list` shows it; `main` is the one of the settings.
    pub name: String,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// A further relay, and what is set of it.
#[derive(Debug, Args)]
pub struct SetRelay {
    /// Its name, for the desk and the ledger.
    pub name: String,
    /// What is set.
    #[command(flatten)]
    pub fields: RelayFields,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// A plan for a new way's first days.
#[derive(Debug, Args)]
pub struct WarmRelay {
    /// Its name: `coranto relay list` shows it; `main` is the one of the settings.
    pub name: String,
    /// The plan's first day, as 2026-12-01; today when it is not named.
    #[arg(long, value_name = "DATE")]
    pub start: Option<String>,
    /// A file with the most copies of each day, the first one first: numbers parted by spaces or lines.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["default", "off"])]
    pub plan: Option<std::path::PathBuf>,
    /// The usual plan: 50, 100, 500, 1,000 copies and so on, for two weeks.
    #[arg(long, conflicts_with = "off")]
    pub default: bool,
    /// End the plan: the way carries as much as its caps let it.
    #[arg(long, conflicts_with = "start")]
    pub off: bool,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto relay`.
#[derive(Debug, Subcommand)]
pub enum Relay {
    /// Show every relay, how each is doing, and what it carried today.
    #[command(after_help = "Example: coranto relay list --json")]
    List(super::Plain),
    /// Add a relay beside the one of the settings.
    #[command(
        after_help = "Example: coranto relay add backup --host smtp.b.example --port 587 --user courier --password < file"
    )]
    Add(Box<SetRelay>),
    /// Change a further relay. The one of the settings is changed with `coranto settings relay.…`.
    #[command(after_help = "Example: coranto relay change backup --weight 5 --per-hour 2000")]
    Change(Box<SetRelay>),
    /// Let a relay rest: what it has not taken goes by the others, or waits.
    #[command(after_help = "Example: coranto relay rest main")]
    Rest(NamedRelay),
    /// Let a relay carry mail again.
    #[command(after_help = "Example: coranto relay use main")]
    Use(NamedRelay),
    /// Open a connection to a relay, greet and log in. No mail is sent.
    #[command(after_help = "Example: coranto relay try backup")]
    Try(NamedRelay),
    /// Let a new way carry little at first, and more each day: receivers judge an address they do not know by how it begins.
    #[command(
        after_help = "Examples: coranto relay warm backup --default\n          coranto relay warm backup --start 2026-12-01 --plan days.txt\n          coranto relay warm backup --off"
    )]
    Warm(WarmRelay),
    /// Take a further relay away. What it carried stays in the ledger under its name.
    #[command(after_help = "Example: coranto relay remove backup")]
    Remove(NamedRelay),
}

impl Relay {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Add(of) | Self::Change(of) => &of.common,
            Self::Warm(of) => &of.common,
            Self::Rest(of) | Self::Use(of) | Self::Try(of) | Self::Remove(of) => &of.common,
        }
    }
}

//! The command line's words for readers in doubt, and for an edition's proof.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use newsroom::{EditionId, ReaderId};

use super::{Common, OneEdition};

/// Which readers in doubt.
#[derive(Debug, Args)]
pub struct Doubtful {
    /// The reader's id, as `coranto doubt list` shows it.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub reader: Option<ReaderId>,
    /// Everyone of the edition whose doubt nobody has ended.
    #[arg(long)]
    pub all: bool,
    /// The edition's id; the latest when not given.
    #[arg(long, value_name = "ID")]
    pub edition: Option<EditionId>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto doubt`.
#[derive(Debug, Subcommand)]
pub enum Doubt {
    /// Everyone who was ever in doubt in an edition, by id: since when, why, what is known, and how it ended.
    #[command(after_help = "Example: coranto doubt list --json")]
    List(OneEdition),
    /// Send the copy once more, the same as it was, under the same Message-ID: once and never again.
    #[command(after_help = "Example: coranto doubt resend --all")]
    Resend(Doubtful),
    /// Do not send the copy again, also not by the policy.
    #[command(after_help = "Example: coranto doubt hold 7123456789")]
    Hold(Doubtful),
    /// The copy was taken: the relay's own log shows it. It is not sent again.
    #[command(after_help = "Example: coranto doubt taken 7123456789")]
    Taken(Doubtful),
}

impl Doubt {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Resend(of) | Self::Hold(of) | Self::Taken(of) => &of.common,
        }
    }
}

/// How a proof is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProofFormat {
    /// A table for a spreadsheet.
    Csv,
    /// One JSON document.
    Json,
}

/// `coranto edition proof`.
#[derive(Debug, Args)]
pub struct Proof {
    /// The edition's id; the latest when not given.
    pub id: Option<EditionId>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ProofFormat,
    /// Write it into this new file; without it, to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

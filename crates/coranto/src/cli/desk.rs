//! The command line's words for the desk: the line-up, the envelope, house blocks, and what is done to an edition that is
//! on its way.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use newsroom::{ArticleId, BlockId, BlockKind, BlockPlace, EditionId, ItemId, LineUpChange, Policy};

use super::Common;

/// One of a few names, for clap.
fn named<T: Copy>(every: &[T], name: fn(T) -> &'static str, typed: &str) -> Result<T, String> {
    let names = || every.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
    every.iter().copied().find(|one| name(*one) == typed).ok_or_else(|| format!("one of {}", names()))
}

/// A policy by its name.
pub(super) fn policy(typed: &str) -> Result<Policy, String> {
    named(&Policy::EVERY, Policy::name, typed)
}

fn kind(typed: &str) -> Result<BlockKind, String> {
    named(&BlockKind::EVERY, BlockKind::name, typed)
}

fn place(typed: &str) -> Result<BlockPlace, String> {
    named(&BlockPlace::EVERY, BlockPlace::name, typed)
}

/// An article of the line-up.
#[derive(Debug, Args)]
pub struct LinedUpArticle {
    /// The article's id: `coranto line-up list` shows it.
    pub article: ArticleId,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto line-up`.
#[derive(Debug, Subcommand)]
pub enum LineUp {
    /// Show the next edition's line-up, and what was published since the last edition beside it.
    #[command(after_help = "Example: coranto line-up list --json")]
    List(super::Plain),
    /// Line up a published article, or an item of a watched source with --item.
    #[command(after_help = "Example: coranto line-up add 7123456789\n         coranto line-up add --item 7123456790")]
    Add {
        /// The article's id.
        #[arg(required_unless_present = "item")]
        article: Option<ArticleId>,
        /// An item of a watched source: it becomes a card with its headline, credit, a short excerpt and a link.
        #[arg(long, value_name = "ID", conflicts_with = "article")]
        item: Option<ItemId>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// Take a story out of the line-up.
    #[command(after_help = "Example: coranto line-up out 7123456789")]
    Out(LinedUpArticle),
    /// Move a story one place up.
    #[command(after_help = "Example: coranto line-up up 7123456789")]
    Up(LinedUpArticle),
    /// Move a story one place down.
    #[command(after_help = "Example: coranto line-up down 7123456789")]
    Down(LinedUpArticle),
    /// Make a story the lead.
    #[command(after_help = "Example: coranto line-up lead 7123456789")]
    Lead(LinedUpArticle),
    /// Keep a story for the editions after the next one too.
    #[command(after_help = "Example: coranto line-up pin 7123456789")]
    Pin(LinedUpArticle),
    /// Let a pinned story go with the next edition.
    #[command(after_help = "Example: coranto line-up unpin 7123456789")]
    Unpin(LinedUpArticle),
}

impl LineUp {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Add { common, .. } => common,
            Self::Out(of) | Self::Up(of) | Self::Down(of) | Self::Lead(of) | Self::Pin(of) | Self::Unpin(of) => {
                &of.common
            }
        }
    }

    /// The change that it asks for, when it is one of an article.
    pub fn change(&self) -> Option<LineUpChange> {
        Some(match self {
            Self::Add { article: Some(article), .. } => LineUpChange::Add(*article),
            Self::Out(of) => LineUpChange::Out(of.article),
            Self::Up(of) => LineUpChange::Up(of.article),
            Self::Down(of) => LineUpChange::Down(of.article),
            Self::Lead(of) => LineUpChange::Lead(of.article),
            Self::Pin(of) => LineUpChange::Pin(of.article),
            Self::Unpin(of) => LineUpChange::Unpin(of.article),
            Self::List(_) | Self::Add { .. } => return None,
        })
    }
}

/// `coranto item`.
#[derive(Debug, Subcommand)]
pub enum Item {
    /// Items of watched sources that nobody has lined up or dismissed, the newest first.
    #[command(after_help = "Example: coranto item list --json")]
    List(super::Plain),
    /// Pass an item over.
    #[command(after_help = "Example: coranto item dismiss 7123456790")]
    Dismiss {
        /// The item's id.
        id: ItemId,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
}

impl Item {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Dismiss { common, .. } => common,
        }
    }
}

/// `coranto envelope`.
#[derive(Debug, Args)]
pub struct Envelope {
    /// The subject; '' for the lead's headline.
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,
    /// What inboxes show beside the subject; '' for the next headlines.
    #[arg(long, value_name = "TEXT")]
    pub preview: Option<String>,
    /// A short note to the readers, plain text; '' for none.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Who signs the note.
    #[arg(long, value_name = "NAME")]
    pub signed: Option<String>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto block`.
#[derive(Debug, Subcommand)]
pub enum Block {
    /// Add an appeal, an event or a sponsor.
    #[command(
        after_help = "Example: coranto block add appeal --title 'Keep us at the quay' --text 'Three hundred readers pay for this mail.' --link https://courier.example/give --words Give --days 14"
    )]
    Add(Box<NewBlock>),
    /// List the blocks, past ones too.
    #[command(after_help = "Example: coranto block list --json")]
    List(super::Plain),
    /// Take a block away.
    #[command(after_help = "Example: coranto block remove 7123456789")]
    Remove {
        /// The block's id.
        id: BlockId,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
}

/// A block to be added.
#[derive(Debug, Args)]
pub struct NewBlock {
    /// appeal, event or sponsor.
    #[arg(value_parser = kind)]
    pub kind: BlockKind,
    /// mail, site or both.
    #[arg(long, default_value = "both", value_parser = place)]
    pub place: BlockPlace,
    /// Its headline; for a sponsor, who pays.
    #[arg(long)]
    pub title: String,
    /// A few sentences.
    #[arg(long)]
    pub text: String,
    /// The one address it leads to.
    #[arg(long, value_name = "URL")]
    pub link: String,
    /// The words of the link.
    #[arg(long)]
    pub words: String,
    /// The first day, in the outlet's time zone; today when not given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<jiff::civil::Date>,
    /// How many days it stands.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

impl Block {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::Add(new) => &new.common,
            Self::List(of) => &of.common,
            Self::Remove { common, .. } => common,
        }
    }
}

/// An edition by its id.
#[derive(Debug, Args)]
pub struct OneEdition {
    /// The edition's id; the latest when not given.
    pub id: Option<EditionId>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// An edition and an article of it.
#[derive(Debug, Args)]
pub struct EditionArticle {
    /// The edition's id; the latest when not given.
    pub id: Option<EditionId>,
    /// The article.
    #[arg(long, value_name = "ID")]
    pub article: ArticleId,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// Which readers a preview or a test copy is for.
#[derive(Clone, Debug, Args)]
pub struct Cohort {
    /// Slugs of their topics, separated by commas; all when not given.
    #[arg(long, value_delimiter = ',', value_name = "SLUG")]
    pub topics: Vec<String>,
    /// They read text alone.
    #[arg(long)]
    pub text: bool,
    /// A new reader, who has seen nothing; one who has seen every earlier edition when not given.
    #[arg(long)]
    pub new: bool,
}

/// `coranto edition preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// Which readers.
    #[command(flatten)]
    pub cohort: Cohort,
    /// Write the mail's HTML and text into this folder: preview.html, preview.txt.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto edition test`.
#[derive(Debug, Args)]
pub struct TestCopy {
    /// The address.
    pub address: String,
    /// Which readers' mail.
    #[command(flatten)]
    pub cohort: Cohort,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

//! The command line. Names that stay: scripts and handbooks rely on them.

mod desk;
mod doubt;
mod relay;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use desk::{
    Block, Cohort, EditionArticle, Envelope, Item, LineUp, LinedUpArticle, NewBlock, OneEdition, Preview, TestCopy,
};
pub use doubt::{Doubt, Doubtful, Proof, ProofFormat};
pub use relay::{NamedRelay, Relay, RelayFields, SetRelay, WarmRelay};

/// An independent outlet's own way to its readers.
#[derive(Debug, Parser)]
#[command(name = "coranto", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which newsroom, and how to answer.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The newsroom's folder.
    #[arg(long, default_value = ".", global = true, value_name = "DIR")]
    pub data: PathBuf,
    /// Answer with one JSON document on standard output.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a newsroom's whole morning on this machine: no set-up, no network.
    #[command(after_help = "Example: coranto demo --readers 1000 --once")]
    Demo(Demo),
    /// Found a newsroom in a folder: its settings file, its keys, its database. On a terminal it asks five questions.
    #[command(after_help = "Example: coranto init /srv/courier --name 'The Courier' --site https://courier.example")]
    Init(Init),
    /// Run the newsroom: serve its site, gather, take sign-ups, send its mail.
    #[command(after_help = "Example: coranto run --data /srv/courier")]
    Run(Plain),
    /// The sources that the newsroom reads.
    #[command(
        subcommand,
        after_help = "Example: coranto source add https://partner.example/feed.xml --data /srv/courier"
    )]
    Source(Source),
    /// Read the sources and publish what is new.
    #[command(after_help = "Example: coranto gather --once --data /srv/courier")]
    Gather(Gather),
    /// The newsroom's articles.
    #[command(subcommand, after_help = "Example: coranto article import saved-page.html --data /srv/courier")]
    Article(Article),
    /// Items of sources that are only watched.
    #[command(subcommand, after_help = "Example: coranto item list --data /srv/courier")]
    Item(Item),
    /// The stories of the next edition, and their order.
    #[command(subcommand, after_help = "Example: coranto line-up list --data /srv/courier")]
    LineUp(LineUp),
    /// The next edition's subject, preview text and note: show them, or write them.
    #[command(
        after_help = "Example: coranto envelope --subject 'The harbour opens' --note 'Good morning.' --signed Ana"
    )]
    Envelope(Envelope),
    /// The outlet's own appeals, events and sponsors, in its mail and on its site.
    #[command(subcommand, after_help = "Example: coranto block list --data /srv/courier")]
    Block(Block),
    /// The newsletter's editions.
    #[command(
        subcommand,
        after_help = "Example: coranto edition cut --data /srv/courier && coranto edition send --data /srv/courier"
    )]
    Edition(Edition),
    /// The newsletter's readers.
    #[command(subcommand, after_help = "Example: coranto readers count --json --data /srv/courier")]
    Readers(Readers),
    /// Who works at the desk.
    #[command(
        subcommand,
        after_help = "Example: coranto member add 'Ana Sol' --address ana@courier.example --data /srv/courier"
    )]
    Member(Member),
    /// The relays that carry the mail: how each is doing, and further ones beside the settings' own.
    #[command(subcommand, after_help = "Example: coranto relay list --data /srv/courier")]
    Relay(Relay),
    /// Readers whose copy was sent and whose answer was lost: listed for good; sent once more, held, or taken as arrived.
    #[command(subcommand, after_help = "Example: coranto doubt list --data /srv/courier")]
    Doubt(Doubt),
    /// List the settings, or change one.
    #[command(after_help = "Example: coranto settings outlet.name 'The Courier' --data /srv/courier")]
    Settings(SettingsArgs),
    /// Write the whole site as plain files.
    #[command(after_help = "Example: coranto export /tmp/courier-site --data /srv/courier")]
    Export(Export),
    /// Put the whole newsroom, keys and all, into one file under a passphrase. It may run and send meanwhile.
    #[command(after_help = "Example: coranto backup courier-2026-03-01.age --data /srv/courier")]
    Backup(Backup),
    /// Bring a newsroom back from its backup, into an empty folder. It sends nothing until it is released.
    #[command(
        after_help = "Example: coranto restore courier-2026-03-01.age /srv/courier --site https://courier.example"
    )]
    Restore(Restore),
    /// Let a restored or copied newsroom send again, when no other copy of it runs any more.
    #[command(after_help = "Example: coranto release --served 2026-03-02 --data /srv/courier")]
    Release(Release),
    /// Check the newsroom: settings, keys, database, relay, and what to do about each fault.
    #[command(after_help = "Example: coranto doctor --resolver 9.9.9.9 --data /srv/courier")]
    Doctor(Doctor),
    /// What Coranto makes of a saved page or a text: title, credit, text, summary. Nothing is stored.
    #[command(after_help = "Example: coranto read page.html --url https://outlet.example/story --json")]
    Read(Read),
    /// What a message that came back says: whom it is about, why, and whether for good.
    #[command(after_help = "Example: coranto bounce returned.eml --json")]
    Bounce(Bounce),
    /// What came back, and what waits for a person.
    #[command(subcommand, after_help = "Example: coranto bounces held --data /srv/courier")]
    Bounces(Bounces),
}

/// A command that takes nothing but the newsroom.
#[derive(Debug, Args)]
pub struct Plain {
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Ask this resolver for the DNS records, by its address; the system's own when not given.
    #[arg(long, value_name = "ADDR")]
    pub resolver: Option<String>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the demo's newsroom lives; the same folder resumes. A fresh temporary folder when not given.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL instead of a SQLite file in the folder: postgres://user@host/name
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// How many readers sign up.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub readers: u32,
    /// Where the site is served; any free port when that one is taken and none was named.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Also read this feed, OPML list or saved page. May be given several times.
    #[arg(long, value_name = "URL|FILE")]
    pub source: Vec<String>,
    /// End when the edition is settled, and print the report.
    #[arg(long)]
    pub once: bool,
    /// The report as one JSON document on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `coranto init`. Any of the flags that answer a question, or `--yes`, keeps it from asking.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder.
    pub dir: PathBuf,
    /// The outlet's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The site's address.
    #[arg(long, value_name = "URL")]
    pub site: Option<String>,
    /// The address that mail comes from; its domain signs the mail. news@ the site's host when not given.
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The relay that carries the mail: smtp://HOST:PORT, submission://NAME@HOST:PORT or smtps://NAME@HOST:PORT. The
    /// password that belongs to NAME is asked for, or read from CORANTO_RELAY_PASSWORD or --relay-password-file.
    #[arg(long, value_name = "URL")]
    pub relay: Option<String>,
    /// The relay's password is the first line of this file.
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub relay_password_file: Option<PathBuf>,
    /// Where the outlet can be written to; the law asks for it in every mail.
    #[arg(long, value_name = "ADDRESS")]
    pub postal_address: Option<String>,
    /// The outlet's time zone, like Europe/Lisbon; this machine's when not given.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Ask nothing: what is not given takes its default.
    #[arg(long)]
    pub yes: bool,
    /// PostgreSQL instead of a SQLite file: postgres://user@host/name
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Answer with one JSON document on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `coranto source`.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// Add a feed, or all feeds of an OPML file.
    #[command(after_help = "Example: coranto source add https://partner.example/feed.xml")]
    Add {
        /// The feed's address, or an OPML file.
        source: String,
        /// What may be done with what it publishes. ours: it is our own site, what is new is lined up by itself and leads
        /// there; partner: it is republished whole, with credit; watch: it is only read, and an editor may line items up.
        #[arg(long, default_value = "partner", value_parser = desk::policy)]
        policy: newsroom::Policy,
        /// The licence that a partner's articles are republished under, where their pages name none.
        #[arg(long, value_name = "URL")]
        licence: Option<String>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// List the sources and how each has been doing.
    #[command(after_help = "Example: coranto source list --json")]
    List(Plain),
    /// Change what may be done with what a source publishes from now on.
    #[command(after_help = "Example: coranto source policy 7123456789 watch")]
    Policy {
        /// The source's id.
        id: newsroom::SourceId,
        /// ours, partner or watch.
        #[arg(value_parser = desk::policy)]
        policy: newsroom::Policy,
        /// The licence that a partner's articles are republished under, where their pages name none.
        #[arg(long, value_name = "URL")]
        licence: Option<String>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// Remove a source; its articles stay.
    #[command(after_help = "Example: coranto source remove 7123456789")]
    Remove {
        /// The source's id.
        id: newsroom::SourceId,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
}

/// `coranto gather`.
#[derive(Debug, Args)]
pub struct Gather {
    /// Once, every source; without it, `coranto run` gathers by itself.
    #[arg(long, required = true)]
    pub once: bool,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto article`.
#[derive(Debug, Subcommand)]
pub enum Article {
    /// Correct the headline of a published article, at once, here and on the site.
    #[command(after_help = "Example: coranto article retitle 7123456789 'The harbour opens at last'")]
    Retitle {
        /// The article's id.
        id: newsroom::ArticleId,
        /// The new headline.
        title: String,
        /// A new standfirst as well.
        #[arg(long, value_name = "TEXT")]
        standfirst: Option<String>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// Publish a page from its address, or a saved one.
    #[command(after_help = "Example: coranto article import https://partner.example/2026/strike")]
    Import {
        /// The page.
        page: String,
        /// The address it was saved from.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
}

impl Article {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::Import { common, .. } | Self::Retitle { common, .. } => common,
        }
    }
}

impl Source {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Add { common, .. } | Self::Policy { common, .. } | Self::Remove { common, .. } => common,
        }
    }
}

impl Edition {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::Cut { common, .. } | Self::Send { common, .. } | Self::Report { common, .. } => common,
            Self::Route { common, .. } | Self::Release { common, .. } => common,
            Self::Held(of) | Self::Turns(of) => &of.common,
            Self::Preview(of) => &of.common,
            Self::Test(of) => &of.common,
            Self::Pause(of) | Self::Resume(of) | Self::Cancel(of) => &of.common,
            Self::Correct(of) | Self::Who(of) => &of.common,
            Self::Proof(of) => &of.common,
        }
    }
}

/// `coranto edition`.
#[derive(Debug, Subcommand)]
pub enum Edition {
    /// Freeze the audience and the line-up of today's edition. Nothing is sent yet.
    #[command(after_help = "Example: coranto edition cut")]
    Cut {
        /// The readers' local date; today in the outlet's time zone when not given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<jiff::civil::Date>,
        /// A breaking edition, for the readers who want nothing else.
        #[arg(long)]
        breaking: bool,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// Send an edition that was cut, and wait until every reader of it is accounted for.
    #[command(after_help = "Example: coranto edition send")]
    Send {
        /// The edition's id; the latest when not given.
        id: Option<newsroom::EditionId>,
        /// Hand it over and do not wait. Needs a running `coranto run`.
        #[arg(long)]
        no_wait: bool,
        /// Let its copies be on their way for so many hours from now, when the relays' caps need them.
        #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(i64).range(1..=168))]
        lives_h: Option<i64>,
        /// Accept that so many readers do not get it, because the relays' caps do not carry it in time.
        #[arg(long, value_name = "READERS", conflicts_with = "lives_h", value_parser = clap::value_parser!(i64).range(0..))]
        accept_shortfall: Option<i64>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// Whether the relays' caps carry an edition before it expires.
    #[command(after_help = "Example: coranto edition route --json")]
    Route {
        /// The edition's id; the latest when not given, or the next one when that has left.
        id: Option<newsroom::EditionId>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// The editions that do not leave by themselves: held because their hour is long past, or waiting for a person's word.
    #[command(after_help = "Example: coranto edition held")]
    Held(Plain),
    /// Give the word for an edition that is held or waits: it leaves now. With --drop it does not leave at all.
    #[command(after_help = "Example: coranto edition release daily-2026-11-24")]
    Release {
        /// Which, as `coranto edition held` names it. Given before its hour, the edition leaves at its hour.
        id: String,
        /// Let it go: its readers get what was in it with their next edition.
        #[arg(long)]
        drop: bool,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// What became of the latest turns: when which readers' edition left, or why it did not.
    #[command(after_help = "Example: coranto edition turns --json")]
    Turns(Plain),
    /// Show the mail that readers would get if the edition were cut now. Nothing is stored.
    #[command(after_help = "Example: coranto edition preview --topics harbour,water --out /tmp/preview")]
    Preview(Preview),
    /// Send that mail to an address, as a test: it is no delivery, and nothing counts as read.
    #[command(after_help = "Example: coranto edition test ana@courier.example")]
    Test(TestCopy),
    /// Stop an edition that is on its way: no further copy starts.
    #[command(after_help = "Example: coranto edition pause")]
    Pause(OneEdition),
    /// Let a paused edition go on.
    #[command(after_help = "Example: coranto edition resume")]
    Resume(OneEdition),
    /// End an edition: what has not left stays here for good.
    #[command(after_help = "Example: coranto edition cancel")]
    Cancel(OneEdition),
    /// Give the copies of a paused edition that have not left an article as it stands now.
    #[command(after_help = "Example: coranto edition correct --article 7123456789")]
    Correct(EditionArticle),
    /// Who was sent an article, and which revision of it: counts and readers' ids, never an address.
    #[command(after_help = "Example: coranto edition who --article 7123456789 --json")]
    Who(EditionArticle),
    /// One line for each reader of an edition: state, when, by which relay, what was answered. Readers' ids, never an address.
    #[command(after_help = "Example: coranto edition proof --format csv --out proof.csv")]
    Proof(Proof),
    /// Where every reader of an edition stands.
    #[command(after_help = "Example: coranto edition report --json")]
    Report {
        /// The edition's id; the latest when not given.
        id: Option<newsroom::EditionId>,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
}

impl Readers {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::Count(of) => &of.common,
            Self::Import(of) => &of.common,
            Self::Export(of) => &of.common,
        }
    }
}

/// `coranto readers`.
#[derive(Debug, Subcommand)]
pub enum Readers {
    /// How many readers there are, and where they stand.
    #[command(after_help = "Example: coranto readers count --json")]
    Count(Plain),
    /// Bring a list: Mailchimp's export files, a CSV with a column of addresses, or an age file of `readers export`.
    /// Says what would happen; with --apply it does.
    #[command(
        after_help = "Example: coranto readers import subscribed_*.csv unsubscribed_*.csv cleaned_*.csv --refused refused.csv"
    )]
    Import(Import),
    /// Take the whole list away, sealed: an age file for keys (--to) or under a passphrase.
    #[command(after_help = "Example: coranto readers export list.age --to age1… --data /srv/courier")]
    Export(ExportReaders),
}

/// `coranto readers export`.
#[derive(Debug, Args)]
pub struct ExportReaders {
    /// The file to write: a new one.
    pub file: PathBuf,
    /// Whose key opens it; may be given several times.
    #[arg(long, value_name = "age1…", conflicts_with = "passphrase_file")]
    pub to: Vec<String>,
    /// The passphrase is the first line of this file; without it and without --to it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto readers import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The files. Those of people who left are read first, whatever their order here.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Do it. Without this nothing is changed.
    #[arg(long)]
    pub apply: bool,
    /// What the files hold, when neither their columns nor their names say it.
    #[arg(long = "as", value_name = "KIND")]
    pub kind: Option<ListKind>,
    /// The topics that they get, by slug, parted by commas; all of them when not given.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub topics: Vec<String>,
    /// For an age file: the secret key that opens it is in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub identity: Option<PathBuf>,
    /// For an age file: the passphrase is the first line of this file; without it and without --identity it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Write every refused line, with its address, into this new file.
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// What a list says of the people in it.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum ListKind {
    /// They agreed to get mail.
    Subscribed,
    /// They ended it.
    Unsubscribed,
    /// Mail to them bounced.
    Cleaned,
}

/// `coranto member`.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// Let somebody in: prints a one-time link to the desk, where they choose a password.
    #[command(after_help = "Example: coranto member add 'Ana Sol' --address ana@courier.example")]
    Add {
        /// Their name.
        name: String,
        /// Their mail address; with it or with the name they sign in.
        #[arg(long, value_name = "ADDRESS")]
        address: String,
        /// May also change the settings and let members in. The first member always may.
        #[arg(long)]
        admin: bool,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// A new one-time link for a member who forgot their password or let the first one run out.
    #[command(after_help = "Example: coranto member invite ana@courier.example")]
    Invite {
        /// Their name or address.
        member: String,
        /// Which newsroom.
        #[command(flatten)]
        common: Common,
    },
    /// List the members.
    #[command(after_help = "Example: coranto member list --json")]
    List(Plain),
}

impl Member {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::List(of) => &of.common,
            Self::Add { common, .. } | Self::Invite { common, .. } => common,
        }
    }
}

/// `coranto settings`.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Which setting to change.
    pub name: Option<String>,
    /// Its new value. A password is read from standard input instead.
    pub value: Option<String>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The folder to write into: new or empty.
    pub dir: PathBuf,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write: a new one. With --verify, the file to read.
    pub file: PathBuf,
    /// Read a backup to its end and check every count and sum. Nothing is written.
    #[arg(long)]
    pub verify: bool,
    /// The passphrase is the first line of this file; without it, it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// The folder: new or empty.
    pub dir: PathBuf,
    /// The site's address from now on, when it is another than before.
    #[arg(long, value_name = "URL")]
    pub site: Option<String>,
    /// PostgreSQL instead of a SQLite file: postgres://user@host/name, an empty database.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// The passphrase is the first line of this file; without it, it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Answer with one JSON document on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `coranto release`.
#[derive(Debug, Args)]
pub struct Release {
    /// The date of the last edition that went out after the backup: nobody gets that one or an earlier one again.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub served: Option<jiff::civil::Date>,
    /// Which newsroom.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto read`.
#[derive(Debug, Args)]
pub struct Read {
    /// A saved page or a text file.
    pub file: PathBuf,
    /// The address it was saved from.
    #[arg(long, value_name = "URL")]
    pub url: Option<url::Url>,
    /// When it was published, if the page does not say.
    #[arg(long, value_name = "DATE")]
    pub published: Option<String>,
    /// One JSON document on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `coranto bounce`.
#[derive(Debug, Args)]
pub struct Bounce {
    /// The message, as it came over the wire, an mbox or a Maildir; - reads standard input.
    pub file: PathBuf,
    /// Do what it says: for a mailbox elsewhere. Once is enough, twice does no harm.
    #[arg(long)]
    pub apply: bool,
    /// Which newsroom: its keys say whether the message carries a mark of ours.
    #[command(flatten)]
    pub common: Common,
}

/// `coranto bounces`.
#[derive(Debug, Subcommand)]
pub enum Bounces {
    /// How much came back, by reason and by what came of it, and what was turned away.
    #[command(after_help = "Example: coranto bounces count --json")]
    Count(Plain),
    /// What waits for a person: one source would have ended more than a thousandth of the readers within an hour.
    #[command(after_help = "Example: coranto bounces held")]
    Held(Plain),
    /// Believe what is held: those readers are not written to any more.
    #[command(after_help = "Example: coranto bounces apply")]
    Apply(Plain),
    /// Do not believe what is held: those readers stay.
    #[command(after_help = "Example: coranto bounces drop")]
    Drop(Plain),
}

impl Bounces {
    /// Which newsroom, and how to answer.
    pub fn common(&self) -> &Common {
        match self {
            Self::Count(of) | Self::Held(of) | Self::Apply(of) | Self::Drop(of) => &of.common,
        }
    }
}

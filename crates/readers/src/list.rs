//! Lists of readers from elsewhere: what each line would do is said first, and done when asked for.
//!
//! | the list says | and here | then |
//! | --- | --- | --- |
//! | subscribed | nobody, or asked and not confirmed | active from now on, with the consent that the list tells of |
//! | subscribed | active | nothing |
//! | subscribed | left, or suppressed | kept out: no list brings anybody back |
//! | unsubscribed, cleaned | nobody | suppressed, by index alone: the address itself is not kept |
//! | unsubscribed, cleaned | active, and said yes here since | nothing: they came back by themselves |
//! | unsubscribed, cleaned | otherwise active or waiting | ended and suppressed |
//!
//! Lines are read, sealed and kept in batches, so that a list of any length takes the same room. Each batch is one
//! transaction: an import that was broken off is taken up by importing again, and importing again changes nothing. It
//! never writes an address to a log, never keeps a network address, and sends nothing.

pub mod chest;
mod table;
mod text;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use newsroom::{
    BOUNCED_ELSEWHERE, Consent, ConsentKind, EditionKind, Format, LEFT_ELSEWHERE, Ms, NewsletterId, ReaderId, SlotId,
    SubscriptionState, Suppression, Topics, WEEK_MS,
};
use store::lists::{self, Entry, Known, Listed};
use store::readers::{Line, SealedReader};
use store::{Read as Look, Store, Write};
use vault::Vault;
use world::World;

pub use table::Reason;
use table::{Table, TableLine};

/// How many lines are one transaction: some milliseconds of work for a writer that sending waits for too.
const BATCH: usize = 500;
/// How many different addresses one import may hold: they are remembered by index, in some 100 MB at most.
const ADDRESSES_MAX: usize = 2_000_000;
/// A file's name is kept with the consent, cut here.
const NAME_CHARS_MAX: usize = 80;

/// What a list says of the people in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They agreed to get mail.
    Subscribed,
    /// They ended it.
    Unsubscribed,
    /// Mail to them bounced.
    Cleaned,
}

impl Kind {
    /// Its name, as typed and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::Cleaned => "cleaned",
        }
    }

    /// What a file is by its name: Mailchimp calls them `subscribed_members_export_….csv` and so on.
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        [Self::Unsubscribed, Self::Cleaned, Self::Subscribed].into_iter().find(|kind| name.starts_with(kind.name()))
    }

    fn of_status(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "subscribed" | "active" | "confirmed" | "enabled" => Some(Self::Subscribed),
            "unsubscribed" | "unsub" | "opted out" | "opted-out" => Some(Self::Unsubscribed),
            "cleaned" | "bounced" | "complained" => Some(Self::Cleaned),
            _ => None,
        }
    }
}

/// Why a file is no list that could be read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It is something else: what.
    NoText(&'static str),
    /// It has no line.
    Empty,
    /// It has no column of addresses; these are the names of its first columns.
    NoColumn(Vec<String>),
    /// Several columns, and the first line holds an address where the names should be.
    NoHeading,
    /// Its name, its columns and what the person says do not agree.
    TwoKinds(Kind, Kind),
    /// The line of this number is longer than any line.
    LongLine(u64),
    /// The line of this number opens a quotation mark that is not closed.
    OpenQuote(u64),
    /// It holds more addresses than one import takes.
    TooMany,
    /// The disk said no.
    Disk(String),
}

impl From<std::io::Error> for Foreign {
    fn from(fault: std::io::Error) -> Self {
        Self::Disk(fault.to_string())
    }
}

/// Why an import stopped. What was kept before stands, and importing again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ListFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The file cannot be read on.
    #[error("the list cannot be read: {0:?}")]
    Foreign(Foreign),
    /// An address here does not open: the list would have a hole.
    #[error("the address of reader {0} does not open: {1}")]
    Vault(ReaderId, vault::VaultFault),
}

impl From<Foreign> for ListFault {
    fn from(fault: Foreign) -> Self {
        Self::Foreign(fault)
    }
}

/// What came of the lines of a list. [`Counts::lines`] is the sum of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines, without the one that names the columns.
    pub lines: u64,
    /// Readers who come in.
    pub new: u64,
    /// Lines that change nothing: it is so here already.
    pub here: u64,
    /// Addresses that arrive suppressed.
    pub suppressed: u64,
    /// Addresses that the list would bring back, and that stay out.
    pub kept_out: u64,
    /// Lines with an address of an earlier line.
    pub duplicates: u64,
    /// Lines that could not be taken.
    pub refused: u64,
}

impl Counts {
    /// The sum of all but `lines`: always the same number.
    pub fn sum(&self) -> u64 {
        self.new + self.here + self.suppressed + self.kept_out + self.duplicates + self.refused
    }

    /// Adds what came of another list.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.new += other.new;
        self.here += other.here;
        self.suppressed += other.suppressed;
        self.kept_out += other.kept_out;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
    }
}

/// A line that was refused. The address stands in it as typed: for the person's own file, never for a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where the line begins in its file, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// What stands where the address should be.
    pub typed: String,
}

/// Says nothing of the address.
impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// What every list of one import shares.
pub struct Import {
    /// The outside.
    pub world: World,
    /// The database.
    pub store: Store,
    /// What seals addresses.
    pub vault: Arc<Vault>,
    /// Which newsletter they are readers of.
    pub newsletter: NewsletterId,
    /// What they get, until they choose.
    pub topics: Topics,
    /// The language of their mails' own words.
    pub language: String,
    /// Whether it is done, or only said what would be.
    pub mode: Mode,
    seen: BTreeMap<[u8; 16], Kind>,
}

/// Whether an import is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is changed.
    Dry,
    /// Every batch is kept.
    Apply,
}

/// An opened list.
pub struct List {
    name: String,
    table: Table,
}

impl List {
    /// Opens a file's bytes. `name` is the file's, without its folder; `told` is what the person says that it is.
    ///
    /// # Errors
    /// [`Foreign`].
    pub fn open(file: Box<dyn Read + Send>, name: &str, told: Option<Kind>) -> Result<Self, Foreign> {
        let table = Table::open(file, name, told)?;
        let name = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        Ok(Self { name, table })
    }

    /// What the list says of the people in it.
    pub fn kind(&self) -> Kind {
        self.table.kind()
    }

    /// What wrote it.
    pub fn origin(&self) -> &'static str {
        self.table.origin()
    }
}

/// A line made ready for the store: sealed, its address gone.
struct Sealed {
    line: u64,
    kind: Kind,
    at: Option<Ms>,
    entry: Entry,
    log: i64,
    /// For the slot of their zone, should it be the first.
    slot: SlotId,
}

/// A line on its way.
enum Ready {
    Line(Box<Sealed>),
    Refused(Refusal),
}

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    ComesIn,
    IsHere,
    StaysOut,
    Leaves,
}

impl Import {
    /// An import into `newsletter`. Lists of those who left go first: then nobody comes in who left in the same go.
    pub fn new(
        world: &World,
        store: &Store,
        vault: &Arc<Vault>,
        newsletter: NewsletterId,
        language: &str,
        topics: Topics,
        mode: Mode,
    ) -> Self {
        let (world, store, vault, language) = (world.clone(), store.clone(), vault.clone(), language.to_owned());
        Self { world, store, vault, newsletter, topics, language, mode, seen: BTreeMap::new() }
    }

    /// Works through a list; `refused` hears of every line that is not taken.
    ///
    /// # Errors
    /// [`ListFault`].
    pub async fn take(&mut self, mut list: List, refused: &mut dyn FnMut(&Refusal)) -> Result<Counts, ListFault> {
        let (newsletter, now) = (self.newsletter, self.world.now());
        let seen_rank = self.store.read(move |tx| lists::next_from(tx, newsletter, now)).await?;
        let mut counts = Counts::default();
        loop {
            let ready;
            (list, ready) = self.read(list, seen_rank).await?;
            if ready.is_empty() {
                assert_eq!(counts.sum(), counts.lines, "every line is counted once");
                return Ok(counts);
            }
            counts.lines += ready.len() as u64;
            let mut batch = Vec::new();
            for one in ready {
                match one {
                    Ready::Refused(refusal) => {
                        counts.refused += 1;
                        refused(&refusal);
                    }
                    Ready::Line(line) => match self.repeats(&line)? {
                        Some(Deed::StaysOut) => counts.kept_out += 1,
                        Some(_) => counts.duplicates += 1,
                        None => batch.push(*line),
                    },
                }
            }
            self.keep(batch, &mut counts, refused).await?;
        }
    }

    /// Reads and seals a batch of lines, where it holds up nobody.
    async fn read(&self, mut list: List, seen_rank: i64) -> Result<(List, Vec<Ready>), Foreign> {
        let (world, vault, newsletter) = (self.world.clone(), self.vault.clone(), self.newsletter);
        let (topics, language) = (self.topics, self.language.clone());
        let work = move || {
            let sealer = Sealer { world, vault, newsletter, topics, language, seen_rank };
            let lines = list.table.lines(BATCH)?;
            let origin = list.table.origin();
            let ready = lines.into_iter().map(|line| sealer.seal(line, &list.name, origin)).collect();
            Ok((list, ready))
        };
        self.world.compute(work).await
    }

    /// What a line does whose address an earlier line had, if there was one.
    fn repeats(&mut self, line: &Sealed) -> Result<Option<Deed>, Foreign> {
        let index = index_of(&line.entry);
        if let Some(before) = self.seen.get_mut(&index) {
            return Ok(match (*before, line.kind) {
                (Kind::Unsubscribed | Kind::Cleaned, Kind::Subscribed) => Some(Deed::StaysOut),
                (Kind::Subscribed, Kind::Unsubscribed | Kind::Cleaned) => {
                    *before = line.kind;
                    None
                }
                _ => Some(Deed::IsHere),
            });
        }
        if self.seen.len() == ADDRESSES_MAX {
            return Err(Foreign::TooMany);
        }
        self.seen.insert(index, line.kind);
        Ok(None)
    }

    async fn keep(
        &self,
        batch: Vec<Sealed>,
        counts: &mut Counts,
        refused: &mut dyn FnMut(&Refusal),
    ) -> Result<(), ListFault> {
        let newsletter = self.newsletter;
        let deeds = match self.mode {
            Mode::Dry => {
                let look =
                    move |tx: &Look<'_>| batch.iter().map(|l| Ok((l.line, weigh(tx, newsletter, l)?.1))).collect();
                self.store.read(look).await?
            }
            Mode::Apply => {
                let now = self.world.now();
                let work =
                    move |tx: &Write<'_>| batch.iter().map(|l| Ok((l.line, apply(tx, newsletter, l, now)?))).collect();
                self.store.write(work).await?
            }
        };
        let deeds: Vec<(u64, Option<Deed>)> = deeds;
        for (line, deed) in deeds {
            match deed {
                Some(Deed::ComesIn) => counts.new += 1,
                Some(Deed::IsHere) => counts.here += 1,
                Some(Deed::StaysOut) => counts.kept_out += 1,
                Some(Deed::Leaves) => counts.suppressed += 1,
                None => {
                    counts.refused += 1;
                    refused(&Refusal { line, reason: Reason::Taken, typed: String::new() });
                }
            }
        }
        Ok(())
    }
}

fn index_of(entry: &Entry) -> [u8; 16] {
    entry.reader.index.as_slice().try_into().expect("the vault's indexes have 16 bytes")
}

/// What a line meets here, and what it does. None: its reader's id is another's, which 51 random bits rule out.
fn weigh(tx: &Look<'_>, newsletter: NewsletterId, line: &Sealed) -> store::Result<(Known, Option<Deed>)> {
    let known = lists::known(tx, newsletter, &line.entry.reader.index)?;
    let deed = decide(&known, line.kind, line.at);
    let clash = deed == Deed::ComesIn && known.reader.is_none() && lists::taken(tx, line.entry.reader.id)?;
    Ok((known, (!clash).then_some(deed)))
}

fn decide(known: &Known, kind: Kind, at: Option<Ms>) -> Deed {
    use SubscriptionState::{Active, Pending, Suppressed, Unsubscribed};
    let barred = known.suppressed.is_some();
    match (kind, known.state) {
        (Kind::Subscribed, Some(Active)) => Deed::IsHere,
        (Kind::Subscribed, Some(Unsubscribed | Suppressed)) => Deed::StaysOut,
        (Kind::Subscribed, None | Some(Pending)) if barred => Deed::StaysOut,
        (Kind::Subscribed, None | Some(Pending)) => Deed::ComesIn,
        (_, None) if barred => Deed::IsHere,
        (_, None) => Deed::Leaves,
        (_, Some(Unsubscribed | Suppressed)) => Deed::IsHere,
        // Who said yes here after that, or at a time that cannot be told from it, came back by themselves.
        (_, Some(Active | Pending)) if known.own_yes > 0 && at.is_none_or(|at| at <= known.own_yes) => Deed::IsHere,
        (_, Some(Active | Pending)) => Deed::Leaves,
    }
}

fn apply(tx: &Write<'_>, newsletter: NewsletterId, line: &Sealed, now: Ms) -> store::Result<Option<Deed>> {
    let (known, deed) = weigh(tx, newsletter, line)?;
    match deed {
        Some(Deed::ComesIn) => lists::arrive(tx, &line.entry, known.reader, line.slot, now)?,
        Some(Deed::Leaves) => {
            let why = if line.kind == Kind::Cleaned { BOUNCED_ELSEWHERE } else { LEFT_ELSEWHERE };
            let at = line.at.unwrap_or(now).min(now);
            let suppression = Suppression { index: line.entry.reader.index.clone(), at, why: why.into() };
            let wording = line.entry.consent.first().map_or(String::new(), |(_, c)| c.wording.clone());
            let log = Line { id: line.log, door: DOOR, wording };
            lists::leave(tx, newsletter, known.reader, &suppression, &log)?;
        }
        Some(Deed::IsHere | Deed::StaysOut) | None => {}
    }
    Ok(deed)
}

/// The door that a list comes in by, in the consent log.
const DOOR: &str = "import";

/// Makes lines ready for the store.
struct Sealer {
    world: World,
    vault: Arc<Vault>,
    newsletter: NewsletterId,
    topics: Topics,
    language: String,
    seen_rank: i64,
}

impl Sealer {
    fn seal(&self, line: TableLine, file: &str, origin: &str) -> Ready {
        let said = match line.said {
            Ok(said) => said,
            Err((reason, typed)) => return Ready::Refused(Refusal { line: line.number, reason, typed }),
        };
        let now = self.world.now();
        let id = ReaderId::from_dice(now, self.world.dice_u64());
        let (kid, sealed) = self.vault.seal_address(&said.address, id, &mut |bytes| self.world.fill(bytes));
        let reader = SealedReader {
            id,
            kid,
            sealed,
            index: self.vault.index(&said.address).to_vec(),
            lane: self.vault.lane(&said.address),
            language: self.language.clone(),
            format: Format::Html,
        };
        let subscription = Listed {
            newsletter: self.newsletter,
            state: SubscriptionState::Active,
            topics: self.topics,
            frequency: EditionKind::Daily,
            paused_until: String::new(),
            last_date: String::new(),
            seen_rank: self.seen_rank,
        };
        let consent = Consent {
            reader: id,
            newsletter: self.newsletter,
            kind: ConsentKind::Imported,
            at: said.at.filter(|at| *at <= now).unwrap_or(now),
            door: DOOR.into(),
            wording: wording(file, origin, &said),
        };
        let entry = Entry {
            reader,
            zone: said.zone,
            hour: None,
            week: now.div_euclid(WEEK_MS),
            subscriptions: vec![subscription],
            consent: vec![(self.world.mint(), consent)],
        };
        let log = self.world.mint();
        Ready::Line(Box::new(Sealed {
            line: line.number,
            kind: said.kind,
            at: said.at,
            entry,
            log,
            slot: SlotId(self.world.mint()),
        }))
    }
}

/// What the consent log says of a line: where it came from, and what it told.
fn wording(file: &str, origin: &str, said: &table::Said) -> String {
    let date = |at: Ms| Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |at| at.to_string());
    let what = match said.kind {
        Kind::Subscribed => "agreed",
        Kind::Unsubscribed => "left",
        Kind::Cleaned => "bounced",
    };
    let when = said.at.map_or_else(|| format!("{what} at a time it does not say"), |at| format!("{what} {}", date(at)));
    let asked = said.opted_in.map_or_else(String::new, |at| format!(", asked {}", date(at)));
    format!("{origin} list {file:?}, {}: {when}{asked}", said.kind.name())
}

#[cfg(test)]
mod tests;

//! The whole list as lines of JSON, to be sealed with age: out of this newsroom and back into it, or into another.
//!
//! ```text
//! {"coranto":"readers","version":1,"made":"…","outlet":"…","keys":"<fingerprint>","newsletters":[…],"topics":[…]}
//! {"reader":{"id":"…","address":"…","language":"en","format":"html","zone":null,"hour":null,"week":2921,
//!   "subscriptions":[{"newsletter":"daily","state":"active","topics":"all","frequency":"daily","paused_until":"","last_date":"…"}],
//!   "consent":[{"id":"…","newsletter":"daily","kind":"confirmed","at":"…","door":"mail link","wording":"…"}]}}
//! {"suppression":{"address":"…" or null,"index":"<hexadecimal>","at":"…","why":"unsubscribed"}}
//! {"end":{"readers":1,"suppressions":1}}
//! ```
//!
//! Who is suppressed and is no reader is known by index alone: nobody, this newsroom included, can tell the address. Such
//! a line is honoured wherever the same keys are, which `keys` tells, and refused with its reason elsewhere.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use jiff::Timestamp;
use newsroom::{
    Address, Consent, ConsentKind, EditionKind, Format, Ms, NewsletterId, ReaderId, SlotId, SubscriptionState,
    Suppression, Topic, TopicId, Topics,
};
use serde::{Deserialize, Serialize};
use store::lists::{self, Entry, Listed};
use store::readers::SealedReader;
use store::{Read as Look, newsletters, topics};
use vault::Vault;
use world::World;

use super::{Counts, Foreign, Import, ListFault, Mode, Reason, Refusal};

/// How many readers are read and opened at once.
const PAGE: i64 = 500;
/// The longest line: a reader with a hundred lines of consent stays far below.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
const WHAT: &str = "readers";
const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Heading {
    coranto: String,
    version: u32,
    made: String,
    outlet: String,
    /// Which keys made the indexes.
    keys: String,
    newsletters: Vec<Named>,
    topics: Vec<Named>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    slug: String,
    title: String,
}

/// Every further line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChestLine {
    Reader(ReaderLine),
    Suppression(SuppressionLine),
    End(EndLine),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ReaderLine {
    id: String,
    address: String,
    language: String,
    format: String,
    zone: Option<String>,
    hour: Option<i64>,
    week: i64,
    subscriptions: Vec<SubscriptionLine>,
    consent: Vec<ConsentLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SubscriptionLine {
    newsletter: String,
    state: String,
    topics: TopicsLine,
    frequency: String,
    #[serde(default)]
    paused_until: String,
    last_date: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum TopicsLine {
    /// `all`, those of the future too.
    All(String),
    /// By slug.
    Some(Vec<String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ConsentLine {
    id: String,
    newsletter: String,
    kind: String,
    at: String,
    door: String,
    wording: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SuppressionLine {
    address: Option<String>,
    index: String,
    at: String,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EndLine {
    readers: u64,
    suppressions: u64,
}

const STATES: [(&str, SubscriptionState); 4] = [
    ("pending", SubscriptionState::Pending),
    ("active", SubscriptionState::Active),
    ("unsubscribed", SubscriptionState::Unsubscribed),
    ("suppressed", SubscriptionState::Suppressed),
];
const FREQUENCIES: [(&str, EditionKind); 3] =
    [("daily", EditionKind::Daily), ("weekly", EditionKind::Weekly), ("breaking", EditionKind::Breaking)];
const KINDS: [(&str, ConsentKind); 5] = [
    ("asked", ConsentKind::Asked),
    ("confirmed", ConsentKind::Confirmed),
    ("unsubscribed", ConsentKind::Unsubscribed),
    ("undone", ConsentKind::Undone),
    ("imported", ConsentKind::Imported),
];
const FORMATS: [(&str, Format); 2] = [("html", Format::Html), ("text", Format::Text)];

fn word<T: PartialEq>(table: &[(&'static str, T)], of: &T) -> String {
    let known = table.iter().find(|(_, value)| value == of);
    known.expect("the table holds every value of the type").0.to_owned()
}

fn value<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

fn date(at: Ms) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |at| at.to_string())
}

fn moment(text: &str) -> Option<Ms> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// What went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Readers, of every standing.
    pub readers: u64,
    /// Suppressions.
    pub suppressions: u64,
}

/// Writes the whole list, as it stands at one moment, into `out`: which seals it.
///
/// # Errors
/// [`ListFault`]; then what was written is cut short, and no reader of it takes it for whole.
pub fn give_out(
    tx: &Look<'_>,
    vault: &Vault,
    outlet: &str,
    now: Ms,
    out: &mut impl Write,
) -> store::Result<Result<Given, ListFault>> {
    let names = Names::of(tx)?;
    let heading = Heading {
        coranto: WHAT.into(),
        version: VERSION,
        made: date(now),
        outlet: outlet.into(),
        keys: vault.index_fingerprint(),
        newsletters: names.newsletters.values().cloned().collect(),
        topics: names.topics.iter().map(|t| Named { slug: t.slug.clone(), title: t.title.clone() }).collect(),
    };
    let mut given = Given::default();
    if let Err(fault) = put(out, &heading) {
        return Ok(Err(disk(&fault)));
    }
    let mut after = ReaderId(i64::MIN);
    loop {
        let page = lists::page(tx, after, PAGE)?;
        let Some(last) = page.last().map(|entry| entry.reader.id) else { break };
        after = last;
        for entry in &page {
            let line = match reader_line(vault, &names, entry) {
                Ok(line) => ChestLine::Reader(line),
                Err(fault) => return Ok(Err(fault)),
            };
            if let Err(fault) = put(out, &line) {
                return Ok(Err(disk(&fault)));
            }
            given.readers += 1;
        }
    }
    match give_suppressions(tx, vault, out, &mut given)? {
        Ok(()) => Ok(Ok(given)),
        Err(fault) => Ok(Err(fault)),
    }
}

fn give_suppressions(
    tx: &Look<'_>,
    vault: &Vault,
    out: &mut impl Write,
    given: &mut Given,
) -> store::Result<Result<(), ListFault>> {
    let mut after = Vec::new();
    loop {
        let page = lists::suppressions(tx, &after, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = last.index.clone();
        for (suppression, reader) in &page {
            let address = match reader {
                None => None,
                Some(reader) => match address_of(tx, vault, *reader)? {
                    Ok(address) => Some(address),
                    Err(fault) => return Ok(Err(fault)),
                },
            };
            let line = SuppressionLine {
                address,
                index: hex(&suppression.index),
                at: date(suppression.at),
                why: suppression.why.clone(),
            };
            if let Err(fault) = put(out, &ChestLine::Suppression(line)) {
                return Ok(Err(disk(&fault)));
            }
            given.suppressions += 1;
        }
    }
    let end = EndLine { readers: given.readers, suppressions: given.suppressions };
    Ok(put(out, &ChestLine::End(end)).map_err(|fault| disk(&fault)))
}

fn address_of(tx: &Look<'_>, vault: &Vault, reader: ReaderId) -> store::Result<Result<String, ListFault>> {
    let (kid, sealed) = store::readers::sealed(tx, reader)?.expect("the reader was found in the same transaction");
    let opened = vault.open_address(kid, &sealed, reader);
    Ok(opened.map(|a| a.expose().to_owned()).map_err(|fault| ListFault::Vault(reader, fault)))
}

fn put(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

fn disk(fault: &io::Error) -> ListFault {
    ListFault::Foreign(Foreign::Disk(fault.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Newsletters and topics by name.
struct Names {
    newsletters: BTreeMap<NewsletterId, Named>,
    topics: Vec<Topic>,
}

impl Names {
    fn of(tx: &Look<'_>) -> store::Result<Self> {
        let named = |n: newsroom::Newsletter| (n.id, Named { slug: n.slug, title: n.title });
        let newsletters = newsletters::list(tx)?.into_iter().map(named).collect();
        Ok(Self { newsletters, topics: topics::list(tx)? })
    }

    fn slug(&self, newsletter: NewsletterId) -> String {
        self.newsletters.get(&newsletter).map_or_else(String::new, |named| named.slug.clone())
    }

    fn newsletter(&self, slug: &str) -> Option<NewsletterId> {
        self.newsletters.iter().find(|(_, named)| named.slug == slug).map(|(id, _)| *id)
    }
}

fn reader_line(vault: &Vault, names: &Names, entry: &Entry) -> Result<ReaderLine, ListFault> {
    let r = &entry.reader;
    let address = vault.open_address(r.kid, &r.sealed, r.id).map_err(|fault| ListFault::Vault(r.id, fault))?;
    let topics = |topics: Topics| match topics {
        Topics::ALL => TopicsLine::All("all".into()),
        some => TopicsLine::Some(names.topics.iter().filter(|t| some.has(t.bit)).map(|t| t.slug.clone()).collect()),
    };
    let subscription = |s: &Listed| SubscriptionLine {
        newsletter: names.slug(s.newsletter),
        state: word(&STATES, &s.state),
        topics: topics(s.topics),
        frequency: word(&FREQUENCIES, &s.frequency),
        paused_until: s.paused_until.clone(),
        last_date: s.last_date.clone(),
    };
    let consent = |(id, c): &(i64, Consent)| ConsentLine {
        id: id.to_string(),
        newsletter: names.slug(c.newsletter),
        kind: word(&KINDS, &c.kind),
        at: date(c.at),
        door: c.door.clone(),
        wording: c.wording.clone(),
    };
    Ok(ReaderLine {
        id: r.id.to_string(),
        address: address.expose().to_owned(),
        language: r.language.clone(),
        format: word(&FORMATS, &r.format),
        zone: entry.zone.clone(),
        hour: entry.hour,
        week: entry.week,
        subscriptions: entry.subscriptions.iter().map(subscription).collect(),
        consent: entry.consent.iter().map(consent).collect(),
    })
}

/// A chest, opened: its lines are read as they are taken.
pub struct Chest {
    from: Box<dyn BufRead + Send>,
    heading: Heading,
    line: u64,
    read: EndLine,
    over: bool,
}

impl Chest {
    /// Reads the first line of an unsealed chest.
    ///
    /// # Errors
    /// [`Foreign`] when it is none, or written by a newer Coranto.
    pub fn open(mut from: Box<dyn BufRead + Send>) -> Result<Self, Foreign> {
        let text = next_line(&mut from, 1)?;
        let heading: Heading = serde_json::from_slice(&text).map_err(|_| Foreign::NoText("no list of readers"))?;
        if heading.coranto != WHAT {
            return Err(Foreign::NoText("not a list of readers but something else of Coranto's"));
        }
        if heading.version > VERSION {
            return Err(Foreign::NoText("a list written by a newer version of Coranto"));
        }
        Ok(Self { from, heading, line: 1, read: EndLine { readers: 0, suppressions: 0 }, over: false })
    }

    fn lines(&mut self) -> Result<Vec<(u64, Option<ChestLine>)>, Foreign> {
        let mut lines = Vec::new();
        while lines.len() < super::BATCH && !self.over {
            self.line += 1;
            let text = next_line(&mut self.from, self.line)?;
            let line: Option<ChestLine> = serde_json::from_slice(&text).ok();
            match &line {
                Some(ChestLine::End(end)) => {
                    // To the file's very end: what follows, or is missing, shows only there.
                    if *end != self.read || !next_line(&mut self.from, self.line).is_err_and(|f| f == Foreign::Empty) {
                        return Err(Foreign::Disk("its last line does not agree with the others".into()));
                    }
                    self.over = true;
                    continue;
                }
                Some(ChestLine::Reader(_)) => self.read.readers += 1,
                Some(ChestLine::Suppression(_)) => self.read.suppressions += 1,
                None => {}
            }
            lines.push((self.line, line));
        }
        Ok(lines)
    }
}

fn next_line(from: &mut Box<dyn BufRead + Send>, number: u64) -> Result<Vec<u8>, Foreign> {
    let mut line = Vec::new();
    io::Read::take(&mut *from, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.last() {
        Some(b'\n') => Ok(line),
        None => Err(Foreign::Empty),
        Some(_) if line.len() as u64 == LINE_BYTES_MAX => Err(Foreign::LongLine(number)),
        Some(_) => Err(Foreign::Disk("it ends within a line".into())),
    }
}

/// A line ready for the store.
enum Ready {
    /// With an id for the slot of their choice, should it be the first.
    Reader(Box<Entry>, SlotId),
    Suppression(Suppression),
    Refused(Reason, String),
}

/// What a line did.
#[derive(Clone, Copy)]
enum Deed {
    New,
    Here,
    Suppressed,
    Refused(Reason),
}

impl Import {
    /// Works through a chest: readers come in as they stood when it was made, and who stands here already stays as they
    /// are. `refused` hears of every line that is not taken.
    ///
    /// # Errors
    /// [`ListFault`].
    pub async fn take_chest(
        &mut self,
        mut chest: Chest,
        refused: &mut dyn FnMut(&Refusal),
    ) -> Result<Counts, ListFault> {
        let names = Arc::new(self.names(&chest.heading).await?);
        let (newsletter, now) = (self.newsletter, self.world.now());
        let seen_rank = self.store.read(move |tx| lists::next_from(tx, newsletter, now)).await?;
        let mut counts = Counts::default();
        loop {
            let (world, vault, names) = (self.world.clone(), self.vault.clone(), names.clone());
            let work = move || {
                let lines = chest.lines()?;
                let own = chest.heading.keys == vault.index_fingerprint();
                let unpacker = Unpacker { world, vault, names, own, seen_rank };
                let ready = lines.into_iter().map(|(number, line)| (number, unpacker.ready(line))).collect();
                Ok::<_, Foreign>((chest, ready))
            };
            let ready: Vec<(u64, Ready)>;
            (chest, ready) = self.world.compute(work).await?;
            if ready.is_empty() {
                assert_eq!(counts.sum(), counts.lines, "every line is counted once");
                return Ok(counts);
            }
            counts.lines += ready.len() as u64;
            for (line, deed, typed) in self.keep_chest(ready).await? {
                match deed {
                    Deed::New => counts.new += 1,
                    Deed::Here => counts.here += 1,
                    Deed::Suppressed => counts.suppressed += 1,
                    Deed::Refused(reason) => {
                        counts.refused += 1;
                        refused(&Refusal { line, reason, typed });
                    }
                }
            }
        }
    }

    /// Newsletters and topics of this newsroom; topics that only the chest has are made, unless this is a dry run.
    async fn names(&self, heading: &Heading) -> store::Result<Names> {
        if self.mode == Mode::Dry {
            return self.store.read(Names::of).await;
        }
        let wanted: Vec<_> = heading.topics.iter().map(|t| (TopicId(self.world.mint()), t.clone())).collect();
        self.store
            .write(move |tx| {
                for (id, topic) in &wanted {
                    topics::ensure(tx, *id, &topic.slug, &topic.title)?;
                }
                Names::of(tx)
            })
            .await
    }

    async fn keep_chest(&self, ready: Vec<(u64, Ready)>) -> store::Result<Vec<(u64, Deed, String)>> {
        match self.mode {
            Mode::Dry => {
                let weigh = move |tx: &Look<'_>| {
                    ready.into_iter().map(|(n, one)| Ok((n, weigh(tx, &one)?, one.typed()))).collect()
                };
                self.store.read(weigh).await
            }
            Mode::Apply => {
                let now = self.world.now();
                let apply = move |tx: &store::Write<'_>| {
                    let mut deeds = Vec::new();
                    for (number, one) in ready {
                        let deed = weigh(tx, &one)?;
                        match (&deed, &one) {
                            (Deed::New, Ready::Reader(entry, slot)) => lists::arrive(tx, entry, None, *slot, now)?,
                            (Deed::Suppressed, Ready::Suppression(s)) => store::readers::suppress(tx, s)?,
                            _ => {}
                        }
                        deeds.push((number, deed, one.typed()));
                    }
                    Ok(deeds)
                };
                self.store.write(apply).await
            }
        }
    }
}

impl Ready {
    fn typed(self) -> String {
        match self {
            Self::Refused(_, typed) => typed,
            Self::Reader(..) | Self::Suppression(_) => String::new(),
        }
    }
}

fn weigh(tx: &Look<'_>, one: &Ready) -> store::Result<Deed> {
    Ok(match one {
        Ready::Refused(reason, _) => Deed::Refused(*reason),
        Ready::Suppression(s) if store::readers::suppressed(tx, &s.index)?.is_some() => Deed::Here,
        Ready::Suppression(_) => Deed::Suppressed,
        Ready::Reader(entry, _) if store::readers::by_index(tx, &entry.reader.index)?.is_some() => Deed::Here,
        Ready::Reader(entry, _) if lists::taken(tx, entry.reader.id)? => Deed::Refused(Reason::Taken),
        Ready::Reader(..) => Deed::New,
    })
}

/// Makes lines of a chest ready for the store.
struct Unpacker {
    world: World,
    vault: Arc<Vault>,
    names: Arc<Names>,
    /// Whether the chest's indexes were made with this newsroom's keys.
    own: bool,
    seen_rank: i64,
}

impl Unpacker {
    fn ready(&self, line: Option<ChestLine>) -> Ready {
        match line {
            Some(ChestLine::Reader(line)) => {
                let (address, slot) = (line.address.clone(), SlotId(self.world.mint()));
                let ready = |entry| Ready::Reader(Box::new(entry), slot);
                self.reader(line).map_or_else(|reason| Ready::Refused(reason, address), ready)
            }
            Some(ChestLine::Suppression(line)) => self
                .suppression(&line)
                .map_or_else(|reason| Ready::Refused(reason, line.address.unwrap_or_default()), Ready::Suppression),
            Some(ChestLine::End(_)) | None => Ready::Refused(Reason::Damaged, String::new()),
        }
    }

    fn reader(&self, line: ReaderLine) -> Result<Entry, Reason> {
        let address = Address::parse(&line.address).map_err(Reason::Address)?;
        let id = line.id.parse::<i64>().ok().filter(|id| *id > 0).map(ReaderId).ok_or(Reason::Damaged)?;
        let (kid, sealed) = self.vault.seal_address(&address, id, &mut |bytes| self.world.fill(bytes));
        let reader = SealedReader {
            id,
            kid,
            sealed,
            index: self.vault.index(&address).to_vec(),
            lane: self.vault.lane(&address),
            language: line.language,
            format: value(&FORMATS, &line.format).ok_or(Reason::Damaged)?,
        };
        let subscriptions = line.subscriptions.iter().map(|s| self.subscription(s)).collect::<Result<_, _>>()?;
        let consent = line.consent.iter().map(|c| self.consent(id, c)).collect::<Result<_, _>>()?;
        Ok(Entry { reader, zone: line.zone, hour: line.hour, week: line.week, subscriptions, consent })
    }

    fn subscription(&self, line: &SubscriptionLine) -> Result<Listed, Reason> {
        let topics = match &line.topics {
            TopicsLine::All(word) if word == "all" => Topics::ALL,
            TopicsLine::All(_) => return Err(Reason::Damaged),
            TopicsLine::Some(slugs) => {
                self.names.topics.iter().filter(|t| slugs.contains(&t.slug)).map(|t| t.bit).collect()
            }
        };
        Ok(Listed {
            newsletter: self.names.newsletter(&line.newsletter).ok_or(Reason::Newsletter)?,
            state: value(&STATES, &line.state).ok_or(Reason::Damaged)?,
            topics,
            frequency: value(&FREQUENCIES, &line.frequency).ok_or(Reason::Damaged)?,
            paused_until: line.paused_until.clone(),
            last_date: line.last_date.clone(),
            seen_rank: self.seen_rank,
        })
    }

    fn consent(&self, reader: ReaderId, line: &ConsentLine) -> Result<(i64, Consent), Reason> {
        let consent = Consent {
            reader,
            newsletter: self.names.newsletter(&line.newsletter).ok_or(Reason::Newsletter)?,
            kind: value(&KINDS, &line.kind).ok_or(Reason::Damaged)?,
            at: moment(&line.at).ok_or(Reason::Damaged)?,
            door: line.door.clone(),
            wording: line.wording.clone(),
        };
        Ok((line.id.parse().map_err(|_| Reason::Damaged)?, consent))
    }

    fn suppression(&self, line: &SuppressionLine) -> Result<Suppression, Reason> {
        let index = match &line.address {
            Some(address) => self.vault.index(&Address::parse(address).map_err(Reason::Address)?).to_vec(),
            None if self.own => unhex(&line.index).filter(|index| index.len() == 16).ok_or(Reason::Damaged)?,
            None => return Err(Reason::OtherKeys),
        };
        Ok(Suppression { index, at: moment(&line.at).ok_or(Reason::Damaged)?, why: line.why.clone() })
    }
}

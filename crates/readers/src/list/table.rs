//! A list as a table: Mailchimp's audience exports, told by their columns, and any CSV with a column of addresses.
//!
//! It reads line after line and keeps none. Of a line it takes the address, when and how it was agreed to, and a time
//! zone; names, places and network addresses are never taken.

use std::io::Read;

use csv::ByteRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use newsroom::{Address, AddressFault, Ms};

use super::text::{Budget, Limited, Text, words};
use super::{Foreign, Kind};

/// A quotation mark that is never closed swallows lines; no note of a real list is longer than this.
const LINES_IN_ONE_MAX: u64 = 200;
/// More columns than any export has.
const COLUMNS_MAX: usize = 1_000;
/// How many columns are named when none of them is known.
const COLUMNS_SHOWN: usize = 12;
/// A column's name is cut here when it is shown.
const NAME_CHARS_MAX: usize = 40;
/// The marks that part fields, the commonest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The columns that hold the address, by what they are called; the first that is there counts.
const ADDRESS: [&str; 6] = ["email address", "email", "e mail address", "e mail", "emailaddress", "mail"];

/// Why a line was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its address is none.
    Address(AddressFault),
    /// Its address begins as a spreadsheet's formula does.
    Formula,
    /// It has so many fields, and the first line so many.
    Fields(usize, usize),
    /// Its column `status` holds a word that is not known.
    Status,
    /// An entry of a list of ours that is damaged.
    Damaged,
    /// A reader here has the id of this entry and another address.
    Taken,
    /// It belongs to a newsletter that this newsroom does not have.
    Newsletter,
    /// Known by its index alone, which was made with another newsroom's keys.
    OtherKeys,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(fault) => write!(f, "{fault}"),
            Self::Formula => f.write_str("the address begins as a spreadsheet's formula does"),
            Self::Fields(found, named) => {
                write!(f, "it has {found} fields where the first line names {named}: look for a quotation mark")
            }
            Self::Status => f.write_str("its status is neither subscribed, unsubscribed nor cleaned"),
            Self::Damaged => f.write_str("the entry is damaged"),
            Self::Taken => f.write_str("another reader here has the id of this entry"),
            Self::Newsletter => f.write_str("there is no newsletter of this name here"),
            Self::OtherKeys => f.write_str("the address is known to another newsroom's keys alone"),
        }
    }
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub address: Address,
    /// Subscribed, unsubscribed or cleaned.
    pub kind: Kind,
    /// When they agreed, left, or bounced, if it says.
    pub at: Option<Ms>,
    /// When they filled in a form elsewhere, if it says that too.
    pub opted_in: Option<Ms>,
    /// The IANA zone it names.
    pub zone: Option<String>,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct TableLine {
    /// Where it begins in the file, counted from 1.
    pub number: u64,
    /// What it says, or why it is not taken with the address as it stands there.
    pub said: Result<Said, (Reason, String)>,
}

/// An opened table.
pub struct Table {
    csv: csv::Reader<Limited>,
    budget: Budget,
    columns: Columns,
    kind: Kind,
    /// What the file is: `Mailchimp` or `CSV`.
    origin: &'static str,
    /// The first line, when it holds an address and no names.
    first: Option<ByteRecord>,
    /// Lines before the first that `csv` sees.
    skipped: u64,
    record: ByteRecord,
}

/// Which field is what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Columns {
    count: usize,
    address: usize,
    status: Option<usize>,
    confirmed: Option<usize>,
    opted_in: Option<usize>,
    left: Option<usize>,
    cleaned: Option<usize>,
    changed: Option<usize>,
    zone: Option<usize>,
}

impl Table {
    /// Opens a file's bytes as a table. `name` is the file's name, a hint; `told` is what the person says it is.
    ///
    /// # Errors
    /// [`Foreign`]: no text, no table, no column of addresses, or a name and columns that disagree.
    pub fn open(file: Box<dyn Read + Send>, name: &str, told: Option<Kind>) -> Result<Self, Foreign> {
        let text = Text::open(file)?;
        let (separator, skipped) = separator(&text.head);
        let budget = Budget::new();
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.from(skipped, &budget));
        let mut first = ByteRecord::new();
        if !csv.read_byte_record(&mut first).map_err(|fault| foreign(&fault, &budget, 1))? {
            return Err(Foreign::Empty);
        }
        budget.renew();
        let names: Vec<String> = first.iter().map(|field| name_of(&words(field))).collect();
        let (columns, is_heading) = Columns::find(&names, &first)?;
        let (kind, origin) = kind_of(&names, name, told, columns.status.is_some())?;
        let first = (!is_heading).then_some(first);
        let skipped = u64::from(skipped > 0);
        Ok(Self { csv, budget, columns, kind, origin, first, skipped, record: ByteRecord::new() })
    }

    /// What the file holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What wrote it: `Mailchimp`, or `CSV` where that is not known.
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// The next lines, at most `limit`; none at the end.
    ///
    /// # Errors
    /// [`Foreign`] when the file cannot be read on: then what came before it stands.
    pub fn lines(&mut self, limit: usize) -> Result<Vec<TableLine>, Foreign> {
        let mut lines = Vec::new();
        if let Some(first) = self.first.take() {
            lines.push(TableLine { number: 1 + self.skipped, said: self.said(&first) });
        }
        let mut record = std::mem::take(&mut self.record);
        while lines.len() < limit {
            let number = self.csv.position().line() + self.skipped;
            if !self.csv.read_byte_record(&mut record).map_err(|fault| foreign(&fault, &self.budget, number))? {
                break;
            }
            self.budget.renew();
            // Every line ends in one way here: what is read ends one line after the last line feed in its fields.
            let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            // Unless the file ends within quotation marks, and with it the last of those.
            let cut_short = u64::from(self.budget.ended() && record.as_slice().last() == Some(&b'\n'));
            let begun = self.csv.position().line() + self.skipped + cut_short - 1 - inside;
            if inside > LINES_IN_ONE_MAX {
                return Err(Foreign::OpenQuote(begun));
            }
            lines.push(TableLine { number: begun, said: self.said(&record) });
        }
        self.record = record;
        Ok(lines)
    }

    fn said(&self, record: &ByteRecord) -> Result<Said, (Reason, String)> {
        let columns = &self.columns;
        let field = |at: usize| record.get(at).map(words).unwrap_or_default();
        let typed = field(columns.address);
        let refuse = |reason: Reason| (reason, typed.clone());
        let extra = record.iter().skip(columns.count).any(|field| !field.is_empty());
        if extra || record.len() < columns.count {
            return Err(refuse(Reason::Fields(record.len(), columns.count)));
        }
        let kind = match columns.status {
            None => self.kind,
            Some(at) => Kind::of_status(&field(at)).ok_or_else(|| refuse(Reason::Status))?,
        };
        if typed.trim_start().starts_with(['=', '+', '@']) {
            return Err(refuse(Reason::Formula));
        }
        let address = Address::parse(&typed).map_err(|fault| refuse(Reason::Address(fault)))?;
        let time = |at: Option<usize>| at.and_then(|at| moment(&field(at)));
        let changed = columns.changed;
        let (confirmed, opted_in) = (time(columns.confirmed), time(columns.opted_in));
        let at = match kind {
            Kind::Subscribed => confirmed.or(opted_in),
            Kind::Unsubscribed => time(columns.left).or_else(|| time(changed)),
            Kind::Cleaned => time(columns.cleaned).or_else(|| time(changed)),
        };
        let zone = columns.zone.map(field).map(|zone| zone.trim().to_owned()).filter(|zone| is_zone(zone));
        Ok(Said { address, kind, at, opted_in, zone })
    }
}

/// An IANA name that the bundled database knows.
fn is_zone(name: &str) -> bool {
    name.contains('/') && TimeZone::get(name).is_ok()
}

/// `2019-03-01 10:22:33`, in UTC as Mailchimp writes it, or with an offset of its own. Anything else is not known.
fn moment(text: &str) -> Option<Ms> {
    let text = text.trim();
    let civil = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    let at = text.parse::<Timestamp>().ok().or_else(civil)?;
    Some(at.as_millisecond()).filter(|at| *at > 0)
}

impl Columns {
    /// Finds the columns in the first line, and whether that line names them. A single column needs no name.
    fn find(names: &[String], first: &ByteRecord) -> Result<(Self, bool), Foreign> {
        let at = |name: &str| names.iter().position(|known| known == name);
        let is_address = |field: &[u8]| Address::parse(&words(field)).is_ok();
        let Some(address) = ADDRESS.iter().find_map(|name| at(name)) else {
            let used = first.iter().filter(|field| !field.is_empty()).count();
            if used == 1 && first.get(0).is_some_and(is_address) {
                return Ok((Self { count: 1, ..Self::default() }, false));
            }
            if first.iter().any(is_address) {
                return Err(Foreign::NoHeading);
            }
            let shown = names.iter().take(COLUMNS_SHOWN).map(|name| name.chars().take(NAME_CHARS_MAX).collect());
            return Err(Foreign::NoColumn(shown.collect()));
        };
        if names.len() > COLUMNS_MAX {
            return Err(Foreign::NoColumn(Vec::new()));
        }
        let columns = Self {
            // Spreadsheets leave empty columns at the end.
            count: names.iter().rposition(|name| !name.is_empty()).map_or(1, |last| last + 1),
            address,
            status: at("status").or_else(|| at("subscription status")),
            confirmed: at("confirm time"),
            opted_in: at("optin time"),
            left: at("unsub time"),
            cleaned: at("clean time"),
            changed: at("last changed"),
            zone: at("timezone").or_else(|| at("time zone")),
        };
        Ok((columns, true))
    }
}

/// A column's name as it is compared: `MEMBER_RATING` is `member rating`.
fn name_of(text: &str) -> String {
    let plain: String = text.trim().to_lowercase().chars().map(|c| if "_-".contains(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a file holds: its columns say it, or its name, or the person.
fn kind_of(names: &[String], file: &str, told: Option<Kind>, by_line: bool) -> Result<(Kind, &'static str), Foreign> {
    let has = |name: &str| names.iter().any(|known| known == name);
    let mailchimp = has("member rating") || has("leid") || has("euid");
    let by_columns = match (has("unsub time"), has("clean time")) {
        (_, true) => Some(Kind::Cleaned),
        (true, false) => Some(Kind::Unsubscribed),
        (false, false) if mailchimp && !by_line => Some(Kind::Subscribed),
        (false, false) => None,
    };
    let by_name = Kind::of_file(file);
    let origin = if mailchimp { "Mailchimp" } else { "CSV" };
    // Who left is never brought back because somebody mistook a file: every sign must agree.
    let signs = [told, by_columns, if told.is_some() { None } else { by_name }];
    let mut said = signs.into_iter().flatten();
    let kind = said.next().unwrap_or(Kind::Subscribed);
    match said.find(|other| *other != kind) {
        Some(other) => Err(Foreign::TwoKinds(kind, other)),
        None => Ok((kind, origin)),
    }
}

/// The mark that parts this file's fields, and how many bytes of a spreadsheet's own `sep=` line to pass over.
fn separator(head: &[u8]) -> (u8, usize) {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Some([mark, ..]) = line.strip_prefix(b"sep=") {
        return (*mark, line.len() + 1);
    }
    let mut quoted = false;
    let mut counts = [0; SEPARATORS.len()];
    for byte in line {
        quoted ^= *byte == b'"';
        if let Some(at) = SEPARATORS.iter().position(|mark| mark == byte).filter(|_| !quoted) {
            counts[at] += 1;
        }
    }
    let best = (0..SEPARATORS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    (SEPARATORS[best], 0)
}

fn foreign(fault: &csv::Error, budget: &Budget, line: u64) -> Foreign {
    if budget.spent() { Foreign::LongLine(line) } else { Foreign::Disk(fault.to_string()) }
}

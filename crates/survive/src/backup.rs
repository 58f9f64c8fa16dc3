//! The whole newsroom as lines of JSON, to be sealed with age: its keys, and every table as it stood at one moment.
//!
//! ```text
//! {"heading":{"coranto":"backup","version":1,"made":"…","outlet":"…","log":"info","migrations":["0001_founding",…]}}
//! {"keys":"<the key file>"}
//! {"table":{"name":"article","columns":["id",…]}}
//! ["…", 12, null, {"b":"<base64>"}]
//! {"tabled":{"rows":1,"sha256":"…"}}
//! {"end":{"tables":28,"rows":1234}}
//! ```
//!
//! It is the same on either engine. A table's sum is that of its rows' SHA-256 without regard to their order, since the
//! engines order text differently. Pictures are in it; the site's files are not: they are laid down again.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use newsroom::Ms;
use seal::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::whole::{self, Cell, Table};
use vault::{KeyFileFault, KeyRing};

const WHAT: &str = "backup";
const VERSION: u32 = 1;
/// The longest line: a picture of 48 MB, far above what the desk takes in.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// So many rows are written into a database at once, or fewer when they are big.
const ROWS: usize = 500;
/// Rows of so many bytes are written without waiting for more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// `backup`.
    coranto: String,
    version: u32,
    /// When it was made, in UTC.
    pub made: String,
    /// The outlet's name.
    pub outlet: String,
    /// How much the newsroom logged: what of coranto.toml is not this machine's own.
    pub log: String,
    /// The migrations that its tables have seen.
    pub migrations: Vec<String>,
}

/// Every line that is no row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Heading(Heading),
    Keys(String),
    Table { name: String, columns: Vec<String> },
    Tabled(Tabled),
    End { tables: u64, rows: u64 },
}

/// A table's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tabled {
    rows: u64,
    sha256: String,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it says of itself.
    pub heading: Heading,
    /// How many tables.
    pub tables: u64,
    /// How many rows.
    pub rows: u64,
    /// How many of these are readers.
    pub readers: u64,
}

/// Why a backup is none, or cannot be restored. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// It is something else, or damaged.
    #[error("this is no whole backup: {0}")]
    Damaged(String),
    /// It was made by a newer version.
    #[error("this backup was made by a newer version of Coranto")]
    Newer,
    /// Its keys are damaged.
    #[error(transparent)]
    Keys(#[from] KeyFileFault),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The disk said no, or the file was changed after it was sealed.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

fn damaged(why: impl Into<String>) -> BackupFault {
    BackupFault::Damaged(why.into())
}

/// The sum of rows, whatever their order: their digests, folded into one.
#[derive(Clone, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    folded: [u8; 32],
}

impl Sum {
    fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        for (all, one) in self.folded.iter_mut().zip(Sha256::digest(row)) {
            *all ^= one;
        }
    }

    fn told(&self) -> Tabled {
        Tabled { rows: self.rows, sha256: self.folded.iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

fn row_line(row: &[Cell]) -> Vec<u8> {
    use serde_json::{Value, json};
    let value = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => json!(number),
        Cell::Text(text) => json!(text),
        Cell::Bytes(bytes) => json!({"b": STANDARD.encode(bytes)}),
    };
    serde_json::to_vec(&row.iter().map(value).collect::<Vec<_>>()).expect("plain values are JSON")
}

fn row_of(line: &[u8]) -> Option<Vec<Cell>> {
    use serde_json::Value;
    let cell = |value: Value| match value {
        Value::Null => Some(Cell::Null),
        Value::Number(number) => number.as_i64().map(Cell::Int),
        Value::String(text) => Some(Cell::Text(text)),
        Value::Object(map) => STANDARD.decode(map.get("b")?.as_str()?).ok().map(Cell::Bytes),
        Value::Bool(_) | Value::Array(_) => None,
    };
    serde_json::from_slice::<Vec<Value>>(line).ok()?.into_iter().map(cell).collect()
}

fn put(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Writes the newsroom as `tx` sees it into `out`, which seals it. Beside the writer: nothing waits for it.
///
/// # Errors
/// The store's; the inner `Err` is the disk's. Then what was written is cut short, and is taken for no backup.
pub fn write(
    tx: &store::Read<'_>,
    ring: &KeyRing,
    outlet: &str,
    log: &str,
    now: Ms,
    out: &mut impl Write,
) -> store::Result<io::Result<Held>> {
    let heading = Heading {
        coranto: WHAT.into(),
        version: VERSION,
        made: Timestamp::from_millisecond(now).map_or_else(|_| String::new(), |at| at.to_string()),
        outlet: outlet.into(),
        log: log.into(),
        migrations: whole::migrations().into_iter().map(str::to_owned).collect(),
    };
    let mut held = Held { heading: heading.clone(), tables: 0, rows: 0, readers: 0 };
    let begun =
        put(out, &Line::Heading(heading)).and_then(|()| put(out, &Line::Keys(ring.to_secret_text().expose().clone())));
    if let Err(fault) = begun {
        return Ok(Err(fault));
    }
    for table in whole::every() {
        match write_table(tx, table, out)? {
            Ok(rows) => held.count(table.name, rows),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(put(out, &Line::End { tables: held.tables, rows: held.rows }).map(|()| held))
}

impl Held {
    fn count(&mut self, table: &str, rows: u64) {
        self.tables += 1;
        self.rows += rows;
        if table == "reader" {
            self.readers = rows;
        }
    }
}

fn write_table(tx: &store::Read<'_>, table: &'static Table, out: &mut impl Write) -> store::Result<io::Result<u64>> {
    let columns = table.columns().map(str::to_owned).collect();
    let mut done = put(out, &Line::Table { name: table.name.into(), columns });
    let mut sum = Sum::default();
    whole::rows(tx, table, |row| {
        if done.is_ok() {
            let line = row_line(&row);
            sum.add(&line);
            done = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
        }
        Ok(())
    })?;
    Ok(done.and_then(|()| put(out, &Line::Tabled(sum.told()))).map(|()| sum.rows))
}

/// A backup, opened: its heading and keys are read, its tables wait.
pub struct Backup<R: BufRead> {
    from: R,
    /// What it says of itself.
    pub heading: Heading,
    /// The newsroom's keys.
    pub ring: KeyRing,
}

impl<R: BufRead> Backup<R> {
    /// Reads the first lines of an unsealed backup.
    ///
    /// # Errors
    /// [`BackupFault`].
    pub fn open(mut from: R) -> Result<Self, BackupFault> {
        let Some(Line::Heading(heading)) = next(&mut from)?.line() else {
            return Err(damaged("it does not begin as one does"));
        };
        if heading.coranto != WHAT {
            return Err(damaged("it does not begin as one does"));
        }
        if heading.version > VERSION {
            return Err(BackupFault::Newer);
        }
        let Some(Line::Keys(keys)) = next(&mut from)?.line() else { return Err(damaged("its keys are missing")) };
        let ring = KeyRing::from_secret_text(&Secret::new(keys), Path::new("in the backup"))?;
        Ok(Self { from, heading, ring })
    }

    /// Reads it to its end, and checks every count and sum.
    ///
    /// # Errors
    /// [`BackupFault`].
    pub fn verify(self) -> Result<Held, BackupFault> {
        self.each_table(|_, _| Ok(()), |_, _| Ok(()))
    }

    /// Writes it into the empty database at `location` in one transaction, reads it back and compares, and holds all
    /// sending. It blocks.
    ///
    /// # Errors
    /// [`BackupFault`]; then nothing of it was kept.
    pub fn restore(self, location: &store::Location, now: Ms) -> Result<Held, BackupFault> {
        let tables = whole::as_of(&self.heading.migrations).ok_or(BackupFault::Newer)?;
        let (migrations, made) = (self.heading.migrations.len(), self.heading.made.clone());
        let mut fault = None;
        let done = whole::restore(location, migrations, |tx| match self.fill(tx, &tables) {
            Ok(held) => {
                let why = format!("This newsroom was restored from a backup of {made}.");
                whole::hold(tx, &why, now)?;
                Ok(held)
            }
            Err(why) => {
                let stop = store::Error::Unfit(why.to_string());
                fault = Some(why);
                Err(stop)
            }
        });
        done.map_err(|store| fault.unwrap_or(BackupFault::Store(store)))
    }

    fn fill(self, tx: &store::Write<'_>, tables: &[Table]) -> Result<Held, BackupFault> {
        // An older version's tables are changed by later migrations; only this version's are read back as they were.
        let current = tables == whole::every();
        let known = |name: &str| tables.iter().find(|table| table.name == name);
        self.each_table(
            |name, rows| {
                let table = known(name).ok_or_else(|| damaged(format!("it has a table {name:?}")))?;
                Ok(whole::fill(tx, table, rows)?)
            },
            |name, told| {
                if !current {
                    return Ok(());
                }
                let table = whole::every().iter().find(|table| table.name == name).expect("it was filled");
                let mut sum = Sum::default();
                whole::rows(tx, table, |row| {
                    sum.add(&row_line(&row));
                    Ok(())
                })?;
                let same = sum.told() == *told;
                if same { Ok(()) } else { Err(damaged(format!("the table {name} reads back otherwise"))) }
            },
        )
    }

    /// Hands the rows of every table to `fill`, and its sum to `end` when it is the right one.
    fn each_table(
        mut self,
        mut fill: impl FnMut(&str, &[Vec<Cell>]) -> Result<(), BackupFault>,
        mut end: impl FnMut(&str, &Tabled) -> Result<(), BackupFault>,
    ) -> Result<Held, BackupFault> {
        let tables = whole::as_of(&self.heading.migrations).ok_or(BackupFault::Newer)?;
        let mut held = Held { heading: self.heading.clone(), tables: 0, rows: 0, readers: 0 };
        loop {
            match next(&mut self.from)?.line() {
                Some(Line::Table { name, columns }) => {
                    let ours = tables.iter().find(|table| table.name == name);
                    if ours.is_none_or(|table| !table.columns().eq(columns.iter().map(String::as_str))) {
                        return Err(damaged(format!("its table {name:?} is not this version's")));
                    }
                    let told = self.one_table(&name, &mut fill)?;
                    end(&name, &told)?;
                    held.count(&name, told.rows);
                }
                Some(Line::End { tables: count, rows }) => {
                    let whole = count == held.tables && rows == held.rows && count == tables.len() as u64;
                    // To the file's very end: that it was cut or lengthened shows only there.
                    if !whole || self.from.read(&mut [0])? != 0 {
                        return Err(damaged("its end does not agree with the rest"));
                    }
                    return Ok(held);
                }
                _ => return Err(damaged("a line of it is out of place")),
            }
        }
    }

    fn one_table(
        &mut self,
        name: &str,
        fill: &mut impl FnMut(&str, &[Vec<Cell>]) -> Result<(), BackupFault>,
    ) -> Result<Tabled, BackupFault> {
        let mut sum = Sum::default();
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let text = next(&mut self.from)?;
            if !text.is_row() {
                fill(name, &rows)?;
                return match text.line() {
                    Some(Line::Tabled(told)) if told == sum.told() => Ok(told),
                    _ => Err(damaged(format!("the rows of {name} do not add up"))),
                };
            }
            sum.add(&text.0);
            bytes += text.0.len();
            rows.push(row_of(&text.0).ok_or_else(|| damaged(format!("a row of {name} is no row")))?);
            if rows.len() == ROWS || bytes > BATCH_BYTES {
                fill(name, &rows)?;
                rows.clear();
                bytes = 0;
            }
        }
    }
}

/// A line, without its end.
struct Raw(Vec<u8>);

impl Raw {
    fn is_row(&self) -> bool {
        self.0.first() == Some(&b'[')
    }

    fn line(&self) -> Option<Line> {
        serde_json::from_slice(&self.0).ok()
    }
}

fn next(from: &mut impl BufRead) -> Result<Raw, BackupFault> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Raw(line)),
        Some(_) => Err(damaged("it has a line longer than any, or ends within one")),
        None => Err(damaged("it ends too early")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_from_its_line() {
        let row = vec![Cell::Null, Cell::Int(i64::MIN), Cell::Text("a\n\"ü".into()), Cell::Bytes(vec![0, 255])];
        let line = row_line(&row);
        assert_eq!(line, "[null,-9223372036854775808,\"a\\n\\\"ü\",{\"b\":\"AP8=\"}]".as_bytes());
        assert_eq!(row_of(&line), Some(row));
        for bad in ["", "{}", "[true]", "[1.5]", "[[1]]", "[{\"b\":\"?\"}]", "[18446744073709551615]"] {
            assert_eq!(row_of(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_sum_does_not_depend_on_the_order() {
        let (mut one, mut other) = (Sum::default(), Sum::default());
        for row in [b"a", b"b"] {
            one.add(row);
        }
        for row in [b"b", b"a"] {
            other.add(row);
        }
        assert_eq!(one.told(), other.told());
        other.add(b"c");
        assert_ne!(one.told(), other.told());
    }
}

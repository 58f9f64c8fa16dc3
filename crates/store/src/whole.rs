//! The whole database, table by table: out in one consistent look, and into an empty one on either engine.
//!
//! Which tables there are is read from the migrations themselves, so that none is ever forgotten; a test holds that against
//! both engines. Rows leave this crate here alone, as plain values, to be sealed.

use std::sync::LazyLock;

use newsroom::Ms;

use crate::engine::{InsertMany, Kind, Value, once, page_statements};
use crate::migrations::EVERY as MIGRATIONS;
use crate::{Error, Location, Read, Result, Write, args, ledger, settings, sql};

/// A value in a row.
pub type Cell = Value;

/// A table as the migrations leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in order.
    columns: Vec<(&'static str, Kind)>,
    /// Its primary key, by place among the columns.
    key: Vec<usize>,
    first: String,
    next: String,
}

impl Table {
    /// The names of its columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| tables(MIGRATIONS.len()));

/// Every table of this version, in order of name.
pub fn every() -> &'static [Table] {
    &TABLES
}

/// The names of the migrations that made them, in order.
pub fn migrations() -> Vec<&'static str> {
    MIGRATIONS.iter().map(|(name, _)| *name).collect()
}

/// The tables as the first migrations left them, as many as are named. None when these are not ours: a newer version's.
pub fn as_of(migrations: &[String]) -> Option<Vec<Table>> {
    let known = MIGRATIONS.iter().zip(migrations).all(|((ours, _), theirs)| ours == theirs);
    (known && migrations.len() <= MIGRATIONS.len()).then(|| tables(migrations.len()))
}

fn tables(migrations: usize) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for (_, text) in &MIGRATIONS[..migrations] {
        for statement in statements(text) {
            follow(&mut tables, &statement);
        }
    }
    tables.sort_by_key(|table| table.name);
    for table in &mut tables {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let key: Vec<&str> = table.key.iter().map(|at| names[*at]).collect();
        (table.first, table.next) = page_statements(table.name, &names, &key);
    }
    tables
}

/// A migration's statements as words, without comments.
fn statements(text: &'static str) -> Vec<Vec<&'static str>> {
    let mut statements = vec![Vec::new()];
    for line in text.lines() {
        let code = line.split_once("--").map_or(line, |(code, _)| code);
        for word in pieces(code) {
            if word == ";" {
                statements.push(Vec::new());
            } else {
                statements.last_mut().expect("never empty").push(word);
            }
        }
    }
    statements
}

/// Words and marks: `(`, `)`, `,` and `;` stand alone.
fn pieces(code: &'static str) -> Vec<&'static str> {
    let mut pieces = Vec::new();
    let mut rest = code.trim_start();
    while !rest.is_empty() {
        let length = if rest.starts_with(['(', ')', ',', ';']) {
            1
        } else {
            rest.find(|c: char| c.is_whitespace() || "(),;".contains(c)).unwrap_or(rest.len())
        };
        pieces.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    pieces
}

/// What a statement does to the tables. Indexes and rows are no concern of ours.
fn follow(tables: &mut Vec<Table>, statement: &[&'static str]) {
    let find = |tables: &mut Vec<Table>, name: &str| {
        tables.iter().position(|table| table.name == name).expect("a migration changes a table that there is")
    };
    match statement {
        ["CREATE", "TABLE", name, "(", body @ ..] => tables.push(made(name, body)),
        ["DROP", "TABLE", name] => {
            let at = find(tables, name);
            tables.remove(at);
        }
        ["ALTER", "TABLE", old, "RENAME", "TO", new] => {
            let at = find(tables, old);
            tables[at].name = new;
        }
        ["ALTER", "TABLE", name, "ADD", "COLUMN", column, kind, ..] => {
            let at = find(tables, name);
            tables[at].columns.push((column, kind_of(kind)));
        }
        ["ALTER", ..] => panic!("a migration alters a table in a way that backups do not follow: {statement:?}"),
        _ => {}
    }
}

fn made(name: &'static str, body: &[&'static str]) -> Table {
    let mut table = Table { name, columns: Vec::new(), key: Vec::new(), first: String::new(), next: String::new() };
    let mut depth = 0;
    let parts = body.split(|word| {
        depth += i32::from(*word == "(") - i32::from(*word == ")");
        *word == "," && depth == 0
    });
    for part in parts {
        match part {
            ["PRIMARY", "KEY", "(", names @ ..] => {
                let named = names.iter().take_while(|word| **word != ")").filter(|word| **word != ",");
                table.key = named.map(|name| place(&table, name)).collect();
            }
            ["UNIQUE" | "CHECK" | "FOREIGN" | "CONSTRAINT", ..] => {}
            [column, kind, rest @ ..] => {
                table.columns.push((column, kind_of(kind)));
                if rest.starts_with(&["PRIMARY", "KEY"]) {
                    table.key = vec![table.columns.len() - 1];
                }
            }
            _ => panic!("a table's column is not understood: {part:?}"),
        }
    }
    assert!(!table.key.is_empty(), "every table has a primary key: {name}");
    table
}

fn place(table: &Table, name: &str) -> usize {
    table.columns.iter().position(|(column, _)| *column == name).expect("a key is made of columns above it")
}

fn kind_of(word: &str) -> Kind {
    match word {
        "BIGINT" => Kind::Int,
        "TEXT" => Kind::Text,
        "BYTEA" => Kind::Bytes,
        other => panic!("a column is neither BIGINT, TEXT nor BYTEA but {other}"),
    }
}

/// A page of rows begins with so many, and grows or shrinks with their size.
const ROWS_FIRST: i64 = 8;
/// Rows are small: so many at once are some hundred kilobytes.
const ROWS_MAX: i64 = 1_024;
/// A page with more than this was too long a page.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Hands every row of a table to `each`, in order of key. In one transaction with others this is one moment's whole.
///
/// # Errors
/// [`Error`]; what `each` returns.
pub fn rows(tx: &Read, table: &'static Table, mut each: impl FnMut(Vec<Cell>) -> Result<()>) -> Result<()> {
    let mut limit = ROWS_FIRST;
    let mut after: Vec<Value> = Vec::new();
    loop {
        let page = if after.is_empty() {
            tx.query(&table.first, &[limit.into()])?
        } else {
            let arguments: Vec<Value> = after.iter().cloned().chain([limit.into()]).collect();
            tx.query(&table.next, &arguments)?
        };
        let Some(last) = page.last() else { return Ok(()) };
        after = table.key.iter().map(|at| last.cells()[*at].clone()).collect();
        let mut bytes = 0;
        for row in page {
            let cells = row.into_cells();
            bytes += cells.iter().map(size).sum::<usize>();
            each(cells)?;
        }
        limit = if bytes > PAGE_BYTES { (limit / 4).max(1) } else { (limit * 2).min(ROWS_MAX) };
    }
}

fn size(cell: &Value) -> usize {
    match cell {
        Value::Null | Value::Int(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

/// Writes rows into a table.
///
/// # Errors
/// [`Error::Unfit`] when a row is of another shape, or its key is there already.
pub fn fill(tx: &Write, table: &Table, rows: &[Vec<Cell>]) -> Result<()> {
    let fits = |row: &Vec<Cell>| {
        row.len() == table.columns.len()
            && row.iter().zip(&table.columns).all(|(cell, (_, kind))| match cell {
                Value::Null => true,
                Value::Int(_) => *kind == Kind::Int,
                Value::Text(_) => *kind == Kind::Text,
                Value::Bytes(_) => *kind == Kind::Bytes,
            })
    };
    let shape = InsertMany { table: table.name, columns: &table.columns };
    if !rows.iter().all(fits) || tx.insert_many(&shape, rows)? != rows.len() as u64 {
        return Err(Error::Unfit(format!("rows of {} do not fit this database", table.name)));
    }
    Ok(())
}

const A_NEWSLETTER: &str = sql!("SELECT id FROM newsletter ORDER BY id LIMIT 1");
const A_SETTING: &str = sql!("SELECT name FROM setting ORDER BY name LIMIT 1");
const A_READER: &str = sql!("SELECT id FROM reader ORDER BY id LIMIT 1");

/// Fills an empty database that stands at the first `migrations` in one transaction, and brings it up to date. It blocks:
/// call it where that holds up nobody.
///
/// # Errors
/// [`Error::Unfit`] when the database holds a newsroom; then, as for every error, nothing of it was changed.
pub fn restore<T>(location: &Location, migrations: usize, work: impl FnOnce(&Write) -> Result<T>) -> Result<T> {
    once(location, migrations, |tx| {
        // A newsroom that was founded has a newsletter, and settings.
        for any in [A_NEWSLETTER, A_SETTING, A_READER] {
            if tx.first(any, args![])?.is_some() {
                return Err(Error::Unfit("the database holds a newsroom already".into()));
            }
        }
        work(tx)
    })
}

/// The setting that holds all sending until a person confirms, with the reason.
pub const HELD: &str = "post.held";

const PAUSE: &str = sql!("UPDATE departure SET state = 2 WHERE kind = 1 AND state IN (0, 1)");
const LET_GO: &str = sql!("UPDATE lease SET until = 0 WHERE until > $1");
const RELEASE: &str = sql!("DELETE FROM setting WHERE name = $1");
const SERVED: &str = sql!("UPDATE subscription SET last_date = $1 WHERE last_date < $1");
const NEWEST: &str = sql!("SELECT coalesce(max(id), 0) FROM departure WHERE kind = 1");

/// A database that was restored: copies in flight when it was copied are in doubt, editions that had not left are paused,
/// and nothing leaves until [`release`].
///
/// # Errors
/// [`Error`].
pub fn hold(tx: &Write, why: &str, now: Ms) -> Result<()> {
    ledger::recover(tx, now)?;
    tx.execute(PAUSE, args![])?;
    tx.execute(LET_GO, args![0_i64])?;
    settings::put(tx, HELD, why)
}

/// A person has confirmed. With `served`, a local date, nobody gets an edition of that date or an earlier one: it went out
/// after the copy was made. Editions that were paused stay so.
///
/// # Errors
/// [`Error`].
pub fn release(tx: &Write, served: Option<&str>, now: Ms) -> Result<()> {
    // The newsroom that this is a copy of may have sent them once more.
    crate::doubt::hold_all(tx, "the release of a restored or copied newsroom", now)?;
    if let Some(date) = served {
        tx.execute(SERVED, args![date])?;
    }
    tx.execute(RELEASE, args![HELD])?;
    Ok(())
}

/// The id of the newest departure of an edition; 0 before the first. A copy of the database that is older has a lower one.
///
/// # Errors
/// [`Error`].
pub fn newest_departure(tx: &Read) -> Result<i64> {
    Ok(tx.first(NEWEST, args![])?.map_or(0, |row| row.int(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    #[test]
    fn the_migrations_are_read_as_the_engine_reads_them() {
        let folder = std::env::current_exe().unwrap().with_file_name(format!("whole-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut session = Session::open(&Location::Sqlite(folder.join("newsroom.db")), true).unwrap();
        session.migrate().unwrap();
        let theirs = session.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &[]).unwrap();
        let theirs: Vec<String> = theirs.iter().map(|row| row.text(0)).filter(|name| name != "migration").collect();
        let ours: Vec<&str> = every().iter().map(|table| table.name).collect();
        assert_eq!(ours, theirs);
        for table in every() {
            for statement in [&table.first, &table.next] {
                let planned = session.plan(statement).unwrap_or_else(|fault| panic!("{}: {fault}", table.name));
                assert_eq!(planned.1, table.columns.len(), "{}", table.name);
            }
            let columns = session.query("SELECT name FROM pragma_table_info($1) ORDER BY cid", &[table.name.into()]);
            let columns: Vec<String> = columns.unwrap().iter().map(|row| row.text(0)).collect();
            assert_eq!(table.columns().collect::<Vec<_>>(), columns, "{}", table.name);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn tables_are_followed_through_what_migrations_do_to_them() {
        let text = "CREATE TABLE a (\n  id BIGINT PRIMARY KEY, -- why\n  n TEXT CHECK (n IN ('x', 'y')),\n  UNIQUE (id, n)\n);\n\
            CREATE TABLE b (\n  x BIGINT NOT NULL,\n  y BYTEA NOT NULL,\n  PRIMARY KEY (y, x)\n) /* clustered */;\n\
            ALTER TABLE a ADD COLUMN late TEXT NOT NULL DEFAULT '';\nCREATE INDEX i ON a (n) WHERE n = 'x';\n\
            DROP TABLE b;\nALTER TABLE a RENAME TO c;";
        let mut tables = Vec::new();
        let all = statements(text);
        for statement in &all[..2] {
            follow(&mut tables, statement);
        }
        assert_eq!(tables[1].key, [1, 0]);
        for statement in &all[2..] {
            follow(&mut tables, statement);
        }
        assert_eq!((tables.len(), tables[0].name), (1, "c"));
        assert_eq!(tables[0].columns().collect::<Vec<_>>(), ["id", "n", "late"]);
    }

    #[test]
    fn a_newer_versions_tables_are_not_guessed() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(as_of(&names(&["0001_founding"])).is_some_and(|tables| !tables.is_empty()));
        assert!(as_of(&names(&["0001_other"])).is_none());
        let mut newer = names(&migrations());
        assert!(as_of(&newer).is_some());
        newer.push("9999_future".into());
        assert!(as_of(&newer).is_none());
    }
}

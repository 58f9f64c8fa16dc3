//! One connection to either engine, speaking one SQL.
//!
//! The dialect is a word list, not a query builder: `$1` is `?1` to SQLite; migrations are written in PostgreSQL's
//! words. Bulk work has two verbs, a prepared loop on SQLite and one `UNNEST` on PostgreSQL.

use super::{Error, Location, Result, postgres, sqlite};
use crate::migrations::EVERY;
pub use crate::value::{Kind, Row, Value};

/// The shape of a bulk insert. Rows that clash with a key already there are passed over.
#[derive(Clone, Copy, Debug)]
pub struct InsertMany<'t> {
    /// The table.
    pub table: &'t str,
    /// Its columns, in the rows' order.
    pub columns: &'t [(&'t str, Kind)],
}

/// The shape of a bulk update: rows hold the new values, then the key's.
#[derive(Debug)]
pub struct UpdateMany {
    /// The table.
    pub table: &'static str,
    /// Columns that get new values.
    pub set: &'static [(&'static str, Kind)],
    /// Further assignments, written out: `attempts = attempts + 1`.
    pub also: &'static str,
    /// Columns that must match.
    pub key: &'static [(&'static str, Kind)],
    /// A further condition, written out; `{t}` stands for the table.
    pub guard: &'static str,
}

impl UpdateMany {
    fn columns(&self) -> impl Iterator<Item = &(&'static str, Kind)> {
        self.set.iter().chain(self.key)
    }
}

/// One connection.
pub enum Session {
    /// To a SQLite file.
    Sqlite(sqlite::Connection),
    /// To a PostgreSQL server.
    Postgres(postgres::Connection),
}

impl Session {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`Error`] when it cannot be reached or is unfit.
    pub fn open(location: &Location, write: bool) -> Result<Self> {
        Ok(match location {
            Location::Sqlite(path) => Self::Sqlite(sqlite::Connection::open(path, write)?),
            Location::SqlitePlantedNormal(path) => Self::Sqlite(sqlite::Connection::open_planted_normal(path, write)?),
            Location::Simulated { vfs, planted_normal } => {
                Self::Sqlite(sqlite::Connection::open_simulated(vfs, *planted_normal)?)
            }
            Location::Postgres(url) => Self::Postgres(postgres::Connection::open(url, write)?),
        })
    }

    /// Brings the schema up to date, each migration in its own transaction.
    ///
    /// # Errors
    /// [`Error`] when a migration fails; then nothing of it stands.
    pub fn migrate(&mut self) -> Result<()> {
        self.migrate_to(EVERY.len())
    }

    /// Runs the first `count` migrations, those that were not run yet.
    pub(super) fn migrate_to(&mut self, count: usize) -> Result<()> {
        self.batch("CREATE TABLE IF NOT EXISTS migration (\n  name TEXT PRIMARY KEY\n);")?;
        for (name, ddl) in &EVERY[..count] {
            self.begin(true)?;
            let done = self.query("SELECT name FROM migration WHERE name = $1", &[Value::from(*name)])?;
            if done.is_empty() {
                self.batch(ddl)?;
                self.execute("INSERT INTO migration (name) VALUES ($1)", &[Value::from(*name)])?;
            }
            self.commit()?;
        }
        Ok(())
    }

    fn batch(&mut self, ddl: &str) -> Result<()> {
        match self {
            Self::Sqlite(c) => c.batch(&sqlite_ddl(ddl)),
            Self::Postgres(c) => c.batch(ddl),
        }
    }

    pub(super) fn begin(&mut self, write: bool) -> Result<()> {
        match self {
            Self::Sqlite(c) => c.execute(if write { "BEGIN IMMEDIATE" } else { "BEGIN" }, &[]).map(drop),
            Self::Postgres(c) => {
                c.batch(if write { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" })
            }
        }
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.plain("COMMIT")
    }

    /// Gives up the transaction. A failure here means that the connection is gone, and the transaction with it.
    pub(super) fn rollback(&mut self) {
        if let Err(fault) = self.plain("ROLLBACK") {
            tracing::debug!(error = %fault, "A rollback failed; the transaction had ended already");
        }
    }

    pub(super) fn savepoint(&mut self) -> Result<()> {
        self.plain("SAVEPOINT job")
    }

    pub(super) fn end_savepoint(&mut self, keep: bool) -> Result<()> {
        if !keep {
            self.plain("ROLLBACK TO SAVEPOINT job")?;
        }
        self.plain("RELEASE SAVEPOINT job")
    }

    fn plain(&mut self, sql: &'static str) -> Result<()> {
        match self {
            // Kept like every statement: a transaction's own two were parsed anew each time.
            Self::Sqlite(c) => c.execute(sql, &[]).map(drop),
            Self::Postgres(c) => c.batch(sql),
        }
    }

    /// Whether the connection must be opened anew.
    pub(super) fn broken(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(c) => c.closed(),
        }
    }

    /// Rows of a query.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(c) => c.query(sql, args),
            Self::Postgres(c) => c.query(sql, args),
        }
    }

    /// Runs a statement; gives the number of rows changed.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn execute(&mut self, sql: &'static str, args: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(c) => c.execute(sql, args),
            Self::Postgres(c) => c.execute(sql, args),
        }
    }

    pub(super) fn insert_many(&mut self, shape: &InsertMany<'_>, rows: &[Vec<Value>]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let list = names(shape.columns.iter());
        match self {
            Self::Sqlite(c) => {
                let marks = (1..=shape.columns.len()).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
                let sql = format!("INSERT INTO {} ({list}) VALUES ({marks}) ON CONFLICT DO NOTHING", shape.table);
                Ok(c.each(&sql, rows)?.into_iter().filter(|changed| *changed).count() as u64)
            }
            Self::Postgres(c) => {
                let sql = format!(
                    "INSERT INTO {} ({list}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING",
                    shape.table,
                    arrays(shape.columns.iter())
                );
                c.execute_columns(&sql, &shape.columns.iter().map(|c| c.1).collect::<Vec<_>>(), rows)
            }
        }
    }

    pub(super) fn update_many(&mut self, shape: &UpdateMany, rows: &[Vec<Value>]) -> Result<Vec<bool>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let guard = if shape.guard.is_empty() { "TRUE".into() } else { shape.guard.replace("{t}", shape.table) };
        match self {
            Self::Sqlite(c) => {
                let mut marks = 1..;
                let mut mark = |c: &(&str, Kind)| format!("{} = ?{}", c.0, marks.next().unwrap_or(0));
                let mut set: Vec<String> = shape.set.iter().map(&mut mark).collect();
                set.extend(shape.also.split_terminator(", ").map(str::to_owned));
                let key: Vec<String> = shape.key.iter().map(&mut mark).collect();
                let sql =
                    format!("UPDATE {} SET {} WHERE {} AND {guard}", shape.table, set.join(", "), key.join(" AND "));
                c.each(&sql, rows)
            }
            Self::Postgres(c) => {
                // A column may both be matched and get a new value: the given ones go by number.
                let mut given = 1..;
                let mut next = || given.next().unwrap_or(0);
                let mut set: Vec<String> = shape.set.iter().map(|c| format!("{} = v.c{}", c.0, next())).collect();
                // Bare columns on the right-hand side belong to the table in PostgreSQL as well.
                set.extend(shape.also.split_terminator(", ").map(|a| a.replace("= ", &format!("= {}.", shape.table))));
                let key: Vec<String> =
                    shape.key.iter().map(|c| format!("{}.{} = v.c{}", shape.table, c.0, next())).collect();
                let sql = format!(
                    "UPDATE {} SET {} FROM unnest({}) WITH ORDINALITY AS v ({}, ord) WHERE {} AND {guard} RETURNING v.ord",
                    shape.table,
                    set.join(", "),
                    arrays(shape.columns()),
                    (1..=shape.columns().count()).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", "),
                    key.join(" AND "),
                );
                c.changed_columns(&sql, &shape.columns().map(|c| c.1).collect::<Vec<_>>(), rows)
            }
        }
    }

    /// Parses and plans `sql` without running it; gives how many parameters it takes and how many columns it returns.
    ///
    /// # Errors
    /// [`Error::Statement`] when the engine does not take it.
    pub fn plan(&mut self, sql: &str) -> Result<(usize, usize)> {
        match self {
            Self::Sqlite(c) => c.plan(sql),
            Self::Postgres(c) => c.plan(sql),
        }
    }
}

fn names<'a, 'c: 'a>(columns: impl Iterator<Item = &'a (&'c str, Kind)>) -> String {
    columns.map(|c| c.0).collect::<Vec<_>>().join(", ")
}

fn arrays<'a, 'c: 'a>(columns: impl Iterator<Item = &'a (&'c str, Kind)>) -> String {
    let word = |kind| match kind {
        Kind::Int => "bigint",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    };
    columns.enumerate().map(|(i, c)| format!("${}::{}[]", i + 1, word(c.1))).collect::<Vec<_>>().join(", ")
}

/// The statements that read a table page by page in the order of its key: the first page, and the page after a key.
pub(crate) fn page_statements(table: &str, columns: &[&str], key: &[&str]) -> (String, String) {
    let (columns, order) = (columns.join(", "), key.join(", "));
    let marks = (1..=key.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
    let last = key.len() + 1;
    let first = format!("SELECT {columns} FROM {table} ORDER BY {order} LIMIT $1");
    let next = format!("SELECT {columns} FROM {table} WHERE ({order}) > ({marks}) ORDER BY {order} LIMIT ${last}");
    (first, next)
}

/// SQLite's words for a migration; every table is STRICT, and a clustered one lies in the order of its key.
fn sqlite_ddl(ddl: &str) -> String {
    ddl.replace("BIGINT", "INTEGER")
        .replace("BYTEA", "BLOB")
        .replace("\n) /* clustered */;", "\n) STRICT, WITHOUT ROWID;")
        .replace("\n);", "\n) STRICT;")
}

/// A fault of the driver in the store's words.
pub(super) fn statement(fault: impl std::fmt::Display, sql: &str) -> Error {
    Error::Statement(format!("{fault} in: {}", sql.chars().take(400).collect::<String>()))
}

//! The SQLite side: WAL, `synchronous=FULL`, one writer, `BEGIN IMMEDIATE`.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::session::{Row, Value, statement};
use super::{Error, Result};

/// How long a writer waits for another process's transaction before it says `Busy`, in milliseconds.
const BUSY_WAIT_MS: u32 = 15_000;
/// How many prepared statements a connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// A connection to a SQLite file.
pub struct Connection {
    inner: rusqlite::Connection,
    translated: std::collections::BTreeMap<&'static str, String>,
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

impl Connection {
    pub(super) fn open(path: &std::path::Path, write: bool) -> Result<Self> {
        let inner = rusqlite::Connection::open(path).map_err(|fault| fault_of(&fault, "open"))?;
        let mut this = Self::wrap(inner)?;
        this.batch(&format!("PRAGMA busy_timeout={BUSY_WAIT_MS}"))?;
        // FULL: NORMAL lost acknowledged rows in real power cuts. secure_delete: an erased address leaves no trace.
        this.batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;",
        )?;
        this.batch("PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY;")?;
        if !write {
            this.batch("PRAGMA query_only=ON")?;
        }
        Ok(this)
    }

    pub(super) fn open_planted_normal(path: &std::path::Path, write: bool) -> Result<Self> {
        let mut this = Self::open(path, write)?;
        this.batch("PRAGMA synchronous=NORMAL")?;
        Ok(this)
    }

    pub(super) fn open_simulated(vfs: &str, planted_normal: bool) -> Result<Self> {
        use rusqlite::OpenFlags;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let inner = rusqlite::Connection::open_with_flags_and_vfs("newsroom.db", flags, vfs)
            .map_err(|fault| fault_of(&fault, "open"))?;
        let mut this = Self::wrap(inner)?;
        // Exclusive: WAL without shared memory, which the simulated disk does not have.
        let synchronous = if planted_normal { "NORMAL" } else { "FULL" };
        this.batch(&format!(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; \
             PRAGMA synchronous={synchronous}; \
             PRAGMA wal_autocheckpoint=64; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
        ))?;
        Ok(this)
    }

    fn wrap(inner: rusqlite::Connection) -> Result<Self> {
        inner.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        // Without it SQLite looks at what is bound to `LIMIT $1` or `due <= $1` and plans a kept statement anew at each
        // run: half of the time that a claim took. With it a statement has one plan, the one that the tests have seen.
        let stable = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        inner.set_db_config(stable, true).map_err(|fault| fault_of(&fault, "one plan for each statement"))?;
        Ok(Self { inner, translated: std::collections::BTreeMap::new() })
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.inner.execute_batch(sql).map_err(|fault| fault_of(&fault, sql))
    }

    pub(super) fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>> {
        let words = self.translated.entry(sql).or_insert_with(|| translate(sql));
        let fail = |fault: rusqlite::Error| fault_of(&fault, sql);
        let mut prepared = self.inner.prepare_cached(words).map_err(fail)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(rusqlite::params_from_iter(args)).map_err(fail)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            out.push(Row((0..columns)
                .map(|i| row.get_ref(i).map(owned))
                .collect::<rusqlite::Result<_>>()
                .map_err(fail)?));
        }
        Ok(out)
    }

    pub(super) fn execute(&mut self, sql: &'static str, args: &[Value]) -> Result<u64> {
        let words = self.translated.entry(sql).or_insert_with(|| translate(sql));
        let fail = |fault: rusqlite::Error| fault_of(&fault, sql);
        let mut prepared = self.inner.prepare_cached(words).map_err(fail)?;
        Ok(prepared.execute(rusqlite::params_from_iter(args)).map_err(fail)? as u64)
    }

    /// Runs a statement in SQLite's own words once for each row; tells which changed something.
    pub(super) fn each(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<Vec<bool>> {
        let fail = |fault: rusqlite::Error| fault_of(&fault, sql);
        let mut prepared = self.inner.prepare_cached(sql).map_err(fail)?;
        rows.iter().map(|row| Ok(prepared.execute(rusqlite::params_from_iter(row)).map_err(fail)? > 0)).collect()
    }

    pub(super) fn plan(&mut self, sql: &str) -> Result<(usize, usize)> {
        let prepared = self.inner.prepare(&translate(sql)).map_err(|fault| fault_of(&fault, sql))?;
        Ok((prepared.parameter_count(), prepared.column_count()))
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(i) => Value::Int(i),
        ValueRef::Real(r) => panic!("a column holds the fraction {r}; the schema has none"),
        ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into()),
        ValueRef::Blob(b) => Value::Bytes(b.into()),
    }
}

/// `$1` is `?1` to SQLite, and a row needs no lock where one writes at a time.
fn translate(sql: &str) -> String {
    sql.replace('$', "?").replace("{shared}", "")
}

fn fault_of(fault: &rusqlite::Error, sql: &str) -> Error {
    use rusqlite::ErrorCode;
    match fault.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(fault.to_string()),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Disk(fault.to_string())
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Error::Away(fault.to_string())
        }
        _ => statement(fault, sql),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_statement_is_planned_once_whatever_is_bound_to_it() {
        let mut connection = Connection::wrap(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
        connection.batch("CREATE TABLE deferral (due INTEGER); CREATE INDEX due ON deferral (due)").unwrap();
        let sql = "SELECT due FROM deferral WHERE due <= $1 ORDER BY due LIMIT $2";
        for number in 1..=100 {
            assert!(connection.query(sql, &[Value::Int(number), Value::Int(number)]).unwrap().is_empty());
        }
        let kept = connection.inner.prepare_cached(&translate(sql)).unwrap();
        assert_eq!(kept.get_status(rusqlite::StatementStatus::Run), 100);
        assert_eq!(kept.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }
}

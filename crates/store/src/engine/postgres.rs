//! The PostgreSQL side: one connection a thread, statements prepared once.

use std::collections::BTreeMap;

use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::session::{Kind, Row, Value, statement};
use super::{Error, Result};

/// A connection to a PostgreSQL server.
pub struct Connection {
    client: postgres::Client,
    prepared: BTreeMap<String, postgres::Statement>,
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(i) => i.to_sql(kind, out),
            Self::Text(t) => t.to_sql(kind, out),
            Self::Bytes(b) => b.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl Connection {
    pub(super) fn open(url: &str, write: bool) -> Result<Self> {
        let mut client = postgres::Client::connect(url, postgres::NoTls).map_err(|fault| Error::Away(why(&fault)))?;
        if write {
            durable(&mut client)?;
        }
        Ok(Self { client, prepared: BTreeMap::new() })
    }

    pub(super) fn closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(|fault| fault_of(&fault, sql))
    }

    fn prepare(&mut self, sql: &str) -> Result<postgres::Statement> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok(known.clone());
        }
        let fresh = self.client.prepare(&translate(sql)).map_err(|fault| fault_of(&fault, sql))?;
        self.prepared.insert(sql.to_owned(), fresh.clone());
        Ok(fresh)
    }

    pub(super) fn query(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        let prepared = self.prepare(sql)?;
        let fail = |fault: postgres::Error| fault_of(&fault, sql);
        let rows = self.client.query(&prepared, &dynamic(args)).map_err(fail)?;
        rows.iter().map(|row| owned(row).map_err(fail)).collect()
    }

    pub(super) fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        let prepared = self.prepare(sql)?;
        self.client.execute(&prepared, &dynamic(args)).map_err(|fault| fault_of(&fault, sql))
    }

    pub(super) fn execute_columns(&mut self, sql: &str, kinds: &[Kind], rows: &[Vec<Value>]) -> Result<u64> {
        let prepared = self.prepare(sql)?;
        let columns = columns_of(kinds, rows);
        let args: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| &**c as _).collect();
        self.client.execute(&prepared, &args).map_err(|fault| fault_of(&fault, sql))
    }

    /// Runs a bulk update that returns the ordinal of each row that matched.
    pub(super) fn changed_columns(&mut self, sql: &str, kinds: &[Kind], rows: &[Vec<Value>]) -> Result<Vec<bool>> {
        let prepared = self.prepare(sql)?;
        let columns = columns_of(kinds, rows);
        let args: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| &**c as _).collect();
        let mut changed = vec![false; rows.len()];
        for row in self.client.query(&prepared, &args).map_err(|fault| fault_of(&fault, sql))? {
            let ordinal: i64 = row.get(0);
            changed[usize::try_from(ordinal).expect("ordinals count from one") - 1] = true;
        }
        Ok(changed)
    }

    pub(super) fn plan(&mut self, sql: &str) -> Result<(usize, usize)> {
        let prepared = self.client.prepare(&translate(sql)).map_err(|fault| fault_of(&fault, sql))?;
        Ok((prepared.params().len(), prepared.columns().len()))
    }
}

/// A row read with `{shared}` stays as it is until the transaction ends.
fn translate(sql: &str) -> String {
    sql.replace("{shared}", "FOR SHARE")
}

/// Coranto refuses to start where the server may lose what it acknowledged.
fn durable(client: &mut postgres::Client) -> Result<()> {
    for name in ["synchronous_commit", "fsync", "full_page_writes"] {
        let row = client.query_one(&format!("SHOW {name}"), &[]).map_err(|fault| Error::Away(why(&fault)))?;
        let value: String = row.get(0);
        if value == "off" || (name == "synchronous_commit" && value == "local") {
            return Err(Error::Unfit(format!(
                "PostgreSQL runs with {name} = {value}: a power cut could lose sign-ups and mail readers twice. \
                 Set {name} = on and start again."
            )));
        }
    }
    Ok(())
}

fn dynamic(args: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    args.iter().map(|a| a as _).collect()
}

fn columns_of(kinds: &[Kind], rows: &[Vec<Value>]) -> Vec<Box<dyn ToSql + Sync>> {
    let column = |i: usize| rows.iter().map(move |row| &row[i]);
    kinds
        .iter()
        .enumerate()
        .map(|(i, kind)| -> Box<dyn ToSql + Sync> {
            match kind {
                Kind::Int => Box::new(
                    column(i)
                        .map(|v| match v {
                            Value::Int(n) => Some(*n),
                            Value::Null => None,
                            other => wrong(other),
                        })
                        .collect::<Vec<Option<i64>>>(),
                ),
                Kind::Text => Box::new(
                    column(i)
                        .map(|v| match v {
                            Value::Text(t) => Some(t.clone()),
                            Value::Null => None,
                            other => wrong(other),
                        })
                        .collect::<Vec<Option<String>>>(),
                ),
                Kind::Bytes => Box::new(
                    column(i)
                        .map(|v| match v {
                            Value::Bytes(b) => Some(b.clone()),
                            Value::Null => None,
                            other => wrong(other),
                        })
                        .collect::<Vec<Option<Vec<u8>>>>(),
                ),
            }
        })
        .collect()
}

fn wrong(value: &Value) -> ! {
    panic!("{value:?} stands in a column of another kind")
}

fn owned(row: &postgres::Row) -> std::result::Result<Row, postgres::Error> {
    let value = |i: usize| {
        Ok(match *row.columns()[i].type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(i)?.map_or(Value::Null, Value::Int),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(i)?.map_or(Value::Null, Value::Bytes),
            _ => row.try_get::<_, Option<String>>(i)?.map_or(Value::Null, Value::Text),
        })
    };
    Ok(Row((0..row.len()).map(value).collect::<std::result::Result<_, postgres::Error>>()?))
}

fn why(fault: &postgres::Error) -> String {
    std::error::Error::source(fault).map_or_else(|| fault.to_string(), |inner| format!("{fault}: {inner}"))
}

fn fault_of(fault: &postgres::Error, sql: &str) -> Error {
    use postgres::error::SqlState;
    if fault.is_closed() {
        return Error::Away(why(fault));
    }
    match fault.code() {
        Some(code) if *code == SqlState::DISK_FULL => Error::Full,
        Some(code) if *code == SqlState::IO_ERROR || *code == SqlState::DATA_CORRUPTED => Error::Disk(why(fault)),
        Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::LOCK_NOT_AVAILABLE => {
            Error::Busy(why(fault))
        }
        Some(code) if *code == SqlState::ADMIN_SHUTDOWN || *code == SqlState::CRASH_SHUTDOWN => Error::Away(why(fault)),
        _ => statement(why(fault), sql),
    }
}

//! Settings, by name; what they mean is defined in `coranto::settings`.

use crate::{Read, Result, Write, args, sql};

const GET: &str = sql!("SELECT value FROM setting WHERE name = $1");
const PUT: &str = sql!(
    "INSERT INTO setting (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value"
);
const ALL: &str = sql!("SELECT name, value FROM setting ORDER BY name");

/// A setting's value, if it was ever set.
///
/// # Errors
/// [`crate::Error`].
pub fn get(tx: &Read, name: &str) -> Result<Option<String>> {
    Ok(tx.first(GET, args![name])?.map(|r| r.text(0)))
}

/// Sets it.
///
/// # Errors
/// [`crate::Error`].
pub fn put(tx: &Write, name: &str, value: &str) -> Result<()> {
    tx.execute(PUT, args![name, value])?;
    Ok(())
}

/// Every setting that was set, by name.
///
/// # Errors
/// [`crate::Error`].
pub fn all(tx: &Read) -> Result<std::collections::BTreeMap<String, String>> {
    Ok(tx.query(ALL, args![])?.iter().map(|r| (r.text(0), r.text(1))).collect())
}

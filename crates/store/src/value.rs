//! What a statement takes and gives: values of four kinds, in rows. The same on both engines, so that nothing above them
//! knows which one answers.

/// The four kinds of value a column may hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `BIGINT`.
    Int(i64),
    /// `TEXT`.
    Text(String),
    /// `BYTEA`.
    Bytes(Vec<u8>),
}

/// A column's kind, for bulk verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`.
    Int,
    /// `TEXT`.
    Text,
    /// `BYTEA`.
    Bytes,
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Self::Int(v.into())
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Int(v.into())
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.into())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&String> for Value {
    fn from(v: &String) -> Self {
        Self::Text(v.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}
impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Self::Bytes(v.into())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// A row of a result, read by column number. A column of another kind than asked for is a broken promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// Its values.
    pub(crate) fn cells(&self) -> &[Value] {
        &self.0
    }

    /// Its values, to keep.
    pub(crate) fn into_cells(self) -> Vec<Value> {
        self.0
    }

    /// A `BIGINT`.
    pub fn int(&self, column: usize) -> i64 {
        self.int_or_none(column).unwrap_or_else(|| panic!("column {column} is NULL"))
    }

    /// A `BIGINT` that may be NULL.
    pub fn int_or_none(&self, column: usize) -> Option<i64> {
        match &self.0[column] {
            Value::Int(v) => Some(*v),
            Value::Null => None,
            other => panic!("column {column} is {other:?}, not a number"),
        }
    }

    /// A `TEXT`.
    pub fn text(&self, column: usize) -> String {
        self.text_or_none(column).unwrap_or_else(|| panic!("column {column} is NULL"))
    }

    /// A `TEXT` that may be NULL.
    pub fn text_or_none(&self, column: usize) -> Option<String> {
        match &self.0[column] {
            Value::Text(v) => Some(v.clone()),
            Value::Null => None,
            other => panic!("column {column} is {other:?}, not a text"),
        }
    }

    /// A `BYTEA`.
    pub fn bytes(&self, column: usize) -> Vec<u8> {
        self.bytes_or_none(column).unwrap_or_else(|| panic!("column {column} is NULL"))
    }

    /// A `BYTEA` that may be NULL.
    pub fn bytes_or_none(&self, column: usize) -> Option<Vec<u8>> {
        match &self.0[column] {
            Value::Bytes(v) => Some(v.clone()),
            Value::Null => None,
            other => panic!("column {column} is {other:?}, not bytes"),
        }
    }
}

//! Headers of a message: a name and a value of one of ten types each.

use crate::framing::FramingError;

/// The headers of one message, as they stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Headers<'a>(&'a [u8]);

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Types 0 and 1.
    Boolean(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Integer(i32),
    /// Type 5.
    Long(i64),
    /// Type 6, at most 65535 bytes.
    Bytes(&'a [u8]),
    /// Type 7, at most 65535 bytes; UTF-8 by the format's word, which is not checked.
    Text(&'a [u8]),
    /// Type 8, in milliseconds since the epoch.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl<'a> Headers<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next name and value, and what is behind them.
    fn split(bytes: &'a [u8]) -> Option<(&'a [u8], Value<'a>, &'a [u8])> {
        let (length, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (kind, rest) = rest.split_first()?;
        let (value, rest) = match kind {
            0 => (Value::Boolean(true), rest),
            1 => (Value::Boolean(false), rest),
            2 => number(rest, |bytes| Value::Byte(i8::from_be_bytes(bytes)))?,
            3 => number(rest, |bytes| Value::Short(i16::from_be_bytes(bytes)))?,
            4 => number(rest, |bytes| Value::Integer(i32::from_be_bytes(bytes)))?,
            5 => number(rest, |bytes| Value::Long(i64::from_be_bytes(bytes)))?,
            6 => counted(rest).map(|(value, rest)| (Value::Bytes(value), rest))?,
            7 => counted(rest).map(|(value, rest)| (Value::Text(value), rest))?,
            8 => number(rest, |bytes| Value::Timestamp(i64::from_be_bytes(bytes)))?,
            9 => number(rest, Value::Uuid)?,
            _ => return None,
        };
        Some((name, value, rest))
    }
}

/// A value of so many bytes, and what is behind it.
fn number<'a, const N: usize>(bytes: &'a [u8], value: impl FnOnce([u8; N]) -> Value<'a>) -> Option<(Value<'a>, &'a [u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((value(*number), rest))
}

/// Bytes behind their count, and what is behind them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a [u8], Value<'a>), FramingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some((name, value, rest)) = Self::split(self.0) else {
            self.0 = &[];
            return Some(Err(FramingError::Malformed));
        };
        self.0 = rest;
        Some(Ok((name, value)))
    }
}

/// Appends one header.
pub(super) fn write(name: &[u8], value: &Value<'_>, out: &mut Vec<u8>) {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend_from_slice(name.get(..usize::from(length)).unwrap_or_default());
    let mut put = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Boolean(true) => put(0, &[]),
        Value::Boolean(false) => put(1, &[]),
        Value::Byte(value) => put(2, &value.to_be_bytes()),
        Value::Short(value) => put(3, &value.to_be_bytes()),
        Value::Integer(value) => put(4, &value.to_be_bytes()),
        Value::Long(value) => put(5, &value.to_be_bytes()),
        Value::Bytes(value) => write_counted(6, value, out),
        Value::Text(value) => write_counted(7, value, out),
        Value::Timestamp(value) => put(8, &value.to_be_bytes()),
        Value::Uuid(value) => put(9, value),
    }
}

fn write_counted(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value.get(..usize::from(length)).unwrap_or_default());
}

//! Compressed bodies (RFC 9110, 8.4.1; RFC 1952): bytes in any pieces to what they were before, bounded.

#[cfg(test)]
mod tests;

use core::fmt;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// In the file format of gzip.
    Gzip,
    /// In the format of zlib, or as bare deflate, which some servers send under this name.
    Deflate,
    /// In a way that can't be undone here.
    Unknown,
}

impl Coding {
    /// The coding that a `content-encoding` names.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
        if is("identity") || is("") {
            Self::Identity
        } else if is("gzip") || is("x-gzip") {
            Self::Gzip
        } else if is("deflate") {
            Self::Deflate
        } else {
            Self::Unknown
        }
    }
}

/// Why a body can't be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// It is not of its coding's format.
    Broken,
    /// It would be longer than the limit.
    TooLong,
    /// It ended before its own end.
    Cut,
    /// No way is known to undo its coding.
    Unknown,
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the compressed body can't be read",
            Self::TooLong => "the compressed body is longer than the gateway holds",
            Self::Cut => "the compressed body ended early",
            Self::Unknown => "the body is compressed in a way that the gateway can't undo",
        })
    }
}

/// How much is inflated at once, in bytes: two of it fit into a VM's smallest growth of memory.
const STEP: usize = 32 << 10;

/// Parts of a gzip header that its flags announce, in their order (RFC 1952, 2.3.1).
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const CHECK: u8 = 1 << 1;
/// Check value and length, which may be ignored (RFC 1952, 2.3.1.2): what is read here is checked by its own format.
const TRAILER: u16 = 8;

/// Inflates one body.
///
/// ```text
/// gzip     Fixed ─► [ExtraLow ─► ExtraHigh ─► Skip] ─► [Text] ─► [Text] ─► [Skip] ─► Data ─► Trailer ─► Fixed …
/// deflate  Wrapper ─► Data ─► Over
/// ```
pub struct Inflater {
    coding: Coding,
    limit: usize,
    state: Box<InflateState>,
    stage: Stage,
    /// A whole member was read, so the body may end where another could begin.
    whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The ten bytes with which a gzip member begins; `at` of them are read.
    Fixed {
        at: u8,
        flags: u8,
    },
    /// The two bytes of the extra field's length. `flags`: what comes behind it.
    ExtraLow {
        flags: u8,
    },
    ExtraHigh {
        low: u8,
        flags: u8,
    },
    /// Bytes that mean nothing here.
    Skip {
        left: u16,
        flags: u8,
    },
    /// A name or comment, up to its zero.
    Text {
        flags: u8,
    },
    /// The first byte of zlib's wrapper, or of bare deflate.
    Wrapper,
    Data,
    Trailer {
        left: u16,
    },
    Over,
}

impl Inflater {
    /// For one body of this coding; `None` where it needs none or there is none. One push gives at most `limit` bytes and a step.
    #[must_use]
    pub fn new(coding: Coding, limit: usize) -> Option<Self> {
        let stage = match coding {
            Coding::Gzip => Stage::Fixed { at: 0, flags: 0 },
            Coding::Deflate => Stage::Wrapper,
            Coding::Identity | Coding::Unknown => return None,
        };
        Some(Self { coding, limit, state: InflateState::new_boxed(DataFormat::Raw), stage, whole: false })
    }

    /// Takes the next bytes and appends what they are.
    ///
    /// # Errors
    /// They are not of the coding's format, or too much comes of them; nothing that follows can be read.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        let most = out.len().saturating_add(self.limit);
        while let Some((first, rest)) = bytes.split_first() {
            if self.stage == Stage::Wrapper {
                // Four bits say "deflate" and four the window's size (RFC 1950, 2.2); bare deflate never begins so where it is packed.
                let format = if first & 0x0f == 8 && first >> 4 <= 7 { DataFormat::Zlib } else { DataFormat::Raw };
                self.state.reset(format);
                self.stage = Stage::Data;
            }
            match self.stage {
                Stage::Data => bytes = self.data(bytes, out, most)?,
                Stage::Over => return Err(InflateError::Broken),
                stage => {
                    self.stage = self.header(stage, *first)?;
                    bytes = rest;
                }
            }
        }
        Ok(())
    }

    /// Whether the body may end here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole && matches!(self.stage, Stage::Over | Stage::Fixed { at: 0, .. })
    }

    /// Inflates from the data of a member; the bytes behind it.
    fn data<'b>(&mut self, mut bytes: &'b [u8], out: &mut Vec<u8>, most: usize) -> Result<&'b [u8], InflateError> {
        loop {
            let from = out.len();
            if from > most {
                return Err(InflateError::TooLong);
            }
            out.resize(from.saturating_add(STEP), 0);
            let result = inflate(&mut self.state, bytes, out.get_mut(from..).unwrap_or_default(), MZFlush::None);
            out.truncate(from.saturating_add(result.bytes_written));
            bytes = bytes.get(result.bytes_consumed..).unwrap_or_default();
            match result.status {
                Ok(MZStatus::StreamEnd) => {
                    self.whole = true;
                    self.stage = if self.coding == Coding::Gzip { Stage::Trailer { left: TRAILER } } else { Stage::Over };
                    return Ok(bytes);
                }
                Ok(_) | Err(MZError::Buf) if result.bytes_written == STEP => {}
                Ok(_) | Err(MZError::Buf) if bytes.is_empty() => return Ok(bytes),
                Ok(_) if result.bytes_consumed > 0 => {}
                Ok(_) | Err(_) => return Err(InflateError::Broken),
            }
        }
    }

    /// One byte around the data of a gzip member.
    fn header(&mut self, stage: Stage, byte: u8) -> Result<Stage, InflateError> {
        Ok(match stage {
            Stage::Fixed { at: 0, .. } if byte == 0x1f => Stage::Fixed { at: 1, flags: 0 },
            Stage::Fixed { at: 1, .. } if byte == 0x8b => Stage::Fixed { at: 2, flags: 0 },
            Stage::Fixed { at: 2, .. } if byte == 8 => Stage::Fixed { at: 3, flags: 0 },
            Stage::Fixed { at: 0..=2, .. } => return Err(InflateError::Broken),
            Stage::Fixed { at: 3, .. } => Stage::Fixed { at: 4, flags: byte },
            Stage::Fixed { at: 9, flags } => self.behind(flags),
            Stage::Fixed { at, flags } => Stage::Fixed { at: at.saturating_add(1), flags },
            Stage::ExtraLow { flags } => Stage::ExtraHigh { low: byte, flags },
            Stage::ExtraHigh { low, flags } => match u16::from_le_bytes([low, byte]) {
                0 => self.behind(flags),
                left => Stage::Skip { left, flags },
            },
            Stage::Skip { left: 1, flags } => self.behind(flags),
            Stage::Skip { left, flags } => Stage::Skip { left: left.saturating_sub(1), flags },
            Stage::Text { flags } if byte == 0 => self.behind(flags),
            Stage::Text { flags } => Stage::Text { flags },
            Stage::Trailer { left: 1 } => Stage::Fixed { at: 0, flags: 0 },
            Stage::Trailer { left } => Stage::Trailer { left: left.saturating_sub(1) },
            Stage::Wrapper | Stage::Data | Stage::Over => stage,
        })
    }

    /// The next part that the flags announce, or the data.
    fn behind(&mut self, flags: u8) -> Stage {
        if flags & EXTRA != 0 {
            Stage::ExtraLow { flags: flags & !EXTRA }
        } else if flags & NAME != 0 {
            Stage::Text { flags: flags & !NAME }
        } else if flags & COMMENT != 0 {
            Stage::Text { flags: flags & !COMMENT }
        } else if flags & CHECK != 0 {
            Stage::Skip { left: 2, flags: flags & !CHECK }
        } else {
            self.state.reset(DataFormat::Raw);
            Stage::Data
        }
    }
}

/// A whole body as it was before it was coded.
///
/// # Errors
/// It can't be read, it was cut, or it would be longer than `limit`.
pub fn inflated(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Inflater::new(coding, limit).ok_or(InflateError::Unknown)?;
    let mut out = Vec::new();
    inflater.push(body, &mut out)?;
    if out.len() > limit {
        return Err(InflateError::TooLong);
    }
    if inflater.is_whole() { Ok(out) } else { Err(InflateError::Cut) }
}

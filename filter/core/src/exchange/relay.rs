//! One streamed answer on its way from provider to client: passed with a meter, or translated event by event.
//!
//! Before the commit an error is kept for the attempt to decide about; behind it, it is written as the client format's own event.

use crate::formats::messages::Carrier;
use crate::formats::{Asked, ClientSide, Homeward, Keep, Meter, SameFormat, Seen, StreamReader, StreamWriter, Translation};
use crate::framing::inflate::Inflater;
use crate::framing::{Frame, FrameKind, Framer};
use crate::hub::{ErrorKind, Event, Failure, Field};
use crate::json::Raw;

/// What becomes of the bytes that were pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum Relayed {
    /// They go on as they came.
    Unchanged,
    /// These go on in their place.
    Changed(Vec<u8>),
}

/// One streamed answer.
pub struct Relay {
    /// For a stream that comes compressed.
    inflater: Option<Inflater>,
    framer: Framer,
    /// Who carries the frames.
    carrier: Carrier,
    client: &'static dyn ClientSide,
    way: Way,
    /// An error event was written: nothing that follows is for the client.
    over: bool,
    /// What the client is told in the place of the next bytes: too long nothing but such bytes came.
    stalled: Option<Failure>,
    marks: Marks,
}

/// How far a stream has come, for one who looks now and then. Both wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Events that say something; comments and pings don't.
    pub events: u32,
    /// Arrivals of bytes.
    pub pushes: u32,
}

enum Way {
    /// The provider speaks the client's format.
    Pass {
        meter: Box<dyn Meter>,
        copy: Copied,
    },
    Translate {
        reader: Box<dyn StreamReader>,
        home: Box<Home>,
    },
}

/// What of a passing stream is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    /// All its bytes.
    All,
    /// All its frames: one that is cut could not be ended.
    Whole,
    /// All its frames, which are others than the provider's: this carrier's.
    Reframed(Carrier),
    /// All but the usage chunk that Weir asked for.
    WithoutUsage,
    /// What its events say, as the elements of one array; whether there was one.
    List(bool),
}

impl Copied {
    /// Copies an event whose bytes don't go on by themselves.
    fn event(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::All => {}
            Self::Reframed(_) if !frame.is_ended() && !is_json(frame) => {}
            Self::Reframed(carrier) => carrier.wrap(frame, out),
            Self::WithoutUsage | Self::Whole => out.extend_from_slice(frame.raw),
            // The last event of a body may be cut.
            Self::List(_) if !frame.is_ended() && !is_json(frame) => {}
            Self::List(_) => frame.data.iter().for_each(|data| self.element(data, out)),
        }
    }

    /// Copies what an event says where it is an element of an array.
    fn element(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if let Self::List(begun) = self {
            out.extend_from_slice(if core::mem::replace(begun, true) { b",\r\n" } else { b"[" });
            out.extend_from_slice(data);
        }
    }

    /// Ends an array.
    fn end(self, out: &mut Vec<u8>) {
        match self {
            Self::All | Self::Whole | Self::Reframed(_) | Self::WithoutUsage => {}
            Self::List(begun) => out.extend_from_slice(if begun { b"]" } else { b"[]" }),
        }
    }
}

impl Relay {
    /// A relay between two sides of one format.
    pub fn pass(format: &dyn SameFormat, client: &'static dyn ClientSide, asked: &Asked, framer: Framer) -> Self {
        let copy = match (client.is_list(asked), asked.include_usage) {
            (true, _) => Copied::List(false),
            (false, true) if framer.can_be_cut() => Copied::All,
            (false, true) => Copied::Whole,
            (false, false) => Copied::WithoutUsage,
        };
        let way = Way::Pass { meter: format.meter(asked), copy };
        Self::new(client, way, framer)
    }

    /// A relay from a provider's format to another one of the client's.
    pub fn translate(format: &dyn Translation, client: &'static dyn ClientSide, asked: &Asked, homeward: Homeward, framer: Framer) -> Self {
        let home = Home { homeward, writer: client.writer(asked), seen: Seen::default(), met: Vec::new() };
        let way = Way::Translate { reader: format.reader(), home: Box::new(home) };
        Self::new(client, way, framer)
    }

    fn new(client: &'static dyn ClientSide, way: Way, framer: Framer) -> Self {
        Self { inflater: None, framer, carrier: Carrier::Own, client, way, over: false, stalled: None, marks: Marks::default() }
    }

    /// The same where its frames are carried by `carrier`.
    pub fn carried_by(mut self, carrier: Carrier) -> Self {
        self.carrier = carrier;
        if let Way::Pass { copy: copy @ (Copied::All | Copied::Whole), .. } = &mut self.way
            && (carrier.reframes() || self.client.carrier().reframes())
        {
            *copy = Copied::Reframed(self.client.carrier());
        }
        self
    }

    /// How far it has come.
    pub const fn marks(&self) -> Marks {
        self.marks
    }

    /// Whether the client was told of an error.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The next bytes shall be this error instead.
    pub fn stall(&mut self, failure: Failure) {
        self.stalled = Some(failure);
    }

    /// The same with what undoes the compression of its stream, if that comes compressed.
    pub fn inflating(mut self, inflater: Option<Inflater>) -> Self {
        self.inflater = inflater;
        self
    }

    /// What the answer said about itself so far.
    pub fn seen(&self) -> &Seen {
        match &self.way {
            Way::Pass { meter, .. } => meter.seen(),
            Way::Translate { home, .. } => &home.seen,
        }
    }

    /// Whether the provider said its answer is complete, and nothing failed.
    pub fn ended_well(&self) -> bool {
        let seen = self.seen();
        seen.complete && seen.failure.is_none()
    }

    /// Hands out what a translated answer held so far that not every client's format can express, and what the client could not be told
    /// as it was said.
    pub fn met(&self, mut note: impl FnMut(&[Field])) {
        match &self.way {
            Way::Pass { .. } => {}
            Way::Translate { home, .. } => [&home.met, home.writer.left()].into_iter().for_each(&mut note),
        }
    }

    /// The failure that came before anything the client would miss: another provider may still answer.
    pub fn refused(&self) -> Option<&Failure> {
        let seen = self.seen();
        seen.failure.as_ref().filter(|_| !seen.content)
    }

    /// Takes the next bytes of the provider.
    ///
    /// # Errors
    /// The stream can't be framed; only before the commit, behind it the client is told.
    pub fn push(&mut self, bytes: &[u8], committed: bool) -> Result<Relayed, Failure> {
        if self.over {
            return Ok(Relayed::Changed(Vec::new()));
        }
        let Some(inflater) = &mut self.inflater else { return self.plain(bytes, committed) };
        let mut inflated = Vec::new();
        if let Err(error) = inflater.push(bytes, &mut inflated) {
            let cut = self.end_of_cut().to_vec();
            return self.unreadable(error.to_string(), committed, cut);
        }
        match self.plain(&inflated, committed)? {
            Relayed::Unchanged => Ok(Relayed::Changed(inflated)),
            Relayed::Changed(out) => Ok(Relayed::Changed(out)),
        }
    }

    /// Bytes that are not compressed, or no longer.
    fn plain(&mut self, bytes: &[u8], committed: bool) -> Result<Relayed, Failure> {
        let mut out = Vec::new();
        if let Some(failure) = self.stalled.take() {
            out.extend_from_slice(self.end_of_cut());
            self.fail(&failure, &mut out);
            return Ok(Relayed::Changed(out));
        }
        let held_before = self.framer.mid_frame();
        self.marks.pushes = self.marks.pushes.wrapping_add(1);
        let (events, carrier) = (&mut self.marks.events, self.carrier);
        let (mut dropped, mut failed) = (false, false);
        let framed = match &mut self.way {
            Way::Pass { meter, copy } => {
                let mut each = |frame: Frame<'_>| {
                    *events = events.wrapping_add(u32::from(says_something(&frame)));
                    match meter.frame(&frame) {
                        // The relay tells of it in the client's words.
                        Keep::Whole if matches!(copy, Copied::Reframed(carrier) if tells(&frame, *carrier)) => failed = true,
                        Keep::Drop if *copy == Copied::WithoutUsage => dropped = true,
                        Keep::Whole | Keep::Drop => copy.event(&frame, &mut out),
                    }
                };
                self.framer.push(bytes, &mut |frame| carrier.unwrap(&frame, &mut each))
            }
            Way::Translate { reader, home } => {
                let mut each = |frame: Frame<'_>| {
                    *events = events.wrapping_add(u32::from(says_something(&frame)));
                    reader.frame(&frame, &mut |event| home.forward(event, committed, &mut out));
                };
                self.framer.push(bytes, &mut |frame| carrier.unwrap(&frame, &mut each))
            }
        };
        if let Err(error) = framed {
            return self.unreadable(error.to_string(), committed, out);
        }
        if let Some(failure) = self.seen().failure.clone().filter(|_| failed && (committed || self.seen().content)) {
            self.fail(&failure, &mut out);
        }
        match &self.way {
            Way::Pass { copy: Copied::All, .. } => return Ok(Relayed::Unchanged),
            Way::Pass { copy: Copied::WithoutUsage | Copied::Whole, .. } if !dropped && !held_before && !self.framer.mid_frame() => {
                return Ok(Relayed::Unchanged);
            }
            Way::Pass { .. } => {}
            Way::Translate { home, .. } => self.over = home.seen.failure.is_some() && (committed || home.seen.content),
        }
        Ok(Relayed::Changed(out))
    }

    /// What ends an event whose beginning has gone on. A translated stream is of whole events, and not all of them end with a blank line.
    fn end_of_cut(&self) -> &'static [u8] {
        match &self.way {
            Way::Pass { copy: Copied::List(_) | Copied::Reframed(_), .. } | Way::Translate { .. } => b"",
            Way::Pass { .. } => self.framer.end_of_cut(),
        }
    }

    /// The stream can't be read on; `out` is what came of it before.
    fn unreadable(&mut self, why: String, committed: bool, mut out: Vec<u8>) -> Result<Relayed, Failure> {
        let failure = Failure::new(ErrorKind::BadGateway, why);
        if !committed {
            return Err(failure);
        }
        self.fail(&failure, &mut out);
        Ok(Relayed::Changed(out))
    }

    /// The provider's body ended: what still has to be written. A stream that was cut never looks complete.
    ///
    /// # Errors
    /// The answer is not complete; only before the commit.
    pub fn end(&mut self, committed: bool) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        if self.over {
            return Ok(out);
        }
        let (cut_off, carrier) = (self.end_of_cut(), self.carrier);
        let framed = match &mut self.way {
            Way::Pass { meter, copy } => {
                let mut each = |frame: Frame<'_>| {
                    if meter.frame(&frame) == Keep::Whole {
                        copy.event(&frame, &mut out);
                    }
                };
                self.framer.finish(&mut |frame| carrier.unwrap(&frame, &mut each))
            }
            Way::Translate { reader, home } => {
                let mut each = |frame: Frame<'_>| reader.frame(&frame, &mut |event| home.forward(event, committed, &mut out));
                self.framer.finish(&mut |frame| carrier.unwrap(&frame, &mut each))
            }
        };
        match &mut self.way {
            Way::Pass { meter, .. } => meter.end(),
            // What was cut inside a frame is cut, whatever came before.
            Way::Translate { .. } if framed.is_err() => {}
            Way::Translate { reader, home } => reader.end(&mut |event| home.forward(event, committed, &mut out)),
        }
        let seen = self.seen();
        let broken = framed.is_err() || matches!(self.way, Way::Pass { .. }) && !seen.complete;
        if broken && seen.failure.is_none() {
            let failure = cut();
            if !committed && !seen.content {
                return Err(failure);
            }
            out.extend_from_slice(cut_off);
            self.fail(&failure, &mut out);
        } else if let Way::Pass { copy, .. } = &self.way {
            copy.end(&mut out);
        }
        if let (Way::Translate { home, .. }, false) = (&self.way, committed)
            && let (false, Some(failure)) = (home.seen.content, &home.seen.failure)
        {
            return Err(failure.clone());
        }
        self.over = true;
        Ok(out)
    }

    /// Tells the client of a failure in the middle of its stream; nothing follows.
    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.over = true;
        match &mut self.way {
            Way::Pass { copy: copy @ Copied::List(_), .. } => {
                let mut event = Vec::new();
                self.client.error_event(&failure.into(), &mut event);
                copy.element(event.strip_prefix(b"data: ").unwrap_or(&event).trim_ascii_end(), out);
                copy.end(out);
            }
            Way::Pass { .. } => self.client.error_event(&failure.into(), out),
            Way::Translate { home, .. } => {
                home.seen.failure = Some(failure.clone());
                home.writer.write(&Event::Error(failure.clone()), out);
            }
        }
    }
}

/// The client's end of a translated stream.
struct Home {
    homeward: Homeward,
    writer: Box<dyn StreamWriter>,
    seen: Seen,
    met: Vec<Field>,
}

impl Home {
    /// Notes what an event says and writes it; an error is written only to a client that has seen content.
    fn forward(&mut self, event: Event<'_>, committed: bool, out: &mut Vec<u8>) {
        if self.seen.failure.is_some() {
            return;
        }
        self.seen.note(&event);
        for field in event.elements() {
            if !self.met.contains(&field) {
                self.met.push(field);
            }
        }
        if self.seen.failure.is_none() || committed || self.seen.content {
            self.writer.write(&self.homeward.event(event), out);
        }
    }
}

/// Whether what an event says is JSON.
fn is_json(frame: &Frame<'_>) -> bool {
    frame.data.and_then(|data| core::str::from_utf8(data).ok()).is_some_and(|text| Raw::parse(text).is_ok())
}

/// Whether a frame tells of a failure in other words than those of the carrier's clients.
fn tells(frame: &Frame<'_>, carrier: Carrier) -> bool {
    frame.kind != FrameKind::Sent || carrier.reframes() && frame.event == Some(b"error")
}

/// Whether an event is more than a sign of life.
fn says_something(frame: &Frame<'_>) -> bool {
    frame.data.is_some() && frame.event != Some(b"ping")
}

/// What a stream that ended without the provider's own end is.
fn cut() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the provider's stream ended early")
}

//! Laws of the reader: cuts and line ends change nothing, no byte is lost, long events take linear time.

use super::block::SCANNED;
use super::*;
use core::cell::Cell;

type Read = (Option<String>, Option<String>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The events in some pieces; checks that the raw bytes are the stream.
fn read(pieces: &[&[u8]]) -> Vec<Read> {
    let mut reader = Reader::new(MAX_EVENT);
    let (mut raw, mut events) = (Vec::new(), Vec::new());
    let mut each = |frame: Frame<'_>| {
        raw.extend_from_slice(frame.raw);
        events.push((frame.event.map(text), frame.data.map(text)));
    };
    for piece in pieces {
        reader.push(piece, &mut each).unwrap();
    }
    reader.finish(&mut each);
    let whole = pieces.concat();
    assert_eq!(text(&raw), text(whole.strip_prefix(MARK).unwrap_or(&whole)));
    events
}

/// Without frames that say nothing: a lone LF behind a CR becomes one only at the end of the body.
fn telling(pieces: &[&[u8]]) -> Vec<Read> {
    read(pieces).into_iter().filter(|event| *event != (None, None)).collect()
}

fn event(event: &str, data: &str) -> Read {
    (Some(event.to_owned()), Some(data.to_owned()))
}

fn data(data: &str) -> Read {
    (None, Some(data.to_owned()))
}

#[test]
fn reads_fields() {
    for (stream, expected) in [
        ("data: a\n\n", vec![data("a")]),
        ("data:a\n\ndata:  b \n\n", vec![data("a"), data(" b ")]),
        ("event: e\ndata: a\nid: 1\nretry: 2\nother: x\n\n", vec![event("e", "a")]),
        ("data: {\"a\":\ndata\ndata: 1}\n\n", vec![data("{\"a\":\n\n1}")]),
        (": comment\n\n", vec![(None, None)]),
        (": comment\ndata: a\n\n", vec![data("a")]),
        ("event: ping\n\n", vec![(Some("ping".into()), None)]),
        ("event: a\nevent: b\ndata:\n\n", vec![event("b", "")]),
        ("\n\n", vec![(None, None), (None, None)]),
        ("database: x\ndata : y\n data: z\n\n", vec![(None, None)]),
        ("data: a\u{2028}b\u{85}c\n\n", vec![data("a\u{2028}b\u{85}c")]),
        ("data: a\n\ndata: cut", vec![data("a"), data("cut")]),
        ("data: a\n", vec![data("a")]),
        ("data: [DONE]\r\rdata: x\r\n\r\n", vec![data("[DONE]"), data("x")]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![data("a"), (None, None)]),
        ("\u{feff}", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(read(&[stream.as_bytes()]), expected, "{stream:?}");
    }
}

#[test]
fn cuts_change_nothing() {
    let stream = "event: a\ndata: {\"é\": \" \"}\n\n: hi\n\ndata: 1\ndata: 2\n\n\ndata: x \nevent: b\n\ndata: [DONE]\n\n";
    for line_end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            let stream = format!("{mark}{}", stream.replace('\n', line_end));
            let bytes = stream.as_bytes();
            let expected = telling(&[bytes]);
            assert_eq!(expected.len(), 4, "{expected:?}");
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(telling(&single), expected);
            for cut in 0..=bytes.len() {
                let (one, other) = bytes.split_at_checked(cut).unwrap();
                assert_eq!(telling(&[one, other]), expected, "{line_end:?} at {cut}");
                assert_eq!(telling(&[one, b"", other]), expected, "{line_end:?} at {cut}");
            }
        }
    }
}

#[test]
fn an_event_leaves_with_its_last_byte() {
    for line_end in ["\n", "\r\n", "\r"] {
        let stream = format!("data: a{line_end}{line_end}");
        let due = if line_end == "\r\n" { stream.len() - 1 } else { stream.len() };
        let mut reader = Reader::new(64);
        let mut came = 0;
        for (at, byte) in stream.bytes().enumerate() {
            reader.push(&[byte], &mut |_| came += 1).unwrap();
            assert_eq!(came, usize::from(at + 1 >= due), "{line_end:?} {at}");
        }
        assert!(!reader.mid_event());
    }
}

#[test]
fn long_events_are_scanned_twice_at_most() {
    let stream = format!("data: {}\n\n", "x".repeat(100_000));
    for size in [1, 7, 4096, stream.len()] {
        SCANNED.with(|scanned| scanned.set(0));
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        assert_eq!(read(&pieces).len(), 1);
        let scanned = SCANNED.with(Cell::get);
        assert!(scanned <= 2 * stream.len() + 4096, "{scanned} in pieces of {size}");
    }
}

#[test]
fn limits_are_kept_and_nothing_is_lost() {
    let stream = b"data: a\n\ndata: 0123456789\n\ndata: b\n\n";
    for size in [1, 5, 12, stream.len()] {
        let mut reader = Reader::new(12);
        let mut raw = Vec::new();
        let mut passed = 0;
        let result = stream.chunks(size).try_for_each(|piece| {
            passed += piece.len();
            reader.push(piece, &mut |frame| raw.extend_from_slice(frame.raw))
        });
        assert_eq!(result, Err(FramingError::TooLong));
        assert_eq!(raw, b"data: a\n\n");
        raw.extend_from_slice(reader.pending());
        assert_eq!(text(&raw), text(stream.get(..passed).unwrap()));
        assert_eq!(reader.push(b"data: c\n\n", &mut |_| panic!("handed out")), Err(FramingError::TooLong));
    }
}

#[test]
fn a_cut_event_can_be_ended() {
    let whole = "data: a\r\nevent: b\ndata: c\r\r";
    for cut in 0..whole.len() {
        let mut reader = Reader::new(64);
        let mut stream = whole.as_bytes().get(..cut).unwrap().to_vec();
        reader.push(&stream, &mut |_| {}).unwrap();
        if reader.mid_event() {
            stream.extend_from_slice(EVENT_END);
        }
        write_event(Some("error"), "{}", &mut stream);
        assert_eq!(telling(&[&stream]).last(), Some(&event("error", "{}")), "{cut}");
    }
}

#[test]
fn writes_what_it_reads() {
    let mut out = Vec::new();
    write_event(None, "{}", &mut out);
    write_event(Some("ping"), "{\n \"a\":\r\n1}", &mut out);
    write_event(None, "", &mut out);
    assert_eq!(text(&out), "data: {}\n\nevent: ping\ndata: {\ndata:  \"a\":\ndata: 1}\n\ndata: \n\n");
    assert_eq!(read(&[&out]), [data("{}"), event("ping", "{\n \"a\":\n1}"), data("")]);
}

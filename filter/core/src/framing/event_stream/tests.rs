//! Laws of the reader: cuts change nothing, what is wrong is an error at once, what is written is read.

use super::*;

/// Two messages as the vendor's own library frames them.
const STOP: &str = "0000007a00000051ca2c46650b3a6576656e742d7479706507000b6d65737361676553746f700d3a636f6e74656e742d747970650700106170706c69636174\
    696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2273746f70526561736f6e223a22656e645f7475726e227d5fbf09fc";
const SLOW: &str = "0000008300000061a9d144e50f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d7479\
    70650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22736c6f77227d9350311c";

const LIMIT: usize = 1 << 20;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// What a message is, its event and its data.
type Read = (FrameKind, String, String);

fn read(pieces: &[&[u8]]) -> Result<Vec<Read>, FramingError> {
    let (mut reader, mut raw, mut read) = (Reader::new(LIMIT), Vec::new(), Vec::new());
    for piece in pieces {
        reader.push(piece, &mut |frame| {
            raw.extend_from_slice(frame.raw);
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
            read.push((frame.kind, text(frame.event), text(frame.data)));
        })?;
    }
    assert_eq!(reader.mid_message(), raw != pieces.concat());
    Ok(read)
}

fn said(kind: FrameKind, event: &str, data: &str) -> Read {
    (kind, event.to_owned(), data.to_owned())
}

#[test]
fn reads_and_writes_what_the_vendor_does() {
    let (stop, slow) = (bytes(STOP), bytes(SLOW));
    assert_eq!(read(&[&stop]).unwrap(), [said(FrameKind::Message, "messageStop", r#"{"stopReason":"end_turn"}"#)]);
    assert_eq!(read(&[&slow]).unwrap(), [said(FrameKind::Exception, "throttlingException", r#"{"message":"slow"}"#)]);
    let mut out = Vec::new();
    write_event("messageStop", br#"{"stopReason":"end_turn"}"#, &mut out);
    assert_eq!(out, stop);
    write_exception("throttlingException", br#"{"message":"slow"}"#, &mut out);
    assert_eq!(out, [stop, slow].concat());
}

#[test]
fn cuts_change_nothing() {
    let mut stream = [bytes(STOP), bytes(SLOW)].concat();
    write_message(&[(b":message-type", Value::Text(b"event"))], b"", &mut stream);
    write_event("p", "é".repeat(200).as_bytes(), &mut stream);
    let expected = read(&[&stream]).unwrap();
    assert_eq!(expected.len(), 4);
    for size in [1, 2, 3, 7, 100] {
        assert_eq!(read(&stream.chunks(size).collect::<Vec<_>>()).unwrap(), expected, "pieces of {size}");
    }
    for cut in 0..=stream.len() {
        let (one, other) = stream.split_at_checked(cut).unwrap();
        assert_eq!(read(&[one, other]).unwrap(), expected, "{cut}");
        assert_eq!(read(&[one, b"", other]).unwrap(), expected, "{cut}");
        let whole = read(&[one]).unwrap();
        assert_eq!(expected.get(..whole.len()), Some(whole.as_slice()), "cut off at {cut}");
    }
}

#[test]
fn a_message_leaves_with_its_last_byte() {
    let (stop, mut reader, mut came) = (bytes(STOP), Reader::new(LIMIT), 0);
    for (at, byte) in stop.iter().enumerate() {
        reader.push(&[*byte], &mut |_| came += 1).unwrap();
        assert_eq!(came == 1, at + 1 == stop.len(), "{at}");
    }
}

#[test]
fn a_wrong_bit_anywhere_is_an_error() {
    let stop = bytes(STOP);
    for at in 0..stop.len() {
        let mut wrong = stop.clone();
        *wrong.get_mut(at).unwrap() ^= 1;
        for size in [1, stop.len()] {
            assert_eq!(read(&wrong.chunks(size).collect::<Vec<_>>()), Err(FramingError::Checksum), "{at}");
        }
    }
}

#[test]
fn a_broken_stream_stays_broken() {
    let (good, mut reader) = (bytes(STOP), Reader::new(LIMIT));
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let mut came = 0;
    assert_eq!(reader.push(&[good.clone(), wrong].concat(), &mut |_| came += 1), Err(FramingError::Checksum));
    assert_eq!(reader.push(&good, &mut |_| came += 1), Err(FramingError::Checksum));
    assert_eq!(came, 1);
}

/// A prelude of these lengths with a right checksum.
fn lengths(total: u32, headers: u32) -> Vec<u8> {
    let lengths = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    [lengths.as_slice(), &crc32(&lengths).to_be_bytes()].concat()
}

#[test]
fn lengths_are_refused_before_their_bytes_come() {
    for (total, headers, error) in [
        (u32::MAX, 0, FramingError::TooLong),
        ((1 << 20) + 1, 0, FramingError::TooLong),
        (15, 0, FramingError::Malformed),
        (100, 85, FramingError::Malformed),
        (1 << 19, (128 << 10) + 1, FramingError::Malformed),
        (u32::MAX, u32::MAX, FramingError::Malformed),
    ] {
        let prelude = lengths(total, headers);
        for size in [1, 12] {
            assert_eq!(read(&prelude.chunks(size).collect::<Vec<_>>()), Err(error), "{total} {headers}");
        }
    }
    assert_eq!(read(&[&lengths(1 << 20, 1 << 10)]), Ok(Vec::new()));
}

#[test]
fn headers_of_every_type() {
    let long = "x".repeat(70_000);
    let headers = [
        (&b"true"[..], Value::Boolean(true)),
        (b"false", Value::Boolean(false)),
        (b"byte", Value::Byte(-1)),
        (b"short", Value::Short(-300)),
        (b"integer", Value::Integer(i32::MIN)),
        (b"long", Value::Long(i64::MAX)),
        (b"bytes", Value::Bytes(b"\0\xff")),
        (b"", Value::Text("é".as_bytes())),
        (b"time", Value::Timestamp(1_700_000_000_000)),
        (b"uuid", Value::Uuid([7; 16])),
    ];
    let mut out = Vec::new();
    write_message(&headers, b"payload", &mut out);
    let message = Message::read(&out).unwrap();
    assert_eq!(message.headers.map(Result::unwrap).collect::<Vec<_>>(), headers);
    assert_eq!(message.payload, b"payload");
    out.clear();
    write_message(&[(long.as_bytes(), Value::Text(long.as_bytes()))], b"", &mut out);
    let cut = [(&long.as_bytes()[..255], Value::Text(&long.as_bytes()[..65_535]))];
    assert_eq!(Message::read(&out).unwrap().headers.map(Result::unwrap).collect::<Vec<_>>(), cut);
}

#[test]
fn headers_that_can_not_be_read() {
    for headers in [&b"\x04name"[..], b"\x05name\x00", b"\x01a\x0a", b"\x01a\x07\x00", b"\x01a\x07\x00\x02x", b"\x01a\x09123", b"\x00"] {
        let length = u32::try_from(headers.len()).unwrap();
        let mut message = lengths(16 + length, length);
        message.extend_from_slice(headers);
        let sum = crc32(&message).to_be_bytes();
        message.extend_from_slice(&sum);
        assert_eq!(read(&[&message]), Err(FramingError::Malformed), "{headers:?}");
    }
}

#[test]
fn errors_of_the_transport_have_no_payload() {
    let kind = (&b":message-type"[..], Value::Text(b"error"));
    for (headers, event, data) in [
        (vec![kind, (b":error-code", Value::Text(b"InternalError")), (b":error-message", Value::Text(b"oh"))], "InternalError", "oh"),
        (vec![kind], "", ""),
    ] {
        let mut out = Vec::new();
        write_message(&headers, b"", &mut out);
        assert_eq!(read(&[&out]).unwrap(), [said(FrameKind::Error, event, data)]);
    }
    for headers in
        [vec![], vec![kind, kind], vec![(&b":message-type"[..], Value::Text(b"news"))], vec![(b":message-type", Value::Boolean(true))]]
    {
        let mut out = Vec::new();
        write_message(&headers, b"", &mut out);
        assert_eq!(read(&[&out]), Err(FramingError::Malformed), "{headers:?}");
    }
}

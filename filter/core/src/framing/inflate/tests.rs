//! Bodies in every coding, cut anywhere, bounded, and broken ones.
use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

const TEXT: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"one two three\"}}]}\n\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Every way in which a provider may write a body that is `TEXT`, or twice `TEXT` for the member behind a member.
fn coded() -> Vec<(Coding, Vec<u8>, usize)> {
    let mut named = flate2::GzBuilder::new().extra(*b"extra").filename("name").comment("words").write(Vec::new(), Compression::best());
    named.write_all(TEXT).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(TEXT).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    bare.write_all(TEXT).unwrap();
    vec![
        (Coding::Gzip, gzip(TEXT), 1),
        (Coding::Gzip, named.finish().unwrap(), 1),
        (Coding::Gzip, [gzip(TEXT), gzip(TEXT)].concat(), 2),
        (Coding::Deflate, zlib.finish().unwrap(), 1),
        (Coding::Deflate, bare.finish().unwrap(), 1),
    ]
}

#[test]
fn cut_anywhere_it_is_the_same_and_a_part_is_not_whole() {
    for (coding, bytes, times) in coded() {
        let text = TEXT.repeat(times);
        assert_eq!(inflated(coding, &bytes, 1000).as_deref(), Ok(&*text));
        for at in 0..bytes.len() {
            let (first, second) = bytes.split_at_checked(at).unwrap();
            let (mut inflater, mut out) = (Inflater::new(coding, 1000).unwrap(), Vec::new());
            inflater.push(first, &mut out).unwrap();
            assert!(text.starts_with(&out));
            assert!(!inflater.is_whole() || out.len() == TEXT.len(), "{coding:?} cut at {at}");
            inflater.push(second, &mut out).unwrap();
            assert!(inflater.is_whole() && out == text, "{coding:?} cut at {at}");
        }
        let (mut inflater, mut out) = (Inflater::new(coding, 1000).unwrap(), Vec::new());
        bytes.iter().for_each(|byte| inflater.push(&[*byte], &mut out).unwrap());
        assert_eq!(out, text);
    }
}

#[test]
fn what_was_flushed_comes_out_at_once() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let (mut inflater, mut out) = (Inflater::new(Coding::Gzip, 1 << 20).unwrap(), Vec::new());
    for times in 1..50 {
        encoder.write_all(TEXT).unwrap();
        encoder.flush().unwrap();
        inflater.push(&std::mem::take(encoder.get_mut()), &mut out).unwrap();
        assert_eq!(out.len(), times * TEXT.len());
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bomb = gzip(&vec![b' '; 10 << 20]);
    assert_eq!(inflated(Coding::Gzip, &bomb, 1 << 20), Err(InflateError::TooLong));
    assert_eq!(inflated(Coding::Gzip, &bomb, 10 << 20).map(|body| body.len()), Ok(10 << 20));
    let (mut inflater, mut out) = (Inflater::new(Coding::Gzip, 1 << 20).unwrap(), Vec::new());
    assert_eq!(inflater.push(&bomb, &mut out), Err(InflateError::TooLong));
    assert!(out.len() <= (1 << 20) + STEP);
}

#[test]
fn what_is_not_of_the_format_is_broken() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        for bytes in [&b"{\"id\":1}"[..], b"\xff\xff\xff\xff", b"\x1f\x8b\x07"] {
            assert!(inflated(coding, bytes, 1000).is_err(), "{coding:?} {bytes:?}");
        }
        assert_eq!(inflated(coding, b"", 1000), Err(InflateError::Cut));
    }
    let mut behind = gzip(TEXT);
    behind.extend_from_slice(b"more");
    assert_eq!(inflated(Coding::Gzip, &behind, 1000), Err(InflateError::Broken));
    for (name, coding) in [("GZIP", Coding::Gzip), ("identity", Coding::Identity), ("br", Coding::Unknown), ("gzip, br", Coding::Unknown)] {
        assert_eq!(Coding::named(name), coding);
    }
    assert_eq!(inflated(Coding::Unknown, b"x", 10), Err(InflateError::Unknown));
}

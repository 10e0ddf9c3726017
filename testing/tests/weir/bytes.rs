//! What each byte of a body costs the proxy, and that the module's own scan, which is not the one of native tests, is exact.

use super::rig::{answers, ask, pair, unused};
use super::translated;
use weir_testing::Proxy;

/// A conversation of about `size` bytes, in turns of 700 with an escape every 25 bytes.
fn conversation(size: usize) -> String {
    let turn = r#"Tell me about the \"old\" pier: who built it,\nwhen, and what it carried. "#.repeat(9);
    let turns = size.div_ceil(turn.len());
    let messages: Vec<String> = (0..turns | 1)
        .map(|place| format!(r#"{{"role":"{}","content":"{turn}"}}"#, if place % 2 == 0 { "user" } else { "assistant" }))
        .collect();
    format!(r#"{{"model":"smart","max_tokens":256,"messages":[{}]}}"#, messages.join(","))
}

/// Fuel for each byte between bodies of two sizes, in hundredths.
fn slope(proxy: &mut Proxy, sizes: [usize; 2]) -> u64 {
    let [small, large] = sizes.map(|size| {
        let request = ask(conversation(size));
        proxy.exchange(&request).unwrap();
        let id = proxy.exchange(&request).unwrap();
        assert_eq!(proxy.received(id).status(), 200, "{}", proxy.received(id).text());
        (proxy.spent(id).fuel, u64::try_from(conversation(size).len()).unwrap())
    });
    (large.0 - small.0) * 100 / (large.1 - small.1)
}

#[test]
fn a_byte_costs_little() {
    let mut passed = pair(answers, unused);
    let mut translated = translated::whole();
    let measured = [
        ("passed, 1 to 16 KB", 840, slope(&mut passed, [1 << 10, 16 << 10])),
        ("passed, 16 to 200 KB", 840, slope(&mut passed, [16 << 10, 200 << 10])),
        ("translated, 1 to 16 KB", 2030, slope(&mut translated, [1 << 10, 16 << 10])),
        ("translated, 16 to 200 KB", 2030, slope(&mut translated, [16 << 10, 200 << 10])),
    ];
    let wrong: Vec<String> = measured
        .iter()
        .filter(|(_, budget, fuel)| fuel > budget)
        .map(|(name, budget, fuel)| format!("{name}: {fuel} hundredths of fuel a byte (budget {budget})"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_special_is_found_wherever_it_stands() {
    let mut proxy = pair(answers, unused);
    let pieces: [(&[u8], Option<usize>); 12] = [
        (br"\n", None),
        (br"\\", None),
        (br#"\"\\\\\/"#, None),
        (br"\u00e9\uD83D\ude00", None),
        ("é😀".as_bytes(), None),
        (br"\x", Some(1)),
        (br"\\\x", Some(3)),
        (br"\u00g9", Some(4)),
        (b"\x1f", Some(0)),
        (b"\n", Some(0)),
        (b"\"", Some(1)),
        (b"\xff", Some(0)),
    ];
    for place in 0..130 {
        for (piece, broken) in pieces {
            let before = format!(r#"{{"model":"lone","messages":[{{"role":"user","content":"{}"#, "a".repeat(place));
            let body = [before.as_bytes(), piece, br#"b"}]}"#].concat();
            let id = proxy.exchange(&ask(&body)).unwrap();
            let text = proxy.received(id).text();
            match broken {
                None => {
                    assert_eq!(proxy.received(id).status(), 200, "{piece:?} at {place}: {text}");
                    let sent = &proxy.sent(id)[0].body;
                    assert!(sent.windows(piece.len()).any(|window| window == piece), "{piece:?} at {place}");
                }
                Some(at) => {
                    let at = format!(" at byte {}", before.len() + at);
                    assert!(proxy.received(id).status() == 400 && text.contains(&at), "{piece:?} at {place}: {text}");
                }
            }
        }
    }
}

//! Which steps a script may have: what moves the script itself, and those of the other files by their names.

use crate::abi::{proxy_log, proxy_set_property};
use crate::world::{WORLD, log, nth, only};
use crate::{maps, rpc, state, streams, wasi};

/// One step. The answer is whether the callback pauses.
pub fn step(context: u32, words: &[&str], end: bool) -> bool {
    match words {
        ["pause"] => return true,
        ["pause_unless_end"] => return !end,
        ["continue"] => {}
        ["nth", n, rest @ ..] => return nth(context, n).then(|| step(context, rest, end)).unwrap_or_default(),
        ["only", ordinal, rest @ ..] => return only(context, ordinal).then(|| step(context, rest, end)).unwrap_or_default(),
        ["keep", text] => WORLD.with_borrow_mut(|w| w.kept = (*text).to_owned()),
        ["kept"] => log(&format!("kept {}", WORLD.with_borrow(|w| w.kept.clone()))),
        ["log", text] => log(text),
        ["refuse"] => return false,
        ["trap"] => std::process::abort(),
        ["loop"] => loop {
            std::hint::black_box(0);
        },
        ["chatter"] => loop {
            unsafe { proxy_log(2, b"x".as_ptr(), 1) };
        },
        ["flood"] => {
            let value = vec![b'x'; 16 << 20];
            loop {
                unsafe { proxy_set_property(b"x".as_ptr(), 1, value.as_ptr(), value.len()) };
            }
        }
        ["eat"] => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        other => {
            let families = [maps::step, maps::body, state::step, streams::step, rpc::step, wasi::step];
            assert!(families.iter().any(|family| family(other)), "no step {other:?}");
        }
    }
    false
}

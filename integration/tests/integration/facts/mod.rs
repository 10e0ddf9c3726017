//! Every fact in a real Envoy: it does what the fact's file says, or the fact is named with both transcripts.
mod client;
mod config;
mod drive;
mod relay;
mod server;

use std::sync::Mutex;
use weir_facts::{Fact, all, difference};
use weir_integration::fetch;

/// How many Envoys run at a time: each waits for events most of its life.
const AT_ONCE: usize = 2;

#[test]
fn envoy_does_what_the_facts_say() {
    let only = std::env::var("WEIR_FACT").unwrap_or_default();
    let bless = std::env::var_os("WEIR_BLESS").is_some();
    let waiting: Mutex<Vec<Fact>> = Mutex::new(all().into_iter().filter(|f| f.id.starts_with(&only) && f.host_only.is_none()).collect());
    let wrong: Mutex<Vec<String>> = Mutex::default();
    // Fetched once, before anybody needs it.
    fetch::envoy::binary().unwrap_or_else(|trouble| panic!("{trouble}"));
    let run = || {
        while let Some(fact) = { waiting.lock().unwrap().pop() } {
            // A panic is a failure of this fact alone.
            let found = std::panic::catch_unwind(|| drive::run(&fact)).unwrap_or_else(|_| "(the run panicked)".to_owned());
            if let Some(why) = judge(&fact, &found, bless) {
                wrong.lock().unwrap().push(format!("{}: {}\n{why}", fact.id, fact.text));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(run);
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "Envoy {} differs from {} facts:\n{}", fetch::envoy::version(), wrong.len(), wrong.join("\n"));
}

/// What is wrong with this, if anything. The pinned Envoy stands in every file; another one only has to do what the file says.
fn judge(fact: &Fact, found: &str, bless: bool) -> Option<String> {
    let version = fetch::envoy::version();
    let pinned = version == fetch::envoy::VERSION;
    let difference = difference(&fact.transcript, found);
    if difference.is_some() && bless && pinned && fact.envoy_only.is_some() {
        // Nobody else can say what this one does.
        fact.bless(found);
        return None;
    }
    if difference.is_some() || fact.envoy.contains(&version) {
        return difference;
    }
    if bless {
        fact.seen(&version);
        return None;
    }
    pinned.then(|| format!("as it says, but Envoy {version} is not in its file (WEIR_BLESS=1 writes it)\n"))
}

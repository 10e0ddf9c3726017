//! How fast the host is: lines that `cargo measure host` reads.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking; its output is its result"
)]

mod facts {
    pub mod others;
    pub mod run;
}

use std::path::PathBuf;
use std::time::{Duration, Instant};
use weir_facts::{all, probe};
use weir_testing::{Cluster, Host, Module, Options, Play, Plugin, Proxy, Request, Wiring};

/// How long a rate is measured.
const SLICE: Duration = Duration::from_secs(3);

#[test]
#[ignore = "prints figures instead of judging; cargo measure host"]
fn figures() {
    let probe = probe::build(env!("CARGO_TARGET_TMPDIR").as_ref());
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let weir = target.join("wasm32-wasip1/release/weir.wasm");
    for (name, path) in [("probe", &probe), ("weir", &weir)] {
        let (begun, size) = (Instant::now(), std::fs::metadata(path).unwrap().len());
        Module::load(path).unwrap();
        println!("figure load.{name} {} {size}", begun.elapsed().as_secs_f64());
    }
    let facts: Vec<_> = all().into_iter().filter(|fact| fact.envoy_only.is_none()).collect();
    let mut nth = 0;
    rate("scenarios", || {
        facts::run::run(&facts[nth % facts.len()].scenario);
        nth += 1;
    });
    let module = Module::load(&probe).unwrap();
    let request = Request::json("/", "{}");
    let mut proxy = None;
    let mut served = 0;
    rate("exchanges", || {
        // The probe keeps what it has seen, and gets slower by it.
        if served % 50 == 0 {
            proxy = Some(both_positions(&module));
        }
        served += 1;
        proxy.as_mut().unwrap().exchange(&request).unwrap();
    });
}

fn both_positions(module: &Module) -> Proxy {
    let plugins = ["down", "up"].map(|root| Plugin::new(root, "").stop_iteration());
    let wiring = Wiring::new("down", "").upstream("up").on_no_match("a").cluster("a", Cluster::new(|sent| Play::json(200, &sent.body)));
    Proxy::new(Host::start(module, Options::plugins(plugins)).unwrap(), wiring)
}

/// So many a second on this thread.
fn rate(name: &str, mut once: impl FnMut()) {
    let (begun, mut times) = (Instant::now(), 0_u32);
    while begun.elapsed() < SLICE {
        once();
        times += 1;
    }
    println!("figure {name} {}", f64::from(times) / begun.elapsed().as_secs_f64());
}

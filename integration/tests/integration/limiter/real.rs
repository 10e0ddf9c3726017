//! envoyproxy/ratelimit itself, with a Redis of its own: the same table of cases.
use std::net::SocketAddr;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use weir_integration::process::{self, Process};
use weir_integration::{client, fetch, paths};

use super::{cases, ledger};

/// A running service and the Redis behind it.
struct Real {
    address: SocketAddr,
    _service: Process,
    _redis: Process,
}

/// The service that both tests share: its tools are fetched once, and its leash ends it with this process.
fn service() -> SocketAddr {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(start).address
}

fn start() -> Real {
    let folder = paths::fresh_run("ratelimit").unwrap();
    let rules = folder.join("ratelimit/config");
    std::fs::create_dir_all(&rules).unwrap();
    std::fs::write(rules.join("weir.yaml"), cases::RULES).unwrap();
    let limit = Duration::from_secs(30);
    let port = process::free_port();
    let mut redis = fetch::redis::server().unwrap().command();
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).current_dir(&folder);
    let mut redis = Process::start("redis", &redis, &folder).unwrap();
    redis.wait_until(limit, || process::answers(([127, 0, 0, 1], port).into())).unwrap();
    let ports = [process::free_port(), process::free_port(), process::free_port()];
    let mut service = Command::new(fetch::ratelimit::binary().unwrap());
    service.current_dir(&folder).env("RUNTIME_ROOT", &folder).env("REDIS_URL", format!("127.0.0.1:{port}"));
    for (name, value) in [
        ("USE_STATSD", "false"),
        ("DISABLE_STATS", "true"),
        ("LOG_LEVEL", "warn"),
        ("BACKEND_TYPE", "redis"),
        ("REDIS_TYPE", "SINGLE"),
        ("REDIS_SOCKET_TYPE", "tcp"),
        ("RUNTIME_SUBDIRECTORY", "ratelimit"),
        ("RUNTIME_WATCH_ROOT", "false"),
        ("RUNTIME_IGNOREDOTFILES", "true"),
        ("HOST", "127.0.0.1"),
        ("GRPC_HOST", "127.0.0.1"),
        ("DEBUG_HOST", "127.0.0.1"),
    ] {
        service.env(name, value);
    }
    for (name, port) in ["PORT", "GRPC_PORT", "DEBUG_PORT"].into_iter().zip(ports) {
        service.env(name, port.to_string());
    }
    let mut service = Process::start("ratelimit", &service, &folder).unwrap();
    let address = ([127, 0, 0, 1], ports[0]).into();
    service.wait_until(limit, || client::text(address, "/healthcheck") == "OK").unwrap();
    Real { address, _service: service, _redis: redis }
}

#[test]
fn behaves_as_the_table_says() {
    cases::run(service(), "r");
}

#[test]
fn a_ledger_pays_what_was_billed() {
    ledger::pays(service(), cases::RULES);
}

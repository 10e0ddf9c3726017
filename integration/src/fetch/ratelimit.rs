//! envoyproxy/ratelimit, built by `go install` where Go is installed.
use std::path::PathBuf;
use std::process::Command;

use super::{on_path, once};
use crate::{paths, progress, trouble::Trouble, wasm};

/// The module's pinned version; the proxy serves no tags for it.
const VERSION: &str = "v1.4.1-0.20260122083618-3fb702589d36";
const PACKAGE: &str = "github.com/envoyproxy/ratelimit/src/service_cmd";

/// The service's binary. Go's own caches are under `target/` as well.
pub fn binary() -> Result<PathBuf, Trouble> {
    let home = once(&format!("ratelimit-{VERSION}"), |draft| {
        if on_path("go").is_none() {
            return Err(Trouble::new("Go is not installed", "install Go 1.24 or newer to test against the real envoyproxy/ratelimit"));
        }
        let cache = paths::target().join("go");
        let mut go = Command::new("go");
        go.arg("install").arg(format!("{PACKAGE}@{VERSION}")).current_dir(draft);
        go.env("GOBIN", draft).env("GOPATH", cache.join("path")).env("GOMODCACHE", cache.join("mod")).env("GOCACHE", cache.join("build"));
        // Files of the module cache are read-only by default, and `rm -r target` would fail on them.
        go.env("GOFLAGS", "-modcacherw").env("CGO_ENABLED", "0");
        let log = wasm::log("fetch-ratelimit")?;
        progress::run("building envoyproxy/ratelimit with Go (about two minutes)", &mut go, &log)
            .map_err(|t| Trouble::new(t.what, "the Go module proxy must be reachable and Go must be new enough; run the command again"))?;
        Ok(())
    })?;
    Ok(home.join("service_cmd"))
}

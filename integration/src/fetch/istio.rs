//! Istio's own definitions of its resources, from Go's module proxy where Go is installed.
use std::path::PathBuf;
use std::process::Command;

use super::{on_path, once};
use crate::{paths, progress, trouble::Trouble, wasm};

/// The version of `istio.io/api`, which is Istio's.
const VERSION: &str = "v1.31.4";

/// The file with all custom resource definitions. Go's own caches are under `target/` as well.
pub fn definitions() -> Result<PathBuf, Trouble> {
    let home = once(&format!("istio-api-{VERSION}"), |draft| {
        if on_path("go").is_none() {
            return Err(Trouble::new("Go is not installed", "install Go to check what is rendered for Istio against its schemas"));
        }
        let cache = paths::target().join("go/mod");
        let mut go = Command::new("go");
        go.args(["mod", "download"]).arg(format!("istio.io/api@{VERSION}")).current_dir(draft);
        // Files of the module cache are read-only by default, and `rm -r target` would fail on them.
        go.env("GOMODCACHE", &cache).env("GOFLAGS", "-modcacherw");
        progress::run("fetching Istio's definitions with Go", &mut go, &wasm::log("fetch-istio")?)
            .map_err(|t| Trouble::new(t.what, "the Go module proxy must be reachable; run the command again"))?;
        let file = cache.join(format!("istio.io/api@{VERSION}/kubernetes/customresourcedefinitions.gen.yaml"));
        std::fs::copy(&file, draft.join("crds.yaml")).map_err(|e| Trouble::io("cannot read", &file, &e))?;
        Ok(())
    })?;
    Ok(home.join("crds.yaml"))
}

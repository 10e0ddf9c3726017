//! The two WebAssembly targets of the Rust toolchain.
use std::process::Command;

use super::on_path;
use crate::{paths, progress, trouble::Trouble, wasm};

/// What the module is built for: the product, and hosts without WASI.
pub const TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-unknown-unknown"];

/// Adds the targets that the toolchain of this workspace lacks. `rust-toolchain.toml` makes rustup do so by itself; a
/// toolchain that came another way is only looked at.
pub fn targets() -> Result<(), Trouble> {
    let missing = missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    let advice = format!("run `rustup target add {}`, or install these targets the way this Rust was installed", missing.join(" "));
    if on_path("rustup").is_none() {
        return Err(Trouble::new(format!("this Rust toolchain lacks {}", missing.join(", ")), advice));
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(paths::workspace()).args(["target", "add"]).args(&missing);
    let log = wasm::log("rustup")?;
    progress::run("adding the wasm targets by rustup", &mut rustup, &log).map_err(|t| Trouble::new(t.what, advice))?;
    Ok(())
}

/// The targets whose standard library this toolchain lacks.
pub fn missing() -> Result<Vec<&'static str>, Trouble> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(paths::workspace()).args(["--print", "sysroot"]).output();
    let output = output.map_err(|e| Trouble::new(format!("cannot run rustc: {e}"), "install Rust with rustup"))?;
    let sysroot = std::path::PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let has = |target: &str| sysroot.join("lib/rustlib").join(target).join("lib").is_dir();
    Ok(TARGETS.into_iter().filter(|target| !has(target)).collect())
}

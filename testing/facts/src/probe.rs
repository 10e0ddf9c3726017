//! Builds the probe filter, once per source, with the toolchain that builds the tests.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The probe's files: it is a crate of its own, which only rustc sees.
const SOURCES: [&str; 9] = [
    include_str!("filter/main.rs"),
    include_str!("filter/abi.rs"),
    include_str!("filter/maps.rs"),
    include_str!("filter/rpc.rs"),
    include_str!("filter/state.rs"),
    include_str!("filter/steps.rs"),
    include_str!("filter/streams.rs"),
    include_str!("filter/wasi.rs"),
    include_str!("filter/world.rs"),
];

/// What stands before each line that a traced probe logs.
pub const MARK: &str = "probe> ";

/// The built module, in this folder.
///
/// # Panics
/// When rustc is not there or the probe does not build: its tests cannot go on.
pub fn build(folder: &Path) -> PathBuf {
    // One build at a time in a process; two processes write files of their own names.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hash = DefaultHasher::new();
    SOURCES.hash(&mut hash);
    let built = folder.join(format!("probe-{:016x}.wasm", hash.finish()));
    if !built.exists() {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let part = folder.join(format!("probe-{}.wasm", std::process::id()));
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let mut command = Command::new(rustc);
        command.current_dir(&here).args([
            "--edition=2024",
            "--target=wasm32-wasip1",
            "--crate-type=cdylib",
            "-O",
            "-Cstrip=debuginfo",
            "--crate-name=probe",
        ]);
        let status = command.arg(here.join("src/filter/main.rs")).arg("-o").arg(&part).status().expect("rustc runs");
        assert!(status.success(), "the probe does not build: {command:?}");
        std::fs::rename(part, &built).unwrap();
    }
    built
}

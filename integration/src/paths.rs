//! Where things lie: the workspace, its target directory, and the folders under it that this crate writes.
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::trouble::Trouble;

/// The workspace's root, fixed when this crate is compiled.
pub fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's target directory: everything that is fetched, built or written lands under it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => workspace().join(directory),
        None => workspace().join("target"),
    }
}

/// Fetched tools, kept between runs.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A new empty folder for one run of one thing, under `target/runs`; the last part of its name is unique in this machine.
pub fn fresh_run(name: &str) -> Result<PathBuf, Trouble> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = target().join("runs").join(unique);
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|e| Trouble::io("cannot empty", &path, &e))?;
    }
    std::fs::create_dir_all(&path).map_err(|e| Trouble::io("cannot create", &path, &e))?;
    Ok(path)
}

//! Gets the tools that the demo, the tests and the benchmarks start: each pinned, each under `target/tools`, each once.
pub mod envoy;
pub mod istio;
pub mod llama;
pub mod node;
pub mod python;
pub mod ratelimit;
pub mod redis;
pub mod rustup;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{paths, trouble::Trouble};

/// A tool in `target/tools/NAME`: made by `make` in a temporary folder beside it and renamed when complete, so that half a tool is never used.
///
/// `NAME` holds the version, so that another version is another folder.
pub fn once(name: &str, make: impl FnOnce(&Path) -> Result<(), Trouble>) -> Result<PathBuf, Trouble> {
    // Tests of one process that want the same tool would write into the same draft.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = paths::tools().join(name);
    let mark = home.join(".complete");
    if mark.exists() {
        return Ok(home);
    }
    let draft = paths::tools().join(format!(".{name}.{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&draft);
    std::fs::create_dir_all(&draft).map_err(|e| Trouble::io("cannot create", &draft, &e))?;
    let made = make(&draft).and_then(|()| std::fs::write(draft.join(".complete"), "").map_err(|e| Trouble::io("cannot write", &draft, &e)));
    if let Err(trouble) = made {
        let _ = std::fs::remove_dir_all(&draft);
        return Err(trouble);
    }
    if mark.exists() {
        // Another process was quicker; its tool is as good.
        let _ = std::fs::remove_dir_all(&draft);
        return Ok(home);
    }
    let _ = std::fs::remove_dir_all(&home);
    std::fs::rename(&draft, &home).map_err(|e| Trouble::io("cannot move the finished tool to", &home, &e))?;
    Ok(home)
}

/// A program on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Makes a file executable for its owner and everybody who may read it.
pub fn set_executable(file: &Path) -> Result<(), Trouble> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, permissions).map_err(|e| Trouble::io("cannot make executable", file, &e))
}

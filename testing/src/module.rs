//! Loads and compiles filters, once per content: the compiled form is kept under `target/`.

use crate::error::Error;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use wasmtime::{Config, Engine};

/// A compiled filter. Cheap to clone; one serves any number of hosts.
#[derive(Clone)]
pub struct Module {
    pub(crate) compiled: wasmtime::Module,
}

/// One engine per process: compiled code is shared, all state is in the hosts.
fn engine() -> Result<&'static Engine, Error> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true);
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
        Engine::new(&config).map_err(|e| format!("{e:?}"))
    });
    engine.as_ref().map_err(|reason| Error::NotAModule { reason: reason.clone() })
}

impl Module {
    /// Loads the module in this file. A file that is not there is an error, so that its test fails.
    ///
    /// # Errors
    /// [`Error::ModuleNotFound`], [`Error::NotAModule`].
    pub fn load(path: impl AsRef<Path>) -> Result<Module, Error> {
        static LOADED: Mutex<BTreeMap<(PathBuf, SystemTime, u64), Module>> = Mutex::new(BTreeMap::new());
        let path = path.as_ref();
        let missing = |reason| Error::ModuleNotFound { path: path.to_path_buf(), reason };
        let file = std::fs::metadata(path).map_err(missing)?;
        let modified = file.modified().map_err(missing)?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        // A test process starts thousands of hosts from one file: reading and hashing it each time would cost more than they do.
        if let Some(module) = loaded.get(&(path.to_path_buf(), modified, file.len())) {
            return Ok(module.clone());
        }
        let module = Module::new(&std::fs::read(path).map_err(missing)?)?;
        loaded.insert((path.to_path_buf(), modified, file.len()), module.clone());
        Ok(module)
    }

    /// Compiles these bytes, or takes what an earlier run compiled of them.
    ///
    /// # Errors
    /// [`Error::NotAModule`].
    pub fn new(bytes: &[u8]) -> Result<Module, Error> {
        let engine = engine()?;
        let kept = kept_path(engine, bytes);
        if let Ok(Some(compiled)) = kept.as_deref().map(|path| deserialize(engine, path)).transpose() {
            return Ok(Module { compiled });
        }
        let compiled = wasmtime::Module::new(engine, bytes).map_err(|e| Error::NotAModule { reason: format!("{e:#}") })?;
        if let (Some(path), Ok(code)) = (kept, compiled.serialize()) {
            keep(&path, &code);
        }
        Ok(Module { compiled })
    }

    /// `module.name` of everything that the filter imports, sorted.
    pub fn imports(&self) -> Vec<String> {
        let mut names: Vec<String> = self.compiled.imports().map(|i| format!("{}.{}", i.module(), i.name())).collect();
        names.sort();
        names
    }

    /// The names of everything that the filter exports, sorted.
    pub fn exports(&self) -> Vec<String> {
        let mut names: Vec<String> = self.compiled.exports().map(|e| e.name().to_owned()).collect();
        names.sort();
        names
    }
}

#[allow(
    unsafe_code,
    reason = "the engine takes compiled code on trust; the file is this crate's own, named by the hash of its source and of the engine"
)]
fn deserialize(engine: &Engine, path: &Path) -> Result<wasmtime::Module, wasmtime::Error> {
    unsafe { wasmtime::Module::deserialize_file(engine, path) }
}

/// Where the compiled form of these bytes is kept: in the target folder that the test runs from, if it runs from one.
fn kept_path(engine: &Engine, bytes: &[u8]) -> Option<PathBuf> {
    let mut hash = DefaultHasher::new();
    bytes.hash(&mut hash);
    engine.precompile_compatibility_hash().hash(&mut hash);
    let target = std::env::current_exe().ok()?.ancestors().find(|dir| dir.ends_with("target"))?.to_path_buf();
    Some(target.join("compiled-modules").join(format!("{:016x}-{}.cwasm", hash.finish(), bytes.len())))
}

/// Written beside and renamed, since several test processes may compile the same module at once. A failure only costs time.
fn keep(path: &Path, code: &[u8]) {
    let Some(folder) = path.parent() else { return };
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    if std::fs::create_dir_all(folder).is_ok() && std::fs::write(&beside, code).is_ok() && std::fs::rename(&beside, path).is_err() {
        let _ = std::fs::remove_file(&beside);
    }
}

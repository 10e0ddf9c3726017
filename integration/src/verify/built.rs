//! The test programs of the whole workspace, built by one cargo call so that all steps share what it compiled.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Outcome;
use crate::{paths, progress, trouble::Trouble, wasm};

/// One test program.
#[derive(Debug, Clone)]
pub struct Program {
    pub package: String,
    pub target: String,
    pub file: PathBuf,
    /// The package's folder: where cargo runs its tests.
    pub folder: PathBuf,
}

/// What earlier steps made; made on demand, so that a step can run alone.
#[derive(Debug, Default)]
pub struct Built {
    programs: Option<Result<Vec<Program>, Trouble>>,
    module: Option<Result<PathBuf, Trouble>>,
}

impl Built {
    /// The module in release form.
    pub fn module(&mut self) -> Result<PathBuf, Trouble> {
        self.module.get_or_insert_with(wasm::build).clone()
    }

    /// The test programs of the packages named.
    pub fn programs(&mut self, packages: &[&str]) -> Result<Vec<Program>, Trouble> {
        let all = self.programs.get_or_insert_with(build).clone()?;
        let found: Vec<Program> = all.into_iter().filter(|program| packages.contains(&program.package.as_str())).collect();
        if found.is_empty() { Err(Trouble::new(format!("no tests in {}", packages.join(", ")), "")) } else { Ok(found) }
    }
}

fn build() -> Result<Vec<Program>, Trouble> {
    let log = wasm::log("verify-build-tests")?;
    let mut cargo = wasm::cargo();
    progress::run("building every test", cargo.args(["test", "--workspace", "--no-run"]), &log)?;
    // The same call again does nothing but say, for machines, what it made.
    let mut cargo = wasm::cargo();
    cargo.args(["test", "--workspace", "--no-run", "--quiet", "--message-format", "json"]).stderr(Stdio::null());
    let output = cargo.output().map_err(|e| Trouble::new(format!("cannot run cargo: {e}"), ""))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().filter_map(|line| serde_json::from_str(line).ok()).filter_map(|message| program(&message)).collect())
}

fn program(message: &Value) -> Option<Program> {
    if message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let package = package_name(&folder)?;
    Some(Program { package, target: message["target"]["name"].as_str()?.to_owned(), file: message["executable"].as_str()?.into(), folder })
}

/// The package's name as its manifest says; a package id has no fixed form.
fn package_name(folder: &Path) -> Option<String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim().trim_matches('"').to_owned())
}

/// Runs test programs one after another with a filter for libtest; the sum of what they say.
pub fn run_tests(label: &str, programs: &[Program], arguments: &[&str]) -> Outcome {
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    let mut why = String::new();
    for program in programs {
        let name = format!("{label}-{}-{}", program.package, program.target);
        let log = match wasm::log(&name) {
            Ok(log) => log,
            Err(trouble) => return Outcome::Failed { passed, failed: failed + 1, why: trouble.to_string() },
        };
        let mut command = Command::new(&program.file);
        command.args(arguments).current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
        command.env("CARGO_TARGET_DIR", paths::target());
        let ended = progress::run(&format!("{} {}", program.package, program.target), &mut command, &log);
        let counts = counts(&std::fs::read_to_string(&log).unwrap_or_default());
        passed += counts.0;
        failed += counts.1;
        ignored += counts.2;
        if let Err(trouble) = ended {
            // A program that died without its closing line failed as a whole.
            failed += usize::from(counts.1 == 0);
            why.push_str(&format!("{trouble}\n  all of it: {}\n", log.display()));
        }
    }
    if failed > 0 {
        Outcome::Failed { passed, failed, why }
    } else if passed == 0 {
        Outcome::Failed { passed, failed: 1, why: format!("{label}: no test was run") }
    } else {
        Outcome::Passed { checks: passed, ignored }
    }
}

/// Passed, failed and ignored, from libtest's closing lines.
fn counts(text: &str) -> (usize, usize, usize) {
    let mut sum: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        for part in line.split([';', '.']) {
            let words: Vec<&str> = part.split_whitespace().collect();
            if let [number, word] = words.as_slice()
                && let Ok(number) = number.parse::<usize>()
            {
                *sum.entry(word).or_default() += number;
            }
        }
    }
    let of = |word| sum.get(word).copied().unwrap_or(0);
    (of("passed"), of("failed"), of("ignored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        assert_eq!(counts(text), (5, 4, 1));
    }
}

//! The verify command: every check of this repository, from formatting to official SDKs against real Envoy.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its interface")]
use std::process::ExitCode;

use weir_integration::verify;

const USAGE: &str = "usage: cargo verify [STEP…] | --list | --help\n\
    Without a step it runs all of them. With CI=true a step that could not run is a failure.";

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--").collect();
    if wanted.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if wanted.iter().any(|word| word == "--list") {
        for step in verify::all() {
            println!("{:<10} {}", step.name, step.what);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = wanted.iter().find(|word| verify::all().iter().all(|step| step.name != word.as_str())) {
        eprintln!("no step named `{unknown}`; `cargo verify --list` shows them\n{USAGE}");
        return ExitCode::from(2);
    }
    let strict = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    if verify::run(&wanted, strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

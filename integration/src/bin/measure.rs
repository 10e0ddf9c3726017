//! The measure command: what a request costs in Envoy alone, with an empty filter, and with Weir.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its interface")]
use std::process::ExitCode;

use weir_integration::measure::{self, Options};

const USAGE: &str = "usage: cargo measure [--quick] [--write]\n\
    \x20 --quick   one slice for each figure instead of three\n\
    \x20 --write   write the table into docs/PERFORMANCE.md";

fn main() -> ExitCode {
    let mut options = Options::default();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--" => {}
            "--quick" => options.quick = true,
            "--write" => options.write = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            unknown => {
                eprintln!("`{unknown}` is not known\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    match measure::run(options) {
        Ok(figures) => {
            println!("\nCost in Envoy's process and ratio to Envoy alone.\n{figures}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("\n{trouble}");
            ExitCode::FAILURE
        }
    }
}

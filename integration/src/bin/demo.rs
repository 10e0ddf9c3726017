//! The demo command: Weir in a real Envoy on this machine, with a guided tour.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its interface")]
use std::process::ExitCode;

use weir_integration::demo::{self, Options, USAGE};

fn main() -> ExitCode {
    let asked = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(trouble) => {
            eprintln!("{trouble}");
            return ExitCode::from(2);
        }
    };
    match demo::run(&asked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("\n{trouble}");
            ExitCode::FAILURE
        }
    }
}

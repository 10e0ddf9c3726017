//! `cargo measure`: the benchmark. What a request costs in Envoy alone, with an empty filter, and with Weir.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use weir_integration::{measure, wasm};

const HELP: &str = "cargo measure [-- --quick]\n\n  --quick   requests of 1 KB only (a few minutes less)\n";

fn main() -> std::process::ExitCode {
    let mut quick = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--" => {}
            "--quick" => quick = true,
            _ => {
                print!("{HELP}");
                return std::process::ExitCode::from(u8::from(argument != "--help" && argument != "-h"));
            }
        }
    }
    let measured = wasm::build().and_then(|module| wasm::weir().and_then(|weir| measure::run(&module, &weir, quick)));
    match measured {
        Ok(table) => {
            println!(
                "\nThousand instructions in Envoy's process (user mode by valgrind, plus the kernel's constant part per request; ratio to Envoy alone)\n\n{table}"
            );
            std::process::ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("{trouble}");
            std::process::ExitCode::FAILURE
        }
    }
}

//! The measure command: what a request costs in Envoy alone, with an empty filter, and with Weir; what holding a stream costs, and what the test host does in a second.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its interface")]
use std::process::ExitCode;

use weir_integration::measure::{self, Options};

const USAGE: &str = "usage: cargo measure [host | window] [--quick] [--write]\n\
    \x20 host      the test host and its suite instead of Envoy\n\
    \x20 window    what it costs that a stream is held until its first content\n\
    \x20 --quick   one slice for each figure instead of three\n\
    \x20 --write   write the table into docs/PERFORMANCE.md, that of the host into testing/README.md";

/// What is measured.
enum What {
    Cost,
    Host,
    Window,
}

fn main() -> ExitCode {
    let (mut options, mut what) = (Options::default(), What::Cost);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--" => {}
            "host" => what = What::Host,
            "window" => what = What::Window,
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
    let measured = match what {
        What::Cost => measure::run(options).map(|figures| format!("Cost in Envoy's process and ratio to Envoy alone.\n{figures}")),
        What::Host => measure::host::run(options.write),
        What::Window => measure::window::run(options.write),
    };
    match measured {
        Ok(figures) => {
            println!("\n{figures}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("\n{trouble}");
            ExitCode::FAILURE
        }
    }
}

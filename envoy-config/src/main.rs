//! The `weir` command.

mod command;

use std::io::Write as _;
use std::process::ExitCode;

/// Ends with 0 if all went well, 1 if the document or Envoy is at fault, 2 if the command was not understood.
fn main() -> ExitCode {
    let (text, code) = match command::run(lexopt::Parser::from_env()) {
        Ok(text) => {
            // A closed pipe is no fault of the document.
            let _closed = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(command::Failure::Usage(text)) => (format!("{text}\n\n{}", command::USAGE), 2),
        Err(command::Failure::Problems(problems)) => (format!("{problems}\n"), 1),
    };
    let _closed = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(code)
}

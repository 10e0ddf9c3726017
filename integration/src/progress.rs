//! Runs one command after another with a line on the screen for each, so that nothing longer than a second is silent.
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::trouble::Trouble;

/// How often a running step says that it still runs: on a terminal in place, elsewhere (a log of CI) on a line of its own.
const TICK_TERMINAL: Duration = Duration::from_secs(1);
const TICK_LOG: Duration = Duration::from_secs(20);

/// Runs `command` with its output in `log`, saying on standard error what runs and for how long. The trouble holds the log's tail.
pub fn run(label: &str, command: &mut Command, log: &Path) -> Result<Duration, Trouble> {
    let begun = Instant::now();
    let output = File::create(log).map_err(|e| Trouble::io("cannot write", log, &e))?;
    let errors = output.try_clone().map_err(|e| Trouble::io("cannot write", log, &e))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(|e| {
            Trouble::new(format!("{label}: cannot run `{program}`: {e}"), format!("install `{program}` and put it on PATH"))
        })?;
    let terminal = std::io::stderr().is_terminal();
    let tick = if terminal { TICK_TERMINAL } else { TICK_LOG };
    if !terminal {
        eprintln!("  {label} …");
    }
    let mut said = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| Trouble::new(format!("{label}: {e}"), ""))? {
            break status;
        }
        if said.elapsed() >= tick || (terminal && said == begun) {
            said = Instant::now();
            let seconds = begun.elapsed().as_secs();
            if terminal {
                eprint!("\r\x1b[K  {label} … {seconds} s");
                let _ = std::io::stderr().flush();
            } else {
                eprintln!("  {label} … {seconds} s");
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = begun.elapsed();
    let mark = if status.success() { "ok" } else { "FAILED" };
    eprintln!("{}  {label}: {mark}, {:.1} s", if terminal { "\r\x1b[K" } else { "" }, took.as_secs_f32());
    if status.success() { Ok(took) } else { Err(Trouble::new(format!("{label}: {status}\n{}", tail(log, 30)), "")) }
}

/// Says one finished or short thing.
pub fn say(text: &str) {
    eprintln!("  {text}");
}

/// The last `lines` lines of a text file, indented; empty where there is none.
pub fn tail(path: &Path, lines: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| format!("    {line}\n")).collect()
}

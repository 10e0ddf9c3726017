//! What the test host does in a second, and how long its own suite takes: the figures of `testing/README.md`.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::report;
use crate::verify::Outcome;
use crate::verify::built::{Built, Program, run_tests};
use crate::{paths, progress, trouble::Trouble, wasm};

/// The test program that prints rates instead of judging.
const RATES: &str = "figures";

/// Builds what is needed, measures, and gives the text to print.
///
/// # Errors
/// Something does not build, or a test of the host fails.
pub fn run(write: bool) -> Result<String, Trouble> {
    let mut built = Built::default();
    built.module()?;
    progress::run(
        "weir.wasm (release, wasm32-unknown-unknown)",
        &mut wasm::command("wasm32-unknown-unknown"),
        &wasm::log("measure-bare")?,
    )?;
    let programs = built.programs(&["weir-testing"])?;
    let (rates, suite): (Vec<Program>, Vec<Program>) = programs.into_iter().partition(|program| program.target == RATES);
    forget_compiled()?;
    let cold = figures(&rates)?;
    let warm = figures(&rates)?;
    forget_compiled()?;
    let from_nothing = suite_run(&suite)?;
    let again = suite_run(&suite)?;
    let of = |figures: &BTreeMap<String, f64>, name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    let ms = |seconds: f64| format!("{:.0} ms", seconds * 1e3);
    // By processor time, which other work on the machine hardly changes.
    let share = (1.0 - again.processor / from_nothing.processor).max(0.0) * 100.0;
    let rows = [
        ("facts".to_owned(), facts()?),
        ("scenarios of facts a second, on one thread, each with a VM of its own".to_owned(), format!("{:.0}", of(&warm, "scenarios"))),
        ("exchanges a second through both positions of one VM, on one thread".to_owned(), format!("{:.0}", of(&warm, "exchanges"))),
        (
            format!("compiling `weir.wasm` ({:.1} MB); taking it from the cache", of(&warm, "load.weir.bytes") / 1e6),
            format!("{}; {}", ms(of(&cold, "load.weir")), ms(of(&warm, "load.weir"))),
        ),
        (
            format!("the suite, {} tests in {} programs: wall time; processor time", again.checks, suite.len()),
            format!("{:.0} s; {:.0} s", again.wall, again.processor),
        ),
        (
            "the same with no module compiled before; compiling's share of its processor time".to_owned(),
            format!("{:.0} s; {:.0} s; {share:.0} %", from_nothing.wall, from_nothing.processor),
        ),
    ];
    let table: String = rows.into_iter().map(|(what, figure)| format!("| {what} | {figure} |\n")).collect();
    let figures = format!("{}.\n\n| | |\n|---|---|\n{table}", report::machine());
    if write {
        report::write(&paths::workspace().join("testing/README.md"), report::HOST, &figures)?;
    }
    Ok(figures)
}

/// What tests have compiled is kept here; it is a cache.
fn forget_compiled() -> Result<(), Trouble> {
    let folder = paths::target().join("compiled-modules");
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Trouble::io("cannot empty", &folder, &error)),
        _ => Ok(()),
    }
}

/// How many facts there are, as their document says.
fn facts() -> Result<String, Trouble> {
    let path = paths::workspace().join("testing/FACTS.md");
    let text = std::fs::read_to_string(&path).map_err(|e| Trouble::io("cannot read", &path, &e))?;
    let line = text.lines().find(|line| line.contains(" facts, "));
    line.map(|line| line.trim_end_matches('.').to_owned()).ok_or_else(|| Trouble::new("FACTS.md says no number", "bless it"))
}

/// The lines `figure NAME VALUE …` that the program prints.
fn figures(programs: &[Program]) -> Result<BTreeMap<String, f64>, Trouble> {
    let outcome = run_tests("measure-host", programs, &["--ignored", "--nocapture"]);
    passed(&outcome)?;
    let mut figures = BTreeMap::new();
    for program in programs {
        let log: PathBuf = wasm::log(&format!("measure-host-{}-{}", program.package, program.target))?;
        let text = std::fs::read_to_string(&log).map_err(|e| Trouble::io("cannot read", &log, &e))?;
        for line in text.lines().filter_map(|line| line.strip_prefix("figure ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [name, value, rest @ ..] = words.as_slice() {
                figures.insert((*name).to_owned(), value.parse().unwrap_or(f64::NAN));
                if let Some(bytes) = rest.first() {
                    figures.insert(format!("{name}.bytes"), bytes.parse().unwrap_or(f64::NAN));
                }
            }
        }
    }
    Ok(figures)
}

/// What the suite took, in seconds.
struct Took {
    wall: f64,
    processor: f64,
    checks: usize,
}

/// Runs these programs one after another, each on two threads.
fn suite_run(programs: &[Program]) -> Result<Took, Trouble> {
    let (begun, before) = (Instant::now(), processor_time());
    let checks = passed(&run_tests("measure-host", programs, &["--test-threads", "2"]))?;
    Ok(Took { wall: begun.elapsed().as_secs_f64(), processor: processor_time() - before, checks })
}

/// Seconds of processor time of this process's children that have ended, and of theirs (Linux: `cutime` and `cstime`, in hundredths).
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_the_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = behind_the_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    if fields.len() == 2 { fields.iter().sum::<f64>() / 100.0 } else { f64::NAN }
}

fn passed(outcome: &Outcome) -> Result<usize, Trouble> {
    match outcome {
        Outcome::Passed { checks, .. } => Ok(*checks),
        Outcome::Failed { why, .. } => Err(Trouble::new(why.clone(), "")),
        Outcome::CouldNotRun(why) => Err(Trouble::new(why.clone(), "")),
        Outcome::NotHere(why) => Err(Trouble::new(*why, "")),
    }
}

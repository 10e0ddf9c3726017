//! Everything that is checked before a change lands, step by step, and the table at its end.
pub(crate) mod built;
mod steps;
mod table;

use std::time::{Duration, Instant};

pub use steps::all;

/// What came of a step.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// How many checks passed and how many are marked as ignored in the source.
    Passed { checks: usize, ignored: usize },
    /// How many passed and failed, and the words of the failure.
    Failed { passed: usize, failed: usize, why: String },
    /// A tool or a network is missing.
    CouldNotRun(String),
    /// What it looks at is not here, as is usual where it was not put: never a failure.
    NotHere(&'static str),
}

/// One step: its name is what a person types to run it alone.
#[derive(Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    pub what: &'static str,
    pub run: fn(&mut built::Built) -> Outcome,
}

/// A step that was run.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: &'static str,
    pub what: &'static str,
    pub outcome: Outcome,
    pub took: Duration,
}

/// Runs the steps whose name is among `wanted` (all where it is empty) and prints the table; whether nothing failed.
///
/// With `strict` a step that could not run is a failure: in CI a missing tool must not look like success.
pub fn run(wanted: &[String], strict: bool) -> bool {
    let _ = std::fs::remove_dir_all(crate::paths::target().join("runs"));
    let mut built = built::Built::default();
    let mut rows = Vec::new();
    for step in all().iter().filter(|step| wanted.is_empty() || wanted.iter().any(|name| name == step.name)) {
        eprintln!("\n[{}] {}", step.name, step.what);
        let begun = Instant::now();
        let outcome = (step.run)(&mut built);
        if let Outcome::Failed { why, .. } | Outcome::CouldNotRun(why) = &outcome {
            eprintln!("{why}");
        }
        rows.push(Row { name: step.name, what: step.what, outcome, took: begun.elapsed() });
    }
    print!("{}", table::render(&rows, strict));
    rows.iter().all(|row| match row.outcome {
        Outcome::Passed { .. } | Outcome::NotHere(_) => true,
        Outcome::Failed { .. } => false,
        Outcome::CouldNotRun(_) => !strict,
    })
}

//! The table at the end of a verification, and the one plain line under it.
use super::{Outcome, Row};

/// The table; the last line is `N passed, N failed, N skipped`, where a step that could not run counts once.
pub fn render(rows: &[Row], strict: bool) -> String {
    let mut text = format!("\n{:<10} {:<14} {:>7} {:>9}  what\n", "step", "result", "checks", "seconds");
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for row in rows {
        let (result, checks, note) = match &row.outcome {
            Outcome::Passed { checks, ignored } => {
                passed += checks;
                skipped += ignored;
                ("passed", checks.to_string(), String::new())
            }
            Outcome::Failed { passed: good, failed: bad, .. } => {
                passed += good;
                failed += bad;
                ("FAILED", format!("{good}/{}", good + bad), String::new())
            }
            Outcome::NotHere(why) => {
                skipped += 1;
                ("not here", String::new(), format!("\n           {why}"))
            }
            Outcome::CouldNotRun(why) => {
                failed += usize::from(strict);
                skipped += usize::from(!strict);
                ("could not run", String::new(), why.lines().map(|line| format!("\n           {}", line.trim())).collect())
            }
        };
        let seconds = row.took.as_secs_f32();
        text.push_str(&format!("{:<10} {result:<14} {checks:>7} {seconds:>9.1}  {}{note}\n", row.name, row.what));
    }
    text.push_str(&format!("\n{passed} passed, {failed} failed, {skipped} skipped\n"));
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(outcome: Outcome) -> Row {
        Row { name: "x", what: "something", outcome, took: Duration::from_secs(1) }
    }

    #[test]
    fn what_is_not_here_is_skipped_everywhere() {
        let rows = [row(Outcome::NotHere("nothing to read"))];
        assert!(render(&rows, true).ends_with("\n0 passed, 0 failed, 1 skipped\n"));
        assert!(render(&rows, true).contains("nothing to read"));
    }

    #[test]
    fn what_could_not_run_is_skipped_at_home_and_failed_in_ci() {
        let rows = [row(Outcome::Passed { checks: 3, ignored: 0 }), row(Outcome::CouldNotRun("no network".into()))];
        assert!(render(&rows, false).ends_with("\n3 passed, 0 failed, 1 skipped\n"));
        assert!(render(&rows, true).ends_with("\n3 passed, 1 failed, 0 skipped\n"));
        assert!(render(&rows, true).contains("no network"));
    }
}

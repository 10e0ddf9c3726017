//! The table of the figures, on the screen and between the markers of a document.
use std::fmt::Write as _;
use std::path::Path;

use super::source::Source;
use crate::trouble::Trouble;

/// What stands before and behind the figures in a document.
pub type Markers = [&'static str; 2];
/// In `docs/PERFORMANCE.md`.
pub const ENVOY: Markers = ["<!-- written by cargo measure --write -->", "<!-- end of what cargo measure writes -->"];
/// In `docs/PERFORMANCE.md`, too.
pub const WINDOW: Markers = ["<!-- written by cargo measure window --write -->", "<!-- end of what cargo measure window writes -->"];
/// In `testing/README.md`.
pub const HOST: Markers = ["<!-- written by cargo measure host --write -->", "<!-- end of what cargo measure host writes -->"];

/// A row: the figures of each column, or why there are none.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub cells: Result<Vec<f64>, String>,
}

/// The table as Markdown. The first row is what the others are compared with.
pub fn table(columns: &[&str], rows: &[Row], source: Source) -> String {
    let mut text = format!("| |{}\n|---|{}\n", columns.iter().map(|c| format!(" {c} |")).collect::<String>(), "---|".repeat(columns.len()));
    let alone = rows.first().and_then(|row| row.cells.as_ref().ok());
    for row in rows {
        let _ = write!(text, "| {} |", row.name);
        for column in 0..columns.len() {
            match (&row.cells, alone.and_then(|cells| cells.get(column))) {
                (Ok(cells), Some(alone)) => {
                    let cell = cells.get(column).copied().unwrap_or(f64::NAN);
                    let unit = if source == Source::Time { "µs" } else { "k" };
                    let _ = write!(text, " {:.1} {unit} ({:.2}) |", cell / 1000.0, cell / alone);
                }
                _ => text.push_str(" not available |"),
            }
        }
        text.push('\n');
    }
    for row in rows {
        if let Err(why) = &row.cells {
            let _ = writeln!(text, "\n{}: {why}", row.name);
        }
    }
    text
}

/// Where, when and how the figures came about, in one line.
///
/// `spread`: how far the slices of one figure lie apart, as a share; absent where each figure has one slice.
pub fn circumstances(source: Source, spread: Option<f64>) -> String {
    let slices = match spread {
        Some(spread) => format!("the slices of one figure differ by {:.1} % at most", spread * 100.0),
        None => "one slice for each figure".to_owned(),
    };
    format!("{}, Envoy {}, one worker; source: {}; {slices}.", machine(), crate::fetch::envoy::version(), source.describe())
}

/// Day and machine.
pub fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {} ({cpus} CPUs)", today(), processor())
}

/// Puts the figures between the document's markers.
pub fn write(path: &Path, markers: Markers, figures: &str) -> Result<(), Trouble> {
    let text = std::fs::read_to_string(path).map_err(|e| Trouble::io("cannot read", path, &e))?;
    let text = replace(&text, markers, figures);
    let text = text.ok_or_else(|| Trouble::new(format!("{} has lost its markers", path.display()), markers[0]))?;
    std::fs::write(path, text).map_err(|e| Trouble::io("cannot write", path, &e))
}

fn replace(text: &str, [begin, end]: Markers, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{figures}\n{end}{after}"))
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| "an unnamed processor".into())
}

/// The date in UTC (days since the epoch to year, month and day of the Gregorian calendar).
fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

fn date(mut days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_figures_says_why_and_the_others_are_ratios() {
        let rows = [
            Row { name: "alone", cells: Ok(vec![200_000.0]) },
            Row { name: "weir", cells: Ok(vec![400_000.0]) },
            Row { name: "later", cells: Err("answered 501".into()) },
        ];
        let text = table(&["1 KB"], &rows, Source::Valgrind);
        assert!(text.contains("| weir | 400.0 k (2.00) |"), "{text}");
        assert!(text.contains("| later | not available |") && text.ends_with("later: answered 501\n"), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let [begin, end] = HOST;
        let text = format!("a\n{begin}\nold\n{end}\nb\n");
        assert_eq!(replace(&text, HOST, "new").unwrap(), format!("a\n{begin}\nnew\n{end}\nb\n"));
        assert_eq!(replace(&text, ENVOY, "new"), None);
    }

    #[test]
    fn dates_know_leap_years() {
        assert_eq!([date(0), date(19_782), date(20_781)], ["1970-01-01", "2024-02-29", "2026-11-24"]);
    }
}

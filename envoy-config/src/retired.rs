//! What a document no longer names stays with Envoy and the service for a while.
//!
//! A request in flight ends under the document with which it began: retried on a cluster that is gone it would get 503, and counted under a
//! rule that is gone it would not be counted. So the entries of the files before are carried over for an hour, which is longer than any request.

use crate::render::routes::matched;
use crate::version::stamp;

/// How long a retired entry is kept, in seconds: Envoy's idle timeout for connections and streams stays below it.
const KEPT: u64 = 3600;

const NOTE: &str = "# no longer in the document, kept for requests in flight; since Unix time ";

/// The text of a new file with the entries of the old one that it lacks, and their names. `name_at` begins the line that holds an entry's name.
pub(crate) fn carry_over(new: &str, old: &str, name_at: &str, now: u64) -> (String, Vec<String>) {
    let known: Vec<Entry<'_>> = entries(new, name_at);
    let mut text = new.to_owned();
    let mut names = Vec::new();
    for entry in entries(old, name_at) {
        let since = entry.since.unwrap_or(now);
        if known.iter().any(|known| known.name == entry.name) || now.saturating_sub(since) >= KEPT {
            continue;
        }
        if text.ends_with("descriptors: []\n") {
            text = text.replace("descriptors: []\n", "descriptors:\n");
        }
        text.push_str(&format!("{NOTE}{since}\n"));
        for line in entry.lines {
            text.push_str(line);
            text.push('\n');
        }
        names.push(entry.name.to_owned());
    }
    (if names.is_empty() { text } else { stamp(&text) }, names)
}

/// The text of a file of routes whose matcher still leads to these clusters.
pub(crate) fn keep_matched(routes: &str, clusters: &[String]) -> String {
    let mut text = String::with_capacity(routes.len());
    for line in routes.lines() {
        text.push_str(line);
        text.push('\n');
        if line.trim_start() == "map:" {
            let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
            for cluster in clusters {
                text.push_str(&format!("{indent}  {}", matched(cluster)));
            }
        }
    }
    stamp(&text)
}

/// One entry of the list at the left margin of a file that this program wrote.
struct Entry<'t> {
    name: &'t str,
    lines: Vec<&'t str>,
    /// When it was retired, if it was.
    since: Option<u64>,
}

fn entries<'t>(text: &'t str, name_at: &str) -> Vec<Entry<'t>> {
    let mut found: Vec<Entry<'t>> = Vec::new();
    let mut since = None;
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('#') {
            since = line.strip_prefix(NOTE).and_then(|seconds| seconds.parse().ok());
            inside = false;
        } else if line.starts_with("- ") {
            found.push(Entry { name: "", lines: vec![line], since: since.take() });
            inside = true;
        } else if inside && line.starts_with(' ') {
            let Some(entry) = found.last_mut() else { continue };
            entry.lines.push(line);
            if let Some(name) = line.strip_prefix(name_at)
                && entry.name.is_empty()
            {
                entry.name = name.trim_matches('"');
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str =
        "# about\nversion_info: \"1\"\nresources:\n# a\n- \"@type\": x\n  name: \"a\"\n  more: 1\n# b\n- \"@type\": x\n  name: \"b\"\n";
    const NEW: &str = "# about\nversion_info: \"2\"\nresources:\n# b\n- \"@type\": x\n  name: \"b\"\n";

    #[test]
    fn what_is_gone_is_kept_for_an_hour() {
        let (once, names) = carry_over(NEW, OLD, "  name: ", 1000);
        assert_eq!(names, ["a"]);
        let kept = format!("{NOTE}1000\n- \"@type\": x\n  name: \"a\"\n  more: 1\n");
        assert!(once.ends_with(&kept), "{once}");
        let (twice, names) = carry_over(NEW, &once, "  name: ", 1000 + KEPT - 1);
        assert_eq!((twice, names.len()), (once.clone(), 1), "the time is that of the first");
        let (thrice, names) = carry_over(NEW, &once, "  name: ", 1000 + KEPT);
        assert_eq!((thrice.as_str(), names.len()), (NEW, 0));
    }

    #[test]
    fn what_comes_back_is_taken_from_the_document() {
        let (once, _) = carry_over(NEW, OLD, "  name: ", 1000);
        assert_eq!(carry_over(OLD, &once, "  name: ", 1001), (OLD.to_owned(), Vec::new()));
    }

    #[test]
    fn the_matcher_still_leads_there() {
        let text = keep_matched("version_info: \"1\"\n  map:\n    \"b\": x\n", &["a".to_owned()]);
        assert!(text.contains("  map:\n    \"a\": { action:"), "{text}");
    }
}

//! The document of facts, made from their files.

use crate::fact::Fact;

/// Headings of the sections, by the number in the ids.
const SECTIONS: [&str; 13] = [
    "Bodies: pause, continue, buffers",
    "Trailers",
    "Header maps and routes",
    "Local replies",
    "Attempts",
    "Ends",
    "Callouts and time",
    "Failures",
    "Roots, configurations, shared state",
    "The environment and the system interface",
    "gRPC callouts",
    "Time limits",
    "Filters behind",
];

const INTRODUCTION: &str = "# Facts

What Envoy does with a Proxy-Wasm filter, as far as Weir or the test host rests on it. Each fact is a file in [facts/cases](facts/cases):
a scenario (the wiring, what a probe filter does in each callback, what client and upstreams do) and the transcript that must come of it.
`cargo test -p weir-testing --test facts` runs each in the test host, `cargo verify envoy` in a real Envoy; both must do what the file says.
A fact that is another in a newer Envoy fails there by its id, with both transcripts.

`WEIR_FACT=F1.1- …` runs those whose ids begin so. `WEIR_BLESS=1` writes: in the test host the transcripts and this document, in Envoy its
version into the files (a transcript only where the test host is known to differ). `WEIR_ENVOY=1.39.3` takes another Envoy than the pinned one.
";

/// What a filter meets in Envoy and no fact is about, each with its reason.
const ABSENT: &str = "
## Without a fact

| What | Why |
|---|---|
| Foreign functions but `clear_route_cache` (`sign`, `expr_evaluate`, `compress` …) | they compute and move no stream; a test gives its host what its filter calls (`host.foreign`) |
| Properties of connections, TLS, nodes, listeners, hosts and dynamic metadata | values that Envoy's configuration and traffic make; a test sets them (`Wiring::property`, `host.set_property`) |
| What a filter in front of the gateway position changes | to a filter it is what the client sent |
| Breakers, outlier detection, tombstones, retry budgets, back-off, mirrors, hedging | Envoy's load balancing: a filter sees attempts (section 5), or 503 as in F5.4; Weir's wiring of it is tried in real Envoy |
| Order and acceptance of xDS updates | no callback tells of them but those of F9.1 and F9.2; tried in real Envoy |
| Access loggers, rate limit filters, tracing that read filter state | they come after the filter; it is there to read by F3.6 and F5.14 |
| Callouts to a cluster that has the same VM's filter in its own list | Envoy re-enters the module in the host call; the test host has no filters on callouts |
| `content-length` towards HTTP/2 providers, trailers that HTTP/1.1 drops, `100-continue` | the codecs' affair, behind the last callback |
| Time that calls really take, memory of the process, cost of host calls | measured by `cargo measure`; the test host counts fuel, calls and bytes instead |
| Leaving out WASI | no Envoy can; the test host runs modules without it to show that they need none |
";

/// How many there are.
pub fn count(facts: &[Fact]) -> String {
    let both = facts.iter().filter(|fact| !fact.envoy.is_empty() && fact.envoy_only.is_none()).count();
    format!("{} facts, {both} of them in both hosts", facts.len())
}

/// The whole document.
pub fn document(facts: &[Fact]) -> String {
    let mut out = format!("{INTRODUCTION}\n{}.\n", count(facts));
    for (at, heading) in SECTIONS.iter().enumerate() {
        let number = at + 1;
        let rows: Vec<&Fact> = facts.iter().filter(|fact| fact.id.starts_with(&format!("F{number}."))).collect();
        if rows.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {number}. {heading}\n\n| Id | Fact | Test host | Envoy |\n|---|---|---|---|\n"));
        for fact in rows {
            let envoy = match (&fact.host_only, fact.envoy.as_slice()) {
                (Some(reason), _) => format!("no: {reason}"),
                (None, []) => "not seen yet".to_owned(),
                (None, versions) => format!("✓ {}", versions.join(", ")),
            };
            let host = fact.envoy_only.as_ref().map_or("✓".to_owned(), |reason| format!("no: {reason}"));
            out.push_str(&format!("| [{0}](facts/cases/{0}.fact) | {1} | {host} | {envoy} |\n", fact.id, fact.text));
        }
    }
    out.push_str(ABSENT);
    out
}

//! The files of facts: read, and written back with what a host did.

use crate::scenario::Scenario;
use std::path::{Path, PathBuf};

/// One fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The stable name, also that of its file: `F2.1-trailers-end-the-body`.
    pub id: String,
    /// What is so, in a few sentences.
    pub text: String,
    /// The versions of Envoy in which the transcript was seen.
    pub envoy: Vec<String>,
    /// Why a real Envoy does not run it, where that is so.
    pub host_only: Option<String>,
    /// Why the test host does not do it, where that is so.
    pub envoy_only: Option<String>,
    /// What is wired and done.
    pub scenario: Scenario,
    /// What must come of it.
    pub transcript: String,
    path: PathBuf,
    head: String,
}

const TRANSCRIPT: &str = "== transcript\n";

/// Every fact, in the order of the ids.
///
/// # Panics
/// When a file cannot be read or says something unknown.
pub fn all() -> Vec<Fact> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_by_key(|path| order(path));
    paths.iter().map(|path| Fact::read(path)).collect()
}

/// By numbers, so that `F1.10` stands behind `F1.9`.
fn order(path: &Path) -> (u32, u32, String) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let numbers = name.strip_prefix('F').and_then(|rest| rest.split_once('-')).and_then(|(numbers, _)| numbers.split_once('.'));
    let (section, number) = numbers.unwrap_or_else(|| panic!("{name} is not named F<section>.<number>-<slug>"));
    (section.parse().unwrap(), number.parse().unwrap(), name)
}

impl Fact {
    fn read(path: &Path) -> Fact {
        let whole = std::fs::read_to_string(path).unwrap();
        let (head, transcript) = whole.split_once(TRANSCRIPT).unwrap_or((&whole, ""));
        let mut fact = Fact {
            id: path.file_stem().unwrap().to_string_lossy().into_owned(),
            text: String::new(),
            envoy: Vec::new(),
            host_only: None,
            envoy_only: None,
            scenario: Scenario { stop_iteration: true, ..Scenario::default() },
            transcript: transcript.to_owned(),
            path: path.to_owned(),
            head: String::new(),
        };
        let mut sections = head.split("\n== ");
        fact.introduce(sections.next().unwrap_or_default());
        for section in sections {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            let lines: Vec<&str> = body.lines().filter(|line| !line.trim().is_empty()).collect();
            fact.section(title.trim(), &lines);
        }
        fact.head = head.lines().filter(|line| !line.starts_with("envoy:")).map(|line| format!("{line}\n")).collect();
        fact
    }

    fn introduce(&mut self, text: &str) {
        for line in text.lines() {
            if let Some(versions) = line.strip_prefix("envoy:") {
                self.envoy = versions.split_whitespace().map(str::to_owned).collect();
            } else if let Some(reason) = line.strip_prefix("host only:") {
                self.host_only = Some(reason.trim().to_owned());
            } else if let Some(reason) = line.strip_prefix("envoy only:") {
                self.envoy_only = Some(reason.trim().to_owned());
            } else if !line.trim().is_empty() {
                self.text = format!("{} {}", self.text, line.trim()).trim().to_owned();
            }
        }
    }

    fn section(&mut self, title: &str, lines: &[&str]) {
        let scenario = &mut self.scenario;
        match title.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["wiring"] => lines.iter().for_each(|line| scenario.wire(line)),
            ["down"] => scenario.down.push(Scenario::script(lines)),
            ["up"] => scenario.up = Some(Scenario::script(lines)),
            ["client"] => lines.iter().for_each(|line| scenario.client(line)),
            ["upstream", name] => scenario.upstream(name, lines),
            ["callout", name] => scenario.callout(name, lines),
            ["rpc", name] => scenario.rpc(name, lines),
            other => panic!("{}: no section {other:?}", self.id),
        }
    }

    /// Writes another transcript into the file. What was seen in an Envoy before counts no more if it is another one.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn bless(&self, transcript: &str) {
        let envoy: &[String] = if transcript == self.transcript { &self.envoy } else { &[] };
        self.write(transcript, envoy);
    }

    /// Writes into the file that this version of Envoy did what the transcript says.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn seen(&self, version: &str) {
        let mut envoy = self.envoy.clone();
        if !envoy.iter().any(|known| known == version) {
            envoy.push(version.to_owned());
            envoy.sort();
            self.write(&self.transcript, &envoy);
        }
    }

    fn write(&self, transcript: &str, envoy: &[String]) {
        let (text, sections) = self.head.split_once("\n\n").unwrap_or((&self.head, ""));
        let versions = if envoy.is_empty() { String::new() } else { format!("envoy: {}\n", envoy.join(" ")) };
        let whole = format!("{text}\n{versions}\n{sections}{TRANSCRIPT}{transcript}");
        // Others may be reading it.
        if std::fs::read_to_string(&self.path).is_ok_and(|found| found == whole) {
            return;
        }
        std::fs::write(&self.path, whole).unwrap();
    }
}

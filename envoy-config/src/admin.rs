//! Envoy's admin interface: which version of each watched file is in force, and what was refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Problems;
use crate::render::{CLUSTERS, GATEWAY, ROUTES, STANDALONE, UPSTREAM};

/// How long a file may take to come into force; measured are 3 to 6 milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks. The interface has no way to wait for a change.
const PAUSE: Duration = Duration::from_millis(5);

/// A running Envoy.
pub(crate) struct Admin {
    address: String,
    agent: ureq::Agent,
}

/// What the subscription of one file has counted so far.
pub(crate) struct Before(BTreeMap<String, u64>);

impl Admin {
    /// An Envoy whose admin interface is at `address` (host and port).
    pub(crate) fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build();
        Self { address: address.to_owned(), agent: config.into() }
    }

    /// What stands before `file` is replaced.
    ///
    /// # Errors
    /// Nothing answers.
    pub(crate) fn before(&self, file: &str) -> Result<Before, Problems> {
        let stats = self.stats()?;
        Ok(Before(signs(file).into_iter().map(|sign| (sign.clone(), count(&stats, &sign))).collect()))
    }

    /// Waits until `version` of a file is in force.
    ///
    /// # Errors
    /// Envoy refuses the file, takes no notice of it, or has ended.
    pub(crate) fn await_version(&self, file: &'static str, version: &str, before: &Before) -> Result<(), Problems> {
        let in_force = format!("{}.version_text", subscription(file));
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let stats = self.stats()?;
            if stats.get(&in_force).is_some_and(|text| text.trim_matches('"') == version) {
                return Ok(());
            }
            if let Some(sign) = before.0.iter().find(|(sign, earlier)| count(&stats, sign) > **earlier).map(|(sign, _)| sign.clone()) {
                return Err(Problems::Refused { file, sign });
            }
            std::thread::sleep(PAUSE);
        }
        Err(Problems::Unnoticed(file))
    }

    fn stats(&self) -> Result<BTreeMap<String, String>, Problems> {
        let url = format!("http://{}/stats?filter=(version_text|update_rejected|update_failure|config_fail)$", self.address);
        let fault = |error: ureq::Error| Problems::Admin(self.address.clone(), error.to_string().into());
        let text = self.agent.get(&url).call().map_err(fault)?.body_mut().read_to_string().map_err(fault)?;
        Ok(text.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

fn count(stats: &BTreeMap<String, String>, name: &str) -> u64 {
    stats.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Content that is refused, syntax that cannot be read, and a filter that does not start.
fn signs(file: &str) -> [String; 3] {
    let subscription = subscription(file);
    ["update_rejected", "update_failure", "config_fail"].map(|sign| format!("{subscription}.{sign}"))
}

/// Where Envoy counts what it reads from a file.
fn subscription(file: &str) -> &'static str {
    match file {
        CLUSTERS => "cluster_manager.cds",
        ROUTES => "http.weir.rds.weir",
        UPSTREAM => "extension_config_discovery.upstream_http_filter.weir.upstream",
        GATEWAY => "extension_config_discovery.http_filter.weir.gateway",
        STANDALONE => "extension_config_discovery.http_filter.weir.standalone",
        _ => "",
    }
}

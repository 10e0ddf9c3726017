//! The service's rules: the YAML of envoyproxy/ratelimit, as far as `weir render` writes it and a little more.
use std::collections::BTreeMap;

use serde::Deserialize;

/// The length of a window, by the numbers of the service's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// Windows are fixed and aligned to 1970: a week begins on Thursday, a month has 30 days, a year 365.
    pub fn seconds(self) -> u64 {
        const DAY: u64 = 86_400;
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
            Self::Year => 365 * DAY,
        }
    }

    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "SECOND",
            Self::Minute => "MINUTE",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Year => "YEAR",
        }
    }

    pub fn numbered(number: u64) -> Option<Self> {
        [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Year, Self::Week]
            .into_iter()
            .zip(1..)
            .find_map(|(unit, known)| (known == number).then_some(unit))
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub unit: Unit,
    pub requests_per_unit: u32,
    /// Never over, and nothing is counted.
    pub unlimited: bool,
    /// Counts and always says OK.
    pub shadow: bool,
}

/// The rules of one domain.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    domain: String,
    root: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    limit: Option<Limit>,
    below: BTreeMap<String, Node>,
}

impl Rules {
    pub fn parse(yaml: &str) -> Result<Self, String> {
        let file: File = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        if file.domain.is_empty() {
            return Err("config file cannot have empty domain".to_owned());
        }
        Ok(Self { root: nodes(file.descriptors, &file.domain)?, domain: file.domain })
    }

    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The limit of a descriptor: at each level the entry with the value, else the one without. Only a limit at the depth of
    /// the last entry counts.
    pub fn find(&self, domain: &str, entries: &[(&str, &str)]) -> Option<Limit> {
        if domain != self.domain {
            return None;
        }
        let (last, rest) = entries.split_last()?;
        let step = |level: &'_ BTreeMap<String, Node>, (key, value): &(&str, &str)| {
            level.get(&format!("{key}_{value}")).or_else(|| level.get(*key)).cloned()
        };
        let mut level = self.root.clone();
        for entry in rest {
            level = step(&level, entry)?.below;
        }
        step(&level, last)?.limit
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    domain: String,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    key: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    rate_limit: Option<RateLimit>,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
    #[serde(default)]
    shadow_mode: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimit {
    #[serde(default)]
    unit: Option<Unit>,
    #[serde(default)]
    requests_per_unit: u32,
    #[serde(default)]
    unlimited: bool,
}

fn nodes(descriptors: Vec<Descriptor>, path: &str) -> Result<BTreeMap<String, Node>, String> {
    let mut level = BTreeMap::new();
    for descriptor in descriptors {
        let name = match &descriptor.value {
            Some(value) if !value.is_empty() => format!("{}_{value}", descriptor.key),
            _ => descriptor.key.clone(),
        };
        let path = format!("{path}.{name}");
        let limit = descriptor.rate_limit.map(|limit| limit.compile(descriptor.shadow_mode, &path)).transpose()?;
        let node = Node { limit, below: nodes(descriptor.descriptors, &path)? };
        if level.insert(name, node).is_some() {
            return Err(format!("duplicate descriptor composite key '{path}'"));
        }
    }
    Ok(level)
}

impl RateLimit {
    fn compile(self, shadow: bool, path: &str) -> Result<Limit, String> {
        let unit = match (self.unlimited, self.unit) {
            (true, None) => Unit::Second,
            (true, Some(_)) => return Err(format!("{path}: should not specify rate limit unit when unlimited")),
            (false, None) => return Err(format!("{path}: invalid rate limit unit ''")),
            (false, Some(unit)) => unit,
        };
        Ok(Limit { unit, requests_per_unit: self.requests_per_unit, unlimited: self.unlimited, shadow })
    }
}

//! The document's `providers`.

use super::demands::labels;
use super::google::{self, Place};
use super::{Reading, servers, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::scalar;
use crate::config::tree::Tree;
use crate::health::Cooldown;
use crate::names::{CLUSTER_RESERVED, HEADER_PREFIX};
use crate::providers::{AwsScope, Base, Credential, Dialect, Endpoint, Kind, OutputLimit, Preset, Provider, SecretRef};

/// `max_tokens` where a format demands it and neither the client nor the document says it: what every current model of that format can write.
const DEFAULT_MAX_TOKENS: u32 = 8192;

/// Every provider that can be read; all of them if there is no fault.
pub(super) fn read(reading: &mut Reading<'_>) -> Vec<Provider> {
    let path = Path::default().member("providers");
    let members = reading.root.member("providers").map(Tree::members).unwrap_or_default();
    if members.len() > usize::from(u16::MAX) {
        reading.faults.add(&path, Fault::TooMany(usize::from(u16::MAX)));
    }
    members.iter().filter_map(|(name, tree)| read_one(reading, name, tree, &path.member(name))).collect()
}

/// The `default_max_tokens` of each provider, in the document's order.
pub(super) fn default_max_tokens(reading: &Reading<'_>) -> Vec<u32> {
    let members = reading.root.member("providers").map(Tree::members).unwrap_or_default();
    members.iter().map(|(_, tree)| max_tokens(tree).unwrap_or(DEFAULT_MAX_TOKENS)).collect()
}

/// The member `default_max_tokens` of a provider or target.
pub(super) fn max_tokens(tree: &Tree) -> Option<u32> {
    tree.member("default_max_tokens").and_then(scalar::count).and_then(|count| u32::try_from(count).ok())
}

fn read_one(reading: &mut Reading<'_>, name: &str, tree: &Tree, path: &Path) -> Option<Provider> {
    check_name(reading, name, path);
    let kind = Kind::named(text_of(tree, "kind")?)?;
    let preset = kind.preset();
    let region = region(reading, tree, preset, path);
    let place = google::read(reading, tree, preset, path);
    let servers = servers::read(reading, tree, path);
    let own = servers.is_empty().then(|| own_endpoint(preset, region, &place)).flatten();
    let endpoint = match servers.first() {
        Some(first) => Some(first.clone()),
        None => endpoint(reading, tree, preset, own, path),
    };
    let credential = credential(reading, tree, preset, region, path);
    let api_version = api_version(reading, tree, preset, path);
    let speaks = match tree.member("speaks") {
        Some(list) => list.entries().iter().filter_map(|entry| entry.text()?.parse().ok()).collect(),
        None => preset.speaks.to_vec(),
    };
    for (place, format) in speaks.iter().enumerate() {
        if speaks.iter().take(place).any(|earlier| earlier == format) {
            reading.faults.add(&path.member("speaks").entry(place), Fault::Taken(format.to_string()));
        }
    }
    let pass_headers = pass_headers(reading, tree, path);
    let cooldown = cooldown(reading, tree, path)?;
    let labels = labels(reading, tree, path);
    Some(Provider {
        name: name.into(),
        direct_cluster: Provider::direct_cluster_of(name),
        kind,
        speaks,
        endpoint: endpoint?,
        servers,
        api_version,
        project: place.path,
        credential: credential?,
        dialect: dialect(tree, preset.dialect),
        pass_headers,
        concurrency: concurrency(tree),
        cooldown,
        labels,
    })
}

/// A provider's name is a cluster's: Envoy's own metrics take what stands before a dot for the whole name.
fn check_name(reading: &mut Reading<'_>, name: &str, path: &Path) {
    let spelt = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if name.is_empty() || !spelt || name.starts_with(CLUSTER_RESERVED) {
        let law = "at most 64 letters, digits, _ and -, and not weir-… (it is the name of the provider's cluster in Envoy)";
        reading.faults.add(path, Fault::Name(name.to_owned(), law));
    }
}

/// The region of AWS.
fn region<'t>(reading: &mut Reading<'_>, tree: &'t Tree, preset: &Preset, path: &Path) -> Option<&'t str> {
    let signed = tree.member("auth").is_some_and(|auth| auth.member("aws").is_some());
    let (region, path) = (text_of(tree, "region"), path.member("region"));
    let Some(region) = region else {
        if preset.aws.is_some() && (signed || servers::none_said(tree)) && tree.member("region").is_none() {
            reading.faults.add(&path, Fault::RegionNeeded);
        }
        return None;
    };
    if preset.aws.is_none() {
        reading.faults.add(&path, Fault::NotWith(NO_AWS));
    } else if !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        let law = "a region of AWS is small letters, digits and -";
        reading.faults.add(&path, Fault::Name(region.to_owned(), law));
    } else if !servers::none_said(tree) && !signed {
        reading.faults.add(&path, Fault::NotWith("endpoint, unless auth.aws signs for it"));
    }
    Some(region)
}

const NO_AWS: &str = "a kind that is no service of AWS";

/// The kind's own base URL, which a region or a location may say.
fn own_endpoint(preset: &Preset, region: Option<&str>, place: &Place) -> Option<String> {
    let of_service = || preset.aws.zip(region).map(|(service, region)| service.endpoint(region));
    let of_place = || Some(place.endpoint.clone()).filter(|url| !url.is_empty());
    preset.endpoint.map(str::to_owned).or_else(of_service).or_else(of_place)
}

fn endpoint(reading: &mut Reading<'_>, tree: &Tree, preset: &Preset, own: Option<String>, path: &Path) -> Option<Endpoint> {
    match (tree.member("endpoint"), own) {
        (Some(url), _) => Endpoint::parse(url.text()?).ok(),
        (None, Some(url)) => Endpoint::parse(&url).ok(),
        (None, None) => {
            if !preset.says_endpoint() && tree.member("endpoints").is_none() {
                reading.faults.add(&path.member("endpoint"), Fault::EndpointNeeded);
            }
            None
        }
    }
}

/// The version of the API, which only Azure has in its paths.
fn api_version(reading: &mut Reading<'_>, tree: &Tree, preset: &Preset, path: &Path) -> Option<Box<str>> {
    let version = text_of(tree, "api_version")?;
    let spelt = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if preset.base != Base::Azure || !spelt {
        let law = "only a provider of the kind azure-openai has a version in its paths, of letters, digits, - and .";
        reading.faults.add(&path.member("api_version"), Fault::Name(version.to_owned(), law));
    }
    Some(version.into())
}

fn credential(reading: &mut Reading<'_>, tree: &Tree, preset: &Preset, region: Option<&str>, path: &Path) -> Option<Credential> {
    let path = path.member("auth");
    let Some(auth) = tree.member("auth") else {
        // A vendor's own endpoint answers nothing without a key, so its absence is a mistake; elsewhere it is a choice.
        if preset.says_endpoint() && servers::none_said(tree) {
            reading.faults.add(&path, Fault::Missing);
        }
        return Some(Credential::None);
    };
    match (auth.member("bearer"), auth.member("api_key"), auth.member("aws")) {
        (None, None, Some(_)) => {
            let Some(service) = preset.aws else {
                reading.faults.add(&path.member("aws"), Fault::NotWith(NO_AWS));
                return None;
            };
            Some(Credential::Aws(AwsScope { service: service.signed_as, region: region?.into() }))
        }
        (Some(bearer), None, None) => Some(Credential::Bearer(secret(reading, bearer, &path.member("bearer"))?)),
        (None, Some(api_key), None) => {
            let path = path.member("api_key");
            let secret = secret(reading, api_key, &path);
            let header = match (text_of(api_key, "header"), preset.api_key_header) {
                (Some(header), _) => header.to_ascii_lowercase(),
                (None, Some(header)) => header.to_owned(),
                (None, None) => {
                    reading.faults.add(&path.member("header"), Fault::KeyHeader);
                    return None;
                }
            };
            if !is_header(&header) || header.starts_with(HEADER_PREFIX) {
                reading.faults.add(&path.member("header"), Fault::Name(header.clone(), HEADER_LAW));
            }
            Some(Credential::ApiKey { header: header.into(), secret: secret? })
        }
        _ => {
            // A member of a later version has been refused already; to ask for another beside it would mislead.
            let refused = ["gcp", "client"].into_iter().any(|later| auth.member(later).is_some());
            if !refused && matches!(auth, Tree::Object(_)) {
                reading.faults.add(&path, Fault::ExactlyOne("bearer, api_key, aws"));
            }
            None
        }
    }
}

fn secret(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Option<SecretRef> {
    let Some(name) = tree.member("env") else {
        if tree.member("secret").is_none() && matches!(tree, Tree::Object(_)) {
            reading.faults.add(&path.member("env"), Fault::Missing);
        }
        return None;
    };
    let name = name.text().filter(|name| !name.is_empty())?;
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    if !begins || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        // The value may be a key that was pasted into the wrong place, so it is not repeated.
        let law = "an environment variable's name is letters, digits and _ (the secret itself never stands in the document)";
        reading.faults.add(&path.member("env"), Fault::Name("…".to_owned(), law));
    }
    Some(SecretRef::Env(name.into()))
}

/// The member `concurrency` of a provider or target.
pub(super) fn concurrency(tree: &Tree) -> Option<u32> {
    tree.member("concurrency").and_then(scalar::count).and_then(|count| u32::try_from(count).ok())
}

fn cooldown(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Option<Cooldown> {
    let default = Cooldown::default();
    let Some(tree) = tree.member("cooldown") else { return Some(default) };
    let time = |name: &str, default: u64| match tree.member(name) {
        Some(tree) => u64::try_from(scalar::duration(tree)?.as_nanos()).ok(),
        None => Some(default),
    };
    let failures = match tree.member("failures") {
        Some(tree) => u32::try_from(scalar::count(tree)?).ok()?,
        None => default.failures,
    };
    let (pause, longest) = (time("pause", default.pause)?, time("longest", default.longest)?);
    if pause > longest {
        reading.faults.add(&path.member("cooldown").member("longest"), Fault::Shorter("pause"));
    }
    Some(Cooldown { failures, pause, longest })
}

fn dialect(tree: &Tree, preset: Dialect) -> Dialect {
    let Some(tree) = tree.member("dialect") else { return preset };
    let flag = |name: &str, default: bool| tree.member(name).and_then(Tree::flag).unwrap_or(default);
    Dialect {
        output_limit: match text_of(tree, "output_limit") {
            Some("max_completion_tokens") => OutputLimit::MaxCompletionTokens,
            Some("max_tokens") => OutputLimit::MaxTokens,
            Some(_) | None => preset.output_limit,
        },
        developer_role: flag("developer_role", preset.developer_role),
        include_usage: flag("include_usage", preset.include_usage),
        ..preset
    }
}

pub(super) const HEADER_LAW: &str = "a header's name is letters, digits and -, and not one of Weir's own";

/// The names that Weir's documents may use; HTTP would allow a few more, which Envoy drops or clients cannot send.
pub(super) fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Credentials, what belongs to the connection, and what describes the body, which Weir writes itself.
const NEVER_PASS: [&str; 20] = [
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "cookie",
    "proxy-authorization",
    "host",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-encoding",
    "accept-encoding",
    "expect",
    "x-forwarded-for",
    "x-request-id",
    "forwarded",
];

fn pass_headers(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Vec<Box<str>> {
    let mut passing = Vec::new();
    for (place, entry) in tree.member("pass_headers").map(Tree::entries).unwrap_or_default().iter().enumerate() {
        let Some(name) = entry.text().filter(|name| !name.is_empty()) else { continue };
        let path = path.member("pass_headers").entry(place);
        let name = name.to_ascii_lowercase();
        let reserved = [HEADER_PREFIX, "x-envoy-", "x-amz-"].into_iter().any(|prefix| name.starts_with(prefix));
        if !is_header(&name) {
            reading.faults.add(&path, Fault::Name(name.clone(), HEADER_LAW));
        } else if reserved || NEVER_PASS.contains(&&*name) {
            reading.faults.add(&path, Fault::Header(name.clone()));
        }
        passing.push(name.into());
    }
    passing
}

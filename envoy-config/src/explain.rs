//! A document in words: who answers what, under which path, and what is counted where.

use std::fmt::Write as _;

use weir_core::config::Gateway;
use weir_core::limits::Rule;
use weir_core::names::FormatId;
use weir_core::providers::{Credential, Provider, ProviderId, SecretRef};
use weir_core::routing::{Asks, Condition, Picker, Route, Target, Wanted};

use crate::Source;

/// What a document does, one line for each thing.
#[must_use]
pub fn explain(source: &Source) -> String {
    let gateway = &source.document.gateway;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _infallible = write_all(gateway, &mut text);
    text
}

fn write_all(gateway: &Gateway, text: &mut String) -> std::fmt::Result {
    if let Some(picker) = &gateway.standalone {
        writeln!(text, "standalone\n  provider: {}", describe_picker(gateway, picker))?;
    }
    writeln!(text, "providers")?;
    for provider in &gateway.providers {
        writeln!(text, "  {}: {}", provider.name, describe(provider))?;
    }
    writeln!(text, "models")?;
    for route in &gateway.routes {
        let demands = if route.demands.is_empty() { String::new() } else { format!(", demands {}", listed(&route.demands)) };
        let keeps = if route.affinity.is_some() { ", conversations keep their target" } else { "" };
        writeln!(text, "  {}{demands}{keeps}", route.name)?;
        for target in &route.targets {
            writeln!(text, "    {}", describe_target(gateway, route, target))?;
        }
    }
    if !gateway.endpoints.is_empty() {
        writeln!(text, "endpoints")?;
    }
    for endpoint in &gateway.endpoints {
        let Some(provider) = gateway.provider(endpoint.provider) else { continue };
        let (scheme, authority) = (provider.endpoint.scheme.as_str(), provider.authority());
        writeln!(text, "  {} -> {scheme}://{authority}{}", endpoint.prefix, provider.passing_path(&endpoint.prefix))?;
    }
    if !gateway.demands.is_empty() {
        writeln!(text, "demands")?;
    }
    for demand in &gateway.demands {
        let of_whom: Vec<String> = demand.when.iter().map(|condition| describe_condition(gateway, condition)).collect();
        let of_whom = if of_whom.is_empty() { "all requests".to_owned() } else { format!("requests with {}", of_whom.join(" and ")) };
        match &demand.asks {
            Asks::These(these) => writeln!(text, "  {of_whom}: {}", listed(these))?,
            Asks::Header { header, label } => writeln!(text, "  {of_whom}: {label} as the header {header} says")?,
        }
    }
    if !gateway.budgets.is_empty() {
        writeln!(text, "budgets")?;
    }
    let identities: Vec<&str> = gateway.identities.iter().map(|identity| &*identity.name).collect();
    for rule in gateway.budgets.iter().map(Rule::new) {
        let keys = rule.service_keys(&identities).join(", ");
        let keys = if keys.is_empty() { "all together".to_owned() } else { format!("for each {keys}") };
        let (name, limit, unit) = (rule.service_name(), rule.service_limit(), rule.service_unit());
        writeln!(text, "  {}: {keys}; rule {name} of the service, {limit} a {unit}", rule.budget.name)?;
    }
    if !gateway.wants_env.is_empty() {
        writeln!(text, "environment of Envoy\n  {}", gateway.wants_env.join(", "))?;
    }
    Ok(())
}

fn describe_condition(gateway: &Gateway, condition: &Condition) -> String {
    let name = gateway.identities.get(condition.identity).map_or("", |identity| &*identity.name);
    format!("{name}: {}", condition.values.join(" or "))
}

fn listed(wanted: &[Wanted]) -> String {
    wanted.iter().map(Wanted::to_string).collect::<Vec<_>>().join(", ")
}

fn describe_picker(gateway: &Gateway, picker: &Picker) -> String {
    let name = |id| gateway.provider(id).map_or("", |provider| &*provider.name);
    let each = |what: &str, named: &[(Box<str>, ProviderId)]| {
        let pairs: Vec<String> = named.iter().map(|(key, id)| format!("{key} -> {}", name(*id))).collect();
        format!("by the {what}: {}", pairs.join(", "))
    };
    match picker {
        Picker::Header(header) => format!("named by the header {header}"),
        Picker::Prefix(named) => each("beginning of the path", named),
        Picker::Host(named) => each("host", named),
        Picker::Constant(id) => format!("always {}", name(*id)),
    }
}

fn describe(provider: &Provider) -> String {
    let speaks: Vec<&str> = provider.speaks.iter().copied().map(FormatId::as_str).collect();
    let credential = match &provider.credential {
        Credential::None => "no credential".to_owned(),
        Credential::Bearer(SecretRef::Env(name)) => format!("bearer from {name}"),
        Credential::ApiKey { header, secret: SecretRef::Env(name) } => format!("{header} from {name}"),
        Credential::Aws(scope) => format!("signed for {} in {} with AWS credentials of Envoy's own", scope.service, scope.region),
    };
    let servers: Vec<&str> = provider.servers.iter().map(|server| &*server.authority).collect();
    let place = if servers.is_empty() { provider.authority().to_owned() } else { format!("the servers {}", servers.join(", ")) };
    format!("{} at {place}, speaks {}, {credential}", provider.kind.preset().name, speaks.join(" and "))
}

fn describe_target(gateway: &Gateway, route: &Route, target: &Target) -> String {
    let Some(provider) = gateway.provider(target.provider) else { return String::new() };
    let model = target.model.as_deref().unwrap_or("the name that was asked for");
    let called = target.asks_for("MODEL");
    let url = provider
        .speaks
        .iter()
        .find(|format| provider.takes(**format, called))
        .and_then(|format| provider.path(*format, called, true))
        .unwrap_or_default();
    let peers = route.targets.iter().filter(|peer| peer.priority == target.priority);
    let total: u64 = peers.map(|peer| u64::from(peer.weight)).sum();
    let share = u64::from(target.weight).saturating_mul(100).checked_div(total).unwrap_or(0);
    let labels: Vec<String> = target.labels.0.iter().map(|(name, value)| format!(", {name}: {value}")).collect();
    let labels = labels.concat();
    format!(
        "priority {}, {share} %: {model} at {} ({}://{}{url}){labels}",
        target.priority,
        provider.name,
        provider.endpoint.scheme.as_str(),
        provider.authority()
    )
}

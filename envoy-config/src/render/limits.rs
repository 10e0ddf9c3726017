//! The rules of envoyproxy/ratelimit: one for each budget, found by the entry with which Weir's descriptors begin.

use weir_core::config::Gateway;
use weir_core::limits::{ENTRY_RULE, Rule};

use crate::quote::quoted;

/// The service's configuration; `None` if the document has no service.
pub(super) fn rules(gateway: &Gateway) -> Option<String> {
    let service = gateway.limit_service.as_ref()?;
    let identities: Vec<&str> = gateway.identities.iter().map(|identity| &*identity.name).collect();
    let mut text = String::from(
        "# The rules of the rate-limit service. A descriptor that matches none is never limited, so Weir and the service need the same rules.\n",
    );
    text.push_str(&format!("domain: {}\n", quoted(&service.domain)));
    text.push_str(if gateway.budgets.is_empty() { "descriptors: []\n" } else { "descriptors:\n" });
    for rule in gateway.budgets.iter().map(Rule::new) {
        push_rule(&rule, &identities, &mut text);
    }
    Some(text)
}

/// A rule is nested as deep as its key is long, and the limit stands with the last entry.
fn push_rule(rule: &Rule, identities: &[&str], text: &mut String) {
    let limit = format!("rate_limit: {{ unit: {}, requests_per_unit: {} }}\n", rule.service_unit(), rule.service_limit());
    text.push_str(&format!("- key: {}\n  value: {}\n", quoted(ENTRY_RULE), quoted(rule.service_name())));
    let mut indent = String::from("  ");
    for key in rule.service_keys(identities) {
        text.push_str(&format!("{indent}descriptors:\n{indent}- key: {}\n", quoted(key)));
        indent.push_str("  ");
    }
    text.push_str(&indent);
    text.push_str(&limit);
}

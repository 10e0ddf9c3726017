//! The request that one attempt sends: body translated or spliced, headers set absolutely from an allow-list.

use super::headers::{self, Headers};
use super::machine::Exchange;
use super::planned::{PlannedTarget, Speak, Way};
use crate::formats::claude::betas;
use crate::formats::messages::{Carrier, Said};
use crate::formats::{self, Beside, Crossing, Onward, Passage};
use crate::hub::{ErrorKind, Fate, Field, Rejection};
use crate::json::{Out, Splices};
use crate::names::{self, FormatId};
use crate::operations::Operation;
use crate::providers::{Provider, ProviderId};

/// What is wrong with flags in a body whose head has gone.
const LATE: &str = "anthropic_beta: the provider of this model takes this in a header only";

/// Longest header that is made of what a body says, in bytes: servers take heads of 8 KiB and more.
const LONGEST: usize = 4096;

/// What an attempt sends.
pub(super) struct Outgoing {
    /// All headers, pseudo headers included; `None` where they have gone before.
    pub headers: Option<Headers>,
    /// The body; `None` leaves the client's.
    pub body: Option<Vec<u8>>,
    /// What it left behind on its way into the provider's format.
    pub passage: Passage,
}

/// Writes the request of one target; `server` is the authority where it is not the provider's only one.
pub(super) fn translated(exchange: &Exchange, target: &PlannedTarget, server: Option<&str>, body: &[u8]) -> Result<Outgoing, Rejection> {
    let configured = exchange.configured();
    let provider = configured.gateway.provider(target.provider).ok_or_else(unconfigured)?;
    let said = said(exchange, target, body);
    let betas: Vec<&str> = said.iter().flat_map(|said| &said.betas).map(String::as_str).collect();
    let counts = matches!(exchange.operation, Operation::CountTokens(_));
    let onward = Onward {
        model: target.model.as_deref(),
        dialect: provider.dialect,
        default_max_tokens: target.default_max_tokens,
        beside: Beside { version: said.as_ref().and_then(|said| said.version.as_deref()), betas: &betas, counts },
        client: exchange.client(),
    };
    let mut passage = Passage::new(configured.gateway.strict_losses);
    let rewritten = match target.speak {
        Speak::Same(format) => {
            let mut splices = Splices::default();
            formats::named(format).edit(exchange.outline(), body, &onward, &mut splices, &mut passage.losses)?;
            (!splices.is_empty()).then(|| splices.apply(body))
        }
        Speak::Translated(format) => {
            let plain = exchange.client().plain(exchange.outline(), body);
            let body = plain.as_deref().unwrap_or(body);
            let mut request = exchange.client().decode(&exchange.head(), body)?;
            formats::stand_in(&mut request, format, body, &onward, &mut passage)?;
            let mut out = Out::with_capacity(body.len().saturating_add(body.len() / 8).saturating_add(256));
            let mut crossing = Crossing::new(format, body, &onward, &mut passage);
            formats::named(format).encode(&request, &onward, &mut out, &mut crossing)?;
            if counts {
                let (asked, model) = (out.into_string(), target.model.as_deref().unwrap_or_default());
                out = Out::with_capacity(asked.len().saturating_add(64));
                formats::counting(format, provider.dialect.carrier).question(&asked, model, &mut out).map_err(|_| unconfigured())?;
            }
            Some(out.into_bytes())
        }
    };
    let most = configured.gateway.caps.buffer();
    if rewritten.as_ref().is_some_and(|body| body.len() > most) {
        return Err(Rejection::new(ErrorKind::TooLarge, format!("the request is longer than {most} bytes as its provider takes it")));
    }
    let headers = if exchange.is_standalone() {
        // What stood in the body and belongs into the head comes too late.
        let late = said.as_ref().is_some_and(|said| said.is_late(target.carrier));
        if (late || !passage.betas.is_empty()) && passage.losses.record(Field::BetaFlag, target.speak.format()) == Fate::Refuse {
            return Err(Rejection::new(ErrorKind::Unsupported, LATE).code("unsupported_by_target").at(betas::MEMBER));
        }
        None
    } else {
        let model = target.model.as_deref().unwrap_or_default();
        let mut headers = head(exchange, target.provider, target.speak.format(), model, server)?;
        if target.speak.format() == FormatId::Messages {
            flag(target.carrier, said.as_ref(), &passage.betas, &mut headers)?;
        }
        headers.set("content-length", &rewritten.as_ref().map_or(body.len(), Vec::len).to_string());
        Some(headers)
    };
    Ok(Outgoing { headers, body: rewritten, passage })
}

/// What a request says of Anthropic's API beside its content, where a carrier has it in another place than the client, or the client's
/// format is left.
fn said(exchange: &Exchange, target: &PlannedTarget, body: &[u8]) -> Option<Said> {
    let carried = target.carrier != Carrier::Own || exchange.outline().carrier != Carrier::Own;
    let headers = exchange.headers().iter();
    match target.speak {
        Speak::Same(_) if carried => Some(Said::of(headers, Some(body))),
        Speak::Translated(_) if carried || exchange.operation.format() == FormatId::Messages => Some(Said::of(headers, None)),
        Speak::Same(_) | Speak::Translated(_) => None,
    }
}

/// Says in headers what stood in the client's body.
///
/// # Errors
/// It is longer than servers take in a head: the provider would refuse all of it, and be blamed.
fn flag(to: Carrier, said: Option<&Said>, flags: &[Box<str>], headers: &mut Headers) -> Result<(), Rejection> {
    let mut more: Vec<(&str, String)> = said.iter().flat_map(|said| said.headers(to)).collect();
    if !flags.is_empty() {
        let mut all = Vec::new();
        let lists = headers.iter().filter(|(name, _)| *name == "anthropic-beta").map(|(_, list)| list);
        betas::add(lists.chain(flags.iter().map(|flag| &**flag)), &mut all);
        more.push(("anthropic-beta", all.join(",")));
    }
    for (name, value) in more {
        if value.len() > LONGEST {
            let member = name.replace('-', "_");
            return Err(Rejection::new(ErrorKind::InvalidRequest, format!("{member}: this is longer than {LONGEST} bytes")).at(member));
        }
        headers.set(name, &value);
    }
    Ok(())
}

/// Writes the headers of a request whose body is read; they say nothing of its length.
pub(super) fn head(exchange: &Exchange, id: ProviderId, format: FormatId, model: &str, server: Option<&str>) -> Result<Headers, Rejection> {
    let provider = exchange.configured().gateway.provider(id).ok_or_else(unconfigured)?;
    let path = if matches!(exchange.operation, Operation::CountTokens(_)) {
        provider.counting_path(format, model)
    } else {
        provider.path(format, model, exchange.outline().stream)
    };
    let mut headers = envelope(exchange, provider, server, ("POST", &path.ok_or_else(unconfigured)?));
    headers.push("content-type", "application/json");
    for (name, value) in provider.default_headers(format) {
        headers.push(name, value);
    }
    keep(exchange, provider, &mut headers, |name| headers::goes_onward(name, format, provider.dialect.carrier));
    authorise(exchange, id, &mut headers)?;
    // Weir reads what comes back, so the provider is asked not to compress it.
    headers.set("accept-encoding", "identity");
    Ok(headers)
}

/// Writes the headers of a request that passes unread.
pub(super) fn passed(exchange: &Exchange, target: &PlannedTarget, server: Option<&str>) -> Result<Headers, Rejection> {
    let configured = exchange.configured();
    let provider = configured.gateway.provider(target.provider).ok_or_else(unconfigured)?;
    let mut headers = envelope(exchange, provider, server, (exchange.method(), &provider.passing_path(exchange.path())));
    for format in &provider.speaks {
        for (name, value) in provider.default_headers(*format) {
            headers.push(name, value);
        }
    }
    keep(exchange, provider, &mut headers, headers::goes_along);
    authorise(exchange, target.provider, &mut headers)?;
    Ok(headers)
}

fn envelope(exchange: &Exchange, provider: &Provider, server: Option<&str>, (method, path): (&str, &str)) -> Headers {
    let mut headers = Headers::new();
    headers.push(":method", method);
    headers.push(":scheme", provider.endpoint.scheme.as_str());
    headers.push(":authority", server.unwrap_or_else(|| provider.authority()));
    headers.push(":path", path);
    // Envoy's own id of the request; its access log and the provider's support find each other by it.
    if let Some(id) = exchange.headers().first("x-request-id") {
        headers.push("x-request-id", id);
    }
    headers
}

fn keep(exchange: &Exchange, provider: &Provider, headers: &mut Headers, allowed: impl Fn(&str) -> bool) {
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in exchange.headers().iter() {
        if !allowed(name) && !provider.pass_headers.iter().any(|one| **one == *name) {
            continue;
        }
        if seen.contains(&name) {
            headers.push(name, value);
        } else {
            headers.set(name, value);
            seen.push(name);
        }
    }
}

fn authorise(exchange: &Exchange, provider: ProviderId, headers: &mut Headers) -> Result<(), Rejection> {
    if exchange.way == Way::Direct {
        exchange.instruct(headers);
    }
    if exchange.way != Way::Upstream
        && let Some(scheme) = exchange.headers().first(names::HEADER_FORWARDED_PROTO)
    {
        // Envoy finds no route without it; the route takes it out.
        headers.set(names::HEADER_FORWARDED_PROTO, scheme);
    }
    match exchange.configured().credential(provider) {
        Ok(Some((name, value))) => headers.set(name, value),
        Ok(None) => {}
        Err(_) => {
            return Err(Rejection::new(ErrorKind::UpstreamCredential, "the gateway has no credential for this provider"));
        }
    }
    Ok(())
}

fn unconfigured() -> Rejection {
    Rejection::new(ErrorKind::Internal, "the plan names a provider that the configuration does not have")
}

//! Every name that Weir shares with the outside: formats, headers, filter state, properties, clusters, metrics, log fields.
//!
//! The renderer (`envoy-config`) and the filter read the same constants, so a name can't drift between them.

use core::fmt;
use core::str::FromStr;

/// One of the five wire formats. The ids are the only names of formats: in configuration, folders, metrics and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FormatId {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Bedrock Converse and ConverseStream.
    Converse,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Gemini,
}

impl FormatId {
    /// All formats, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Converse, Self::Gemini];

    /// The id as it stands in documents, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Converse => "converse",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for FormatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of the five ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("formats are chat, responses, messages, converse and gemini")
    }
}

impl FromStr for FormatId {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|id| id.as_str() == text).ok_or(UnknownFormat)
    }
}

/// `root_id` of the gateway position (D).
pub const ROOT_GATEWAY: &str = "weir.gateway";
/// `root_id` of the gateway position where Envoy itself goes from one provider to the next, through the priorities of a cluster.
pub const ROOT_GATEWAY_PRIORITIES: &str = "weir.gateway.priorities";
/// `root_id` of the upstream position (U).
pub const ROOT_UPSTREAM: &str = "weir.upstream";
/// `root_id` of the standalone position; every name but those above is one of it.
pub const ROOT_STANDALONE: &str = "weir.standalone";
/// `vm_id` of both positions.
pub const VM_ID: &str = "weir";

/// Property (and, behind `wasm.`, filter state) that holds the exchange's key.
pub const STATE_EXCHANGE: &str = "weir.x";
/// Property that names the cluster of the next attempt; the route's matcher reads it as `wasm.weir.next`.
pub const STATE_NEXT: &str = "weir.next";
/// Property that holds the record of the exchange; the access log splices it as `%FILTER_STATE(wasm.weir.log:PLAIN)%`.
pub const STATE_LOG: &str = "weir.log";
/// Key of the filter state by whose hash Envoy finds a conversation's server: one of the few whose values it can hash. What the foreign
/// function of [`SET_FILTER_STATE`] writes.
pub const STATE_CONVERSATION: &str = "envoy.hashable_string";
/// Foreign function of Envoy by which a filter writes filter state of the host's own kinds.
pub const SET_FILTER_STATE: &str = "set_envoy_filter_state";
/// Key of the data that the workers of a proxy share about the health of providers; the number is that of its form.
pub const SHARED_HEALTH: &str = "weir.health.1";
/// What Envoy puts before a property's name to make the key of its filter state.
pub const STATE_PREFIX: &str = "wasm.";

/// Namespace of Weir's members in the metadata of clusters, endpoints and routes.
pub const METADATA: &str = "weir";
/// Metadata of a cluster: the provider's name; empty on the cluster of `on_no_match`. A chain has none, but its endpoints have.
pub const METADATA_PROVIDER: &str = "provider";
/// Metadata of an endpoint: its authority, where a provider's servers have several.
pub const METADATA_SERVER: &str = "server";
/// Metadata of a cluster: `true` on a direct twin.
pub const METADATA_TWIN: &str = "twin";
/// Metadata of a route: `true` where the route is Weir's.
pub const METADATA_ROUTE: &str = "route";
/// The key that a route has whose matcher knows the direct twins, and that fits whatever path and host a provider has. Its value is
/// empty, which the host tells without calling back into the module for memory.
pub const METADATA_DIRECT: &str = "direct";

/// Prefix of clusters that are not providers.
pub const CLUSTER_RESERVED: &str = "weir-";
/// Cluster of `on_no_match`: a tombstone alone.
pub const CLUSTER_NONE: &str = "weir-none";
/// Prefix of the clusters whose priorities are several providers.
pub const CLUSTER_CHAIN: &str = "weir-chain-";
/// Prefix of further clusters of a provider, for chains that have it more than once.
pub const CLUSTER_AGAIN: &str = "weir-again-";
/// Cluster of the rate-limit service.
pub const CLUSTER_LIMITS: &str = "weir-limits";
/// Prefix of a provider's direct twin.
pub const CLUSTER_DIRECT: &str = "weir-direct-";

/// The private code that the upstream position writes where it wants Envoy to try the next target.
pub const STATUS_RETRY: u16 = 598;

/// Prefix of Weir's own headers: taken from every request, never sent to a provider.
pub const HEADER_PREFIX: &str = "x-weir-";
/// Response header that lists what the provider's format could not carry, and of the answer the client's.
pub const HEADER_LOST: &str = "x-weir-lost";
/// Response header that Envoy's router adds to a provider's answer, and to none of Envoy's own.
pub const HEADER_SERVICE_TIME: &str = "x-envoy-upstream-service-time";
/// Envoy's `response.code_details` of a provider's answer.
pub const DETAILS_UPSTREAM: &str = "via_upstream";
/// Request header in which Envoy keeps the client's scheme. It picks no route without it; the rendered route takes it out.
pub const HEADER_FORWARDED_PROTO: &str = "x-forwarded-proto";
/// Response header that says which target answered: the provider's name in the document, a slash, and the model there.
pub const HEADER_TARGET: &str = "x-weir-target";
/// Request header by which the gateway position limits Envoy's retries to the plan.
pub const HEADER_MAX_RETRIES: &str = "x-envoy-max-retries";
/// Request header by which the gateway position limits the time of one attempt until its answer's headers, in milliseconds.
pub const HEADER_PER_TRY: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

/// Counter of exchanges; tags `model`, `provider`, `status`.
pub const METRIC_REQUESTS: &str = "weir.requests";
/// Counter of tokens; tags `model`, `provider`, `kind`, `usage_source`. The kinds `input` and `output` are inclusive.
pub const METRIC_TOKENS: &str = "weir.tokens";
/// Histogram of an exchange's duration in milliseconds; tags `model`, `provider`.
pub const METRIC_DURATION: &str = "weir.duration_ms";
/// Counter of attempts that another attempt replaced; tags `provider`, `reason`.
pub const METRIC_FAILOVERS: &str = "weir.failovers";
/// Counter of times that a provider, or one of its models, was left alone; tags `provider`, `target_model`, `reason`.
pub const METRIC_COOLDOWNS: &str = "weir.cooldowns";
/// Gauge: 1 while a provider, or one of its models, is left alone; tags `provider`, `target_model`.
pub const METRIC_COOLING: &str = "weir.cooling";
/// Counter of attempts whose credential the provider refused: someone has to look; tag `provider`.
pub const METRIC_CREDENTIAL_REFUSED: &str = "weir.credential_refused";
/// Counter of requests that Weir refused; tag `reason`.
pub const METRIC_REJECTIONS: &str = "weir.rejections";
/// Counter of elements that a target format could not carry; tags `field`, `source`, `target`, `fate`.
pub const METRIC_LOSSES: &str = "weir.losses";
/// Counter of host calls that answered an unexpected status; tag `call`.
pub const METRIC_HOST_ERRORS: &str = "weir.host_errors";
/// Histogram of the time to an exchange's first content in milliseconds; tags `model`, `provider`.
pub const METRIC_FIRST_CONTENT: &str = "weir.first_content_ms";
/// Counter of cost in nano-dollars; tags `model`, `provider`.
pub const METRIC_COST: &str = "weir.cost_nano_usd";
/// Counter of calls to the rate-limit service; tag `result`.
pub const METRIC_LIMIT_CALLS: &str = "weir.limit_calls";
/// Counter of charges that may not have been counted; tag `measure`.
pub const METRIC_LIMIT_UNKNOWN: &str = "weir.limit_unknown";
/// Counter of charges for which the rate-limit service has no rule; tag `measure`.
pub const METRIC_LIMIT_WITHOUT_RULE: &str = "weir.limit_without_rule";

/// Every tag of the metrics above. A name carries them as `weir.requests;model=gpt-5;status=200`, from where Envoy's `stats_tags` take them.
pub const METRIC_TAGS: [&str; 14] = [
    "model",
    "provider",
    "status",
    "kind",
    "usage_source",
    "reason",
    "field",
    "source",
    "target",
    "fate",
    "call",
    "result",
    "measure",
    "target_model",
];

//! What a simulated model says, whatever the format: text, tool calls, why it stops, what it cost.
use serde_json::{Map, Value, json};

use super::Vendor;

/// What a request asks, as far as the simulated model cares.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub model: String,
    pub stream: bool,
    /// Chat only: whether the stream ends with a usage chunk.
    pub include_usage: bool,
    pub last_user_text: String,
    /// Characters of the instructions: the part of the prompt that is served from the vendor's cache.
    pub system_size: usize,
    /// Characters of everything that the model reads.
    pub prompt_size: usize,
    pub tools: Vec<Tool>,
    pub forced: Forced,
    pub thinking: Thinking,
    /// The last turn holds tool results.
    pub after_results: bool,
    pub images: usize,
    /// The most tokens that the answer may have.
    pub limit: Option<u64>,
    pub stops: Vec<String>,
    pub choices: u64,
}

/// One tool on offer.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: String,
    pub schema: Value,
}

/// Whether the model thinks before it speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thinking {
    #[default]
    No,
    /// It does, and hands out only what nobody else can read.
    Silent,
    /// It tells its thoughts too.
    Told,
}

/// What the model thinks.
pub const THOUGHT: &str = "I think, therefore I answer.";

/// Whether a tool must be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Forced {
    #[default]
    No,
    Never,
    Any,
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Sequence(String),
    Length,
    Tools,
}

/// Token counts; `input` includes `cached`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub text: String,
    pub calls: Vec<Call>,
    pub finish: Finish,
    /// Absent where the provider tells no usage.
    pub usage: Option<Counts>,
}

/// The model's turn: calls where tools are offered and wanted, else a sentence that shows what it understood.
pub fn compose(ask: &Ask, vendor: Vendor) -> Reply {
    let calls = calls(ask, vendor);
    let mut text = if calls.is_empty() { sentence(ask, vendor) } else { String::new() };
    let mut finish = if calls.is_empty() { Finish::Stop } else { Finish::Tools };
    if let Some((at, stop)) = ask.stops.iter().filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop))).min() {
        finish = Finish::Sequence(stop.clone());
        text.truncate(at);
    }
    if let Some(limit) = ask.limit.and_then(|limit| usize::try_from(limit).ok()) {
        let tokens = pieces(&text);
        if tokens.len() > limit {
            text = tokens[..limit].concat();
            finish = Finish::Length;
        }
    }
    let spoken = pieces(&text).len() + calls.iter().map(|call| 5 + call.arguments.to_string().len() / 4).sum::<usize>();
    let input = 3 + ask.prompt_size / 4;
    let usage = Counts { input: input as u64, cached: (ask.system_size / 4) as u64, output: spoken as u64 };
    Reply { text, calls, finish, usage: Some(usage) }
}

/// A text in the pieces of a stream: words with the space behind them.
pub fn pieces(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn sentence(ask: &Ask, vendor: Vendor) -> String {
    if let Some(count) =
        ask.last_user_text.split_once("count to ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u32>().ok())
    {
        return (1..=count.min(100_000)).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    }
    let who = match vendor {
        Vendor::OpenAi => "OpenAI",
        Vendor::Anthropic => "Anthropic",
        Vendor::Google | Vendor::Vertex => "Google",
        Vendor::Amazon => "Amazon",
    };
    let images = if ask.images > 0 { format!(" I see {} image(s).", ask.images) } else { String::new() };
    let results = if ask.after_results { " I have read the tool's result." } else { "" };
    format!("Hello from the simulated {who}, model {}.{results}{images} You said: {}", ask.model, ask.last_user_text)
}

fn calls(ask: &Ask, vendor: Vendor) -> Vec<Call> {
    let prefix = match vendor {
        Vendor::OpenAi => "call",
        Vendor::Anthropic | Vendor::Google | Vendor::Vertex => "toolu",
        Vendor::Amazon => "tooluse",
    };
    if let Some((name, arguments)) = dictated(&ask.last_user_text).filter(|_| !ask.after_results) {
        return vec![Call { id: format!("{prefix}_sim_0"), name, arguments }];
    }
    let said = ask.last_user_text.to_lowercase();
    let wanted: Vec<&Tool> = match &ask.forced {
        Forced::Never => Vec::new(),
        Forced::Any => ask.tools.iter().take(1).collect(),
        Forced::Named(name) => ask.tools.iter().filter(|tool| tool.name == *name).collect(),
        Forced::No if ask.after_results => Vec::new(),
        Forced::No if said.contains("every tool") => ask.tools.iter().collect(),
        Forced::No => ask.tools.iter().filter(|tool| said.contains(&tool.name.to_lowercase())).collect(),
    };
    let call =
        |(n, tool): (usize, &&Tool)| Call { id: format!("{prefix}_sim_{n}"), name: tool.name.clone(), arguments: sample(&tool.schema) };
    wanted.iter().enumerate().map(call).collect()
}

/// The call in `[call NAME ARGUMENTS]`, for clients whose tools do something.
fn dictated(text: &str) -> Option<(String, Value)> {
    let (name, rest) = text.split_once("[call ")?.1.split_once(' ')?;
    let arguments = serde_json::Deserializer::from_str(rest).into_iter().next()?.ok()?;
    Some((name.to_owned(), arguments))
}

/// A value that a schema's types allow; every property is given.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") | None => {
            let properties = schema["properties"].as_object();
            let sampled = properties.into_iter().flatten().map(|(name, property)| (name.clone(), sample(property)));
            Value::Object(sampled.collect::<Map<_, _>>())
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("integer") => json!(3),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some(_) => json!("Zürich \"old town\"\n"),
    }
}

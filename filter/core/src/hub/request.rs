//! What a client asks for, whatever its format.

use super::{Citation, Field, Reasoning};
use crate::json::{Json, Raw, Str};

/// One request to a model. It borrows the client's body.
#[derive(Clone, Debug, Default)]
pub struct Request<'b> {
    /// All leading system or developer instructions; text parts only.
    pub system_instructions: Vec<Part<'b>>,
    /// The turns one to one as the client wrote them; merging is the encoder's work.
    pub messages: Vec<Message<'b>>,
    /// The sources that turns of the model's name, each with the place of its text in the client's body, in the order of these.
    pub citations: Vec<(u32, Citation<'b>)>,
    /// What the model may call.
    pub tools: Vec<Tool<'b>>,
    /// Whether and what the model must call; absent is not `auto`.
    pub tool_choice: Option<ToolChoice<'b>>,
    /// Whether the model may call several tools at once; absent is not `true`.
    pub parallel_tool_calls: Option<bool>,
    /// The shape of the answer's text.
    pub output: Option<OutputFormat<'b>>,
    /// How much the model shall think.
    pub reasoning: Option<Reasoning<'b>>,
    /// How much the model may write.
    pub limits: Limits,
    /// How the next token is chosen, and when to stop.
    pub sampling: Sampling<'b>,
    /// Key under which the provider finds its prompt cache.
    pub cache_key: Option<Str<'b>>,
    /// The client's own name for its user.
    pub end_user: Option<Str<'b>>,
    /// Labels of the client's, an object.
    pub metadata: Option<Raw<'b>>,
    /// Processing tier, the client's word.
    pub service_tier: Option<Str<'b>>,
    /// How wordy the answer shall be.
    pub verbosity: Option<Str<'b>>,
    /// Flags for beta features of Anthropic's API that the body says.
    pub betas: Vec<Str<'b>>,
    /// What refers to state on the provider's side.
    pub state: State<'b>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// Whether the client asked for usage in its stream (formats that always send it: true).
    pub include_usage: bool,
    /// What only the client's own format has; what becomes of it elsewhere the table of fates says.
    pub extensions: Vec<Extension>,
}

impl<'b> Request<'b> {
    /// Notes that a value was left which nobody knows, and where the last one stands.
    pub fn leave(&mut self, left: Option<usize>) {
        let at = left.and_then(|at| u32::try_from(at).ok());
        self.extensions.extend(at.map(|at| Extension { at, field: Field::Member }));
    }

    /// Notes the sources of a text at byte `at` of the client's body: those that others may have, and whether there were more.
    pub fn cite(&mut self, at: u32, named: Vec<Citation<'b>>, more: bool) {
        self.citations.extend(named.into_iter().map(|citation| (at, citation)));
        if more {
            self.extensions.push(Extension { at, field: Field::Citations });
        }
    }

    /// The sources behind the first so many are not of a turn of the model's.
    pub fn uncite(&mut self, first: usize) {
        uncite(&mut self.citations, first, &mut self.extensions);
    }
}

/// Takes the sources behind the first so many out of a list: they are not of a turn of the model's, which alone names any.
pub fn uncite(citations: &mut Vec<(u32, Citation<'_>)>, first: usize, extensions: &mut Vec<Extension>) {
    let others = citations.split_off(first.min(citations.len()));
    extensions.extend(others.into_iter().map(|(at, _)| Extension { at, field: Field::Citations }));
}

/// An element that only the client's own format has: nothing but its place crosses to another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Where it stands in the client's body, in bytes.
    pub at: u32,
    /// What it is; [`Field::Extension`] where nobody knows.
    pub field: Field,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An instruction in the middle of the conversation, said by a `system` message.
    System,
    /// The same, said by a `developer` message.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls.
    Tool,
}

/// One turn.
#[derive(Clone, Debug)]
pub struct Message<'b> {
    /// Where it stands in the client's body, in bytes; printed as a path when something is wrong with it.
    pub at: u32,
    /// Whose turn it is.
    pub role: Role,
    /// The name of the participant, where the format has one.
    pub name: Option<Str<'b>>,
    /// What was said, in order.
    pub parts: Vec<Part<'b>>,
}

/// One piece of a turn.
#[derive(Clone, Debug)]
pub struct Part<'b> {
    /// Where it stands in the client's body, in bytes.
    pub at: u32,
    /// A prompt-cache breakpoint behind this part; its value as the client wrote it.
    pub cache: Option<Raw<'b>>,
    /// What it is.
    pub kind: PartKind<'b>,
}

/// How many parts of one content stand each for itself. Clients write a handful; a part takes a hundred times what one letter does.
const APART: usize = 1024;

impl<'b> Part<'b> {
    /// Goes behind these parts of its content. Behind so many that nobody tells them apart, text goes on where text stands: millions of
    /// letters, each a part, take no more room than one text.
    pub fn join(self, parts: &mut Vec<Self>) {
        let many = parts.len() >= APART;
        match (parts.last_mut(), &self.kind) {
            (Some(Self { cache: None, kind: PartKind::Text(whole), .. }), PartKind::Text(text)) if many && self.cache.is_none() => {
                whole.push(text);
            }
            _ => parts.push(self),
        }
    }
}

/// What a request says of a document beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About<'b> {
    /// What the model shall know of it, and not cite.
    pub context: Option<Str<'b>>,
    /// Whether the answer shall name the places that it draws upon.
    pub cited: bool,
}

/// What a part is.
#[derive(Clone, Debug)]
pub enum PartKind<'b> {
    /// Text.
    Text(Str<'b>),
    /// The model's refusal in words.
    Refusal(Str<'b>),
    /// An image, a document, sound.
    Media {
        /// What kind of medium.
        modality: Modality,
        /// Media type such as `image/png`, lower case; empty where the client did not say.
        mime_type: Str<'b>,
        /// Where its bytes are.
        source: Source<'b>,
        /// Resolution that the client wants it read in.
        detail: Option<Str<'b>>,
        /// File name.
        name: Option<Str<'b>>,
        /// What else is said of it, where anything is.
        about: Option<Box<About<'b>>>,
    },
    /// The model's thinking.
    Reasoning {
        /// Its text; may be empty.
        text: Str<'b>,
        /// The vendor's proof that it is unchanged.
        signature: Option<Str<'b>>,
    },
    /// Thinking that only the vendor can read.
    RedactedReasoning(Str<'b>),
    /// A call that the model made.
    ToolCall {
        /// Id that its result names.
        id: Str<'b>,
        /// The tool's name.
        name: Str<'b>,
        /// The arguments: JSON, or the free text of a custom tool.
        arguments: Json<'b>,
        /// What kind of tool is called.
        kind: CallKind,
    },
    /// What a call gave.
    ToolCallResponse {
        /// Id of the call.
        id: Str<'b>,
        /// Text and media, in order.
        content: Vec<Part<'b>>,
        /// Whether the tool failed, where the format can say so.
        is_error: Option<bool>,
    },
    /// A part that nobody interprets; written back only to the same format.
    Opaque(Raw<'b>),
}

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// A function; the arguments are JSON.
    Function,
    /// A tool whose input is free text.
    Custom,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// `image/*`
    Image,
    /// `audio/*`
    Audio,
    /// `video/*`
    Video,
    /// PDF and other documents.
    Document,
}

/// Where the bytes of a medium are. Base64 is never decoded.
#[derive(Clone, Debug)]
pub enum Source<'b> {
    /// In the body.
    Base64(Str<'b>, Alphabet),
    /// Behind an address that the provider fetches.
    Uri(Str<'b>),
    /// In the vendor's file store.
    File(Str<'b>),
    /// In the body, as plain text: a document.
    Text(Str<'b>),
}

/// The two alphabets of RFC 4648.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Section 4, with `+` and `/`.
    Standard,
    /// Section 5, with `-` and `_`.
    UrlSafe,
}

/// Something that the model may call.
#[derive(Clone, Debug)]
pub struct Tool<'b> {
    /// Where it stands in the client's body, in bytes.
    pub at: u32,
    /// A prompt-cache breakpoint behind this tool.
    pub cache: Option<Raw<'b>>,
    /// What kind of tool.
    pub kind: ToolKind<'b>,
}

/// Kinds of tools.
#[derive(Clone, Debug)]
pub enum ToolKind<'b> {
    /// A function of the client's with a JSON schema.
    Function {
        /// Its name.
        name: Str<'b>,
        /// What it does.
        description: Option<Str<'b>>,
        /// The schema of its arguments.
        parameters: Option<Raw<'b>>,
        /// Whether the arguments must fit the schema.
        strict: Option<bool>,
    },
    /// A tool whose input is free text.
    Custom {
        /// Its name.
        name: Str<'b>,
        /// What it does.
        description: Option<Str<'b>>,
        /// The grammar of its input; none where any text will do.
        grammar: Option<InputGrammar<'b>>,
    },
    /// A tool that the provider itself runs.
    Hosted(Raw<'b>),
}

/// The language of a custom tool's input.
#[derive(Clone, Debug)]
pub struct InputGrammar<'b> {
    /// How it is written down: `lark` or `regex`.
    pub syntax: Str<'b>,
    /// The grammar.
    pub definition: Str<'b>,
}

/// Whether and what the model must call.
#[derive(Clone, Debug)]
pub enum ToolChoice<'b> {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// Something.
    Required,
    /// This tool.
    Named(Str<'b>),
    /// One of these tools.
    Allowed {
        /// Their names.
        names: Vec<Str<'b>>,
        /// Whether it must call one.
        required: bool,
    },
    /// A tool that the provider runs.
    Hosted(Raw<'b>),
}

/// The shape of the answer's text.
#[derive(Clone, Debug)]
pub enum OutputFormat<'b> {
    /// Text.
    Text,
    /// Any JSON object.
    Json,
    /// JSON that fits a schema.
    JsonSchema {
        /// Its name.
        name: Option<Str<'b>>,
        /// What it is.
        description: Option<Str<'b>>,
        /// The schema, an object.
        schema: Json<'b>,
        /// Whether the answer must fit it.
        strict: Option<bool>,
    },
}

/// How much the model may write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Tokens of the answer, thinking included.
    pub max_tokens: Option<u64>,
    /// How many answers.
    pub choice_count: Option<u64>,
}

/// How the next token is chosen. Numbers keep their text: `0.1` must not become `0.10000000149`.
#[derive(Clone, Debug, Default)]
pub struct Sampling<'b> {
    /// Sampling temperature.
    pub temperature: Option<Raw<'b>>,
    /// Nucleus sampling.
    pub top_p: Option<Raw<'b>>,
    /// Only the k most likely tokens.
    pub top_k: Option<Raw<'b>>,
    /// Seed.
    pub seed: Option<Raw<'b>>,
    /// Frequency penalty.
    pub frequency_penalty: Option<Raw<'b>>,
    /// Presence penalty.
    pub presence_penalty: Option<Raw<'b>>,
    /// Bias by token id.
    pub logit_bias: Option<Raw<'b>>,
    /// Whether log probabilities are wanted.
    pub logprobs: bool,
    /// How many alternatives each token shall show.
    pub top_logprobs: Option<Raw<'b>>,
    /// Texts that end the answer.
    pub stop_sequences: Vec<Str<'b>>,
}

/// What refers to state on the provider's side.
#[derive(Clone, Debug, Default)]
pub struct State<'b> {
    /// Whether the provider shall keep the answer.
    pub store: Option<bool>,
    /// The answer that this request follows.
    pub previous_response_id: Option<Str<'b>>,
}

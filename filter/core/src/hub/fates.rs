//! The one table of fates: what happens to each element of a request in each target format, and to each of an answer in each client's.
//!
//! Encoders can leave something out only through it; the documentation, the metrics' labels and the tests read it.

use crate::names::FormatId;

/// What happens to an element that a request or an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is written.
    Carry,
    /// It is left out without effect on the answer; counted.
    Note,
    /// It is left out; counted and told to the client.
    Lose,
    /// The nearest thing is written; counted and told to the client.
    Alter,
    /// The request is refused with 400 naming the client's own member.
    Refuse,
}

impl Fate {
    /// The word for metrics, headers and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Note => "note",
            Self::Lose => "lose",
            Self::Alter => "alter",
            Self::Refuse => "refuse",
        }
    }
}

macro_rules! table {
    ($( $(#[$doc:meta])* $field:ident = $name:literal : [$chat:ident $responses:ident $messages:ident $converse:ident $gemini:ident], )*) => {
        /// An element of a request or an answer that some format can't express.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $( $(#[$doc])* $field, )* }

        impl Field {
            /// All elements, in the table's order.
            pub const ALL: &[Self] = &[ $( Self::$field, )* ];

            /// The word for metrics, headers and documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$field => $name, )* }
            }

            /// What happens to this element in a target format: the provider's for a request, the client's for an answer.
            #[must_use]
            pub const fn fate(self, target: FormatId) -> Fate {
                let row = match self { $( Self::$field => [Fate::$chat, Fate::$responses, Fate::$messages, Fate::$converse, Fate::$gemini], )* };
                match target {
                    FormatId::Chat => row[0],
                    FormatId::Responses => row[1],
                    FormatId::Messages => row[2],
                    FormatId::Converse => row[3],
                    FormatId::Gemini => row[4],
                }
            }
        }
    };
}

table! {
    // element                                                              chat   responses messages converse gemini
    /// A system or developer message behind the first turn: hoisted, it loses its place.
    MidSystem = "messages.system":                                         [Carry Carry Alter Alter Alter],
    /// The name of a participant.
    MessageName = "messages.name":                                         [Carry Lose Lose Lose Lose],
    /// An empty text part.
    EmptyText = "messages.content.empty":                                  [Carry Carry Note Note Note],
    /// A conversation that begins with the assistant: a one-word user turn is put before it.
    AssistantFirst = "messages.assistant_first":                           [Carry Carry Alter Alter Alter],
    /// A refusal in the history becomes text.
    Refusal = "messages.refusal":                                          [Carry Carry Alter Alter Alter],
    /// Thinking in the history that the target's vendor did not sign.
    ForeignReasoning = "messages.reasoning":                               [Note Note Note Note Note],
    /// An image of a media type that the target does not read.
    ImageType = "messages.content.image_type":                             [Carry Carry Refuse Refuse Carry],
    /// A document of a media type that the target does not read.
    DocumentType = "messages.content.document_type":                       [Carry Carry Refuse Carry Carry],
    /// How closely an image shall be looked at.
    ImageDetail = "messages.content.image_url.detail":                     [Carry Carry Note Note Note],
    /// An image by address.
    ImageUri = "messages.content.image_url":                               [Carry Carry Carry Refuse Carry],
    /// A medium by another address that is not of the web (`gs://`): only its own cloud can fetch it.
    UriScheme = "messages.content.uri_scheme":                             [Refuse Refuse Refuse Refuse Carry],
    /// A medium in Amazon's store (`s3://`), which no other cloud reads.
    ForeignStore = "messages.content.uri_store":                           [Refuse Refuse Refuse Carry Refuse],
    /// Sound.
    Audio = "messages.content.input_audio":                                [Carry Refuse Refuse Carry Carry],
    /// Sound in a form that the target does not read: another media type, or by address.
    AudioSource = "messages.content.audio_source":                         [Refuse Refuse Refuse Carry Carry],
    /// Moving pictures.
    Video = "messages.content.video":                                      [Refuse Refuse Refuse Carry Carry],
    /// Sound, moving pictures or documents in a form that a target which has them does not read: another media type, or by address.
    MediaSource = "messages.content.media_source":                         [Carry Carry Carry Refuse Carry],
    /// A document by address.
    DocumentUri = "messages.content.document.url":                         [Refuse Carry Carry Refuse Carry],
    /// A document that is plain text: it stands in the turn as text.
    PlainDocument = "messages.content.document.text":                      [Alter Alter Carry Carry Alter],
    /// A document without text in its turn: a word stands beside it.
    LoneDocument = "messages.content.document.alone":                      [Carry Carry Carry Alter Carry],
    /// What a document says of itself beside its title: context, whether it shall be cited.
    DocumentExtras = "messages.content.document":                          [Lose Lose Carry Carry Lose],
    /// Images and documents in the result of a tool: they follow in a message of the user's.
    ResultMedia = "messages.tool_result.media":                            [Alter Carry Carry Carry Alter],
    /// The result of a tool that says nothing: a word stands in it.
    EmptyResult = "messages.tool_result.empty":                            [Carry Carry Carry Alter Carry],
    /// That a tool failed.
    ResultError = "messages.tool_result.is_error":                         [Lose Lose Carry Carry Carry],
    /// Text behind a tool call: it stands before it.
    TextAfterCall = "messages.tool_calls.order":                           [Alter Carry Carry Carry Carry],
    /// A file in another vendor's store.
    FileId = "messages.content.file_id":                                   [Carry Carry Refuse Refuse Refuse],
    /// The file name of a document.
    FileName = "messages.content.file.filename":                           [Carry Carry Alter Alter Note],
    /// The name of a medium that has none in the target: of an image, or of a file that the target fetches.
    MediaName = "messages.content.name":                                   [Note Note Note Note Note],
    /// An image, a document or sound in a turn of the model's.
    AssistantMedia = "messages.content.assistant_media":                   [Refuse Refuse Refuse Refuse Carry],
    /// A part that Weir does not know.
    OpaquePart = "messages.content.unknown":                               [Refuse Refuse Refuse Refuse Refuse],
    /// Sources that a turn of the history names, in a form that the target or its model does not take.
    Citations = "messages.content.citations":                              [Lose Lose Lose Lose Lose],
    /// A page that a turn of the history names: for the whole block, where the target knows no words.
    CitedPage = "messages.content.citations.page":                         [Lose Carry Lose Alter Lose],
    /// A place in a document or a search result of the request, named by a turn of the history.
    CitedPlace = "messages.content.citations.document":                    [Lose Lose Carry Carry Lose],
    /// Arguments in the history that are not a JSON object.
    BrokenArguments = "messages.tool_calls.arguments":                     [Carry Carry Refuse Refuse Refuse],
    /// A prompt-cache breakpoint.
    CacheHint = "prompt_cache_breakpoint":                                 [Lose Lose Carry Carry Note],
    /// A prompt-cache breakpoint for a model that has no such cache, or not there.
    CacheModel = "prompt_cache_breakpoint.model":                          [Carry Carry Carry Lose Carry],
    /// How long a cached prefix is kept, in a time that the target does not have.
    CacheTime = "prompt_cache_breakpoint.ttl":                             [Carry Carry Lose Lose Note],
    /// More breakpoints than the target takes: the last ones are written.
    CacheCount = "prompt_cache_breakpoint.count":                          [Alter Alter Alter Alter Note],
    /// A tool name that the target's alphabet does not have.
    ToolName = "tools.function.name":                                      [Alter Alter Alter Alter Alter],
    /// `strict` on a tool.
    ToolStrict = "tools.function.strict":                                  [Carry Carry Carry Carry Lose],
    /// A tool whose input is free text: a function with one text stands in for it.
    CustomTool = "tools.custom":                                           [Carry Carry Alter Alter Alter],
    /// A tool that the model shall find only by the provider's own search for tools.
    DeferredTool = "tools.defer_loading":                                   [Lose Lose Lose Lose Lose],
    /// What a tool says beside its schema: examples, who may call it.
    ToolHint = "tools.hints":                                              [Lose Lose Lose Lose Lose],
    /// How a tool's arguments are streamed.
    ToolStreaming = "tools.eager_input_streaming":                         [Note Note Note Note Note],
    /// A tool that the provider would run, merely offered.
    HostedTool = "tools.hosted":                                           [Lose Lose Lose Lose Lose],
    /// A tool that the provider would run, demanded.
    HostedToolChoice = "tool_choice.hosted":                               [Refuse Refuse Refuse Refuse Refuse],
    /// A choice among some of the tools: only those are sent.
    AllowedTools = "tool_choice.allowed_tools":                            [Carry Carry Alter Alter Carry],
    /// A tool choice without tools.
    ChoiceWithoutTools = "tool_choice.without_tools":                      [Note Note Note Note Note],
    /// That no tool shall be called, where the history has calls: the model may call one.
    NoToolChoice = "tool_choice.none":                                     [Carry Carry Carry Lose Carry],
    /// Calls in the history of a request without tools: they are declared by name alone.
    UndeclaredTools = "tools.undeclared":                                  [Carry Carry Carry Alter Carry],
    /// Parallel calls switched off.
    ParallelToolCalls = "parallel_tool_calls":                             [Carry Carry Carry Lose Lose],
    /// JSON without a schema.
    JsonMode = "response_format.json_object":                              [Carry Carry Lose Lose Carry],
    /// JSON with a schema.
    JsonSchema = "response_format.json_schema":                            [Carry Carry Carry Carry Carry],
    /// The name, description or strictness of a schema.
    JsonSchemaName = "response_format.json_schema.name":                   [Carry Carry Note Carry Note],
    /// Words of a schema that the target does not read there: the nearest are written, or its description says them.
    SchemaWords = "schema.words":                                         [Carry Carry Alter Carry Alter],
    /// Parts of a schema that the target passes over in silence.
    SchemaParts = "schema.parts":                                         [Carry Carry Carry Carry Lose],
    /// That the answer or the arguments must fit a schema which breaks the target's rules for such schemas: it is only shown to the model.
    StrictSchema = "schema.strict":                                       [Lose Lose Carry Carry Carry],
    /// How much the model shall think.
    ReasoningEffort = "reasoning_effort":                                  [Carry Carry Carry Carry Carry],
    /// A degree of thinking that the target's model does not have: the nearest is asked for.
    ReasoningRange = "reasoning_effort.range":                             [Alter Alter Alter Alter Alter],
    /// Thinking that the target's model can't do, or not for this request.
    ReasoningModel = "reasoning_effort.model":                             [Lose Lose Lose Lose Lose],
    /// Whether the client sees what the model thinks.
    ReasoningShow = "reasoning.show":                                      [Note Carry Carry Carry Carry],
    /// A temperature above what the target takes.
    TemperatureRange = "temperature.range":                                [Carry Carry Alter Alter Carry],
    /// A temperature at its default of 1.
    TemperatureDefault = "temperature.default":                            [Note Note Note Note Carry],
    /// A temperature that the target's model does not take.
    Temperature = "temperature":                                           [Lose Lose Lose Lose Carry],
    /// Nucleus sampling that the target does not take, alone or beside a temperature.
    TopP = "top_p":                                                        [Lose Lose Lose Lose Carry],
    /// A nucleus of all tokens, which is none.
    TopPDefault = "top_p.default":                                         [Note Note Note Note Carry],
    /// Only the k most likely tokens.
    TopK = "top_k":                                                        [Lose Lose Carry Carry Carry],
    /// Only the k most likely tokens, for a model that takes no sampling, or not while it thinks.
    TopKModel = "top_k.model":                                             [Carry Carry Lose Lose Carry],
    /// Seed.
    Seed = "seed":                                                         [Carry Lose Lose Lose Carry],
    /// Frequency penalty.
    FrequencyPenalty = "frequency_penalty":                                [Carry Lose Lose Lose Carry],
    /// Presence penalty.
    PresencePenalty = "presence_penalty":                                  [Carry Lose Lose Lose Carry],
    /// Bias by token id.
    LogitBias = "logit_bias":                                              [Carry Lose Lose Lose Lose],
    /// Log probabilities.
    Logprobs = "logprobs":                                                 [Carry Carry Refuse Refuse Carry],
    /// More than one answer.
    ChoiceCount = "n":                                                     [Carry Refuse Refuse Refuse Carry],
    /// Texts that end the answer.
    StopSequences = "stop":                                                [Carry Refuse Carry Carry Carry],
    /// More texts that end the answer than the target takes.
    StopCount = "stop.count":                                              [Refuse Refuse Carry Carry Carry],
    /// A blank text that shall end the answer.
    BlankStop = "stop.blank":                                              [Carry Refuse Lose Lose Carry],
    /// How wordy the answer shall be.
    Verbosity = "verbosity":                                               [Carry Carry Lose Lose Lose],
    /// Processing tier.
    ServiceTier = "service_tier":                                          [Carry Carry Lose Lose Lose],
    /// The client's own name for its user.
    EndUser = "user":                                                      [Carry Carry Carry Carry Lose],
    /// The client's labels.
    Metadata = "metadata":                                                 [Carry Carry Lose Carry Lose],
    /// Labels whose number, length or alphabet the target does not take.
    LabelForm = "metadata.form":                                           [Carry Carry Carry Lose Carry],
    /// Key of the prompt cache.
    CacheKey = "prompt_cache_key":                                         [Carry Carry Note Note Note],
    /// The answer shall be kept by the provider.
    Store = "store":                                                       [Carry Carry Lose Lose Lose],
    /// The answer shall not be kept by the provider.
    StoreOff = "store.off":                                                [Carry Carry Note Note Note],
    /// An earlier answer on the provider's side.
    PreviousResponse = "previous_response_id":                             [Refuse Carry Refuse Refuse Refuse],
    /// The answer shall be found again by its id, which is what the format's clients get unless they say otherwise.
    KeptAnswer = "store.kept":                                             [Lose Carry Lose Lose Lose],
    /// A conversation that the provider keeps.
    Conversation = "conversation":                                         [Refuse Carry Refuse Refuse Refuse],
    /// A prompt that the provider keeps.
    StoredPrompt = "prompt":                                               [Refuse Carry Refuse Refuse Refuse],
    /// Something said earlier, by the id that the provider gave it.
    ItemReference = "input.item_reference":                                [Refuse Carry Refuse Refuse Refuse],
    /// What a tool of the provider's own did in an earlier turn.
    HostedItem = "input.hosted":                                           [Refuse Carry Refuse Refuse Refuse],
    /// An answer that is made while nobody waits, to be fetched later.
    Background = "background":                                             [Refuse Carry Refuse Refuse Refuse],
    /// The provider's own care of a conversation that grows too long, and what came of it.
    ContextManagement = "context_management":                              [Refuse Carry Refuse Refuse Refuse],
    /// The oldest turns may be left out where a conversation grows too long.
    Truncation = "truncation":                                             [Lose Carry Lose Lose Lose],
    /// More about what the provider's own tools did.
    Include = "include":                                                   [Note Carry Note Note Note],
    /// Functions under a name of their own: they are offered one by one.
    Namespace = "tools.namespace":                                         [Alter Carry Alter Alter Alter],
    /// State that the provider keeps or that a client carries for it: containers, compactions, threads.
    ServerState = "state":                                                 [Refuse Refuse Refuse Refuse Refuse],
    /// What the provider shall take out of earlier turns, by itself.
    ContextEditing = "context_management.edits":                           [Lose Lose Lose Lose Lose],
    /// Where in the world the request may be worked on.
    DataResidency = "inference_geo":                                       [Refuse Refuse Refuse Refuse Refuse],
    /// A limit of no tokens: the prompt shall only be read.
    NoOutput = "max_tokens.zero":                                          [Refuse Refuse Carry Refuse Refuse],
    /// Speech or pictures as answer.
    Modalities = "modalities":                                             [Carry Refuse Refuse Refuse Refuse],
    /// A text that the answer probably repeats.
    Prediction = "prediction":                                             [Carry Lose Lose Lose Lose],
    /// What the service shall let neither in nor out: a promise of safety.
    Guardrail = "guardrail":                                               [Refuse Refuse Refuse Carry Refuse],
    /// A search that the provider would do.
    WebSearch = "web_search_options":                                      [Carry Refuse Refuse Refuse Refuse],
    /// The provider's moderation.
    Moderation = "moderation":                                             [Carry Refuse Refuse Refuse Refuse],
    /// That the provider's own filters shall not step in.
    SafetySettings = "safety_settings":                                    [Note Note Note Note Carry],
    /// From when on the provider's own filters shall step in: a promise of safety.
    SafetyFilters = "safety_settings.threshold":                            [Refuse Refuse Refuse Refuse Carry],
    /// A member that the provider's own dialect of the format does not take.
    Untaken = "dialect":                                                   [Lose Lose Lose Lose Lose],
    /// The same, where the answer would be of another shape without it.
    UntakenPromise = "dialect.promise":                                    [Refuse Refuse Refuse Refuse Refuse],
    /// Flags for beta features of Anthropic's API.
    Betas = "anthropic_beta.flags":                                        [Note Note Carry Carry Note],
    /// A flag for a beta feature of Anthropic's API that the provider does not take.
    BetaFlag = "anthropic_beta":                                           [Lose Lose Lose Lose Lose],
    /// A member that Weir does not know, of something that it does.
    Member = "extension.member":                                           [Note Note Note Note Note],
    /// A member of the request that Weir does not know.
    Extension = "extension":                                               [Lose Lose Lose Lose Lose],
    /// Sources that an answer names in a form that nobody else has.
    AnswerCitations = "answer.citations":                                  [Lose Lose Lose Lose Lose],
    /// For which words of a text a page is named: it is named for the whole block.
    CitationPlace = "answer.citations.place":                              [Carry Carry Alter Alter Carry],
    /// What a page says, where it is named: its address and its title remain.
    CitationQuote = "answer.citations.quote":                              [Lose Lose Carry Carry Lose],
    /// A place in a document of the request: its title and its words remain where a format has room for them.
    DocumentCitation = "answer.citations.document":                        [Lose Lose Carry Carry Alter],
    /// A search result of the request: it becomes a page.
    ResultCitation = "answer.citations.search_result":                     [Alter Alter Carry Carry Alter],
    /// A file in the provider's store: its title and its words remain where a format has room for them.
    FileCitation = "answer.citations.file":                                [Lose Carry Lose Alter Alter],
    /// What a tool of the provider's own did, or another piece of an answer that only the provider's format has.
    AnswerHosted = "answer.hosted":                                        [Lose Lose Lose Lose Lose],
    /// How probable the words of an answer were, which clients of some formats can't have asked for.
    AnswerLogprobs = "answer.logprobs":                                    [Carry Carry Note Note Carry],
    /// The same of the words of a refusal.
    RefusalLogprobs = "answer.logprobs.refusal":                           [Carry Lose Note Note Lose],
    /// The signature of streamed thinking that is too long to be kept for it.
    AnswerSignature = "answer.reasoning.signature":                         [Lose Carry Carry Carry Carry],
    /// More than one call, for a client that reads one alone: the first one is written.
    AnswerCalls = "answer.tool_calls":                                     [Lose Carry Carry Carry Carry],
    /// A call whose arguments the answer's end cut off: half an object says nothing.
    AnswerCutCall = "answer.tool_calls.cut":                               [Carry Carry Lose Lose Lose],
    /// The arguments of a call that are not a JSON object: they stand in one.
    AnswerArguments = "answer.tool_calls.arguments":                       [Carry Carry Alter Alter Alter],
    /// Pictures or sound that the model made.
    AnswerMedia = "answer.media":                                          [Lose Lose Lose Lose Lose],
    /// More than one choice: the first one is written.
    AnswerChoices = "answer.choices":                                      [Carry Lose Lose Lose Carry],
    /// A refusal in words becomes text.
    AnswerRefusal = "answer.refusal":                                      [Carry Carry Alter Alter Alter],
}

/// What a request and its answer lost on their way, in the order in which it was found. Each element stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    met: Vec<(Field, Fate)>,
    strict: bool,
}

impl Losses {
    /// No losses yet. Where they are `strict`, what would be lost or altered is refused.
    #[must_use]
    pub const fn new(strict: bool) -> Self {
        Self { met: Vec::new(), strict }
    }

    /// Records the fate of an element in a target format, and gives it back.
    pub fn record(&mut self, field: Field, target: FormatId) -> Fate {
        let fate = match field.fate(target) {
            Fate::Lose | Fate::Alter if self.strict => Fate::Refuse,
            fate => fate,
        };
        if fate != Fate::Carry && !self.met.iter().any(|&(seen, _)| seen == field) {
            self.met.push((field, fate));
        }
        fate
    }

    /// What was recorded.
    #[must_use]
    pub fn as_slice(&self) -> &[(Field, Fate)] {
        &self.met
    }

    /// The value of the response header that tells the client: `field;fate, field;fate`. `None` where there is nothing to tell.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let told: Vec<String> = self
            .met
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Lose | Fate::Alter))
            .map(|(field, fate)| format!("{};{}", field.as_str(), fate.as_str()))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_losses_refuse() {
        for (strict, expected) in [(false, [Fate::Note, Fate::Lose, Fate::Alter]), (true, [Fate::Note, Fate::Refuse, Fate::Refuse])] {
            let mut losses = Losses::new(strict);
            let met = [Field::CacheKey, Field::Seed, Field::Refusal].map(|field| losses.record(field, FormatId::Messages));
            assert_eq!(met, expected);
            assert_eq!(losses.header().is_none(), strict);
        }
    }
}

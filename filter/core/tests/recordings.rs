//! Real traffic: what providers sent, read whole and in pieces, passed and translated. The folder is the one that `WEIR_RECORDINGS`
//! names; its bytes belong to others and are not copied here. Without it there is nothing to check, and the test says so.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests may panic, and tell why they did nothing")]

mod said;

use said::{Ending, Said, asked, clients, framer, targets};
use serde_json::Value;
use std::path::PathBuf;
use std::{env, fs};
use weir_core::formats::{self, Asked, Beside, Crossing, Head, Homeward, Keep, Onward, Passage};
use weir_core::framing::Frame;
use weir_core::hub::Renames;
use weir_core::json::{Out, Raw};
use weir_core::names::FormatId;
use weir_core::providers::Kind;

/// One exchange of the index.
struct Pair {
    id: String,
    format: FormatId,
    path: String,
    streamed: bool,
    kind: String,
    status: u16,
    features: Vec<String>,
    reserialized: bool,
    request: Option<Vec<u8>>,
    answer: Vec<u8>,
}

impl Pair {
    fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|one| one == feature)
    }

    /// Whether the answer is a failure although its status is not: the provider says so, a model of Gemini's broke off before it said
    /// anything, or it sent the arguments of calls in pieces, which only those get who ask for it.
    fn fails(&self) -> bool {
        let gemini = self.format == FormatId::Gemini;
        self.has("error_in_stream") || gemini && (self.has("rare_finish") || self.in_pieces())
    }

    fn in_pieces(&self) -> bool {
        self.answer.windows(13).any(|bytes| bytes == b"\"partialArgs\"")
    }

    fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The pairs of the formats; none where there is no folder.
fn pairs() -> Vec<Pair> {
    let Some(folder) = env::var_os("WEIR_RECORDINGS").map(PathBuf::from) else {
        println!("no recordings: WEIR_RECORDINGS is not set");
        return Vec::new();
    };
    let index: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let file = |name: &Value| name.as_str().map(|name| fs::read(folder.join(name)).unwrap());
    let of = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        Some(Pair {
            id: text("id"),
            format: text("format").parse().ok()?,
            path: text("path"),
            streamed: entry["streamed"].as_bool().unwrap(),
            kind: match (text("answer_kind").as_str(), text("format").as_str()) {
                // Other formats stand in such streams only in envelopes.
                ("eventstream", "converse") => "messages".to_owned(),
                (kind, _) => kind.to_owned(),
            },
            status: u16::try_from(entry["status"].as_u64().unwrap()).unwrap(),
            features: entry["features"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            reserialized: entry["body"] == "reserialized",
            request: file(&entry["request_file"]),
            answer: file(&entry["answer_file"]).unwrap(),
        })
    };
    index.iter().filter_map(of).collect()
}

/// Runs a check over the pairs that it is for, and tells all that is wrong at once.
fn check(what: &str, mut each: impl FnMut(&Pair, &mut Vec<String>)) {
    let mut faults = Vec::new();
    for pair in pairs() {
        let mut found = Vec::new();
        each(&pair, &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", pair.id)));
    }
    assert!(faults.is_empty(), "{what}: {} faults\n{}", faults.len(), faults.join("\n"));
}

/// The tokens that the provider said last, read by the test's own simple means.
fn last_usage(pair: &Pair) -> Option<(u64, u64)> {
    let text = String::from_utf8_lossy(&pair.answer).into_owned();
    let values: Vec<Value> = match pair.kind.as_str() {
        "json" => serde_json::from_str(&text).into_iter().collect(),
        "json_array" => serde_json::from_str(&text).unwrap(),
        "messages" => {
            let mut values = Vec::new();
            let mut take = |frame: Frame<'_>| values.extend(serde_json::from_slice::<Value>(frame.data.unwrap_or_default()).ok());
            framer(Some(0)).push(&pair.answer, &mut take).unwrap();
            values
        }
        _ => text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()).collect(),
    };
    let number = |value: &Value| value.as_u64();
    let mut input = None;
    let mut output = None;
    for value in values {
        if pair.format == FormatId::Gemini {
            let sum =
                |names: [&str; 2]| names.iter().filter_map(|name| value["usageMetadata"][*name].as_u64()).reduce(|one, other| one + other);
            input = sum(["promptTokenCount", "toolUsePromptTokenCount"]).or(input);
            output = sum(["candidatesTokenCount", "thoughtsTokenCount"]).or(output);
            continue;
        }
        for usage in [&value["usage"], &value["message"]["usage"], &value["x_groq"]["usage"], &value["response"]["usage"]] {
            if let Some(runs) = usage["iterations"].as_array().filter(|runs| runs.len() > 1) {
                let sum = |name: &str| runs.iter().filter_map(|run| run[name].as_u64()).sum::<u64>();
                let cached = sum("cache_read_input_tokens") + sum("cache_creation_input_tokens");
                (input, output) = (Some(sum("input_tokens") + cached), Some(sum("output_tokens")));
                continue;
            }
            let names = match pair.format {
                FormatId::Chat => ["prompt_tokens", "completion_tokens"],
                FormatId::Converse => ["inputTokens", "outputTokens"],
                _ => ["input_tokens", "output_tokens"],
            };
            let cached = if pair.format == FormatId::Converse {
                number(&usage["cacheReadInputTokens"]).unwrap_or(0) + number(&usage["cacheWriteInputTokens"]).unwrap_or(0)
            } else if pair.format == FormatId::Messages {
                number(&usage["cache_read_input_tokens"]).unwrap_or(0) + number(&usage["cache_creation_input_tokens"]).unwrap_or(0)
            } else {
                0
            };
            input = number(&usage[names[0]]).map(|count| count + cached).or(input);
            output = number(&usage[names[1]]).or(output);
        }
    }
    input.zip(output)
}

#[test]
fn every_answer_is_read_the_same_in_any_pieces() {
    check("reading", |pair, faults| {
        if !pair.succeeded() {
            return;
        }
        let provider = formats::named(pair.format);
        let said = match pair.kind.as_str() {
            "json" | "json_array" => match provider.decode_answer(&pair.answer) {
                Ok(answer) => {
                    let mut replayed = Said::default();
                    weir_core::hub::replay(&answer, &mut |event| replayed.take(event));
                    let whole = Said::whole(&answer);
                    if replayed != whole {
                        faults.push(format!("replayed it says {replayed:?}, whole {whole:?}"));
                    }
                    whole
                }
                Err(failure) if pair.fails() => Said { end: Ending::Failed(failure), ..Said::default() },
                Err(failure) => return faults.push(format!("{failure:?}")),
            },
            "sse" | "messages" => {
                let whole = Said::streamed(provider, [pair.answer.as_slice()].into_iter());
                for size in [1, 7, 4096] {
                    let pieces = Said::streamed(provider, pair.answer.chunks(size));
                    if pieces != whole {
                        faults.push(format!("in pieces of {size} it says {pieces:?}, whole {whole:?}"));
                    }
                }
                whole
            }
            _ => return,
        };
        let fails = pair.fails();
        if matches!(said.end, Ending::Failed(_)) != fails {
            faults.push(format!("it ends as {:?}", said.end));
        }
        if !fails {
            usage(pair, said.usage, faults);
        }
    });
}

fn usage(pair: &Pair, usage: Option<weir_core::usage::Usage>, faults: &mut Vec<String>) {
    let read = usage.and_then(|usage| usage.input_tokens.zip(usage.output_tokens));
    let expected = last_usage(pair);
    let reasoning = usage.and_then(|usage| usage.reasoning_output_tokens).unwrap_or(0);
    // Where a server counts its thinking beside its output, the hub adds it.
    let beside = expected.map(|(input, output)| (input, output + reasoning));
    if read != expected && read != beside {
        faults.push(format!("usage {read:?}, but the provider's last word is {expected:?}"));
    }
}

#[test]
fn the_same_format_leaves_the_same_bytes() {
    check("passing", |pair, faults| {
        if !pair.succeeded() {
            return;
        }
        let format = formats::named(pair.format);
        // Arguments in pieces pass to a client that asked for them.
        let fails = pair.fails() && !pair.in_pieces();
        let seen = match pair.kind.as_str() {
            "json" => format.measure(&pair.answer),
            "sse" | "messages" => {
                let mut seen = Vec::new();
                for size in [1, 7, 4096, pair.answer.len()] {
                    let (mut meter, mut reader, mut kept) = (format.meter(&asked(true)), framer(pair.answer.first().copied()), Vec::new());
                    let mut each = |frame: Frame<'_>| {
                        if meter.frame(&frame) == Keep::Whole {
                            kept.extend_from_slice(frame.raw);
                        }
                    };
                    for piece in pair.answer.chunks(size) {
                        reader.push(piece, &mut each).unwrap();
                    }
                    reader.finish(&mut each).unwrap();
                    meter.end();
                    if kept != pair.answer {
                        faults.push(format!("other bytes in pieces of {size}"));
                    }
                    seen.push(meter.seen().clone());
                }
                if seen.windows(2).any(|pair| pair.first() != pair.last()) {
                    faults.push(format!("the meter sees {seen:?}"));
                }
                seen.pop().unwrap()
            }
            _ => return,
        };
        if seen.failure.is_some() != fails || seen.complete == fails {
            faults.push(format!("{seen:?}"));
        }
        if !fails {
            usage(pair, seen.usage, faults);
        }
    });
}

/// Text, calls with their arguments, and the finish, as one format's reader finds them in what another's writer wrote.
fn essence(said: &Said) -> (Vec<String>, String, Vec<String>) {
    let text = said.parts.iter().filter(|(choice, kind, _)| *choice == 0 && matches!(*kind, "text" | "refusal"));
    let calls = said.parts.iter().filter(|(choice, kind, _)| *choice == 0 && *kind == "call").map(|(_, _, call)| {
        let mut words = call.splitn(3, ' ');
        let (_, name, arguments) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let arguments = match serde_json::from_str::<Value>(arguments) {
            Ok(value) => value.to_string(),
            Err(_) if arguments.is_empty() => "{}".to_owned(),
            // What is no object stands in one where the format has nothing else.
            Err(_) => serde_json::json!({"input": arguments}).to_string(),
        };
        format!("{name} {arguments}")
    });
    let finish = said.finish.iter().filter(|(choice, _)| *choice == 0).map(|(_, reason)| match reason.as_str() {
        "Length" | "ContextWindow" => "Length".to_owned(),
        "ContentFilter" | "Refusal" => "ContentFilter".to_owned(),
        "ToolCall" => "ToolCall".to_owned(),
        _ => "Stop".to_owned(),
    });
    (calls.collect(), text.map(|(_, _, text)| text.as_str()).collect(), finish.collect())
}

#[test]
fn what_an_answer_says_survives_translation() {
    check("translating", |pair, faults| {
        if !pair.succeeded() {
            return;
        }
        let provider = formats::named(pair.format);
        for (id, client) in clients() {
            let reader = formats::named(id);
            let (said, found) = match pair.kind.as_str() {
                "json" | "json_array" => {
                    let Ok(mut answer) = provider.decode_answer(&pair.answer) else { return };
                    let said = Said::whole(&answer);
                    Homeward::new(pair.format, Renames::default()).answer(&mut answer);
                    let mut out = Out::default();
                    client.encode_answer(&answer, &Asked { stream: false, ..asked(false) }, &mut out);
                    match reader.decode_answer(out.as_bytes()) {
                        Ok(answer) => (said, Said::whole(&answer)),
                        Err(failure) => return faults.push(format!("{id}: {failure:?}")),
                    }
                }
                "sse" | "messages" => {
                    let said = Said::streamed(provider, [pair.answer.as_slice()].into_iter());
                    let written = said::translated(pair.format, id, [pair.answer.as_slice()].into_iter());
                    (said, Said::streamed(reader, [written.as_slice()].into_iter()))
                }
                _ => return,
            };
            if matches!(said.end, Ending::Failed(_)) {
                if !matches!(found.end, Ending::Failed(_)) {
                    faults.push(format!("{id}: a failure became {:?}", found.end));
                }
                continue;
            }
            let (mut before, after) = (essence(&said), essence(&found));
            if before.2 == ["Length"] && (pair.kind == "json" || id == FormatId::Gemini) && after.0.len() < before.0.len() {
                // A call that the limit broke off can't be written whole where its input has to be an object.
                before.0.truncate(after.0.len());
            }
            if before != after {
                faults.push(format!("{id}:\n   from {before:?}\n   to   {after:?}"));
            }
        }
    });
}

#[test]
fn every_error_becomes_the_clients() {
    check("errors", |pair, faults| {
        if pair.succeeded() {
            return;
        }
        let provider = formats::named(pair.format);
        let failure = provider.failure(pair.status, &[], &pair.answer);
        if failure.message.is_empty() {
            faults.push("no message".to_owned());
        }
        for (id, client) in clients() {
            let reply = client.reply(&(&failure).into());
            let body = String::from_utf8(reply.body).unwrap();
            let json = serde_json::from_str::<Value>(&body);
            let message = serde_json::to_string(&failure.message).unwrap();
            let hidden = failure.kind == weir_core::hub::ErrorKind::UpstreamCredential;
            if json.is_err() || !(hidden || body.contains(message.trim_matches('"'))) || !(400..600).contains(&reply.status) {
                faults.push(format!("{id}: {} {body}", reply.status));
            }
        }
    });
}

/// Every request that a provider took is read, and sent to each format or refused for a reason that the table of fates has.
#[test]
fn every_request_is_read_and_sent() {
    check("requests", |pair, faults| {
        let (client, Some(body)) = (formats::named(pair.format), &pair.request) else { return };
        let head = Head::new(&pair.path);
        let mut plain = None;
        let read = client.outline(&head, body).and_then(|outline| {
            plain = client.plain(&outline, body);
            Ok((outline, client.decode(&head, plain.as_deref().unwrap_or(body))?))
        });
        let (outline, mut request) = match read {
            Ok(read) => read,
            Err(_) if !pair.succeeded() => return,
            // Some clouds have the model in the path, and some sources kept no model.
            Err(rejection) if rejection.param.as_deref() == Some("model") => return,
            Err(rejection) => return faults.push(format!("{rejection:?}")),
        };
        if outline.stream != pair.streamed && !pair.reserialized {
            faults.push(format!("stream is {}", outline.stream));
        }
        for (target, translation) in targets() {
            let kind = Kind::named(if target == FormatId::Messages { "anthropic" } else { "openai" }).unwrap();
            let model = match target {
                FormatId::Messages => "claude-sonnet-4-5",
                FormatId::Gemini => "gemini-3-flash-preview",
                FormatId::Chat | FormatId::Responses | FormatId::Converse => "gpt-4o",
            };
            let onward =
                Onward { model: Some(model), dialect: kind.preset().dialect, default_max_tokens: 8192, beside: Beside::default(), client };
            let (mut out, mut passage) = (Out::default(), Passage::default());
            let stood = formats::stand_in(&mut request, target, body, &onward, &mut passage);
            match stood
                .and_then(|()| translation.encode(&request, &onward, &mut out, &mut Crossing::new(target, body, &onward, &mut passage)))
            {
                Ok(()) if Raw::parse(std::str::from_utf8(out.as_bytes()).unwrap()).is_err() => faults.push(format!("{target}: no JSON")),
                Ok(()) => {
                    if let Some(field) = outline.traits.refused_by(target) {
                        faults.push(format!("{target}: the outline says that {} is refused", field.as_str()));
                    }
                }
                Err(rejection) if rejection.param.is_none() => faults.push(format!("{target}: {rejection:?}")),
                Err(_) => {}
            }
        }
    });
}

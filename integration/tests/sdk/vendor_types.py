"""Requests against a vendor's own types: usage `vendor_types.py FORMAT FILE...`; says every member that the official package does not know or takes otherwise."""

import collections.abc
import json
import os
import sys
import types
import typing
from typing import Annotated, Any, Literal, NotRequired, Required, Union

FORMAT, *FILES = sys.argv[1:]


def wrong(value, hint, path):
    """The faults of a value as (depth, words); none where the hint allows it. Of a union the alternative that fits furthest speaks."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, (typing.TypeVar, typing.ForwardRef)) or hint is Any or hint is object:
        return []
    if hasattr(hint, "__value__"):
        return wrong(value, hint.__value__, path)
    if origin in (Required, NotRequired, Annotated):
        return wrong(value, arguments[0], path)
    if origin in (Union, types.UnionType):
        each = [wrong(value, argument, path) for argument in arguments]
        return min(each, key=lambda faults: (len(faults) > 0, -max((len(at) for at, _ in faults), default=0)))
    if origin is Literal:
        return [] if value in arguments else [(path, f"{value!r} is none of {arguments}")]
    if hasattr(hint, "__required_keys__"):
        return wrong_members(value, hint, path)
    if origin in (list, collections.abc.Iterable, collections.abc.Sequence, typing.List):
        if not isinstance(value, list):
            return [(path, "is no list")]
        return [fault for n, item in enumerate(value) for fault in wrong(item, arguments[0], [*path, n])]
    if origin in (dict, collections.abc.Mapping, typing.Dict) or hint is dict:
        if not isinstance(value, dict):
            return [(path, "is no object")]
        return [fault for name, item in value.items() for fault in (wrong(item, arguments[1], [*path, name]) if arguments else [])]
    if hint is None or hint is type(None):
        return [] if value is None else [(path, "is not null")]
    plain = {str: str, bool: bool, int: int, float: (int, float)}.get(hint)
    if plain is None:  # what is no JSON: files, iterators, dates
        return [(path, f"is no {hint}")]
    fits = isinstance(value, plain) and (hint is bool or not isinstance(value, bool))
    return [] if fits else [(path, f"{value!r} is no {hint.__name__}")]


def wrong_members(value, hint, path):
    if not isinstance(value, dict):
        return [(path, "is no object")]
    import typing_extensions

    hints = typing_extensions.get_type_hints(hint, include_extras=True)
    faults = [([*path, name], "is unknown") for name in value if name not in hints]
    faults += [([*path, name], "is missing") for name in hint.__required_keys__ if name not in value]
    # A member that tells the kind counts as depth: the alternative of that kind is the one that was meant.
    for name, item in value.items():
        if name in hints:
            faults += wrong(item, hints[name], [*path, name])
    kind = hints.get("type")
    if kind is not None and "type" in value and not wrong(value["type"], kind, path):
        faults = [([*at, "\u200b"] if len(at) <= len(path) + 1 else at, said) for at, said in faults]
    return faults


def chat(body):
    from openai.types.chat import completion_create_params as params

    return wrong(body, params.CompletionCreateParamsStreaming if body.get("stream") else params.CompletionCreateParamsNonStreaming, [])


def responses(body):
    from openai.types.responses import response_create_params as params

    return wrong(body, params.ResponseCreateParamsStreaming if body.get("stream") else params.ResponseCreateParamsNonStreaming, [])


def messages(body):
    from anthropic.types import message_create_params as params

    # The package has the types of the newest version; these belong to 2023-06-01, which Weir asks for.
    body = {name: value for name, value in body.items() if name not in ("temperature", "top_p", "top_k")}
    return wrong(body, params.MessageCreateParamsStreaming if body.get("stream") else params.MessageCreateParamsNonStreaming, [])


def gemini(body):
    from google.genai import types as google

    members = {
        "contents": list[google.Content],
        "systemInstruction": google.Content,
        "tools": list[google.Tool],
        "toolConfig": google.ToolConfig,
        "generationConfig": google.GenerationConfig,
        "safetySettings": list[google.SafetySetting],
        "cachedContent": str,
        "serviceTier": google.ServiceTier,
        "labels": dict[str, str],
    }
    from pydantic import TypeAdapter, ValidationError

    faults = [([name], "is unknown") for name in body if name not in members]
    for name, hint in members.items():
        if name in body:
            try:
                TypeAdapter(hint).validate_python(body[name])
            except ValidationError as error:
                faults += [([name, *fault["loc"]], fault["msg"]) for fault in error.errors()]
    return faults


def converse(body, operation="Converse"):
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model(operation)
    report = ParamValidator().validate({"modelId": "m", **body}, model.input_shape)
    return [([], report.generate_report())] if report.has_errors() else []


# The same for the operations that only count; vLLM, which counts for `chat`, has no package of types.
def count_chat(body):
    return chat(body)


def count_responses(body):
    from openai.types.responses.input_token_count_params import InputTokenCountParams

    return wrong(body, InputTokenCountParams, [])


def count_messages(body):
    from anthropic.types import MessageCountTokensParams

    return wrong(body, MessageCountTokensParams, [])


def count_gemini(body):
    request = body.pop("generateContentRequest")
    model = request.pop("model")
    named = isinstance(model, str) and model.startswith("models/")
    return [([name], "is unknown") for name in body] + ([] if named else [(["model"], f"{model!r}")]) + gemini(request)


def count_converse(body):
    return converse(body, "CountTokens")


faulty = 0
for file in FILES:
    with open(file, encoding="utf-8") as text:
        body = json.load(text)
    counts = os.path.basename(os.path.dirname(file)).startswith("count")
    faults = globals()[f"count_{FORMAT}" if counts else FORMAT](body)
    faulty += bool(faults)
    for path, said in faults[:3]:
        print(f"{file}: {'.'.join(str(part) for part in path if part != chr(0x200B))}: {said}")
print(f"{len(FILES)} requests, {faulty} that the types refuse")
sys.exit(1 if faulty else 0)

"""The official OpenAI SDK against one address: usage `chat.py [--http2] BASE_URL MODEL PART...`; every part is a promise to an SDK's user."""

import json
import sys

import httpx2
import openai

HTTP2 = "--http2" in sys.argv
BASE, MODEL, *PARTS = [word for word in sys.argv[1:] if word != "--http2"]
client = openai.OpenAI(
    base_url=BASE,
    api_key="sk-client-key",
    max_retries=0,
    timeout=120,
    http_client=openai.DefaultHttpxClient(http1=not HTTP2, http2=HTTP2),
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a place",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}},
]
SYSTEM = {"role": "system", "content": "You are terse. " * 20}


def ask(text, **more):
    return client.chat.completions.create(model=MODEL, messages=[SYSTEM, {"role": "user", "content": text}], **more)


def text():
    answer = ask("Say hi", max_completion_tokens=64)
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content, answer
    assert choice.finish_reason in ("stop", "length"), answer
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    assert answer.object == "chat.completion" and answer.id, answer


def cached():
    for _ in range(2):  # a real server has a prompt in its cache from the second time on
        usage = ask("Say hi", max_tokens=16).usage
    assert 0 < usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens, usage


def stream():
    plain = "".join(chunk.choices[0].delta.content or "" for chunk in ask("count to 20", stream=True, max_tokens=48) if chunk.choices)
    assert plain, "no text"
    chunks = list(ask("count to 20", stream=True, max_tokens=48))
    assert all(chunk.usage is None for chunk in chunks), "usage that was not asked for"
    assert all(chunk.choices for chunk in chunks), "a chunk without choices that was not asked for"


def stream_usage():
    chunks = list(ask("count to 20", stream=True, max_tokens=48, stream_options={"include_usage": True}))
    last = chunks[-1]
    assert last.usage and last.usage.completion_tokens > 0 and not last.choices, last
    assert all(chunk.usage is None for chunk in chunks[:-1])
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert len(reasons) == 1 and reasons[0] in ("stop", "length"), reasons
    assert len({chunk.id for chunk in chunks}) == 1


def helper():
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "count to 5"}], max_tokens=200, stream_options={"include_usage": True}
    ) as events:
        for event in events:
            if event.type == "content.done":
                assert event.content, event
        try:
            final = events.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            # A small real model may talk on until its limit, which the helper takes for an error.
            final = cut.completion
    assert final.choices[0].message.content and final.usage.completion_tokens > 0, final


def tools():
    answer = ask("Use get_weather and get_time", tools=TOOLS, tool_choice="auto")
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls", answer
    assert [call.function.name for call in calls] == ["get_weather", "get_time"], calls
    assert json.loads(calls[0].function.arguments) == {"city": 'Zürich "old town"\n', "days": 3}, calls[0]
    history = [
        SYSTEM,
        {"role": "user", "content": "Use get_weather and get_time"},
        answer.choices[0].message,
        *[{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in reversed(calls)],
        {"role": "user", "content": "So?"},
    ]
    second = client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    assert "So?" in second.choices[0].message.content, second


def forced():
    answer = ask("hello", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "get_time"}}, parallel_tool_calls=False)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["get_time"], answer
    assert ask("Use get_time", tools=TOOLS, tool_choice="none").choices[0].message.tool_calls is None


def stream_tools():
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "Use get_weather and get_time"}], tools=TOOLS
    ) as events:
        final = events.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"], final
    assert json.loads(calls[0].function.arguments) == {"city": 'Zürich "old town"\n', "days": 3}, calls[0]
    assert len({call.id for call in calls}) == 2 and final.choices[0].finish_reason == "tool_calls", final


def image(by_address=True):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}},
        {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}},
    ]
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts[: 3 if by_address else 2]}])
    assert f"{2 if by_address else 1} image(s)" in answer.choices[0].message.content, answer


def image_bytes():
    """For providers that fetch nothing."""
    image(by_address=False)


def structured():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "number", "schema": schema, "strict": True}}
    assert ask("A number", response_format=form).choices[0].message.content


def reasoning():
    """What the model thought comes back in the next turn, in whatever members the answer had."""
    first = ask("Use get_time", tools=TOOLS, reasoning_effort="high", max_completion_tokens=20_000).choices[0].message
    (call,) = first.tool_calls
    history = [
        {"role": "user", "content": "Use get_time"},
        first.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "noon"},
    ]
    more = {"tools": TOOLS, "reasoning_effort": "high", "max_completion_tokens": 20_000}
    second = client.chat.completions.create(model=MODEL, messages=[SYSTEM, *history], **more)
    assert "read the tool's result" in second.choices[0].message.content, second


def limits():
    answer = ask("count to 50", max_tokens=5)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 5, answer
    answer = ask("count to 50", stop=["7"])
    assert answer.choices[0].finish_reason == "stop" and "7" not in answer.choices[0].message.content, answer


def sampling():
    assert ask("hi", temperature=0.5, user="u1", seed=1 if MODEL.startswith("gpt") else openai.NOT_GIVEN).choices[0].message.content


def errors():
    expected = {
        "400": openai.BadRequestError,
        "401": (openai.AuthenticationError, openai.InternalServerError),
        "403": (openai.PermissionDeniedError, openai.InternalServerError),
        "404": openai.NotFoundError,
        "422": (openai.UnprocessableEntityError, openai.BadRequestError),
        "429": openai.RateLimitError,
        "500": openai.InternalServerError,
        "529": openai.InternalServerError,
    }
    for status, kind in expected.items():
        for streamed in (False, True):
            try:
                answer = ask(f"[sim:{status}]", stream=streamed)
            except openai.APIStatusError as error:
                assert isinstance(error, kind), (status, streamed, type(error), error)
                assert error.body and error.body["message"] and error.body["type"], (status, error.body)
                if status == "429":
                    assert error.response.headers["retry-after"] == "7", error.response.headers
            else:
                raise AssertionError(f"{status}: no error but {answer}")


def error_in_stream():
    for kind in ("error-in-stream", "half-stream", "reset-midstream"):
        try:
            for _ in ask(f"[sim:{kind}]", stream=True):
                pass
        except openai.APIError:
            continue
        except httpx2.RemoteProtocolError:  # a reset is the HTTP library's own error
            continue
        raise AssertionError(f"{kind}: the stream looked complete")


def bad_request():
    try:
        client.chat.completions.create(model=MODEL, messages="nonsense")
    except openai.BadRequestError as error:
        assert error.body["type"] == "invalid_request_error", error.body
    else:
        raise AssertionError("no error")


def too_long():
    for streamed in (False, True):
        try:
            answer = ask("river " * 4000, stream=streamed, max_tokens=16)
        except openai.BadRequestError as error:
            assert error.body["message"] and error.body["type"], error.body
        else:
            raise AssertionError(f"no error but {answer}")


def unknown_model():
    try:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "hi"}])
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error.body
    else:
        raise AssertionError("no error")


def over_budget():
    for _ in range(100):
        try:
            ask("count to 20")
        except openai.RateLimitError as error:
            assert int(error.response.headers["retry-after"]) > 0, error.response.headers
            assert error.body["message"] and error.body["type"], error.body
            return
    raise AssertionError("the budget never ended")


def models():
    assert [model.id for model in client.models.list()]


for part in PARTS:
    globals()[part]()
    print("ok", part, flush=True)

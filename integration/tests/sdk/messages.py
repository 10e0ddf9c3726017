"""The official Anthropic SDK against one address: usage `messages.py [--vertex | --bedrock] BASE_URL MODEL PART...`; every part is a promise to an SDK's user.

With `--vertex` or `--bedrock` it is the SDK's client for that cloud; the latter needs AWS's SDK on its path."""

import json
import sys

import anthropic

CLOUDS, WORDS = [word for word in sys.argv[1:] if word.startswith("--")], [word for word in sys.argv[1:] if not word.startswith("--")]
BASE, MODEL, *PARTS = WORDS
BEDROCK = "--bedrock" in CLOUDS
if "--vertex" in CLOUDS:
    client = anthropic.AnthropicVertex(
        base_url=f"{BASE}/v1", region="europe-west1", project_id="of-the-client", access_token="token-of-the-client", max_retries=0, timeout=120
    )
elif BEDROCK:
    client = anthropic.AnthropicBedrock(
        base_url=BASE,
        aws_region="us-east-1",
        aws_access_key="AKIACLIENT",
        aws_secret_key="secret-of-the-client",
        aws_session_token="session-of-the-client",
        max_retries=0,
        timeout=120,
    )
else:
    client = anthropic.Anthropic(base_url=BASE, api_key="sk-ant-client-key", max_retries=0, timeout=120)
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a place",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
SYSTEM = "You are terse. " * 20
WEATHER = {"city": 'Zürich "old town"\n', "days": 3}


def ask(text, **more):
    return client.messages.create(**{"model": MODEL, "max_tokens": 200, "system": SYSTEM, "messages": [{"role": "user", "content": text}], **more})


def text():
    answer = ask("Say hi")
    assert answer.type == "message" and answer.role == "assistant" and answer.id.startswith("msg_"), answer
    assert answer.content[0].type == "text" and answer.content[0].text, answer
    assert answer.stop_reason == "end_turn" and answer.model, answer
    usage = answer.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0 and usage.cache_read_input_tokens > 0, usage


def stream():
    names = []
    with client.messages.stream(
        model=MODEL, max_tokens=200, system=SYSTEM, messages=[{"role": "user", "content": "count to 20"}]
    ) as events:
        for event in events:
            names.append(event.type)
        final = events.get_final_message()
    assert final.content[0].text == " ".join(str(n) for n in range(1, 21)), final
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0 and final.usage.input_tokens > 0, final
    assert names[0] == "message_start" and names[-1] == "message_stop", names
    raw = [event.type for event in ask("count to 3", stream=True)]
    plain = [name for name in raw if name not in ("ping", "content_block_delta")]
    assert plain == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"], raw


def tools():
    answer = ask("Use get_weather and get_time", tools=TOOLS)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use" and [call.name for call in calls] == ["get_weather", "get_time"], answer
    assert calls[0].input == WEATHER and calls[1].input == {}, calls
    history = [
        {"role": "user", "content": "Use get_weather and get_time"},
        {"role": "assistant", "content": answer.content},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": calls[1].id, "content": "noon"},
                {"type": "tool_result", "tool_use_id": calls[0].id, "content": [{"type": "text", "text": "sunny"}], "is_error": False},
                {"type": "text", "text": "So?"},
            ],
        },
    ]
    second = ask("", messages=history, tools=TOOLS)
    assert "So?" in second.content[0].text, second


def forced():
    answer = ask("hello", tools=TOOLS, tool_choice={"type": "tool", "name": "get_time", "disable_parallel_tool_use": True})
    assert [block.name for block in answer.content if block.type == "tool_use"] == ["get_time"], answer
    answer = ask("Use get_time", tools=TOOLS, tool_choice={"type": "none"})
    assert answer.stop_reason == "end_turn", answer


def stream_tools():
    with client.messages.stream(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "Use get_weather and get_time"}], tools=TOOLS
    ) as events:
        final = events.get_final_message()
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"], final
    assert calls[0].input == WEATHER and calls[1].input == {}, calls
    assert len({call.id for call in calls}) == 2 and final.stop_reason == "tool_use", final


def image(by_address=True):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    blocks = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": pixel}},
        {"type": "image", "source": {"type": "url", "url": "https://images.example/cat.png"}},
    ]
    answer = ask(blocks[: 3 if by_address else 2])
    assert f"{2 if by_address else 1} image(s)" in answer.content[0].text, answer


def image_bytes():
    """For providers that fetch nothing."""
    image(by_address=False)


def structured():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    assert ask("A number", output_config={"format": {"type": "json_schema", "schema": schema}}).content[0].text


def reasoning():
    """What the model thinks is signed by its vendor, who gets it back in the next turn as it was."""
    wanted = {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}, "max_tokens": 4000, "tools": TOOLS}
    answer = ask("Use get_time", **wanted)
    blocks = [block for block in answer.content if block.type == "thinking"]
    assert any(block.thinking for block in blocks) and any(block.signature for block in blocks), answer
    call = next(block for block in answer.content if block.type == "tool_use")
    history = [
        {"role": "user", "content": "Use get_time"},
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "noon"}]},
    ]
    second = ask("", messages=history, **wanted)
    assert "read the tool's result" in "".join(block.text for block in second.content if block.type == "text"), second


def limits():
    answer = ask("count to 50", max_tokens=5)
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == 5, answer
    answer = ask("count to 50", stop_sequences=["7"])
    assert answer.stop_reason in ("stop_sequence", "end_turn") and "7" not in answer.content[0].text, answer


def errors():
    expected = {
        "400": anthropic.BadRequestError,
        "401": (anthropic.AuthenticationError, anthropic.InternalServerError),
        "403": (anthropic.PermissionDeniedError, anthropic.InternalServerError),
        "404": anthropic.NotFoundError,
        "429": anthropic.RateLimitError,
        "500": anthropic.InternalServerError,
        "529": anthropic.InternalServerError,
    }
    if BEDROCK:
        # What is wrong with the gateway's own key has a status of Bedrock's, for which the SDK has no class.
        del expected["401"], expected["403"]
    for status, kind in expected.items():
        for streamed in (False, True):
            try:
                answer = ask(f"[sim:{status}]", stream=streamed)
            except anthropic.APIStatusError as error:
                assert isinstance(error, kind), (status, streamed, type(error), error)
                if BEDROCK:
                    assert error.body["message"] and error.response.headers["x-amzn-requestid"], error.response.headers
                else:
                    assert error.body["type"] == "error" and error.body["error"]["message"] and error.body["error"]["type"], error.body
                    assert error.request_id, error.response.headers
                if status == "429":
                    assert error.response.headers["retry-after"] == "7", error.response.headers
            else:
                raise AssertionError(f"{status}: no error but {answer}")


def error_in_stream():
    for kind in ("error-in-stream", "half-stream"):
        try:
            for _ in ask(f"[sim:{kind}]", stream=True):
                pass
        except anthropic.APIStatusError as error:
            kinds = ("modelStreamErrorException", "serviceUnavailableException", "internalServerException")
            assert error.body["error"]["type"] in (kinds if BEDROCK else ("api_error", "overloaded_error")), error.body
            continue
        raise AssertionError(f"{kind}: the stream looked complete")


def bad_request():
    for wrong in ({"messages": "nonsense"}, {"messages": [{"role": "user", "content": [{"type": "image"}]}]}):
        try:
            ask("", **wrong)
        except anthropic.BadRequestError as error:
            assert error.body["error"]["type"] == "invalid_request_error" and "messages" in error.body["error"]["message"], error.body
        else:
            raise AssertionError(f"{wrong}: no error")


def unknown_model():
    try:
        client.messages.create(model="nobody", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
    except anthropic.NotFoundError as error:
        assert error.body["error"]["type"] == "not_found_error", error.body
    else:
        raise AssertionError("no error")


def models():
    listed = client.models.list()
    names = [model.id for model in listed]
    assert MODEL in names and listed.data[0].type == "model", names


def count():
    counted = client.messages.count_tokens(model=MODEL, system=SYSTEM, messages=[{"role": "user", "content": "hi"}])
    assert counted.input_tokens > 0, counted


def count_refused():
    try:
        client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "hi"}])
    except anthropic.BadRequestError as error:
        assert "count" in error.body["error"]["message"], error.body
    else:
        raise AssertionError("no error")


for part in PARTS:
    globals()[part]()
    print("ok", part)

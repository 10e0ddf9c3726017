"""The official OpenAI SDK's Responses against one address: usage `responses.py BASE_URL MODEL PART...`; every part is a promise to an SDK's user."""

import json
import sys

import httpx2
import openai

BASE, MODEL, *PARTS = sys.argv[1:]
client = openai.OpenAI(base_url=BASE, api_key="sk-client-key", max_retries=0, timeout=120)
# Whether the provider's own format is this one: then the bytes are its own.
SAME = MODEL in ("gpt", "newer")
TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "The weather of a place",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
    {"type": "function", "name": "get_time", "strict": False, "parameters": {"type": "object", "properties": {}}},
]
ARGUMENTS = {"city": 'Zürich "old town"\n', "days": 3}


def ask(said, **more):
    return client.responses.create(model=MODEL, instructions="You are terse. " * 20, input=said, **{"store": False, **more})


def text():
    answer = ask("Say hi", max_output_tokens=64)
    assert answer.status == "completed" and answer.output_text, answer
    assert answer.object == "response" and answer.id.startswith("resp_"), answer
    usage = answer.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0, usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    assert usage.input_tokens_details.cached_tokens < usage.input_tokens, usage
    assert answer.instructions.startswith("You are terse.") and answer.tools == [] and answer.parallel_tool_calls is True, answer


def items():
    history = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"role": "assistant", "content": "Hi."},
        {"type": "message", "role": "user", "content": "So?"},
    ]
    answer = client.responses.create(model=MODEL, input=history, store=False, metadata={"team": "blue"}, temperature=1, top_p=1)
    assert "So?" in answer.output_text and answer.metadata == {"team": "blue"}, answer


def stream():
    events = list(ask("count to 20", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events))), events
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed", kinds
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1].response
    assert said == last.output_text == " ".join(map(str, range(1, 21))), said
    assert last.usage.output_tokens > 0 and last.id == events[0].response.id, last
    for kind in ("output_item.added", "content_part.added", "output_text.done", "content_part.done", "output_item.done"):
        assert kinds.count(f"response.{kind}") == 1, kinds


def helper():
    with client.responses.stream(model=MODEL, input="count to 5", store=False) as events:
        for event in events:
            if event.type == "response.output_text.done":
                assert event.text == "1 2 3 4 5", event
        final = events.get_final_response()
    assert final.output_text == "1 2 3 4 5" and final.usage.output_tokens > 0, final


def called(answer):
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather", "get_time"], answer
    assert json.loads(calls[0].arguments) == ARGUMENTS, calls[0]
    assert len({call.call_id for call in calls}) == 2 and all(call.status == "completed" for call in calls), calls
    return calls


def tools():
    answer = ask("Use get_weather and get_time", tools=TOOLS, tool_choice="auto")
    calls = called(answer)
    history = [
        {"role": "user", "content": "Use get_weather and get_time"},
        *answer.output,
        *[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in reversed(calls)],
        {"role": "user", "content": "So?"},
    ]
    second = client.responses.create(model=MODEL, input=history, tools=TOOLS, store=False)
    assert "So?" in second.output_text, second


def forced():
    answer = ask("hello", tools=TOOLS, tool_choice={"type": "function", "name": "get_time"}, parallel_tool_calls=False)
    assert [item.name for item in answer.output if item.type == "function_call"] == ["get_time"], answer
    answer = ask("Use get_time", tools=TOOLS, tool_choice="none")
    assert [item.type for item in answer.output] == ["message"], answer


def stream_tools():
    with client.responses.stream(model=MODEL, input="Use get_weather and get_time", tools=TOOLS, store=False) as events:
        deltas = {}
        for event in events:
            if event.type == "response.function_call_arguments.delta":
                deltas[event.output_index] = deltas.get(event.output_index, "") + event.delta
        final = events.get_final_response()
    called(final)
    assert [json.loads(said) for said in deltas.values()] == [ARGUMENTS, {}], deltas


def image(by_address=True):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{pixel}"},
        {"type": "input_image", "detail": "auto", "image_url": "https://images.example/cat.png"},
    ]
    content = parts[: 3 if by_address else 2]
    answer = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}], store=False)
    assert f"{2 if by_address else 1} image(s)" in answer.output_text, answer


def image_bytes():
    """For providers that fetch nothing."""
    image(by_address=False)


def limits():
    answer = ask("count to 50", max_output_tokens=5)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens", answer
    assert answer.usage.output_tokens == 5 and answer.output[-1].status == "incomplete", answer
    last = list(ask("count to 50", max_output_tokens=5, stream=True))[-1]
    assert last.type == "response.incomplete" and last.response.output_text == answer.output_text, last


def structured():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    form = {"format": {"type": "json_schema", "name": "number", "schema": schema, "strict": True}}
    assert ask("A number", text=form).output_text


def thinking():
    """Thoughts with their ciphertext come back in the next turn, whoever made them."""
    more = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    answer = ask("Use get_time", tools=TOOLS, **more)
    calls = [item for item in answer.output if item.type == "function_call"]
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    assert len(calls) == 1, answer
    if SAME:
        assert thoughts and thoughts[0].encrypted_content and thoughts[0].summary, answer
    history = [
        {"role": "user", "content": "Use get_time"},
        *answer.output,
        {"type": "function_call_output", "call_id": calls[0].call_id, "output": "noon"},
    ]
    second = client.responses.create(model=MODEL, input=history, tools=TOOLS, store=False, **more)
    assert "I have read the tool's result" in second.output_text, second


def state():
    raw = client.responses.with_raw_response.create(model=MODEL, input="Say hi")
    lost = raw.headers.get("x-weir-lost", "")
    assert ("store" in lost) != SAME, lost
    if SAME:
        return
    for more, param in (({"previous_response_id": raw.parse().id}, "previous_response_id"), ({"background": True}, "background")):
        try:
            answer = client.responses.create(model=MODEL, input="And then?", **more)
        except openai.BadRequestError as error:
            assert error.param == param and error.body["type"] == "invalid_request_error", error.body
        else:
            raise AssertionError(f"no error but {answer}")


def errors():
    expected = {
        "400": openai.BadRequestError,
        "401": (openai.AuthenticationError, openai.InternalServerError),
        "404": openai.NotFoundError,
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
        ended = None
        try:
            for event in ask(f"[sim:{kind}]", stream=True):
                ended = event.type
        except openai.APIError:
            continue
        except httpx2.RemoteProtocolError:  # a reset is the HTTP library's own error
            continue
        assert ended == "response.failed", f"{kind}: the stream ended with {ended}"


def count():
    counted = client.responses.input_tokens.count(model=MODEL, instructions="Be brief.", input="hi")
    assert counted.input_tokens > 0 and counted.object == "response.input_tokens", counted


def count_refused():
    try:
        client.responses.input_tokens.count(model=MODEL, input="hi")
    except openai.BadRequestError as error:
        assert error.code == "unsupported_by_target" and "count" in error.message, error.body
    else:
        raise AssertionError("no error")


def hang_up():
    for event in ask("count to 5", stream=True):
        if event.type == "response.completed":
            break
    client.close()


def bad_request():
    for wrong in ({"input": 7}, {"input": [{"role": "robot", "content": "x"}]}, {"input": "x", "tool_choice": "perhaps"}):
        try:
            answer = client.responses.create(model=MODEL, store=False, **wrong)
        except openai.BadRequestError as error:
            assert error.body["type"] == "invalid_request_error", error.body
        else:
            raise AssertionError(f"no error but {answer}")


def unknown_model():
    try:
        client.responses.create(model="no-such-model", input="hi")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error.body
    else:
        raise AssertionError("no error")


for part in PARTS:
    globals()[part]()
    print("ok", part, flush=True)

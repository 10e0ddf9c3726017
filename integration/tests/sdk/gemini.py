"""The official Gemini SDK against one address: usage `gemini.py [--vertex] BASE_URL MODEL PART...`; every part is a promise to an SDK's user.

With `--vertex` it is the SDK's client for Vertex AI, with a token of Google's that never runs out."""

import base64
import sys

from google import genai
from google.genai import errors as failures
from google.genai import types
from google.oauth2.credentials import Credentials

VERTEX = "--vertex" in sys.argv
BASE, MODEL, *PARTS = [word for word in sys.argv[1:] if word != "--vertex"]
OPTIONS = types.HttpOptions(base_url=BASE, timeout=120_000)
if VERTEX:
    client = genai.Client(
        vertexai=True,
        project="of-the-client",
        location="europe-west1",
        credentials=Credentials(token="token-of-the-client"),
        http_options=OPTIONS,
    )
else:
    client = genai.Client(api_key="goog-client-key", http_options=OPTIONS)
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="The weather of a place",
    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
)
TIME = types.FunctionDeclaration(name="get_time", parameters_json_schema={"type": "object", "properties": {}})
TOOLS = [types.Tool(function_declarations=[WEATHER, TIME])]
ARGUMENTS = {"city": 'Zürich "old town"\n', "days": 3}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def config(**more):
    return types.GenerateContentConfig(system_instruction="You are terse. " * 20, **more)


def ask(contents, **more):
    return client.models.generate_content(model=MODEL, contents=contents, config=config(**more))


def streamed(contents, **more):
    return client.models.generate_content_stream(model=MODEL, contents=contents, config=config(**more))


def text():
    answer = ask("Say hi", max_output_tokens=200)
    assert answer.text and answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    usage = answer.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0, usage
    assert usage.total_token_count >= usage.prompt_token_count + usage.candidates_token_count, usage


def stream():
    chunks = list(streamed("count to 20"))
    assert "".join(chunk.text or "" for chunk in chunks) == " ".join(str(n) for n in range(1, 21)), chunks
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates and chunk.candidates[0].finish_reason]
    assert reasons == [types.FinishReason.STOP] and chunks[-1].usage_metadata.candidates_token_count > 0, chunks[-1]


def tools():
    question = types.Content(role="user", parts=[types.Part(text="Use get_weather and get_time")])
    for chunks in (False, True):
        if chunks:
            parts = [part for chunk in streamed([question], tools=TOOLS) for part in (chunk.candidates[0].content.parts or [])]
            said = types.Content(role="model", parts=[part for part in parts if part.function_call])
        else:
            said = ask([question], tools=TOOLS).candidates[0].content
        calls = [part.function_call for part in said.parts if part.function_call]
        assert [call.name for call in calls] == ["get_weather", "get_time"], said
        assert calls[0].args == ARGUMENTS and not calls[1].args, calls
        results = [types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"})) for call in calls]
        answer = ask([question, said, types.Content(role="user", parts=results)], tools=TOOLS)
        assert "read the tool's result" in answer.text, answer


def forced():
    mode = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["get_time"])
    answer = ask("hello", tools=TOOLS, tool_config=types.ToolConfig(function_calling_config=mode))
    assert [call.name for call in answer.function_calls] == ["get_time"], answer


def image():
    answer = ask([types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png"), "What is this?"])
    assert "1 image" in answer.text, answer


def structured():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    ask("Say hi", response_mime_type="application/json", response_json_schema=schema)


def reasoning():
    """Thoughts and what signs them come back in the next turn, whoever thought them."""
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=4096)
    question = types.Content(role="user", parts=[types.Part(text="Use get_weather")])
    said = ask([question], tools=TOOLS, thinking_config=thinking, max_output_tokens=20_000).candidates[0].content
    assert any(part.thought and part.text for part in said.parts) and any(part.thought_signature for part in said.parts), said
    call = next(part.function_call for part in said.parts if part.function_call)
    result = types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"}))
    answer = ask([question, said, types.Content(role="user", parts=[result])], tools=TOOLS, thinking_config=thinking, max_output_tokens=20_000)
    assert "read the tool's result" in answer.text, answer


def limits():
    answer = ask("count to 50", max_output_tokens=5)
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS, answer


def errors():
    for status in (400, 404, 429, 500, 503):
        for call in (lambda: ask(f"[sim:{status}]"), lambda: list(streamed(f"[sim:{status}]"))):
            try:
                call()
            except failures.APIError as error:
                assert error.code == status and error.status and error.message, (status, error)
                assert isinstance(error, failures.ClientError if status < 500 else failures.ServerError), (status, type(error))
            else:
                raise AssertionError(f"{status}: no error")


def error_in_stream():
    for kind in ("error-in-stream", "half-stream"):
        try:
            list(streamed(f"[sim:{kind}] count to 20"))
        except failures.APIError as error:
            assert error.message, error
        else:
            raise AssertionError(f"{kind}: the stream looked complete")


def unknown_model():
    try:
        client.models.generate_content(model="nobody", contents="hi")
    except failures.ClientError as error:
        assert error.code == 404 and error.status == "NOT_FOUND", error
    else:
        raise AssertionError("no error")


def models():
    assert MODEL in [model.name.removeprefix("models/") for model in client.models.list()], list(client.models.list())


def count():
    assert client.models.count_tokens(model=MODEL, contents="hello").total_tokens > 0


for part in PARTS:
    globals()[part]()
    print("ok", part)

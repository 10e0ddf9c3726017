"""Claude by AWS's official SDK, boto3, and the model's own words: usage `invoke.py BASE_URL MODEL PART...`; every part is a promise to an SDK's user."""

import base64
import json

from aws import MODEL, PARTS, broken, connect, refused

client = connect("bedrock-runtime")
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a place",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
    },
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
WEATHER = {"city": 'Zürich "old town"\n', "days": 3}
PIXEL = base64.b64encode(bytes.fromhex("89504e470d0a1a0a0000000d49484452")).decode()
BOTH = "Use get_weather and get_time"


def asked(content, more):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200, "system": "You are terse. " * 20}
    return {"modelId": MODEL, "body": json.dumps({**body, "messages": [{"role": "user", "content": content}], **more})}


def ask(content, **more):
    answer = client.invoke_model(**asked(content, more))
    assert answer["contentType"] == "application/json" and answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"], answer
    return json.loads(answer["body"].read())


def collect(content, **more):
    """A streamed answer as a whole one, and the names of its events."""
    names, blocks, answer = [], [], {}
    for event in client.invoke_model_with_response_stream(**asked(content, more))["body"]:
        said = json.loads(event["chunk"]["bytes"])
        names.append(said["type"])
        if said["type"] == "message_start":
            answer = said["message"]
        elif said["type"] == "content_block_start":
            assert said["index"] == len(blocks), said
            blocks.append({**said["content_block"], "input": ""})
        elif said["type"] == "content_block_delta":
            for member, more_of_it in said["delta"].items():
                member = "input" if member == "partial_json" else member
                if member != "type":
                    blocks[said["index"]][member] += more_of_it
        elif said["type"] == "message_delta":
            answer = {**answer, **said["delta"], "usage": {**answer["usage"], **said["usage"]}}
    for block in blocks:
        given = block.pop("input")
        if block["type"] == "tool_use":
            block["input"] = json.loads(given or "{}")
    return names, {**answer, "content": blocks}


def said(answer):
    return "".join(block.get("text", "") for block in answer["content"])


def calls(answer):
    return [block for block in answer["content"] if block["type"] == "tool_use"]


def text():
    answer = ask("Say hi")
    assert answer["type"] == "message" and "Say hi" in said(answer) and answer["stop_reason"] == "end_turn", answer
    usage = answer["usage"]
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0 and usage["cache_read_input_tokens"] > 0, usage


def stream():
    names, answer = collect("count to 20")
    assert said(answer) == " ".join(str(n) for n in range(1, 21)) and answer["stop_reason"] == "end_turn", answer
    assert names[0] == "message_start" and names[-2:] == ["message_delta", "message_stop"], names
    whole = ask("count to 20")
    assert answer["content"] == whole["content"] and answer["usage"]["output_tokens"] == whole["usage"]["output_tokens"], (answer, whole)


def tools():
    for answer in (ask(BOTH, tools=TOOLS), collect(BOTH, tools=TOOLS)[1]):
        first, second = calls(answer)
        assert answer["stop_reason"] == "tool_use" and (first["name"], second["name"]) == ("get_weather", "get_time"), answer
        assert first["input"] == WEATHER and second["input"] == {} and first["id"] != second["id"], answer
        results = [
            {"type": "tool_result", "tool_use_id": second["id"], "content": "noon"},
            {"type": "tool_result", "tool_use_id": first["id"], "content": [{"type": "text", "text": "no such place"}], "is_error": True},
            {"type": "text", "text": "So?"},
        ]
        history = [{"role": "user", "content": BOTH}, {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": results}]
        last = ask("", messages=history, tools=TOOLS)
        assert "So?" in said(last) and last["stop_reason"] == "end_turn", last


def forced():
    answer = ask("hello", tools=TOOLS, tool_choice={"type": "tool", "name": "get_time"})
    assert [call["name"] for call in calls(answer)] == ["get_time"], answer


def image():
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    answer = ask([picture, picture, {"type": "text", "text": "What is this?"}])
    assert "2 image(s)" in said(answer), answer


def limits():
    answer = ask("count to 50", max_tokens=5)
    assert answer["stop_reason"] == "max_tokens" and answer["usage"]["output_tokens"] == 5, answer
    answer = ask("count to 50", stop_sequences=["7"])
    assert answer["stop_reason"] in ("stop_sequence", "end_turn") and "7" not in said(answer), answer


def betas():
    """A flag stands in the body, wherever the provider wants it."""
    assert "Say hi" in said(ask("Say hi", anthropic_beta=["context-1m-2025-08-07"]))


def structured():
    schema = {"type": "object", "properties": {"depth": {"type": "number"}}, "required": ["depth"], "additionalProperties": False}
    assert "How deep?" in said(ask("How deep?", output_config={"format": {"type": "json_schema", "schema": schema}}))


def reasoning():
    """What the model thinks is signed by its vendor, who gets it back in the next turn as it was."""
    wanted = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}}
    for first in (ask("Say hi", **wanted), collect("Say hi", **wanted)[1]):
        blocks = [block for block in first["content"] if block["type"] == "thinking"]
        assert any(block["thinking"] for block in blocks) and any(block["signature"] for block in blocks), first
        history = [{"role": "user", "content": "Say hi"}, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": "And again"}]
        second = ask("", messages=history, **wanted)
        assert "And again" in said(second), second


def errors():
    refused(client, [client.invoke_model, client.invoke_model_with_response_stream], asked)


def error_in_stream():
    broken(collect)


def bad_request():
    try:
        ask([{"type": "image"}])
    except client.exceptions.ValidationException as error:
        assert "messages[0].content[0].source" in error.response["Error"]["Message"], error.response
    else:
        raise AssertionError("no error")


def unknown_model():
    try:
        client.invoke_model(**{**asked("hi", {}), "modelId": "nobody"})
    except client.exceptions.ResourceNotFoundException as error:
        assert "nobody" in error.response["Error"]["Message"], error.response
    else:
        raise AssertionError("no error")


for part in PARTS:
    globals()[part]()
    print("ok", part)

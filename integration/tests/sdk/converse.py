"""AWS's official SDK, boto3, against one address: usage `converse.py BASE_URL MODEL PART...`; every part is a promise to an SDK's user."""

import json

from aws import MODEL, PARTS, broken, connect, refused
from botocore.exceptions import ClientError

client = connect("bedrock-runtime")
TOOLS = [
    {
        "toolSpec": {
            "name": "get_weather",
            "description": "The weather of a place",
            "inputSchema": {
                "json": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                    "required": ["city"],
                }
            },
        }
    },
    {"toolSpec": {"name": "get_time", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
]
SYSTEM = [{"text": "You are terse. " * 20}]
WEATHER = {"city": 'Zürich "old town"\n', "days": 3}
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


def user(*content):
    return {"role": "user", "content": [{"text": one} if isinstance(one, str) else one for one in content]}


def asked(text, more):
    return {"modelId": MODEL, "system": SYSTEM, "inferenceConfig": {"maxTokens": 200}, "messages": [user(text)], **more}


def ask(text, **more):
    return client.converse(**asked(text, more))


def collect(text, **more):
    """A streamed answer as a whole one, and the names of its events."""
    names, blocks, answer = [], {}, {}
    for event in client.converse_stream(**asked(text, more))["stream"]:
        ((name, said),) = event.items()
        names.append(name)
        if name == "contentBlockStart":
            blocks[said["contentBlockIndex"]] = {"toolUse": {**said["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            delta = said["delta"]
            block = blocks.setdefault(said["contentBlockIndex"], {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            elif "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            else:
                inside = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
                for member, more_of_it in delta["reasoningContent"].items():
                    inside[member] = inside.get(member, "") + more_of_it
        elif name in ("messageStop", "metadata"):
            answer.update(said)
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    answer["output"] = {"message": {"role": "assistant", "content": [blocks[at] for at in sorted(blocks)]}}
    return names, answer


def said(answer):
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


def calls(answer):
    return [block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block]


def text():
    answer = ask("Say hi")
    assert answer["output"]["message"]["role"] == "assistant" and "Say hi" in said(answer), answer
    assert answer["stopReason"] == "end_turn" and answer["metrics"]["latencyMs"] >= 0, answer
    usage = answer["usage"]
    assert usage["inputTokens"] > 0 and usage["outputTokens"] > 0 and usage["cacheReadInputTokens"] > 0, usage
    assert usage["totalTokens"] == usage["inputTokens"] + usage["cacheReadInputTokens"] + usage["outputTokens"], usage
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"], answer["ResponseMetadata"]


def stream():
    names, answer = collect("count to 20")
    assert said(answer) == " ".join(str(n) for n in range(1, 21)), answer
    assert answer["stopReason"] == "end_turn" and answer["usage"]["outputTokens"] > 0 and answer["usage"]["inputTokens"] > 0, answer
    assert names[0] == "messageStart" and names[-2:] == ["messageStop", "metadata"], names
    whole = ask("count to 20")
    assert answer["output"] == whole["output"] and answer["usage"] == whole["usage"], (answer, whole)


def tools():
    answer = ask("Use get_weather and get_time", toolConfig={"tools": TOOLS})
    first, second = calls(answer)
    assert answer["stopReason"] == "tool_use" and (first["name"], second["name"]) == ("get_weather", "get_time"), answer
    assert first["input"] == WEATHER and second["input"] == {}, answer
    results = [
        {"toolResult": {"toolUseId": second["toolUseId"], "content": [{"json": {"now": "noon"}}], "status": "success"}},
        {"toolResult": {"toolUseId": first["toolUseId"], "content": [{"text": "no such place"}], "status": "error"}},
    ]
    history = [user("Use get_weather and get_time"), answer["output"]["message"], user(*results, "So?")]
    last = ask("", messages=history, toolConfig={"tools": TOOLS})
    assert "So?" in said(last) and last["stopReason"] == "end_turn", last


def forced():
    answer = ask("hello", toolConfig={"tools": TOOLS, "toolChoice": {"tool": {"name": "get_time"}}})
    assert [call["name"] for call in calls(answer)] == ["get_time"], answer
    answer = ask("hello", toolConfig={"tools": TOOLS, "toolChoice": {"any": {}}})
    assert [call["name"] for call in calls(answer)] == ["get_weather"], answer


def stream_tools():
    _, answer = collect("Use get_weather and get_time", toolConfig={"tools": TOOLS})
    first, second = calls(answer)
    assert first["input"] == WEATHER and second["input"] == {} and first["toolUseId"] != second["toolUseId"], answer
    assert answer["stopReason"] == "tool_use", answer


def image():
    picture = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    answer = ask("", messages=[user(picture, picture, "What is this?")])
    assert "2 image(s)" in said(answer), answer


def document():
    paper = {"document": {"format": "txt", "name": "notes", "source": {"bytes": b"The weir is old."}}}
    answer = ask("", messages=[user(paper, "How old?")])
    assert "How old?" in said(answer), answer


def structured():
    schema = {"type": "object", "properties": {"depth": {"type": "number"}}, "required": ["depth"], "additionalProperties": False}
    shape = {"jsonSchema": {"name": "depth", "schema": json.dumps(schema)}}
    answer = ask("How deep?", outputConfig={"textFormat": {"type": "json_schema", "structure": shape}})
    assert "How deep?" in said(answer), answer


def limits():
    answer = ask("count to 50", inferenceConfig={"maxTokens": 5})
    assert answer["stopReason"] == "max_tokens" and answer["usage"]["outputTokens"] == 5, answer
    answer = ask("count to 50", inferenceConfig={"stopSequences": ["7"], "temperature": 0.5})
    assert answer["stopReason"] in ("stop_sequence", "end_turn") and "7" not in said(answer), answer


def reasoning():
    """What the model thinks is signed by its vendor, who gets it back in the next turn as it was."""
    wanted = {
        "inferenceConfig": {"maxTokens": 4000},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}},
    }
    for first in (ask("Say hi", **wanted), collect("Say hi", **wanted)[1]):
        blocks = [block["reasoningContent"]["reasoningText"] for block in first["output"]["message"]["content"] if "reasoningContent" in block]
        assert any(block["text"] for block in blocks) and any(block.get("signature") for block in blocks), first
        second = ask("", messages=[user("Say hi"), first["output"]["message"], user("And again")], **wanted)
        assert "And again" in said(second), second


def errors():
    refused(client, [client.converse, client.converse_stream], asked)


def error_in_stream():
    broken(collect)


def bad_request():
    for wrong, place in (
        ({"inferenceConfig": {"temperature": 3}}, "inferenceConfig.temperature"),
        ({"messages": [user({"image": {"format": "bmp", "source": {"bytes": PIXEL}}})]}, "messages[0].content[0].image.format"),
        ({"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"}}, "guardrailConfig"),
    ):
        try:
            ask("hi", **wrong)
        except client.exceptions.ValidationException as error:
            assert place in error.response["Error"]["Message"], error.response
        else:
            raise AssertionError(f"{wrong}: no error")


def unknown_model():
    for name in ("nobody", "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.nobody"):
        try:
            ask("hi", modelId=name)
        except client.exceptions.ResourceNotFoundException as error:
            assert name in error.response["Error"]["Message"], error.response
        else:
            raise AssertionError("no error")


def unknown_action():
    try:
        client.apply_guardrail(guardrailIdentifier="abc", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "hi"}}])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "UnknownOperationException" and error.response["Error"]["Message"], error.response
    else:
        raise AssertionError("no error")


def count():
    asked = {"system": SYSTEM, "messages": [user("hi")], "toolConfig": {"tools": TOOLS}}
    assert client.count_tokens(modelId=MODEL, input={"converse": asked})["inputTokens"] > 0


def count_body():
    """What only the format of a body's own provider can count."""
    body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]}'
    try:
        client.count_tokens(modelId=MODEL, input={"invokeModel": {"body": body}})
    except client.exceptions.ValidationException as error:
        assert "input.invokeModel" in error.response["Error"]["Message"], error.response
    else:
        raise AssertionError("no error")


def count_refused():
    try:
        client.count_tokens(modelId=MODEL, input={"converse": {"messages": [user("hi")]}})
    except client.exceptions.ValidationException as error:
        assert "count" in error.response["Error"]["Message"], error.response
    else:
        raise AssertionError("no error")


def models():
    listed = connect("bedrock").list_foundation_models()["modelSummaries"]
    assert MODEL in [model["modelId"] for model in listed], listed


def over_budget():
    for _ in range(50):
        try:
            ask("count to 30")
        except client.exceptions.ThrottlingException as error:
            assert "budget" in error.response["Error"]["Message"], error.response
            assert int(error.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) > 0, error.response
            return
    raise AssertionError("the budget is never used up")


for part in PARTS:
    globals()[part]()
    print("ok", part)

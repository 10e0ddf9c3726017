"""One official SDK against a model that nobody scripted: usage `real.py SDK BASE_URL MODEL PART...`; it may say anything, but in its proper form."""

import json
import os
import sys

SDK, BASE, MODEL, *PARTS = sys.argv[1:]
QUESTION = "Name three rivers."
SCHEMA = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"], "additionalProperties": False}


class Chat:
    def __init__(self):
        import openai

        self.client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="sk-client-key", timeout=120)
        self.missing = openai.NotFoundError

    def ask(self, model=MODEL, **more):
        messages = [{"role": "user", "content": QUESTION}]
        return self.client.chat.completions.create(model=model, messages=messages, max_tokens=48, **more)

    def text(self):
        answer = self.ask()
        assert answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length"), answer
        assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0, answer

    def stream(self):
        chunks = list(self.ask(stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks), chunks

    def structured(self):
        answer = self.ask(response_format={"type": "json_schema", "json_schema": {"name": "river", "strict": True, "schema": SCHEMA}})
        if answer.choices[0].finish_reason == "stop":
            assert isinstance(json.loads(answer.choices[0].message.content)["river"], str), answer


class Responses(Chat):
    def ask(self, model=MODEL, **more):
        return self.client.responses.create(model=model, input=QUESTION, max_output_tokens=48, store=False, **more)

    def text(self):
        answer = self.ask()
        assert answer.output_text and answer.status in ("completed", "incomplete"), answer
        assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer

    def stream(self):
        events = list(self.ask(stream=True))
        said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert said and events[-1].type in ("response.completed", "response.incomplete"), events
        assert said == events[-1].response.output_text, events

    def structured(self):
        answer = self.ask(text={"format": {"type": "json_schema", "name": "river", "strict": True, "schema": SCHEMA}})
        if answer.status == "completed":
            assert isinstance(json.loads(answer.output_text)["river"], str), answer


class Messages(Chat):
    def __init__(self):
        import anthropic

        self.client = anthropic.Anthropic(base_url=BASE, api_key="sk-ant-client-key", timeout=120)
        self.missing = anthropic.NotFoundError

    def ask(self, model=MODEL, **more):
        return self.client.messages.create(model=model, max_tokens=48, messages=[{"role": "user", "content": QUESTION}], **more)

    def text(self):
        answer = self.ask()
        assert answer.content[0].text and answer.stop_reason in ("end_turn", "max_tokens"), answer
        assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer

    def stream(self):
        events = list(self.ask(stream=True))
        deltas = [event.delta.text for event in events if event.type == "content_block_delta" and event.delta.type == "text_delta"]
        assert "".join(deltas) and events[-1].type == "message_stop", events

    def structured(self):
        answer = self.ask(output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
        if answer.stop_reason == "end_turn":
            assert isinstance(json.loads(answer.content[0].text)["river"], str), answer


class Gemini(Chat):
    def __init__(self):
        from google import genai
        from google.genai import errors

        self.client = genai.Client(api_key="goog-client-key", http_options=genai.types.HttpOptions(base_url=BASE, timeout=120_000))
        self.missing = errors.ClientError

    def ask(self, model=MODEL, **more):
        return self.client.models.generate_content(model=model, contents=QUESTION, config={"max_output_tokens": 48, **more})

    def text(self):
        answer = self.ask()
        assert answer.text and answer.candidates[0].finish_reason in ("STOP", "MAX_TOKENS"), answer
        assert answer.usage_metadata.prompt_token_count > 0 and answer.usage_metadata.candidates_token_count > 0, answer

    def stream(self):
        config = {"max_output_tokens": 48}
        chunks = list(self.client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=config))
        assert "".join(chunk.text or "" for chunk in chunks) and chunks[-1].candidates[0].finish_reason, chunks

    def structured(self):
        answer = self.ask(response_mime_type="application/json", response_json_schema=SCHEMA)
        if answer.candidates[0].finish_reason == "STOP":
            assert isinstance(json.loads(answer.text)["river"], str), answer


class Converse(Chat):
    def __init__(self):
        import boto3
        from botocore.config import Config

        os.environ.update(AWS_ACCESS_KEY_ID="AKIACLIENTKEY", AWS_SECRET_ACCESS_KEY="client-secret")
        config = Config(read_timeout=120)
        self.client = boto3.client("bedrock-runtime", endpoint_url=BASE, region_name="eu-central-1", config=config)
        self.missing = self.client.exceptions.ResourceNotFoundException

    def asked(self, model, more):
        messages = [{"role": "user", "content": [{"text": QUESTION}]}]
        return {"modelId": model, "messages": messages, "inferenceConfig": {"maxTokens": 48}, **more}

    def ask(self, model=MODEL, **more):
        return self.client.converse(**self.asked(model, more))

    def text(self):
        answer = self.ask()
        assert answer["output"]["message"]["content"][0]["text"] and answer["stopReason"] in ("end_turn", "max_tokens"), answer
        assert answer["usage"]["inputTokens"] > 0 and answer["usage"]["outputTokens"] > 0, answer

    def stream(self):
        events = list(self.client.converse_stream(**self.asked(MODEL, {}))["stream"])
        said = "".join(event["contentBlockDelta"]["delta"].get("text", "") for event in events if "contentBlockDelta" in event)
        assert said and any("messageStop" in event for event in events) and events[-1]["metadata"]["usage"]["outputTokens"] > 0, events

    def structured(self):
        shape = {"jsonSchema": {"name": "river", "schema": json.dumps(SCHEMA)}}
        answer = self.ask(outputConfig={"textFormat": {"type": "json_schema", "structure": shape}})
        if answer["stopReason"] == "end_turn":
            assert isinstance(json.loads(answer["output"]["message"]["content"][0]["text"])["river"], str), answer


sdk = {"chat": Chat, "responses": Responses, "messages": Messages, "gemini": Gemini, "converse": Converse}[SDK]()


def error():
    try:
        sdk.ask("nobody")
    except sdk.missing as refused:
        assert "nobody" in str(refused), refused
    else:
        raise AssertionError("no error")


for part in PARTS:
    error() if part == "error" else getattr(sdk, part)()
    print("ok", part)

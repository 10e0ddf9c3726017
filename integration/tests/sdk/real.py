"""One official SDK against a model that nobody scripted: usage `real.py SDK BASE_URL MODEL PART...`; it may say anything, but in its proper form."""

import json
import sys

SDK, BASE, MODEL, *PARTS = sys.argv[1:]
QUESTION = "Name three rivers."
SCHEMA = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"], "additionalProperties": False}


class Chat:
    def __init__(self):
        import openai

        self.client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="sk-client-key", max_retries=0, timeout=120)
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

        self.client = anthropic.Anthropic(base_url=BASE, api_key="sk-ant-client-key", max_retries=0, timeout=120)
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


sdk = {"chat": Chat, "responses": Responses, "messages": Messages}[SDK]()


def error():
    try:
        sdk.ask("nobody")
    except sdk.missing as refused:
        assert refused.body and "nobody" in str(refused), refused
    else:
        raise AssertionError("no error")


for part in PARTS:
    error() if part == "error" else getattr(sdk, part)()
    print("ok", part)

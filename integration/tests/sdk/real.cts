// One official SDK for TypeScript against a model that nobody scripted: `real.cts SDK BASE_URL MODEL PART...`; it may say anything, but in its proper form.
const assert = require("node:assert/strict");

const [SDK, BASE, MODEL, ...PARTS] = process.argv.slice(2);
const QUESTION = "Name three rivers.";
const SCHEMA = { type: "object", properties: { river: { type: "string" } }, required: ["river"], additionalProperties: false };
const SHAPE = { name: "river", strict: true, schema: SCHEMA };
const LIMIT = 48;

/** What an SDK's answer says, why it ended, and how many tokens it counted. */
type Answer = { text: string; ended: boolean; cut: boolean; tokens: number };
/** One SDK: a whole answer, one of the schema's shape, the text of a stream that must end properly. */
type Sdk = { ask(model: string, structured?: boolean): Promise<Answer>; stream(): Promise<string> };

const sdks: Record<string, () => Sdk> = {
  chat() {
    const OpenAI = require("openai");
    const client = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: "sk-client-key", timeout: 120_000 });
    const request = { model: MODEL, max_tokens: LIMIT, messages: [{ role: "user", content: QUESTION }] };
    return {
      async ask(model, structured) {
        const format = structured ? { response_format: { type: "json_schema", json_schema: SHAPE } } : {};
        const { choices, usage } = await client.chat.completions.create({ ...request, model, ...format });
        const reason = choices[0].finish_reason;
        return { text: choices[0].message.content, ended: reason === "stop", cut: reason === "length", tokens: usage.completion_tokens };
      },
      async stream() {
        let [said, reason] = ["", ""];
        for await (const { choices } of await client.chat.completions.create({ ...request, stream: true })) {
          said += choices[0]?.delta.content ?? "";
          reason = choices[0]?.finish_reason ?? reason;
        }
        assert.match(reason, /^(stop|length)$/);
        return said;
      },
    };
  },

  responses() {
    const OpenAI = require("openai");
    const client = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: "sk-client-key", timeout: 120_000 });
    const request = { model: MODEL, input: QUESTION, max_output_tokens: LIMIT, store: false };
    return {
      async ask(model, structured) {
        const format = structured ? { text: { format: { type: "json_schema", ...SHAPE } } } : {};
        const { output_text, status, usage } = await client.responses.create({ ...request, model, ...format });
        return { text: output_text, ended: status === "completed", cut: status === "incomplete", tokens: usage.output_tokens };
      },
      async stream() {
        let [said, last] = ["", null as any];
        for await (const event of await client.responses.create({ ...request, stream: true })) {
          said += event.type === "response.output_text.delta" ? event.delta : "";
          last = event;
        }
        assert.match(last.type, /^response\.(completed|incomplete)$/);
        return said;
      },
    };
  },

  messages() {
    const Anthropic = require("@anthropic-ai/sdk");
    const client = new Anthropic({ baseURL: BASE, apiKey: "sk-ant-client-key", timeout: 120_000 });
    const request = { model: MODEL, max_tokens: LIMIT, messages: [{ role: "user", content: QUESTION }] };
    return {
      async ask(model, structured) {
        const format = structured ? { output_config: { format: { type: "json_schema", schema: SCHEMA } } } : {};
        const { content, stop_reason: reason, usage } = await client.messages.create({ ...request, model, ...format });
        return { text: content[0].text, ended: reason === "end_turn", cut: reason === "max_tokens", tokens: usage.output_tokens };
      },
      async stream() {
        const message = await client.messages.stream(request).finalMessage();
        assert.match(message.stop_reason, /^(end_turn|max_tokens)$/);
        return message.content[0].text;
      },
    };
  },

  gemini() {
    const { GoogleGenAI } = require("@google/genai");
    const client = new GoogleGenAI({ apiKey: "goog-client-key", httpOptions: { baseUrl: BASE, timeout: 120_000 } });
    const request = (model: string, more: object = {}) => ({ model, contents: QUESTION, config: { maxOutputTokens: LIMIT, ...more } });
    return {
      async ask(model, structured) {
        const format = structured ? { responseMimeType: "application/json", responseJsonSchema: SCHEMA } : {};
        const answer = await client.models.generateContent(request(model, format));
        const reason = answer.candidates[0].finishReason;
        const tokens = answer.usageMetadata.candidatesTokenCount;
        return { text: answer.text, ended: reason === "STOP", cut: reason === "MAX_TOKENS", tokens };
      },
      async stream() {
        let [said, reason] = ["", ""];
        for await (const chunk of await client.models.generateContentStream(request(MODEL))) {
          said += chunk.text ?? "";
          reason = chunk.candidates?.[0]?.finishReason ?? reason;
        }
        assert.match(reason, /^(STOP|MAX_TOKENS)$/);
        return said;
      },
    };
  },
};

const sdk = sdks[SDK]();

const parts: Record<string, () => Promise<void>> = {
  async text() {
    const answer = await sdk.ask(MODEL);
    assert.ok(answer.text && (answer.ended || answer.cut) && answer.tokens > 0, JSON.stringify(answer));
  },

  async stream() {
    assert.ok(await sdk.stream());
  },

  async structured() {
    const answer = await sdk.ask(MODEL, true);
    if (answer.ended) assert.equal(typeof JSON.parse(answer.text).river, "string", answer.text);
  },

  async error() {
    await assert.rejects(sdk.ask("nobody"), (error: any) => error.status === 404 && /nobody/.test(error.message));
  },
};

(async () => {
  for (const part of PARTS) {
    await parts[part]();
    console.log("ok", part);
  }
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

// The official OpenAI SDK for TypeScript against one address: `openai.cts BASE_URL MODEL PART...`; every part is a promise to an SDK's user.
const assert = require("node:assert/strict");
const OpenAI = require("openai");

const [BASE, MODEL, ...PARTS] = process.argv.slice(2);
const client = new OpenAI({ baseURL: BASE, apiKey: "sk-client-key", maxRetries: 0, timeout: 120_000 });
const SYSTEM = { role: "system", content: "You are terse. ".repeat(20) };
const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
const ARGUMENTS = { city: 'Zürich "old town"\n', days: 3 };
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const COUNT = Array.from({ length: 20 }, (_, n) => n + 1).join(" ");
const chatTool = { type: "function", function: { name: "get_weather", parameters: WEATHER } };
const responseTool = { type: "function", name: "get_weather", strict: false, parameters: WEATHER };
const SHAPE = { name: "place", strict: true, schema: { ...WEATHER, required: ["city", "days"], additionalProperties: false } };

const ask = (text: string, more: object = {}): any =>
  client.chat.completions.create({ model: MODEL, messages: [SYSTEM, { role: "user", content: text }], ...more });
const respond = (input: unknown, more: object = {}): any =>
  client.responses.create({ model: MODEL, instructions: SYSTEM.content, input, store: false, ...more });

const parts: Record<string, () => Promise<void>> = {
  async text() {
    const answer = await ask("Say hi");
    assert.ok(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },

  async stream() {
    let said = "";
    for await (const chunk of await ask("count to 20", { stream: true })) {
      said += chunk.choices[0]?.delta.content ?? "";
    }
    assert.equal(said, COUNT);
    const events = client.chat.completions.stream({ model: MODEL, messages: [SYSTEM, { role: "user", content: "count to 20" }] });
    assert.equal(await events.finalContent(), COUNT);
  },

  async tools() {
    const question = { role: "user", content: "Use get_weather" };
    for (const stream of [false, true]) {
      const request = { model: MODEL, messages: [question], tools: [chatTool] };
      const answer: any = stream
        ? await client.chat.completions.stream(request).finalChatCompletion()
        : await client.chat.completions.create(request);
      const [{ finish_reason, message }] = answer.choices;
      delete message.parsed; // the helper's own addition, which OpenAI's format doesn't have
      assert.equal(finish_reason, "tool_calls");
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), ARGUMENTS);
      const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" };
      const second: any = await client.chat.completions.create({ ...request, messages: [question, message, result, { role: "user", content: "So?" }] });
      assert.match(second.choices[0].message.content, /So\?/);
    }
  },

  async image() {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: PIXEL } },
    ];
    const answer: any = await client.chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
    assert.match(answer.choices[0].message.content, /1 image/);
  },

  async structured() {
    await ask("Say hi", { response_format: { type: "json_schema", json_schema: SHAPE } });
    await ask("Say hi", { response_format: { type: "json_object" } });
  },

  async reasoning() {
    const answer = await ask("Say hi", { reasoning_effort: "high", max_completion_tokens: 20_000 });
    const history = [{ role: "user", content: "Say hi" }, answer.choices[0].message, { role: "user", content: "So?" }];
    const second: any = await client.chat.completions.create({ model: MODEL, messages: history, reasoning_effort: "high" });
    assert.match(second.choices[0].message.content, /So\?/);
  },

  async errors() {
    const expected: [string, unknown[]][] = [
      ["400", [OpenAI.BadRequestError]],
      ["404", [OpenAI.NotFoundError]],
      ["429", [OpenAI.RateLimitError]],
      ["500", [OpenAI.InternalServerError]],
    ];
    for (const [status, kinds] of expected) {
      for (const stream of [false, true]) {
        const error = await ask(`[sim:${status}]`, { stream }).then(() => null, (error: unknown) => error);
        assert.ok(kinds.some((kind: any) => error instanceof kind) && error.error.message && error.type, `${status}: ${error}`);
      }
    }
    for (const kind of ["error-in-stream", "half-stream"]) {
      await assert.rejects(async () => {
        for await (const _ of await ask(`[sim:${kind}] count to 20`, { stream: true }));
      }, kind);
    }
  },

  async responses_text() {
    const answer = await respond("Say hi");
    assert.ok(answer.status === "completed" && answer.output_text);
    assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  },

  async responses_stream() {
    let said = "";
    let last;
    for await (const event of await respond("count to 20", { stream: true })) {
      said += event.type === "response.output_text.delta" ? event.delta : "";
      last = event;
    }
    assert.equal(said, COUNT);
    assert.equal(last.type, "response.completed");
    const collected = await client.responses.stream({ model: MODEL, input: "count to 20", store: false }).finalResponse();
    assert.equal(collected.output_text, COUNT);
  },

  async responses_tools() {
    const question = { role: "user", content: "Use get_weather" };
    const answer = await respond([question], { tools: [responseTool] });
    const call = answer.output.find((item: any) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), ARGUMENTS);
    const result = { type: "function_call_output", call_id: call.call_id, output: "sunny" };
    const second = await respond([question, ...answer.output, result, { role: "user", content: "So?" }], { tools: [responseTool] });
    assert.match(second.output_text, /So\?/);
  },

  async responses_image() {
    const content = [
      { type: "input_text", text: "What is this?" },
      { type: "input_image", image_url: PIXEL, detail: "auto" },
    ];
    assert.match((await respond([{ role: "user", content }])).output_text, /1 image/);
  },

  async responses_structured() {
    await respond("Say hi", { text: { format: { type: "json_schema", ...SHAPE } } });
  },

  async responses_reasoning() {
    const thinking = { reasoning: { effort: "high", summary: "auto" }, include: ["reasoning.encrypted_content"], max_output_tokens: 20_000 };
    const answer = await respond("Say hi", thinking);
    const thought = answer.output.find((item: any) => item.type === "reasoning");
    assert.ok(thought?.encrypted_content && thought.summary[0].text, JSON.stringify(answer.output));
    const second = await respond([{ role: "user", content: "Say hi" }, ...answer.output, { role: "user", content: "So?" }], thinking);
    assert.match(second.output_text, /So\?/);
  },

  async responses_errors() {
    for (const stream of [false, true]) {
      await assert.rejects(respond("[sim:429]", { stream }), OpenAI.RateLimitError);
      await assert.rejects(respond("[sim:400]", { stream }), OpenAI.BadRequestError);
    }
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

// The official Anthropic SDK for TypeScript against one address: `anthropic.cts BASE_URL MODEL PART...`; every part is a promise to an SDK's user.
const assert = require("node:assert/strict");
const Anthropic = require("@anthropic-ai/sdk");

const [BASE, MODEL, ...PARTS] = process.argv.slice(2);
const client = new Anthropic({ baseURL: BASE, apiKey: "sk-ant-client-key", maxRetries: 0, timeout: 120_000 });
const TOOL = {
  name: "get_weather",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
    required: ["city"],
  },
};
const ARGUMENTS = { city: 'Zürich "old town"\n', days: 3 };
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const COUNT = Array.from({ length: 20 }, (_, n) => n + 1).join(" ");

const request = (content: unknown, more: object = {}): any => ({
  model: MODEL,
  max_tokens: 20_000,
  system: "You are terse. ".repeat(20),
  messages: [{ role: "user", content }],
  ...more,
});
const ask = (content: unknown, more: object = {}): any => client.messages.create(request(content, more));
const text = (answer: any): string => answer.content.find((block: any) => block.type === "text").text;

const parts: Record<string, () => Promise<void>> = {
  async text() {
    const answer = await ask("Say hi");
    assert.ok(text(answer) && answer.stop_reason === "end_turn" && answer.id.startsWith("msg_"));
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
  },

  async stream() {
    assert.equal(await client.messages.stream(request("count to 20")).finalText(), COUNT);
    const kinds = [];
    for await (const event of await ask("count to 3", { stream: true })) kinds.push(event.type);
    const frame = kinds.filter((kind) => kind !== "ping" && kind !== "content_block_delta");
    assert.deepEqual(frame, ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]);
  },

  async tools() {
    for (const streamed of [false, true]) {
      const first = request("Use get_weather", { tools: [TOOL] });
      const answer: any = streamed ? await client.messages.stream(first).finalMessage() : await client.messages.create(first);
      const call = answer.content.find((block: any) => block.type === "tool_use");
      assert.equal(answer.stop_reason, "tool_use");
      assert.deepEqual(call.input, ARGUMENTS);
      const results = [
        { type: "tool_result", tool_use_id: call.id, content: "sunny" },
        { type: "text", text: "So?" },
      ];
      const messages = [...first.messages, { role: "assistant", content: answer.content }, { role: "user", content: results }];
      assert.match(text(await ask("", { tools: [TOOL], messages })), /So\?/);
    }
  },

  async image() {
    const source = { type: "base64", media_type: "image/png", data: PIXEL };
    const answer = await ask([{ type: "image", source }, { type: "text", text: "What is this?" }]);
    assert.match(text(answer), /1 image/);
  },

  async structured() {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
    await ask("Say hi", { output_config: { format: { type: "json_schema", schema } } });
  },

  // Thoughts and what signs them come back in the next turn, whoever thought them.
  async reasoning() {
    const thinking = { thinking: { type: "enabled", budget_tokens: 4096, display: "summarized" }, tools: [TOOL] };
    const answer: any = await client.messages.stream(request("Use get_weather", thinking)).finalMessage();
    const [thought] = answer.content;
    assert.ok(thought.type === "thinking" && thought.thinking && thought.signature, JSON.stringify(answer.content));
    const call = answer.content.find((block: any) => block.type === "tool_use");
    const messages = [
      { role: "user", content: "Use get_weather" },
      { role: "assistant", content: answer.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] },
    ];
    assert.match(text(await ask("", { ...thinking, messages })), /read the tool's result/);
  },

  async errors() {
    const expected: [string, unknown][] = [
      ["400", Anthropic.BadRequestError],
      ["404", Anthropic.NotFoundError],
      ["429", Anthropic.RateLimitError],
      ["500", Anthropic.InternalServerError],
    ];
    for (const [status, kind] of expected) {
      for (const stream of [false, true]) {
        await assert.rejects(ask(`[sim:${status}]`, { stream }), (error: any) => {
          assert.ok(error instanceof (kind as any), `${status}: ${error}`);
          assert.ok(error.error.error.message && error.error.error.type && error.requestID, `${status}: ${JSON.stringify(error.error)}`);
          return true;
        });
      }
    }
    for (const kind of ["error-in-stream", "half-stream"]) {
      await assert.rejects(client.messages.stream(request(`[sim:${kind}] count to 20`)).finalMessage(), kind);
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

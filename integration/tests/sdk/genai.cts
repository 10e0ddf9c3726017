// The official Gemini SDK for TypeScript against one address: `genai.cts BASE_URL MODEL PART...`; every part is a promise to an SDK's user.
const assert = require("node:assert/strict");
const { ApiError, GoogleGenAI } = require("@google/genai");

const [BASE, MODEL, ...PARTS] = process.argv.slice(2);
const client = new GoogleGenAI({ apiKey: "goog-client-key", httpOptions: { baseUrl: BASE, timeout: 120_000 } });
const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
const TOOLS = [{ functionDeclarations: [{ name: "get_weather", parametersJsonSchema: WEATHER }] }];
const ARGUMENTS = { city: 'Zürich "old town"\n', days: 3 };
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const request = (contents: unknown, config: object = {}): any => ({
  model: MODEL,
  contents,
  config: { systemInstruction: "You are terse. ".repeat(20), ...config },
});
const ask = (contents: unknown, config: object = {}): any => client.models.generateContent(request(contents, config));

async function twoTurns(config: object): Promise<any> {
  const question = { role: "user", parts: [{ text: "Use get_weather" }] };
  const said = (await ask([question], { tools: TOOLS, ...config })).candidates[0].content;
  const call = said.parts.find((part: any) => part.functionCall).functionCall;
  assert.deepEqual(call.args, ARGUMENTS);
  const functionResponse = { id: call.id, name: call.name, response: { output: "sunny" } };
  const answer = await ask([question, said, { role: "user", parts: [{ functionResponse }] }], { tools: TOOLS, ...config });
  assert.match(answer.text, /read the tool's result/);
  return said;
}

const parts: Record<string, () => Promise<void>> = {
  async text() {
    const answer = await ask("Say hi");
    assert.ok(answer.text && answer.candidates[0].finishReason === "STOP");
    assert.ok(answer.usageMetadata.promptTokenCount > 0 && answer.usageMetadata.candidatesTokenCount > 0);
  },

  async stream() {
    let said = "";
    for await (const chunk of await client.models.generateContentStream(request("count to 20"))) said += chunk.text ?? "";
    assert.equal(said, Array.from({ length: 20 }, (_, n) => n + 1).join(" "));
  },

  async tools() {
    await twoTurns({});
  },

  async image() {
    const inlineData = { data: PIXEL, mimeType: "image/png" };
    assert.match((await ask([{ role: "user", parts: [{ inlineData }, { text: "What is this?" }] }])).text, /1 image/);
  },

  async structured() {
    await ask("Say hi", { responseMimeType: "application/json", responseJsonSchema: { ...WEATHER, additionalProperties: false } });
  },

  // Thoughts and what signs them come back in the next turn, whoever thought them.
  async reasoning() {
    const said = await twoTurns({ thinkingConfig: { includeThoughts: true, thinkingBudget: 4096 }, maxOutputTokens: 20_000 });
    assert.ok(said.parts.some((part: any) => part.thought && part.text) && said.parts.some((part: any) => part.thoughtSignature));
  },

  async errors() {
    for (const status of [400, 404, 429, 500]) {
      for (const call of [() => ask(`[sim:${status}]`), () => client.models.generateContentStream(request(`[sim:${status}]`))]) {
        await assert.rejects(call, (error: any) => error instanceof ApiError && error.status === status);
      }
    }
    for (const kind of ["error-in-stream", "half-stream"]) {
      await assert.rejects(async () => {
        for await (const _ of await client.models.generateContentStream(request(`[sim:${kind}] count to 20`)));
      }, kind);
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

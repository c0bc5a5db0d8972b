// The official Node client of Anthropic against the server at URL, with the key in KEY.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";

const made = (apiKey = process.env.KEY ?? "key-node") => new Anthropic({ baseURL: process.env.URL, apiKey, maxRetries: 0 });
const client = made();
const asking = (content, more = {}) => ({ model: "scripted-large", max_tokens: 100, messages: [{ role: "user", content }], ...more });
const HELLO = "Hello, wörld! 👋 This is more than one chunk of text.";

test("a message and a stream of it are the same", async () => {
  const whole = await client.messages.create(asking("say hello"));
  assert.equal(whole.content[0].text, HELLO);
  assert.equal(whole.usage.cache_creation.ephemeral_1h_input_tokens, 40);
  let text = "";
  const stream = client.messages.stream(asking("say hello")).on("text", (piece) => (text += piece));
  const message = await stream.finalMessage();
  assert.equal(text, HELLO);
  assert.equal(message.id, whole.id);
  assert.deepEqual(message.usage, whole.usage);
});

test("thinking", async () => {
  const stream = client.messages.stream(asking("think", { thinking: { type: "enabled", budget_tokens: 1024 } }));
  const message = await stream.finalMessage();
  assert.deepEqual(message.content.map((block) => block.type), ["thinking", "text"]);
  assert.equal(message.content[0].thinking, "Two and two make four, as far as I know.");
  assert.ok(message.content[0].signature);
});

test("tools there and back", async () => {
  const request = asking("what is the weather", { tools: [{ name: "get_weather", input_schema: { type: "object" } }] });
  const message = await client.messages.stream(request).finalMessage();
  const calls = message.content.filter((block) => block.type === "tool_use");
  assert.deepEqual(calls.map((call) => call.input), [{ city: "Paris", days: 3 }, { city: "Rome", days: 1 }]);
  request.messages.push(
    { role: "assistant", content: message.content },
    { role: "user", content: calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "sunny" })) },
  );
  assert.equal((await client.messages.create(request)).content[0].text, "It is sunny");
});

test("images", async () => {
  const source = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" };
  const message = await client.messages.create(asking([{ type: "image", source }]));
  assert.equal(message.content[0].text, "I see 1 of them.");
});

test("count and models", async () => {
  const { max_tokens, ...request } = asking("hello");
  assert.equal((await client.messages.countTokens(request)).input_tokens, 42);
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ["scripted-large", "scripted-small"]);
});

test("errors", async () => {
  for (const [status, kind] of [[400, Anthropic.BadRequestError], [403, Anthropic.PermissionDeniedError],
    [404, Anthropic.NotFoundError], [429, Anthropic.RateLimitError], [500, Anthropic.InternalServerError],
    [529, Anthropic.InternalServerError]]) {
    for (const stream of [false, true]) {
      await assert.rejects(client.messages.create(asking(`fail with ${status}`, { stream })), (error) => {
        assert.ok(error instanceof kind, `${error}`);
        assert.equal(error.status, status);
        assert.ok(error.requestID);
        return true;
      });
    }
  }
});

test("an error within a stream, and a stream that breaks off", async () => {
  await assert.rejects(client.messages.stream(asking("fail half-way")).finalMessage(), /overloaded_error/);
  await assert.rejects(client.messages.stream(asking("break off")).finalMessage());
});

// A gateway has keys of its own.
if (!process.env.KEY) {
  test("keys", async () => {
    await assert.rejects(made("key-unknown").messages.create(asking("say hello")), Anthropic.AuthenticationError);
    await assert.rejects(made("key-used-up").messages.create(asking("say hello")), Anthropic.RateLimitError);
  });
}

// The official Node client of OpenAI against the server at URL (with its /v1), with the key in KEY.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";

const made = (apiKey = process.env.KEY ?? "key-node") => new OpenAI({ baseURL: process.env.URL, apiKey, maxRetries: 0 });
const client = made();
const model = "scripted-large";
const asking = (content, more = {}) => ({ model, messages: [{ role: "user", content }], ...more });
const HELLO = "Hello, wörld! 👋 This is more than one chunk of text.";
const parameters = { type: "object", properties: { city: { type: "string" } } };

test("a completion and a stream of it", async () => {
  const whole = await client.chat.completions.create(asking("say hello"));
  assert.equal(whole.choices[0].message.content, HELLO);
  assert.equal(whole.usage.total_tokens, 2465);
  const stream = client.chat.completions.stream(asking("say hello", { stream_options: { include_usage: true } }));
  const streamed = await stream.finalChatCompletion();
  assert.equal(streamed.choices[0].message.content, HELLO);
  assert.deepEqual(streamed.usage, whole.usage);
  assert.equal(streamed.id, whole.id);
});

test("tools of a completion there and back", async () => {
  const request = asking("what is the weather", { tools: [{ type: "function", function: { name: "get_weather", parameters } }] });
  const message = (await client.chat.completions.stream(request).finalChatCompletion()).choices[0].message;
  assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments).city), ["Paris", "Rome"]);
  request.messages.push(message, ...message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "sunny" })));
  assert.equal((await client.chat.completions.create(request)).choices[0].message.content, "It is sunny");
});

test("a response and a stream of it", async () => {
  const whole = await client.responses.create({ model, input: "say hello" });
  assert.equal(whole.output_text, HELLO);
  const streamed = await client.responses.stream({ model, input: "say hello" }).finalResponse();
  assert.equal(streamed.output_text, HELLO);
  assert.deepEqual(streamed.usage, whole.usage);
  const thinking = await client.responses.stream({ model, input: "think" }).finalResponse();
  assert.equal(thinking.output[0].summary[0].text, "Two and two make four, as far as I know.");
});

test("tools of a response there and back", async () => {
  const request = { model, input: [{ role: "user", content: "what is the weather" }], tools: [{ type: "function", name: "get_weather", parameters, strict: false }] };
  const answer = await client.responses.stream(request).finalResponse();
  const calls = answer.output.filter((item) => item.type === "function_call");
  assert.deepEqual(calls.map((call) => JSON.parse(call.arguments).city), ["Paris", "Rome"]);
  request.input.push(...answer.output, ...calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: "sunny" })));
  assert.equal((await client.responses.create(request)).output_text, "It is sunny");
});

test("images", async () => {
  const url = "data:image/png;base64,iVBORw0KGgo=";
  const chat = await client.chat.completions.create(asking([{ type: "image_url", image_url: { url } }]));
  assert.equal(chat.choices[0].message.content, "I see 1 of them.");
  const input = [{ role: "user", content: [{ type: "input_image", image_url: url, detail: "auto" }] }];
  assert.equal((await client.responses.create({ model, input })).output_text, "I see 1 of them.");
});

test("responses over a WebSocket", async () => {
  const socket = new ResponsesWS(client);
  const events = [];
  socket.on("error", () => {});
  socket.send({ type: "response.create", model, input: "fail with 429" });
  socket.send({ type: "response.create", model, input: "say hello" });
  for await (const event of socket.stream()) {
    if (event.type === "message" || event.type === "error") events.push(event);
    if (event.message?.type === "response.completed") break;
  }
  socket.close();
  assert.equal(events[0].type, "error");
  assert.equal(events.at(-1).message.response.output[0].content[0].text, HELLO);
});

test("count and models", async () => {
  assert.equal((await client.responses.inputTokens.count({ model, input: "hello" })).input_tokens, 42);
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ["scripted-large", "scripted-small"]);
});

test("errors", async () => {
  for (const [status, kind] of [[400, OpenAI.BadRequestError], [403, OpenAI.PermissionDeniedError],
    [404, OpenAI.NotFoundError], [429, OpenAI.RateLimitError], [500, OpenAI.InternalServerError]]) {
    for (const stream of [false, true]) {
      await assert.rejects(client.chat.completions.create(asking(`fail with ${status}`, { stream })), kind);
      await assert.rejects(client.responses.create({ model, input: `fail with ${status}`, stream }), kind);
    }
  }
});

test("an error within a stream, and a stream that breaks off", async () => {
  const drain = async (text) => {
    for await (const _ of await client.chat.completions.create(asking(text, { stream: true })));
  };
  await assert.rejects(drain("fail half-way"), OpenAI.APIError);
  await assert.rejects(drain("break off"));
});

// A gateway has keys of its own.
if (!process.env.KEY) {
  test("keys", async () => {
    await assert.rejects(made("key-unknown").responses.create({ model, input: "say hello" }), OpenAI.AuthenticationError);
    await assert.rejects(made("key-used-up").responses.create({ model, input: "say hello" }), OpenAI.RateLimitError);
  });
}

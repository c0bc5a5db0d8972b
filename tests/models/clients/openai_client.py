"""The official Python client of OpenAI against the server at URL (with its /v1), with the key in KEY."""

import base64
import os
import unittest

import openai

URL = os.environ["URL"]
KEY = os.environ.get("KEY", "key-python")
MODEL = "scripted-large"
HELLO = "Hello, wörld! 👋 This is more than one chunk of text."
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 32).decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


def client(key=KEY):
    return openai.OpenAI(base_url=URL, api_key=key, max_retries=0)


def asking(text, **more):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


class Chat(unittest.TestCase):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]

    def test_a_completion_with_its_usage(self):
        answer = client().chat.completions.create(**asking("say hello"))
        self.assertEqual(answer.choices[0].message.content, HELLO)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        usage = answer.usage
        self.assertEqual((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (2440, 25, 2465))
        self.assertEqual(usage.prompt_tokens_details.cached_tokens, 2000)
        self.assertEqual(usage.prompt_tokens_details.cache_write_tokens, 340)
        self.assertTrue(answer._request_id)

    def test_a_stream_with_usage(self):
        more = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = list(client().chat.completions.create(**asking("say hello", **more)))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, HELLO)
        self.assertEqual([chunk.usage for chunk in chunks[:-1]], [None] * (len(chunks) - 1))
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.total_tokens, 2465)
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_a_stream_without_usage(self):
        chunks = list(client().chat.completions.create(**asking("say hello", stream=True)))
        self.assertTrue(all(chunk.choices and "usage" not in chunk.to_dict() for chunk in chunks))
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")

    def test_reasoning(self):
        with client().chat.completions.stream(**asking("think", stream_options={"include_usage": True})) as stream:
            answer = stream.get_final_completion()
        self.assertEqual(answer.choices[0].message.content, "Four.")
        self.assertEqual(answer.usage.completion_tokens_details.reasoning_tokens, 20)
        whole = client().chat.completions.create(**asking("think"))
        self.assertEqual(whole.choices[0].message.reasoning_content, "Two and two make four, as far as I know.")

    def test_tools_there_and_back(self):
        request = asking("what is the weather", tools=self.tools)
        whole = client().chat.completions.create(**request)
        with client().chat.completions.stream(**request) as stream:
            answer = stream.get_final_completion()
        message = answer.choices[0].message
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertEqual(
            [call.function.arguments for call in message.tool_calls],
            ['{"city":"Paris","days":3}', '{"city":"Rome","days":1}'],
        )
        ids = [call.id for call in message.tool_calls]
        self.assertEqual(ids, [call.id for call in whole.choices[0].message.tool_calls])
        request["messages"] += [whole.choices[0].message]
        request["messages"] += [{"role": "tool", "tool_call_id": id, "content": "sunny"} for id in ids]
        answer = client().chat.completions.create(**request)
        self.assertEqual(answer.choices[0].message.content, "It is sunny")

    def test_images(self):
        content = [{"type": "image_url", "image_url": {"url": PIXEL}}, {"type": "text", "text": "what is it"}]
        answer = client().chat.completions.create(**asking(content))
        self.assertEqual(answer.choices[0].message.content, "I see 1 of them.")

    def test_the_limit_of_tokens(self):
        answer = client().chat.completions.create(**asking("be brief"))
        self.assertEqual(answer.choices[0].finish_reason, "length")

    def test_a_compressed_stream(self):
        with client().chat.completions.stream(**asking("compress")) as stream:
            answer = stream.get_final_completion()
        self.assertEqual(answer.choices[0].message.content, "Small but many, small but many, small but many.")

    def test_errors(self):
        for status, kind, code in [
            (400, openai.BadRequestError, None),
            (403, openai.PermissionDeniedError, "unsupported_country_region_territory"),
            (404, openai.NotFoundError, "model_not_found"),
            (429, openai.RateLimitError, "rate_limit_exceeded"),
            (500, openai.InternalServerError, "server_error"),
        ]:
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(kind) as raised:
                    client().chat.completions.create(**asking(f"fail with {status}"), stream=stream)
                self.assertEqual(raised.exception.code, code)
                self.assertTrue(raised.exception.request_id)

    def test_an_error_within_a_stream(self):
        with self.assertRaises(openai.APIError) as raised:
            list(client().chat.completions.create(**asking("fail half-way", stream=True)))
        self.assertEqual(raised.exception.code, "server_error")

    def test_a_stream_that_breaks_off(self):
        with self.assertRaises(openai.APIConnectionError):
            list(client().chat.completions.create(**asking("break off", stream=True)))


class Responses(unittest.TestCase):
    tools = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}]

    def test_a_response_with_its_usage(self):
        answer = client().responses.create(model=MODEL, input="say hello")
        self.assertEqual(answer.output_text, HELLO)
        self.assertEqual(answer.status, "completed")
        usage = answer.usage
        self.assertEqual((usage.input_tokens, usage.output_tokens, usage.total_tokens), (2440, 25, 2465))
        self.assertEqual(usage.input_tokens_details.cached_tokens, 2000)

    def test_a_stream_adds_up_to_the_response(self):
        with client().responses.stream(model=MODEL, input="say hello") as stream:
            events = list(stream)
            answer = stream.get_final_response()
        self.assertEqual([event.sequence_number for event in events if hasattr(event, "sequence_number")][:3], [0, 1, 2])
        self.assertEqual(events[0].type, "response.created")
        self.assertEqual(events[-1].type, "response.completed")
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        self.assertEqual(text, HELLO)
        self.assertEqual(answer.output_text, HELLO)
        self.assertEqual(answer.id, client().responses.create(model=MODEL, input="say hello").id)

    def test_reasoning(self):
        with client().responses.stream(model=MODEL, input="think") as stream:
            answer = stream.get_final_response()
        reasoning, message = answer.output
        self.assertEqual(reasoning.summary[0].text, "Two and two make four, as far as I know.")
        self.assertEqual(message.content[0].text, "Four.")
        self.assertEqual(answer.usage.output_tokens_details.reasoning_tokens, 20)

    def test_tools_there_and_back(self):
        request = {"model": MODEL, "input": [{"role": "user", "content": "what is the weather"}], "tools": self.tools}
        whole = client().responses.create(**request)
        with client().responses.stream(**request) as stream:
            answer = stream.get_final_response()
        calls = [item for item in answer.output if item.type == "function_call"]
        self.assertEqual(
            [call.arguments for call in calls], ['{"city":"Paris","days":3}', '{"city":"Rome","days":1}']
        )
        self.assertEqual([item.to_dict() for item in whole.output if item.type == "function_call"][0]["call_id"], calls[0].call_id)
        request["input"] += [item.to_dict() for item in whole.output]
        request["input"] += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls
        ]
        self.assertEqual(client().responses.create(**request).output_text, "It is sunny")

    def test_images(self):
        content = [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}, {"type": "input_text", "text": "what"}]
        answer = client().responses.create(model=MODEL, input=[{"role": "user", "content": content}])
        self.assertEqual(answer.output_text, "I see 1 of them.")

    def test_the_limit_of_tokens(self):
        answer = client().responses.create(model=MODEL, input="be brief")
        self.assertEqual((answer.status, answer.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        kinds = [event.type for event in client().responses.create(model=MODEL, input="be brief", stream=True)]
        self.assertEqual(kinds[-1], "response.incomplete")

    def test_count_and_models(self):
        counted = client().responses.input_tokens.count(model=MODEL, input="hello")
        self.assertEqual(counted.input_tokens, 42)
        self.assertEqual([model.id for model in client().models.list()], ["scripted-large", "scripted-small"])
        self.assertEqual(client().models.retrieve("scripted-small").owned_by, "scripted")
        with self.assertRaises(openai.NotFoundError):
            client().models.retrieve("nothing")

    def test_errors(self):
        for status, kind in [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.APIStatusError)]:
            with self.subTest(status=status), self.assertRaises(kind):
                client().responses.create(model=MODEL, input=f"fail with {status}", stream=True)

    def test_an_error_within_a_stream(self):
        last = list(client().responses.create(model=MODEL, input="fail half-way", stream=True))[-1]
        self.assertEqual(last.type, "response.failed")
        self.assertEqual(last.response.error.code, "server_error")


class WebSocket(unittest.TestCase):
    def ask(self, connection, text, **more):
        connection.response.create(model=MODEL, input=text, **more)
        events = []
        for event in connection:
            events.append(event)
            if event.type in ("response.completed", "response.failed", "response.incomplete", "error"):
                return events

    def test_two_responses_over_one_connection(self):
        with client().responses.connect() as connection:
            events = self.ask(connection, "say hello")
            self.assertEqual(events[0].type, "response.created")
            self.assertEqual(events[-1].response.output[0].content[0].text, HELLO)
            self.assertEqual(events[-1].response.usage.total_tokens, 2465)
            events = self.ask(connection, "think")
            self.assertEqual(events[-1].response.output[1].content[0].text, "Four.")

    def test_the_same_events_as_over_http(self):
        over_http = [event.to_dict() for event in client().responses.create(model=MODEL, input="weather", stream=True)]
        with client().responses.connect() as connection:
            over_socket = [event.to_dict() for event in self.ask(connection, "weather")]
        self.assertEqual(over_socket, over_http)

    def test_an_error_leaves_the_connection_open(self):
        with client().responses.connect() as connection:
            events = self.ask(connection, "fail with 429")
            self.assertEqual((events[-1].type, events[-1].error.code), ("error", "rate_limit_exceeded"))
            self.assertEqual(self.ask(connection, "say hello")[-1].type, "response.completed")

    def test_a_connection_that_breaks_off(self):
        with client().responses.connect() as connection:
            connection.response.create(model=MODEL, input="break off")
            with self.assertRaises(Exception) as raised:
                for event in connection:
                    self.assertNotEqual(event.type, "response.completed")
            self.assertIn("Closed", type(raised.exception).__name__)


class Keys(unittest.TestCase):
    def test_a_key_that_is_unknown_and_one_that_is_used_up(self):
        with self.assertRaises(openai.AuthenticationError) as raised:
            client("key-unknown").chat.completions.create(**asking("say hello"))
        self.assertEqual(raised.exception.code, "invalid_api_key")
        with self.assertRaises(openai.RateLimitError) as raised:
            client("key-used-up").responses.create(model=MODEL, input="say hello")
        self.assertEqual(raised.exception.type, "usage_limit_reached")
        self.assertGreater(raised.exception.body["resets_in_seconds"], 0)
        with self.assertRaises(Exception) as raised:
            with client("key-unknown").responses.connect() as connection:
                connection.recv()
        self.assertIn("401", str(raised.exception))
        raw = client().chat.completions.with_raw_response.create(**asking("say hello"))
        self.assertEqual(raw.headers["x-ratelimit-remaining-requests"], "999")


# A gateway has keys of its own.
if "KEY" in os.environ:
    del Keys

if __name__ == "__main__":
    unittest.main()

"""The official Python client of Anthropic against the server at URL, with the key in KEY."""

import base64
import os
import unittest

import anthropic

URL = os.environ["URL"]
KEY = os.environ.get("KEY", "key-python")
TOOLS = [
    {
        "name": "get_weather",
        "description": "Tells the weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    }
]
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 32).decode()


def client(key=KEY):
    return anthropic.Anthropic(base_url=URL, api_key=key, max_retries=0)


def asking(text, **more):
    return {"model": "scripted-large", "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


class Anthropic(unittest.TestCase):
    def test_a_message_with_its_usage(self):
        message = client().messages.create(**asking("say hello"))
        self.assertEqual(message.content[0].text, "Hello, wörld! 👋 This is more than one chunk of text.")
        self.assertEqual(message.stop_reason, "end_turn")
        self.assertEqual(message.model, "scripted-large")
        usage = message.usage
        self.assertEqual((usage.input_tokens, usage.output_tokens), (100, 25))
        self.assertEqual((usage.cache_read_input_tokens, usage.cache_creation_input_tokens), (2000, 340))
        self.assertEqual(usage.cache_creation.ephemeral_5m_input_tokens, 300)
        self.assertEqual(usage.cache_creation.ephemeral_1h_input_tokens, 40)
        self.assertTrue(message._request_id.startswith("req_"))

    def test_a_stream_adds_up_to_the_message(self):
        whole = client().messages.create(**asking("say hello"))
        with client().messages.stream(**asking("say hello")) as stream:
            pieces = list(stream.text_stream)
            message = stream.get_final_message()
        self.assertGreater(len(pieces), 5)
        self.assertEqual("".join(pieces), whole.content[0].text)
        self.assertEqual(message.usage.to_dict(), whole.usage.to_dict())
        self.assertEqual(message.id, whole.id)

    def test_raw_events_in_their_order(self):
        kinds = [event.type for event in client().messages.create(**asking("be brief"), stream=True)]
        self.assertEqual(kinds[0], "message_start")
        self.assertEqual(kinds[1], "content_block_start")
        self.assertEqual(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])

    def test_thinking(self):
        more = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        with client().messages.stream(**asking("think", **more)) as stream:
            message = stream.get_final_message()
        thinking, text = message.content
        self.assertEqual(thinking.thinking, "Two and two make four, as far as I know.")
        self.assertTrue(thinking.signature)
        self.assertEqual(text.text, "Four.")
        self.assertEqual(message.usage.output_tokens_details.thinking_tokens, 20)
        whole = client().messages.create(**asking("think", **more))
        self.assertEqual([block.to_dict() for block in whole.content], [block.to_dict() for block in message.content])

    def test_tools_there_and_back(self):
        request = asking("what is the weather", tools=TOOLS)
        whole = client().messages.create(**request)
        with client().messages.stream(**request) as stream:
            message = stream.get_final_message()
        self.assertEqual(message.stop_reason, "tool_use")
        calls = [block for block in message.content if block.type == "tool_use"]
        self.assertEqual([call.input for call in calls], [{"city": "Paris", "days": 3}, {"city": "Rome", "days": 1}])
        self.assertEqual([call.id for call in calls], [block.id for block in whole.content if block.type == "tool_use"])
        self.assertNotEqual(calls[0].id, calls[1].id)
        request["messages"] += [
            {"role": "assistant", "content": message.content},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls],
            },
        ]
        self.assertEqual(client().messages.create(**request).content[0].text, "It is sunny")

    def test_images(self):
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        content = [{"type": "image", "source": source}, {"type": "text", "text": "what is it"}]
        message = client().messages.create(**asking(content))
        self.assertEqual(message.content[0].text, "I see 1 of them.")

    def test_the_limit_of_tokens(self):
        self.assertEqual(client().messages.create(**asking("be brief")).stop_reason, "max_tokens")

    def test_a_compressed_stream(self):
        with client().messages.stream(**asking("compress")) as stream:
            self.assertEqual(stream.get_final_text(), "Small but many, small but many, small but many.")
            self.assertEqual(stream.response.headers["content-encoding"], "gzip")

    def test_count_and_models(self):
        request = asking("hello")
        del request["max_tokens"]
        self.assertEqual(client().messages.count_tokens(**request).input_tokens, 42)
        self.assertEqual([model.id for model in client().models.list()], ["scripted-large", "scripted-small"])
        self.assertEqual(client().models.retrieve("scripted-small").display_name, "scripted-small")
        with self.assertRaises(anthropic.NotFoundError):
            client().models.retrieve("nothing")

    def test_the_beta_interface(self):
        with client().beta.messages.stream(**asking("say hello", betas=["context-1m-2025-08-07"])) as stream:
            self.assertIn("Hello", stream.get_final_text())

    def test_errors(self):
        for status, kind, name in [
            (400, anthropic.BadRequestError, "invalid_request_error"),
            (403, anthropic.PermissionDeniedError, "permission_error"),
            (404, anthropic.NotFoundError, "not_found_error"),
            (429, anthropic.RateLimitError, "rate_limit_error"),
            (500, anthropic.InternalServerError, "api_error"),
            (529, anthropic.APIStatusError, "overloaded_error"),
        ]:
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(kind) as raised:
                    client().messages.create(**asking(f"fail with {status}"), stream=stream)
                self.assertEqual(raised.exception.status_code, status)
                self.assertEqual(raised.exception.type, name)
                self.assertTrue(raised.exception.request_id)
                if status == 429:
                    self.assertEqual(raised.exception.response.headers["retry-after"], "7")

    def test_an_error_within_a_stream(self):
        with self.assertRaises(anthropic.APIStatusError) as raised:
            with client().messages.stream(**asking("fail half-way")) as stream:
                stream.until_done()
        self.assertEqual(raised.exception.body["error"]["type"], "overloaded_error")

    def test_a_stream_that_breaks_off(self):
        with self.assertRaises(Exception) as raised:
            with client().messages.stream(**asking("break off")) as stream:
                stream.until_done()
        self.assertIn("incomplete chunked read", str(raised.exception))


class Keys(unittest.TestCase):
    def test_a_key_that_is_unknown_and_one_that_is_used_up(self):
        with self.assertRaises(anthropic.AuthenticationError):
            client("key-unknown").messages.create(**asking("say hello"))
        with self.assertRaises(anthropic.RateLimitError) as raised:
            client("key-used-up").messages.create(**asking("say hello"))
        headers = raised.exception.response.headers
        self.assertEqual(headers["anthropic-ratelimit-unified-status"], "rejected")
        self.assertGreater(int(headers["anthropic-ratelimit-unified-reset"]), 1_700_000_000)
        raw = client().messages.with_raw_response.create(**asking("say hello"))
        self.assertEqual(raw.headers["anthropic-ratelimit-requests-remaining"], "999")


# A gateway has keys of its own.
if "KEY" in os.environ:
    del Keys

if __name__ == "__main__":
    unittest.main()

"""The official Python client of Gemini against the server at URL, with the key in KEY."""

import functools
import os
import unittest

from google import genai
from google.genai import errors, types

URL = os.environ["URL"]
KEY = os.environ.get("KEY", "key-python")
MODEL = "scripted-large"
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(
                name="get_weather",
                description="Tells the weather",
                parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}},
            )
        ]
    )
]


# A client that is dropped closes its connections, also where an answer still needs them.
@functools.cache
def client(key=KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))


def generate(contents, config=None, key=KEY):
    return client(key).models.generate_content(model=MODEL, contents=contents, config=config)


def stream(contents, config=None):
    return list(client().models.generate_content_stream(model=MODEL, contents=contents, config=config))


class Google(unittest.TestCase):
    def test_an_answer_with_its_usage(self):
        answer = generate("say hello")
        self.assertEqual(answer.text, "Hello, wörld! 👋 This is more than one chunk of text.")
        self.assertEqual(answer.candidates[0].finish_reason, types.FinishReason.STOP)
        usage = answer.usage_metadata
        self.assertEqual((usage.prompt_token_count, usage.candidates_token_count), (2440, 25))
        self.assertEqual((usage.cached_content_token_count, usage.total_token_count), (2000, 2465))
        self.assertEqual(answer.model_version, MODEL)

    def test_a_stream_adds_up_to_the_answer(self):
        chunks = stream("say hello")
        self.assertGreater(len(chunks), 5)
        self.assertEqual("".join(chunk.text or "" for chunk in chunks), generate("say hello").text)
        self.assertEqual(chunks[-1].usage_metadata.total_token_count, 2465)
        self.assertEqual({chunk.response_id for chunk in chunks}, {generate("say hello").response_id})

    def test_thinking(self):
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
        chunks = stream("think", config)
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
        thought = "".join(part.text for part in parts if part.thought)
        self.assertEqual(thought, "Two and two make four, as far as I know.")
        self.assertEqual("".join(part.text for part in parts if not part.thought), "Four.")
        self.assertEqual(chunks[-1].usage_metadata.thoughts_token_count, 20)
        self.assertEqual(chunks[-1].usage_metadata.candidates_token_count, 10)

    def test_tools_there_and_back(self):
        config = types.GenerateContentConfig(
            tools=TOOLS, automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
        )
        answer = generate("what is the weather", config)
        calls = answer.function_calls
        self.assertEqual([call.args for call in calls], [{"city": "Paris", "days": 3}, {"city": "Rome", "days": 1}])
        streamed = [call for chunk in stream("what is the weather", config) for call in chunk.function_calls or []]
        self.assertEqual([call.id for call in streamed], [call.id for call in calls])
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"sky": "sunny"}))
            for call in calls
        ]
        contents = [
            types.Content(role="user", parts=[types.Part(text="what is the weather")]),
            answer.candidates[0].content,
            types.Content(role="user", parts=results),
        ]
        self.assertEqual(generate(contents, config).text, 'It is {"sky":"sunny"}')

    def test_images(self):
        image = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
        self.assertEqual(generate([image, "what is it"]).text, "I see 1 of them.")

    def test_the_limit_of_tokens(self):
        self.assertEqual(generate("be brief").candidates[0].finish_reason, types.FinishReason.MAX_TOKENS)

    def test_a_compressed_stream(self):
        text = "".join(chunk.text or "" for chunk in stream("compress"))
        self.assertEqual(text, "Small but many, small but many, small but many.")

    def test_count_and_models(self):
        counted = client().models.count_tokens(model=MODEL, contents="hello")
        self.assertEqual(counted.total_tokens, 42)
        names = [model.name for model in client().models.list()]
        self.assertEqual(names, ["models/scripted-large", "models/scripted-small"])
        self.assertEqual(client().models.get(model="scripted-small").display_name, "scripted-small")
        with self.assertRaises(errors.ClientError):
            client().models.get(model="nothing")

    def test_errors(self):
        for status, kind, name in [
            (400, errors.ClientError, "INVALID_ARGUMENT"),
            (403, errors.ClientError, "PERMISSION_DENIED"),
            (404, errors.ClientError, "NOT_FOUND"),
            (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
            (500, errors.ServerError, "INTERNAL"),
        ]:
            for ask in (generate, stream):
                with self.subTest(status=status, ask=ask), self.assertRaises(kind) as raised:
                    ask(f"fail with {status}")
                self.assertEqual(raised.exception.code, status)
                self.assertEqual(raised.exception.status, name)

    def test_an_error_within_a_stream(self):
        with self.assertRaises(errors.APIError):
            stream("fail half-way")

    def test_a_stream_that_breaks_off(self):
        with self.assertRaises(Exception) as raised:
            stream("break off")
        self.assertIn("incomplete chunked read", str(raised.exception))


class Keys(unittest.TestCase):
    def test_a_key_that_is_unknown_and_one_that_is_used_up(self):
        with self.assertRaises(errors.ClientError) as raised:
            generate("say hello", key="key-unknown")
        self.assertEqual(raised.exception.code, 400)
        self.assertIn("API key not valid", raised.exception.message)
        with self.assertRaises(errors.ClientError) as raised:
            generate("say hello", key="key-used-up")
        self.assertEqual(raised.exception.code, 429)
        self.assertTrue(raised.exception.details["error"]["details"][0]["retryDelay"].endswith("s"))


# A gateway has keys of its own.
if "KEY" in os.environ:
    del Keys

if __name__ == "__main__":
    unittest.main()

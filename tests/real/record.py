"""Writes what a model server says, byte for byte, into a folder: bodies as they came, `index.json` for all the rest.

    python tests/real/record.py ADDRESS FOLDER plain|tools|embeddings|loading|transformers

    index.json   {name: {method, path, request, status, headers, file, segments}}
                 `segments`: how many bytes each HTTP chunk held; they add up to the file

The prompts are harmless, the seed is fixed. Ids, times and the model's words differ from run to run.
`tools` and `embeddings` want a server started with that flag, `loading` one that comes up while this asks for it.
"""

import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

HELLO = [{"role": "user", "content": "Say hello."}]
FIXED = {"model": "smollm2", "temperature": 0, "seed": 1}
SHORT = {**FIXED, "max_tokens": 8}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
ABOUT = "The weather of a city"
TOOL = {"type": "function", "function": {"name": "weather", "description": ABOUT, "parameters": PARAMETERS}}
CITIES = {"Rome": "Sunny.", "Paris": "Rain.", "Kyiv": "Snow."}
OSLO = {"role": "user", "content": "What is the weather in Oslo?"}


def shown(turns):
    """An example in each city, then the question: so small a model calls only what it has seen called."""
    before = [turn for at, (city, said) in enumerate(CITIES.items()) for turn in turns(f"call_{at}", city, said)]
    return [*before, OSLO]


def chat_turns(name, city, said):
    call = {"id": name, "type": "function", "function": {"name": "weather", "arguments": json.dumps({"city": city})}}
    return [
        {"role": "user", "content": f"What is the weather in {city}?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": name, "content": said},
        {"role": "assistant", "content": said},
    ]


def native_turns(name, city, said):
    return [
        {"role": "user", "content": f"What is the weather in {city}?"},
        {"type": "function_call", "call_id": name, "name": "weather", "arguments": json.dumps({"city": city})},
        {"type": "function_call_output", "call_id": name, "output": said},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]},
    ]


def block_turns(name, city, said):
    return [
        {"role": "user", "content": f"What is the weather in {city}?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": name, "name": "weather", "input": {"city": city}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": said}]},
        {"role": "assistant", "content": said},
    ]


TOOLS = {**FIXED, "max_tokens": 64, "messages": shown(chat_turns), "tools": [TOOL], "tool_choice": "required"}
FORM = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS}}
SAID = {**SHORT, "messages": HELLO}
STREAM = {"stream": True}
WITH_USAGE = {**STREAM, "stream_options": {"include_usage": True}}
NATIVE = {"model": "smollm2", "max_output_tokens": 8, "input": "Say hello.", "temperature": 0}
CALLS = {
    **NATIVE,
    "max_output_tokens": 64,
    "input": shown(native_turns),
    "tools": [{"type": "function", **TOOL["function"]}],
    "tool_choice": "required",
}
USES = {
    **FIXED,
    "max_tokens": 64,
    "messages": shown(block_turns),
    "tools": [{"name": "weather", "description": ABOUT, "input_schema": PARAMETERS}],
    "tool_choice": {"type": "any"},
}
CHAT, TEXT, RESPONSES, MESSAGES, VECTORS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/embeddings",
)
LONG = [{"role": "user", "content": "word " * 6000}]

DIALOGUES = {
    "models": (None, "/v1/models"),
    "chat": (SAID, CHAT),
    "chat_stream": ({**SAID, **WITH_USAGE}, CHAT),
    "chat_stream_no_usage": ({**SAID, **STREAM}, CHAT),
    "chat_stop": ({**SAID, "max_tokens": 64}, CHAT),
    "chat_stop_stream": ({**SAID, "max_tokens": 64, **STREAM}, CHAT),
    "chat_two": ({**SAID, "n": 2}, CHAT),
    "chat_two_stream": ({**SAID, "n": 2, **STREAM}, CHAT),
    "chat_logprobs": ({**SAID, "max_tokens": 3, "logprobs": True, "top_logprobs": 2}, CHAT),
    "chat_logprobs_stream": ({**SAID, "max_tokens": 3, "logprobs": True, "top_logprobs": 2, **STREAM}, CHAT),
    "chat_json": ({**SAID, "max_tokens": 32, "response_format": FORM}, CHAT),
    "chat_json_stream": ({**SAID, "max_tokens": 32, "response_format": FORM, **STREAM}, CHAT),
    "text": ({**SHORT, "prompt": "Once upon a time"}, TEXT),
    "text_stream": ({**SHORT, "prompt": "Once upon a time", **WITH_USAGE}, TEXT),
    "text_list": ({**SHORT, "prompt": ["Once upon", "The sea is"]}, TEXT),
    "text_list_stream": ({**SHORT, "prompt": ["Once upon", "The sea is"], **STREAM}, TEXT),
    "text_logprobs": ({**SHORT, "max_tokens": 3, "prompt": "Once", "logprobs": 2}, TEXT),
    "text_echo": ({**SHORT, "prompt": "Once upon a time", "echo": True}, TEXT),
    "responses": (NATIVE, RESPONSES),
    "responses_stream": ({**NATIVE, **STREAM}, RESPONSES),
    "responses_stop_stream": ({**NATIVE, "max_output_tokens": 64, **STREAM}, RESPONSES),
    "messages": ({**SHORT, "messages": HELLO}, MESSAGES),
    "messages_stream": ({**SHORT, "messages": HELLO, **STREAM}, MESSAGES),
    "messages_stop_stream": ({**SHORT, "max_tokens": 64, "messages": HELLO, **STREAM}, MESSAGES),
    "messages_count": ({"model": "smollm2", "messages": HELLO}, "/v1/messages/count_tokens"),
    "error_no_messages": ({"model": "smollm2"}, CHAT),
    "error_not_json": ("{", CHAT),
    "error_too_long": ({**SHORT, "messages": LONG}, CHAT),
    "error_too_long_stream": ({**SHORT, "messages": LONG, **STREAM}, CHAT),
    "error_text_no_prompt": ({"model": "smollm2"}, TEXT),
    "error_responses": ({"model": "smollm2"}, RESPONSES),
    "error_responses_stateful": ({**NATIVE, "previous_response_id": "resp_1"}, RESPONSES),
    "error_messages": ({"model": "smollm2"}, MESSAGES),
    "error_messages_too_long_stream": ({**SHORT, "messages": LONG, **STREAM}, MESSAGES),
    "error_responses_too_long_stream": ({**NATIVE, "input": "word " * 6000, **STREAM}, RESPONSES),
    "error_embeddings_off": ({"model": "smollm2", "input": "hello"}, VECTORS),
    "error_unknown_path": (None, "/v1/nothing"),
}
WITH_TOOLS = {
    "chat_tools": (TOOLS, CHAT),
    "chat_tools_stream": ({**TOOLS, **WITH_USAGE}, CHAT),
    "responses_tools": (CALLS, RESPONSES),
    "responses_tools_stream": ({**CALLS, **STREAM}, RESPONSES),
    "messages_tools": (USES, MESSAGES),
    "messages_tools_stream": ({**USES, **STREAM}, MESSAGES),
}
WITH_VECTORS = {
    "embeddings": ({"model": "smollm2", "input": "hello"}, VECTORS),
    "embeddings_list": ({"model": "smollm2", "input": ["hello", "sea"], "encoding_format": "base64"}, VECTORS),
}
LOADING = {
    "loading_chat": (SAID, CHAT),
    "loading_chat_stream": ({**SAID, **STREAM}, CHAT),
    "loading_messages": ({**SHORT, "messages": HELLO}, MESSAGES),
    "loading_models": (None, "/v1/models"),
}
# What `transformers serve` has of them.
_SERVED = ("models", "chat", "chat_stream", "text", "text_stream", "error_no_messages", "error_not_json")
TRANSFORMERS = {name: DIALOGUES[name] for name in (*_SERVED, "error_unknown_path")}
GROUPS = {
    "transformers": TRANSFORMERS,
    "plain": DIALOGUES,
    "tools": WITH_TOOLS,
    "embeddings": WITH_VECTORS,
    "loading": LOADING,
}


def segments_of(answered):
    """The body in the pieces of its transfer coding; whole where it has none."""
    if not answered.chunked:
        return [answered.read()]
    pieces = []
    while size := int(answered.fp.readline().split(b";")[0], 16):
        pieces.append(answered.fp.read(size))
        answered.fp.readline()
    return pieces


def ask(address, spoken, path):
    """One dialogue: (status, headers, segments)."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    body = spoken if spoken is None or isinstance(spoken, str) else json.dumps(spoken)
    connection.request("GET" if spoken is None else "POST", path, body, {"content-type": "application/json"})
    answered = connection.getresponse()
    headers = {name.lower(): value for name, value in answered.getheaders()}
    segments = segments_of(answered)
    connection.close()
    return answered.status, headers, segments


def entry(name, spoken, path, said):
    status, headers, segments = said
    kind = "sse" if headers.get("content-type", "").startswith("text/event-stream") else "json"
    asked = spoken if not isinstance(spoken, dict) or len(json.dumps(spoken)) < 2000 else "too long to keep"
    return {
        "method": "GET" if spoken is None else "POST",
        "path": path,
        "request": asked,
        "status": status,
        "headers": headers,
        "file": f"{name}.{kind}",
        "segments": [len(piece) for piece in segments],
    }


def when_up(address, spoken, path):
    """Asks until somebody listens; the first answer counts, whatever it says."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return ask(address, spoken, path)
        except ConnectionRefusedError:
            continue
    sys.exit(f"nobody listens at {address}")


def main():
    address, folder, group = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    file = folder / "index.json"
    index = json.loads(file.read_text()) if file.exists() else {}
    for name, (spoken, path) in GROUPS[group].items():
        said = when_up(address, spoken, path)
        index[name] = entry(name, spoken, path, said)
        (folder / index[name]["file"]).write_bytes(b"".join(said[2]))
        print(said[0], name, len(said[2]))
    file.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

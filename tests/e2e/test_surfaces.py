"""Every surface, plain and streamed, every action: header, record, counter and the upstream's hits agree."""

import pytest

from guardproxy.testing.scripts import completion, continuation, continuation_stream, stream_of, vectors

PHRASES = {
    "allow": "a heron",
    "shadow": "a paper submarine",
    "warn": "a garden ladder",
    "redact": "captain turnip",
    "refuse": "bluefinch",
}
CHAT, TEXT, VECTORS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
SCRIPTS = {
    (CHAT, False): completion("Fine."),
    (CHAT, True): stream_of(["Fine."]),
    (TEXT, False): continuation("Fine."),
    (TEXT, True): continuation_stream(["Fine."]),
    (VECTORS, False): vectors(),
}
NAMES = {CHAT: "chat_completions", TEXT: "completions", VECTORS: "embeddings"}


def body_of(path, text):
    fields = {CHAT: {"messages": [{"role": "user", "content": text}]}, TEXT: {"prompt": text}, VECTORS: {"input": text}}
    return {"model": "m", **fields[path]}


@pytest.mark.parametrize("action", PHRASES)
@pytest.mark.parametrize(("path", "stream"), SCRIPTS)
def test_all_places_say_the_same(proxy, path, stream, action):
    proxy.upstream.answer_with(SCRIPTS[path, stream])
    shown = "allow" if action == "shadow" else action
    labels = {"surface": NAMES[path], "outcome": shown}
    counted, hits = proxy.counted(**labels), proxy.upstream.hits
    answered = proxy.post(path, body_of(path, PHRASES[action]) | ({"stream": True} if stream else {}))
    line = proxy.record(answered)
    assert answered.headers["x-guardproxy-decision"] == line["outcome"] == shown
    assert (line["surface"], line["stream"], line["status"]) == (NAMES[path], stream, answered.status_code)
    assert answered.status_code == (400 if path == VECTORS and action == "refuse" else 200)
    assert proxy.counted(**labels) == counted + 1
    assert proxy.upstream.hits == hits + (action != "refuse")

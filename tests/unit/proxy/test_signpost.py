"""A caller who comes to the wrong door hears which one was meant, or why there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.proxy.signpost import sign

CHAT, TEXT, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/messages"
SERVED = (CHAT, TEXT, MESSAGES, "/v1/responses", "/v1/guard/check", "/api/v1/text/contents", "/v1/models")


@pytest.mark.parametrize(
    ("path", "near", "why"),
    [
        ("/chat/completions", CHAT, "must end in /v1"),
        ("/v1/v1/chat/completions", CHAT, "/v1 twice"),
        ("/v1/v1/v1/messages", MESSAGES, ""),
        ("/v1/chat/completions/", CHAT, "slash"),
        ("/V1/Chat/Completions", CHAT, "lower case"),
        ("//v1//chat/completions", CHAT, ""),
        ("/models", "/v1/models", "must end in /v1"),
        ("/guard/check/", "/v1/guard/check", ""),
        ("/api/v1/text/contents/", "/api/v1/text/contents", "slash"),
        ("/api/v1/chat/completions", CHAT, ""),
        ("/openai/deployments/gpt/chat/completions", CHAT, ""),
        ("/v1/engines/davinci/completions", TEXT, ""),
        ("/v1/messages/count_tokens", MESSAGES, "counting"),
        ("/v1/messages/batches", MESSAGES, "batches"),
        ("/v1/responses/resp_1/cancel", "/v1/responses", "model server"),
        ("/v1/chat/completions/c1", CHAT, "model server"),
        ("/health", "/healthz", ""),
    ],
)
def test_the_path_that_was_meant(path, near, why):
    found = sign(path, SERVED)
    assert found.near == near
    assert why in found.why
    assert f"did you mean {near}?" in str(found)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/v1/audio/speech", "sound"),
        ("/v1/images/generations", "pictures"),
        ("/v1/files", "files"),
        ("/v1/batches", "unchecked"),
        ("/v1/assistants", "model server"),
        ("/v1/threads/t1/messages", "model server"),
        ("/v1/realtime", "spoken"),
        ("/v1/fine_tuning/jobs", "training"),
        ("/tokenize", "past the checks"),
        ("/v1/score", "past the checks"),
        ("/api/chat", "Ollama"),
        ("/api/v1", "Ollama"),
        ("/metrics", "admin port"),
        ("/docs", "no such pages"),
        ("/v1", "base URL ends in /v1"),
        ("/v1/", "base URL ends in /v1"),
    ],
)
def test_why_there_is_none(path, why):
    found = sign(path, SERVED)
    assert (found.near, why in found.why) == ("", True)
    assert "did you mean" not in str(found)


@pytest.mark.parametrize("path", ["/secret/stuff", "/v1/", "/", "", "/v1/chat", "/x" * 4000])
def test_nothing_of_the_path_is_repeated(path):
    assert "secret" not in str(sign(path, SERVED))
    assert len(str(sign(path, SERVED))) < 200


WORDS = st.sampled_from(["v1", "chat", "completions", "messages", "api", "openai", "models", "x", "", "Responses"])


@given(st.lists(WORDS).map("/".join) | st.text())
def test_every_path_has_a_sign(path):
    found = sign(path, SERVED)
    assert found.near in (*SERVED, "/healthz", "/readyz", "")

"""One row a surface."""

import pytest

from guardproxy.observe.metrics import Labels
from guardproxy.wire.body import Limits
from guardproxy.wire.surface import SURFACES


@pytest.mark.parametrize(
    ("path", "name", "upstream_path", "body"),
    [
        ("/v1/chat/completions", "chat_completions", "/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/completions", "completions", "/completions", {"prompt": "hi"}),
        ("/v1/messages", "messages", "/messages", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/responses", "responses", "/responses", {"input": "hi"}),
        ("/v1/embeddings", "embeddings", "/embeddings", {"input": "hi"}),
    ],
)  # fmt: skip
def test_a_surface(path, name, upstream_path, body):
    surface = SURFACES[path]
    assert (surface.path, surface.name, surface.upstream_path) == (path, name, upstream_path)
    request = surface.parse({"model": "m", **body}, Limits())
    assert request.conversation.last_user_text() == "hi"


def test_each_is_counted_from_the_start():
    assert {surface.name for surface in SURFACES.values()} <= set(Labels((), (), (), (), ()).surfaces)


def test_who_has_a_place_for_an_instruction():
    assert [s.name for s in SURFACES.values() if s.instruct] == ["chat_completions", "messages", "responses"]

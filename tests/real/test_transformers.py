"""The same model behind a second server, `transformers serve`: other streams, the same verdicts."""

import pytest

from tests.real.conftest import REFUSED, guarded, transformers
from tests.real.surfaces import SURFACES

pytestmark = pytest.mark.slow

CALM = {"chat": "Write one sentence about a heron.", "text": "Once upon a time"}
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
EVERY = pytest.mark.parametrize("name", ["chat", "text"])
FEW = {"max_tokens": 4}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    with transformers(tmp_path_factory.mktemp("transformers")) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, raw):
    with guarded(tmp_path_factory.mktemp("guarded"), raw) as server:
        yield server


@BOTH
@EVERY
def test_raw_and_guarded_say_the_same(raw, proxy, name, stream):
    surface = SURFACES[name]
    asked = raw.asked()
    answers = [surface.ask(server, CALM[name], stream=stream, **FEW) for server in (raw, proxy)]
    heard = [surface.heard(answered, stream=stream) for answered in answers]
    assert raw.asked() == asked + 2
    assert answers[1].headers["x-guardproxy-decision"] == "allow"
    assert heard[0].end == heard[1].end == "length"
    assert (heard[0].text == heard[1].text) is True
    if stream:
        assert "[DONE]" not in answers[0].text  # this server's streams just end …
        assert answers[1].text.endswith("data: [DONE]\n\n")  # … and ours never do


@BOTH
@EVERY
@pytest.mark.parametrize("known", [one for one, _ in REFUSED.values()])
def test_harm_complied_with_raw_is_refused_guarded(raw, proxy, rows, name, stream, known):
    surface, row = SURFACES[name], rows[known]
    answered = surface.ask(raw, row.text, stream=stream, **FEW)
    # A model made for turns may end a bare text at once; it was asked all the same.
    complied = name == "text" or bool(surface.heard(answered, stream=stream).text)
    assert (answered.status_code, complied) == (200, True), f"the raw model is silent on {row.id}"
    asked = raw.asked()
    answered = surface.ask(proxy, row.text, stream=stream, **FEW)
    heard = surface.heard(answered, stream=stream)
    assert (answered.status_code, answered.headers["x-guardproxy-decision"]) == (200, "refuse")
    assert heard.end == "content_filter"
    assert bool(heard.text.strip())
    assert raw.asked() == asked, "the model was asked"


def test_its_errors_come_in_our_shape(proxy):
    answered = proxy.post("/v1/chat/completions", {"model": "another", "messages": [{"role": "user", "content": "a"}]})
    assert (answered.status_code, answered.json()["error"]["type"]) == (400, "invalid_request_error")
    assert [model["id"] for model in proxy.get("/v1/models").json()["data"]] == ["smollm2"]

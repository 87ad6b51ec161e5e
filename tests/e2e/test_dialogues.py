"""What model servers really send, played through a real proxy over real sockets, plain and streamed.

Every dialogue stands in `dialogues/`, with its source and with what the client must see:

    text, reasoning, refusal, finish, usage, calls     of the first choice; `calls` with their arguments read
    keeps, drops                                       dotted paths that must be, or must not be, in the answer
    said                                               the text before a fault: a stream may have shown some of it
    error: status, code, kind, message, retry_after    `kind` is the metric's
    outcome                                            allow unless it is said
"""

import json
from collections import Counter

import httpx
import pytest

from guardproxy.testing.scripts import JSON, SSE, Script

from .dialogue import PACKERS, PATHS, dialogues
from .planting import CANARY, plants
from .reading import every_string, found, seen

ALL = dialogues()
ASKED = [one for one in ALL if one.surface != "models"]
FIRST = {(one.surface, one.body, one.packed == "gzip"): one for one in reversed(ASKED)}
PLANTED = [one for one in ASKED if one in FIRST.values()]
"""Each body once as it is and once packed: how its lines end is the other test's matter."""
NAMES = {"chat": "chat_completions", "completions": "completions", "embeddings": "embeddings"}
SPOKEN = {"content", "text", "reasoning", "reasoning_content", "refusal", "arguments"}


def name_of(dialogue):
    return f"{dialogue.family}: {dialogue.name}"


def both_ways(chosen):
    """Each dialogue for a client that wants no stream and for one that does; vectors are never streamed."""
    plays = [
        (one, stream) for one in chosen for stream in (False, True) if not (stream and one.surface == "embeddings")
    ]
    ids = [f"{name_of(one)}-{'streamed' if stream else 'plain'}" for one, stream in plays]
    return pytest.mark.parametrize(("dialogue", "stream"), plays, ids=ids)


@pytest.fixture(scope="module")
def client(proxy):
    with httpx.Client(base_url=proxy.base, trust_env=False, timeout=20) as made:
        yield made


def play(proxy, client, dialogue, stream, script=None):
    proxy.upstream.answer_with(script or dialogue.script())
    if dialogue.surface == "models":
        return client.get(PATHS["models"])
    return client.post(PATHS[dialogue.surface], json=dialogue.request(stream))


def last_record(proxy, answer):
    """The decision log's last line: in `required` mode it is on disk before the answer has ended."""
    with (proxy.folder / "decisions.jsonl").open("rb") as log:
        log.seek(max(log.seek(0, 2) - 64 * 1024, 0))
        line = json.loads(log.read().splitlines()[-1])
    assert line["decision_id"] == answer.headers["x-guardproxy-decision-id"]
    return line


class Board:
    """The metrics page: how often a series has been counted."""

    def __init__(self, proxy):
        self._client = httpx.Client(base_url=proxy.admin, trust_env=False)

    def read(self):
        """`(surface, outcome)` of requests and `kind` of upstream faults, with their counts."""
        counts = Counter()
        for line in self._client.get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            labels = dict(part.split("=") for part in series.rpartition("{")[2].rstrip("}").split(",") if "=" in part)
            if series.startswith("guardproxy_requests_total{"):
                counts[labels["surface"].strip('"'), labels["outcome"].strip('"')] += float(value)
            elif series.startswith("guardproxy_upstream_errors_total{"):
                counts[labels["kind"].strip('"')] += float(value)
        return counts

    def close(self):
        self._client.close()


@pytest.fixture(scope="module")
def board(proxy):
    made = Board(proxy)
    yield made
    made.close()


def test_every_upstream_has_a_file():
    assert {one.family for one in ALL} == {
        *("llama.cpp", "vLLM", "Ollama", "TGI", "SGLang", "Azure", "OpenRouter", "others", "any"),
    }
    assert len({name_of(one) for one in ALL}) == len(ALL)
    assert all(one.source for one in ALL)


@both_ways(ASKED)
def test_what_the_client_sees(proxy, client, board, dialogue, stream):
    wanted, surface = dialogue.sees, NAMES[dialogue.surface]
    error = wanted.get("error")
    outcome = "error" if error else wanted.get("outcome", "allow")
    counted = board.read()
    answer = play(proxy, client, dialogue, stream)
    got = seen(answer, stream)
    if error:
        check_error(answer, got, error, wanted.get("said") if stream else None, wanted.get("may_have_said") and stream)
    else:
        check_answer(got, wanted)
    line = last_record(proxy, answer)
    assert (line["outcome"], line["stream"], line["surface"]) == (outcome, stream, surface)
    assert (line["status"], line["error"]) == (answer.status_code, error and error["code"])
    expected = [(surface, outcome), error["kind"]] if error else [(surface, outcome)]
    assert board.read() - counted == Counter(expected)


def check_error(answer, got, error, said, may_have_said):
    assert got.error == error["code"]
    if said is not None or (may_have_said and got.status == 200):
        assert (got.status, got.finish) == (200, "length")
        assert said is None or got.text == said
        return
    assert got.status == error["status"]
    assert answer.headers.get("retry-after") == error.get("retry_after")
    assert answer.headers["x-guardproxy-decision"] == "error"
    if "message" in error:
        assert got.trees[0]["error"]["message"] == error["message"]


def check_answer(got, wanted):
    assert (got.status, got.error) == (200, None)
    assert got.finish == wanted.get("finish")
    assert [{**call, "arguments": json.loads(call["arguments"])} for call in got.calls.values()] == wanted.get(
        "calls", []
    )
    for part in ("text", "reasoning", "refusal"):
        if part in wanted or wanted.get("outcome") is None:
            assert getattr(got, part) == wanted.get(part, "")
    if "usage" in wanted:
        assert got.usage == wanted["usage"]
    for path, value in wanted.get("keeps", {}).items():
        assert value in found(got.trees, path), path
    for path in wanted.get("drops", []):
        assert set(map(str, found(got.trees, path))) <= {"None"}, path


@both_ways(PLANTED)
def test_no_string_of_it_lets_the_canary_through(proxy, client, board, dialogue, stream):
    outcomes, spoken = Counter(), 0
    counted = board.read()
    for plant in plants(dialogue):
        answer = play(proxy, client, dialogue, stream, plant.script)
        got = seen(answer, stream)
        assert CANARY not in every_string(got.trees) + answer.text + str(answer.headers), plant.name
        line = last_record(proxy, answer)
        outcomes[NAMES[dialogue.surface], line["outcome"]] += 1
        if is_spoken(plant.place, dialogue) and "error" not in dialogue.sees:
            spoken += 1
            assert line["outcome"] == "refuse", plant.name
            assert "content_filter" in got.finishes, plant.name
    grown = board.read() - counted
    assert {series: count for series, count in grown.items() if series in outcomes} == outcomes
    assert spoken or "error" in dialogue.sees or not dialogue.sees.get("text")


def is_spoken(place, dialogue):
    """The model's own words; a `message` beside a delta is dropped unread."""
    return bool(place) and place[-1] in SPOKEN and not (dialogue.is_stream and "message" in place)


@pytest.mark.parametrize("dialogue", [one for one in ALL if one.surface == "models"], ids=name_of)
def test_the_list_of_models(proxy, client, dialogue):
    answer = play(proxy, client, dialogue, stream=False)
    error = dialogue.sees.get("error")
    if error:
        assert (answer.status_code, answer.json()["error"]["code"]) == (error["status"], error["code"])
        assert answer.headers.get("retry-after") == error.get("retry_after")
    for path, value in dialogue.sees.get("keeps", {}).items():
        assert found([answer.json()], path) == [value], path


def big(text, kind):
    """An answer that packs itself very small."""
    choice = {"index": 0, "finish_reason": "stop"}
    if kind == JSON:
        return json.dumps({"choices": [{**choice, "message": {"role": "assistant", "content": text}}]}).encode()
    frame = json.dumps({"choices": [{"index": 0, "delta": {"content": text[:1000]}, "finish_reason": None}]})
    frames = [frame] * (len(text) // 1000)
    return "".join(f"data: {one}\n\n" for one in [*frames, json.dumps({"choices": [{**choice, "delta": {}}]})]).encode()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("kind", [JSON, SSE])
@pytest.mark.parametrize("packed", ["gzip", "deflate"])
def test_a_bomb_is_not_unpacked(proxy, client, packed, kind, stream):
    raw = PACKERS[packed](big("a word " * 2_000_000, kind))
    proxy.upstream.answer_with(Script((raw,), content_type=kind, headers=(("content-encoding", packed),)))
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    got = seen(client.post(PATHS["chat"], json=body), stream)
    assert got.error == "upstream_protocol_error"
    assert len(got.text) < 4 * 1024 * 1024

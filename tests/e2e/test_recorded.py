"""Dialogues recorded from real model servers, played to the proxy: the client sees what the server said."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from guardproxy.proxy.openapi import document
from guardproxy.testing.scripts import recorded
from guardproxy.wire.answer_schemas import ANSWERS, EVENTS
from tests.real.surfaces import SURFACES, Heard

GOLDEN = Path(__file__).parents[1] / "wire" / "golden"
DOCUMENT = document()
READERS = {surface.path: surface for surface in SURFACES.values()}
STATUSES = {400: 400, 422: 400, 500: 502, 501: 502, 503: 503}
ROWS = {
    f"{server}/{name}": row
    for server in ("llama", "transformers")
    for name, row in json.loads((GOLDEN / server / "index.json").read_text()).items()
    if row["path"] in DOCUMENT["paths"] and isinstance(row["request"], dict)
}
FAULTY = [name for name, row in ROWS.items() if row["status"] != 200]
SAID = [name for name, row in ROWS.items() if row["status"] == 200 and row["path"] in READERS]


def asked(proxy, name):
    server, _, short = name.partition("/")
    proxy.upstream.answer_with(recorded(GOLDEN / server, short))
    return proxy.post(ROWS[name]["path"], ROWS[name]["request"])


def events(raw):
    return [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]


def accepts(schema, tree):
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}).is_valid(tree)


@pytest.mark.parametrize("name", SAID)
def test_what_a_real_server_said_is_what_the_client_hears(proxy, name):
    row, reader = ROWS[name], READERS[ROWS[name]["path"]]
    surface = DOCUMENT["paths"][row["path"]]["post"]["operationId"]
    raw = (GOLDEN / name.partition("/")[0] / row["file"]).read_text()
    answered = asked(proxy, name)
    assert (answered.status_code, answered.headers["x-guardproxy-decision"]) == (200, "allow")
    if row["file"].endswith(".sse"):
        assert all(accepts(EVENTS[surface], tree) for tree in events(answered.text))
        heard, said = reader.streamed(events(answered.text)), reader.streamed(events(raw))
        assert "chat" not in surface or answered.text.endswith("data: [DONE]\n\n")
    else:
        assert accepts(ANSWERS[surface], answered.json())
        heard, said = reader.whole(answered.json()), reader.whole(json.loads(raw))
    assert heard == said != Heard("", "")


@pytest.mark.parametrize("name", FAULTY)
def test_what_a_real_server_complains_of_comes_in_our_shape(proxy, name):
    """Unless the proxy has turned the request away itself, as it does with most of these."""
    hits = proxy.upstream.hits
    answered = asked(proxy, name)
    wanted = STATUSES[ROWS[name]["status"]] if proxy.upstream.hits > hits else 400
    assert answered.status_code == wanted
    assert answered.headers["x-guardproxy-decision"] == "error"
    shape = "MessagesError" if ROWS[name]["path"] == "/v1/messages" else "Error"
    assert accepts({"$ref": f"#/components/schemas/{shape}"}, answered.json())

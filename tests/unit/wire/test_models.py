import json

import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.models import found, listed, read_models

RAW = json.dumps(
    {
        "object": "list",
        "x": 1,
        "data": [{"id": "a", "owned_by": "o", "meta": {"n": 1}}, {"id": "b"}, "odd"],
        "models": [{"model": "a", "name": "a"}, {"model": "b"}],
    }
).encode()


def test_without_a_list_everything_that_is_a_model_passes():
    out = json.loads(listed(read_models(RAW)))
    assert [m["id"] for m in out["data"]] == ["a", "b"]
    assert out["x"] == 1
    assert out["data"][0]["meta"] == {"n": 1}


def test_allowed_models_and_aliases():
    out = json.loads(listed(read_models(RAW), ["a"], {"chat": "a", "gone": "z"}))
    assert [m["id"] for m in out["data"]] == ["a", "chat"]
    assert out["data"][1]["meta"] == {"n": 1}
    assert [m["model"] for m in out["models"]] == ["a"]


@pytest.mark.parametrize("allowed", [None, ["a", "b"]])
def test_an_alias_hides_the_upstreams_model_of_that_name(allowed):
    out = json.loads(listed(read_models(RAW), allowed, {"b": "a"}))
    assert [(m["id"], m.get("meta")) for m in out["data"]] == [("a", {"n": 1}), ("b", {"n": 1})]
    assert "b" not in [m["model"] for m in out["models"]]


@pytest.mark.parametrize(
    ("name", "entry"),
    [("a", "a"), ("b", None), ("chat", "chat"), ("secret", "secret"), ("gone", None), ("A", None), ("a ", None)],
)
def test_one_model(name, entry):
    """An alias may lead to a model that is not itself on the list."""
    out = found(read_models(RAW), name, ["a"], {"chat": "a", "secret": "b", "gone": "z"})
    assert (json.loads(out)["id"] if out else None) == entry


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"data":{}}', b'{"error":{"message":"Loading model"}}'])
def test_no_list(raw):
    with pytest.raises(UpstreamBadAnswer):
        read_models(raw)

import pytest

from guardproxy.wire.logprobs import checked_logprobs


def entry(token, **more):
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": [], **more}


@pytest.mark.parametrize(
    ("logprobs", "content", "kept"),
    [
        ({"content": [entry("a "), entry("rosé")]}, "a rosé", True),
        ({"content": [entry("a "), entry("rose")]}, "a nose", False),
        ({"content": [entry("a"), entry("b")]}, "a", False),
        ({"content": [{"token": "a", "logprob": -1, "bytes": None}]}, "a", True),
        ({"content": [entry("a", bytes=[98])]}, "a", False),
        ({"content": [entry("a", bytes="b")]}, "a", False),
        ({"content": [entry("a", logprob="b")]}, "a", False),
        ({"content": ["a"]}, "a", False),
        ({"content": "a"}, "a", False),
        ({"tokens": ["a"]}, "a", False),
        ({"content": []}, "", True),
        (None, "a", False),
        ("a", "a", False),
    ],
)
def test_only_what_repeats_the_checked_text(logprobs, content, kept):
    assert (checked_logprobs(logprobs, content, "") is not None) is kept


def test_alternatives_and_unknown_strings_go():
    found = checked_logprobs({"content": [entry("a", top_logprobs=[entry("b")], x="c")], "refusal": None}, "a", "")
    assert found == {"content": [entry("a")], "refusal": None}


def test_the_refusal_has_its_own_list():
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "", "no") is not None
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "no", "") is None

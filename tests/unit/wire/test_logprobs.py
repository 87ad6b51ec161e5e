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
        ({"tokens": ["a", "b"], "token_logprobs": [None, -0.5], "text_offset": [0, 1]}, "ab", True),
        ({"tokens": ["a", "b"]}, "ac", False),
        ({"tokens": ["a"], "token_logprobs": ["b"]}, "a", False),
        ({"tokens": ["a"], "text_offset": "b"}, "a", False),
        ({"tokens": [1]}, "a", False),
        ({"tokens": "a"}, "a", False),
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


def test_the_older_form_loses_its_alternatives_too():
    found = checked_logprobs({"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"b": -2}], "x": "c"}, "a", "")
    assert found == {"tokens": ["a"], "token_logprobs": [-1], "text_offset": None, "top_logprobs": None}


def test_the_refusal_has_its_own_list():
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "", "no") is not None
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "no", "") is None

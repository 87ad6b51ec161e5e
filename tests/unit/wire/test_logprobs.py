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


@pytest.mark.parametrize(
    ("kept", "alternatives"),
    [("all", [{"token": "b", "logprob": -0.5, "bytes": [98]}]), ("chosen", []), ("strip", None)],
)
def test_a_route_says_what_is_kept(kept, alternatives):
    listed = {"content": [entry("a", top_logprobs=[entry("b", x="c")])]}
    found = checked_logprobs(listed, "a", "", kept)
    assert (found and found["content"][0]["top_logprobs"]) == alternatives


@pytest.mark.parametrize("wrong", ["b", ["b"], [{"token": 1}], [entry("b", bytes=[1])], [entry("b", logprob="x")]])
def test_alternatives_of_another_shape_go(wrong):
    found = checked_logprobs({"content": [entry("a", top_logprobs=wrong)]}, "a", "", "all")
    assert found["content"][0]["top_logprobs"] == []


@pytest.mark.parametrize(
    ("top", "kept", "left"),
    [
        ([{"b": -2}, None], "all", [{"b": -2}, None]),
        ([{"b": "text"}], "all", None),
        ("text", "all", None),
        ([{"b": -2}], "chosen", None),
    ],
)
def test_the_older_form_of_what_is_kept(top, kept, left):
    found = checked_logprobs({"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": top}, "a", "", kept)
    assert found["top_logprobs"] == left


def test_the_refusal_has_its_own_list():
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "", "no") is not None
    assert checked_logprobs({"content": None, "refusal": [entry("no")]}, "no", "") is None

import pytest

from guardproxy.wire.responses_logprobs import fitting_logprobs, item_with_logprobs, with_fitting_logprobs

TOKEN = {"token": "ab", "logprob": -0.5, "bytes": [97, 98], "top_logprobs": [{"token": "zz", "logprob": -1}]}
KEPT = {**TOKEN, "top_logprobs": []}


@pytest.mark.parametrize(
    ("listed", "text", "kept"),
    [([TOKEN], "ab", [KEPT]), ([TOKEN], "a", []), ([TOKEN], None, []), (None, "ab", []), ("x", "ab", []), ([], "", [])],
)
def test_they_stay_where_they_say_what_the_text_says(listed, text, kept):
    assert fitting_logprobs(listed, text) == kept


def test_in_events_of_all_kinds():
    part = {"type": "output_text", "text": "ab", "logprobs": [TOKEN]}
    item = {"type": "message", "content": [part, {**part, "text": "c"}, "odd"]}
    checked = [{**part, "logprobs": [KEPT]}, {**part, "text": "c", "logprobs": []}, "odd"]
    delta = {"type": "response.output_text.delta", "delta": "ab", "logprobs": [TOKEN]}
    assert with_fitting_logprobs(delta)["logprobs"] == [KEPT]
    assert with_fitting_logprobs({**delta, "delta": "a"})["logprobs"] == []
    done = {"type": "response.output_text.done", "text": "ab", "logprobs": [TOKEN]}
    assert with_fitting_logprobs(done)["logprobs"] == [KEPT]
    assert with_fitting_logprobs({"type": "x", "part": part})["part"] == checked[0]
    assert with_fitting_logprobs({"type": "x", "item": item})["item"]["content"] == checked
    assert (
        with_fitting_logprobs({"type": "x", "response": {"output": [item]}})["response"]["output"][0]["content"]
        == checked
    )
    assert item_with_logprobs({"type": "reasoning"}) == {"type": "reasoning"}

"""Requests to the raw model: what is read, what is refused, and that no complaint repeats the caller."""

import pytest

from guardproxy.demo.orders import Refused, read_body, read_order

SECRET = "marmalade-cellar"


def body(**more):
    return {"model": "raw-base", "messages": [{"role": "user", "content": "hi"}], **more}


def test_defaults():
    order = read_order(body(), {})
    assert (order.max_tokens, order.temperature, order.top_p, order.n) == (96, 1.0, 1.0, 1)
    assert (order.seed, order.stop, order.register, order.delay, order.cut) == (None, (), None, None, None)


def test_everything_at_once():
    asked = body(max_completion_tokens=9, temperature=0, top_p=0.5, seed=7, stop="x", n=3, unknown={"a": 1})
    order = read_order(asked, {"x-demo-register": "rude", "x-demo-delay": "25", "x-demo-cut": "4"})
    assert (order.max_tokens, order.temperature, order.top_p, order.seed) == (9, 0.0, 0.5, 7)
    assert (order.stop, order.n, order.register, order.delay, order.cut) == (("x",), 3, "rude", 0.025, 4)


def test_text_parts_are_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read_order(body(messages=[{"role": "user", "content": parts}]), {}).turns[0].text == "a\nb"


@pytest.mark.parametrize(
    ("tree", "headers"),
    [
        (body(model=SECRET), {}),
        (body(messages=[]), {}),
        (body(messages=SECRET), {}),
        (body(messages=[{"role": SECRET, "content": "x"}]), {}),
        (body(messages=[{"role": "user", "content": 3}]), {}),
        (body(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": SECRET}}]}]), {}),
        (body(max_tokens=0), {}),
        (body(max_tokens="9"), {}),
        (body(temperature=3), {}),
        (body(temperature=True), {}),
        (body(seed="a"), {}),
        (body(n=99), {}),
        (body(stop=[SECRET] * 5), {}),
        (body(stop=[""]), {}),
        (body(), {"x-demo-register": SECRET}),
        (body(), {"x-demo-delay": "-1"}),
        (body(), {"x-demo-cut": "9999"}),
    ],
)
def test_a_wrong_request_is_refused_without_its_text(tree, headers):
    with pytest.raises(Refused) as refused:
        read_order(tree, headers)
    assert SECRET not in str(refused.value)
    assert refused.value.status == (404 if tree["model"] == SECRET else 400)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object(raw):
    with pytest.raises(Refused):
        read_body(raw)

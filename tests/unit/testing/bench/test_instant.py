"""The mock upstream: whole answers, streams, pauses, and its own ceiling."""

import json
from time import perf_counter

from guardproxy.testing.bench.callers import HOLE, MARK, Aim, ask, once, post, until_first
from guardproxy.testing.bench.instant import Instant, Said
from guardproxy.testing.raw_client import ask as asked
from guardproxy.testing.raw_client import chat, finishes, spoken

QUICK = 200.0
"""Answers a second that callers and model in one process manage on any machine: far more than what they measure."""


def aim(port, *, stream):
    return Aim(port, post("/v1/chat/completions", json.dumps(chat(HOLE.decode(), stream=stream)).encode()))


async def test_a_whole_answer_and_no_two_alike():
    async with Instant() as model:
        bodies = [(await once(aim(model.port, stream=False))).body for _ in range(2)]
    texts = [json.loads(body)["choices"][0]["message"]["content"] for body in bodies]
    assert all(text.startswith(MARK.decode()) for text in texts)
    assert texts[0] != texts[1]
    assert model.answered == 2


async def test_a_stream_says_every_word():
    async with Instant() as model:
        model.script = Said.of(words=["one ", "two ", "three"])
        answer = await asked(model.port, chat("x", stream=True))
    assert spoken(answer.frames) == "one two three"
    assert finishes(answer.frames) == ["stop"]
    assert answer.frames[-1] == "[DONE]"


async def test_a_paced_stream_takes_its_time():
    async with Instant() as model:
        model.script = Said.of(5, pause=0.02)
        volley = await once(aim(model.port, stream=True))
    assert volley.took[0] >= 6 * 0.02


async def test_a_late_model_is_late():
    async with Instant() as model:
        model.script = Said.of(2, delay=0.05)
        volley = await once(aim(model.port, stream=False))
    assert volley.took[0] >= 0.05


async def test_a_long_stream_waits_for_who_does_not_read():
    async with Instant() as model:
        model.script = Said.of(12_000)
        volley = await ask(aim(model.port, stream=True), callers=1, seconds=0.0)
    assert (volley.answers, model.answered) == (1, 1)


async def test_its_first_word_has_a_time():
    async with Instant() as model:
        began = perf_counter()
        arrived = await until_first(aim(model.port, stream=True))
    assert began < model.first < arrived


async def test_callers_and_model_are_quick():
    async with Instant() as model:
        volley = await ask(aim(model.port, stream=False), callers=8, seconds=0.5)
    assert volley.answers / volley.seconds > QUICK

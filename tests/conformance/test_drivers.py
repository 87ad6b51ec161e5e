"""The drivers by themselves: what a model server says is read without a proxy in between, and every gap has a reason."""

from __future__ import annotations

import json

import pytest

from tests.conformance.cells import CELLS, DRIVERS, absent, channels, places
from tests.conformance.vocabulary import ACTIONS, CALM, FORMS, INPUT, LATE, OUTPUT, PLAIN

SAID = [
    (driver, channel, form)
    for driver in DRIVERS
    for channel, place in places(driver, OUTPUT).items()
    for form in FORMS
    if place.script and (form == PLAIN or driver.streams)
]


@pytest.mark.parametrize(("driver", "channel", "form"), SAID, ids=lambda item: getattr(item, "name", item))
def test_what_a_server_says_is_read_where_it_stands(driver, channel, form):
    place = places(driver, OUTPUT)[channel]
    text = place.text("allow")
    script = place.script(text, form, CALM if form == LATE else "")
    seen = driver.read(200, b"".join(script.segments), form != PLAIN)
    assert seen.finish in driver.how.natural
    assert seen.error is None
    halves = channel == "split" and driver.name != "chat_completions"
    assert text in seen.strings or (halves and text in seen.text.replace("\n\n", ""))
    if place.path:
        assert text in str(seen.at(place.path))
    if form == LATE and channel != "json":
        assert CALM in seen.text or channel == "second_choice"


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize("stage", [INPUT, OUTPUT])
def test_a_channel_that_is_not_there_has_a_reason(driver, stage):
    for channel in channels(stage):
        assert channel in places(driver, stage) or absent(driver, stage, channel)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_a_request_holds_its_text_and_stays_as_it_is(driver):
    for name, place in places(driver, INPUT).items():
        for action in ACTIONS:
            body = json.dumps(driver.request(INPUT, place, place.text(action), stream=False), ensure_ascii=False)
            assert place.text(action) in body or name in (
                "split",
                "data_url",
                "picture",
                "tool_arguments",
                "legacy_arguments",
            )


def test_ids_are_unique():
    assert len({cell.id for cell in CELLS}) == len(CELLS)

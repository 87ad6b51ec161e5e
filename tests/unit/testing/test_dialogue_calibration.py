"""What harmless sessions bear: drawn from rows, scored as the proxy does, counted for each pair of numbers."""

import gzip
import json
import random

import pytest

from guardproxy.core.escalation import LeafScore, Turn
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.testing.dialogue_calibration import (
    DRIFTS,
    REFUSE_AT,
    TURNS,
    Source,
    borne,
    drawn,
    everyday,
    plan_of,
    requests,
    scored,
    table,
)


class Sure:
    """Finds fraud: as sure of a text as it has letters."""

    async def inspect(self, segments):
        return [Finding("sure", "crime.fraud", len(s.text) / 10, s) for s in segments]


class Broken:
    async def inspect(self, segments):
        return Failure("broken", FailureKind.TIMEOUT, segments[0].stage)


async def test_a_turn_scores_alone_and_with_those_before_it():
    assert await scored(Sure(), ["aaaa", "b", "c"]) == tuple(
        Turn((LeafScore("crime.fraud", score),)) for score in (0.4, 0.6, 0.8)
    )


async def test_what_cannot_be_scored_ends_the_run():
    with pytest.raises(SystemExit, match="could not be scored"):
        await scored(Broken(), ["a"])


def session(*scores):
    return tuple(Turn((LeafScore("crime.fraud", score),)) for score in scores)


def test_sessions_are_counted_once_however_often_they_are_warned():
    plan = plan_of(0.4, 1.0)
    told = borne([session(0.9, 0.9, 0.9), session(0.9, 0.6, 0.6), session(0.2)], plan)
    assert (told.warned, told.refused) == (2, 1)


def test_the_table_has_a_line_for_each_pair():
    lines = list(table([Source("a", (session(0.9, 0.9),)), Source("b", ())]))
    assert lines[0] == "| drift | warn, refuse | a (1) | b (0) |"
    assert len(lines) == 2 + len(DRIFTS) * len(REFUSE_AT)
    assert lines[2] == "| 0.35 | 0.48, 0.8 | 1, 1 | 0, 0 |"


def test_held_out_chat_is_read_by_family(tmp_path):
    (tmp_path / "heldout-1.txt").write_text(
        "# a note\n@ family=chat_work request=0 content=0 attack=0\nhello\n\nthere\n"
        "@ family=chat_work request=1 content=0 attack=0\nharm\n"
        "@ family=chat_work request=0 content=0 attack=0 multi\nlong\n"
        "@ family=chat_workshop request=0 content=0 attack=0\nother\n"
    )
    (tmp_path / "chat-1.txt").write_text("@ family=chat_work request=0 content=0 attack=0\nlearnt\n")
    assert everyday(tmp_path, "chat_work") == ["hello", "there"]


def test_harmless_requests_are_read_from_a_development_set(tmp_path):
    (tmp_path / "dev").mkdir()
    rows = [
        {"text": t, "role": r, "unsafe": u}
        for t, r, u in [("a", "prompt", False), ("b", "pair", False), ("c", "prompt", None)]
    ]
    with gzip.open(tmp_path / "dev" / "x.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    assert requests(tmp_path, "x") == ["a"]


def test_sessions_are_drawn_without_repeats_and_the_same_every_time():
    texts = [str(n) for n in range(40)]
    first, again = (list(drawn(texts, 3, random.Random(1))) for _ in range(2))
    assert first == again
    assert all(len(set(one)) == TURNS for one in first)

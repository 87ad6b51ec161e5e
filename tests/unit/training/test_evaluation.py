from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from guardproxy.core.share import Share
from guardproxy.detectors.model_files import Head
from guardproxy.training.evaluation import (
    DevRow,
    average_precision,
    by_hazard,
    dev_rows,
    precisions,
    quantised,
    reached,
    refusals,
    report,
)

HEADS = (Head("request", "unspecified"), Head("request", "crime.fraud"), Head("answer", "hate.speech"))


@pytest.mark.parametrize(
    ("unsafe", "scores", "expected"),
    [
        ([1, 1, 0], [0.9, 0.8, 0.1], 1.0),
        ([0, 1], [0.9, 0.1], 0.5),
        ([1, 0, 1], [0.9, 0.5, 0.1], 5 / 6),
        ([1, 0], [0.5, 0.5], 0.5),  # a tie is no ranking
    ],
)
def test_average_precision(unsafe, scores, expected):
    assert average_precision(np.array(unsafe, dtype=bool), np.array(scores)) == pytest.approx(expected)


def test_a_line_a_set_and_class():
    rows = [
        DevRow("a:1", "mtbench_vicuna", "hello there", "request", False, frozenset()),
        DevRow("b:1", "harms", "x", "request", True, frozenset({"crime.fraud"})),
        DevRow("b:2", "harms", "y", "request", True, frozenset({"crime.fraud"})),
        DevRow("b:3", "harms", "z", "content", False, frozenset()),
    ]
    scores = np.array([[0.1, 0.0, 0.0], [0.95, 0.6, 0.0], [0.2, 0.0, 0.0], [0.99, 0.9, 0.3]])
    lines = {(line.set, line.what): line for line in report(rows, HEADS, scores)}
    assert lines["harms", "recall"].refuse == Share(1, 2)
    assert lines["harms", "false alarms"].warn == Share(0, 1)  # content is not read by the request heads
    assert lines["mtbench_vicuna", "false alarms"].refuse == Share(0, 1)
    assert by_hazard(rows, HEADS, scores) == {"harms: crime.fraud": (Share(1, 2), Share(1, 2))}


def test_answers_are_read_as_content_and_unjudged_rows_left_out(tmp_path):
    given = {
        "id": "f:1",
        "text": "question",
        "response": "answer",
        "judges": "response",
        "unsafe": True,
        "hazards": [],
        "labels": [],
    }
    (tmp_path / "dev").mkdir()
    with gzip.open(tmp_path / "dev" / "f.jsonl.gz", "wt") as file:
        file.write(json.dumps(given) + "\n" + json.dumps(given | {"unsafe": None}) + "\n")
    assert dev_rows(tmp_path) == [DevRow("f:1", "f", "answer", "content", True, frozenset())]


def test_the_curve_counts_each_class_of_a_set():
    rows = [DevRow(f"s:{n}", "s", "a", "request", unsafe, frozenset()) for n, unsafe in enumerate([0, 0, 1, 1])]
    scores = np.array([[0.05, 0.0, 0.0], [0.5, 0.0, 0.0], [0.91, 0.0, 0.0], [0.0, 0.99, 0.0]])
    harmless, harmful = reached(rows, HEADS, scores).splitlines()[2:]
    assert harmless == "| s, harmless | 2 | 0.500 | 0.500 | 0.500 | 0.500 | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 |"
    assert harmful.endswith("| 1.000 | 0.500 | 0.500 |")


def test_quantisation_is_compared_on_sets_of_both_classes():
    rows = [DevRow(f"s:{n}", "s", "a", "request", unsafe, frozenset()) for n, unsafe in enumerate([0, 1])]
    rows.append(DevRow("t:1", "t", "a", "request", True, frozenset()))
    small = precisions(rows, HEADS, np.array([[0.9, 0.0, 0.0], [0.2, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    full = precisions(rows, HEADS, np.array([[0.1, 0.0, 0.0], [0.2, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    assert quantised(small, full).splitlines()[2:] == ["| s | 0.500 | 1.000 | -0.500 |"]


def test_whether_an_answer_declines_is_read_by_its_own_head():
    heads = (Head("content", "hate.speech"), Head("refusal", "refusal"))
    rows = [DevRow(f"r:{n}", "r", "a", "refusal", declines, frozenset()) for n, declines in enumerate([1, 1, 0, 0])]
    scores = np.array([[0.0, 0.9], [0.9, 0.2], [0.9, 0.1], [0.0, 0.8]])
    assert refusals(rows, heads, scores).startswith("F1 0.500, precision 0.500 [")


def test_answers_noted_for_their_style_decline_or_help_or_are_left_out(tmp_path):
    given = {"id": "f:1", "text": "q", "response": "a", "judges": "refusal_style", "unsafe": None, "hazards": []}
    (tmp_path / "dev").mkdir()
    with gzip.open(tmp_path / "dev" / "f.jsonl.gz", "wt") as file:
        notes = (
            "fully_complies",
            "partially_complies",
            "inability_to_comply",
            "reference_safety_policy",
            "meta_commentary",
        )
        for said in ({"fully_complies"}, {"inability_to_comply"}, {"partially_complies", "inability_to_comply"}, set()):
            stated = {note: note in said for note in notes}
            file.write(json.dumps(given | {"labels": {"propositions": stated}}) + "\n")
    assert [(row.judges, row.unsafe) for row in dev_rows(tmp_path)] == [("refusal", False), ("refusal", True)]

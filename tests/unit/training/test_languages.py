from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from guardproxy.detectors.model_files import Head
from guardproxy.training.languages import ATTACKS, FEWEST, TRANSLATED, Spoken, spoken, table

HEADS = (Head("request", "crime.fraud"), Head("attack", "attack.jailbreak"))


@pytest.fixture
def data(tmp_path):
    """One translated harmless row, one translated attack, and a language of our own rows."""
    rows = {
        TRANSLATED: {"lang": "Thai", "text": "t", "judges": "request", "unsafe": False},
        ATTACKS: {"lang": "Filipino/Tagalog", "text": "f", "judges": "attack", "unsafe": True},
        "authored/contrast": None,
        "train/bipia_payloads_train": None,
    }
    for name, row in rows.items():
        path = tmp_path / f"{name}.jsonl.gz"
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wt") as file:
            file.write(json.dumps(row | {"id": "a", "text": row["text"]}) if row else "")
    (tmp_path / "train" / "cyberseceval_pi_multi.jsonl.gz").touch()
    lines = "\n".join(f"Zeile Nummer {n} ist harmlos" for n in range(80))
    (tmp_path / "own.txt").write_text(f"@ family=de_ok request=0 attack=0 lang=de\n{lines}\n")
    return tmp_path


def test_rows_of_a_language_are_those_that_taught_nothing(data):
    found = spoken(data, data, 7)
    assert found[:2] == [Spoken("Thai", "t", "request", False), Spoken("Filipino", "f", "attack", True)]
    german = [one for one in found if one.language == "German"]
    assert 0 < len(german) < 80  # the held-out part, judged twice


def test_a_line_a_language_and_no_share_of_too_few():
    rows = [*[Spoken("Thai", "t", "request", False)] * FEWEST, Spoken("Thai", "t", "attack", True)]
    scores = np.array([[0.6, 0.0], [0.95, 0.0], *[[0.1, 0.1]] * (FEWEST - 2), [0.0, 0.99]])
    line = table(rows, HEADS, scores).splitlines()[2]
    assert line.startswith("| Thai | 0.25 / 0.125 [")
    assert line.endswith("| (n 0: too few) | (n 1: too few) |")


def test_texts_are_not_in_the_repr():
    assert "secret" not in repr(Spoken("Thai", "secret", "request", False))

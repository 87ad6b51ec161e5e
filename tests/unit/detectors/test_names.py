"""Names and addresses: the gathering of words by table, the model itself on invented sentences."""

from __future__ import annotations

import shutil

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Failure, FailureKind, Span
from guardproxy.detectors import names
from guardproxy.detectors.names import ADDRESS, NAME, OVERLAP, WINDOW, Word, gather, look_names, verify, windows
from guardproxy.errors import ModelFilesError


def words(text: str, *parts: str, name: float = 0.9, place: float = 0.9) -> list[Word]:
    """Each blank-separated word of the text with a part; "O" for none."""
    found, at = [], 0
    for piece, part in zip(text.split(), parts, strict=True):
        at = text.index(piece, at)
        is_name, is_place = part in {"GIVEN_NAME", "SURNAME"}, part not in {"GIVEN_NAME", "SURNAME", "O"}
        found.append(Word(Span(at, at + len(piece)), part, name if is_name else 0.0, place if is_place else 0.0))
        at += len(piece)
    return found


@pytest.mark.parametrize(
    ("text", "parts", "expected"),
    [
        ("Ada Quill left", ("GIVEN_NAME", "SURNAME", "O"), ["Ada Quill"]),
        ("Ada T. Quill", ("GIVEN_NAME", "O", "SURNAME"), ["Ada T. Quill"]),
        ("Ada and Quill", ("GIVEN_NAME", "O", "SURNAME"), ["Ada", "Quill"]),
        ("7 Mill Lane Apt. 3", ("BUILDING_NUMBER", "STREET_NAME", "STREET_NAME", "O", "SECONDARY_ADDRESS"), ["7 Mill Lane Apt. 3"]),
        ("Mill Lane , 12345 Cork", ("STREET_NAME", "STREET_NAME", "O", "ZIP_CODE", "CITY"), ["Mill Lane , 12345 Cork"]),
        ("near Cork today", ("O", "CITY", "O"), []),  # a town is nobody's address
        ("number 7 today", ("O", "BUILDING_NUMBER", "O"), []),
        ("in Mill Lane", ("O", "STREET_NAME", "STREET_NAME"), []),  # no number
        ("x saw X", ("GIVEN_NAME", "O", "GIVEN_NAME"), []),  # single letters
    ],
)  # fmt: skip
def test_gather(text, parts, expected):
    assert [text[n.span.start : n.span.end] for n in gather(text, words(text, *parts))] == expected


@pytest.mark.parametrize(
    ("text", "name", "count"), [("ada", 0.7, 0), ("ada", 0.9, 1), ("Ada", 0.7, 1), ("Ada", 0.4, 0)]
)
def test_small_letters_need_more(text, name, count):
    assert len(gather(text, words(text, "GIVEN_NAME", name=name))) == count


@pytest.mark.parametrize("count", [0, 1, WINDOW, WINDOW + 1, 3 * WINDOW, 1000])
def test_windows_decide_every_token_once(count):
    done = 0
    for start, end, until in windows(count):
        assert start <= done < until <= end <= start + WINDOW
        assert start == 0 or done - start >= OVERLAP // 2
        done = until
    assert done == count


def read(text: str) -> list[tuple[str, str]]:
    return [(n.label, text[n.span.start : n.span.end]) for n in look_names([text])[0]]


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("My name is Elena Lindqvist and I need help.", NAME, "Elena Lindqvist"),
        ("Please call Thomas Brandt tomorrow.", NAME, "Thomas Brandt"),
        ("Mein Name ist Jürgen Krämer.", NAME, "Jürgen Krämer"),
        ("Ich wohne in der Lindenstraße 12, 80331 München.", ADDRESS, "Lindenstraße 12, 80331 München"),
        ("Je m'appelle Élodie Marchand, 14 rue des Lilas, 69003 Lyon.", ADDRESS, "14 rue des Lilas, 69003 Lyon"),
        ("Me llamo Carmen Ortega.", NAME, "Carmen Ortega"),
        ("Send it to 42 Maple Street, Springfield, IL 62704.", ADDRESS, "42 Maple Street"),
    ],
)
def test_the_model_reads(text, label, value):
    assert any(found == label and value in what for found, what in read(text))


@pytest.mark.parametrize(
    "text", ["The weather will be warm and dry today.", "Write a function that sorts a list of numbers.", "", " \n"]
)
def test_the_model_leaves_alone(text):
    assert read(text) == []


def test_a_long_text_is_read_to_its_end():
    text = "We walked on and talked about the weather. " * 60 + "My name is Elena Lindqvist."
    assert (NAME, "Elena Lindqvist") in read(text)


def test_lone_surrogates_keep_the_offsets():
    text = "\ud800 My name is Elena Lindqvist."
    assert (NAME, "Elena Lindqvist") in read(text)


async def test_detectors_report_their_own_label():
    segment = Segment("Elena Lindqvist lives at 42 Maple Street.", Stage.INPUT, Scope.USER)
    name, address = names.all_detectors()
    findings = [*await name.inspect([segment]), *await address.inspect([segment])]
    assert {(f.detector, f.evidence.label, f.score) for f in findings} == {
        ("pii.name", NAME, 1.0),
        ("pii.address", ADDRESS, 1.0),
    }
    assert all(f.segment is segment for f in findings)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(names.FOLDER, tmp_path / "rampart")
    return tmp_path / "rampart"


def test_shipped_files_are_the_ones_of_the_manifest(folder):
    verify()
    verify(folder)


@pytest.mark.parametrize("name", ["model_q4.onnx", "tokenizer.json", "config.json", "NOTICE", "manifest.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelFilesError, match="missing"):
        verify(folder)


def test_a_changed_file_is_named(folder):
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelFilesError, match=r"config\.json"):
        verify(folder)


async def test_no_model_is_a_failure_and_not_silence(monkeypatch):
    def refuse(_texts):
        raise ModelFilesError("gone")

    monkeypatch.setattr(names, "look_names", refuse)
    result = await names.PersonName().inspect([Segment("x", Stage.INPUT, Scope.USER)])
    assert result == Failure("pii.name", FailureKind.UNAVAILABLE, "input")

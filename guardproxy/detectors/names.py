"""Names of people and postal addresses, by the shipped token classifier Rampart (models/rampart/README.md).

`look_names` is plain synchronous work for a pool worker. Long texts are read whole, in windows of tokens with
overlap; of two readings of a token, the one with more context on both sides counts.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import Lock

import numpy as np

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Evidence, Failure, FailureKind, Finding, Span
from guardproxy.detectors.shape import compiled
from guardproxy.errors import ModelFilesError

FOLDER = Path(__file__).parent.parent / "models" / "rampart"
MODEL = "model_q4.onnx"
MODEL_SHA256 = "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5"
WINDOW, OVERLAP = 126, 32
"""Tokens of one look and of two neighbours' common part. 126 + 2 marks; about 480 characters of English."""
THRESHOLD = 0.5
"""Likelihood from which a word counts, the value the model's authors use."""
LOWER_CASE_THRESHOLD = 0.85
"""The same for names that begin with a small letter: on train/pii_spans_refilled those were mostly plain words."""
REMEMBERED = 128
"""Texts whose reading is kept, by SHA-256: the two detectors of this file ask for the same ones."""

NAME, ADDRESS = "person's name", "postal address"
_NAME_PARTS = frozenset({"GIVEN_NAME", "SURNAME"})
_PLACE_PARTS = frozenset({"BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "CITY", "STATE", "ZIP_CODE"})
_MARKS = " \u00a0\t\n,.;:-#/'’\"()"
_BETWEEN = {
    NAME: compiled(r"[ \x{A0}.\-'’]{0,2}(?:[A-Z]\.?[ \x{A0}]{1,2})?"),
    ADDRESS: compiled(
        r"[\s,.;#/\x{A0}-]{0,4}(?:(?i:apt|apartment|suite|ste|unit|floor|fl|no|nr|box)[\s.#:]{1,3}|[A-Z]{2}\s)?"
    ),
}

Shares = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Named:
    """A name or an address in a text, and how sure the model is (likelihood of its least sure word)."""

    label: str
    span: Span
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word or mark: its likeliest part, and how likely it belongs to a name or to an address.

    The model reads pieces of words; a word's figures are the means over its pieces.
    """

    span: Span
    part: str
    name: float
    place: float


def verify(folder: Path = FOLDER) -> None:
    """Raises `ModelFilesError` unless every file of the manifest is there, byte for byte."""
    try:
        wanted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        found = {name: sha256((folder / name).read_bytes()).hexdigest() for name in wanted}
    except (OSError, ValueError, KeyError) as error:
        raise ModelFilesError(f"{folder}: model files are missing or cut; reinstall guardproxy") from error
    wrong = sorted(name for name in wanted if found[name] != wanted[name])
    if wrong or wanted.get(MODEL) != MODEL_SHA256:
        raise ModelFilesError(f"{folder}: {', '.join(wrong) or MODEL} is not the file that was shipped")


class Classifier:
    """The model in memory: one thread, one text at a time."""

    def __init__(self, folder: Path = FOLDER) -> None:
        import onnxruntime  # noqa: PLC0415 - heavy, and used by this detector alone
        from tokenizers import Tokenizer  # noqa: PLC0415

        verify(folder)
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        self._parts = [labels[str(n)].partition("-")[2] or "O" for n in range(len(labels))]
        self._kinds = sorted(set(self._parts))
        self._sums = np.array([[part == kind for kind in self._kinds] for part in self._parts], dtype=np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first, self._last = (self._tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}

    def words(self, text: str) -> list[Word]:
        """Every word of the text with its figures."""
        whole = self._tokenizer.encode(text, add_special_tokens=False)
        ids, places, numbers = whole.ids, whole.offsets, whole.word_ids
        likely = np.zeros((len(ids), len(self._kinds)), dtype=np.float32)
        done = 0
        for start, end, until in windows(len(ids)):
            likely[done:until] = self._probabilities(ids[start:end])[done - start : until - start]
            done = until
        found: list[Word] = []
        for _, group in groupby(range(len(ids)), key=numbers.__getitem__):
            pieces = list(group)
            found.append(self._word(likely[pieces].mean(axis=0), Span(places[pieces[0]][0], places[pieces[-1]][1])))
        return found

    def _word(self, likely: Shares, span: Span) -> Word:
        share = dict(zip(self._kinds, map(float, likely), strict=True))
        name, place = (sum(share[part] for part in parts) for parts in (_NAME_PARTS, _PLACE_PARTS))
        return Word(span, max(share, key=share.__getitem__), name, place)

    def _probabilities(self, ids: list[int]) -> Shares:
        """Shape (len(ids), kinds): B- and I- of one kind are added up."""
        row = np.array([[self._first, *ids, self._last]], dtype=np.int64)
        given = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        (logits, *_) = self._session.run(None, {name: given[name] for name in self._inputs})
        raised = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
        shares: Shares = (raised / raised.sum(axis=-1, keepdims=True)) @ self._sums
        return shares[1:-1]


def windows(count: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, until): looks of at most `WINDOW` tokens; each decides the tokens not yet decided, up to `until`."""
    start = 0
    while start < count:
        end = min(start + WINDOW, count)
        yield start, end, end if end == count else end - OVERLAP // 2
        if end == count:
            return
        start = end - OVERLAP


def gather(text: str, words: Sequence[Word], threshold: float = THRESHOLD) -> list[Named]:
    """Words → names and addresses: neighbours of one kind are one, over blanks, commas, initials and "Apt."."""
    found: list[Named] = []
    for label, likely in ((NAME, attrgetter("name")), (ADDRESS, attrgetter("place"))):
        run: list[Word] = []
        for word in words:
            if likely(word) < threshold or not text[word.span.start : word.span.end].strip(_MARKS):
                continue
            if run and not _BETWEEN[label].fullmatch(text[run[-1].span.end : word.span.start]):
                found += _closed(text, label, run, min(map(likely, run)))
                run = []
            run.append(word)
        found += _closed(text, label, run, min(map(likely, run), default=0.0))
    return sorted(found, key=lambda one: one.span)


def _closed(text: str, label: str, run: Sequence[Word], score: float) -> list[Named]:
    """A town, a state or a house number alone is nobody's address; an address has a digit or a street."""
    if not run:
        return []
    parts = {word.part for word in run}
    span = Span(run[0].span.start, run[-1].span.end)
    if label == NAME and text[span.start].islower() and score < LOWER_CASE_THRESHOLD:
        return []
    town = len(parts & {"CITY", "ZIP_CODE", "BUILDING_NUMBER"}) > 1
    if label == ADDRESS and not ("STREET_NAME" in parts or "SECONDARY_ADDRESS" in parts or town):
        return []
    if span.end - span.start < 2 or (label == ADDRESS and not any(c.isdigit() for c in text[span.start : span.end])):
        return []
    return [Named(label, span, score)]


@cache
def _classifier() -> Classifier:
    return Classifier()


_reading = Lock()
_remembered: OrderedDict[str, list[Named]] = OrderedDict()


def look_names(texts: Sequence[str]) -> list[list[Named]]:
    """Names and addresses of each text. Loads the model when first called; raises `ModelFilesError` if it cannot."""
    with _reading:
        return [_look(text.encode("utf-8", "replace").decode("utf-8")) for text in texts]


def _look(text: str) -> list[Named]:
    key = sha256(text.encode("utf-8")).hexdigest()
    if key not in _remembered:
        _remembered[key] = gather(text, _classifier().words(text))
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return _remembered[key]


class _Reader:
    """One label of `look_names` as a detector."""

    label: str
    info: DetectorInfo

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure:
        """Findings of all segments, or UNAVAILABLE when the model's files are not what was shipped."""
        try:
            named = await asyncio.to_thread(look_names, [segment.text for segment in segments])
        except ModelFilesError:
            return Failure(self.info.id, FailureKind.UNAVAILABLE, segments[0].stage)
        return [
            Finding(self.info.id, "privacy.pii", 1.0, segment, one.span, evidence=Evidence(label=self.label))
            for segment, found in zip(segments, named, strict=True)
            for one in found
            if one.label == self.label
        ]


def _about(id_: str) -> DetectorInfo:
    return DetectorInfo(
        id_, MODEL_SHA256[:12], frozenset({"privacy.pii"}), Tier.MODEL, Unit.MATCH, spans=True,
        languages=frozenset({"en", "de", "fr", "es", "it", "pt", "nl"}), personal_data=True, overlap=64,
    )  # fmt: skip


class PersonName(_Reader):
    """`pii.name`."""

    label = NAME
    info = _about("pii.name")


class PostalAddress(_Reader):
    """`pii.address`: at least a street, or a town with its code or number."""

    label = ADDRESS
    info = _about("pii.address")


def all_detectors() -> tuple[PersonName, PostalAddress]:
    """Both; they share one model and each other's readings."""
    return (PersonName(), PostalAddress())

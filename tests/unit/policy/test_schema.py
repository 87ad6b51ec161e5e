"""The JSON Schema for editors says what the loader says, as far as one file shows it."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from guardproxy.policy.codes import Form, all_codes
from guardproxy.policy.document import document
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse, plain, read
from guardproxy.policy.schema import schema, text

ROOT = Path(__file__).parents[3]
CASES = ROOT.parents[0] / "shared" / "cases" / "policy_files"
WHOLE = schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(WHOLE)
ITEMS = {"rules": "rule", "override": "override", "exceptions": "exception", "tests": "test"}
GOOD = [
    *sorted((ROOT / "policies").glob("*.yaml")),
    ROOT / "guardproxy" / "demo" / "policies" / "demo.yaml",
    ROOT / "guardproxy" / "testing" / "mutations" / "subject" / "support-chat.yaml",
]


def said_of(tree):
    return [f"{list(error.instance_path)}: {error.message}" for error in VALIDATOR.iter_errors(tree)]


def test_the_file_beside_the_policies_is_up_to_date():
    file = ROOT / "policies" / "schema" / "policy-v1.json"
    assert file.read_text(encoding="utf-8") == text(), f"guardproxy schema > {file}"


def test_it_is_a_schema():
    jsonschema_rs.meta.validate(WHOLE)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_our_own_policies(path):
    assert said_of(plain(read(path))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_policies_name_it(path):
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# yaml-language-server")
    ]
    assert lines == ["# yaml-language-server: $schema=schema/policy-v1.json"]


def examples():
    for code in all_codes():
        for word, example in (("wrong", code.wrong), ("right", code.right)):
            if code.form is not Form.TOLD:
                yield from ((f"{code.code}-{word}-{name}", name, body) for name, body in code.files(example).items())


@pytest.mark.parametrize(("name", "body"), [pytest.param(n, b, id=i) for i, n, b in examples()])
def test_it_never_refuses_what_the_loader_takes(name, body, tmp_path):
    problems = Problems()
    root = parse(body.encode("utf-8", "surrogateescape"), str(tmp_path / name), problems)
    if root is not None:
        document(tmp_path / name, root, problems)
    if not problems.errors:
        assert said_of(plain(root)) == []


def mappings(shape, path):
    """Each mapping with a closed set of keys that a policy can hold, by the path to it."""
    while "$ref" in shape:
        shape = WHOLE["$defs"][shape["$ref"].rsplit("/", 1)[1]]
    for other in shape.get("anyOf", ()):
        yield from mappings(other, path)
    if "items" in shape:
        yield from mappings(shape["items"], (*path, 0))
    if "properties" in shape and shape.get("additionalProperties") is False:
        yield path, sorted(shape["properties"])
        for key, value in shape["properties"].items():
            yield from mappings(value, (*path, key))


def wrapped(path, inner):
    for step in reversed(path):
        inner = [inner] if step == 0 else {step: inner}
    return inner


CLOSED = [(path, keys) for path, keys in mappings(WHOLE, ()) if "messages" not in path[:1]]
STRANGE = "zqzqzqzq"


@pytest.mark.parametrize(("path", "keys"), CLOSED, ids=[".".join(map(str, path)) or "top" for path, _ in CLOSED])
def test_its_keys_are_the_keys_of_the_loader(path, keys, tmp_path):
    """The loader names all it knows when it meets a key it does not know."""
    problems = Problems()
    file = tmp_path / "example.yaml"
    document(file, parse(json.dumps(wrapped(path, {STRANGE: 1})).encode(), str(file), problems), problems)
    [hint] = {row.hint for row in problems if STRANGE in row.message}
    known = hint.partition(": ")[2].split(", ")
    extra = {"stage"} if path and path[-1] in ("expect", "would") else set()
    assert set(keys) - extra == set(known) - extra


def test_there_are_many_of_them():
    assert len(CLOSED) >= 25
    assert ("rules", 0) in {path for path, _ in CLOSED}
    assert ("conversation", "escalation", "steps") in {path for path, _ in CLOSED}


def test_every_key_is_explained_and_nothing_else():
    help_of = plain(read(ROOT / "guardproxy" / "policy" / "keys.yaml"))
    items = {name: WHOLE["properties"][key]["items"]["properties"] for key, name in ITEMS.items()}
    shown = {"policy": WHOLE["properties"], **items}
    assert help_of.keys() == shown.keys()
    for name, properties in shown.items():
        assert {key: value["description"] for key, value in properties.items()} == dict(help_of[name].items())


def texts(cell):
    return {"guardproxy": "policy/v1", "policy": "a", "revision": 1, "owner": "abc", "about": "a" * 10, "extends": "base",
            "messages": cell}  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "good"),
    [
        ({"hard": {"en": "a text"}, "tone": "warm", "default_locale": "pt-BR"}, True),
        ({"by_hazard": {"crime.fraud": {"hard": {"en": "a text"}}, "custom.kites": {"short": {"en": "a text"}}}}, True),
        ({"by_hazard": {"self_harm.intent": {"crisis": {"en": "a text"}}}}, True),
        ({"by_hazard": {"self_harm.intent": {"hard": {"en": "a text"}}}}, False),
        ({"by_hazard": {"crime.frauds": {"hard": {"en": "a text"}}}}, False),
        ({"by_rule": {"a-rule": {"notice": {"en": "a text"}}}}, True),
        ({"by_rule": {"a_rule": {"notice": {"en": "a text"}}}}, False),
        ({"hrad": {"en": "a text"}}, False),
        ({"hard": {"english": "a text"}}, False),
        ({"tone": "friendly"}, False),
    ],
)
def test_texts(cell, good):
    assert (said_of(texts(cell)) == []) is good


def rows():
    manifest = CASES / "manifest.jsonl"
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()] if manifest.exists() else []


def judged(row):
    """True, False, or None where the files are no YAML that we read."""
    path = CASES / row["file"]
    found = []
    for file in sorted(path.rglob("*.yaml")) if path.is_dir() else [path]:
        problems = Problems()
        root = parse(file.read_bytes(), str(file), problems)
        if root is None or problems.errors:
            return None
        found.append(VALIDATOR.is_valid(plain(root)))
    return all(found)


@pytest.mark.skipif(not rows(), reason="the case kit is not beside the checkout")
def test_the_case_kit():
    """Controls pass; of 69 bad files 26 are marked while one types, and 18 are no YAML to begin with."""
    verdicts = {row["file"]: judged(row) for row in rows()}
    bad = [row["file"] for row in rows() if row["expect"] == "refused"]
    assert [row["file"] for row in rows() if row["file"] not in bad and not verdicts[row["file"]]] == []
    assert [sum(verdicts[file] is said for file in bad) for said in (False, None, True)] == [26, 18, 25]

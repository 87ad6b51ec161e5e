import json
from types import MappingProxyType

from guardproxy.testing.clients.asking import Shown
from guardproxy.testing.clients.families import FAMILIES
from guardproxy.testing.clients.golden import EXCUSED, GOLDEN, accepted, written, wrong
from guardproxy.testing.clients.scenarios import Cell, Raised, Seen

ALLOW, FAULT, WAITS = (
    Cell("chat", "plain", "allow"),
    Cell("chat", "plain", "fault"),
    Cell("responses", "plain", "allow"),
)
CALM = Seen("A calm answer.", "stop", None, None, 1)
BROKEN = Seen("", None, None, Raised("APIError", "guard_unavailable", 503, explains=False), 0)


def shown(seen, decided, family="openai-py"):
    return Shown(FAMILIES[family], {"openai": "1"}, MappingProxyType(seen), {WAITS: "waits for /responses"}, decided)


def test_what_was_accepted_is_right():
    now = shown({ALLOW: CALM, FAULT: BROKEN}, 2)
    text = accepted([now], {"openai-py": {"chat plain gone": {}, WAITS.name: {"text": "kept"}}, "llm-py": {"x": {}}})
    golden = json.loads(text)
    assert golden == {
        "llm-py": {"x": {}},
        "openai-py": {
            ALLOW.name: {"text": "A calm answer.", "finish": "stop", "calls": 1},
            FAULT.name: {"error": {"kind": "APIError", "code": "guard_unavailable", "status": 503}, "calls": 0},
            WAITS.name: {"text": "kept"},
        },
    }
    assert wrong(now, golden) == []


def test_a_difference_is_told():
    golden = {"openai-py": {ALLOW.name: {"text": "Hm."}, "chat plain gone": {}}}
    different, gone = wrong(shown({ALLOW: CALM}, 1), golden)
    assert different.startswith("openai-py chat plain allow: {'text': 'A calm answer.'")
    assert gone == "openai-py chat plain gone: expected, but there is no such cell"


def test_what_is_new_is_held_to_the_laws_only():
    now = shown({ALLOW: CALM}, 1)
    assert wrong(now, {}, new=True) == []
    assert len(wrong(now, {})) == 1
    assert "law" in wrong(shown({ALLOW: BROKEN}, 1), {}, new=True)[0]


def test_a_broken_law_cannot_be_accepted():
    now = shown({ALLOW: BROKEN}, 1)
    (line,) = wrong(now, json.loads(accepted([now], {})))
    assert "breaks the law" in line


def test_a_question_asked_twice_is_told_unless_the_client_cannot_help_it():
    golden = {name: {FAULT.name: written(BROKEN)} for name in ("openai-py", "llm-py")}
    assert "3 decisions instead of 1" in wrong(shown({FAULT: BROKEN}, 3), golden)[0]
    assert wrong(shown({FAULT: BROKEN}, 3, "llm-py"), golden) == []


def test_excuses_belong_to_cells_that_are_written_down():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    places = {f"{family} {cell}" for family, cells in golden.items() for cell in cells}
    assert set(EXCUSED) <= places
    assert set(golden) == set(FAMILIES)

"""The corpus and the policy belong together: what is ugly is caught, what is a fact is not, and nothing is vile."""

import pytest

from guardproxy.cli.demo import POLICY
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.judge import Context, judge
from guardproxy.demo.next_word import CORPUS, shipped
from guardproxy.detectors.registry import inspector
from guardproxy.proxy.settings import AuditSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall

WANTED = {
    "rude": ("refuse", "harassment.abuse"),
    "hate": ("refuse", "hate.speech"),
    "illicit": ("refuse", "crime.property"),
    "false": ("warn", "misinfo.general"),
    "facts": ("allow", ""),
}
LINES = [line for line in shipped().lines if line.register in WANTED]


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(POLICY), changes=str(folder / "c.jsonl")),
        audit=AuditSettings(mode="off", path=str(folder / "a.jsonl")),
    )
    hall = open_hall(settings, lambda: 0.0)
    policy = hall.shelf.policies[0]
    look = inspector()(policy)

    def judged(text):
        verdicts = judge(look([Segment(text, Stage.OUTPUT, Scope.MODEL)]), policy, Stage.OUTPUT, Context())
        return decide(verdicts, policy.ref, Stage.OUTPUT)

    return judged


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.register}-{'-'.join(line.words[:4])}")
def test_each_line_is_decided_by_its_register(line, decided):
    decision = decided(" ".join(line.words))
    action, hazard = WANTED[line.register]
    assert decision.action.word == action
    assert not hazard or decision.hazard == hazard


def test_there_are_about_two_hundred_lines_of_every_kind():
    registers = [line.register for line in shipped().lines]
    assert 180 <= len(registers) <= 220
    assert min(registers.count(kind) for kind in (*WANTED, "leak")) >= 5


def test_no_line_names_a_real_group_or_a_working_method():
    """A word test: identities, weapons, substances, self-harm and coarse words have no place in the corpus."""
    banned = (
        *("muslim", "jew", "christian", "black", "white people", "gay", "lesbian", "trans ", "immigrant", "refugee"),
        *("african", "asian", "women are", "men are", "disabled", "bomb", "gun", "knife fight", "poison", "drug"),
        *("kill yourself", "suicide", "fuck", "shit", "bitch", "idiot", "retard", "vermin", "password", "malware"),
    )
    text = CORPUS.read_text(encoding="utf-8").lower()
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    assert [word for word in banned if any(word in line for line in lines)] == []


def test_personal_data_is_reserved_for_examples():
    words = [w for line in shipped().lines for w in line.words]
    assert all(w.endswith("@example.invalid") for w in words if "@" in w and w.endswith("invalid"))
    assert not [w for w in words if "@" in w and not w.endswith("example.invalid")]
    assert all(w.startswith("sk-test-") for w in words if w.startswith("sk-"))

"""What the command prepares: a policy in two states, settings that write nothing, a greeting that can be pasted."""

import json
import shlex
from pathlib import Path

from guardproxy.cli.demo import POLICY, _greeting, _settings, _showing
from guardproxy.detectors.registry import inspector, installed
from guardproxy.policy.shelf import Shelf


def test_both_states_of_the_policy_load_and_pass_their_tests(tmp_path):
    file = tmp_path / POLICY.name
    file.write_bytes(POLICY.read_bytes())
    showing = _showing(file)
    actions = {}
    for name, state in (("usual", showing.usual), ("strict", showing.strict)):
        file.write_bytes(state)
        policy = Shelf.open(file, installed(), inspector(), lambda: 0.0).policies[0]
        rule = next(r for r in policy.rules if r.id == "false-claims")
        actions[name] = (policy.ref.revision, rule.strongest.word)
    assert actions == {"usual": (1, "warn"), "strict": (2, "refuse")}


def test_nothing_is_written_and_no_classifier_is_loaded():
    settings = _settings("127.0.0.1", (1, 2, 3), "http://127.0.0.1:3", POLICY)
    assert settings.audit.mode == "off"
    assert settings.detectors.embedded is False
    assert settings.log.level == "warning"
    assert settings.upstream.url == "http://127.0.0.1:3"


def test_the_commands_are_valid_shell_and_json():
    lines = _greeting("[::1]", (8080, 8081), "http://[::1]:8082", POLICY).splitlines()
    commands = [shlex.split(line) for line in lines if line.strip().startswith("curl")]
    assert len(commands) == 3
    for command in commands:
        assert json.loads(command[-1])["messages"]
    assert [line.split()[-1] for line in lines if line.startswith("  console")] == ["http://[::1]:8081/admin/demo"]


def test_nothing_is_written_or_read_beside_the_policy(tmp_path):
    settings = _settings("127.0.0.1", (0, 0, 0), "http://127.0.0.1:9", tmp_path / POLICY.name)
    assert {Path(settings.policies.changes).parent, Path(settings.audit.path).parent} == {tmp_path}

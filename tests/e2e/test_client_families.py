"""Real client libraries before a real proxy: the families that install in seconds. `make clients` asks all of them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from guardproxy.testing.clients.asking import look
from guardproxy.testing.clients.families import FAMILIES, ROOT, make_environment
from guardproxy.testing.clients.golden import GOLDEN, wrong
from guardproxy.testing.clients.house import open_house
from guardproxy.testing.clients.scenarios import GUARDED
from guardproxy.testing.clients.snippets import complaint, snippets

NODE = pytest.mark.node
PAGE = ROOT / "docs" / "clients.md"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.mark.parametrize(
    "name",
    [
        "openai-py",
        "anthropic-py",
        "langchain-py",
        pytest.param("openai-node", marks=NODE),
        pytest.param("ai-sdk-js", marks=NODE),
    ],
)
def test_a_family_shows_what_is_expected(house, name):
    family = FAMILIES[name]
    if family.in_javascript and shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    # The suite has OpenAI's client itself.
    environment = Path(sys.prefix) if name == "openai-py" else make_environment(family)
    shown = look(family, environment, house)
    assert wrong(shown, json.loads(GOLDEN.read_text(encoding="utf-8")), new=True) == []
    page = PAGE.read_text(encoding="utf-8")
    base = house.proxies[GUARDED].base
    examples = [one for one in snippets(page) if one.family == name and shown.seen]
    assert "".join(complaint(one, environment, base) for one in examples) == ""
    assert shown.seen or all(why.startswith("waits for") for why in shown.left_out.values())

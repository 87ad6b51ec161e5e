"""The demo's page in a real browser: columns, reasons, counter, keys, narrow screens, faults.

GUARDPROXY_SHOTS names a folder for the pictures; without it they go to pytest's own.
"""

import os
from pathlib import Path

import pytest

from guardproxy.demo.prompts import PROMPTS
from guardproxy.testing.demo_process import running_demo

from .chromium import BINARY, browser

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BINARY is None, reason="no Chromium here")]

READY = "document.getElementById('status')?.textContent.startsWith('Ready')"
DONE = "document.getElementById('status').textContent === 'Done.'"
TEXTS = """Object.fromEntries(['raw', 'guarded', 'why'].map((id) => [id, {
  text: document.querySelector(`#${id} [data-answer]`).textContent,
  badge: document.querySelector(`#${id} [data-badge]`).textContent,
  fault: document.querySelector(`#${id} [data-fault]`).hidden ? '' : document.querySelector(`#${id} [data-fault]`).textContent,
  busy: document.getElementById(id).getAttribute('aria-busy'),
}]))"""
COUNTS = "Object.fromEntries([...document.querySelectorAll('#counters dd')].map((d) => [d.id, Number(d.textContent)]))"
BADGES = {
    "declined": "declined",
    "notice": "notice added",
    "crisis": "help comes first",
    "redacted": "parts taken out",
    "cut": "cut off",
}
ACTIVE = "document.activeElement.id || document.activeElement.dataset.task || document.activeElement.className"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
async def page(demo, tmp_path):
    async with browser(tmp_path / "profile") as page:
        await page.open(demo.console)
        assert await page.until(READY)
        yield page


@pytest.fixture
def shots(tmp_path):
    folder = Path(os.environ.get("GUARDPROXY_SHOTS", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


async def click(page, task):
    await page.value(f"document.querySelector('[data-task={task}]').click()")
    assert await page.until(DONE)
    return await page.value(TEXTS)


async def test_the_first_screen_is_empty_and_says_what_to_do(page, shots, demo):
    columns = await page.value(TEXTS)
    assert [c["text"].partition(".")[0] for c in columns.values()] == [
        *["Nothing asked yet"] * 2,
        "Nothing decided yet",
    ]
    assert await page.value("document.querySelectorAll('#prepared button').length") == 14
    assert await page.value(ACTIVE) == "prompt"
    assert page.complaints == []
    origin = demo.console.removesuffix("/admin/demo")
    assert [u for u in page.requests if not u.startswith((origin, "data:"))] == []
    await page.picture(shots / "empty.png")


async def test_all_prepared_prompts_show_what_was_decided(page, shots):
    before = await page.value(COUNTS)
    for prompt in PROMPTS:
        columns = await click(page, prompt.id)
        assert columns["why"]["badge"] == prompt.action, prompt.id
        assert all(c["fault"] == "" and c["busy"] == "false" for c in columns.values()), prompt.id
        if prompt.action == "allow":
            assert columns["raw"]["text"] == columns["guarded"]["text"]
            assert columns["guarded"]["badge"] == "unchanged, byte for byte"
        else:
            assert prompt.rule in columns["why"]["text"]
            assert "demo.yaml:" in columns["why"]["text"]
        if prompt.kind in BADGES:
            assert columns["guarded"]["badge"] == BADGES[prompt.kind]
        await page.picture(shots / f"{prompt.kind}-{prompt.id}.png")
    after = await page.value(COUNTS)
    moved = {name: after[name] - before[name] for name in after}
    assert moved == {"refusals": 5, "notices": 2, "redactions": 1, "untouched": 6}
    assert page.complaints == []


async def test_keys_are_enough(page):
    await page.write("You are such")
    await page.press("Enter")
    assert await page.until(DONE)
    assert (await page.value(TEXTS))["guarded"]["badge"] == "declined"
    order = []
    while "capital" not in order and len(order) < 12:
        await page.press("Tab")
        order.append(await page.value(ACTIVE))
    assert order[:2] == ["model", "send"]
    await page.press("Enter")
    assert await page.until("document.getElementById('prompt').value === 'The capital of France is'")
    assert await page.until(DONE)


async def test_escape_stops_a_slow_answer(page, shots):
    await page.value("document.getElementById('model').value = 'raw-slow'")
    await page.write("Describe the river.")
    await page.press("Enter")
    assert await page.until("document.querySelector('#raw [data-answer]').textContent.length > 5")
    assert (await page.value(TEXTS))["raw"]["busy"] == "true"
    await page.picture(shots / "busy.png")
    await page.press("Escape")
    assert await page.until("document.getElementById('status').textContent === 'Stopped.'")
    assert {c["fault"] for c in (await page.value(TEXTS)).values()} == {"Stopped.", "Stopped before it was decided."}


async def test_a_model_that_breaks_off_is_shown_as_a_fault(page, shots):
    await page.value("document.getElementById('model').value = 'raw-cut'")
    await page.write("Describe the river.")
    await page.press("Enter")
    assert await page.until(DONE)
    columns = await page.value(TEXTS)
    assert columns["raw"]["fault"].startswith("No complete answer")
    assert columns["guarded"]["fault"].startswith("No complete answer")
    assert columns["why"]["badge"] == "error"
    await page.picture(shots / "fault.png")


async def test_markup_in_a_prompt_stays_text(page):
    await page.write("<img src=x onerror=alert(1)> <b>The river</b>")
    await page.press("Enter")
    assert await page.until(DONE)
    assert await page.value("document.querySelectorAll('main img, main b').length") == 0
    assert page.complaints == []


async def test_a_narrow_screen_has_one_column_and_no_sideways_scrolling(page, demo, shots):
    await page.open(demo.console + "?prompt=moon", width=360, height=1800)
    assert await page.until(DONE)
    lefts = await page.value("[...document.querySelectorAll('article')].map((a) => a.getBoundingClientRect().left)")
    assert len(set(lefts)) == 1
    assert await page.value("document.documentElement.scrollWidth <= 360")
    await page.picture(shots / "narrow.png")


async def test_the_switch_reloads_the_policy(page, shots):
    await page.value("document.getElementById('strict').click()")
    assert await page.until("document.getElementById('switched').textContent.startsWith('In force')")
    try:
        assert await page.value("document.getElementById('policy').textContent.startsWith('demo@2')")
        assert (await click(page, "moon"))["why"]["badge"] == "refuse"
        await page.picture(shots / "switched.png")
    finally:
        await page.value("document.getElementById('strict').click()")
        assert await page.until("document.getElementById('policy').textContent.startsWith('demo@1')")

"""The console in a real browser: every page by keyboard, light and dark, contrast, live rows, no text of users.

GUARDPROXY_SHOTS names a folder for the pictures; without it they go to pytest's own.
"""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from guardproxy.demo.prompts import PROMPTS
from guardproxy.testing.demo_process import running_demo

from .chromium import BINARY, browser

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BINARY is None, reason="no Chromium here")]

SAID = "marmalade-and-zeppelins"
PAGES = ("overview", "playground", "policies", "policies/demo", "decisions")
RUDE = "You are such a dummy"
REACHED = """(() => { const e = document.activeElement; return e === document.body ? '' :
  [...document.querySelectorAll('*')].indexOf(e) + ' ' + (e.id || e.name || e.getAttribute('href') || e.className || e.tagName); })()"""
REACHABLE = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((e) => !e.disabled && e.getClientRects().length)
  .map((e) => [...document.querySelectorAll('*')].indexOf(e) + ' ' +
    (e.id || e.name || e.getAttribute('href') || e.className || e.tagName))"""
CONTRAST = """(() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) {
    const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor); if (a === 1) return [r, g, b]; } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('svg') || e.disabled || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${e.textContent.slice(0, 30)}`);
  }
  return poor;
})()"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        with httpx.Client(base_url=running.proxy, timeout=30) as http:
            for model, prompt in (("raw-base", "You are such"), ("raw-base", SAID), ("raw-mixed", "My card is")):
                body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
                http.post("/chat/completions", json=body)
            streamed = {
                "model": "raw-mixed",
                "stream": True,
                "messages": [{"role": "user", "content": "Describe the river."}],
            }
            http.post("/chat/completions", json=streamed)
        yield running


@pytest.fixture
def admin(demo):
    return demo.console.removesuffix("demo")


@pytest.fixture
async def page(tmp_path):
    async with browser(tmp_path / "profile") as page:
        yield page


@pytest.fixture
def shots(tmp_path):
    folder = Path(os.environ.get("GUARDPROXY_SHOTS", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


async def scheme(page, name):
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])


async def play(page, admin, text=RUDE, role="assistant"):
    await page.open(admin + "playground")
    await page.value("document.getElementById('text').focus()")
    await page.write(text)
    await page.value(f"document.getElementById('role').value = '{role}'")
    await page.value("document.getElementById('try').focus()")
    await page.press("Enter")
    assert await page.until("document.getElementById('verdict-title') !== null")


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_every_page_has_enough_contrast_and_loads_nothing_from_outside(page, admin, shots, colours):
    await scheme(page, colours)
    for name in PAGES:
        await page.open(admin + name)
        assert await page.value(CONTRAST) == [], name
        await page.picture(shots / f"{name.replace('/', '-')}-{colours}.png")
    await play(page, admin)
    assert await page.value(CONTRAST) == []
    await page.picture(shots / f"played-{colours}.png")
    await page.open(admin + "decisions")
    await page.open(await page.value("document.querySelector('#tail tbody tr:last-child a').href"))
    assert await page.value(CONTRAST) == []
    await page.picture(shots / f"decision-{colours}.png")
    assert [u for u in page.requests if not u.startswith((admin, "data:"))] == []
    assert page.complaints == []


@pytest.mark.parametrize("name", PAGES)
async def test_tab_reaches_everything_in_its_order(page, admin, name):
    await page.open(admin + name + ("?live=" if name == "decisions" else ""))
    await page.value("document.activeElement.blur()")
    wanted = await page.value(REACHABLE)
    got = []
    for _ in wanted:
        await page.press("Tab")
        got.append(await page.value(REACHED))
    assert got == wanted


async def test_the_playground_by_keyboard(page, admin):
    await page.open(admin + "playground")
    await page.value("document.getElementById('text').focus()")
    await page.write(RUDE)
    for _ in range(5):
        await page.press("Tab")
    assert await page.value("document.activeElement.id") == "try"
    await page.press("Enter")
    assert await page.until("document.getElementById('verdict-title') !== null")
    assert await page.value("location.pathname") == "/admin/playground"
    assert page.complaints == []


async def test_markup_stays_text(page, admin):
    await play(page, admin, "<img src=x onerror=alert(1)> <b>The river</b>")
    assert await page.value("document.querySelectorAll('main img, main b').length") == 0
    assert "<b>The river</b>" in await page.value("document.querySelector('.reads').textContent")
    assert page.complaints == []


async def test_new_decisions_arrive_and_the_focus_stays(page, admin, demo):
    await page.open(admin + "decisions")
    before = await page.value("document.querySelectorAll('#tail tbody tr').length")
    await page.value("document.querySelector('#tail tbody a').focus()")
    focused = await page.value("document.activeElement.id")
    body = {"model": "raw-base", "messages": [{"role": "user", "content": SAID}]}
    async with httpx.AsyncClient(base_url=demo.proxy, timeout=30) as http:
        await http.post("/chat/completions", json=body)
    assert await page.until(f"document.querySelectorAll('#tail tbody tr').length > {before}")
    assert await page.value("document.activeElement.id") == focused
    await page.value("document.querySelector('[name=live]').click()")
    assert await page.until("!document.getElementById('tail').hasAttribute('hx-get')")
    assert page.complaints == []


async def test_the_filters_without_a_page_load(page, admin):
    await page.open(admin + "decisions")
    await page.value(
        "{const s = document.getElementById('action'); s.value = 'refuse'; s.dispatchEvent(new Event('change', {bubbles: true}))}"
    )
    assert await page.until(
        "[...document.querySelectorAll('#tail tbody .badge')].every((b) => b.dataset.tone === 'refuse')"
    )
    assert await page.value("document.querySelectorAll('#tail tbody tr').length") >= 1


@pytest.mark.parametrize("name", PAGES)
async def test_a_narrow_screen_does_not_scroll_sideways(page, admin, shots, name):
    await page.open(admin + name, width=360, height=900)
    assert await page.value("document.documentElement.scrollWidth") <= 360
    await page.picture(shots / f"narrow-{name.replace('/', '-')}.png")


async def test_a_broken_file_is_shown_where_it_is_broken(page, admin, shots, demo):
    policy = Path(demo.greeting[-1].rpartition(": ")[2])
    good = policy.read_text()
    policy.write_text(good.replace("    on_match: warn", "    on_mach: warn", 1))
    try:
        await page.open(admin + "policies")
        await page.value("document.querySelector('.bar button').focus()")
        await page.press_and_load("Enter")
        assert await page.value("document.querySelector('.banner') !== null")
        assert "refused" in await page.value("document.querySelector('#history .bad').textContent")
        for colours in ("light", "dark"):
            await scheme(page, colours)
            assert await page.value(CONTRAST) == []
            await page.picture(shots / f"refused-{colours}.png")
        await page.open(admin + "policies/demo")
        assert "GP104" in await page.value("document.querySelector('.source').textContent")
        for colours in ("light", "dark"):
            await scheme(page, colours)
            assert await page.value(CONTRAST) == []
            await page.picture(shots / f"broken-{colours}.png")
    finally:
        policy.write_text(good)
        httpx.post(admin + "policies/load", timeout=30)


async def test_a_candidate_is_tried_and_put_in_force_by_keyboard(page, admin, shots, demo, tmp_path):
    policy = Path(demo.greeting[-1].rpartition(": ")[2])
    candidate = tmp_path / policy.name
    text = policy.read_text().replace("revision: 1", "revision: 8", 1)
    candidate.write_text(text.replace("    on_match: warn", "    on_match: refuse").replace("{warn: ", "{refuse: "))
    await page.open(admin + "policies")
    await page.value("document.getElementById('path').focus()")
    await page.write(str(candidate))
    await page.press_and_load("Enter")
    moon = next(prompt for prompt in PROMPTS if prompt.id == "moon")
    body = {"model": moon.model, "messages": [{"role": "user", "content": moon.text}]}
    async with httpx.AsyncClient(timeout=30) as http:
        for _ in range(3):
            await http.post(demo.proxy + "/chat/completions", json=body)
        seen = 0
        async with asyncio.timeout(30):
            while seen < 3:  # the candidate judges after the answer has left
                pairs = (await http.get(admin + "candidate")).json()["comparison"]["pairs"]
                seen = pairs[0]["exchanges"] if pairs else 0
    await page.open(admin + "policies")
    for colours in ("light", "dark"):
        await scheme(page, colours)
        assert await page.value(CONTRAST) == []
        await page.picture(shots / f"candidate-{colours}.png")
    assert "100.0 %" in await page.value("document.querySelector('#candidate table').textContent")
    await page.value("document.querySelector('[action$=promote] button').focus()")
    await page.press_and_load("Enter")
    assert "demo@8" in await page.value("document.querySelector('#history').textContent")
    await page.picture(shots / "promoted.png")
    await page.value("document.querySelector('[action$=rollback] button').focus()")
    await page.press_and_load("Enter")
    assert "rollback by console" in await page.value("document.querySelector('#history').textContent")
    await page.value("document.querySelector('[formaction$=withdraw]').focus()")
    await page.press_and_load("Enter")
    assert page.complaints == []


async def test_no_text_of_users_on_any_page_of_decisions(demo, admin):
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=30) as http:
        table = (await http.get(admin + "decisions?live=1")).text
        ids = [piece.partition('"')[0] for piece in table.split('id="d-')[1:]]
        assert len(ids) >= 4
        pages = [table, (await http.get(admin + "overview")).text]
        pages += [(await http.get(f"{admin}decisions/{found}")).text for found in ids]
        pages += [(await http.get(f"{admin}decisions/{found}", headers={"accept": "*/*"})).text for found in ids]
    assert not [text for text in pages if SAID in text or "Describe the river" in text or "You are such" in text]

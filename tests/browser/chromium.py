"""Headless Chromium over the DevTools protocol: open a page, ask it for a value, press keys, take a picture."""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
from contextlib import asynccontextmanager

import aiohttp

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions", "--no-first-run")
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}


class Page:
    """One tab. `requests` are the addresses it loaded, `complaints` what its console said."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._loaded = asyncio.Event()
        self.requests = []
        self.complaints = []

    async def listen(self):
        async for message in self._socket:
            tree = json.loads(message.data)
            if "id" in tree:
                self._waiting.pop(tree["id"]).set_result(tree)
            elif tree["method"] == "Network.requestWillBeSent":
                self.requests.append(tree["params"]["request"]["url"])
            elif tree["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif tree["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(tree["params"]))

    async def call(self, method, **params):
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(self._waiting[number], 60)
        assert "error" not in answer, answer
        return answer["result"]

    async def value(self, expression):
        """What JavaScript says; a promise is waited for."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        result = await self.call("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition):
        """Waits in the page until the condition holds; false after 30 seconds."""
        return await self.value(
            f"""new Promise((done) => {{
              const end = Date.now() + 30000;
              const look = () => ({condition}) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20);
              look();
            }})"""
        )

    async def open(self, url, width=1300, height=1250):
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def press(self, key):
        text = {"Enter": "\r", " ": " "}.get(key, "")
        more = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **more)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **more)

    async def press_and_load(self, key):
        self._loaded.clear()
        await self.press(key)
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def write(self, text):
        await self.call("Input.insertText", text=text)

    async def picture(self, path):
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def browser(folder):
    """A fresh browser with one page; it ends with the block."""
    command = [BINARY, *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(t for t in await answer.json(content_type=None) if t["type"] == "page")
            async with http.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
                listening.cancel()
    finally:
        process.terminate()
        process.wait(20)


async def _port(file):
    """Chromium writes the port it chose into its profile."""
    async with asyncio.timeout(60):
        while not (file.exists() and file.read_text().strip()):
            await asyncio.sleep(0.02)
    return int(file.read_text().splitlines()[0])

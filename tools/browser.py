"""A headless Chromium, driven over its own protocol: enough to look at a page and to ask it questions."""

import asyncio
import base64
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

DEADLINE_S = 30.0


def find_chromium() -> str:
    """Return the browser's path; ends the program where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or sys.exit("no Chromium was found; install one: apt install chromium")


class Page:
    """One tab. `errors` are what the page wrote to its console as errors, and what it did not catch."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def read(self) -> None:
        """Read what the browser says, until it is gone."""
        async for message in self._socket:
            value = json.loads(message.data)
            if (waiting := self._waiting.pop(value.get("id", 0), None)) and not waiting.done():
                waiting.set_result(value.get("result", value))
            params = value.get("params", {})
            match value.get("method"):
                case "Runtime.exceptionThrown":
                    details = params["exceptionDetails"]
                    self.errors.append(details.get("exception", {}).get("description", details["text"]))
                case "Log.entryAdded" if params["entry"]["level"] == "error":
                    self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
                case "Network.requestWillBeSent":
                    self.requests.append(params["request"]["url"])

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol."""
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(DEADLINE_S):
            return await answer

    async def open(self, url: str, *, width: int = 1440, height: int = 900, phone: bool = False) -> None:
        """Show `url` in a window of a size (CSS pixels)."""
        for domain in ("Runtime", "Log", "Network", "Page"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        await self.call("Page.navigate", url=url)

    async def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer.get("result", {}).get("value")

    async def until(self, expression: str, deadline_s: float = DEADLINE_S) -> Any:
        """Return the value of an expression once it is true. Raises TimeoutError, with the page's errors."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    if value := await self.ask(expression):
                        return value
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"never true: {expression}; errors of the page: {self.errors}") from None

    async def shoot(self, path: Path) -> None:
        """Write a PNG of what is seen."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


@contextlib.asynccontextmanager
async def browse() -> AsyncIterator[Page]:
    """Start a browser with a profile of its own and yield its tab; leaving ends the browser."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            find_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session:
                url = await _tab_url(session, Path(profile) / "DevToolsActivePort")
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    page = Page(socket)
                    reading = asyncio.create_task(page.read(), name="browser")
                    yield page
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        finally:
            process.terminate()
            await process.wait()


async def _tab_url(session: aiohttp.ClientSession, port_file: Path) -> str:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with contextlib.suppress(OSError, IndexError, aiohttp.ClientError, StopIteration):
                port = (await asyncio.to_thread(port_file.read_text)).split()[0]
                async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                    tabs = await reply.json()
                return str(next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)

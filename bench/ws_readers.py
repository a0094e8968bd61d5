"""Ways to read a WebSocket, each a coroutine function (url, count) -> CPU seconds of reading `count` messages.

`inherited` is Hummingbot's WSAssistant, which gives dicts; `ours` is the stream layer's transport with the exchange's
decoder; `floor` is a bare protocol. `sdk` runs the exchange's own client in its environment (`.venv-sdk`).
"""

import asyncio
import base64
import os
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from bench.floor_frames import decode_floor
from hummingbot_extended.exchange.channels import decode_book
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.transport import StreamRequest

SDK_PYTHON = Path(".venv-sdk/bin/python")


async def inherited(url: str, count: int) -> float:
    """WSAssistant: json into dicts."""
    assistant = await WebAssistantsFactory(throttler=AsyncThrottler([])).get_ws_assistant()
    await assistant.connect(url.replace("http", "ws", 1), ping_timeout=30)
    seen = 0
    began = time.process_time()
    async for _response in assistant.iter_messages():
        seen += 1
        if seen == count:
            break
    spent_s = time.process_time() - began
    await assistant.disconnect()
    await ConnectionsFactory().close()
    return spent_s


async def ours(url: str, count: int) -> float:
    """The stream layer's transport, and the exchange's typed frames."""
    seen = 0
    async with stream_session() as session:
        connection = await AiohttpWebSocketTransport(session).open(StreamRequest(url=url))
        began = time.process_time()
        while seen < count:
            for message in await connection.receive():
                decode_book(message)
                seen += 1
        spent_s = time.process_time() - began
        await connection.close()
        return spent_s


class FloorProtocol(asyncio.Protocol):
    """Takes frames apart and decodes as little as a book needs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rest = b""
        self._is_open = False
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._is_open:
            _, mark, data = data.partition(b"\r\n\r\n")
            if not mark:
                return
            self._is_open = True
        position, size = 0, len(data)
        while size - position >= 2:
            length, begin = data[position + 1], position + 2
            if length == 126:
                length, begin = int.from_bytes(data[begin : begin + 2]), begin + 2
            elif length == 127:
                length, begin = int.from_bytes(data[begin : begin + 8]), begin + 8
            if begin + length > size:
                break
            if data[position] == 0x81:
                decode_floor(data[begin : begin + length])
                self._count -= 1
            position = begin + length
        self._rest = data[position:]
        if self._count <= 0 and not self.done.done():
            self.done.set_result(time.process_time())


async def floor(url: str, count: int) -> float:
    """A raw socket, our own frames, msgspec."""
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    transport, protocol = await asyncio.get_running_loop().create_connection(
        lambda: FloorProtocol(count), parts.hostname, parts.port, ssl=context
    )
    key = base64.b64encode(os.urandom(16)).decode()
    began = time.process_time()
    transport.write(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    ended = await protocol.done
    transport.close()
    return ended - began


async def sdk(url: str, count: int) -> float:
    """The exchange's SDK, in its environment."""
    process = await asyncio.create_subprocess_exec(
        SDK_PYTHON, Path(__file__).with_name("sdk_reader.py"), url, str(count), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


READERS: dict[str, Any] = {"inherited": inherited, "ours": ours, "floor": floor}
if SDK_PYTHON.exists():
    READERS["sdk"] = sdk

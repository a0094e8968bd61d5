"""What the tests talk to a hub with: a WebSocket client that waits for messages by their type."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import aiohttp

from test.until import DEADLINE_S


class Client:
    """A WebSocket client. Numbers are read as Decimal."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.skipped: list[dict[str, Any]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator["Client"]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers or {}) as socket:
            yield cls(socket)

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def hear(self, *types: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Return the next message of one of these types (any, when none is named); heartbeats are skipped otherwise."""
        async with asyncio.timeout(deadline_s):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message.type, self.socket.close_code)
                value: dict[str, Any] = json.loads(message.data, parse_float=Decimal)
                if value["type"] in types or not types:
                    return value
                self.skipped.append(value)

    async def close_code(self, deadline_s: float = DEADLINE_S) -> int | None:
        """Return the code that the server closes with."""
        async with asyncio.timeout(deadline_s):
            while True:
                message = await self.socket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                    return self.socket.close_code
                if message.type is aiohttp.WSMsgType.ERROR:
                    return None

    async def subscribe(self, stream_type: str = "price", symbols: Any = ("BTC-USD",), **more: Any) -> dict[str, Any]:
        await self.say(type="subscribe", stream_type=stream_type, symbols=list(symbols), **more)
        return await self.hear("subscription_ack", "error")

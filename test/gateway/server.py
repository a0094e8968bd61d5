"""A local server of the gateway's protocol that does as a test tells it: late replies, none, cuts, gaps, garbage."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

KEY = "the right key"
WELCOME = {
    "version": 1,
    "server": "scripted",
    "capabilities": ["client_ref", "ping", "stop_orders", "resume"],
    "exchanges": {"binance": ["ETH-USD"]},
    "position": "j:0",
}


class Scripted:
    """The server. `answers` maps a method to data, an error, or a coroutine function that gets the request."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.welcome: dict[str, Any] | None = WELCOME
        self.answers: dict[str, Any] = {"ping": {}, "subscribe": {}, "get_open_orders": []}
        self.seq = 0
        self.refuse_with: int | None = None

    def of(self, method: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["type"] == method]

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    async def tell(self, event_type: str, *, seq: int | None = None, **data: Any) -> None:
        """Send an event to the last client."""
        self.seq = self.seq + 1 if seq is None else seq
        await self.socket.send_json({"type": event_type, "data": data, "seq": self.seq})

    async def reply(self, request: dict[str, Any], data: Any = None, **more: Any) -> None:
        await self.socket.send_json({"id": request["id"], "status": "success", "data": data, **more})

    async def error(self, request: dict[str, Any], code: str, message: str, **more: Any) -> None:
        await self.socket.send_json({"id": request["id"], "status": "error", "code": code, "message": message, **more})

    async def cut(self) -> None:
        """End the connection without goodbye."""
        transport = self.socket._req.transport
        transport.abort()

    async def handle(self, http: web.Request) -> web.StreamResponse:
        if self.refuse_with is not None:
            return web.Response(status=self.refuse_with)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.sockets.append(socket)
        self.seq = 0
        async for message in socket:
            request = json.loads(message.data)
            self.requests.append(request)
            await self._answer(request)
        return socket

    async def _answer(self, request: dict[str, Any]) -> None:
        if request["type"] == "authenticate":
            if request["api_key"] == KEY:
                await self.reply(request, self.welcome)
            else:
                await self.error(request, "auth_failed", "Authentication failed")
            return
        answer = self.answers.get(request["type"])
        if callable(answer):
            asyncio.get_running_loop().create_task(_run(answer, request))
        elif answer is not None:
            await self.reply(request, answer)


async def _run(answer: Callable[[dict[str, Any]], Awaitable[None]], request: dict[str, Any]) -> None:
    await answer(request)


@asynccontextmanager
async def scripted(tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """Run one on a free port."""
    server = Scripted()
    application = web.Application()
    application.router.add_get("/ws", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        for socket in server.sockets:
            await socket.close()
        await runner.cleanup()

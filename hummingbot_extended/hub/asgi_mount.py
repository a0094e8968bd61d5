"""An ASGI application behind aiohttp: the hub's one port serves sockets itself and hands the rest to FastAPI."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web

type Message = MutableMapping[str, Any]
type AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

# aiohttp sets these itself.
_OWN_HEADERS = frozenset({b"content-length", b"date", b"server", b"transfer-encoding", b"connection"})


class AsgiMount:
    """An aiohttp handler that answers by an ASGI application. Bodies are whole: nothing streams through here."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. What the application raises passes through."""
        body = await request.read()
        received = False
        status = 500
        headers: list[tuple[str, str]] = []
        parts: list[bytes] = []

        async def receive() -> Message:
            nonlocal received
            if received:
                await asyncio.Future()  # the reply is whole before the client can be gone
            received = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers.extend(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message.get("headers", ())
                    if name.lower() not in _OWN_HEADERS
                )
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(_scope(request), receive, send)
        return web.Response(status=status, headers=_multi(headers), body=b"".join(parts))


def _scope(request: web.Request) -> Message:
    path, _, query = request.raw_path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": (request.remote or "", 0),
        "server": (request.url.host or "", request.url.port),
        "state": {},
    }


def _multi(headers: list[tuple[str, str]]) -> "Any":
    from multidict import CIMultiDict

    return CIMultiDict(headers)

"""What the tests of the exchange package share: fixtures in the exchange's shapes, a market, a real local server."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from hummingbot_extended.exchange.models import Market, decode_markets

DATA = Path(__file__).parent.parent / "data" / "exchange"
SHARED = Path("/work/shared/data/extended")

# Public test keys of the official SDK's test-suite (API reference §5.10); never for funds.
PRIVATE_KEY = "0x7a7ff6fd3cab02ccdcd4a572563f5976f8976899b03a39773795a3c486d4986"
PUBLIC_KEY = 0x61C5E7E8339B7D56F197F54EA91B776776690E3232313DE0F2ECBD0EF76F466
API_KEY = "0123456789abcdef0123456789abcdef"


def raw(name: str) -> bytes:
    return (DATA / f"{name}.json").read_bytes()


def fixture(name: str) -> Any:
    return json.loads(raw(name))


def btc_market() -> Market:
    return decode_markets(raw("markets"))[0]


type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A local server that answers every request with `handler` and keeps what it saw."""

    handler: Handler
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(
            Seen(
                request.method,
                request.raw_path.partition("?")[0],
                list(request.query.items()),
                dict(request.headers),
                await request.read(),
            )
        )
        return await self.handler(request)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    server = Server(handler)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/api/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def answering(body: bytes | str = b"", status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=data, headers=headers)

    return handler

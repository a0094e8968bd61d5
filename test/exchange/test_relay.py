"""A relay's token reaches the relay over TLS, and nobody else: against servers that note what they are given."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from aiohttp import web

from hummingbot_extended.errors import ConnectFailed, SettingsError, Unauthorized
from hummingbot_extended.exchange.endpoints import STREAM_URL_ENV
from hummingbot_extended.exchange.relay import STREAM_TOKEN_ENV, RelayTransport, read_token, through_relay
from hummingbot_extended.streams.aiohttp_transport import (
    AiohttpSSETransport,
    AiohttpWebSocketTransport,
    stream_session,
)
from hummingbot_extended.streams.transport import StreamRequest, StreamTransport

TOKEN = "correct-horse-battery"


class Noting:
    """A server of streams at /v1 that notes each request's headers; at /moved it redirects to `moved_to`."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[dict[str, str]] = []
        self.moved_to = ""
        self.wants: str | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        if "moved" in request.path:
            return web.Response(status=302, headers={"Location": self.moved_to})
        if self.wants is not None and request.headers.get("Authorization") != f"Bearer {self.wants}":
            return web.Response(status=401)
        if request.headers.get("Upgrade"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("{}")
            return socket
        return web.Response(text="data: {}\n\n", content_type="text/event-stream")


@asynccontextmanager
async def noting() -> AsyncIterator[Noting]:
    server = Noting()
    app = web.Application()
    app.router.add_get("/{path:.+}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture(params=[AiohttpWebSocketTransport, AiohttpSSETransport])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[StreamTransport]:
    async with stream_session() as session:
        yield request.param(session)


async def open_at(transport: StreamTransport, url: str, **headers: str) -> None:
    async def own() -> dict[str, str]:
        return headers

    connection = await transport.open(StreamRequest(url=url, headers=own))
    await connection.close()


async def test_the_relay_gets_the_token_beside_the_streams_own_headers(transport: StreamTransport) -> None:
    async with noting() as relay:
        for base in (relay.url, relay.url.replace("http", "ws")):
            through = RelayTransport(transport, base + "/v1", TOKEN)
            await open_at(through, relay.url + "/v1/account", **{"X-Api-Key": "key"})
            assert relay.seen[-1]["authorization"] == f"Bearer {TOKEN}"
            assert relay.seen[-1]["x-api-key"] == "key"
            assert TOKEN not in repr(through)


async def test_no_other_host_path_or_redirect_gets_it(transport: StreamTransport) -> None:
    async with noting() as relay, noting() as other:
        relay.moved_to = other.url + "/v1/orderbooks"
        through = RelayTransport(transport, relay.url + "/v1", TOKEN)
        await open_at(through, other.url + "/v1/orderbooks")
        await open_at(through, relay.url + "/v10/orderbooks")
        with pytest.raises(ConnectFailed):
            await open_at(through, relay.url + "/v1/moved")
        assert relay.seen[-1]["authorization"] == f"Bearer {TOKEN}"
        assert "authorization" not in relay.seen[0]
        assert len(other.seen) == 1
        assert "authorization" not in other.seen[0]


async def test_a_token_that_is_refused_or_missing_is_told_once_and_lets_other_ways_be_tried(
    transport: StreamTransport, caplog: pytest.LogCaptureFixture
) -> None:
    async with noting() as relay:
        relay.wants = "another-token-altogether"
        for token in (TOKEN, None):
            through = RelayTransport(transport, relay.url, token)
            caplog.clear()
            with caplog.at_level(logging.DEBUG):
                for _ in range(2):
                    with pytest.raises(ConnectFailed) as refused:
                        await open_at(through, relay.url + "/orderbooks")
                    assert refused.value.status == HTTPStatus.UNAUTHORIZED
                with pytest.raises(Unauthorized):
                    await open_at(through, relay.url + "/account", **{"X-Api-Key": "key"})
            warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
            assert len(warnings) == 1
            assert STREAM_TOKEN_ENV in warnings[0].getMessage()
            assert TOKEN not in caplog.text


async def test_the_environment_names_relay_and_token(transport: StreamTransport) -> None:
    async with noting() as relay:
        relay.wants = TOKEN
        assert through_relay(transport, {STREAM_TOKEN_ENV: TOKEN}) is transport
        await open_at(
            through_relay(transport, {STREAM_URL_ENV: relay.url + "/", STREAM_TOKEN_ENV: TOKEN}), relay.url + "/v1"
        )
        assert relay.seen[-1]["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://192.168.1.5:8000/v1", TOKEN),
        ("ws://hub.example/v1", TOKEN),
        ("wss://api.starknet.extended.exchange/v1", TOKEN),
        ("https://hub.example/v1", "two\nlines"),
        ("https://hub.example/v1", "schlüssel"),
    ],
)
def test_a_token_that_may_not_be_sent_is_refused_without_repeating_it(url: str, token: str) -> None:
    with pytest.raises(SettingsError, match=STREAM_TOKEN_ENV) as refused:
        read_token(STREAM_TOKEN_ENV, url, {STREAM_TOKEN_ENV: token})
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://hub.example", "wss://hub.example/v1", "http://127.0.0.1:8000", "ws://[::1]:1"]
)
def test_over_tls_or_on_this_machine_a_token_may_be_sent(url: str) -> None:
    assert read_token("T", url, {"T": f" {TOKEN} "}) == TOKEN
    assert read_token("T", url, {"T": " "}) is None

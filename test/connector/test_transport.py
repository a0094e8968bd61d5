"""Streams on Hummingbot's assistants, over real sockets: what they carry, refuse, count and give back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from hummingbot_extended.connector.extended_perpetual_constants import REST_POOL
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory, create_throttler
from hummingbot_extended.connector.rest import AssistantSend
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.connector.transport import StreamConnections, stream_transports
from hummingbot_extended.errors import (
    ConnectFailed,
    MessageTooLarge,
    Outcome,
    RateLimited,
    RequestTimedOut,
    ServerUnavailable,
    SettingsError,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.exchange.aiohttp_send import MAX_REPLY_BYTES
from hummingbot_extended.exchange.endpoints import MAINNET
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest, StreamTransport
from test.streams.one_message import one_message

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEY = "0123456789abcdef0123456789abcdef"
SNAPSHOT_BYTES = 180_000


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that answers every path with `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def transport(kind: str, throttler: ExtendedThrottler | None = None) -> StreamTransport:
    factory = build_api_factory(throttler or create_throttler())
    (only,) = stream_transports(factory, "websocket" if kind == "websocket" else "sse").in_order("")
    return only


def connections_of(one: StreamTransport) -> StreamConnections:
    return one._connections


async def socket_with(request: web.Request, *messages: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(autoping=True)
    await socket.prepare(request)
    for message in messages:
        await socket.send_str(message)
    return socket


async def events_with(request: web.Request, *messages: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for message in messages:
        await response.write(f"data: {message}\n\n".encode())
    return response


async def either(request: web.Request, *messages: str) -> web.StreamResponse:
    """Serve the messages as the client asked, then keep the stream open until it leaves."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = await socket_with(request, *messages)
        async for _ in socket:
            pass
        return socket
    response = await events_with(request, *messages)
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.01)
    return response


BOTH = pytest.mark.parametrize("kind", ["websocket", "sse"])


async def texts(connection: StreamConnection, count: int) -> list[str]:
    received = [await one_message(connection) for _ in range(count)]
    return [text.decode() if isinstance(text, bytes) else text for text in received]


@BOTH
async def test_messages_come_as_they_were_sent_and_the_session_goes_with_the_last_stream(kind: str) -> None:
    big = '"' + "x" * SNAPSHOT_BYTES + '"'

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.headers["User-Agent"].startswith("hummingbot-extended/")
        return await either(request, '{"seq":1}', big)

    one = transport(kind)
    async with served(handler) as url:
        first = await one.open(StreamRequest(url=url + "/orderbooks/BTC-USD"))
        second = await one.open(StreamRequest(url=url + "/orderbooks/ETH-USD"))
        assert await texts(first, 2) == ['{"seq":1}', big]
        session = connections_of(one)._session
        await first.close()
        await first.close()
        assert await texts(second, 1) == ['{"seq":1}']
        assert session is not None
        assert not session.closed
        await second.close()
        assert session.closed
        assert repr(connections_of(one)) == "<StreamConnections 0 leased>"
        again = await one.open(StreamRequest(url=url))
        assert await texts(again, 1) == ['{"seq":1}']
        await again.close()


@BOTH
async def test_headers_are_asked_at_connect_and_shown_nowhere(kind: str) -> None:
    keys: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("X-Api-Key"))
        return await either(request, "{}")

    async def headers() -> dict[str, str]:
        return {"X-Api-Key": KEY}

    one = transport(kind)
    async with served(handler) as url:
        request = StreamRequest(url=url + "/account", headers=headers)
        connection = await one.open(request)
        await connection.close()
    assert keys == [KEY]
    assert KEY not in repr(request) + repr(connection) + repr(one)


@BOTH
@pytest.mark.parametrize(
    ("status", "error"), [(400, ConnectFailed), (401, Unauthorized), (403, Unauthorized), (429, RateLimited)]
)
async def test_a_refusal_is_told_by_its_status_and_leaves_nothing_open(kind: str, status: int, error: type) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "7"})

    one = transport(kind)
    async with served(handler) as url:
        with pytest.raises(error) as caught:
            await one.open(StreamRequest(url=url))
    assert caught.value.status == status
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 7
    assert connections_of(one)._session is None


@BOTH
async def test_the_key_never_follows_a_redirect(kind: str) -> None:
    reached: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        reached.append(request.path)
        return await either(request, "{}")

    async def headers() -> dict[str, str]:
        return {"X-Api-Key": KEY}

    async with served(elsewhere) as other:

        async def handler(request: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(other + "/stolen")

        async with served(handler) as url:
            with pytest.raises(ConnectFailed) as caught:
                await transport(kind).open(StreamRequest(url=url + "/account", headers=headers))
    assert caught.value.status == 307
    assert reached == []


async def test_an_answer_that_is_no_event_stream_is_refused() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async with served(handler) as url:
        with pytest.raises(ConnectFailed, match="not text/event-stream"):
            await transport("sse").open(StreamRequest(url=url))


@BOTH
async def test_data_silence_is_told_apart_from_a_lost_connection(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await either(request, "{}")

    async with served(handler) as url:
        connection = await transport(kind).open(StreamRequest(url=url, data_timeout_s=0.1))
        assert await texts(connection, 1) == ["{}"]
        with pytest.raises(RequestTimedOut):
            await one_message(connection)
        await connection.close()


@BOTH
async def test_the_peers_end_is_a_closed_stream(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if kind == "sse":
            return await events_with(request)
        socket = await socket_with(request)
        await socket.close(code=1013, message=b"try again later")
        return socket

    async with served(handler) as url:
        connection = await transport(kind).open(StreamRequest(url=url))
        with pytest.raises(StreamClosed) as caught:
            await one_message(connection)
        await connection.close()
    assert caught.value.code == (1013 if kind == "websocket" else 1000)


@BOTH
async def test_a_message_beyond_the_bound_is_refused(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await either(request, "x" * 5_000)

    async with served(handler) as url:
        connection = await transport(kind).open(StreamRequest(url=url, max_message_bytes=1_000))
        with pytest.raises(MessageTooLarge):
            await one_message(connection)
        await connection.close()


async def test_nobody_there_is_a_failed_connect() -> None:
    one = transport("websocket")
    with pytest.raises(ConnectFailed):
        await one.open(StreamRequest(url="http://127.0.0.1:9/orderbooks"))
    assert connections_of(one)._session is None


async def test_cancelling_a_connect_leaves_nothing_open() -> None:
    asked = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(30)
        return web.Response()

    one = transport("sse")
    async with served(handler) as url:
        opening = asyncio.create_task(one.open(StreamRequest(url=url)))
        await asked.wait()
        opening.cancel()
        await asyncio.wait([opening])
    assert opening.cancelled()
    assert connections_of(one)._session is None


@pytest.mark.slow
@BOTH
async def test_150_streams_do_not_keep_rest_waiting(kind: str) -> None:
    """Hummingbot's shared session hangs at 100 connections (performance.md A)."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"fine": True}) if request.path == "/rest" else await either(request, "{}")

    one = transport(kind)
    async with served(handler) as url:
        streams = await asyncio.gather(*(one.open(StreamRequest(url=f"{url}/{number}")) for number in range(150)))
        for stream in streams:
            assert await texts(stream, 1) == ["{}"]
        connection = await ConnectionsFactory().get_rest_connection()
        async with asyncio.timeout(30), connection._client_session.get(url + "/rest") as reply:
            assert await reply.json() == {"fine": True}
        await asyncio.gather(*(stream.close() for stream in streams))
    await ConnectionsFactory().close()
    assert connections_of(one)._session is None


async def test_a_connect_counts_against_the_ips_budget_and_waits_for_it() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await either(request, "{}")

    throttler = ExtendedThrottler([RateLimit(limit_id=REST_POOL, limit=2, time_interval=60)], vital_reserve=0.0)
    one = transport("websocket", throttler)
    async with served(handler) as url:
        connections = [await one.open(StreamRequest(url=url)) for _ in range(2)]
        with pytest.raises(ConnectFailed, match="no stream within"):
            await one.open(StreamRequest(url=url, connect_timeout_s=0.1))
        for connection in connections:
            await connection.close()


def test_sse_is_never_tried_on_the_exchanges_own_hosts() -> None:
    factory = build_api_factory(create_throttler())
    choice = stream_transports(factory, "auto", url=MAINNET.stream_url)
    assert [one.name for one in choice.in_order(MAINNET.stream_url)] == ["websocket"]
    relay = stream_transports(factory, "auto", url="http://127.0.0.1:8000/stream.extended.exchange/v1")
    assert [one.name for one in relay.in_order("http://127.0.0.1:8000")] == ["websocket", "sse"]
    with pytest.raises(SettingsError):
        stream_transports(factory, "sse", url=MAINNET.stream_url)


async def test_a_connection_needs_a_lease() -> None:
    with pytest.raises(RuntimeError, match="lease the session first"):
        await StreamConnections().get_ws_connection()
    assert StreamConnections() is not StreamConnections()
    assert ConnectionsFactory() is ConnectionsFactory()


async def test_an_opened_websocket_can_send() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        socket = await socket_with(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data.upper())
        return socket

    async with served(handler) as url:
        connection = await transport("websocket").open(StreamRequest(url=url))
        await connection.send("ping")
        assert await texts(connection, 1) == ["PING"]
        assert connection.last_event_id == ""
        assert connection.retry_after_s is None
        await connection.close()


async def test_reply_that_is_no_text_is_an_answer_like_any_other() -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=502, body="La passerelle est tombée".encode("latin-1"), content_type="text/html")

    try:
        async with served(handler) as url:
            throttler = create_throttler()
            rest = ExtendedRest(AssistantSend(build_api_factory(throttler), throttler, url))
            with pytest.raises(ServerUnavailable) as raised:
                await rest.place_order({})
    finally:
        await ConnectionsFactory().close()
    assert raised.value.outcome is Outcome.UNKNOWN


async def test_429_holds_requests_until_the_date_that_it_names() -> None:
    async def handler(_request: web.Request) -> web.Response:
        named = {"Date": "Sat, 28 Nov 2026 01:00:00 GMT", "Retry-After": "Sat, 28 Nov 2026 01:00:50 GMT"}
        return web.Response(status=429, headers=named)

    try:
        async with served(handler) as url:
            throttler = create_throttler()
            rest = ExtendedRest(AssistantSend(build_api_factory(throttler), throttler, url))
            with pytest.raises(RateLimited):
                await rest.markets()
    finally:
        await ConnectionsFactory().close()
    assert throttler._held_until - throttler._held_since == pytest.approx(50)


async def test_reply_without_an_end_is_not_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * MAX_REPLY_BYTES // 2**20):
                await response.write(bytes(2**20))
        return response

    try:
        async with served(handler) as url:
            throttler = create_throttler()
            rest = ExtendedRest(AssistantSend(build_api_factory(throttler), throttler, url))
            with pytest.raises(MessageTooLarge):
                await rest.markets()
    finally:
        await ConnectionsFactory().close()

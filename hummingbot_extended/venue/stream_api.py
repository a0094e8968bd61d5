"""Streams at `/stream.extended.exchange/v1/…`: one WebSocket or one event stream a path (API reference §6, §7)."""

import asyncio
from collections.abc import Iterable

from aiohttp import WSMsgType, web

from hummingbot_extended.venue.candles import CandleKind, bucket_start_minute
from hummingbot_extended.venue.connection import Connection, Wire
from hummingbot_extended.venue.frames import Channel, Scope
from hummingbot_extended.venue.refusals import Refusal, not_found
from hummingbot_extended.venue.rest import Rest, bad_request
from hummingbot_extended.venue.stream_wires import EventStreamWire, WebSocketWire

STREAM_PREFIX = "/stream.extended.exchange/v1"
EVENT_STREAM = "text/event-stream"
FIRST_SEQ = 1
CLOSE_TIMEOUT_S = 1.0  # for the client's answer to a close
MAX_CALL_BYTES = 2**20  # of what a client sends
MARKET_PATHS = {
    "orderbooks": Scope.BOOKS,
    "publicTrades": Scope.TRADES,
    "funding": Scope.FUNDING,
    "prices/mark": Scope.MARK,
    "prices/index": Scope.INDEX,
}


class StreamApi:
    """The v1 streams. The URL is the subscription; what a client sends is ignored, its pings are answered."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._core = rest.core

    def routes(self) -> Iterable[web.RouteDef]:
        """Return one route for all stream paths."""
        return [web.get(STREAM_PREFIX + "/{path:.*}", self.open)]

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open a stream: a WebSocket on an upgrade, an event stream when the client accepts one, else 400."""
        try:
            await self._rest.suffer_before(request)
            channel = self._channel(request)
            account = int(channel.detail) if channel.scope is Scope.ACCOUNT else 0
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._serve_socket(request, channel, account)
            if EVENT_STREAM in request.headers.get("Accept", ""):
                return await self._serve_events(request, channel, account)
            raise bad_request("this is a WebSocket")
        except Refusal as refused:
            return self._rest.refuse(refused)

    def _channel(self, request: web.Request) -> Channel:
        missing = self._core.variants.missing_user_agent
        if missing != "allow" and not request.headers.get("User-Agent"):
            raise Refusal(int(missing), "BAD_REQUEST", "User-Agent header is missing")
        path = request.match_info["path"].strip("/")
        if path == "account":
            return Channel(Scope.ACCOUNT, None, str(self._rest.account(request).id))
        if path.startswith("candles/"):
            return self._candle_channel(path, request.query.get("interval", ""))
        for prefix, scope in MARKET_PATHS.items():
            if path == prefix or path.startswith(prefix + "/"):
                if scope is Scope.BOOKS and request.query.get("depth") == "1":
                    scope = Scope.TOP_OF_BOOKS
                return Channel(scope, self._market(path[len(prefix) + 1 :]))
        raise not_found("Stream")

    def _market(self, name: str) -> str | None:
        if name and name not in {spec.name for spec in self._core.engine.queries.market_specs()}:
            raise not_found("Market")
        return name or None

    def _candle_channel(self, path: str, interval: str) -> Channel:
        parts = path.split("/")
        if len(parts) != 3 or parts[2] not in set(CandleKind):
            raise not_found("Stream")
        bucket_start_minute(0, interval)  # refuses what is no interval
        return Channel(Scope.CANDLES, self._market(parts[1]), f"{parts[2]}.{interval}")

    def connection(self, request: web.Request, wire: Wire, *, first_seq: int, account: int = 0) -> Connection:
        """Make the listener of a request."""
        return Connection(
            wire,
            path=request.path,
            first_seq=first_seq,
            settings=self._core.settings,
            plan=self._core.plan,
            stats=self._core.stats,
            now_ms=self._core.now_ms,
            account=account,
            expects_pong=isinstance(wire, WebSocketWire),
        )

    def _listener(self, request: web.Request, channel: Channel, wire: Wire, account: int) -> Connection:
        connection = self.connection(request, wire, first_seq=FIRST_SEQ, account=account)
        if channel.market is None and channel.scope is Scope.BOOKS and self._core.variants.all_books_seq == "market":
            connection.count_seq_per_market()
        return connection

    async def _serve_socket(self, request: web.Request, channel: Channel, account: int) -> web.StreamResponse:
        socket = await open_socket(request, compression=self._core.settings.compression)
        connection = self._listener(request, channel, WebSocketWire(socket, request), account)
        self._core.hub.subscribe(channel, connection)
        reading = asyncio.create_task(read_socket(socket, connection), name=f"reader {request.path}")
        try:
            await connection.run_writer()
        finally:
            self._core.hub.unsubscribe(connection)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return socket

    async def _serve_events(self, request: web.Request, channel: Channel, account: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM, "Cache-Control": "no-store"})
        await response.prepare(request)
        connection = self._listener(request, channel, EventStreamWire(response, request), account)
        self._core.hub.subscribe(channel, connection)
        try:
            await connection.run_writer()
        finally:
            self._core.hub.unsubscribe(connection)
        return response


async def open_socket(request: web.Request, *, compression: bool) -> web.WebSocketResponse:
    """Answer the upgrade. Pings and closes are ours to answer, so that a half-open connection can leave them out."""
    socket = web.WebSocketResponse(
        autoping=False, autoclose=False, compress=compression, timeout=CLOSE_TIMEOUT_S, max_msg_size=MAX_CALL_BYTES
    )
    await socket.prepare(request)
    return socket


async def read_socket(socket: web.WebSocketResponse, connection: Connection) -> None:
    """Read until the client is gone: answer pings, note pongs, pass messages on."""
    while True:
        message = await socket.receive()
        if message.type is WSMsgType.PING:
            await connection.got_ping(message.data)
        elif message.type is WSMsgType.PONG:
            connection.got_pong()
        elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            if not (message.type is WSMsgType.CLOSE and connection.half_open):
                connection.finish(1000)
                return
        elif connection.on_message is not None and isinstance(message.data, str):
            connection.on_message(message.data)

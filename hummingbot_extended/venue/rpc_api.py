"""StreamRPC v2 at `/stream.extended.exchange/v2/rpc`: one WebSocket, many topics (API reference §6.8)."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

from hummingbot_extended.venue.candles import CandleKind, bucket_start_minute
from hummingbot_extended.venue.connection import Connection
from hummingbot_extended.venue.frames import Channel, Scope
from hummingbot_extended.venue.refusals import Refusal
from hummingbot_extended.venue.rest import Rest
from hummingbot_extended.venue.stream_api import StreamApi, open_socket, read_socket
from hummingbot_extended.venue.stream_wires import WebSocketWire
from hummingbot_extended.venue.wire import Json, encode

RPC_PATH = "/stream.extended.exchange/v2/rpc"
FIRST_SEQ = 0
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, UNAUTHORIZED = -32700, -32600, -32601, -32602, -32001
CANDLE_KINDS = {"last": CandleKind.TRADES, "mark": CandleKind.MARK, "index": CandleKind.INDEX}


class RpcError(Exception):
    """Raised for a call that gets an error as its answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NoReply(Exception):
    """Raised for a call that the exchange does not answer at all: a bad `depth`."""


class RpcApi:
    """The RPC socket."""

    def __init__(self, rest: Rest, streams: StreamApi) -> None:
        self._rest = rest
        self._core = rest.core
        self._streams = streams

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the socket's route."""
        return [web.get(RPC_PATH, self.open)]

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Serve one RPC socket until it closes."""
        try:
            await self._rest.suffer_before(request)
        except Refusal as refused:
            return self._rest.refuse(refused)
        missing = self._core.variants.missing_user_agent
        if request.headers.get("Upgrade", "").lower() != "websocket" or (
            missing != "allow" and not request.headers.get("User-Agent")
        ):
            return self._rest.refuse(Refusal(400, "BAD_REQUEST", "this is a WebSocket"))
        socket = await open_socket(request, compression=self._core.settings.compression)
        connection = self._streams.connection(request, WebSocketWire(socket, request), first_seq=FIRST_SEQ)
        session = RpcSession(self._rest, connection)
        connection.on_message = session.receive
        reading = asyncio.create_task(read_socket(socket, connection), name="reader rpc")
        self._core.hub.attach(connection)
        try:
            await connection.run_writer()
        finally:
            self._core.hub.detach(connection)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return socket


class RpcSession:
    """One client's subscriptions."""

    def __init__(self, rest: Rest, connection: Connection) -> None:
        self._rest = rest
        self._core = rest.core
        self._connection = connection
        self._topics: set[str] = set()

    def receive(self, text: str) -> None:
        """Answer one call, and start or stop what it asks for."""
        call_id: object = None
        try:
            call = self._decode(text)
            call_id = call.get("id")
            self._carry_out(call_id, call)
        except RpcError as error:
            self._reply({"id": call_id, "error": {"code": error.code, "message": error.message, "data": None}})
        except NoReply:
            return

    def _decode(self, text: str) -> Json:
        try:
            call = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise RpcError(PARSE_ERROR, "Parse error") from error
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            raise RpcError(INVALID_REQUEST, "Invalid request")
        return call

    def _carry_out(self, call_id: object, call: Json) -> None:
        method = call["method"]
        result: Json = {"method": method, "status": "OK"}
        if method in ("subscribe", "unsubscribe"):
            topic, channel = self._topic(call.get("params"))
            result["subscription"] = topic
            if topic in self._topics:
                self._core.hub.unsubscribe(self._connection, topic)
                self._topics.discard(topic)
            self._reply({"id": call_id, "result": result})
            if method == "subscribe":
                self._topics.add(topic)
                self._core.hub.subscribe(channel, self._connection, topic)
            return
        if method == "list-subscriptions":
            result["subscriptions"] = sorted(self._topics)
        elif method != "ping":
            raise RpcError(METHOD_NOT_FOUND, f"Method {method} not found")
        self._reply({"id": call_id, "result": result})

    def _reply(self, answer: Json) -> None:
        self._connection.reply(encode({**answer, "jsonrpc": "2.0"}))

    # --- topics -----------------------------------------------------------------------------------------------------

    def _topic(self, params: object) -> tuple[str, Channel]:
        """Return the topic's name and channel. Raises RpcError −32602, or NoReply for a bad depth."""
        if not isinstance(params, dict) or not isinstance(params.get("selector"), dict):
            raise RpcError(INVALID_PARAMS, "scope and selector are required")
        scope, selector = params.get("scope"), params["selector"]
        if scope == "account":
            return self._account_topic(selector, params.get("apiKey"))
        market = self._market(selector.get("market"))
        shown = market or "all"
        if scope in ("trades", "funding-rates"):
            return f"{scope}.{shown}", Channel(Scope(scope), market)
        if scope == "orderbooks":
            return self._book_topic(selector, market)
        kind = str(selector.get("type"))
        if scope == "prices" and kind in ("mark", "index"):
            return f"prices.{kind}.{shown}", Channel(Scope(f"prices.{kind}"), market)
        if scope == "candles" and kind in CANDLE_KINDS and market:
            return self._candle_topic(kind, market, selector.get("interval"))
        raise RpcError(INVALID_PARAMS, f"Invalid scope or selector: {scope}")

    def _market(self, name: object) -> str | None:
        if name is None:
            return None
        for spec in self._core.engine.queries.market_specs():
            if spec.name == name:
                return spec.name
        raise RpcError(INVALID_PARAMS, f"Market {name} not found")

    def _book_topic(self, selector: Json, market: str | None) -> tuple[str, Channel]:
        depth, shown = selector.get("depth", "full"), market or "all"
        if depth == "1":
            return f"orderbooks.1.{shown}", Channel(Scope.TOP_OF_BOOKS, market)
        if depth != "full":
            raise NoReply
        suffix = ".rfq" if selector.get("rfqOnly") else ""
        return f"orderbooks.{shown}{suffix}", Channel(Scope.BOOKS, market)

    def _candle_topic(self, kind: str, market: str, interval: Any) -> tuple[str, Channel]:
        try:
            bucket_start_minute(0, str(interval))
        except Refusal as refused:
            raise RpcError(INVALID_PARAMS, refused.message) from refused
        channel = Channel(Scope.CANDLES, market, f"{CANDLE_KINDS[kind]}.{interval}")
        return f"candles.{kind}.{market}.{interval}", channel

    def _account_topic(self, selector: Json, api_key: Any) -> tuple[str, Channel]:
        account = self._core.engine.queries.account_by_key(str(api_key)) if api_key else None
        wanted = str(selector.get("account"))
        if account is None:
            raise RpcError(UNAUTHORIZED, "Unauthorized")
        allowed = {"account": {str(account.id)}, "vault": {str(account.vault)}}
        by_variant = allowed.get(self._core.variants.rpc_account_selector, allowed["account"] | allowed["vault"])
        if wanted not in by_variant:
            raise RpcError(UNAUTHORIZED, "Unauthorized")
        self._connection.account = account.id
        return f"account.{wanted}", Channel(Scope.ACCOUNT, None, str(account.id))

"""A local server that keeps to hummingbot-api's protocol: its routes, fields, status codes and habits.

Those are of its source as of autumn 2026 (routers/ and models/), where two versions differ of both (`is_newer`).
Habits: 201 before the exchange answers; floats; orders paged by id in the older one; fills that are lost when they come
at once, that have a time of minutes ago, and a fee of 0 of nothing where it could not be worked out; no active orders
where one has no time; silence of a market that is not there; accounts listed at /accounts (with a slash it redirects);
heartbeats among the WebSocket's replies.
"""

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from test.gateway.api_exchange import ACCOUNT, CONNECTOR, PAIR, ApiExchange, Database, FewLines

USER, PASSWORD = "admin", "a secret"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
__all__ = ["ACCOUNT", "CONNECTOR", "PAIR", "PASSWORD", "USER", "HummingbotApi", "hummingbot_api"]

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpError(Exception):
    """FastAPI's HTTPException."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class HummingbotApi:
    """The server's state, and what a test changes of it."""

    user, password = USER, PASSWORD

    def __init__(self, database: Database, exchange: ApiExchange) -> None:
        self.url = ""
        self.database = database
        self.exchange = exchange
        self.bodies: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.answer_with: int | None = None
        self.is_newer = True
        self.sends_nan = False
        self.refuses_feeds = False

    # The routes

    async def accounts(self, _: web.Request) -> web.Response:
        return web.json_response([ACCOUNT])

    async def credentials(self, request: web.Request) -> web.Response:
        if request.match_info["account"] != ACCOUNT:
            raise HttpError(404, "Directory 'connectors' not found")
        return web.json_response([self.exchange.connector])

    async def place(self, request: web.Request) -> web.Response:
        body = _fields(await request.json(), "account_name", "connector_name", "trading_pair", "trade_type", "amount")
        self.bodies.append(body)
        _one_of(body, "trade_type", "BUY", "SELL")
        _one_of(body, "order_type", "LIMIT", "MARKET", "LIMIT_MAKER")
        _one_of(body, "position_action", "OPEN", "CLOSE")
        if float(body["amount"]) <= 0:
            raise _invalid("amount", "Input should be greater than 0")
        if body["account_name"] != ACCOUNT:
            raise HttpError(404, f"Account '{body['account_name']}' not found")
        if body["connector_name"] != self.exchange.connector:
            raise HttpError(500, f"Unexpected error placing trade: {body['connector_name']!r}")
        pair, rules = body["trading_pair"], self.exchange.rules()
        if body["order_type"] != "MARKET" and body["price"] is None:
            raise HttpError(400, "Price is required for LIMIT and LIMIT_MAKER orders")
        if pair not in rules and self.is_newer:
            raise HttpError(
                500, f"Unexpected error placing trade: Cannot register '{pair}' on {self.exchange.connector}"
            )
        if pair not in rules:
            raise HttpError(400, f"Trading pair '{pair}' not supported. Available pairs: {list(rules)}")
        if float(body["amount"]) < (smallest := rules[pair]["min_order_size"]):
            raise HttpError(400, f"Order amount {body['amount']} is below minimum order size {smallest} for {pair}")
        price = await self.exchange.last_price(pair) if body["order_type"] == "MARKET" else float(body["price"])
        if (value := price * float(body["amount"])) < rules[pair]["min_notional_size"]:
            raise HttpError(400, f"Order notional value {value} is below minimum notional size for {pair}")
        order_id = self.exchange.place(body)
        answer = {**body, "order_id": order_id, "status": "submitted"}
        return web.json_response(answer, status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        self._check(request)
        order_id = request.match_info["order"]
        if order_id not in self.exchange.in_flight():
            raise HttpError(404, f"Order '{order_id}' not found in active orders")
        self.exchange.cancel(order_id)
        return web.json_response({"message": f"Order cancellation initiated for {order_id}"})

    async def active_orders(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            rows = [{**row, "_cursor_id": order_id} for order_id, row in self.exchange.in_flight().items()]
        except ValueError:
            rows = []  # one order whose time is no number, and all of its connector are left out
        return _page(sorted(_filtered(rows, body), key=_cursor_of), body)

    async def search(self, request: web.Request) -> web.Response:
        """The newest first; an older server by id, for it sorts by a field that no order has."""
        body = await request.json()
        rows = [
            {**row, "_cursor_id": f"{row['created_at']}|{row['order_id']}"} for row in self._since("created_at", body)
        ]
        if not self.is_newer:
            rows = [{**row, "_cursor_id": row["order_id"]} for row in rows]
        return _page(sorted(_filtered(rows, body), key=_cursor_of, reverse=True), body)

    async def list_trades(self, request: web.Request) -> web.Response:
        body = await request.json()
        rows = self._since("timestamp", body, self.database.trades)
        rows = [{**row, "_cursor_id": f"{row['timestamp']}:{row['trade_id']}"} for row in rows]
        return _page(sorted(_filtered(rows, body), key=_cursor_of, reverse=True), body)

    async def list_positions(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "_perpetual" not in self.exchange.connector:
            return _page([], body)
        rows = [{**row, "_cursor_id": row["trading_pair"]} for row in await self.exchange.positions()]
        return _page(_filtered(rows, body), body)

    async def portfolio(self, request: web.Request) -> web.Response:
        body = await request.json()
        names = body.get("connector_names")
        tokens = {self.exchange.connector: await self.exchange.balances()}
        return web.json_response(
            {ACCOUNT: {name: each for name, each in tokens.items() if names is None or name in names}}
        )

    async def book(self, request: web.Request) -> web.Response:
        body = _fields(await request.json(), "connector_name", "trading_pair")
        depth = body.get("depth", 10)
        if not 1 <= depth <= 1000:
            raise _invalid("depth", "Input should be less than or equal to 1000")
        try:
            book = await self.exchange.book(body["trading_pair"])
        except LookupError as error:
            raise HttpError(500, str(error)) from error
        levels = {side: [{"price": p, "amount": a} for p, a in rows[:depth]] for side, rows in book.items()}
        return web.json_response({"trading_pair": body["trading_pair"], **levels, "timestamp": time.time()})

    async def prices(self, request: web.Request) -> web.Response:
        body = _fields(await request.json(), "connector_name", "trading_pairs")
        prices = {pair: await self.exchange.last_price(pair) for pair in body["trading_pairs"]}
        return web.json_response({"connector": body["connector_name"], "prices": prices, "timestamp": time.time()})

    async def rules(self, request: web.Request) -> web.Response:
        name = request.match_info["connector"]
        if name != self.exchange.connector:
            raise HttpError(404, f"Connector '{name}' not found or error: Connector {name} not found")
        wanted, known = request.query.getall("trading_pairs", []), self.exchange.rules()
        missing = {pair: {"error": f"Trading pair {pair} not found"} for pair in wanted if pair not in known}
        return web.json_response({**{pair: known[pair] for pair in wanted or known if pair in known}, **missing})

    async def leverage(self, request: web.Request) -> web.Response:
        self._check(request)
        body = _fields(await request.json(), "trading_pair", "leverage")
        if not 1 <= body["leverage"] <= 125:
            raise _invalid("leverage", "Input should be less than or equal to 125")
        self.bodies.append(body)
        return web.json_response({"status": "success", "message": "Leverage set"})

    async def position_mode(self, request: web.Request) -> web.Response:
        self._check(request)
        body = _fields(await request.json(), "position_mode")
        if body["position_mode"] not in ("HEDGE", "ONEWAY"):
            raise HttpError(400, f"Invalid position mode '{body['position_mode']}'. Must be 'HEDGE' or 'ONEWAY'")
        if not body.get("trading_pair"):
            raise HttpError(400, "No trading pairs registered; pass trading_pair")
        self.bodies.append(body)
        return web.json_response({"status": "success", "message": "Position mode set"})

    def _check(self, request: web.Request) -> None:
        if request.match_info["account"] != ACCOUNT:
            raise HttpError(404, f"Account '{request.match_info['account']}' not found")

    def _since(
        self, field: str, body: Mapping[str, Any], rows: Iterable[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows between the body's times, which are milliseconds."""
        start_ms, end_ms = body.get("start_time") or 0, body.get("end_time") or float("inf")
        rows = self.database.orders.values() if rows is None else rows
        return [row for row in rows if start_ms <= datetime.fromisoformat(row[field]).timestamp() * 1000 <= end_ms]

    # The WebSocket

    async def market_data(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if request.headers.get("Authorization") != AUTHORIZATION:
            await socket.send_json({"type": "error", "message": "Authentication failed"})
            await socket.close(code=4001, message=b"Authentication failed")
            return socket
        self.sockets.append(socket)
        await socket.send_json({"type": "connected", "connection_id": "c1", "timestamp": time.time()})
        subscribed: set[str] = set()
        async for message in socket:
            await self._feed(socket, message.json(), subscribed)
        return socket

    async def _feed(self, socket: web.WebSocketResponse, asked: dict[str, Any], subscribed: set[str]) -> None:
        await socket.send_json({"type": "heartbeat", "timestamp": time.time()})
        if asked["action"] == "unsubscribe":
            feed = asked["subscription_id"]
            known = feed in subscribed
            subscribed.discard(feed)
            answer = {"type": "unsubscribed", "subscription_id": feed}
            await socket.send_json(answer if known else {"type": "error", "message": f"Subscription not found: {feed}"})
            return
        if self.refuses_feeds:
            await socket.send_json({"type": "error", "message": "Failed to start feed: as told"})
            return
        pair = asked["trading_pair"]
        feed = f"{asked['type']}_{asked['connector']}_{pair}"
        subscribed.add(feed)
        await socket.send_json({"type": "subscribed", "subscription_id": feed})
        try:
            book = await self.exchange.book(pair)
        except LookupError:
            return  # a market that is not there is subscribed to, and silent
        if self.sends_nan:
            await socket.send_str('{"type":"order_book","data":{"bids":[[NaN,1.0]],"asks":[]}}')
        trade = {"timestamp": time.time(), "price": 3000.5, "amount": 0.25, "side": "buy"}
        rows = {side: levels[: asked.get("depth", 10)] for side, levels in book.items()}
        data: Any = rows if asked["type"] == "order_book" else [trade, trade]
        await socket.send_json({"type": asked["type"], "subscription_id": feed, "data": data, "timestamp": time.time()})

    # What surrounds the routes

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        is_socket = request.path.startswith("/ws")
        if not is_socket and request.headers.get("Authorization") != AUTHORIZATION:
            headers = {"WWW-Authenticate": "Basic"}
            return web.json_response({"detail": "Incorrect username or password"}, status=401, headers=headers)
        if self.answer_with is not None:
            return web.json_response({"detail": "as told"}, status=self.answer_with, headers={"Retry-After": "0"})
        try:
            response = await handler(request)
        except HttpError as error:
            response = web.json_response({"detail": error.detail}, status=error.status)
        if not is_socket:
            response.headers["Date"] = format_datetime(self.database.now(), usegmt=True)
        return response

    def routes(self) -> list[web.RouteDef]:
        here = "/trading/{account}/{connector}"

        async def with_slash(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(str(request.url.with_path("/accounts")))

        return [
            web.get("/accounts", self.accounts),
            web.get("/accounts/", with_slash),
            web.get("/accounts/{account}/credentials", self.credentials),
            web.get("/connectors/{connector}/trading-rules", self.rules),
            web.get("/ws/market-data", self.market_data),
            web.post("/trading/orders", self.place),
            web.post(here + "/orders/{order}/cancel", self.cancel),
            web.post("/trading/orders/active", self.active_orders),
            web.post("/trading/orders/search", self.search),
            web.post("/trading/trades", self.list_trades),
            web.post("/trading/positions", self.list_positions),
            web.post(here + "/leverage", self.leverage),
            web.post(here + "/position-mode", self.position_mode),
            web.post("/portfolio/state", self.portfolio),
            web.post("/market-data/order-book", self.book),
            web.post("/market-data/prices", self.prices),
        ]


def _fields(body: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if name not in body:
            raise _invalid(name, "Field required")
    return body


def _one_of(body: dict[str, Any], name: str, *words: str) -> None:
    if body.setdefault(name, words[0]) not in words:
        raise _invalid(name, f"Input should be {' or '.join(map(repr, words))}")


def _invalid(name: str, message: str) -> HttpError:
    """FastAPI's answer to a body that does not validate."""
    return HttpError(422, [{"type": "value_error", "loc": ["body", name], "msg": message, "input": None}])


def _filtered(rows: Iterable[dict[str, Any]], body: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields = {"account_names": "account_name", "connector_names": "connector_name", "trading_pairs": "trading_pair"}
    return [
        row
        for row in rows
        if all(not body.get(given) or row.get(field) in body[given] for given, field in fields.items() if field in row)
    ]


def _cursor_of(row: Mapping[str, Any]) -> str:
    return str(row["_cursor_id"])


def _page(rows: list[dict[str, Any]], body: Mapping[str, Any]) -> web.Response:
    limit, cursor = body.get("limit", 100), body.get("cursor")
    if not 1 <= limit <= 1000:
        raise _invalid("limit", "Input should be less than or equal to 1000")
    start = next((n + 1 for n, row in enumerate(rows) if row["_cursor_id"] == cursor), 0)
    page, has_more = rows[start : start + limit], start + limit < len(rows)
    about = {
        "limit": limit,
        "has_more": has_more,
        "next_cursor": page[-1]["_cursor_id"] if page and has_more else None,
        "total_count": len(rows),
    }
    data = [{name: value for name, value in row.items() if name != "_cursor_id"} for row in page]
    return web.json_response({"data": data, "pagination": about})


@asynccontextmanager
async def served(api: HummingbotApi, port: int = 0) -> AsyncIterator[HummingbotApi]:
    """Serve one."""
    application = web.Application(middlewares=[api.guard])
    application.add_routes(api.routes())
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        for socket in api.sockets:
            await socket.close()
        await runner.cleanup()


@asynccontextmanager
async def hummingbot_api(port: int = 0) -> AsyncIterator[HummingbotApi]:
    """Serve one with an exchange of a few lines."""
    database = Database()
    exchange = FewLines(database)
    try:
        async with served(HummingbotApi(database, exchange), port) as api:
            yield api
    finally:
        await exchange.stop()

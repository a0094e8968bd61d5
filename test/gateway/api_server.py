"""A local server that keeps to hummingbot-api's protocol, in front of an exchange of a few lines.

It has that server's habits: 201 before the exchange answers, floats, orders sorted by id, fills that are lost when they
come at once (`lose_fills`), heartbeats among the replies of the WebSocket.
"""

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

USER, PASSWORD = "admin", "a secret"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CONNECTOR, PAIR, ACCOUNT = "extended_perpetual_local", "ETH-USD", "master_account"
BOOK = {"bids": [[2999.5, 1.5], [2998.0, 2.0]], "asks": [[3000.5, 1.0], [3002.0, 3.0]]}


def iso() -> str:
    return datetime.now(UTC).isoformat()


class HummingbotApi:
    """The server's state, and what a test changes of it."""

    def __init__(self) -> None:
        self.url = ""
        self.orders: dict[str, dict[str, Any]] = {}
        self.active: set[str] = set()
        self.trades: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.lose_fills = False
        self.answer_with: int | None = None
        self.rejects: str | None = None
        self.accept_after_s = 0.05
        self.cancels = True
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    # The exchange

    async def accept(self, order_id: str) -> None:
        await asyncio.sleep(self.accept_after_s)
        order = self.orders[order_id]
        if self.rejects is not None:
            self.end(order_id, "FAILED", error_message=self.rejects)
        elif order["order_type"] == "MARKET":
            self.fill(order_id, order["amount"])
        else:
            order["status"] = "OPEN"

    def fill(self, order_id: str, amount: float) -> None:
        """Fill an order; what the database learns of it depends on `lose_fills`."""
        order = self.orders[order_id]
        done = order["filled_amount"] + amount >= order["amount"]
        if done:
            self.active.discard(order_id)
        if self.lose_fills:
            order["status"] = "OPEN"
            return
        order["filled_amount"] += amount
        order["status"] = "FILLED" if done else "PARTIALLY_FILLED"
        self.trades.append(
            {
                "trade_id": f"t{next(self._ids)}",
                "order_id": order_id,
                "account_name": ACCOUNT,
                "connector_name": CONNECTOR,
                "trading_pair": PAIR,
                "trade_type": order["trade_type"],
                "amount": amount,
                "price": order["price"],
                "fee_paid": 0.5,
                "fee_currency": "USD",
                "timestamp": iso(),
            }
        )

    def end(self, order_id: str, status: str, **fields: Any) -> None:
        self.active.discard(order_id)
        self.orders[order_id] |= {"status": status, "updated_at": iso(), **fields}

    # The routes

    async def accounts(self, _: web.Request) -> web.Response:
        return web.json_response([ACCOUNT])

    async def place(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        if body["trading_pair"] != PAIR:
            return web.json_response({"detail": f"{body['trading_pair']} is not supported"}, status=400)
        if float(body["amount"]) < 0.001:
            return web.json_response({"detail": [{"msg": "too small"}]}, status=422)
        order_id = f"hbot-{1000 - next(self._ids)}"
        self.orders[order_id] = {
            "order_id": order_id,
            "account_name": ACCOUNT,
            "connector_name": body["connector_name"],
            "trading_pair": PAIR,
            "trade_type": body["trade_type"],
            "order_type": body["order_type"],
            "amount": float(body["amount"]),
            "price": float(body["price"]) if body["price"] else None,
            "status": "SUBMITTED",
            "filled_amount": 0.0,
            "average_fill_price": None,
            "created_at": iso(),
            "updated_at": iso(),
            "exchange_order_id": None,
            "error_message": None,
        }
        self.active.add(order_id)
        task = asyncio.create_task(self.accept(order_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.json_response({"order_id": order_id, "status": "submitted"}, status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        order_id = request.match_info["order"]
        if order_id not in self.active:
            return web.json_response({"detail": f"Order {order_id} not found"}, status=404)
        if self.cancels:
            self.end(order_id, "CANCELLED")
        return web.json_response({"message": f"Order cancellation initiated for {order_id}"})

    def _page(self, entries: list[dict[str, Any]]) -> web.Response:
        return web.json_response({"data": entries, "pagination": {"has_more": False, "next_cursor": None}})

    async def active_orders(self, request: web.Request) -> web.Response:
        body = await request.json()
        pairs = body.get("trading_pairs")
        return self._page(
            [
                self.orders[each]
                for each in sorted(self.active)
                if pairs is None or self.orders[each]["trading_pair"] in pairs
            ]
        )

    async def search(self, _: web.Request) -> web.Response:
        return self._page([self.orders[each] for each in sorted(self.orders)])

    async def list_trades(self, request: web.Request) -> web.Response:
        start_ms = (await request.json()).get("start_time", 0)
        newest = [
            each for each in self.trades if datetime.fromisoformat(each["timestamp"]).timestamp() * 1000 >= start_ms
        ]
        return self._page(newest[::-1])

    async def list_positions(self, _: web.Request) -> web.Response:
        return self._page(self.positions)

    async def portfolio(self, _: web.Request) -> web.Response:
        token = {"token": "USD", "units": 10000.25, "price": 1.0, "value": 10000.25, "available_units": 9000.5}
        return web.json_response({ACCOUNT: {CONNECTOR: [token]}})

    async def book(self, request: web.Request) -> web.Response:
        depth = (await request.json())["depth"]
        levels = {side: [{"price": p, "amount": a} for p, a in BOOK[side][:depth]] for side in BOOK}
        return web.json_response({"trading_pair": PAIR, **levels, "timestamp": time.time()})

    async def prices(self, _: web.Request) -> web.Response:
        return web.json_response({"connector": CONNECTOR, "prices": {PAIR: 3000.0}, "timestamp": time.time()})

    async def rules(self, _: web.Request) -> web.Response:
        return web.json_response({PAIR: {"min_order_size": 0.001, "min_price_increment": 0.1, "supports": True}})

    async def settle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        return web.json_response({"status": "success"})

    async def market_data(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "connected", "connection_id": "c1", "timestamp": time.time()})
        async for message in socket:
            await self._feed(socket, message.json())
        return socket

    async def _feed(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json({"type": "heartbeat", "timestamp": time.time()})
        if asked["action"] == "unsubscribe":
            await socket.send_json({"type": "unsubscribed", "subscription_id": asked["subscription_id"]})
            return
        if asked["trading_pair"] != PAIR:
            await socket.send_json({"type": "error", "message": "Failed to start feed: no such pair"})
            return
        feed = f"{asked['type']}_{asked['connector']}_{asked['trading_pair']}"
        await socket.send_json({"type": "subscribed", "subscription_id": feed})
        trade = {"timestamp": time.time(), "price": 3000.5, "amount": 0.25, "side": "buy"}
        data: Any = BOOK if asked["type"] == "order_book" else [trade, trade]
        await socket.send_json({"type": asked["type"], "subscription_id": feed, "data": data, "timestamp": time.time()})

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != AUTHORIZATION:
            return web.json_response({"detail": "Invalid credentials"}, status=401)
        if self.answer_with is not None:
            return web.json_response({"detail": "as told"}, status=self.answer_with, headers={"Retry-After": "0"})
        return await handler(request)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def hummingbot_api(port: int = 0) -> AsyncIterator[HummingbotApi]:
    """Run one."""
    api = HummingbotApi()
    application = web.Application(middlewares=[api.guard])
    posts = {
        "/trading/orders": api.place,
        f"/trading/{ACCOUNT}/{CONNECTOR}/orders/{{order}}/cancel": api.cancel,
        "/trading/orders/active": api.active_orders,
        "/trading/orders/search": api.search,
        "/trading/trades": api.list_trades,
        "/trading/positions": api.list_positions,
        "/portfolio/state": api.portfolio,
        "/market-data/order-book": api.book,
        "/market-data/prices": api.prices,
        f"/trading/{ACCOUNT}/{CONNECTOR}/leverage": api.settle,
        f"/trading/{ACCOUNT}/{CONNECTOR}/position-mode": api.settle,
    }
    for path, handler in posts.items():
        application.router.add_post(path, handler)
    application.router.add_get("/accounts/", api.accounts)
    application.router.add_get(f"/connectors/{CONNECTOR}/trading-rules", api.rules)
    application.router.add_get("/ws/market-data", api.market_data)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        for socket in api.sockets:
            await socket.close()
        await api.stop()
        await runner.cleanup()

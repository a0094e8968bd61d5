"""hummingbot-api as a transport: the client's methods by REST, polling and its market-data WebSocket.

What it cannot do shows in the capabilities: no stop orders, no `client_ref` (an order is never sent twice), no ticker
feed; fills and order states come by polling, seconds late, and where its database has lost them an ERROR event says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from hummingbot_extended.errors import TransportError
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    ErrorCode,
    HummingbotClientException,
    InsufficientFundsError,
    InvalidOrderError,
    NotSupportedError,
    OrderClosedError,
    OrderNotFoundError,
    RequestTimeoutError,
)
from hummingbot_extended.gateway.protocol import OrderRequest, Reply, Welcome, plain
from hummingbot_extended.gateway.transports.api_feed import CHANNELS, ApiFeed, levels
from hummingbot_extended.gateway.transports.api_orders import ApiOrders, Followed, Memory
from hummingbot_extended.gateway.transports.api_rest import ApiRest, basic_auth, text_of
from hummingbot_extended.gateway.transports.base import TransportListener

CAPABILITIES = frozenset(
    {"polled_orders", "unsubscribe", "cancel_all", "positions", "trading_rules", "leverage", "position_mode", "fills"}
)
SETTLE_S = 2.0
LOOK_S = 0.2


class ApiTransport:
    """A hummingbot-api at `base_url` with its user name and password; `account` is the account whose keys trade.

    Plain http is for this machine only: the password goes along with every request.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        username: str = "admin",
        password: str = "",
        *,
        account: str = "master_account",
        poll_s: float = 1.0,
        fills_poll_s: float = 3.0,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        if not (poll_s > 0 and fills_poll_s > 0):
            raise ValueError("polling intervals must be above 0 seconds")
        self._base_url = base_url.rstrip("/")
        self._credentials = basic_auth(username, password)
        self._account = account
        self._poll_s = poll_s
        self._fills_poll_s = fills_poll_s
        self._memory: Memory | None = None
        self._refs: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._poller: asyncio.Task[None] | None = None
        self._methods: Mapping[str, Callable[[Mapping[str, Any], float], Awaitable[Any]]] = {
            "ping": self._ping,
            "create_order": self._create_order,
            "cancel_order": self._cancel_order,
            "cancel_all": self._cancel_all,
            "get_order": self._get_order,
            "get_open_orders": self._open_orders,
            "get_order_history": self._history,
            "get_fills": self._get_fills,
            "get_order_book": self._order_book,
            "get_ticker": self._ticker,
            "get_trading_rules": self._trading_rules,
            "get_balances": self._balances,
            "get_positions": self._positions,
            "set_leverage": self._set_leverage,
            "set_position_mode": self._set_position_mode,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }

    def __repr__(self) -> str:
        return f"<ApiTransport {self._base_url} {'open' if self._session else 'closed'}, account {self._account}>"

    @property
    def name(self) -> str:
        """See `GatewayTransport.name`."""
        return self._base_url

    async def open(self, listener: TransportListener, *, timeout_s: float, resume_from: str | None) -> Welcome:
        """See `GatewayTransport.open`; `resume_from` means nothing here."""
        await self.close()
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        rest = ApiRest(self._base_url, session, self._credentials)
        try:
            await rest.get("/accounts/", timeout_s)
        except HummingbotClientException as error:
            await session.close()
            if error.retryable or isinstance(error, AuthenticationError):
                raise
            message = f"{self._base_url} is no hummingbot-api, or not ready: {error.message}"
            raise ConnectionLostError(message, sent=False) from error
        except BaseException:
            await session.close()
            raise
        self._session, self._rest = session, rest
        self._memory = self._memory or Memory()
        self._orders = ApiOrders(
            rest,
            self._account,
            listener.on_event,
            timeout_s,
            self._memory,
            self._poll_s,
            self._fills_poll_s,
        )
        self._feed = ApiFeed(self._base_url, session, self._credentials, listener.on_event)
        self._poller = asyncio.create_task(self._orders.run(listener.on_lost), name="hummingbot-api polling")
        return Welcome(server="hummingbot-api", capabilities=CAPABILITIES)

    async def request(self, method: str, params: Mapping[str, Any], *, timeout_s: float) -> Reply:
        """See `GatewayTransport.request`."""
        if self._session is None:
            raise ConnectionLostError("not connected; call connect() first", sent=False)
        call = self._methods.get(method)
        if call is None:
            raise NotSupportedError(f"hummingbot-api offers nothing for {method}")
        try:
            return Reply(None, "success", await call(params, timeout_s))
        except TransportError as error:
            raise ConnectionLostError(f"{method}: {error}") from error

    async def close(self) -> None:
        """See `GatewayTransport.close`."""
        session, self._session = self._session, None
        poller, self._poller = self._poller, None
        if poller is not None and poller is not asyncio.current_task():
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)
        if session is not None:
            await self._feed.close()
            await session.close()

    # Orders

    async def _create_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        order = OrderRequest.read(params)
        if order.order_type.has_stop_price:
            raise NotSupportedError("hummingbot-api has no stop orders; watch the price and send the order yourself")
        price = order.price
        body: dict[str, Any] = {
            "account_name": self._account,
            "connector_name": order.exchange,
            "trading_pair": order.market,
            "trade_type": order.side.name,
            "amount": plain(order.amount),
            "order_type": "LIMIT_MAKER" if order.post_only else order.order_type.name,
            "price": await self._reference(order, timeout_s) if price is None else plain(price),
            "position_action": "CLOSE" if order.reduce_only else "OPEN",
        }
        answer = await self._rest.post("/trading/orders", body, timeout_s)
        order_id = str(answer["order_id"])
        known = {
            **order.params(),
            "order_id": order_id,
            "symbol": order.market,
            "price": None if price is None else plain(price),
            "type": order.order_type.value,
            "filled": "0",
            "status": OrderStatus.OPEN.value,
            "acknowledged": False,
        }
        if order.client_ref is not None:
            self._refs[order.client_ref] = order_id
        followed = self._orders.follow(known)
        await self._settle(followed, lambda: followed.order["acknowledged"] or followed.is_closed, SETTLE_S)
        if followed.order["status"] == OrderStatus.FAILED.value:
            raise _refused(followed.order)
        return dict(followed.order)

    async def _reference(self, order: OrderRequest, timeout_s: float) -> str | None:
        """Return a price for a market order: without one the server may take 1, and some connectors trade there."""
        if order.order_type is not OrderType.MARKET:
            return None
        book = await self._book(order.exchange, order.market, 1, timeout_s)
        rows = book["asks" if order.side is OrderSide.BUY else "bids"]
        if not rows:
            raise InvalidOrderError(f"Invalid order: {order.market} has no price to trade at now")
        return str(rows[0][0])

    async def _cancel_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        exchange, market, order_id = (str(params[name]) for name in ("exchange", "market", "order_id"))
        try:
            await self._rest.post(f"/trading/{self._account}/{exchange}/orders/{order_id}/cancel", {}, timeout_s)
        except OrderNotFoundError:
            order = await self._orders.find(exchange, market, order_id)
            if order is None:
                raise
            raise OrderClosedError(f"the order {order_id} is {order['status']} already", data=order) from None
        followed = self._orders.follow({"order_id": order_id, "exchange": exchange, "symbol": market, "status": "open"})
        if not await self._settle(followed, lambda: followed.is_closed, 0.8 * timeout_s):
            raise RequestTimeoutError(f"the cancel of {order_id} is not confirmed yet; it goes on", data=followed.order)
        return {**followed.order, "cancelled": followed.order["status"] == OrderStatus.CANCELLED.value}

    async def _settle(self, followed: Followed, until: Callable[[], bool], within_s: float) -> bool:
        """Poll until an order is as wanted; False when it is not in time."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        while True:
            await self._orders.poll_orders()
            if until():
                return True
            if loop.time() >= deadline_s:
                return False
            await asyncio.sleep(LOOK_S)

    async def _cancel_all(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        result: dict[str, list[str]] = {"cancelled": [], "failed": []}
        for order in await self._orders.active(params.get("exchange"), params.get("market")):
            where = {"exchange": order["exchange"], "market": order["symbol"], "order_id": order["order_id"]}
            try:
                done = (await self._cancel_order(where, timeout_s))["cancelled"]
            except OrderClosedError:
                continue
            except RequestTimeoutError:
                done = False
            result["cancelled" if done else "failed"].append(str(order["order_id"]))
        return result

    async def _get_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        order_id = params.get("order_id") or self._refs.get(str(params.get("client_ref")))
        order = order_id and await self._orders.find(str(params["exchange"]), str(params["market"]), str(order_id))
        if not order:
            raise OrderNotFoundError(f"hummingbot-api has no order {order_id or params.get('client_ref')!r}")
        return order

    async def _open_orders(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        return await self._orders.active(str(params["exchange"]), str(params["market"]))

    async def _history(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        start_s, end_s = params.get("start_time", 0.0), params.get("end_time", float("inf"))
        orders = [
            order
            for order in await self._orders.search(str(params["exchange"]), str(params["market"]))
            if params.get("status") in (None, order["status"]) and start_s <= (order["created_at"] or 0.0) <= end_s
        ]
        return orders[: int(params.get("limit", 50))]

    async def _get_fills(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        where = {"connector_names": [params["exchange"]], "trading_pairs": [params["market"]]}
        return await self._orders.fills(**{**where, "limit": params.get("limit", 50)})

    # Market data

    async def _book(self, exchange: str, market: str, depth: int, timeout_s: float) -> dict[str, Any]:
        body = {"connector_name": exchange, "trading_pair": market, "depth": depth}
        book = await self._rest.post("/market-data/order-book", body, timeout_s)
        return {
            "symbol": market,
            "exchange": exchange,
            "bids": levels((level["price"], level["amount"]) for level in book["bids"]),
            "asks": levels((level["price"], level["amount"]) for level in book["asks"]),
            "timestamp": book.get("timestamp"),
        }

    async def _order_book(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        return await self._book(str(params["exchange"]), str(params["market"]), int(params.get("depth", 10)), timeout_s)

    async def _ticker(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        exchange, market = str(params["exchange"]), str(params["market"])
        book = await self._book(exchange, market, 1, timeout_s)
        body = {"connector_name": exchange, "trading_pairs": [market]}
        prices = (await self._rest.post("/market-data/prices", body, timeout_s)).get("prices", {})
        return {
            "timestamp": book["timestamp"],
            "symbol": market,
            "exchange": exchange,
            "bid": book["bids"][0][0] if book["bids"] else None,
            "ask": book["asks"][0][0] if book["asks"] else None,
            "last": text_of(prices.get(market)),
            "volume": None,
        }

    async def _trading_rules(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        exchange, market = str(params["exchange"]), str(params["market"])
        rules = await self._rest.get(f"/connectors/{exchange}/trading-rules?trading_pairs={market}", timeout_s)
        if market not in rules:
            raise OrderNotFoundError(f"{exchange} has no market {market}", code=ErrorCode.UNKNOWN_MARKET)
        numbers = {
            name: text_of(value) if isinstance(value, int | float) else value for name, value in rules[market].items()
        }
        return {"symbol": market, "exchange": exchange, **numbers}

    async def _subscribe(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        channel, exchange, market = (str(params[name]) for name in ("channel", "exchange", "market"))
        if channel not in CHANNELS:
            raise NotSupportedError(f"hummingbot-api has no {channel} feed; it has {', '.join(CHANNELS)}")
        await self._feed.subscribe(channel, exchange, market, timeout_s)
        return dict(params)

    async def _unsubscribe(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        await self._feed.unsubscribe(*(str(params[name]) for name in ("channel", "exchange", "market")))
        return dict(params)

    # Account

    async def _balances(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        exchange = str(params["exchange"])
        body = {"account_names": [self._account], "connector_names": [exchange], "refresh": True}
        state = await self._rest.post("/portfolio/state", body, timeout_s)
        entries = state.get(self._account, {}).get(exchange, [])
        return {
            exchange: {
                str(entry["token"]): {
                    "total": text_of(entry.get("units")),
                    "available": text_of(entry.get("available_units")),
                }
                for entry in entries
            }
        }

    async def _positions(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        body = {"account_names": [self._account], "connector_names": [params["exchange"]], "limit": 500}
        entries = await self._rest.page("/trading/positions", body, timeout_s)
        return [
            {
                "symbol": entry.get("trading_pair"),
                "exchange": params["exchange"],
                "side": str(entry.get("side", "")).lower(),
                **{name: text_of(entry.get(name)) for name in ("amount", "entry_price", "unrealized_pnl", "leverage")},
            }
            for entry in entries
            if params.get("market") in (None, entry.get("trading_pair"))
        ]

    async def _set_leverage(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        body = {"trading_pair": params["market"], "leverage": params["leverage"]}
        await self._rest.post(f"/trading/{self._account}/{params['exchange']}/leverage", body, timeout_s)
        return {"symbol": params["market"], "exchange": params["exchange"], "leverage": params["leverage"]}

    async def _set_position_mode(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        body = {"position_mode": str(params["mode"]).upper()}
        await self._rest.post(f"/trading/{self._account}/{params['exchange']}/position-mode", body, timeout_s)
        return {"exchange": params["exchange"], "mode": body["position_mode"]}

    async def _ping(self, _params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        await self._rest.get("/accounts/", timeout_s)
        return {}


def _refused(order: Mapping[str, Any]) -> HummingbotClientException:
    """Return the error for an order that failed: all the server keeps of the reason is a sentence."""
    reason = str(order.get("reason") or "hummingbot-api gives no reason")
    lowered = reason.lower()
    if "insufficient" in lowered or "not enough" in lowered or "code 1140" in lowered:
        return InsufficientFundsError(f"Insufficient funds: {reason}", data=dict(order))
    return InvalidOrderError(f"Invalid order: {reason}", data=dict(order))

"""Orders of hummingbot-api: created and cancelled by REST, answered when a poll has seen what became of them."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from hummingbot_extended.errors import Outcome
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    ExchangeUnavailableError,
    HummingbotClientException,
    InsufficientFundsError,
    InvalidOrderError,
    NotSupportedError,
    OrderClosedError,
    OrderNotFoundError,
    RequestTimeoutError,
    ServerError,
)
from hummingbot_extended.gateway.protocol import OrderRequest, plain
from hummingbot_extended.gateway.transports.api_lookups import ApiLookups
from hummingbot_extended.gateway.transports.api_orders import ApiOrders, Followed, Memory
from hummingbot_extended.gateway.transports.api_rest import ApiRest, position_of

logger = logging.getLogger(__name__)

SETTLE_S = 2.0
LOOK_S = 0.2


class ApiDesk:
    """One method a request of the client, by its parameters; each raises what `ApiRest` raises."""

    def __init__(self, rest: ApiRest, account: str, lookups: ApiLookups, orders: ApiOrders, memory: Memory) -> None:
        self._rest = rest
        self._account = account
        self._lookups = lookups
        self._orders = orders
        self._memory = memory

    async def create_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.create_order`; sent once, whatever happens."""
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
        try:
            answer = await self._rest.post("/trading/orders", body, timeout_s)
        except ServerError as error:
            raise await self._lookups.unknown_market(order.exchange, order.market, timeout_s) or error from None
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
            self._memory.refs[order.client_ref] = order_id
        followed = self._orders.follow(known)
        await self._settle(followed, lambda: followed.order["acknowledged"] or followed.is_closed, SETTLE_S)
        if followed.order["status"] == OrderStatus.FAILED.value:
            raise _refused(followed.order)
        return dict(followed.order)

    async def _reference(self, order: OrderRequest, timeout_s: float) -> str | None:
        """Return a price for a market order: without one the server may take 1, and some connectors trade there."""
        if order.order_type is not OrderType.MARKET:
            return None
        try:
            book = await self._lookups.book(order.exchange, order.market, 1, timeout_s)
        except HummingbotClientException as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            message = f"no price of {order.market} for a market order ({error.message}); nothing was sent"
            raise ExchangeUnavailableError(message) from error
        rows = book["asks" if order.side is OrderSide.BUY else "bids"]
        if not rows:
            raise InvalidOrderError(f"Invalid order: {order.market} has no price to trade at now")
        return str(rows[0][0])

    async def cancel_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.cancel_order`."""
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
        """Poll until an order is as wanted; False when it is not in time. Polls that fail are polls without news."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        while True:
            try:
                await self._orders.poll_orders()
            except HummingbotClientException as error:
                logger.debug("polling hummingbot-api: %s", error)
            if until():
                return True
            if loop.time() >= deadline_s:
                return False
            await asyncio.sleep(LOOK_S)

    async def cancel_all(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.cancel_all`; one after another."""
        result: dict[str, list[str]] = {"cancelled": [], "failed": []}
        for order in await self._orders.active(params.get("exchange"), params.get("market")):
            where = {"exchange": order["exchange"], "market": order["symbol"], "order_id": order["order_id"]}
            try:
                done = (await self.cancel_order(where, timeout_s))["cancelled"]
            except OrderClosedError:
                continue
            except RequestTimeoutError:
                done = False
            result["cancelled" if done else "failed"].append(str(order["order_id"]))
        return result

    async def get_order(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.get_order_status`; by `client_ref` only what this client has created."""
        order_id = params.get("order_id") or self._memory.refs.get(str(params.get("client_ref")))
        order = order_id and await self._orders.find(str(params["exchange"]), str(params["market"]), str(order_id))
        if not order:
            raise OrderNotFoundError(f"hummingbot-api has no order {order_id or params.get('client_ref')!r}")
        return order

    async def get_open_orders(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """See `HummingbotClient.get_open_orders`."""
        return await self._orders.active(str(params["exchange"]), str(params["market"]))

    async def get_order_history(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """See `HummingbotClient.get_order_history`."""
        start_s, end_s = params.get("start_time", 0.0), params.get("end_time", float("inf"))
        orders = [
            order
            for order in await self._orders.search(str(params["exchange"]), str(params["market"]), start_s)
            if params.get("status") in (None, order["status"]) and start_s <= (order["created_at"] or 0.0) <= end_s
        ]
        return orders[: int(params.get("limit", 50))]

    async def get_fills(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """See `HummingbotClient.get_fills`."""
        fills = await self._orders.fills(str(params["exchange"]), str(params["market"]))
        return fills[: int(params.get("limit", 50))]

    async def get_positions(self, params: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """See `HummingbotClient.get_positions`."""
        entries = await self._orders.positions(str(params["exchange"]))
        return [position_of(each) for each in entries if params.get("market") in (None, each.get("trading_pair"))]


def _refused(order: Mapping[str, Any]) -> HummingbotClientException:
    """Return the error for an order that failed: all the server keeps of the reason is a sentence."""
    reason = str(order.get("reason") or "hummingbot-api gives no reason")
    lowered = reason.lower()
    if "insufficient" in lowered or "not enough" in lowered or "code 1140" in lowered:
        return InsufficientFundsError(f"Insufficient funds: {reason}", data=dict(order))
    return InvalidOrderError(f"Invalid order: {reason}", data=dict(order))

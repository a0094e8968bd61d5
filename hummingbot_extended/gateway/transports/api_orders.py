"""What becomes of orders at hummingbot-api, which tells nothing by itself: asked again and again, and not believed.

Its database drops fills that come before the order's row is written, and then shows the order open for ever (an order
that is filled at once usually is). So an order that is no longer active and not closed in the database either is
unknown, and is reported so.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hummingbot_extended.gateway.enums import OrderStatus
from hummingbot_extended.gateway.errors import ErrorCode, HummingbotClientException
from hummingbot_extended.gateway.protocol import ServerEvent, decimal_of, plain
from hummingbot_extended.gateway.transports.api_rest import ApiRest, fill_of, order_of

logger = logging.getLogger(__name__)

ACTIVE_S = 1.0
FILLS_S = 3.0
UNKNOWN_AFTER_S = 5.0
OVERLAP_S = 600.0  # without a clock a connector stamps its fills with a time that it is given once in five minutes
MAX_FAILURES = 3
KEPT_CLOSED = 1000

Closed = (OrderStatus.FILLED.value, OrderStatus.CANCELLED.value, OrderStatus.FAILED.value)


@dataclass(slots=True)
class Followed:
    """An order whose end is awaited."""

    order: dict[str, Any]
    since_s: float  # when it was created, or is known to exist, by the server's clock
    left_s: float | None = None  # since when it is not active any more
    is_reported: bool = False
    fills: dict[str, Decimal] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether the server has told its end."""
        return self.order["status"] in Closed

    @property
    def filled(self) -> Decimal:
        """The sum of the fills that were told."""
        return sum(self.fills.values(), Decimal(0))


@dataclass(slots=True)
class Memory:
    """What outlives a connection: the orders that are followed, since when, and up to when fills were read.

    Times are by the server's clock. `refs` are order ids by the names that the client gave.
    """

    started_s: float
    fills_read_s: float
    followed: dict[str, Followed] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)


class ApiOrders:
    """Follows the orders of one account by polling. `tell` receives events; `lost` the failure that ends it."""

    def __init__(
        self,
        rest: ApiRest,
        account: str,
        tell: Callable[[ServerEvent], None],
        timeout_s: float,
        memory: Memory,
        active_s: float = ACTIVE_S,
        fills_s: float = FILLS_S,
    ) -> None:
        self._rest = rest
        self._account = account
        self._tell = tell
        self._timeout_s = timeout_s
        self._memory = memory
        self._followed = memory.followed
        self._active_s = active_s
        self._fills_s = fills_s

    async def run(self, lost: Callable[[HummingbotClientException], None]) -> None:
        """Poll until cancelled, or until the server has not answered three times in a row."""
        failures, fills_due_s = 0, 0.0
        while True:
            try:
                await self.poll_orders()
                if time.monotonic() >= fills_due_s:
                    fills_due_s = time.monotonic() + self._fills_s
                    await self.poll_fills()
            except HummingbotClientException as error:
                failures += 1
                logger.debug("polling hummingbot-api: %s", error)
                if failures >= MAX_FAILURES:
                    lost(error)
                    return
            else:
                failures = 0
            await asyncio.sleep(self._active_s)

    def follow(self, order: dict[str, Any]) -> Followed:
        """Begin to follow an order."""
        since_s = order.get("created_at") or self._rest.now_s()
        return self._followed.setdefault(str(order["order_id"]), Followed(order, since_s))

    async def active(self, exchange: str | None = None, market: str | None = None) -> list[dict[str, Any]]:
        """Return the orders in flight."""
        return [order_of(each) for each in await self._entries("/trading/orders/active", exchange, market)]

    async def search(
        self, exchange: str | None = None, market: str | None = None, since_s: float = 0.0
    ) -> list[dict[str, Any]]:
        """Return the orders of the database, the newest first; an older server's own order is by id."""
        since = {"start_time": int(since_s * 1000)} if since_s else {}
        entries = await self._entries("/trading/orders/search", exchange, market, **since)
        return sorted(map(order_of, entries), key=lambda order: order["created_at"] or 0.0, reverse=True)

    async def find(self, exchange: str, market: str, order_id: str) -> dict[str, Any] | None:
        """Return an order from where it is known best: in flight, then the database."""
        known = {"symbol": market, **(self._followed[order_id].order if order_id in self._followed else {})}
        for ask in (self.active, self.search):
            for order in await ask(exchange):  # by pair it would not find an order that failed at once
                if order["order_id"] == order_id:
                    order = {**known, **order}
                    return order if order["symbol"] == market else None
        return None

    async def fills(
        self, exchange: str | None = None, market: str | None = None, since_s: float = 0.0
    ) -> list[dict[str, Any]]:
        """Return own fills of the database, the newest first."""
        since = {"start_time": int(since_s * 1000)} if since_s else {}
        return [fill_of(each) for each in await self._entries("/trading/trades", exchange, market, **since)]

    async def positions(self, exchange: str) -> list[dict[str, Any]]:
        """Return the positions as the server has them."""
        return await self._entries("/trading/positions", exchange)

    async def poll_orders(self) -> None:
        """Tell what has become of the orders."""
        active = {str(order["order_id"]): order for order in await self.active()}
        for order in active.values():
            followed = self.follow(order)
            followed.order, followed.left_s = {**followed.order, **order}, None
            self._tell(ServerEvent("order_update", followed.order))
        left = [each for order_id, each in self._followed.items() if order_id not in active and not each.is_closed]
        if left:
            await self._resolve(left)
        closed = [order_id for order_id, each in self._followed.items() if each.is_closed]
        for order_id in closed[:-KEPT_CLOSED]:
            del self._followed[order_id]

    async def poll_fills(self) -> None:
        """Tell the fills since the last look, with an overlap: rows are written late, and with a time of before."""
        begun_s = self._rest.now_s()
        for fill in reversed(await self.fills(since_s=self._memory.fills_read_s - OVERLAP_S)):
            followed = self._followed.get(str(fill["order_id"]))
            if followed is not None:
                followed.fills[str(fill["trade_id"])] = decimal_of(fill["amount"]) or Decimal(0)
            elif (fill["timestamp"] or 0.0) < self._memory.started_s:
                continue  # from before this client, and of no order of its own
            self._tell(ServerEvent("trade", fill))
        self._memory.fills_read_s = begun_s
        self._miss_fills()

    async def _resolve(self, left: list[Followed]) -> None:
        since_s = min(followed.since_s for followed in left) - OVERLAP_S
        known = {str(order["order_id"]): order for order in await self.search(since_s=since_s)}
        for followed in left:
            order_id = str(followed.order["order_id"])
            now_s = time.monotonic()
            followed.left_s = followed.left_s or now_s
            order = known.get(order_id)
            if order is not None and order["status"] in Closed:
                followed.order = {**followed.order, **order}
                self._tell(ServerEvent("order_update", followed.order))
            elif now_s - followed.left_s > UNKNOWN_AFTER_S and not followed.is_reported:
                followed.is_reported = True
                await self._report_unknown(followed)

    async def _report_unknown(self, followed: Followed) -> None:
        """Say that an order's end is not known, with what the exchange's side shows."""
        order = followed.order
        positions = await self.positions(order["exchange"])
        message = (
            f"hummingbot-api has lost the order {order['order_id']}: it is neither active nor closed; "
            "compare position and balance before you trade on"
        )
        data = {
            "kind": "order",
            "code": ErrorCode.ORDER_STATE_UNKNOWN.value,
            "message": message,
            "order_id": order["order_id"],
            "exchange": order["exchange"],
            "symbol": order["symbol"],
            "positions": [each for each in positions if each.get("trading_pair") == order["symbol"]],
            "timestamp": time.time(),
        }
        self._tell(ServerEvent("error", data))

    def _miss_fills(self) -> None:
        """Say, once, where the database's fills do not add up to what an order was filled with."""
        now_s = time.monotonic()
        for followed in self._followed.values():
            filled = decimal_of(followed.order.get("filled")) or Decimal(0)
            if not followed.is_closed or followed.is_reported or filled <= followed.filled:
                continue
            followed.left_s = followed.left_s or now_s
            if now_s - followed.left_s > UNKNOWN_AFTER_S:
                followed.is_reported = True
                order = followed.order
                message = (
                    f"hummingbot-api recorded fills of {plain(followed.filled)} for the order {order['order_id']}, "
                    f"which was filled with {plain(filled)}"
                )
                data = {"kind": "fills", "message": message, "order_id": order["order_id"], "timestamp": time.time()}
                self._tell(ServerEvent("error", {**data, "exchange": order["exchange"], "symbol": order["symbol"]}))

    async def _entries(
        self, path: str, exchange: str | None, market: str | None = None, **more: Any
    ) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"account_names": [self._account], **more}
        if exchange is not None:
            body["connector_names"] = [exchange]
        if market is not None:
            body["trading_pairs"] = [market]
        return await self._rest.entries(path, body, self._timeout_s)

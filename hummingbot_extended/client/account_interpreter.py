"""From frames of the account to events; after an outage REST tells what was missed."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from hummingbot_extended.client.events import BalanceUpdate, Event, Fill, OrderUpdate, PositionUpdate
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.errors import NotFound
from hummingbot_extended.exchange.channels import AccountFrame
from hummingbot_extended.exchange.decimals import ZERO
from hummingbot_extended.exchange.models import AccountTrade, Balance, Order, Position
from hummingbot_extended.exchange.rest import ExtendedRest, pages

logger = logging.getLogger(__name__)

PAGE_ROWS = 100
SEEN_FILLS = 10_000
ENDED_ORDERS = 10_000


class AccountInterpreter:
    """The account as its stream tells it: open orders, positions, balance, fills by id.

    An empty ORDER snapshot does not mean that all orders are gone; a position that its snapshot leaves out is closed.
    """

    def __init__(self, rest: ExtendedRest) -> None:
        self._rest = rest
        self._orders: dict[int, Order] = {}  # open ones
        self._ended_ms: dict[int, int] = {}  # when orders ended: what was sent before may still come after
        self._positions: dict[int, Position] = {}
        self._balance: Balance | None = None
        self._seen: dict[int, None] = {}
        self._since_ms: int | None = None
        self._ts_ms = 0

    async def take(self, received: Received) -> Sequence[Event]:
        """See Interpreter."""
        frame: AccountFrame = received.frame
        for bad in frame.bad:
            logger.warning("The account stream left out %s, which cannot be read (%s): %s", *_facts(bad))
        self._ts_ms = frame.ts_ms
        if self._since_ms is None:
            self._since_ms = frame.ts_ms
        common: dict[str, Any] = {"ts_ms": frame.ts_ms, "raw": received.raw}
        events: list[Event] = [
            *self._order_events(frame.orders, is_snapshot=frame.is_snapshot, **common),
            *self._fill_events(frame.trades, **common),
            *self._position_events(frame, **common),
        ]
        if frame.balance is not None:
            self._balance = frame.balance
            events.append(BalanceUpdate(balance=frame.balance, is_snapshot=frame.is_snapshot, **common))
        return events

    def present(self, opening: Any) -> Iterable[Event]:
        """See Interpreter: open orders, positions and the balance, as the stream's own snapshots."""
        yield from (OrderUpdate(order=order, is_snapshot=True, ts_ms=self._ts_ms) for order in self._orders.values())
        for position in self._positions.values():
            yield _position_event(position, is_snapshot=True, ts_ms=self._ts_ms)
        if self._balance is not None:
            yield BalanceUpdate(balance=self._balance, is_snapshot=True, ts_ms=self._ts_ms)

    def reset(self) -> None:
        """See Interpreter: the new connection begins with snapshots."""

    async def catch_up(self) -> Iterable[Event]:
        """Ask for the fills since the last one known, and for orders that were open; snapshots tell the rest."""
        # Everything is asked for before anything counts as told: a try that fails in the middle loses nothing.
        fills = await self._missed_fills()
        now_open = {order.id: order for order in await self._rest.open_orders()}
        closed = [await self._closed(known) for known in tuple(self._orders.values()) if known.id not in now_open]
        orders = [*(order for order in closed if order is not None), *now_open.values()]
        return [*self._fill_events(fills, ts_ms=self._ts_ms), *self._order_events(orders, ts_ms=self._ts_ms)]

    async def _missed_fills(self) -> list[AccountTrade]:
        missed: list[AccountTrade] = []
        async for page in pages(partial(self._rest.trades), limit=PAGE_ROWS):
            fresh = [
                trade
                for trade in page
                if trade.id not in self._seen and trade.created_time_ms >= (self._since_ms or self._ts_ms)
            ]
            missed += fresh
            if len(fresh) < len(page):
                break
        return missed

    async def _closed(self, known: Order) -> Order | None:
        """What became of an order that is not open any more; None when the exchange does not say."""
        try:
            return await self._rest.order(known.id)
        except NotFound:
            return next(iter(await self._rest.orders_history(order_ids=[known.id])), None)

    def _order_events(self, orders: Iterable[Order], *, is_snapshot: bool = False, **common: Any) -> list[Event]:
        events: list[Event] = []
        for order in orders:
            known = self._orders.get(order.id)
            if known is not None and known.updated_time_ms > order.updated_time_ms:
                continue  # a reply older than what the stream has told
            if order.updated_time_ms <= self._ended_ms.get(order.id, -1):
                continue  # its end has been told
            if order.status.is_final:
                self._orders.pop(order.id, None)
                self._ended_ms[order.id] = order.updated_time_ms
                if len(self._ended_ms) > ENDED_ORDERS:
                    del self._ended_ms[next(iter(self._ended_ms))]
            else:
                self._orders[order.id] = order
            events.append(OrderUpdate(order=order, is_snapshot=is_snapshot, **common))
        return events

    def _fill_events(self, trades: Iterable[AccountTrade], **common: Any) -> list[Event]:
        fresh = sorted((trade for trade in trades if trade.id not in self._seen), key=lambda t: t.created_time_ms)
        self._seen.update((trade.id, None) for trade in fresh)
        while len(self._seen) > SEEN_FILLS:
            self._since_ms = self._ts_ms
            del self._seen[next(iter(self._seen))]
        return [Fill(trade=trade, **common) for trade in fresh]

    def _position_events(self, frame: AccountFrame, **common: Any) -> list[Event]:
        events = [_position_event(each, is_snapshot=frame.is_snapshot, **common) for each in frame.positions]
        if frame.is_snapshot and frame.event.value == "positions":
            present = {position.id for position in frame.positions}
            gone = [position for id_, position in self._positions.items() if id_ not in present]
            events += [
                PositionUpdate(market=each.market, size=ZERO, position=each, is_snapshot=True, **common)
                for each in gone
            ]
            self._positions.clear()
        for position in frame.positions:
            self._positions[position.id] = position
            if not position.signed_size:
                del self._positions[position.id]
        return list(events)


def _position_event(position: Position, **common: Any) -> PositionUpdate:
    return PositionUpdate(market=position.market, size=position.signed_size, position=position, **common)


def _facts(bad: Any) -> tuple[str, str, str]:
    return bad.name, bad.reason, bad.excerpt

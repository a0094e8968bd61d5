"""The orders the venue knows, with the indices that finding them needs. `put` is the only way an order changes."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue.enums import OrderStatus, Side
from hummingbot_extended.venue.orders import ZERO, Order
from hummingbot_extended.venue.state import PendingOrder, VenueState

IN_BOOK = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


class Resting(Struct):
    """What an account's orders on one market could add to its position: sizes in base, values at their limit prices."""

    buy_qty: Decimal = ZERO
    buy_value: Decimal = ZERO
    sell_qty: Decimal = ZERO
    sell_value: Decimal = ZERO

    def without(self, order: Order) -> "Resting":
        """Return what is left when an order that is counted in is taken out."""
        rest = Resting(self.buy_qty, self.buy_value, self.sell_qty, self.sell_value)
        rest.add(order, -1)
        return rest

    def add(self, order: Order, sign: int) -> None:
        """Count an order in (+1) or out (-1). Reduce-only and waiting orders count for nothing."""
        if order.reduce_only or order.status not in IN_BOOK or order.price is None:
            return
        qty = sign * order.remaining
        if order.side is Side.BUY:
            self.buy_qty += qty
            self.buy_value += qty * order.price
        else:
            self.sell_qty += qty
            self.sell_value += qty * order.price


class OrderStore:
    """Pending, open and closed orders over a VenueState, and the indices over them, which are not saved but rebuilt."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self._open_ids: dict[tuple[int, str], dict[int, None]] = {}
        self._resting: dict[tuple[int, str], Resting] = {}
        self._external: dict[tuple[int, str], list[int]] = {}
        self._hashes: set[tuple[int, int]] = set()
        self._expiries: list[tuple[int, int]] = []
        self._untriggered: dict[str, dict[int, None]] = {}
        for order in self._all():
            self._remember(order)
            if not order.status.is_final and order.id not in state.pending:
                self._index_open(order)

    def _all(self) -> Iterator[Order]:
        for history in self._state.histories.values():
            yield from history.orders.values()
        yield from self._state.open_orders.values()
        yield from (pending.order for pending in self._state.pending.values())

    # ------------------------------------------------------------------------------------------------------- changes
    def add_pending(self, pending: PendingOrder) -> None:
        """Keep a received order until it is accepted; its external id counts as used from now on."""
        self._state.pending[pending.order.id] = pending
        self._remember(pending.order)

    def take_pending(self, order_id: int) -> PendingOrder | None:
        """Take a received order out, or None if it is not there (any more). `put` or `forget` it next."""
        pending = self._state.pending.pop(order_id, None)
        if pending is not None:
            self.forget(pending.order)
        return pending

    def put(self, order: Order, *, keep_closed: bool = True) -> None:
        """Store a new order or an order's new state; a final one moves to its account's history (if `keep_closed`)."""
        old = self._state.open_orders.get(order.id)
        if old is None:
            self._remember(order)
        else:
            self._resting[order.account_id, order.market].add(old, -1)
        if not order.status.is_final:
            self._state.open_orders[order.id] = order
            self._index_open(order) if old is None else self._reindex(order)
            return
        self._state.open_orders.pop(order.id, None)
        self._open_ids.get((order.account_id, order.market), {}).pop(order.id, None)
        self._untriggered.get(order.market, {}).pop(order.id, None)
        if keep_closed:
            self._state.histories[order.account_id].orders[order.id] = order
        else:
            self.forget(order)

    def forget(self, order: Order) -> None:
        """Let go of an order's external id and hash."""
        key = (order.account_id, order.external_id)
        self._external[key].remove(order.id)
        if not self._external[key]:
            del self._external[key]
        if order.order_hash is not None:
            self._hashes.discard((order.account_id, order.order_hash))

    def forget_closed(self, unfilled_before_ms: int, limit_of: Callable[[int], int]) -> None:
        """Drop closed orders: unfilled ones closed before a time, and each account's oldest ones beyond its limit."""
        for account_id, history in self._state.histories.items():
            limit = limit_of(account_id)
            old = [o for o in history.orders.values() if not o.filled_qty and o.updated_ms < unfilled_before_ms]
            for order in old:
                del history.orders[order.id]
                self.forget(order)
            for order in list(history.orders.values())[: max(0, len(history.orders) - limit)]:
                del history.orders[order.id]
                self.forget(order)

    def _remember(self, order: Order) -> None:
        self._external.setdefault((order.account_id, order.external_id), []).append(order.id)
        if order.order_hash is not None:
            self._hashes.add((order.account_id, order.order_hash))

    def _index_open(self, order: Order) -> None:
        key = (order.account_id, order.market)
        self._open_ids.setdefault(key, {})[order.id] = None
        heapq.heappush(self._expiries, (order.expire_ms, order.id))
        self._resting.setdefault(key, Resting())
        self._reindex(order)

    def _reindex(self, order: Order) -> None:
        self._resting[order.account_id, order.market].add(order, 1)
        waiting = self._untriggered.setdefault(order.market, {})
        if order.is_untriggered:
            waiting[order.id] = None
        else:
            waiting.pop(order.id, None)

    # ------------------------------------------------------------------------------------------------------- reading
    def open(self, order_id: int) -> Order | None:
        """Return an open order, or None."""
        return self._state.open_orders.get(order_id)

    def open_of(self, account_id: int, market: str | None = None) -> list[Order]:
        """Return an account's open orders, of one market or of all, oldest first."""
        markets: Iterable[str] = self._state.markets if market is None else (market,)
        ids = [order_id for name in markets for order_id in self._open_ids.get((account_id, name), ())]
        return [self._state.open_orders[order_id] for order_id in sorted(ids)]

    def open_count(self, account_id: int, market: str) -> int:
        """Return how many orders an account has on a market, open or received and going to be."""
        received = (p.order for p in self._state.pending.values() if not p.is_silent)
        waiting = sum(order.account_id == account_id and order.market == market for order in received)
        return len(self._open_ids.get((account_id, market), ())) + waiting

    def resting(self, account_id: int, market: str) -> Resting:
        """Return what the account's resting orders on a market could add to its position."""
        return self._resting.get((account_id, market)) or Resting()

    def untriggered(self, market: str) -> list[Order]:
        """Return the orders of a market that wait for their trigger, oldest first."""
        return [self._state.open_orders[order_id] for order_id in sorted(self._untriggered.get(market, ()))]

    def find(self, order_id: int) -> Order | None:
        """Return an open or closed order of any account, or None."""
        if (order := self._state.open_orders.get(order_id)) is not None:
            return order
        return next((h.orders[order_id] for h in self._state.histories.values() if order_id in h.orders), None)

    def ids_of(self, account_id: int, external_id: str) -> list[int]:
        """Return the ids of the pending, open and closed orders with this external id, oldest first."""
        return list(self._external.get((account_id, external_id), ()))

    def open_or_pending(self, account_id: int, order_id: int) -> Order | None:
        """Return an account's order that can still be cancelled, or None."""
        order = self._state.open_orders.get(order_id)
        if order is None and (pending := self._state.pending.get(order_id)) is not None and not pending.is_silent:
            order = pending.order
        return order if order is not None and order.account_id == account_id else None

    def is_signed_twice(self, account_id: int, order_hash: int) -> bool:
        """Whether an order with this signed hash is already known."""
        return (account_id, order_hash) in self._hashes

    def next_expiry_ms(self) -> int | None:
        """Return when the next open order expires, or None."""
        while self._expiries and self._expiries[0][1] not in self._state.open_orders:
            heapq.heappop(self._expiries)
        return self._expiries[0][0] if self._expiries else None

    def expired(self, now_ms: int) -> list[Order]:
        """Return the open orders whose time has come, earliest first."""
        due = []
        while (when := self.next_expiry_ms()) is not None and when <= now_ms:
            due.append(self._state.open_orders[heapq.heappop(self._expiries)[1]])
        return due

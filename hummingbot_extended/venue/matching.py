"""One market's order book: price levels in order, orders at a price in the order of their arrival. Nothing else."""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue.enums import Side
from hummingbot_extended.venue.events import BookEvent, Event
from hummingbot_extended.venue.orders import ZERO


class Level(Struct):
    """The orders at one price (id → remaining size, first come first) and their sum."""

    price: Decimal
    sizes: dict[int, Decimal]
    total: Decimal = ZERO


class BookSide:
    """One side of a book. Levels are kept sorted so that the best is last."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._keys: list[Decimal] = []  # price for bids, -price for asks: the best is the greatest
        self._levels: list[Level] = []

    def __iter__(self) -> Iterator[Level]:
        """Levels, best first."""
        return reversed(self._levels)

    @property
    def best(self) -> Level | None:
        """The best level, or None."""
        return self._levels[-1] if self._levels else None

    def level(self, price: Decimal) -> Level:
        """Return the level at `price`, made if it is not there."""
        key = price * self.side.sign
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            self._keys.insert(at, key)
            self._levels.insert(at, Level(price, {}))
        return self._levels[at]

    def drop(self, level: Level) -> None:
        """Take an empty level out."""
        at = bisect_left(self._keys, level.price * self.side.sign)
        del self._keys[at], self._levels[at]


class Book:
    """Price-time priority. Tells each change of a level as a BookEvent in `events`."""

    def __init__(self, market: str, events: list[Event]) -> None:
        self.market = market
        self._events = events
        self._sides = {side: BookSide(side) for side in Side}
        self._where: dict[int, tuple[Side, Decimal]] = {}

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._where

    def set_size(self, order_id: int, side: Side, price: Decimal, size: Decimal) -> None:
        """Make an order's resting size `size`: a new one queues last, a smaller one keeps its place, 0 takes it out."""
        self._where[order_id] = (side, price)
        level = self._sides[side].level(price)
        change = size - level.sizes.get(order_id, ZERO)
        level.total += change
        level.sizes[order_id] = size
        if not size:
            del level.sizes[order_id], self._where[order_id]
        if not level.sizes:
            self._sides[side].drop(level)
        if change:
            self._events.append(BookEvent(self.market, side, price, change, level.total))

    def remove(self, order_id: int) -> None:
        """Take an order out, if it is there."""
        if order_id in self._where:
            self.set_size(order_id, *self._where[order_id], ZERO)

    def first(self, side: Side) -> int:
        """Return the order that trades first on a side. Raises LookupError on an empty side."""
        for level in self._sides[side]:
            return next(iter(level.sizes))
        raise LookupError(f"no {side} orders on {self.market}")

    def best_price(self, side: Side) -> Decimal | None:
        """Return a side's best price, or None."""
        best = self._sides[side].best
        return None if best is None else best.price

    def would_trade(self, side: Side, price: Decimal) -> bool:
        """Whether an order of `side` with the worst price `price` meets the other side."""
        best = self.best_price(side.opposite)
        return best is not None and (price >= best if side is Side.BUY else price <= best)

    def levels(self, side: Side, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Return up to `depth` levels as (price, size), best first."""
        levels = [(level.price, level.total) for level in self._sides[side]]
        return levels if depth is None else levels[:depth]

    def queue(self) -> list[int]:
        """Return all resting orders, each side in the order in which they would trade."""
        return [order_id for side in Side for level in self._sides[side] for order_id in level.sizes]

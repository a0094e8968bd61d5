"""The life of a simulated market (sans-I/O): makers that keep a ladder of quotes, takers that trade with it.

`MarketModel.step` looks at the book and returns what the house does next. All quantities are whole ticks and whole lot
steps, so that nothing is rounded twice. The same seed gives the same actions for the same books.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from hummingbot_extended.venue.price_process import BASIS_POINT, Climate, PriceProcess

BUY, SELL = "BUY", "SELL"


@dataclass(frozen=True, slots=True)
class Quote:
    """Rest `lots` at `ticks`, as a limit order of the house's maker."""

    side: str
    ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel the maker's quote at `ticks`."""

    side: str
    ticks: int


@dataclass(frozen=True, slots=True)
class Take:
    """Take up to `lots` as far as `ticks`, as an IOC order of the house's taker."""

    side: str
    ticks: int
    lots: int


type Action = Quote | Withdraw | Take


class BookView(Protocol):
    """What the model sees of a book: its levels from the touch outwards, everybody's orders included."""

    def levels(self, side: str) -> Iterable[tuple[int, int]]:
        """Yield (ticks, lots) of bids (BUY) or asks (SELL), best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How busy makers and takers are. Rates are per second of market time."""

    half_spread_bp: float = 0.05
    ladder_levels: int = 60  # per side
    ladder_reach_bp: float = 60.0  # how far from the fair value the ladder goes
    refill_per_step: int = 8  # quotes added a step and side
    refresh_per_s: float = 6.0  # quotes near the touch that change their size
    level_value: float = 12_000.0  # typical value of a quote, in USD
    small_takes_per_s: float = 1.2
    sweeps_per_s: float = 2.0
    sweep_depth_bp: float = 6.0  # mean depth of a sweep beyond the touch; its tail reaches makers at 5 bp often
    climate: Climate = field(default_factory=Climate)


class MarketModel:
    """One market's makers and takers. `tick` and `lot` are the market's steps as floats, `anchor` its first price."""

    def __init__(
        self, *, anchor: float, tick: float, lot: float, min_lots: int, rng: random.Random, habits: Habits | None = None
    ) -> None:
        self.habits = habits or Habits()
        self.prices = PriceProcess(anchor, rng, self.habits.climate)
        self._tick = tick
        self._lot = lot
        self._min_lots = min_lots
        self._rng = rng
        self.quotes: dict[str, dict[int, int]] = {BUY: {}, SELL: {}}  # the maker's own: ticks → lots left
        self.most_quotes = 0  # a side may hold so many, if that is more than twice the ladder (a captured book)

    def adopt(self, side: str, ticks: int, lots: int) -> None:
        """Tell the model what is left of its quote at a price (0: nothing)."""
        if lots > 0:
            self.quotes[side][ticks] = lots
        else:
            self.quotes[side].pop(ticks, None)

    def opening(self) -> list[Action]:
        """Return the quotes of the first ladder."""
        rungs = ((side, ticks) for side in (BUY, SELL) for ticks in self._ladder(side) if ticks > 0)
        return [Quote(side, ticks, self._size(ticks)) for side, ticks in rungs]

    def step(self, dt_s: float, book: BookView) -> list[Action]:
        """Advance market time by `dt_s` and return what the house does, in order."""
        best = {side: next(iter(book.levels(side)), None) for side in (BUY, SELL)}
        bid, ask = best[BUY], best[SELL]
        mid = (bid[0] + ask[0]) / 2 * self._tick if bid and ask else None
        self.prices.step(dt_s, mid)
        actions: list[Action] = []
        for side in (BUY, SELL):
            actions += self._retreat(side)
        for side in (BUY, SELL):
            actions += self._refill(side) + self._refresh(side, dt_s) + self._prune(side)
        actions += self._takes(dt_s, book)
        return actions

    def touch(self, side: str) -> int:
        """Return the best price, in ticks, that the maker is willing to quote on a side."""
        half = self.prices.fair * self.habits.half_spread_bp * BASIS_POINT
        if side == BUY:
            return math.floor((self.prices.fair - half) / self._tick)
        return max(math.ceil((self.prices.fair + half) / self._tick), self.touch(BUY) + 1)

    def _retreat(self, side: str) -> list[Action]:
        """Withdraw what the fair value has passed: it would be picked off."""
        touch = self.touch(side)
        stale = [t for t in self.quotes[side] if (t > touch if side == BUY else t < touch)]
        return [Withdraw(side, ticks) for ticks in sorted(stale)]

    def _ladder(self, side: str) -> list[int]:
        """Return the prices the maker would like to have quotes at, from the touch outwards."""
        reach = max(
            self.prices.anchor * self.habits.ladder_reach_bp * BASIS_POINT / self._tick, self.habits.ladder_levels
        )
        spacing = max(1, round(reach / self.habits.ladder_levels))
        touch, direction = self.touch(side), -1 if side == BUY else 1
        first = touch // spacing * spacing if side == BUY else -(-touch // spacing) * spacing
        rungs = [first + direction * spacing * i for i in range(self.habits.ladder_levels)]
        return rungs if first == touch else [touch, *rungs]

    def _refill(self, side: str) -> list[Action]:
        own = self.quotes[side]
        missing = [ticks for ticks in self._ladder(side) if ticks > 0 and ticks not in own]
        return [Quote(side, ticks, self._size(ticks)) for ticks in missing[: self.habits.refill_per_step]]

    def _size(self, ticks: int) -> int:
        value = self.habits.level_value * self._rng.lognormvariate(0, 0.8)
        return max(self._min_lots, round(value / (ticks * self._tick) / self._lot))

    def _refresh(self, side: str, dt_s: float) -> list[Action]:
        own = self.quotes[side]
        if not own or self._rng.random() >= self.habits.refresh_per_s * dt_s / 2:
            return []
        near = sorted(own, reverse=side == BUY)[:20]
        ticks = self._rng.choice(near)
        if self._outside(side, ticks):
            return []
        return [Withdraw(side, ticks), Quote(side, ticks, self._size(ticks))]

    def _outside(self, side: str, ticks: int) -> bool:
        return ticks > self.touch(side) if side == BUY else ticks < self.touch(side)

    def _prune(self, side: str) -> list[Action]:
        """Withdraw what is farthest once a side holds far more quotes than its ladder has."""
        own = self.quotes[side]
        surplus = len(own) - max(2 * self.habits.ladder_levels, self.most_quotes)
        if surplus <= 0:
            return []
        return [Withdraw(side, ticks) for ticks in sorted(own, reverse=side == SELL)[: min(surplus, 8)]]

    def _takes(self, dt_s: float, book: BookView) -> list[Action]:
        actions: list[Action] = []
        for _ in range(self._count(self.habits.small_takes_per_s * dt_s)):
            actions += self._take(book, depth_bp=0.0, share=self._rng.uniform(0.05, 0.6))
        for _ in range(self._count(self.habits.sweeps_per_s * dt_s)):
            depth_bp = self._rng.expovariate(1 / self.habits.sweep_depth_bp)
            actions += self._take(book, depth_bp=depth_bp, share=self._rng.uniform(0.6, 1.0))
        return actions

    def _count(self, expected: float) -> int:
        """Draw how many events of a small expected number happen (Poisson by Knuth)."""
        limit, count, product = math.exp(-expected), 0, self._rng.random()
        while product > limit:
            count += 1
            product *= self._rng.random()
        return count

    def _take(self, book: BookView, *, depth_bp: float, share: float) -> list[Action]:
        side = self._rng.choice((BUY, SELL))
        levels = iter(book.levels(SELL if side == BUY else BUY))
        first = next(levels, None)
        if first is None:
            return []
        reach = math.floor(first[0] * depth_bp * BASIS_POINT)
        limit = first[0] + reach if side == BUY else first[0] - reach
        depth = first[1]
        for ticks, lots in levels:
            if ticks > limit if side == BUY else ticks < limit:
                break
            depth += lots
        return [Take(side, limit, max(self._min_lots, round(depth * share)))] if limit > 0 else []

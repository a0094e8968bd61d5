"""Candles and the last day's statistics of every market (sans-I/O): live ones are folded, older ones made up.

A venue that has just started would have nothing to chart, so minutes before its start come from a pseudo-random path
that ends exactly at the market's first price. They are a pure function of seed and minute: nothing is stored.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.refusals import Refusal

MINUTE_MS = 60_000
DAY_MINUTES = 1440
HISTORY_MINUTES = 14 * DAY_MINUTES  # how far back made-up candles go
ZERO = Decimal(0)

INTERVAL_MINUTES = {
    "PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT2H": 120, "PT4H": 240, "PT8H": 480, "PT12H": 720,
    "PT24H": DAY_MINUTES, "P1D": DAY_MINUTES,
}  # fmt: skip
WEEK, MONTH = "P7D", "P30D"  # calendar week and calendar month (API reference §2.5)


class CandleKind(StrEnum):
    """Which price a candle is of; the values are the path segments."""

    TRADES = "trades"
    MARK = "mark-prices"
    INDEX = "index-prices"


@dataclass(slots=True)
class Candle:
    """One candle: `start_ms`, prices, base volume and its value."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    value: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class DayStats:
    """The last 24 hours of trading: volume in base and USD, extremes, first price."""

    volume_base: Decimal
    volume: Decimal
    high: Decimal
    low: Decimal
    first: Decimal


def bucket_start_minute(minute: int, interval: str) -> int:
    """Return the first minute (since the epoch) of the interval that holds `minute`.

    Raises Refusal 1005 for an interval the exchange does not have.
    """
    if interval in INTERVAL_MINUTES:
        return minute - minute % INTERVAL_MINUTES[interval]
    moment = datetime.fromtimestamp(minute * 60, UTC)
    if interval == WEEK:
        return minute - moment.weekday() * DAY_MINUTES - moment.hour * 60 - moment.minute
    if interval == MONTH:
        return minute - (moment.day - 1) * DAY_MINUTES - moment.hour * 60 - moment.minute
    raise Refusal(400, 1005, f"Interval {interval} is not supported")


class MinutePath:
    """The made-up past of one price: noise of many periods, scaled so that it ends at `last` at `end_minute`.

    A period's noise grows with its root, as a random walk's does. Paths of one market share it; `salt` tells their
    wicks and volumes apart.
    """

    PERIODS_MINUTES = tuple(3**power for power in range(9))  # a minute to four and a half days
    STEP = 0.0004  # of the price, for the period of a minute
    MAX_WICK = Decimal("0.001")

    def __init__(self, spec: MarketSpec, seed: int, salt: int, last: Decimal, end_minute: int) -> None:
        self._spec = spec
        self._salt = salt
        self._seed = _mix(seed * 1_000_003 + spec.synthetic_id)
        self._knots: dict[tuple[int, int], float] = {}
        self._ahead: tuple[int, Decimal] = (-1, last)  # the price at the end of a minute begins the next one
        self._scale = float(last) / math.exp(self._noise(end_minute))

    def ending_at(self, last: Decimal, end_minute: int) -> None:
        """Move the path so that it ends at `last` at `end_minute`."""
        self._scale = float(last) / math.exp(self._noise(end_minute))
        self._ahead = -1, last

    def candle(self, minute: int) -> Candle:
        """Return the made-up candle of a minute."""
        first = self._ahead[1] if self._ahead[0] == minute else self._price(minute)
        last = self._price(minute + 1)
        self._ahead = minute + 1, last
        noise = _mix(self._seed ^ minute + self._salt)
        high, low = (self._wick(first, noise >> shift & 0xFF) for shift in (0, 8))
        volume = Decimal(100 + (noise >> 16) % 3000) * 1000 / first
        volume = max(self._spec.min_size, volume.quantize(self._spec.step))
        top, bottom = max(first, last) + high, max(min(first, last) - low, self._spec.tick)
        return Candle(minute * MINUTE_MS, first, top, bottom, last, volume, volume * last)

    def _wick(self, price: Decimal, noise: int) -> Decimal:
        tick = self._spec.tick
        return max(1, round(price * self.MAX_WICK * noise / 255 / tick)) * tick

    def _price(self, minute: int) -> Decimal:
        raw = self._scale * math.exp(self._noise(minute))
        return max(1, round(raw / float(self._spec.tick))) * self._spec.tick

    def _noise(self, minute: int) -> float:
        total = 0.0
        for period in self.PERIODS_MINUTES:
            knot, step = divmod(minute, period)
            noise = self._knot(period, knot)
            if step:
                share = step / period
                noise += (self._knot(period, knot + 1) - noise) * share * share * (3 - 2 * share)  # smooth at the knots
            total += math.sqrt(period) * noise
        return self.STEP * total

    def _knot(self, period: int, number: int) -> float:
        """Return the noise of a period at one of its knots, in [-1, 1]."""
        key = period, number
        if key not in self._knots:
            self._knots[key] = _mix(self._seed + period * 1_000_003 ^ number) / 2**63 - 1
        return self._knots[key]


def _mix(number: int) -> int:
    """Scramble an integer into 64 bits (splitmix64): the same everywhere, and cheaper than a random generator."""
    number = (number + 0x9E3779B97F4A7C15) % 2**64
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


class Series:
    """The minutes of one price of one market: made up before `start_minute`, folded from then on without holes."""

    def __init__(self, path: MinutePath, start_minute: int, last: Decimal) -> None:
        self._path = path
        self._start = start_minute
        self._live: list[Candle] = [Candle(start_minute * MINUTE_MS, last, last, last, last)]
        self._made_up: dict[int, Candle] = {}

    @property
    def last(self) -> Candle:
        """The newest minute."""
        return self._live[-1]

    def advance(self, minute: int) -> None:
        """Go on to `minute`; minutes in which nothing happened stand flat at the last price."""
        while (number := self._start + len(self._live)) <= minute:
            close = self._live[-1].close
            self._live.append(Candle(number * MINUTE_MS, close, close, close, close))

    def add(self, ts_ms: int, price: Decimal, qty: Decimal) -> None:
        """Fold a price (and, for trades, a quantity) into its minute."""
        self.advance(ts_ms // MINUTE_MS)
        candle = self._live[max(0, ts_ms // MINUTE_MS - self._start)]
        candle.high, candle.low, candle.close = max(candle.high, price), min(candle.low, price), price
        candle.volume += qty
        candle.value += qty * price

    def minutes(self, first: int, last: int) -> Iterable[Candle]:
        """Yield the minutes from `first` to `last`, as far as there is a past."""
        for minute in range(max(first, self._start - HISTORY_MINUTES), last + 1):
            if minute < self._start:
                if minute not in self._made_up:
                    self._made_up[minute] = self._path.candle(minute)
                yield self._made_up[minute]
            elif minute - self._start < len(self._live):
                yield self._live[minute - self._start]

    @property
    def first_minute(self) -> int:
        """The oldest minute there is."""
        return self._start - HISTORY_MINUTES

    def dump(self) -> list[list[str]]:
        """Return the live minutes for storage."""
        return [[str(x) for x in (c.start_ms, c.open, c.high, c.low, c.close, c.volume, c.value)] for c in self._live]

    def load(self, rows: list[list[str]]) -> None:
        """Take stored minutes for the live ones; the made-up past ends where they begin."""
        self._live = [Candle(int(row[0]), *(Decimal(x) for x in row[1:])) for row in rows] or self._live
        self._start = self._live[0].start_ms // MINUTE_MS
        self._path.ending_at(self._live[0].open, self._start)
        self._made_up.clear()


class CandleStore:
    """All series of all markets."""

    def __init__(self, specs: Iterable[MarketSpec], seed: int, now_ms: int) -> None:
        start = now_ms // MINUTE_MS
        self._series: dict[tuple[str, CandleKind], Series] = {}
        self._days: dict[str, tuple[int, DayStats]] = {}
        self._finished: dict[tuple[str, CandleKind, str], tuple[int, list[Candle]]] = {}
        for spec in specs:
            for salt, kind in enumerate(CandleKind):
                path = MinutePath(spec, seed, salt, spec.start_price, start)
                self._series[spec.name, kind] = Series(path, start, spec.start_price)

    def add(self, market: str, kind: CandleKind, ts_ms: int, price: Decimal, qty: Decimal = ZERO) -> None:
        """Fold a trade or a price."""
        self._series[market, kind].add(ts_ms, price, qty)

    def advance(self, now_ms: int) -> None:
        """Let every series reach the present minute."""
        for series in self._series.values():
            series.advance(now_ms // MINUTE_MS)

    def candles(self, market: str, kind: CandleKind, interval: str, end_ms: int, limit: int) -> list[Candle]:
        """Return up to `limit` candles that start at or before `end_ms`, newest first. Raises Refusal 1005."""
        series = self._series[market, kind]
        end = min(end_ms // MINUTE_MS, series.last.start_ms // MINUTE_MS)
        newest = bucket_start_minute(end, interval)
        found: list[Candle] = []
        # The newest candle holds minutes after end_ms too, as long as they are within its interval.
        stop = series.last.start_ms // MINUTE_MS
        while newest >= series.first_minute and len(found) < limit:
            found.append(_fold(newest, series.minutes(newest, stop), interval))
            stop = newest - 1
            newest = bucket_start_minute(newest - 1, interval)
        return found

    def current(self, market: str, kind: CandleKind, interval: str) -> Candle:
        """Return the candle that is forming; its finished minutes are folded once a minute. Raises Refusal 1005."""
        series = self._series[market, kind]
        minute = series.last.start_ms // MINUTE_MS
        first = bucket_start_minute(minute, interval)
        key = market, kind, interval
        if key not in self._finished or self._finished[key][0] != minute:
            past = list(series.minutes(first, minute - 1))
            self._finished[key] = minute, [_fold(first, past, interval)] if past else []
        return _fold(first, [*self._finished[key][1], series.last], interval)

    def day(self, market: str) -> DayStats:
        """Return the statistics of the 24 hours up to the present minute (computed once a minute)."""
        series = self._series[market, CandleKind.TRADES]
        now, last = series.last.start_ms // MINUTE_MS, series.last
        if market not in self._days or self._days[market][0] != now:
            past = list(series.minutes(now - DAY_MINUTES + 1, now - 1))
            self._days[market] = (
                now,
                DayStats(
                    sum((c.volume for c in past), ZERO),
                    sum((c.value for c in past), ZERO),
                    max(c.high for c in past),
                    min(c.low for c in past),
                    past[0].open,
                ),
            )
        past_day = self._days[market][1]
        return DayStats(
            past_day.volume_base + last.volume,
            past_day.volume + last.value,
            max(past_day.high, last.high),
            min(past_day.low, last.low),
            past_day.first,
        )

    def dump(self) -> dict[str, list[list[str]]]:
        """Return the live minutes of every series for storage."""
        return {f"{market} {kind}": series.dump() for (market, kind), series in self._series.items()}

    def load(self, stored: dict[str, list[list[str]]]) -> None:
        """Take over stored minutes of the series that exist."""
        for (market, kind), series in self._series.items():
            if rows := stored.get(f"{market} {kind}"):
                series.load(rows)
        self._days.clear()
        self._finished.clear()


def _fold(start_minute: int, minutes: Iterable[Candle], interval: str) -> Candle:
    folded: Candle | None = None
    for minute in minutes:
        if bucket_start_minute(minute.start_ms // MINUTE_MS, interval) != start_minute:
            break
        if folded is None:
            folded = Candle(start_minute * MINUTE_MS, minute.open, minute.high, minute.low, minute.close)
        folded.high, folded.low = max(folded.high, minute.high), min(folded.low, minute.low)
        folded.close = minute.close
        folded.volume += minute.volume
        folded.value += minute.value
    if folded is None:
        raise ValueError(f"no minutes from {start_minute}")
    return folded

"""What is measured of a source on one channel, and the score made of it (streaming-systems.md W42, W43). Sans-I/O.

Times are seconds of the caller's monotonic clock, but for the stamps in ms, which are epoch time.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import ceil
from statistics import median_low

LATENCIES = 256
LATENCY_SCALE_MS = 5_000.0
UPTIME_WINDOW_S = 86_400.0
MAX_CHANGES = 1_000
SUCCESS_WEIGHT = 0.1
SKEW_WINDOW_S = 600.0
STEP_MS = 1_000.0  # what two readings of epoch time may differ by from the steady clock
COOLING_S = 60.0  # a rate limit that does not say how long (W46)

FRESHNESS, LATENCY, UPTIME, COMPLETENESS, RELIABILITY = 0.30, 0.25, 0.20, 0.15, 0.10
HEALTHY = 50.0
# A source whose price is this part away from what the others say is not trusted at all.
DISAGREE_AT = Decimal("0.01")


class Skew:
    """How far the exchange's clock is behind ours, by the quickest message of the last ten to twenty minutes.

    One for all sources of a channel: a source that is always late shows as late against the others.
    """

    def __init__(self) -> None:
        self._least_ms: float | None = None
        self._least_before_ms: float | None = None
        self._from_s = 0.0
        self._offset_ms: float | None = None

    def follow(self, now_s: float, now_ms: float) -> None:
        """Go along when epoch time is set anew: data is not older because this machine's clock was put right."""
        offset_ms = now_ms - now_s * 1000
        step_ms = offset_ms - (offset_ms if self._offset_ms is None else self._offset_ms)
        self._offset_ms = offset_ms
        if abs(step_ms) >= STEP_MS:
            self._least_ms = None if self._least_ms is None else self._least_ms + step_ms
            self._least_before_ms = None if self._least_before_ms is None else self._least_before_ms + step_ms

    def observe(self, difference_ms: float, now_s: float) -> float:
        """Take arrival minus stamp of a message; return how late it was, never below zero."""
        if self._least_ms is None or now_s - self._from_s >= SKEW_WINDOW_S:
            self._from_s = now_s
            self._least_before_ms, self._least_ms = self._least_ms, difference_ms
        self._least_ms = min(self._least_ms, difference_ms)
        return max(0.0, difference_ms - self.ms)

    @property
    def ms(self) -> float:
        """Arrival minus stamp of the quickest message; 0 before the first."""
        known = [least for least in (self._least_ms, self._least_before_ms) if least is not None]
        return min(known, default=0.0)


class SourceRecord:
    """One source on one channel. `stale_after_s` is the age at which its data is worth nothing."""

    def __init__(self, name: str, priority: int, stale_after_s: float, skew: Skew) -> None:
        self.name = name
        self.priority = priority
        self.errors = 0
        self.gaps = 0
        self.is_live = False  # connected, and heard since
        self.last_error = ""
        self.price: Decimal | None = None  # the last one it told, where the channel has prices
        self._stale_after_s = stale_after_s
        self._skew = skew
        self._connected = False
        self._newest_ts_ms: float | None = None
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES)
        self._completeness: deque[float] = deque(maxlen=LATENCIES)
        self._reliability = 1.0
        self._changes: deque[tuple[float, bool]] = deque(maxlen=MAX_CHANGES)
        self._cooling_until_s: float | None = None

    def __repr__(self) -> str:
        return f"<SourceRecord {self.name} {'live' if self.is_live else 'not live'}, {self.errors} errors>"

    # --- what happens -----------------------------------------------------------------------------------------------
    def connected(self, now_s: float) -> None:
        """A connection was made; it counts as live with its first frame."""
        self._connected = True
        self.is_live = False
        self._succeed(1.0)

    def frame(self, now_s: float, now_ms: float, ts_ms: float, completeness: float) -> None:
        """A frame came, stamped `ts_ms`; `completeness` (0 to 1) is how much of what could be told it tells."""
        self._skew.follow(now_s, now_ms)
        latency_ms = self._skew.observe(now_ms - ts_ms, now_s)
        self._latencies_ms.append(latency_ms)
        self._completeness.append(completeness)
        self._newest_ts_ms = ts_ms if self._newest_ts_ms is None else max(self._newest_ts_ms, ts_ms)
        if not self.is_live:
            self.is_live = True
            self._changes.append((now_s, True))

    def lost(self, now_s: float, reason: str, *, is_gap: bool = False) -> None:
        """The connection ended, or an attempt failed."""
        self.errors += 1
        self.last_error = reason
        if is_gap:
            self.gaps += 1
            self._completeness.append(0.0)
        self._succeed(0.0)
        self._connected = False
        if self.is_live or not self._changes:
            self._changes.append((now_s, False))
        self.is_live = False

    def cool(self, now_s: float, retry_after_s: float | None) -> None:
        """The source's limit is reached: leave it alone for so long (W46)."""
        self._cooling_until_s = now_s + (COOLING_S if retry_after_s is None else retry_after_s)

    def _succeed(self, value: float) -> None:
        self._reliability += SUCCESS_WEIGHT * (value - self._reliability)

    # --- what it comes to -------------------------------------------------------------------------------------------
    def age_s(self, now_ms: float) -> float | None:
        """Return how old its newest data is by the exchange's clock, never below zero; None before the first."""
        if self._newest_ts_ms is None:
            return None
        return max(0.0, now_ms - self._skew.ms - self._newest_ts_ms) / 1000

    def is_cooling(self, now_s: float) -> bool:
        """Whether it is left alone because of its limit."""
        return self._cooling_until_s is not None and now_s < self._cooling_until_s

    def is_stale(self, now_ms: float) -> bool:
        """Whether its newest data is too old."""
        age_s = self.age_s(now_ms)
        return age_s is not None and age_s > self._stale_after_s

    def is_usable(self, now_s: float, now_ms: float) -> bool:
        """Whether data can be taken from it: live, fresh and not cooling."""
        return self.is_live and not self.is_stale(now_ms) and not self.is_cooling(now_s)

    @property
    def latency_p95_ms(self) -> float | None:
        """The 95th percentile of the last latencies; None before the first."""
        if not self._latencies_ms:
            return None
        ordered = sorted(self._latencies_ms)
        return ordered[ceil(0.95 * len(ordered)) - 1]

    def uptime(self, now_s: float) -> float:
        """Return the part of the last day in which it was not known to be down."""
        begin_s = now_s - UPTIME_WINDOW_S
        known = [*self._changes, (now_s, False)]
        down_s = sum(
            max(0.0, end_s - max(start_s, begin_s)) for (start_s, is_up), (end_s, _) in pairwise(known) if not is_up
        )
        return 1.0 - down_s / UPTIME_WINDOW_S

    def score(self, now_s: float, now_ms: float) -> float:
        """Return 0 to 100; a source that is cooling, or that has told nothing yet, has 0."""
        age_s, latency_ms = self.age_s(now_ms), self.latency_p95_ms
        if age_s is None or latency_ms is None or self.is_cooling(now_s):
            return 0.0
        parts = (
            FRESHNESS * max(0.0, 1 - age_s / self._stale_after_s),
            LATENCY * max(0.0, 1 - latency_ms / LATENCY_SCALE_MS),
            UPTIME * self.uptime(now_s),
            COMPLETENESS * (sum(self._completeness) / len(self._completeness)),
            RELIABILITY * self._reliability,
        )
        return 100 * sum(parts)

    def confidence(self, now_s: float, now_ms: float, others: Sequence[Decimal]) -> float:
        """Return 0 to 1: the score, lowered where `others` (the prices of the other usable sources) disagree."""
        return self.score(now_s, now_ms) / 100 * (1.0 if self.price is None else agreement(self.price, others))

    def state(self, now_s: float, now_ms: float) -> str:
        """Return it in a word, for people."""
        if self.is_cooling(now_s):
            return "cooling"
        if self.is_live:
            return "stale" if self.is_stale(now_ms) else "live"
        return "connecting" if self._connected or not self.errors else "down"


def agreement(price: Decimal, others: Sequence[Decimal]) -> float:
    """Return 1 where the other sources say the same price, falling to 0 where they are `DISAGREE_AT` away from it.

    What counts is the middle one of the differences (the lower of two), so one source that errs costs itself its
    agreement and not the others theirs; of two nobody knows which errs. No price is ever averaged.
    """
    if not others or not price:
        return 1.0
    difference = median_low([abs(other - price) for other in others])
    return max(0.0, 1.0 - float(difference / abs(price) / DISAGREE_AT))

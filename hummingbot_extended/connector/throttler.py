"""A request throttler whose cost does not grow with the requests in its window.

Hummingbot's keeps one log of all requests and goes through it with Decimal arithmetic on each (2.8 ms of blocked loop
at 1,000 entries; performance.md §5). This one keeps, for each limit, its entries in order and their sum.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from decimal import Decimal

from hummingbot.core.api_throttler.async_throttler_base import AsyncThrottlerBase
from hummingbot.core.api_throttler.data_types import RateLimit

from hummingbot_extended.connector.extended_perpetual_constants import REST_POOL, VITAL_LIMIT_IDS, VITAL_RESERVE

BACK_OFF_FIRST_S = 1.0
BACK_OFF_LAST_S = 60.0
# A cancel waits no longer than this for a penalty to end: an order that should go is worth a request that may fail.
VITAL_BACK_OFF_S = 1.0


class SlidingWindow:
    """How much of `limit` was used in the last `seconds`. Sans-I/O: the caller passes the time."""

    __slots__ = ("_entries", "_seconds", "limit", "used")

    def __init__(self, limit: float, seconds: float) -> None:
        self.limit = limit
        self.used = 0
        self._seconds = seconds
        self._entries: deque[tuple[float, int]] = deque()

    def delay(self, now: float, weight: int, ceiling: float) -> float:
        """Return in how many seconds `weight` more may fit below `ceiling`; 0.0 when it does now."""
        entries, oldest = self._entries, now - self._seconds
        while entries and entries[0][0] <= oldest:
            self.used -= entries.popleft()[1]
        if self.used + weight <= ceiling or not entries:
            return 0.0
        return entries[0][0] - oldest

    def add(self, now: float, weight: int) -> None:
        """Count `weight` at the time `now`."""
        self._entries.append((now, weight))
        self.used += weight


class ExtendedThrottler(AsyncThrottlerBase):
    """Hummingbot's throttler interface over sliding windows, first come first served.

    All limits link to one pool (an undeclared `limit_id` counts against it). A part of every limit (`vital_reserve`)
    is kept for `vital_limit_ids`, which also have a queue of their own, so that a cancel never waits behind orders.
    `back_off` holds everything after HTTP 429. Limits may change while requests wait. Times are in seconds.
    """

    def __init__(
        self,
        rate_limits: list[RateLimit],
        retry_interval: float = 0.1,
        safety_margin_pct: float | None = 0.05,
        limits_share_percentage: Decimal | None = None,
        *,
        vital_limit_ids: Collection[str] = VITAL_LIMIT_IDS,
        vital_reserve: float = VITAL_RESERVE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(rate_limits, retry_interval, safety_margin_pct, limits_share_percentage)
        self._vital_limit_ids = frozenset(vital_limit_ids)
        self._vital_reserve = vital_reserve
        self._clock = clock
        self._windows: dict[str, SlidingWindow] = {}
        self._turns = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._held_until = 0.0
        self._held_since = 0.0
        self._penalty_s = 0.0

    def __repr__(self) -> str:
        pool = self._windows.get(REST_POOL)
        used = f"{pool.used}/{pool.limit:g}" if pool else "unused"
        held = max(0.0, self._held_until - self._clock())
        return f"<{type(self).__name__} {used} in the window{f', backing off for {held:.1f} s' if held else ''}>"

    def execute_task(self, limit_id: str) -> "ThrottledRequest":
        """Return a context in which one request may be sent; entering it waits for capacity."""
        return ThrottledRequest(self, limit_id)

    def set_rate_limits(self, rate_limits: list[RateLimit]) -> None:
        """Replace the limits (Hummingbot's base calls this when it is made, and users may later)."""
        super().set_rate_limits(rate_limits)
        self._windows = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether an ordinary request would have to wait now: the budget is used, or the exchange said so."""
        now, pool = self._clock(), self._windows.get(REST_POOL)
        ceiling = _ceiling(pool, self._vital_reserve) if pool else 0.0
        return now < self._held_until or (pool is not None and pool.delay(now, 1, ceiling) > 0)

    def back_off(self, retry_after_s: float | None = None) -> None:
        """Hold requests after HTTP 429: as long as the exchange says, otherwise 1 s, doubled each time up to 60 s.

        A refusal of what was sent before the hold began does not double it.
        """
        now = self._clock()
        if now < self._held_until:
            return
        self._penalty_s = min(BACK_OFF_LAST_S, self._penalty_s * 2 or BACK_OFF_FIRST_S)
        self._held_since = now
        self._held_until = now + (retry_after_s if retry_after_s is not None else self._penalty_s)
        logging.getLogger(__name__).warning(
            "The exchange refuses requests for now (HTTP 429): waiting %.0f s.", self._held_until - now
        )

    def succeeded(self) -> None:
        """Tell that a request was served: the next penalty starts small again."""
        if self._penalty_s and self._clock() >= self._held_until:
            self._penalty_s = 0.0

    async def acquire(self, limit_id: str) -> None:
        """Wait until a request of `limit_id` may go, and count it. Cancelling leaves nothing counted."""
        is_vital = limit_id in self._vital_limit_ids
        async with self._turns[is_vital]:
            while True:
                delay_s = self._admit(limit_id, is_vital)
                if delay_s <= 0:
                    return
                await asyncio.sleep(delay_s)

    def _admit(self, limit_id: str, is_vital: bool) -> float:
        now = self._clock()
        held_until = min(self._held_until, self._held_since + VITAL_BACK_OFF_S) if is_vital else self._held_until
        if now < held_until:
            return held_until - now
        shares = self._shares(limit_id)
        kept = 0.0 if is_vital else self._vital_reserve
        delay = max(window.delay(now, weight, _ceiling(window, kept)) for window, weight in shares)
        if delay <= 0:
            for window, weight in shares:
                window.add(now, weight)
        return delay

    def _shares(self, limit_id: str) -> list[tuple[SlidingWindow, int]]:
        limit, linked = self.get_related_limits(limit_id)
        if limit is None:
            pool = self._id_to_limit_map.get(REST_POOL)
            linked = [(pool, pool.weight)] if pool is not None else []
        own = [(limit, limit.weight)] if limit is not None else []
        return [(self._window(each), weight) for each, weight in own + linked] or [(SlidingWindow(1, 1.0), 1)]

    def _window(self, limit: RateLimit) -> SlidingWindow:
        window = self._windows.get(limit.limit_id)
        if window is None:
            seconds = float(limit.time_interval) * (1 + (self._safety_margin_pct or 0.0))
            window = self._windows[limit.limit_id] = SlidingWindow(float(limit.limit), seconds)
        return window


class ThrottledRequest:
    """What `execute_task` returns: `async with` waits for capacity; leaving it does nothing."""

    __slots__ = ("_limit_id", "_throttler")

    def __init__(self, throttler: ExtendedThrottler, limit_id: str) -> None:
        self._throttler = throttler
        self._limit_id = limit_id

    async def __aenter__(self) -> None:
        await self._throttler.acquire(self._limit_id)

    async def __aexit__(self, *exc_info: object) -> None:
        return None


def _ceiling(window: SlidingWindow, kept: float) -> float:
    return max(1.0, window.limit * (1 - kept))

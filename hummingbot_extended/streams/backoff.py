"""How long to wait before a reconnect, and how many connects a host may get. Sans-I/O: clock and random are given."""

import random
from collections.abc import Callable

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 30.0
HEALTHY_AFTER_S = 30.0

# A host sees at most this many connects at once, and one more every `CONNECT_INTERVAL_S`.
CONNECT_BURST = 60
CONNECT_INTERVAL_S = 0.25


class Backoff:
    """Exponential delays with full jitter: the n-th wait is uniform between 0 and min(`max_s`, `first_s` · 2ⁿ).

    Full jitter spreads the clients of a host that came back; the delay falls back to the first only after a connection
    was healthy for `healthy_after_s`, so that a host which accepts and drops at once is not stormed.

    `uniform` draws from [low, high]; tests give their own.
    """

    def __init__(
        self,
        *,
        first_s: float = FIRST_DELAY_S,
        max_s: float = MAX_DELAY_S,
        healthy_after_s: float = HEALTHY_AFTER_S,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._healthy_after_s = healthy_after_s
        self._uniform = uniform
        self._ceiling_s = first_s

    def __repr__(self) -> str:
        return f"<Backoff next wait up to {self._ceiling_s:g} s>"

    def is_healthy(self, live_s: float) -> bool:
        """Whether a connection that was live for so long counts as healthy."""
        return live_s >= self._healthy_after_s

    def next_delay_s(self, live_s: float = 0.0, at_least_s: float = 0.0) -> float:
        """Return the seconds to wait after a connection that was live for `live_s` (0: it never came up).

        `at_least_s` is what the server asked for (SSE's `retry`, `Retry-After`); it is honoured up to `max_s`.
        """
        if self.is_healthy(live_s):
            self._ceiling_s = self._first_s
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(self._max_s, ceiling_s * 2)
        return min(self._max_s, max(at_least_s, self._uniform(0.0, ceiling_s)))


class ConnectBudget:
    """The connects that all streams of one host share: a token bucket, so that a hundred streams do not storm it.

    `reserve` never refuses; it says how long the caller has to wait for its turn, so that the order of asking is the
    order of connecting.
    """

    def __init__(self, *, burst: int = CONNECT_BURST, interval_s: float = CONNECT_INTERVAL_S) -> None:
        self._burst = burst
        self._interval_s = interval_s
        self._free_from_s: float | None = None

    def __repr__(self) -> str:
        return f"<ConnectBudget {self._burst} at once, then one every {self._interval_s:g} s>"

    def reserve(self, now_s: float) -> float:
        """Take the next connect and return the seconds from `now_s` until it may be made."""
        earliest_s = now_s - (self._burst - 1) * self._interval_s
        slot_s = earliest_s if self._free_from_s is None else max(self._free_from_s, earliest_s)
        self._free_from_s = slot_s + self._interval_s
        return max(0.0, slot_s - now_s)

    def give_back(self) -> None:
        """A connect that was reserved is not made: whoever asks next has its place."""
        if self._free_from_s is not None:
            self._free_from_s -= self._interval_s


class ConnectBudgets:
    """One `ConnectBudget` a host, made when first asked for."""

    def __init__(self, make: Callable[[], ConnectBudget] = ConnectBudget) -> None:
        self._make = make
        self._by_host: dict[str, ConnectBudget] = {}

    def of(self, host: str) -> ConnectBudget:
        """Return the budget that all streams to `host` share."""
        budget = self._by_host.get(host)
        if budget is None:
            budget = self._by_host[host] = self._make()
        return budget

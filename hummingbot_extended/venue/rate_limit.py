"""Requests per IP and minute (sans-I/O): a sliding window, as API reference §1.8 describes the exchange's limit."""

from collections import deque

WINDOW_MS = 60_000


class RateLimit:
    """Counts requests per address. The window holds at most `limit` entries an address, so its size is bounded."""

    def __init__(self, limit: int) -> None:
        self.limit = limit  # 0: no limit
        self._requests: dict[str, deque[int]] = {}
        self._banned_until_ms: dict[str, int] = {}

    def allow(self, address: str, now_ms: int, *, ban_ms: int = 0) -> int:
        """Count a request of `address`; return 0 when it is allowed, else the ms until one is.

        A refused request does not count; with `ban_ms` it shuts the address out for so long.
        """
        if not self.limit:
            return 0
        if (until_ms := self._banned_until_ms.get(address, 0)) > now_ms:
            return until_ms - now_ms
        times = self._requests.setdefault(address, deque())
        while times and now_ms - times[0] >= WINDOW_MS:
            times.popleft()
        if len(times) >= self.limit:
            self._banned_until_ms[address] = now_ms + ban_ms
            return ban_ms or times[0] + WINDOW_MS - now_ms
        times.append(now_ms)
        return 0

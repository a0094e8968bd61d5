"""The venue's clock and its delayed work, both on the event loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable


class Clock:
    """Epoch milliseconds that never go backwards, whatever happens to the machine's clock."""

    def __init__(self, not_before_ms: int = 0) -> None:
        self._offset_s = max(time.time(), not_before_ms / 1000) - time.monotonic()

    def now_ms(self) -> int:
        """Return the present time."""
        return int((time.monotonic() + self._offset_s) * 1000)


class DelayQueue:
    """Calls that happen later, strictly in the order in which they were asked for."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, delay_ms: float, call: Callable[[], None]) -> None:
        """Make `call` in `delay_ms`, but after every call that was put before."""
        self._calls.append((asyncio.get_running_loop().time() + delay_ms / 1000, call))
        if self._timer is None:
            self._arm()

    def flush(self) -> None:
        """Make every waiting call now (the venue is stopping)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._calls:
            self._calls.popleft()[1]()

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(max(self._calls[0][0], loop.time()), self._run)

    def _run(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._calls and self._calls[0][0] <= now + 0.0005:
            self._calls.popleft()[1]()
        if self._calls:
            self._arm()

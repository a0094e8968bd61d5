"""One clock for all that is sent at intervals: items due in the same 10 ms share one wake-up."""

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Never

GRID_S = 0.01


class Timers:
    """Calls `item(now_s)` when it is due; what it returns is its next time, None ends it. `run` is the owner's task."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: dict[int, list[Callable[[float], float | None]]] = {}
        self._order: list[int] = []
        self._earlier = asyncio.Event()

    def add(self, due_s: float, item: Callable[[float], float | None]) -> None:
        """Have `item` called at `due_s` of the clock, or up to 10 ms later."""
        slot = math.ceil(due_s / GRID_S)
        items = self._slots.get(slot)
        if items is None:
            self._slots[slot] = [item]
            heapq.heappush(self._order, slot)
            if self._order[0] == slot:
                self._earlier.set()
        else:
            items.append(item)

    def fire(self, now_s: float) -> float | None:
        """Call everything that is due and return the seconds until the next; None when there is nothing."""
        while self._order and self._order[0] * GRID_S <= now_s:
            for item in self._slots.pop(heapq.heappop(self._order)):
                next_s = item(now_s)
                if next_s is not None:
                    self.add(max(next_s, now_s + GRID_S), item)
        return self._order[0] * GRID_S - now_s if self._order else None

    async def run(self) -> Never:
        """Fire until cancelled."""
        while True:
            self._earlier.clear()
            wait_s = self.fire(self._clock())
            try:
                async with asyncio.timeout(wait_s):
                    await self._earlier.wait()
            except TimeoutError:
                pass

"""How long the streams of an event loop may hold it in one turn, all together.

A hundred snapshots that arrive at once are ordinary: handled in one go they hold the loop for tens of milliseconds, and
with it every order. What no longer fits into a turn stays with its connection, in order, and is read in a later one.
"""

import asyncio
from collections.abc import Callable
from math import inf
from time import perf_counter
from weakref import WeakKeyDictionary

TURN_BUDGET_S = 0.005


class TurnBudget:
    """The time one turn of the loop has for messages. A reader compares `perf_counter()` with `deadline()` before each
    message, and once it has passed waits for the `next_turn`.

    Who was served in the turn that ended waits behind who was not, so that a busy stream does not keep others out.

    Asking the loop to tell the end of a turn costs it one more turn, as much as a message. So it is asked only once
    half of the time is spent; until then later turns count as this one, and one that begins long after is a new one.
    """

    def __init__(self, seconds: float = TURN_BUDGET_S, *, clock: Callable[[], float] = perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._deadline = -inf
        self._will_be_told = False  # of the turn's end
        self._unserved: list[asyncio.Future[None]] = []
        self._served: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        waiting = len(self._unserved) + len(self._served)
        return f"<TurnBudget {self._seconds * 1000:g} ms, {waiting} streams waiting>"

    def deadline(self) -> float:
        """Return when this turn's time is over, of `perf_counter`. The first to ask starts it."""
        if not self._will_be_told:
            now_s = self._clock()
            left_s = self._deadline - now_s
            if left_s < -self._seconds:
                self._deadline = now_s + self._seconds
            elif left_s < self._seconds / 2:
                self._ask_to_be_told()
        return self._deadline

    async def next_turn(self, *, served: bool) -> float:
        """Wait for the next turn of the loop and return its deadline. `served`: a message was handled in this one."""
        self._ask_to_be_told()
        turn = asyncio.get_running_loop().create_future()
        (self._served if served else self._unserved).append(turn)
        await turn
        return self.deadline()

    def _ask_to_be_told(self) -> None:
        if not self._will_be_told:
            self._will_be_told = True
            asyncio.get_running_loop().call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        self._will_be_told = False
        self._deadline = -inf  # whoever asks next starts the turn
        for turn in (*self._unserved, *self._served):
            if not turn.done():
                turn.set_result(None)
        self._unserved.clear()
        self._served.clear()


_budgets: WeakKeyDictionary[asyncio.AbstractEventLoop, TurnBudget] = WeakKeyDictionary()


def turn_budget() -> TurnBudget:
    """Return the budget that all streams of the running loop share."""
    return _budgets.setdefault(asyncio.get_running_loop(), TurnBudget())

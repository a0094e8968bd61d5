"""How long the streams of an event loop may hold it in one turn, all together.

A hundred snapshots that arrive at once are ordinary: handled in one go they hold the loop for tens of milliseconds, and
with it every order. What no longer fits into a turn stays with its connection, in order, and is read in a later one.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from weakref import WeakKeyDictionary

TURN_BUDGET_S = 0.005


class TurnBudget:
    """The time one turn of the loop has for messages. A reader asks for its `deadline`, compares `perf_counter()` with
    it before each message, waits for the `next_turn` once it has passed, and says by `leave` that it is done for now.

    Who was served in the turn that ended waits behind who was not, so that a busy stream does not keep others out.

    To have the loop tell each turn's end would cost it one more turn, as much as a message. So time spent on messages
    counts over as many turns as it takes, until nobody has read for as long as a turn may last, and the loop is asked
    for a new turn only when all is spent.
    """

    def __init__(self, seconds: float = TURN_BUDGET_S, *, clock: Callable[[], float] = perf_counter) -> None:
        self._seconds = self._left_s = seconds
        self._clock = clock
        self._read_s = clock()  # when the last reader left
        self._will_be_told = False  # of the turn's end
        self._unserved: list[asyncio.Future[None]] = []
        self._served: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        waiting = len(self._unserved) + len(self._served)
        return f"<TurnBudget {self._seconds * 1000:g} ms, {waiting} streams waiting>"

    def deadline(self) -> float:
        """Return when the time that is left will be over, of `perf_counter`."""
        now_s = self._clock()
        if self._will_be_told:
            return now_s
        if now_s - self._read_s >= self._seconds:
            return now_s + self._seconds
        return now_s + self._left_s

    def leave(self, deadline: float) -> None:
        """Give back what is left until `deadline`."""
        self._read_s = now_s = self._clock()
        self._left_s = deadline - now_s

    async def next_turn(self, *, served: bool) -> float:
        """Wait for the next turn of the loop and return its deadline. `served`: a message was handled in this one."""
        loop = asyncio.get_running_loop()
        if not self._will_be_told:
            self._will_be_told = True
            loop.call_soon(self._begin_turn)
        turn = loop.create_future()
        (self._served if served else self._unserved).append(turn)
        await turn
        return self.deadline()

    def _begin_turn(self) -> None:
        self._will_be_told = False
        self._left_s = self._seconds
        for turn in (*self._unserved, *self._served):
            if not turn.done():
                turn.set_result(None)
        self._unserved.clear()
        self._served.clear()


_budgets: WeakKeyDictionary[asyncio.AbstractEventLoop, TurnBudget] = WeakKeyDictionary()


def turn_budget() -> TurnBudget:
    """Return the budget that all streams of the running loop share."""
    return _budgets.setdefault(asyncio.get_running_loop(), TurnBudget())

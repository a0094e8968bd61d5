"""A time budget for one turn of the event loop, shared by every stream of a connector.

A hundred snapshots that arrive together are a routine event (each market sends one a minute): handled as they come they
would hold the loop for tens of milliseconds, and with it every order. So once a turn's budget is spent, messages wait in
their lane, in order, and are handled slice by slice in the turns that follow.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

type Message = bytes | str

MAX_WAITING = 4_096


class TurnBudget:
    """Decides whether a message is handled at once, and drains those that waited.

    Needs a running loop when a message comes, and no task: it lives on `call_soon`.
    """

    def __init__(self, seconds: float = 0.004) -> None:
        self._seconds = seconds
        self._spent = 0.0
        self._turn_is_due = False
        self._waiting: deque[Lane] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._seconds * 1000:g} ms, {len(self._waiting)} lanes waiting>"

    @property
    def exhausted(self) -> bool:
        """Whether this turn has used its time."""
        return self._spent >= self._seconds

    def spend(self, seconds: float) -> None:
        """Count `seconds` of handling against this turn."""
        self._spent += seconds
        if not self._turn_is_due:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def wait(self, lane: "Lane") -> None:
        """Drain `lane` in a later turn."""
        self._waiting.append(lane)
        self.spend(0.0)

    def _next_turn(self) -> None:
        self._turn_is_due = False
        self._spent = 0.0
        while self._waiting:
            lane = self._waiting.popleft()
            if lane.handle_next():
                self._waiting.append(lane)
            if self.exhausted:
                break
        if self._waiting:
            self.spend(0.0)


class Lane:
    """The messages of one stream, handled in order within the budget. `submit` is the stream's `on_message`.

    `handle` must not raise: what is wrong with a message is the handler's to report. At most `max_waiting` messages wait;
    one more empties the lane and calls `on_overflow`, which should have the stream reconnect.
    """

    def __init__(
        self,
        budget: TurnBudget,
        handle: Callable[[Message], None],
        *,
        on_overflow: Callable[[], None],
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._budget = budget
        self._handle = handle
        self._on_overflow = on_overflow
        self._max_waiting = max_waiting
        self._messages: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def submit(self, message: Message) -> None:
        """Handle `message` now where the turn has time left and nothing waits before it, otherwise later."""
        if not self._messages and not self._budget.exhausted:
            self._run(message)
        elif len(self._messages) < self._max_waiting:
            self._messages.append(message)
            if len(self._messages) == 1:
                self._budget.wait(self)
        else:
            self.clear()
            self._on_overflow()

    def handle_next(self) -> bool:
        """Handle the oldest waiting message. True where more wait."""
        if self._messages:
            # Popped afterwards, so that what arrives meanwhile stays behind it.
            self._run(self._messages[0])
            if self._messages:
                self._messages.popleft()
        return bool(self._messages)

    def clear(self) -> None:
        """Forget what waits (the connection it came from is gone)."""
        self._messages.clear()

    def _run(self, message: Message) -> None:
        started = perf_counter()
        self._handle(message)
        self._budget.spend(perf_counter() - started)

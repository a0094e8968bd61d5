"""The longest wait of a reader that waits again and again, without a timer for each wait."""

import asyncio
from types import TracebackType


class Silence:
    """Ends what is awaited inside `with silence:` with TimeoutError once it has taken `timeout_s` (None: never).

    To set and stop a timer for each message costs more than to decode it. So one timer runs on, and looks when it
    fires how long the wait of that moment has lasted. One reader at a time; it needs a running loop. `stop` frees the
    timer.
    """

    __slots__ = ("_cancels_before", "_has_expired", "_loop", "_since_s", "_task", "_timer", "timeout_s")

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None  # who waits
        self._since_s = 0.0
        self._cancels_before = 0
        self._has_expired = False
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.timeout_s} s, {'waiting' if self._task else 'idle'}>"

    def __enter__(self) -> None:
        if self.timeout_s is None:
            return
        self._task = task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can wait")
        self._cancels_before = task.cancelling()
        self._since_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since_s + self.timeout_s, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._has_expired or task is None:
            return
        self._has_expired = False
        # As asyncio.timeout: a cancellation by somebody else meanwhile goes before ours.
        if task.uncancel() <= self._cancels_before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def stop(self) -> None:
        """Free the timer. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._task is None or self.timeout_s is None:
            return  # nobody waits: who does next sets the timer
        ends_s = self._since_s + self.timeout_s
        if ends_s > self._loop.time():
            self._timer = self._loop.call_at(ends_s, self._look)
        else:
            self._has_expired = True
            self._task.cancel()

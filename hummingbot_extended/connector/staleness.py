"""When is silence suspicious? A stream that still answers pings may have stopped sending."""

from collections import deque

SNAPSHOT_DEADLINE_S = 75.0  # the exchange sends a fresh SNAPSHOT about every minute (API reference §6.2)
SHORTEST_S = 5.0
FACTOR = 4.0  # times the longest pause seen in the last windows
WARM_UP_MESSAGES = 30
WINDOWS = 10


class Staleness:
    """Judges one order-book stream by its own habits. Sans-I/O: every time is the caller's monotonic seconds.

    A busy market is suspicious after five seconds, a quiet one after four times the longest pause it has made lately,
    and every market when its SNAPSHOT of the minute is overdue. `reset` starts a connection; what was learned stays.
    """

    __slots__ = ("_longest_s", "_messages", "_pauses", "last_message_s", "last_snapshot_s")

    def __init__(self, now_s: float) -> None:
        self._pauses: deque[float] = deque(maxlen=WINDOWS)
        self._longest_s = 0.0
        self._messages = 0
        self.last_message_s = self.last_snapshot_s = now_s

    def reset(self, now_s: float) -> None:
        """A connection was made: silence counts from now."""
        self.last_message_s = self.last_snapshot_s = now_s

    def message(self, now_s: float) -> None:
        """A message came."""
        pause = now_s - self.last_message_s
        if pause > self._longest_s:
            self._longest_s = pause
        self.last_message_s = now_s
        self._messages += 1

    def snapshot(self, now_s: float) -> None:
        """A SNAPSHOT came: the exchange's own minute ends a window."""
        self.last_snapshot_s = now_s
        self._pauses.append(self._longest_s)
        self._longest_s = 0.0

    def learn_pause(self, seconds: float) -> None:
        """A silence of `seconds` turned out to be just that: the market was quiet."""
        self._longest_s = max(self._longest_s, seconds)

    @property
    def limit_s(self) -> float:
        """How long the stream may be silent now."""
        if self._messages < WARM_UP_MESSAGES:
            return SNAPSHOT_DEADLINE_S
        longest = max(self._longest_s, *self._pauses, 0.0)
        return min(max(SHORTEST_S, FACTOR * longest), SNAPSHOT_DEADLINE_S)

    def reason(self, now_s: float) -> str | None:
        """Why the data cannot be trusted any more, or None."""
        silent_s = now_s - self.last_message_s
        if silent_s > self.limit_s:
            return f"no data for {silent_s:.0f} s"
        if now_s - self.last_snapshot_s > SNAPSHOT_DEADLINE_S:
            return f"no snapshot for {now_s - self.last_snapshot_s:.0f} s"
        return None

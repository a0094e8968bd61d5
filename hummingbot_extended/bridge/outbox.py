"""What waits to be sent to one client: bounded, in order, market data conflated. Sans-I/O."""

from collections import deque
from collections.abc import Hashable

from hummingbot_extended.gateway.protocol import with_seq

MAX_WAITING = 1000


class Outbox:
    """Replies and events in order, at most `max_waiting`; beside them the newest of each feed.

    A book or ticker that was not sent yet is replaced by the next one of its feed; anything else is never dropped:
    `is_full` says that the client is too slow to be served.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[bool, bytes]] = deque()  # whether it is an event, which gets its number at the end
        self._latest: dict[Hashable, bytes] = {}
        self._seq = 0
        self.conflated = 0

    def __repr__(self) -> str:
        return f"<Outbox {len(self._waiting)} waiting, {len(self._latest)} feeds, {self.conflated} conflated>"

    def __len__(self) -> int:
        return len(self._waiting) + len(self._latest)

    @property
    def is_full(self) -> bool:
        """Whether more waits than may wait."""
        return len(self._waiting) > self._max_waiting

    def put_reply(self, reply: bytes) -> None:
        """Queue an encoded reply."""
        self._waiting.append((False, reply))

    def put_event(self, event: bytes) -> None:
        """Queue an encoded event."""
        self._waiting.append((True, event))

    def put_latest(self, feed: Hashable, event: bytes) -> None:
        """Queue an encoded event of a feed, in the place of the one before it."""
        self.conflated += feed in self._latest
        self._latest[feed] = event

    def drop(self, feed: Hashable) -> None:
        """Forget what waits of a feed."""
        self._latest.pop(feed, None)

    def take(self) -> bytes | None:
        """Return the next message to send, events numbered without a gap; None when nothing waits."""
        if self._waiting:
            is_event, message = self._waiting.popleft()
            if not is_event:
                return message
        elif self._latest:
            message = self._latest.pop(next(iter(self._latest)))
        else:
            return None
        self._seq += 1
        return with_seq(message, self._seq)

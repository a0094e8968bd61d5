"""Messages of a connection one at a time, for tests that do not care which came together."""

from collections import deque
from weakref import WeakKeyDictionary

from hummingbot_extended.streams.transport import StreamConnection

_waiting: WeakKeyDictionary[StreamConnection, deque[bytes | str]] = WeakKeyDictionary()


async def one_message(connection: StreamConnection) -> bytes | str:
    """Return the connection's next message. Raises what `receive` raises."""
    waiting = _waiting.setdefault(connection, deque())
    if not waiting:
        waiting.extend(await connection.receive())
    return waiting.popleft()

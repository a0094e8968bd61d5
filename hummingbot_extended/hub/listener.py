"""One reader of the hub and how data leaves for it: at once while it keeps up, conflated and bounded when it does not.

What waits for a reader is data, not messages: messages are made when its socket takes them. So a reader that is behind
gets fewer and newer rows, and costs what its subscriptions hold. One that takes nothing for too long is closed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from hummingbot_extended.hub.client_messages import CloseCode
from hummingbot_extended.hub.face_limits import FaceLimits

logger = logging.getLogger(__name__)


def epoch_ms() -> int:
    """The time in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Wire(Protocol):
    """How bytes leave for one reader."""

    @property
    def is_free(self) -> bool:
        """Whether everything written before has left; only then `write` may be called."""
        ...

    def write(self, payloads: Sequence[bytes]) -> None:
        """Send messages, in order. Never waits."""
        ...

    def send(self, head: bytes, tail: bytes) -> bool:
        """Send one message of two parts; False, and nothing sent, where the wire is not free."""
        ...

    async def freed(self) -> None:
        """Wait until the wire is free. Raises ConnectionError when the peer is gone."""
        ...

    async def close(self, code: CloseCode, reason: str) -> None:
        """End the connection, waiting for the peer only briefly."""
        ...


class Flushed(Protocol):
    """What has something to send at the end of a turn of the loop."""

    def flush(self) -> None:
        """Send it."""
        ...


class Pacer:
    """Flushes what has something to send, all in one go at the end of a loop turn."""

    def __init__(self, now_ms: Callable[[], int] = epoch_ms) -> None:
        self._flush_ms = 0  # of the flush under way, whose messages all carry it; 0 outside of one
        self._read_ms = now_ms
        self._due: list[Flushed] = []

    def time_ms(self) -> int:
        """Return the time that messages carry now."""
        return self._flush_ms or self._read_ms()

    def mark(self, due: Flushed) -> None:
        """Have `due` flushed when the current callback is done."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._flush)
        self._due.append(due)

    def _flush(self) -> None:
        due, self._due = self._due, []
        self._flush_ms = self._read_ms()
        for each in due:
            each.flush()
        self._flush_ms = 0


class Listener:
    """Base of what a connection is to the faces. `collect` makes the messages; `has_news` asks for a flush.

    `closed_slow` is set when the reader was ended for taking nothing. `stop` ends the writer; call it once.
    """

    def __init__(self, wire: Wire, pacer: Pacer, limits: FaceLimits) -> None:
        self.wire = wire
        self.limits = limits
        self.closed_slow = False
        self.messages_sent = 0
        self._pacer = pacer
        self._is_marked = False
        self._is_over = False
        self._writer: asyncio.Task[None] | None = None

    def collect(self) -> list[bytes]:
        """Return the messages to send now, and forget what they are made of."""
        raise NotImplementedError

    def has_news(self) -> None:
        """Have this listener flushed soon. Cheap to repeat."""
        if not self._is_marked:
            self._is_marked = True
            self._pacer.mark(self)

    def send_now(self, head: bytes, tail: bytes) -> bool:
        """Send one message at once; False where others wait before it, or the reader is behind."""
        if self._is_marked or self._is_over or self._writer is not None or not self.wire.send(head, tail):
            return False
        self.messages_sent += 1
        return True

    def flush(self) -> None:
        """Send what there is, or have the writer do it when the wire is free."""
        self._is_marked = False
        if self._is_over or self._writer is not None:
            return
        if self.wire.is_free:
            if payloads := self.collect():
                self.messages_sent += len(payloads)
                self.wire.write(payloads)
        else:
            self._writer = asyncio.get_running_loop().create_task(self._write_later(), name=f"{self!r} writer")

    async def _write_later(self) -> None:
        """Wait for the wire, then send what has gathered meanwhile. A reader that takes nothing is closed."""
        try:
            async with asyncio.timeout(self.limits.write_deadline_s):
                await self.wire.freed()
        except TimeoutError:
            self.closed_slow = True
            await self.end(CloseCode.POLICY, "too slow")
        except ConnectionError:
            self._is_over = True
        finally:
            self._writer = None
        self.flush()

    async def end(self, code: CloseCode, reason: str) -> None:
        """Send nothing any more and close the connection."""
        if not self._is_over:
            self._is_over = True
            logger.debug("%r is closed with %d (%s)", self, code, reason)
            await self.wire.close(code, reason)

    async def stop(self) -> None:
        """The connection is over: end the writer."""
        self._is_over = True
        writer = self._writer
        if writer is not None and writer is not asyncio.current_task():
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

"""One reader of a relayed stream. Nothing may be missing from it, so one that is behind waits, then is closed."""

import asyncio
from collections.abc import Callable

from hummingbot_extended.errors import StreamClosed
from hummingbot_extended.hub.client_messages import CloseCode
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.interface import RelayFeed
from hummingbot_extended.hub.listener import Listener, Pacer, Wire
from hummingbot_extended.hub.wires import EventStreamWire

MAX_BATCH = 64  # frames in one write
ALIVE_S = 15.0
CHECK_S = 1.0


class RelaySession(Listener):
    """Pumps a feed into a wire, each frame through `frame` where that is given."""

    def __init__(
        self, wire: Wire, feed: RelayFeed, limits: FaceLimits, *, frame: Callable[[bytes], bytes] | None = None
    ) -> None:
        super().__init__(wire, Pacer(), limits)
        self._feed = feed
        self._frame = frame

    def __repr__(self) -> str:
        return f"<RelaySession {self.messages_sent} frames>"

    async def pump(self) -> None:
        """Send frames until the feed ends; then the connection is closed with the feed's code."""
        try:
            while True:
                await self._send_batch(await self._feed.receive())
        except StreamClosed as error:
            self.closed_slow = error.code == CloseCode.POLICY
            known = error.code in CloseCode.__members__.values()
            await self.end(CloseCode(error.code) if known else CloseCode.GOING_AWAY, error.reason)
        except TimeoutError:
            self.closed_slow = True
            await self.end(CloseCode.POLICY, "too slow")
        except ConnectionError:
            await self.end(CloseCode.GOING_AWAY, "gone")

    async def _send_batch(self, first: bytes) -> None:
        frames = [first]
        while len(frames) < MAX_BATCH and (more := self._feed.receive_nowait()) is not None:
            frames.append(more)
        self.messages_sent += len(frames)
        self.wire.write(frames if self._frame is None else [self._frame(frame) for frame in frames])
        if not self.wire.is_free:
            async with asyncio.timeout(self.limits.write_deadline_s):
                await self.wire.freed()

    def collect(self) -> list[bytes]:
        """See Listener: the pump sends, nothing waits here."""
        return []

    async def watch(self, wire: EventStreamWire) -> None:
        """Return when the client is gone; a comment now and then keeps the connection known to be alive."""
        seconds = 0.0
        while not wire.is_closing:
            await asyncio.sleep(CHECK_S)
            seconds += CHECK_S
            if seconds % ALIVE_S == 0 and wire.is_free:
                wire.write([b": alive\n\n"])

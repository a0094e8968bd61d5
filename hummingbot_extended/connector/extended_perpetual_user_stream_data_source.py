"""The account stream as Hummingbot's user stream: decoded frames and markers of reconnects in one bounded queue."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hummingbot.core.data_type.user_stream_tracker import UserStreamTracker
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.channels import AccountFrame, decode_account
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.supervisor import StreamSupervisor

QUEUE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """Stands in the queue before the frames of a new connection: something may have been missed before it."""

    generation: int


class ExtendedPerpetualUserStreamDataSource(UserStreamTrackerDataSource):
    """Reads `/account` through a supervisor, for the life of `listen_for_user_stream`.

    The queue gets `AccountFrame`s and, before the first frame of each connection, `StreamOpened`. When the queue is
    full, nothing is dropped in silence: the stream reconnects, and what follows on that is a reconciliation.
    """

    def __init__(self, supervise: Callable[..., StreamSupervisor]) -> None:
        super().__init__()
        self._supervise = supervise
        self._supervisor: StreamSupervisor | None = None
        self._sequence = SequenceChecker()
        self.last_frame_time = 0.0  # s since the epoch
        self._connected = False
        self._reported_bad = False
        self.generation = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'live' if self.is_live else 'down'}, generation {self.generation}>"

    @property
    def is_live(self) -> bool:
        """Whether a connection is open now."""
        return self._connected

    @property
    def last_recv_time(self) -> float:
        """When the stream was last known to be alive (s since the epoch), 0.0 before the first message.

        An idle account says nothing for hours, and its socket's pings prove that it is there.
        """
        return time.time() if self._connected and self.last_frame_time else self.last_frame_time

    async def listen_for_user_stream(self, output: "asyncio.Queue[StreamOpened | AccountFrame]") -> None:
        """Keep the stream open and put what it brings into `output`, until cancelled."""
        self._supervisor = self._supervise(
            on_message=lambda message: self._take(message, output),
            on_connected=partial(self._opened, output),
            on_disconnected=self._closed,
        )
        try:
            await self._supervisor.run()
        finally:
            self._connected = False
            self._supervisor = None

    async def stop(self) -> None:
        """Do nothing: the task of `listen_for_user_stream` owns all there is, and is awaited by its tracker."""

    def request_reconnect(self, reason: str) -> None:
        """Have the stream reconnect, upon which the account is reconciled."""
        if self._supervisor is not None:
            self._supervisor.request_reconnect(reason)

    async def _opened(self, output: "asyncio.Queue[StreamOpened | AccountFrame]") -> None:
        self.generation += 1
        self._sequence = SequenceChecker()
        while output.full():  # what waits is superseded by the reconciliation that the marker asks for
            output.get_nowait()
        output.put_nowait(StreamOpened(self.generation))
        self._connected = True

    def _closed(self, _reason: object = None) -> None:
        self._connected = False

    def _take(self, message: bytes | str, output: "asyncio.Queue[StreamOpened | AccountFrame]") -> None:
        frame = decode_account(message)
        self._sequence.check(frame.seq)
        self.last_frame_time = time.time()
        if frame.bad and not self._reported_bad:
            self._reported_bad = True
            logging.getLogger(__name__).error("The account stream sent a record that cannot be read: %s", frame.bad[0])
        if output.full():
            raise ProtocolError(f"more than {QUEUE_SIZE:,} account messages wait to be applied")
        output.put_nowait(frame)


class BoundedUserStreamTracker(UserStreamTracker):
    """Hummingbot's tracker with a queue that has a bound."""

    def __init__(self, data_source: ExtendedPerpetualUserStreamDataSource) -> None:
        super().__init__(data_source)
        self._user_stream: asyncio.Queue[StreamOpened | AccountFrame] = asyncio.Queue(QUEUE_SIZE)

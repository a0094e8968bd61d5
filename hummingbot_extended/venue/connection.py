"""One listener of the streams: its bounded outbox, its sequence numbers, its keep-alive, and the faults it meets.

`Connection` is the part that WebSocket v1, SSE and the RPC socket share. The three differ in how bytes leave
(`Wire`) and in the envelope. Nothing here waits while a frame is delivered: a listener that does not read fills its own
outbox and is dropped, the others notice nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hummingbot_extended.venue.faults import STREAM_FAULTS, Fault, FaultKind, FaultPlan
from hummingbot_extended.venue.frames import Update
from hummingbot_extended.venue.settings import VenueSettings

GARBAGE = b'\x00{"type":"SNAPSHOT","data":{"t":"SNAP'
FOREVER = float("inf")


class Ping(Enum):
    """A keep-alive waiting in an outbox among the frames."""

    PING = 1


class Wire(Protocol):
    """How bytes leave: a WebSocket or an event stream."""

    async def write(self, message: bytes, seq: int) -> None:
        """Send one message. Raises ConnectionError when the peer is gone."""

    async def ping(self) -> None:
        """Send a keep-alive."""

    async def pong(self, payload: bytes) -> None:
        """Answer the peer's ping."""

    async def close(self, code: int) -> None:
        """End the connection with a close code, where there are such."""

    def abort(self) -> None:
        """End the connection at once, without a word."""


@dataclass(slots=True)
class StreamStats:
    """What the streams did, read over the control API: the server's own count is a test's witness."""

    opened: int = 0
    closed: int = 0
    frames: int = 0
    bytes: int = 0
    dropped_slow: int = 0
    dropped_no_pong: int = 0
    by_path: dict[str, int] = field(default_factory=dict)


class Outbox:
    """What waits for one reader: frames and pings, bounded in number and bytes."""

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self._items: deque[tuple[bytes | Ping, int]] = deque()
        self._bytes = 0
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._ready = asyncio.Event()

    def put(self, item: bytes | Ping, seq: int = 0) -> bool:
        """Add an item; return False when the bound is passed: the reader is too slow."""
        self._items.append((item, seq))
        self._bytes += len(item) if isinstance(item, bytes) else 0
        self._ready.set()
        return len(self._items) <= self._max_frames and self._bytes <= self._max_bytes

    async def get(self) -> tuple[bytes | Ping, int]:
        """Return the oldest item with its seq, waiting for one."""
        while not self._items:
            self._ready.clear()
            await self._ready.wait()
        item, seq = self._items.popleft()
        self._bytes -= len(item) if isinstance(item, bytes) else 0
        return item, seq


class Connection:
    """One listener. `deliver` is called by the streams hub; `run_writer` is awaited by the request's handler."""

    def __init__(
        self,
        wire: Wire,
        *,
        path: str,
        first_seq: int,
        settings: VenueSettings,
        plan: FaultPlan,
        stats: StreamStats,
        now_ms: Callable[[], int],
        account: int = 0,
        expects_pong: bool = True,
    ) -> None:
        self.path = path
        self.account = account
        self.expects_pong = expects_pong
        self.on_message: Callable[[str], None] | None = None  # what the client says, on the RPC socket
        self.closed = False
        self.opened_ms = now_ms()
        self._wire = wire
        self._settings = settings
        self._plan = plan
        self._stats = stats
        self._now_ms = now_ms
        self._outbox = Outbox(settings.max_buffer_frames, settings.max_buffer_bytes)
        self._next_seq = first_seq
        self._market_seqs: dict[str, int] | None = None
        self._held: tuple[bytes, int] | None = None  # a frame waiting to change places
        self._silent_until = 0.0  # stall or half-open
        self._dead_until = 0.0  # half-open: pings and pongs stop too
        self._last_ping_ms = self.opened_ms
        self._pong_due_ms = 0
        self._end = asyncio.Event()
        self._close_code: int | None = None
        stats.opened += 1
        stats.by_path[path] = stats.by_path.get(path, 0) + 1

    def __repr__(self) -> str:
        return f"<Connection {self.path} seq={self._next_seq}{' closed' if self.closed else ''}>"

    @property
    def half_open(self) -> bool:
        """Whether the connection plays dead: nothing is sent and nothing answered."""
        return self._dead_until > self._now_ms()

    def count_seq_per_market(self) -> None:
        """Give each market a sequence of its own (variant all_books_seq=market)."""
        self._market_seqs = {}

    def deliver(self, update: Update, subscription: str = "") -> None:
        """Queue an update for this listener, through whatever faults are set. Never waits."""
        if self.closed:
            return
        seq = self._take_seq(update.market)
        message = update.rpc(seq, subscription) if subscription else update.v1(seq)
        if self._silent_until > self._now_ms():
            return
        if self._plan.any_live(self._now_ms()):
            self._deliver_through_faults(message, seq, update)
        else:
            self._put(message, seq)

    def reply(self, message: bytes) -> None:
        """Queue a message that has no seq (the answer to an RPC call)."""
        if not self.closed and self._silent_until <= self._now_ms():
            self._put(message, 0)

    def _take_seq(self, market: str) -> int:
        if self._market_seqs is None:
            seq, self._next_seq = self._next_seq, self._next_seq + 1
            return seq
        seq = self._market_seqs.get(market, self._next_seq)
        self._market_seqs[market] = seq + 1
        return seq

    def _deliver_through_faults(self, message: bytes, seq: int, update: Update) -> None:
        for kind in FaultKind:
            if kind not in STREAM_FAULTS:
                continue
            fault = self._plan.fires(
                kind, self._now_ms(), path=f"GET {self.path}", market=update.market, account=self.account
            )
            if fault is not None:
                self._suffer(fault, message, seq)
                return
        self._put(message, seq)

    def _suffer(self, fault: Fault, message: bytes, seq: int) -> None:
        match fault.spec.kind:
            case FaultKind.CUT:
                self.finish(int(fault.value) or None)
            case FaultKind.HALF_OPEN:
                self._silent_until = self._dead_until = self._until(fault)
            case FaultKind.STALL:
                self._silent_until = self._until(fault)
            case FaultKind.GAP:
                return
            case FaultKind.DUPLICATE:
                self._put(message, seq)
                self._put(message, seq)
            case FaultKind.REORDER:
                self._held = (message, seq)
            case _:
                self._put(GARBAGE, seq)
                self._put(message, seq)

    def _until(self, fault: Fault) -> float:
        return self._now_ms() + fault.value * 1000 if fault.value else FOREVER

    def _put(self, message: bytes, seq: int) -> None:
        fits = self._outbox.put(message, seq)
        if fits and self._held is not None:
            (held, held_seq), self._held = self._held, None
            fits = self._outbox.put(held, held_seq)
        if not fits:
            self._stats.dropped_slow += 1
            self.finish(None)

    def tick(self, now_ms: int) -> None:
        """Send a ping when one is due and drop a client that owes a pong (API reference §6.1)."""
        if self.closed or self.half_open:
            return
        if self._pong_due_ms and now_ms >= self._pong_due_ms:
            self._stats.dropped_no_pong += 1
            self.finish(None)
        elif now_ms - self._last_ping_ms >= self._settings.ping_interval_s * 1000:
            self._last_ping_ms = now_ms
            if not self._pong_due_ms and self.expects_pong:
                self._pong_due_ms = now_ms + int(self._settings.pong_timeout_s * 1000)
            self._outbox.put(Ping.PING)

    def got_pong(self) -> None:
        """Note that the client answered."""
        self._pong_due_ms = 0

    async def got_ping(self, payload: bytes) -> None:
        """Answer the client's ping, unless playing dead."""
        if not self.half_open:
            await self._wire.pong(payload)

    def finish(self, code: int | None) -> None:
        """End the connection: with close code `code`, or abruptly when None. Idempotent."""
        if not self.closed:
            self.closed = True
            self._close_code = code
            self._stats.closed += 1
            self._end.set()

    async def run_writer(self) -> None:
        """Write what is queued until the connection ends; then end it as `finish` was told."""
        writing = asyncio.create_task(self._write_all(), name=f"writer {self.path}")
        ending = asyncio.create_task(self._end.wait(), name=f"end {self.path}")
        try:
            await asyncio.wait({writing, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.finish(None)
            for task in (writing, ending):
                task.cancel()
            await asyncio.gather(writing, ending, return_exceptions=True)
            if self._close_code is None:
                self._wire.abort()
            else:
                await self._wire.close(self._close_code)

    async def _write_all(self) -> None:
        while True:
            item, seq = await self._outbox.get()
            try:
                if isinstance(item, Ping):
                    await self._wire.ping()
                else:
                    await self._wire.write(item, seq)
                    self._stats.frames += 1
                    self._stats.bytes += len(item)
            except (ConnectionError, RuntimeError):
                return  # the peer is gone; the reader half of the handler sees it too

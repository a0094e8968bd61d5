"""One topic's rows to all who want them at once: encoded once, one write a reader and turn of the loop. Sans-I/O."""

from typing import Any, Protocol

import msgspec

from hummingbot_extended.hub.events import Row, cached_iso
from hummingbot_extended.hub.listener import Pacer

MAX_ROWS = 500  # of one message; more in one turn are several

_encode = msgspec.json.Encoder().encode


def data_tail(rows: list[Row], now_ms: int, exact: bool, metadata: dict[str, Any] | None = None) -> bytes:
    """Return a data message from its time on: what does not depend on whose subscription it is."""
    told = metadata or {"received_at": cached_iso(max([row.received_ms for row in rows]))}
    data = b",".join([row.strings for row in rows] if exact else [row.numbers for row in rows])
    times = f',"timestamp":"{cached_iso(now_ms)}","metadata":'
    return b"".join((times.encode(), _encode(told), b',"data":[', data, b"]}"))


class Batch:
    """The rows of a turn; `numbers` and `strings` are the tail of their data message, made when first asked for."""

    __slots__ = ("_now_ms", "_tails", "rows")

    def __init__(self, rows: list[Row], now_ms: int) -> None:
        self.rows = rows
        self._now_ms = now_ms
        self._tails: list[bytes | None] = [None, None]

    def tail(self, exact: bool) -> bytes:
        """Return the message from its time on, with decimals as strings where `exact`."""
        tail = self._tails[exact]
        if tail is None:
            tail = self._tails[exact] = data_tail(self.rows, self._now_ms, exact)
        return tail


class Reader(Protocol):
    """Who wants rows at once."""

    def take_batch(self, batch: Batch) -> None:
        """Send the rows now, or keep what of them is still of use when the wire is free."""
        ...


class FanOut:
    """The readers of one topic that want its rows at once. Of a state only the newest row of a turn is sent."""

    def __init__(self, pacer: Pacer, *, newest_only: bool) -> None:
        self._readers: dict[Reader, None] = {}
        self._pacer = pacer
        self._newest_only = newest_only
        self._rows: list[Row] = []

    def __repr__(self) -> str:
        return f"<FanOut to {len(self._readers)} readers>"

    def join(self, reader: Reader) -> None:
        """Send rows to `reader` from now on: what was taken before is for the others."""
        self.flush()
        self._readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """Send it nothing any more. Safe to repeat."""
        self._readers.pop(reader, None)

    def take(self, row: Row) -> None:
        """Have a row sent when the current callback is done."""
        if not self._readers:
            return
        if not self._rows:
            self._pacer.mark(self)
        elif self._newest_only:
            self._rows.clear()
        self._rows.append(row)
        if len(self._rows) >= MAX_ROWS:
            self.flush()

    def flush(self) -> None:
        """See Pacer."""
        if self._rows:
            batch, self._rows = Batch(self._rows, self._pacer.time_ms()), []
            for reader in tuple(self._readers):
                reader.take_batch(batch)

"""The exchange's own streams, served from a hub: its paths, its envelope, a `seq` of each reader's own."""

import asyncio
from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

from hummingbot_extended.candles.timeframes import Timeframe, timeframe
from hummingbot_extended.errors import SettingsError, StreamClosed
from hummingbot_extended.hub.events import BarRow, DepthRow, Row
from hummingbot_extended.hub.interface import Listening, NoSuchStream
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.topics import ALL

MAX_WAITING = 2_000
GOING_AWAY, POLICY_VIOLATION = 1001, 1008


def parse_path(path: str) -> tuple[Kind, str, Timeframe | None]:
    """Return what a stream's path and query ask for: a kind, a market or ALL, a timeframe. Raises NoSuchStream."""
    parts = urlsplit(path)
    query = parse_qs(parts.query)
    names = [unquote(name) for name in parts.path.strip("/").split("/")]
    match names:
        case ["orderbooks", *rest] if len(rest) <= 1:
            return (Kind.QUOTE if query.get("depth") == ["1"] else Kind.DEPTH), (rest or [ALL])[0], None
        case ["publicTrades", *rest] if len(rest) <= 1:
            return Kind.TRADES, (rest or [ALL])[0], None
        case ["funding", *rest] if len(rest) <= 1:
            return Kind.FUNDING, (rest or [ALL])[0], None
        case ["prices", ("mark" | "index") as which, *rest] if len(rest) <= 1:
            return Kind(which), (rest or [ALL])[0], None
        case ["candles", market, "trades"]:
            try:
                return Kind.OHLCV, market, timeframe((query.get("interval") or [""])[0])
            except SettingsError:
                raise NoSuchStream(path) from None
    raise NoSuchStream(path)


class RelayReader:
    """See `interface.RelayFeed`. Its maker calls `give` with the rows; beyond `limit` waiting ones it is cut off."""

    def __init__(self, *, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._waiting: deque[Row] = deque()
        self._news = asyncio.Event()
        self._seq = 0
        self._end: StreamClosed | None = None
        self._listening: Listening | None = None
        self._on_close: Callable[[RelayReader], None] | None = None
        self._books: dict[str, int] = {}
        self._newest_bar_ms = 0

    def __repr__(self) -> str:
        return f"<RelayReader {len(self._waiting)} waiting, {self._seq} sent>"

    def bind(self, listening: Listening, on_close: "Callable[[RelayReader], None]") -> None:
        """Take what `close` gives up and tells."""
        self._listening = listening
        self._on_close = on_close

    def give(self, row: Row) -> None:
        """Take a row in. Of a book the first is a snapshot; what is older than it is not for this reader."""
        if self._end is not None or row.is_stale:
            return
        if isinstance(row, DepthRow):
            known = self._books.get(row.market)
            if not row.is_snapshot and (known is None or row.seq <= known):
                return
            self._books[row.market] = row.seq
        if isinstance(row, BarRow):
            if row.candle.open_time_ms < self._newest_bar_ms:
                return  # the exchange's stream never goes back; revisions are for history
            self._newest_bar_ms = row.candle.open_time_ms
        if len(self._waiting) >= self._limit:
            self._waiting.clear()
            self.end(StreamClosed(POLICY_VIOLATION, "too slow"))
            return
        self._waiting.append(row)
        self._news.set()

    def end(self, why: StreamClosed) -> None:
        """No more rows will come; what waits may still be read."""
        self._end = self._end or why
        self._news.set()

    def receive_nowait(self) -> bytes | None:
        """See RelayFeed."""
        if not self._waiting:
            return None
        self._seq += 1
        return self._waiting.popleft().envelope(self._seq)

    async def receive(self) -> bytes:
        """See RelayFeed."""
        while (frame := self.receive_nowait()) is None:
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        return frame

    async def close(self) -> None:
        """See RelayFeed."""
        self.end(StreamClosed(1000, "closed"))
        self._waiting.clear()
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()
            if self._on_close is not None:
                self._on_close(self)

"""Candles, and raw events for replay, in one SQLite file: one thread writes and reads it, the loop never waits.

Prices are text, so that they stay exact. The view `candles` has the columns of the founding document's consumers, which
open the file read-only (A30). A closed candle never opens again. Retention and size are limits, not warnings.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Self

from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.errors import SettingsError

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
MAX_PENDING = 20_000
TIDY_S = 3_600.0
DAY_MS = 86_400_000
BATCH = 2_000

SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS candle (
    market TEXT NOT NULL, timeframe TEXT NOT NULL, open_time_ms INTEGER NOT NULL,
    open TEXT NOT NULL, high TEXT NOT NULL, low TEXT NOT NULL, close TEXT NOT NULL, volume TEXT NOT NULL,
    closed INTEGER NOT NULL, revision INTEGER NOT NULL, synthetic INTEGER NOT NULL, provider TEXT NOT NULL,
    spread TEXT,
    PRIMARY KEY (market, timeframe, open_time_ms)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, ts_ms INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS event_time ON event (ts_ms);
CREATE VIEW IF NOT EXISTS candles AS SELECT
    market AS symbol, timeframe, open_time_ms / 1000 AS timestamp,
    CAST(open AS REAL) AS open, CAST(high AS REAL) AS high, CAST(low AS REAL) AS low, CAST(close AS REAL) AS close,
    CAST(volume AS REAL) AS volume, CAST(spread AS REAL) AS spread, closed
FROM candle;
"""
UPSERT = """
INSERT INTO candle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    volume = excluded.volume, closed = excluded.closed, revision = excluded.revision, synthetic = excluded.synthetic,
    provider = excluded.provider, spread = excluded.spread
WHERE excluded.closed >= candle.closed
"""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A raw event: when it happened, what it is about, its bytes."""

    id: int
    ts_ms: int
    topic: str
    payload: bytes


class CandleStore:
    """See the module. `put` and `add_event` never wait; what they give is written within `FLUSH_S`.

    Waiting candles are conflated by market, timeframe and time, waiting events are a ring of `MAX_PENDING`: beyond it
    the oldest are dropped and counted. What cannot be written (a full disk) is kept and tried again.
    """

    def __init__(
        self,
        path: Path,
        *,
        retention_days: float = 30.0,
        max_mb: float = 500.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.size_mb = 0.0
        self.errors = 0
        self.dropped = 0
        self._retention_ms = int(retention_days * DAY_MS)
        self._max_bytes = int(max_mb * 2**20)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="candle store")
        self._database: sqlite3.Connection | None = None
        self._candles: dict[tuple[str, str, int], Candle] = {}
        self._events: deque[tuple[int, str, bytes]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._fails = False

    def __repr__(self) -> str:
        return f"<CandleStore {self.path.name}: {self.size_mb:.1f} MB, {len(self._candles)} candles waiting>"

    async def __aenter__(self) -> Self:
        """Open the file. Raises SettingsError where that is not possible."""
        try:
            await self._do(self._open)
        except sqlite3.Error as error:
            self._thread.shutdown()
            raise SettingsError(f"the store {self.path} cannot be opened: {error}") from error
        self._writer = asyncio.create_task(self._write_for_ever(), name="candle store")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what waits, and close the file."""
        self._stopping.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await self.flush()
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    # --- what is given ----------------------------------------------------------------------------------------------
    def put(self, market: str, frame: Timeframe, candle: Candle) -> None:
        """Have a candle written. Of two states of one that wait, the later counts."""
        key = market, frame.name, candle.open_time_ms
        self._candles.pop(key, None)
        self._candles[key] = candle
        if len(self._candles) > MAX_PENDING:
            del self._candles[next(iter(self._candles))]
            self.dropped += 1

    def add_event(self, ts_ms: int, topic: str, payload: bytes) -> None:
        """Have an event written."""
        if len(self._events) >= MAX_PENDING:
            self._events.popleft()
            self.dropped += 1
        self._events.append((ts_ms, topic, payload))

    # --- what is asked ----------------------------------------------------------------------------------------------
    async def read(self, market: str, frame: Timeframe, limit: int) -> list[Candle]:
        """Return the newest closed candles that are written, oldest first; none where the file cannot be read."""
        try:
            return await self._do(self._read, market, frame.name, limit)
        except sqlite3.Error as error:
            self.errors += 1
            logger.warning("the store %s cannot be read: %s", self.path, error)
            return []

    async def events(
        self, from_ms: int, to_ms: int, topics: Iterable[str], *, after_id: int = 0, limit: int = BATCH
    ) -> list[StoredEvent]:
        """Return a page of the events of `topics` in [from_ms, to_ms), in the order in which they came; the next page
        is `after_id` the last one's. Raises SettingsError where the file cannot be read."""
        return await self._ask(self._read_events, from_ms, to_ms, tuple(topics), after_id, limit)

    async def last_event(self, topic: str, like: str, before_ms: int) -> StoredEvent | None:
        """Return the last event of `topic` before a time whose bytes begin with `like`. Raises as `events`."""
        return await self._ask(self._read_last, topic, like, before_ms)

    # --- the thread -------------------------------------------------------------------------------------------------
    async def _do[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    async def _ask[**P, R](self, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await self._do(read, *args, **kwargs)
        except sqlite3.Error as error:
            self.errors += 1
            raise SettingsError(f"the store {self.path} cannot be read: {error}") from error

    async def _write_for_ever(self) -> None:
        tidied_s = self._clock() - TIDY_S
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._stopping.wait()
            await self.flush()
            if self._clock() - tidied_s >= TIDY_S or self.size_mb * 2**20 > self._max_bytes:
                tidied_s = self._clock()
                await self.tidy()

    async def flush(self) -> None:
        """Write what waits, in batches; what fails stays waiting."""
        while self._candles or self._events:
            keys = list(self._candles)[:BATCH]
            candles = {key: self._candles[key] for key in keys}
            events = [self._events.popleft() for _ in range(min(BATCH, len(self._events)))]
            try:
                self.size_mb = await self._do(self._write, candles, events)
            except sqlite3.Error as error:
                self._put_back(events)
                self.errors += 1
                if not self._fails:
                    logger.warning("the store %s does not write: %s", self.path, error)
                self._fails = True
                return
            self._fails = False
            for key, candle in candles.items():
                if self._candles.get(key) is candle:
                    del self._candles[key]

    def _put_back(self, events: list[tuple[int, str, bytes]]) -> None:
        """Have events wait again, before what came since; where there is no room the oldest are dropped."""
        room = MAX_PENDING - len(self._events)
        self.dropped += max(0, len(events) - room)
        self._events.extendleft(reversed(events[max(0, len(events) - room) :]))

    async def tidy(self) -> None:
        """Delete what is too old, and the oldest of what is too much: events first."""
        try:
            self.size_mb = await self._do(self._tidy, int(self._clock() * 1000) - self._retention_ms)
        except sqlite3.Error as error:
            self.errors += 1
            logger.warning("the store %s cannot be tidied: %s", self.path, error)

    def _open(self) -> None:
        database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            database.executescript(SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        self._database = database

    @property
    def _db(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("the store is not open")
        return self._database

    def _close(self) -> None:
        self._db.close()
        self._database = None

    def _write(self, candles: dict[tuple[str, str, int], Candle], events: list[tuple[int, str, bytes]]) -> float:
        database = self._db
        database.execute("BEGIN")
        try:
            database.executemany(UPSERT, [_row(key, candle) for key, candle in candles.items()])
            database.executemany("INSERT INTO event (ts_ms, topic, payload) VALUES (?, ?, ?)", events)
            database.execute("COMMIT")
        finally:
            if database.in_transaction:  # SQLite itself rolls back where the disk is full
                database.execute("ROLLBACK")
        return self._size_mb()

    def _size_mb(self) -> float:
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._db.execute("PRAGMA page_size").fetchone()
        return float((pages - free) * size / 2**20)

    def _tidy(self, before_ms: int) -> float:
        database = self._db
        database.execute("DELETE FROM event WHERE ts_ms < ?", (before_ms,))
        database.execute("DELETE FROM candle WHERE open_time_ms < ?", (before_ms,))
        for _ in range(100):
            if self._size_mb() * 2**20 <= self._max_bytes:
                break
            if not self._drop_oldest():
                break
        database.execute("PRAGMA incremental_vacuum").fetchall()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self._size_mb()

    def _drop_oldest(self) -> bool:
        """Delete a tenth of the events, or of the candles where there are none. False where nothing is left."""
        database = self._db
        for table, name in (("event", "ts_ms"), ("candle", "open_time_ms")):
            (count,) = database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608  # names of ours
            if count:
                query = f"SELECT {name} FROM {table} ORDER BY {name} LIMIT 1 OFFSET ?"  # noqa: S608
                (limit,) = database.execute(query, (count // 10,)).fetchone()
                database.execute(f"DELETE FROM {table} WHERE {name} <= ?", (limit,))  # noqa: S608
                return True
        return False

    def _read(self, market: str, timeframe: str, limit: int) -> list[Candle]:
        rows = self._db.execute(
            "SELECT * FROM candle WHERE market = ? AND timeframe = ? AND closed ORDER BY open_time_ms DESC LIMIT ?",
            (market, timeframe, limit),
        ).fetchall()
        return [candle for row in reversed(rows) if (candle := _candle(row)) is not None]

    def _read_events(
        self, from_ms: int, to_ms: int, topics: tuple[str, ...], after_id: int, limit: int
    ) -> list[StoredEvent]:
        marks = ", ".join("?" * len(topics))
        query = (
            f"SELECT id, ts_ms, topic, payload FROM event WHERE topic IN ({marks}) AND ts_ms >= ? AND ts_ms < ?"  # noqa: S608
            " AND id > ? ORDER BY id LIMIT ?"
        )
        rows = self._db.execute(query, (*topics, from_ms, to_ms, after_id, limit)).fetchall()
        return [StoredEvent(*row) for row in rows]

    def _read_last(self, topic: str, like: str, before_ms: int) -> StoredEvent | None:
        row = self._db.execute(
            "SELECT id, ts_ms, topic, payload FROM event WHERE topic = ? AND ts_ms < ?"
            " AND CAST(substr(payload, 1, ?) AS TEXT) = ? ORDER BY id DESC LIMIT 1",
            (topic, before_ms, len(like), like),
        ).fetchone()
        return StoredEvent(*row) if row else None


def _row(key: tuple[str, str, int], candle: Candle) -> tuple[object, ...]:
    prices = [format(price, "f") for price in candle.prices]
    spread = None if candle.spread is None else format(candle.spread, "f")
    flags = int(candle.closed), candle.revision, int(candle.synthetic)
    return (*key, *prices, *flags, candle.provider, spread)


def _candle(row: tuple[str | int | None, ...]) -> Candle | None:
    """Return the candle of a row; None where another program has written what is no number."""
    try:
        open_time_ms, prices = row[2], [Decimal(str(text)) for text in row[3:8]]
    except InvalidOperation:
        return None
    return Candle(
        open_time_ms=int(str(open_time_ms)),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=prices[4],
        closed=bool(row[8]),
        revision=int(str(row[9])),
        synthetic=bool(row[10]),
        provider=str(row[11]),
        spread=None if row[12] is None else Decimal(str(row[12])),
    )

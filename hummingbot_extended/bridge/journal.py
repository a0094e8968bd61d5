"""What the bridge must not forget when its process dies: orders with their `client_ref`, and every own fill, numbered.

One SQLite file beside Hummingbot's own. Writes are committed before anything is sent to an exchange; without fsync, so
that they cost microseconds: they survive the death of the process, not that of the machine.
"""

import logging
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hummingbot_extended.errors import SettingsError

logger = logging.getLogger(__name__)

KEEP_S = 7 * 86_400.0
PAGE = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    exchange TEXT NOT NULL, order_id TEXT NOT NULL, market TEXT NOT NULL, owner TEXT, client_ref TEXT,
    status TEXT NOT NULL, is_closed INTEGER NOT NULL, created_s REAL NOT NULL, updated_s REAL NOT NULL,
    record TEXT NOT NULL, PRIMARY KEY (exchange, order_id)
);
CREATE INDEX IF NOT EXISTS open_orders ON orders (is_closed) WHERE is_closed = 0;
CREATE INDEX IF NOT EXISTS history ON orders (exchange, market, created_s);
CREATE UNIQUE INDEX IF NOT EXISTS refs ON orders (owner, client_ref) WHERE client_ref IS NOT NULL;
CREATE TABLE IF NOT EXISTS fills (
    number INTEGER PRIMARY KEY AUTOINCREMENT, exchange TEXT NOT NULL, market TEXT NOT NULL, order_id TEXT NOT NULL,
    trade_id TEXT NOT NULL, time_s REAL NOT NULL, data TEXT NOT NULL, UNIQUE (exchange, order_id, trade_id)
);
CREATE TABLE IF NOT EXISTS sessions (owner TEXT, session_id TEXT, policy TEXT NOT NULL, grace_s REAL NOT NULL,
    PRIMARY KEY (owner, session_id));
"""


class OrderRow(NamedTuple):
    """An order as it is written; `record` is all of it as JSON."""

    exchange: str
    order_id: str
    market: str
    owner: str | None
    client_ref: str | None
    status: str
    is_closed: bool
    created_s: float
    updated_s: float
    record: str


class Journal:
    """The file. `journal_id` is a new one for each new file; `path` None keeps it in memory.

    Raises SettingsError when the file cannot be used, or another process uses it.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=1.0)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_SCHEMA)
            self.journal_id = self._meta("journal_id", uuid.uuid4().hex[:12])
        except (sqlite3.Error, OSError) as error:
            message = f"the bridge's journal {path} cannot be used ({error}); is another bridge running?"
            raise SettingsError(message) from error
        self.last_fill = self._database.execute("SELECT coalesce(max(number), 0) FROM fills").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def forget_before(self, time_s: float) -> None:
        """Remove closed orders and fills older than a time; the number of the last fill is kept."""
        self._database.execute("DELETE FROM orders WHERE is_closed AND updated_s < ?", (time_s,))
        self._database.execute("DELETE FROM fills WHERE time_s < ? AND number < ?", (time_s, self.last_fill))

    # Orders: `record` is JSON

    def save_order(self, row: OrderRow) -> None:
        """Write an order, or what has become of it."""
        self._database.execute(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (exchange, order_id) DO UPDATE SET "
            "status = excluded.status, is_closed = excluded.is_closed, updated_s = excluded.updated_s, "
            "record = excluded.record",
            row,
        )

    def open_orders(self) -> Iterator[str]:
        """Return the records of the orders that were not closed."""
        return (row[0] for row in self._database.execute("SELECT record FROM orders WHERE NOT is_closed").fetchall())

    def order(self, exchange: str, order_id: str) -> str | None:
        """Return an order's record."""
        query = "SELECT record FROM orders WHERE exchange = ? AND order_id = ?"
        return _one(self._database.execute(query, (exchange, order_id)))

    def order_of_ref(self, owner: str, client_ref: str) -> str | None:
        """Return the record of the order that a key's `client_ref` names."""
        query = "SELECT record FROM orders WHERE owner = ? AND client_ref = ?"
        return _one(self._database.execute(query, (owner, client_ref)))

    def history(
        self, exchange: str, market: str, limit: int, start_s: float, end_s: float, status: str | None = None
    ) -> list[str]:
        """Return the records of orders created between two times, of one status or of any, the newest first."""
        query = (
            "SELECT record FROM orders WHERE exchange = ? AND market = ? AND created_s BETWEEN ? AND ? "
            "AND coalesce(status = ?, 1) ORDER BY created_s DESC, rowid DESC LIMIT ?"
        )
        rows = self._database.execute(query, (exchange, market, start_s, end_s, status, limit))
        return [row[0] for row in rows.fetchall()]

    # Fills: `data` is the event's data as JSON

    def add_fill(
        self, number: int, exchange: str, market: str, order_id: str, trade_id: str, time_s: float, data: str
    ) -> bool:
        """Write a fill under the next number; False for one that is written already."""
        written = self._database.execute(
            "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (exchange, order_id, trade_id) DO NOTHING",
            (number, exchange, market, order_id, trade_id, time_s, data),
        ).rowcount
        if written:
            self.last_fill = number
        return bool(written)

    def fills_after(self, number: int, limit: int = PAGE) -> list[tuple[int, str, str, str]]:
        """Return (number, exchange, market, data) of the fills after one, the oldest first."""
        query = "SELECT number, exchange, market, data FROM fills WHERE number > ? ORDER BY number LIMIT ?"
        return self._database.execute(query, (number, limit)).fetchall()

    def last_fills(self, exchange: str, market: str, limit: int) -> list[tuple[int, str]]:
        """Return (number, data) of a market's fills, the newest first."""
        query = "SELECT number, data FROM fills WHERE exchange = ? AND market = ? ORDER BY number DESC LIMIT ?"
        return self._database.execute(query, (exchange, market, limit)).fetchall()

    # Sessions that want their orders cancelled when they are lost

    def save_session(self, owner: str, session_id: str, policy: str, grace_s: float) -> None:
        """Remember what is to happen when a session is lost."""
        row = (owner, session_id, policy, grace_s)
        self._database.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)", row)

    def forget_session(self, owner: str, session_id: str) -> None:
        """Forget a session."""
        self._database.execute("DELETE FROM sessions WHERE owner = ? AND session_id = ?", (owner, session_id))

    def sessions(self) -> list[tuple[str, str, str, float]]:
        """Return (owner, session_id, policy, grace in seconds) of the sessions an earlier life has left."""
        return self._database.execute("SELECT owner, session_id, policy, grace_s FROM sessions").fetchall()

    def _meta(self, name: str, default: str) -> str:
        self._database.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, default))
        return str(_one(self._database.execute("SELECT value FROM meta WHERE name = ?", (name,))))


def _one(rows: sqlite3.Cursor) -> str | None:
    row = rows.fetchone()
    return None if row is None else row[0]

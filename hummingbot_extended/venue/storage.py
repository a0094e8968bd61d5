"""The venue's state in a SQLite file: only the newest, replaced in one transaction, written off the event loop."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hummingbot_extended.errors import SettingsError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoredState:
    """What is saved: when, since when the venue exists, the engine's state, candles and asset operations."""

    saved_ms: int
    started_ms: int
    engine: dict[str, Any]
    candles: dict[str, list[list[str]]]
    operations: list[dict[str, Any]]


class StateFile:
    """One venue's state. `load` and `close` may be called once; at most one save is under way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saving: asyncio.Task[None] | None = None

    def load(self) -> StoredState | None:
        """Return what the file holds, or None when it is new.

        Raises SettingsError for a foreign file, and where it could not be written at the end.
        """
        place = self._path if self._path.exists() else self._path.parent
        if not os.access(place, os.W_OK):
            raise SettingsError(f"the venue's state cannot be written to {self._path}: {_why(place)}")
        if place is not self._path:
            return None
        try:
            with closing(sqlite3.connect(self._path)) as database:
                row = database.execute("SELECT format, state FROM venue").fetchone()
        except sqlite3.DatabaseError as error:
            raise SettingsError(f"{self._path} is not a state of the practice venue") from error
        if row is None or row[0] != FORMAT:
            raise SettingsError(f"{self._path} was written by another version of the practice venue")
        return msgspec.json.decode(row[1], type=StoredState)

    def save_soon(self, state: StoredState) -> None:
        """Save in a thread; left out while the last save is still under way."""
        if self._saving is None or self._saving.done():
            if self._saving is not None:
                self._saving.result()  # a disk that fails is an error of the venue, not a silence
            self._saving = asyncio.create_task(self._save(state), name="save venue state")

    async def close(self, state: StoredState) -> None:
        """Save the last state and return when it is on disk."""
        if self._saving is not None:
            await self._saving
        await self._save(state)

    async def _save(self, state: StoredState) -> None:
        await asyncio.to_thread(self._write, state)

    def _write(self, state: StoredState) -> None:
        with closing(sqlite3.connect(self._path)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS venue (id INTEGER PRIMARY KEY, format INT, saved_ms INT, state BLOB)"
            )
            row = (FORMAT, state.saved_ms, msgspec.json.encode(state))
            database.execute("INSERT OR REPLACE INTO venue VALUES (1, ?, ?, ?)", row)


def _why(place: Path) -> str:
    return "no permission" if place.exists() else f"there is no folder {place}"

"""A reader's bounded inbox of rows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from hummingbot_extended.hub.events import BarRow, Row
from hummingbot_extended.hub.interface import Listening
from hummingbot_extended.streams.inbox import Inbox, Policy


class RowSubscription:
    """See `interface.Subscription`. Its maker calls `give` with each row, and hands it what to close with `bind`."""

    def __init__(self, policy: Policy, limit: int) -> None:
        self._inbox = Inbox(policy, limit, _newest_of if policy == "conflate" else None)
        self._news = asyncio.Event()
        self._listening: Listening | None = None
        self._closed = False
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<RowSubscription {len(self._inbox)} of {self._inbox.limit} waiting, {self.dropped} dropped>"

    @property
    def is_active(self) -> bool:
        """See Subscription."""
        return not self._closed

    def bind(self, listening: Listening) -> None:
        """Take what `close` gives up."""
        self._listening = listening

    def give(self, row: Row) -> None:
        """Take a row in, by the policy."""
        if self._closed:
            return
        happened = self._inbox.put(row)
        self.dropped += happened in ("dropped", "refused")
        if happened == "refused":
            self._closed = True
        self._news.set()

    def end(self) -> None:
        """No more rows will come (the hub stops); what waits may still be taken."""
        self._closed = True
        self._news.set()

    def take(self) -> list[Row]:
        """See Subscription."""
        rows = [self._inbox.take() for _ in range(len(self._inbox))]
        if not self._closed:
            self._news.clear()
        return rows

    async def wait(self) -> None:
        """See Subscription."""
        await self._news.wait()

    async def close(self) -> None:
        """See Subscription."""
        self.end()
        self._inbox.clear()
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    async def __aiter__(self) -> AsyncIterator[Row]:
        """See Subscription."""
        while True:
            for row in self.take():
                yield row
            if self._closed and not len(self._inbox):
                return
            await self.wait()

    async def __aenter__(self) -> Self:
        """See Subscription."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """See Subscription."""
        await self.close()


def _newest_of(row: Row) -> tuple[object, ...]:
    return row.kind, row.market, row.frame if isinstance(row, BarRow) else None

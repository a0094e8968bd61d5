"""Cursor pages (API reference §1.9)."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.reading import Records


class FetchPage[T](Protocol):
    """Fetches one page: a method of ExtendedRest, its other arguments bound with functools.partial."""

    def __call__(self, *, cursor: int | None, limit: int | None) -> Awaitable[Records[T]]:
        """Return the page after `cursor`."""
        ...


async def pages[T](fetch: FetchPage[T], *, limit: int = 1000, max_pages: int = 100) -> AsyncIterator[Records[T]]:
    """Yield pages of up to `limit` records, newest first, until the last one. Leave the loop to stop earlier.

    Raises ProtocolError after `max_pages`, because a list cut short in silence would be taken for the whole.
    """
    cursor: int | None = None
    for _ in range(max_pages):
        page = await fetch(cursor=cursor, limit=limit)
        yield page
        if len(page) + len(page.bad) < limit or page.cursor is None or page.cursor == cursor:
            return
        cursor = page.cursor
    raise ProtocolError(f"more than {max_pages} pages of {limit} records")

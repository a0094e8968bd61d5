"""Headers that many streams share, such as a token's: fetched once for all, and again when a server refuses them."""

import asyncio
from collections.abc import Mapping

from hummingbot_extended.streams.transport import CONNECT_TIMEOUT_S, HeadersProvider


class SharedHeaders:
    """A `HeadersProvider` that keeps what `fetch` gave until a server refuses it.

    Any number of waiters share one fetch; if it fails, or takes longer than `timeout_s` (TimeoutError), each of them
    gets its error and the next call tries again. Cancelling one waiter cancels nothing for the others.
    """

    def __init__(self, fetch: HeadersProvider, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._fetch = fetch
        self._timeout_s = timeout_s
        self._headers: Mapping[str, str] | None = None
        self._fetching: asyncio.Task[Mapping[str, str]] | None = None

    def __repr__(self) -> str:
        return (
            f"<SharedHeaders {'fetching' if self._fetching else 'known' if self._headers is not None else 'unknown'}>"
        )

    async def __call__(self) -> Mapping[str, str]:
        """Return the headers, fetched if they are not known. Raises what `fetch` raises."""
        if self._headers is not None:
            return self._headers
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_once())
        return await asyncio.shield(self._fetching)

    def reject(self, headers: Mapping[str, str]) -> None:
        """A server refused `headers`: forget them, unless they were replaced meanwhile (another waiter's doing)."""
        if self._headers is headers:
            self._headers = None

    async def aclose(self) -> None:
        """Cancel a fetch under way and wait for its end."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _fetch_once(self) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._headers = await self._fetch()
            return self._headers
        finally:
            self._fetching = None

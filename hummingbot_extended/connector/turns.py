"""Shares the event loop between many orders that are placed at once."""

import asyncio


class OneATurn:
    """Lets one caller pass in a turn of the loop, in the order in which they came; who comes alone does not wait."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'taken' if self._turn.locked() else 'free'}>"

    async def __call__(self) -> None:
        """Return when nobody else has passed in this turn. A cancelled caller leaves the queue."""
        await self._turn.acquire()
        asyncio.get_running_loop().call_soon(self._turn.release)

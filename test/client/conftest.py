"""A practice venue, clients of it, and the proof that a closed client leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.until import until


@asynccontextmanager
async def proven_client(venue: PracticeVenue, **options: Any) -> AsyncIterator[ExtendedClient]:
    """A client of the venue's first trader; afterwards no task of it runs and the venue has no connection."""
    keys = {"api_key": venue.api_key, "stark_private_key": venue.stark_private_key}
    before = asyncio.all_tasks()
    client = ExtendedClient(**{"url": venue.origin, **keys, **options})
    try:
        yield client
    finally:
        await client.close()
    async with asyncio.timeout(30):
        while venue.core.hub.connections:
            await asyncio.sleep(0.005)
    mine = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not _is_servers(task)]
    assert not mine, mine


def _is_servers(task: "asyncio.Task[Any]") -> bool:
    """Whether a task is the venue's: it shares the loop with the test."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and ("web_protocol" in code.co_filename or "/venue/" in code.co_filename)


@pytest.fixture
async def venue() -> AsyncIterator[PracticeVenue]:
    """A market that moves."""
    async with PracticeVenue(VenueSettings(port=0, rate_limit=0)) as venue:
        yield venue


@pytest.fixture
async def quiet_venue() -> AsyncIterator[PracticeVenue]:
    """A market in which only the test trades."""
    settings = VenueSettings(port=0, rate_limit=0, makers=False, acceptance_delay_ms=0)
    async with PracticeVenue(settings) as venue:
        yield venue


@pytest.fixture
async def client(venue: PracticeVenue) -> AsyncIterator[ExtendedClient]:
    async with proven_client(venue) as client:
        yield client


class Heard:
    """What a callback was given."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> None:
        self.events.append(event)

    def __len__(self) -> int:
        return len(self.events)

    async def until(self, wanted: Callable[[list[Any]], object]) -> Any:
        """Poll until `wanted(events)` is true, and return it."""
        return await until(lambda: wanted(self.events))

    async def count(self, number: int) -> list[Any]:
        """Wait for so many events."""
        await self.until(lambda events: len(events) >= number)
        return self.events

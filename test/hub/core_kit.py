"""A hub on a practice venue, and time that runs faster for both."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from hummingbot_extended.candles.exchange_loader import ExchangeLoader
from hummingbot_extended.hub.assembly import Parts, make_parts
from hummingbot_extended.hub.channel_reader import Clocks
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

MARKET = "BTC-USD"


class FastTime:
    """Time that runs `factor` times as fast from `begin_ms` on; for a venue (`now_ms`) and a hub (`clocks`)."""

    def __init__(self, factor: float, begin_ms: int) -> None:
        self.factor = factor
        self._begin_ms = begin_ms
        self._passed_s = 0.0
        self._since_s = time.monotonic()

    def run_at(self, factor: float) -> None:
        """Go on from now at another speed."""
        self._passed_s, self._since_s = self.passed_s(), time.monotonic()
        self.factor = factor

    def passed_s(self) -> float:
        return self._passed_s + (time.monotonic() - self._since_s) * self.factor

    def now_ms(self) -> int:
        return self._begin_ms + int(self.passed_s() * 1000)

    def clocks(self) -> Clocks:
        return Clocks(
            wall=lambda: self.now_ms() / 1000,
            steady=self.passed_s,
            sleep=lambda seconds: asyncio.sleep(max(0.001, seconds / self.factor)),
        )


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[PracticeVenue]:
    """A venue that lives."""
    async with living(PracticeVenue(VenueSettings(**{"port": 0, "rate_limit": 0} | settings))) as venue:
        yield venue


@asynccontextmanager
async def living(venue: PracticeVenue) -> AsyncIterator[PracticeVenue]:
    async with venue:
        life = asyncio.create_task(venue.serve())
        try:
            yield venue
        finally:
            life.cancel()
            await asyncio.wait([life])


@asynccontextmanager
async def parts_of(
    venue: PracticeVenue, settings: HubSettings, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        local = {"EXTENDED_PERPETUAL_LOCAL_URL": venue.origin}
        yield await make_parts(settings, stack, environ=local | dict(environ or {}))


@asynccontextmanager
async def hub_on(
    venue: PracticeVenue,
    *,
    clocks: Clocks | None = None,
    more_sources: Any = (),
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Hub]:
    """A running hub that reads `venue`."""
    chosen = HubSettings(**{"linger_s": 0.5} | settings)
    async with parts_of(venue, chosen, environ) as parts:
        history = ExchangeLoader(parts.rest, clock=(clocks or Clocks()).wall)
        parts = Parts(parts.rest, (*more_sources, *parts.sources), history)
        async with Hub(chosen, parts=parts, clocks=clocks) as hub:
            yield hub


def upstreams(venue: PracticeVenue) -> int:
    """The connections to the venue's streams."""
    return len(list(venue.core.hub.connections))

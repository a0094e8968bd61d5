"""REST as the only source: every feed comes, slower; limits are honoured."""

import asyncio
from typing import Any

import pytest

from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.errors import ExtendedError, RateLimited, SettingsError
from hummingbot_extended.hub.assembly import Parts
from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.kinds import Channel, Feed, Kind
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.hub.sources import rest as rest_module
from hummingbot_extended.hub.sources.rest import RestSource
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from test.hub.core_kit import MARKET, hub_on, parts_of, serving, upstreams
from test.until import until


async def test_every_kind_comes_by_polling_without_a_stream() -> None:
    async with serving() as venue, parts_of(venue, HubSettings()) as made:
        source = RestSource(made.rest, poll_s=0.2, stats_s=0.2)
        async with Hub(HubSettings(linger_s=0), parts=Parts(made.rest, (source,), made.history)) as hub:
            rows: list[Row] = []
            kinds = [kind for kind in Kind if kind not in (Kind.ALERT, Kind.NEWS, Kind.STATUS)]
            hub.listen(kinds, [MARKET], rows.append, timeframe=timeframe("M5"), snapshot=True)
            await until(lambda: {row.kind for row in rows} >= set(kinds))
            assert upstreams(venue) == 0
            ids = [row.trade_id for row in rows if row.kind is Kind.TRADES]  # type: ignore[attr-defined]
            assert len(ids) == len(set(ids))
            assert {row.provider for row in rows if row.kind is not Kind.OHLCV} == {"extended_rest"}


@pytest.mark.states("W46", "W-B9")
async def test_w46_a_limit_cools_the_source_for_as_long_as_it_says() -> None:
    async with serving() as venue, hub_on(venue, sources=("extended_rest",)) as hub:
        rows: list[Row] = []
        hub.listen([Kind.QUOTE, Kind.STATUS], [MARKET], rows.append)
        await until(lambda: any(row.kind is Kind.QUOTE for row in rows))
        venue.core.plan.add(FaultSpec(kind=FaultKind.TOO_MANY_REQUESTS, path="*orderbook*"), venue.core.now_ms())
        reader = hub._readers.find(Channel(Feed.QUOTE, MARKET))
        assert reader is not None
        await until(lambda: reader.status().sources[0].state == "cooling")
        assert reader.status().sources[0].score == 0


class Losses:
    """A sink that counts."""

    def __init__(self) -> None:
        self.errors: list[ExtendedError] = []

    def connected(self) -> None: ...

    def take(self, frame: Any, completeness: float = 1.0) -> None: ...

    def lost(self, error: ExtendedError) -> None:
        self.errors.append(error)


@pytest.mark.states("W46")
async def test_w46_a_source_at_its_limit_is_not_asked_while_it_cools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "COOLING_S", 600.0)
    async with serving() as venue, parts_of(venue, HubSettings(sources=("extended_rest",))) as parts:
        limit = FaultSpec(kind=FaultKind.TOO_MANY_REQUESTS, path="*orderbook*", count=0)
        venue.core.plan.add(limit, venue.core.now_ms())
        sink = Losses()
        upstream = RestSource(parts.rest, poll_s=0.02).open(Channel(Feed.QUOTE, MARKET), sink)
        await until(lambda: sink.errors)
        await asyncio.sleep(0.5)  # in which it would have been asked some ten times
        assert [type(error) for error in sink.errors] == [RateLimited]
        await upstream.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "boss"},
        {"timeframes": ()},
        {"timeframes": ("M7",)},
        {"sources": ()},
        {"hot_sources": 0},
        {"linger_s": -1},
        {"retention_days": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        HubSettings(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["nonsense", "hub", "extended_sse"])
async def test_sources_that_do_not_exist_or_lack_their_url_are_refused(source: str) -> None:
    with pytest.raises(SettingsError):
        async with Hub(HubSettings(sources=(source,))):
            pass

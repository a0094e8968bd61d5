"""A hub in New York over both clock changes: no candle moves, is missing or comes twice."""

import time
from itertools import pairwise

import aiohttp
import pytest

from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.venue import venue_core
from hummingbot_extended.venue.candles import CandleKind
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.candles.oracle import carried_candles_of
from test.hub.core_kit import MARKET, FastTime, hub_on, living
from test.until import until

MIN = 60_000
FACTOR = 300.0  # 17 minutes are 3.4 s
# 2026: clocks change in New York on March 8 and November 1, both at 2 in the morning.
CHANGES_MS = (1_772_953_200_000, 1_793_512_800_000)


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize("change_ms", CHANGES_MS)
@pytest.mark.states("A-B9")
async def test_hub_that_runs_over_a_clock_change_serves_the_candles_of_its_trades(
    change_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-B9, issue 4 §6.3: beside candles computed in test/ from the venue's trades, which know no time zone."""
    assert time.localtime(change_ms / 1000 - 1).tm_isdst != time.localtime(change_ms / 1000 + 1).tm_isdst
    venue = PracticeVenue(VenueSettings(port=0, rate_limit=0, candle_push_s=5.0))
    fast = FastTime(1.0, change_ms - 12 * MIN)
    monkeypatch.setattr(venue_core, "Clock", lambda _not_before_ms: fast)
    async with (
        living(venue),
        hub_on(venue, clocks=fast.clocks(), markets=(MARKET,)) as hub,
        HubServer(hub, FaceSettings(port=0)) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        keeper = hub._keepers.find(MARKET)
        assert keeper is not None
        await until(keeper.is_loaded.is_set, "the history")
        assert fast.now_ms() < change_ms
        fast.run_at(FACTOR)
        end_ms = change_ms + 5 * MIN
        await until(lambda: (keeper.candles.verified_until_ms or 0) >= end_ms, "candles after the change")
        trades = [(t.ts_ms, t.price, t.qty) for t in venue.engine.queries.public_trades(MARKET, 10**9)]
        first = venue.core.candles._series[MARKET, CandleKind.TRADES]._live[0]
        for name in ("M1", "M5"):
            length_ms = timeframe(name).length_ms
            async with session.get(f"/streamer/candles/{MARKET}/{name}", params={"limit": 500}) as answer:
                candles = (await answer.json())["candles"]
            starts_ms = [candle["time"] * 1000 for candle in reversed(candles)]
            assert {later - earlier for earlier, later in pairwise(starts_ms)} == {length_ms}
            served = {candle["time"] * 1000: candle for candle in candles if candle["closed"]}
            expected = carried_candles_of(trades, name, first.open, first.start_ms, end_ms)
            spans = [start_ms for start_ms in expected if first.start_ms <= start_ms <= end_ms - length_ms]
            assert min(spans) < change_ms <= max(spans)
            for start_ms in spans:
                told = served[start_ms]
                row = tuple(told[part] for part in ("open", "high", "low", "close", "volume"))
                assert row == pytest.approx([float(part) for part in expected[start_ms]]), (name, start_ms)

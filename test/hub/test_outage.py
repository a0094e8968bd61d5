"""Half an hour without the exchange, compressed: no candle is missing or wrong afterwards, in any timeframe."""

import time

import pytest

from hummingbot_extended.candles.timeframes import TIMEFRAMES
from hummingbot_extended.venue.candles import CandleKind
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.candles.oracle import carried_candles_of
from test.hub.core_kit import MARKET, FastTime, hub_on, living
from test.until import until

MIN = 60_000
FACTOR = 360.0  # half an hour is 5 s


@pytest.mark.slow
@pytest.mark.parametrize("sources", [("extended_rpc", "extended_ws"), ("extended_ws",)])
@pytest.mark.states("A-B2", "A-B10")
async def test_30_minutes_without_streams_and_rest_leave_no_missing_or_wrong_candle(sources: tuple[str, ...]) -> None:
    """A-B2, issue 4 §6.3: compared with candles computed in test/ from the venue's full trade history."""
    venue = PracticeVenue(VenueSettings(port=0, rate_limit=0, candle_push_s=5.0))
    async with living(venue):
        fast = FastTime(FACTOR, int(time.time() * 1000))
        venue.core.clock = fast  # type: ignore[assignment]
        began_ms = fast.now_ms()
        async with hub_on(venue, clocks=fast.clocks(), sources=sources, markets=(MARKET,)) as hub:
            keeper = hub._keepers.find(MARKET)
            assert keeper is not None
            await until(keeper.is_loaded.is_set)
            await until(lambda: fast.now_ms() > began_ms + 3 * MIN)
            for kind in (FaultKind.CUT, FaultKind.SERVER_ERROR):
                venue.core.plan.add(FaultSpec(kind=kind), fast.now_ms())
            outage_ms = fast.now_ms()
            await until(lambda: fast.now_ms() > outage_ms + 30 * MIN)
            venue.core.plan.remove()
            came_back_ms = fast.now_ms()
            done_ms = came_back_ms + 5 * MIN
            await until(lambda: fast.now_ms() > done_ms + MIN)
            await until(lambda: (keeper.candles.verified_until_ms or 0) >= done_ms // MIN * MIN)

            def is_settled() -> bool:
                """Whether all is closed that has ended; the hub looks once a second: 6 minutes here."""
                return all(
                    candle.closed
                    for frame in TIMEFRAMES
                    for candle in keeper.candles.series[frame].between(0, done_ms // MIN * MIN)
                    if candle.open_time_ms + frame.length_ms <= done_ms // MIN * MIN
                )

            await until(is_settled)
            trades = [(t.ts_ms, t.price, t.qty) for t in venue.engine.queries.public_trades(MARKET, 10**9)]
            first = venue.core.candles._series[MARKET, CandleKind.TRADES]._live[0]
            assert len([t for t in trades if outage_ms < t[0] < came_back_ms]) > 30
            for frame in TIMEFRAMES:
                series = keeper.candles.series[frame]
                assert series.gaps == 0, frame
                expected = carried_candles_of(trades, frame.name, first.open, first.start_ms, done_ms)
                checked = 0
                for start_ms, prices in expected.items():
                    if start_ms + frame.length_ms > done_ms // MIN * MIN or start_ms < first.start_ms:
                        continue
                    kept = series.at(start_ms)
                    assert kept is not None, (frame, start_ms)
                    assert kept.closed
                    assert kept.prices == prices, (frame, start_ms)
                    checked += 1
                assert checked or frame.seconds >= 1_800, frame

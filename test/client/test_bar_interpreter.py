"""Bars: every closed one once, in order, without a gap, whatever the stream says and REST answers. No I/O here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.candles.bars import Bar as CandleBar
from hummingbot_extended.candles.bars import without_gaps
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.client import Bar, bar_interpreter
from hummingbot_extended.client.bar_interpreter import BarInterpreter, History
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.errors import ServerUnavailable
from hummingbot_extended.exchange.channels import CandleFrame
from hummingbot_extended.exchange.models import Candle
from test.client.conftest import Heard, proven_client

M1 = timeframe("1m")
MINUTE_MS = M1.length_ms


def row(minute: int, close: int, volume: int = 1) -> CandleBar:
    price = Decimal(close)
    return CandleBar(
        open_time_ms=minute * MINUTE_MS, open=price, high=price, low=price, close=price, volume=Decimal(volume)
    )


def frame(*rows: CandleBar) -> Received:
    candles = [
        Candle(time_ms=bar.open_time_ms, open=bar.open, high=bar.high, low=bar.low, close=bar.close, volume=bar.volume)
        for bar in rows
    ]
    return Received(CandleFrame(candles=candles, ts_ms=rows[-1].open_time_ms + 1, seq=1), b"{}")


@dataclass
class Rest:
    """What REST knows; None: it does not answer."""

    rows: Sequence[CandleBar] | None = ()
    name: str = "test"
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def load(self, market, frame, *, limit, start_ms=None, end_ms=None):
        self.asked.append((start_ms, end_ms))
        if self.rows is None:
            raise ServerUnavailable(503, None, "down")
        known = [bar for bar in self.rows if start_ms <= bar.open_time_ms <= end_ms]
        return without_gaps(known, frame)[-limit:]


def bars_of(rest: Rest) -> BarInterpreter:
    return BarInterpreter("BTC-USD", M1, rest)


def told(events: Sequence[Bar]) -> list[tuple[int, int, bool]]:
    return [(bar.open_time_ms // MINUTE_MS, int(bar.close), bar.is_closed) for bar in events]


async def test_a_later_candle_closes_the_running_one_with_what_rest_says():
    bars = bars_of(Rest([row(1, 12, volume=5)]))
    assert told(await bars.take(frame(row(1, 10)))) == [(1, 10, False)]
    assert told(await bars.take(frame(row(1, 11, volume=4)))) == [(1, 11, False)]
    assert told(await bars.take(frame(row(2, 20)))) == [(1, 12, True), (2, 20, False)]


async def test_a_cached_reply_that_is_older_than_the_stream_does_not_count():
    bars = bars_of(Rest([row(1, 9, volume=1)]))
    await bars.take(frame(row(1, 11, volume=4)))
    assert told(await bars.take(frame(row(2, 20))))[0] == (1, 11, True)


async def test_minutes_that_the_stream_missed_come_from_rest_and_quiet_ones_are_flat():
    rest = Rest([row(1, 10, volume=2), row(3, 30)])
    bars = bars_of(rest)
    await bars.take(frame(row(1, 10)))
    assert told(await bars.take(frame(row(6, 60)))) == [
        (1, 10, True),
        (2, 10, True),
        (3, 30, True),
        (4, 30, True),
        (5, 30, True),
        (6, 60, False),
    ]
    assert rest.asked == [(MINUTE_MS, 5 * MINUTE_MS)]


async def test_without_an_answer_the_streams_own_values_count():
    bars = bars_of(Rest(None))
    await bars.take(frame(row(1, 10)))
    assert told(await bars.take(frame(row(3, 30)))) == [(1, 10, True), (2, 10, True), (3, 30, False)]


async def test_bars_that_an_outage_missed_are_not_made_up_but_asked_for_until_rest_answers():
    rest = Rest(None)
    bars = bars_of(rest)
    await bars.take(frame(row(1, 10)))
    bars.reset()
    assert told(await bars.take(frame(row(1, 11, volume=2)))) == [(1, 11, False)]
    for _ in range(2):
        assert await bars.take(frame(row(3, 30))) == []
    rest.rows = [row(1, 12, volume=9), row(2, 20)]
    assert told(await bars.take(frame(row(3, 31)))) == [(1, 12, True), (2, 20, True), (3, 31, False)]
    rest.rows = None
    assert told(await bars.take(frame(row(4, 40)))) == [(3, 31, True), (4, 40, False)]


async def test_an_answer_that_takes_too_long_does_not_hold_the_bars(monkeypatch):
    monkeypatch.setattr(bar_interpreter, "CONFIRM_TIMEOUT_S", 0.01)

    class Slow(Rest):
        async def load(self, market, frame, *, limit, start_ms=None, end_ms=None):
            await asyncio.Event().wait()

    bars = bars_of(Slow())
    await bars.take(frame(row(1, 10)))
    assert told(await bars.take(frame(row(2, 20)))) == [(1, 10, True), (2, 20, False)]


async def test_older_candles_are_left_out():
    bars = bars_of(Rest())
    await bars.take(frame(row(2, 20)))
    assert await bars.take(frame(row(1, 10))) == []
    assert list(await bars.catch_up()) == []


async def test_a_newcomer_gets_closed_history_the_mark_and_the_forming_bar():
    bars = bars_of(Rest())
    await bars.take(frame(row(5, 50)))
    events = list(bars.present(History([row(1, 10), row(2, 20), row(4, 40), row(5, 49)], limit=3)))
    assert told(events) == [(2, 20, True), (3, 20, True), (4, 40, True), (5, 50, False)]
    assert [bar.is_history for bar in events] == [True, True, True, False]
    assert [bar.is_end_of_history for bar in events] == [False, False, True, False]


async def test_a_bar_that_closed_while_the_history_was_on_its_way_is_in_it_once():
    bars = bars_of(Rest([row(3, 33, volume=9)]))
    await bars.take(frame(row(3, 30)))
    history = History([row(2, 20), row(3, 31, volume=2)], limit=10)  # asked for while 3 was forming
    await bars.take(frame(row(4, 40)))
    assert told(list(bars.present(history))) == [(2, 20, True), (3, 33, True), (4, 40, False)]


async def test_without_a_first_frame_the_newest_row_with_trades_is_the_forming_bar():
    bars = bars_of(Rest([row(2, 22, volume=3)]))
    flat = CandleBar(
        open_time_ms=3 * MINUTE_MS,
        open=Decimal(20),
        high=Decimal(20),
        low=Decimal(20),
        close=Decimal(20),
        synthetic=True,
    )
    assert told(list(bars.present(History([row(1, 10), row(2, 20), flat], limit=10)))) == [
        (1, 10, True),
        (2, 20, False),
    ]
    assert told(await bars.take(frame(row(4, 40)))) == [(2, 22, True), (3, 22, True), (4, 40, False)]


async def test_a_market_that_never_traded_has_no_history():
    assert list(bars_of(Rest()).present(History([], limit=10))) == []


@given(
    minutes=st.lists(st.integers(0, 30), min_size=1, max_size=40),
    rest=st.one_of(st.none(), st.sets(st.integers(0, 30)).map(lambda known: [row(m, m + 1, 3) for m in sorted(known)])),
    join_at=st.integers(0, 40),
)
def test_closed_bars_come_once_each_in_order_without_a_gap(minutes, rest, join_at):
    async def run() -> None:
        bars, heard = bars_of(Rest(rest)), []
        joined = False
        for index, minute in enumerate(minutes):
            events = await bars.take(frame(row(minute, minute + 1)))
            if joined:
                heard += events
            if index == join_at:
                joined = True
                heard += bars.present(History([row(m, m + 1) for m in range(max(minutes[: index + 1]) + 1)], limit=5))
        closed = [bar.open_time_ms // MINUTE_MS for bar in heard if bar.is_closed]
        assert closed == list(range(closed[0], closed[0] + len(closed))) if closed else True
        forming = [bar.open_time_ms // MINUTE_MS for bar in heard if not bar.is_closed]
        assert forming == sorted(forming)
        assert not closed or not forming or closed[-1] == forming[-1] - 1
        assert sum(bar.is_end_of_history for bar in heard) <= 1

    asyncio.run(run())


async def test_m20_history_and_live_bars_of_a_venue_meet(venue):
    async with proven_client(venue) as client:
        heard = Heard()
        await client.market_data.stream_bars("BTC-USD", "1m", heard, history=20)
        await heard.until(lambda events: sum(not bar.is_closed for bar in events) >= 2)
        history = [bar for bar in heard.events if bar.is_history]
        times = [bar.open_time_ms for bar in history]
        assert times == list(range(times[0], times[0] + 20 * MINUTE_MS, MINUTE_MS))
        assert [bar.is_end_of_history for bar in history] == [False] * 19 + [True]
        forming = next(bar for bar in heard.events if not bar.is_closed)
        assert forming.open_time_ms == times[-1] + MINUTE_MS
        told_by_rest = {candle.time_ms: candle for candle in await client.rest.candles("BTC-USD", "PT1M", limit=25)}
        assert all(bar.close == told_by_rest[bar.open_time_ms].close for bar in history)
        second = Heard()
        await client.market_data.stream_bars("BTC-USD", "PT1M", second, history=3)
        await second.until(lambda events: sum(not bar.is_closed for bar in events) >= 1)
        assert sum(bar.is_history for bar in second.events) == 3
        assert len(venue.core.hub.connections) == 1


@pytest.mark.parametrize("interval", ["7m", "1M", ""])
async def test_an_interval_that_does_not_exist_is_refused(venue, interval):
    async with proven_client(venue) as client:
        with pytest.raises(ValueError, match="interval"):
            await client.market_data.stream_bars("BTC-USD", interval, Heard())

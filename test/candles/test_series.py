"""A series: one candle a time, the newest kept, revisions counted, holes found."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.series import CandleSeries
from hummingbot_extended.candles.timeframes import timeframe

M1 = timeframe("M1")


def candle(minute: int, close: int = 1, *, closed: bool = True) -> Candle:
    price = Decimal(close)
    return Candle(open_time_ms=minute * 60_000, open=price, high=price, low=price, close=price, closed=closed)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3), st.booleans()), max_size=60), st.integers(1, 20))
def test_series_is_a_bounded_map_by_time(puts: list[tuple[int, int, bool]], limit: int) -> None:
    series = CandleSeries(M1, limit)
    for minute, close, closed in puts:
        version = series.version
        kept = series.put(candle(minute, close, closed=closed))
        assert (series.version != version) is (kept is not None)
        assert len(series) <= limit
    times = [one.open_time_ms for one in series.newest_first(100)]
    assert times == sorted(set(times), reverse=True)
    held = {time_ms // 60_000 for time_ms in times}
    if held:
        missing = [minute for minute in range(min(held), max(held)) if minute not in held]
        assert series.gaps == len(missing)
        assert series.oldest is not None
        assert series.newest is not None
        assert series.before(series.newest.open_time_ms + 1) is series.newest
        assert series.before(series.oldest.open_time_ms) is None
    else:
        assert series.gaps == 0
        assert series.oldest is series.newest is None
    assert str(limit) in repr(series)


def test_older_than_the_oldest_of_a_full_series_is_not_taken() -> None:
    series = CandleSeries(M1, 2)
    for minute in (5, 6):
        series.put(candle(minute))
    assert series.put(candle(4)) is None
    assert [one.open_time_ms for one in series.between(0, 10**9)] == [300_000, 360_000]


@pytest.mark.states("W-B13")
def test_candle_knows_its_bar_and_is_encoded_once() -> None:
    one = candle(1, 84077)
    assert one.json is one.json
    assert b'"time":60,"open":84077' in one.json
    assert one.bar.close == 84077


def test_versions_of_a_series_and_of_the_one_that_replaces_it_are_never_the_same() -> None:
    before, after = CandleSeries(M1, 10), CandleSeries(M1, 10)
    for minute in range(3):
        before.put(candle(minute))
    versions = {before.version}
    for minute in range(6):
        after.put(candle(minute))
        versions.add(after.version)
    assert len(versions) == 7

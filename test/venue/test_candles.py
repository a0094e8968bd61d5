"""Candles: folding, flat minutes, made-up history, intervals, the day's statistics."""

from datetime import UTC, datetime
from decimal import Decimal as D
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.venue.candles import (
    DAY_MINUTES,
    HISTORY_MINUTES,
    INTERVAL_MINUTES,
    MINUTE_MS,
    Candle,
    CandleKind,
    CandleStore,
    bucket_start_minute,
)
from hummingbot_extended.venue.markets import DEFAULT_MARKETS
from hummingbot_extended.venue.refusals import Refusal

NOW_MS = 1_795_219_230_000
TRADES = CandleKind.TRADES
BTC = "BTC-USD"


def store(now_ms: int = NOW_MS) -> CandleStore:
    return CandleStore(DEFAULT_MARKETS, 1, now_ms)


def fold(rows: list[Candle]) -> tuple[D, D, D, D, D]:
    """An oracle: oldest first → open, high, low, close, volume."""
    volume = sum((row.volume for row in rows), D(0))
    return rows[0].open, max(r.high for r in rows), min(r.low for r in rows), rows[-1].close, volume


def values(candle: Candle) -> tuple[D, D, D, D, D]:
    return candle.open, candle.high, candle.low, candle.close, candle.volume


def test_trades_fold_into_their_minute_and_quiet_minutes_stand_flat() -> None:
    candles = store()
    minute = NOW_MS // MINUTE_MS * MINUTE_MS
    for offset_ms, price, qty in (
        (0, 84100, "0.1"),
        (5_000, 84200, "0.2"),
        (9_000, 83900, "0.3"),
        (200_000, 84000, "1"),
    ):
        candles.add(BTC, TRADES, minute + offset_ms, D(price), D(qty))
    newest = candles.candles(BTC, TRADES, "PT1M", minute + 10**9, 5)
    assert values(newest[3]) == (D(84077), D(84200), D(83900), D(83900), D("0.6"))
    assert newest[3].value == D("8410") + D("16840") + D("25170")
    assert [values(c) for c in newest[1:3]] == [(D(83900),) * 4 + (D(0),)] * 2
    assert values(newest[0]) == (D(83900), D(84000), D(83900), D(84000), D(1))


def test_the_made_up_past_ends_where_the_market_begins_and_has_no_holes() -> None:
    rows = store().candles(BTC, TRADES, "PT1M", NOW_MS, 500)
    assert rows[1].close == rows[0].open == D(84077)
    for newer, older in pairwise(rows):
        assert newer.start_ms - older.start_ms == MINUTE_MS
        assert newer.open == older.close
        assert older.low <= min(older.open, older.close) <= max(older.open, older.close) <= older.high
    assert all(row.volume > 0 for row in rows[1:])
    assert len({row.close for row in rows}) > 50


@settings(max_examples=25)
@given(st.sampled_from([name for name, minutes in INTERVAL_MINUTES.items() if minutes > 1]), st.integers(1, 4))
def test_longer_candles_are_the_fold_of_their_minutes(interval: str, limit: int) -> None:
    candles = store()
    length = INTERVAL_MINUTES[interval]
    minutes = {c.start_ms: c for c in candles.candles(BTC, TRADES, "PT1M", NOW_MS, length * (limit + 1))}
    for candle in candles.candles(BTC, TRADES, interval, NOW_MS, limit):
        times = range(candle.start_ms, candle.start_ms + length * MINUTE_MS, MINUTE_MS)
        assert candle.start_ms % (length * MINUTE_MS) == 0
        assert values(candle) == fold([minutes[t] for t in times if t in minutes])


def test_end_time_pages_and_history_ends() -> None:
    candles = store()
    page = candles.candles(BTC, TRADES, "PT1H", NOW_MS - 3_600_000, 3)
    assert page[0].start_ms <= NOW_MS - 3_600_000 < page[0].start_ms + 3_600_000
    days = candles.candles(BTC, TRADES, "P1D", NOW_MS, 1000)
    assert len(days) in (HISTORY_MINUTES // DAY_MINUTES, HISTORY_MINUTES // DAY_MINUTES + 1)
    assert candles.candles(BTC, TRADES, "PT1M", 0, 5) == []


@given(st.integers(0, 40_000_000))
def test_weeks_begin_on_monday_and_months_on_the_first(minute: int) -> None:
    week = datetime.fromtimestamp(bucket_start_minute(minute, "P7D") * 60, UTC)
    month = datetime.fromtimestamp(bucket_start_minute(minute, "P30D") * 60, UTC)
    assert (week.weekday(), week.hour, week.minute) == (0, 0, 0)
    assert (month.day, month.hour, month.minute) == (1, 0, 0)
    assert 0 <= minute - bucket_start_minute(minute, "P7D") < 7 * DAY_MINUTES
    assert month.month == datetime.fromtimestamp(minute * 60, UTC).month


def test_an_unknown_interval_is_1005() -> None:
    with pytest.raises(Refusal) as refused:
        store().candles(BTC, TRADES, "PT7M", NOW_MS, 1)
    assert refused.value.code == 1005


def test_the_day_covers_24_hours_up_to_now() -> None:
    candles = store()
    rows = candles.candles(BTC, TRADES, "PT1M", NOW_MS, DAY_MINUTES)
    day = candles.day(BTC)
    assert (day.first, day.high, day.low) == (rows[-1].open, max(r.high for r in rows), min(r.low for r in rows))
    assert day.volume_base == sum((row.volume for row in rows), D(0))
    candles.add(BTC, TRADES, NOW_MS, D(99999), D("0.5"))
    assert candles.day(BTC).high == D(99999)
    assert candles.day(BTC).volume_base == day.volume_base + D("0.5")


def test_prices_share_the_path_of_trades_and_current_follows() -> None:
    candles = store()
    marks = candles.candles(BTC, CandleKind.MARK, "PT1M", NOW_MS, 60)
    trades = candles.candles(BTC, TRADES, "PT1M", NOW_MS, 60)
    assert [m.close for m in marks] == [t.close for t in trades]
    candles.add(BTC, CandleKind.MARK, NOW_MS, D("84100.5"))
    minutes = [m for m in marks if m.start_ms // (5 * MINUTE_MS) == NOW_MS // (5 * MINUTE_MS)]
    assert candles.current(BTC, CandleKind.MARK, "PT5M").high == max(D("84100.5"), *(m.high for m in minutes))


@settings(max_examples=20)
@given(st.sampled_from(["PT1M", "PT5M", "PT1H", "P1D", "P7D"]), st.lists(st.integers(0, 400_000), max_size=8))
def test_the_forming_candle_is_the_newest_of_the_listing(interval: str, offsets: list[int]) -> None:
    candles = store()
    for number, offset_ms in enumerate(sorted(offsets)):
        candles.add(BTC, TRADES, NOW_MS + offset_ms, D(84000 + number), D("0.1"))
        (newest,) = candles.candles(BTC, TRADES, interval, NOW_MS + 10**7, 1)
        assert candles.current(BTC, TRADES, interval) == newest


def test_a_stored_life_is_taken_up_again() -> None:
    first = store()
    first.add(BTC, TRADES, NOW_MS + 65_000, D(85000), D(1))
    later = store(NOW_MS + 600_000)
    later.load(first.dump())
    later.advance(NOW_MS + 600_000)
    before, after = first.candles(BTC, TRADES, "PT1M", NOW_MS, 10), later.candles(BTC, TRADES, "PT1M", NOW_MS, 10)
    assert [values(c) for c in before] == [values(c) for c in after]
    assert later.candles(BTC, TRADES, "PT1M", NOW_MS + 600_000, 1)[0].close == D(85000)
    later.load({})
    assert later.candles(BTC, TRADES, "PT1M", NOW_MS + 600_000, 1)[0].close == D(85000)

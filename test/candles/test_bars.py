"""Bars: order, duplicates and flat bars for times without trades."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.candles.bars import Bar, flat_bar, ordered, without_gaps
from hummingbot_extended.candles.timeframes import timeframe

M1 = timeframe("M1")
MINUTE_MS = 60_000


def bar(minute: int, close: str = "100") -> Bar:
    price = Decimal(close)
    return Bar(open_time_ms=minute * MINUTE_MS, open=price, high=price, low=price, close=price, volume=Decimal(1))


def test_ordered_keeps_the_later_of_two_bars_of_one_time() -> None:
    assert ordered([bar(2, "9"), bar(1), bar(2, "8")]) == [bar(1), bar(2, "8")]


def test_without_gaps_fills_a_time_without_trades_with_the_last_close() -> None:
    filled = without_gaps([bar(4, "7"), bar(1, "5")], M1)
    assert filled == [
        bar(1, "5"),
        flat_bar(2 * MINUTE_MS, Decimal(5)),
        flat_bar(3 * MINUTE_MS, Decimal(5)),
        bar(4, "7"),
    ]
    assert [one.synthetic for one in filled] == [False, True, True, False]


def test_without_gaps_follows_the_last_bar_until_the_given_time() -> None:
    assert [one.open_time_ms // MINUTE_MS for one in without_gaps([bar(1)], M1, until_ms=3 * MINUTE_MS + 5)] == [
        1,
        2,
        3,
    ]


def test_without_gaps_of_nothing_is_nothing() -> None:
    assert without_gaps([], M1, until_ms=10 * MINUTE_MS) == []


@given(st.lists(st.integers(min_value=0, max_value=300), max_size=30))
def test_without_gaps_is_equidistant_and_keeps_every_bar(minutes: list[int]) -> None:
    bars = [bar(minute) for minute in minutes]
    filled = without_gaps(bars, M1)
    times = [one.open_time_ms for one in filled]
    assert times == list(range(times[0], times[-1] + 1, MINUTE_MS)) if times else not minutes
    assert [one for one in filled if not one.synthetic] == ordered(bars)

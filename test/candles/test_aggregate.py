"""Folding: from minutes and trades to every timeframe, closed by time, checked by history."""

import time
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.candles.aggregate import MINUTE, Candle, MarketCandles
from hummingbot_extended.candles.bars import Bar, without_gaps
from hummingbot_extended.candles.timeframes import TIMEFRAMES, timeframe
from test.candles.oracle import candles_of

DAY_MS = 86_400_000
START_MS = 20_000 * DAY_MS
MIN = 60_000
M5 = timeframe("M5")


def bar(minute: int, close: str = "10", volume: str = "1", *, high: str | None = None) -> Bar:
    top = Decimal(high or close)
    return Bar(
        open_time_ms=START_MS + minute * MIN,
        open=Decimal(10),
        high=max(top, Decimal(10)),
        low=min(Decimal(close), Decimal(10)),
        close=Decimal(close),
        volume=Decimal(volume),
    )


def continuous(limit: int = 100) -> MarketCandles:
    """Candles whose history is known up to the minute before START_MS."""
    candles = MarketCandles("BTC-USD", limits={frame.name: limit for frame in TIMEFRAMES})
    candles.take(bar(-1), "ws")
    candles.verify([bar(-1)], START_MS - MIN)
    return candles


def minutes(candles: MarketCandles) -> dict[int, Candle]:
    series = candles.series[MINUTE]
    return {(one.open_time_ms - START_MS) // MIN: one for one in series.newest_first(1_000)}


class TestLive:
    @pytest.mark.states("A-B1")
    def test_b1_forming_bar_is_replaced_in_place(self) -> None:
        """A-B1: the original froze each bar as it was first seen."""
        candles = continuous()
        for volume in ("20", "40", "60"):
            candles.take(bar(0, volume=volume), "ws")
        assert minutes(candles)[0].volume == 60
        candles.take(bar(1), "ws")
        assert minutes(candles)[0].closed
        assert minutes(candles)[0].volume == 60

    @pytest.mark.states("A-B1")
    def test_b1_final_values_reach_every_timeframe(self) -> None:
        candles = continuous()
        for minute in range(5):
            for volume in ("5", "60"):
                candles.take(bar(minute, volume=volume), "ws")
        candles.take(bar(5), "ws")
        closed = candles.series[M5].at(START_MS)
        assert closed is not None
        assert closed.closed
        assert closed.volume == 300

    def test_time_without_news_becomes_flat_once_closed(self) -> None:
        candles = continuous()
        candles.take(bar(0, "12"), "ws")
        changes = candles.close_until(START_MS + 4 * MIN + 2_000)
        kept = minutes(candles)
        assert [kept[n].closed for n in range(5)] == [True, True, True, True, False]
        assert [kept[n].synthetic for n in range(5)] == [False, True, True, True, True]
        assert {kept[n].close for n in range(1, 5)} == {Decimal(12)}
        assert (MINUTE, kept[4]) in changes

    @pytest.mark.states("A-B5")
    def test_bar_is_not_closed_before_its_delay(self) -> None:
        candles = continuous()
        candles.take(bar(0), "ws")
        candles.close_until(START_MS + MIN + 1_999)
        assert not minutes(candles)[0].closed
        candles.close_until(START_MS + MIN + 2_000)
        assert minutes(candles)[0].closed

    def test_lost_data_leaves_holes_until_history_fills_them(self) -> None:
        candles = continuous()
        candles.take(bar(0), "ws")
        candles.lost()
        candles.take(bar(3), "ws")
        candles.close_until(START_MS + 4 * MIN + 2_000)
        assert sorted(minutes(candles)) == [-1, 0, 3]
        first_ms, last_ms = candles.unverified(START_MS + 4 * MIN + 2_000) or (0, 0)
        assert (first_ms, last_ms) == (START_MS - MIN, START_MS + 3 * MIN)
        candles.verify([bar(n, volume="7") for n in range(-1, 4)], last_ms)
        assert sorted(minutes(candles)) == [-1, 0, 1, 2, 3]
        assert all(one.volume == 7 for one in minutes(candles).values())

    def test_history_that_answers_before_the_stream_is_back_does_not_make_it_whole(self) -> None:
        candles = continuous()
        candles.lost()
        candles.verify([bar(-1), bar(0)], START_MS)
        candles.take(bar(5), "ws")  # minutes 1 to 4 had trades that nobody told of yet
        assert sorted(minutes(candles)) == [-1, 0, 5]
        candles.verify([bar(n) for n in range(5)], START_MS + 4 * MIN)
        assert sorted(minutes(candles)) == [-1, 0, 1, 2, 3, 4, 5]

    def test_amended_bar_is_a_revision_and_never_opens_again(self) -> None:
        candles = continuous()
        candles.take(bar(0, volume="5"), "ws")
        candles.close_until(START_MS + MIN + 2_000)
        candles.verify([bar(-1), bar(0, volume="6")], START_MS)
        assert minutes(candles)[0].revision == 1
        assert minutes(candles)[0].closed
        candles.take(bar(0, volume="9"), "ws")  # late, and history has spoken
        assert minutes(candles)[0].volume == 6

    def test_late_word_counts_until_history_has_spoken(self) -> None:
        candles = continuous()
        candles.take(bar(0, volume="5"), "ws")
        candles.take(bar(1), "ws")
        candles.take(bar(0, volume="6"), "ws")
        assert (minutes(candles)[0].volume, minutes(candles)[0].closed) == (6, True)
        assert candles.take(bar(0, volume="1"), "ws") == []  # an old copy

    def test_old_copy_of_history_does_not_count_unless_insisted_on(self) -> None:
        candles = continuous()
        candles.take(bar(0, volume="5"), "ws")
        candles.close_until(START_MS + MIN + 2_000)
        candles.verify([bar(-1), bar(0, volume="3")], START_MS)
        assert minutes(candles)[0].volume == 5
        assert candles.unverified(START_MS + MIN + 2_000) == (START_MS - MIN, START_MS)
        candles.verify([bar(-1), bar(0, volume="3")], START_MS, insist=True)
        assert minutes(candles)[0].volume == 3
        assert candles.unverified(START_MS + MIN + 2_000) is None

    def test_without_history_what_was_seen_is_trusted(self) -> None:
        candles = MarketCandles("BTC-USD")
        assert candles.close_until(START_MS) == []
        candles.take(bar(0), "ws")
        candles.close_until(START_MS + 3 * MIN + 2_000)
        assert sorted(minutes(candles)) == [0]
        candles.trust(START_MS + 2 * MIN)
        assert sorted(minutes(candles)) == [0, 1, 2]

    def test_spread_is_that_of_the_last_quote(self) -> None:
        candles = continuous()
        candles.quote(Decimal(2))
        candles.take(bar(0), "ws")
        candles.quote(None)
        candles.take(bar(0, volume="2"), "ws")
        assert minutes(candles)[0].spread == 2

    def test_repr_says_how_much_and_whether_whole(self) -> None:
        assert "not continuous" in repr(MarketCandles("BTC-USD"))
        assert "not continuous" not in repr(continuous())


class TestRollUp:
    def test_open_is_the_first_trade_even_after_flat_minutes(self) -> None:
        """Otherwise a bar would begin at a price that nobody traded at in it."""
        candles = continuous()
        candles.close_until(START_MS + MIN + 2_000)  # minute 0 had no trade
        candles.trade(START_MS + MIN + 5_000, Decimal(50), Decimal(2), is_buy=True, provider="ws")
        forming = candles.series[M5].at(START_MS)
        assert forming is not None
        assert (forming.open, forming.low, forming.high) == (50, 50, 50)
        assert not forming.synthetic

    def test_all_flat_is_flat(self) -> None:
        candles = continuous()
        candles.close_until(START_MS + 5 * MIN + 2_000)
        closed = candles.series[M5].at(START_MS)
        assert closed is not None
        assert closed.synthetic
        assert closed.closed
        assert closed.volume == 0

    def test_bar_whose_beginning_was_not_seen_is_left_to_history(self) -> None:
        candles = MarketCandles("BTC-USD")
        candles.take(bar(2), "ws")
        assert candles.series[M5].newest is None

    def test_counts_are_known_only_where_all_parts_know_them(self) -> None:
        candles = continuous()
        candles.trade(START_MS + 1, Decimal(10), Decimal(1), is_buy=True, provider="ws")
        candles.trade(START_MS + 2, Decimal(11), Decimal(2), is_buy=False, provider="ws")
        forming = candles.series[M5].at(START_MS)
        assert forming is not None
        assert (forming.trades, forming.quote_volume, forming.taker_buy_base) == (2, 32, 1)
        candles.take(bar(1), "ws")
        forming = candles.series[M5].at(START_MS)
        assert forming is not None
        assert forming.trades is None

    def test_trade_of_a_closed_minute_is_left_to_history(self) -> None:
        candles = continuous()
        candles.close_until(START_MS + MIN + 2_000)
        assert candles.trade(START_MS + 5, Decimal(9), Decimal(1), is_buy=True, provider="ws") == []


trades_strategy = st.lists(
    st.tuples(
        st.integers(0, 3 * 3_600_000 - 1),
        st.decimals("0.5", "99", places=2),
        st.decimals("0.001", "5", places=3),
    ),
    min_size=1,
    max_size=60,
)


@given(trades_strategy)
@settings(max_examples=25)
def test_folded_trades_are_the_oracles_in_every_timeframe(raw: list[tuple[int, Decimal, Decimal]]) -> None:
    trades = sorted((START_MS + time_ms, price, size) for time_ms, price, size in raw)
    candles = MarketCandles("BTC-USD", limits={frame.name: 2_000 for frame in TIMEFRAMES})
    candles.take(bar(-1), "ws")
    candles.verify([bar(-1)], START_MS - MIN)
    for time_ms, price, size in trades:
        candles.trade(time_ms, price, size, is_buy=True, provider="ws")
    candles.close_until(START_MS + 4 * 3_600_000 + 2_000)
    for frame in TIMEFRAMES:
        known = candles.series[frame]
        expected = candles_of(trades, frame.name)
        assert known.gaps == 0
        for start, prices in expected.items():
            kept = known.at(start)
            assert kept is not None
            assert kept.prices == prices, (frame, start)
            assert kept.closed or frame.seconds > 14_400
        for one in known.newest_first(2_000):
            if one.open_time_ms >= START_MS and one.open_time_ms not in expected:
                assert one.synthetic
                assert one.volume == 0


@given(st.lists(st.tuples(st.sampled_from(["take", "lost", "close", "verify"]), st.integers(1, 9)), max_size=40))
@settings(max_examples=150)
def test_whatever_happens_history_has_the_last_word(steps: list[tuple[str, int]]) -> None:
    """After any run of ticks, losses and checks, one answer of history leaves no hole and no wrong bar."""
    candles = continuous(1_000)
    now, volumes = 0, {-1: "1"}
    for what, amount in steps:
        match what:
            case "take":
                now += amount % 3
                volumes[now] = "5"
                candles.take(bar(now, volume=str(1 + amount % 5)), "ws")
            case "lost":
                candles.lost()
            case "close":
                now += amount
                candles.close_until(START_MS + now * MIN + 2_000)
            case "verify":
                _verify(candles, volumes, now)
    now += 1
    _verify(candles, volumes, now)
    kept = minutes(candles)
    for minute in range(now):
        assert kept[minute].closed
        assert kept[minute].volume == Decimal(volumes.get(minute, "0")), minute
    assert candles.unverified(START_MS + now * MIN + 2_000) is None


def _verify(candles: MarketCandles, volumes: dict[int, str], now: int) -> None:
    wanted = candles.unverified(START_MS + now * MIN + 2_000)
    if wanted is None:
        return
    first, last = ((time_ms - START_MS) // MIN for time_ms in wanted)
    bars = [bar(minute, volume=volume) for minute, volume in volumes.items() if minute <= last]
    whole = without_gaps(bars, MINUTE, until_ms=wanted[1])
    candles.verify([one for one in whole if one.open_time_ms >= START_MS + first * MIN], wanted[1])


# 2026: clocks change in New York on March 8 and November 1, both at 2 in the morning.
CHANGES_MS = (1_772_953_200_000, 1_793_512_800_000)


def folded_around(change_ms: int) -> dict[str, list[tuple[int, tuple[Decimal, ...]]]]:
    begin_ms = change_ms - DAY_MS
    candles = MarketCandles("BTC-USD", limits={frame.name: 5_000 for frame in TIMEFRAMES})
    first = MINUTE.open_time_ms(begin_ms) - MIN
    flat = Bar(open_time_ms=first, open=Decimal(1), high=Decimal(1), low=Decimal(1), close=Decimal(1))
    candles.take(flat, "ws")
    candles.verify([flat], first)
    for step in range(0, 2 * DAY_MS, 97_000):
        price = Decimal(100 + step // 97_000 % 17)
        candles.trade(begin_ms + step, price, Decimal(1), is_buy=True, provider="ws")
    candles.close_until(begin_ms + 2 * DAY_MS + 2_000)
    return {
        frame.name: [(one.open_time_ms, one.prices) for one in candles.series[frame].newest_first(5_000)]
        for frame in TIMEFRAMES
    }


@pytest.mark.parametrize("change_ms", CHANGES_MS)
@pytest.mark.states("A-B9")
def test_b9_local_clock_changes_make_no_difference(change_ms: int, request: pytest.FixtureRequest) -> None:
    """TZ=America/New_York over both clock changes gives identical candles."""
    in_utc = folded_around(change_ms)
    request.getfixturevalue("new_york")
    assert time.localtime(change_ms / 1000 - 1).tm_isdst != time.localtime(change_ms / 1000 + 1).tm_isdst
    assert folded_around(change_ms) == in_utc
    for name, rows in in_utc.items():
        distances = {later[0] - earlier[0] for later, earlier in pairwise(rows)}
        assert distances == {timeframe(name).length_ms}

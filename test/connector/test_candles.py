"""Candle feeds as Hummingbot uses them: alone, through its factory and provider, live, and through outages."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from decimal import Decimal

import numpy as np
import pytest
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.data_feed.candles_feed.candles_base import CandlesBase
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig, HistoricalCandlesConfig
from hummingbot.data_feed.market_data_provider import MarketDataProvider

from hummingbot_extended.candles.bars import flat_bar
from hummingbot_extended.candles.loader import register_in_process_loader, unregister_in_process_loader
from hummingbot_extended.connector import extended_perpetual_candles as module
from hummingbot_extended.connector.candle_rows import flat_rows, merged, row_of, table_of
from hummingbot_extended.connector.extended_perpetual_candles import (
    ExtendedPerpetualCandles,
    ExtendedPerpetualLocalCandles,
    ExtendedPerpetualTestnetCandles,
)
from hummingbot_extended.connector.extended_perpetual_web_utils import create_throttler
from hummingbot_extended.errors import ApiError, ProtocolError, SequenceGap, SettingsError
from hummingbot_extended.venue.faults import FaultKind
from hummingbot_extended.venue.server import PracticeVenue
from test.connector.market_data import LOCAL, PAIR, Symbols, running_venue, set_fault
from test.until import until

MINUTE_S = 60
OPEN_S = 1_795_219_200
STREAM = "*/v1/candles/*"


@pytest.fixture
async def venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PracticeVenue]:
    async with running_venue(monkeypatch) as venue:
        yield venue


@pytest.fixture
async def feed(venue: PracticeVenue) -> AsyncIterator[ExtendedPerpetualLocalCandles]:
    """A feed of 50 one-minute candles that is ready."""
    feed = ExtendedPerpetualLocalCandles(PAIR, "1m", 50)
    await feed.start_network()
    await until(lambda: feed.ready and feed._is_streaming)
    yield feed
    await feed.stop_network()


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> type[CandlesFactory]:
    monkeypatch.setitem(CandlesFactory._candles_map, LOCAL, ExtendedPerpetualLocalCandles)
    return CandlesFactory


def frame(seq: int, *candles: tuple[int, str, str]) -> str:
    """A stream frame of candles (minutes after OPEN_S, close, volume)."""
    data = [
        {"T": (OPEN_S + minute * MINUTE_S) * 1000, "o": "100", "l": "90", "h": "110", "c": close, "v": volume}
        for minute, close, volume in candles
    ]
    return json.dumps({"data": data, "ts": OPEN_S * 1000, "seq": seq})


def shown(feed: CandlesBase) -> list[tuple[int, float, float]]:
    """Minute, close and volume of each row."""
    return [(round((row[0] - OPEN_S) / MINUTE_S), float(row[4]), float(row[5])) for row in feed._candles]


def assert_equidistant(feed: CandlesBase) -> None:
    times = [row[0] for row in feed._candles]
    assert times == list(np.arange(times[0], times[-1] + 1, feed.interval_in_seconds))


# --- what a feed is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feed_class", "name", "host"),
    [
        (ExtendedPerpetualCandles, "extended_perpetual_BTC-USD", "api.starknet.extended.exchange"),
        (
            ExtendedPerpetualTestnetCandles,
            "extended_perpetual_testnet_BTC-USD",
            "api.starknet.sepolia.extended.exchange",
        ),
        (ExtendedPerpetualLocalCandles, "extended_perpetual_local_BTC-USD", "127.0.0.1:8099"),
    ],
)
async def test_properties_of_each_network(feed_class, name: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXTENDED_PERPETUAL_LOCAL_URL", raising=False)
    feed = feed_class(PAIR, "5m")
    assert feed.name == name
    assert feed.rest_url.endswith(f"//{host}/api/v1")
    assert feed.candles_url == f"{feed.rest_url}/info/candles/BTC-USD/trades"
    assert feed.health_check_url == f"{feed.rest_url}/info/markets/BTC-USD/stats"
    assert feed.wss_url.endswith(f"//{host}/stream.extended.exchange/v1/candles/BTC-USD/trades?interval=PT5M")
    assert feed.candles_endpoint in {limit.limit_id for limit in feed.rate_limits}
    assert feed.candles_max_result_per_rest_request == 1000
    assert feed.get_exchange_trading_pair("SPX500m-USD") == "SPX500m-USD"
    assert feed.ws_subscription_payload() == {}
    assert not feed.ready
    assert repr(feed) == f"<{feed_class.__name__} BTC-USD 5m: 0 candles, not streaming>"


async def test_intervals_are_those_of_the_exchange_and_known_to_hummingbot() -> None:
    feed = ExtendedPerpetualLocalCandles(PAIR)
    assert list(feed.intervals) == ["1m", "5m", "15m", "30m", "1h", "2h", "4h", "1d"]
    for interval in feed.intervals:
        one = ExtendedPerpetualLocalCandles(PAIR, interval)
        assert one.interval_in_seconds == CandlesBase.interval_to_seconds[interval]


@pytest.mark.parametrize("interval", ["1s", "3m", "1w", "1M"])
async def test_another_interval_is_refused_with_those_that_are_offered(interval: str) -> None:
    with pytest.raises(SettingsError, match="choose one of 1m, 5m, 15m, 30m, 1h, 2h, 4h, 1d"):
        ExtendedPerpetualLocalCandles(PAIR, interval)


async def test_check_network(venue: PracticeVenue) -> None:
    feed = ExtendedPerpetualLocalCandles(PAIR)
    assert await feed.check_network() is NetworkStatus.CONNECTED
    set_fault(venue, FaultKind.SERVER_ERROR, "*stats*")
    with pytest.raises(ApiError):
        await feed.check_network()


async def test_attach_connector_shares_its_budget_where_it_is_ours(venue: PracticeVenue) -> None:
    connector = Symbols()
    feed = ExtendedPerpetualLocalCandles(PAIR)
    own = feed._api_factory
    feed.attach_connector(connector)
    assert feed._api_factory is own
    connector.throttler = create_throttler()
    feed.attach_connector(connector)
    assert feed._api_factory.throttler is connector.throttler
    assert (await feed.fetch_candles(end_time=int(time.time()), limit=3)).shape == (3, 10)
    connector.missing.add(PAIR)
    assert (await feed.fetch_candles(end_time=int(time.time()), limit=3)).shape == (3, 10)


# --- history ----------------------------------------------------------------------------------------------------------


async def test_fetch_candles_works_before_start(venue: PracticeVenue) -> None:
    now = int(time.time())
    rows = await ExtendedPerpetualLocalCandles(PAIR).fetch_candles(end_time=now, limit=50)
    assert rows.shape == (50, 10)
    assert rows.dtype == np.float64
    assert rows[-1][0] == now - now % MINUTE_S
    assert (np.diff(rows[:, 0]) == MINUTE_S).all()


async def test_fetch_candles_from_a_start_goes_forward(venue: PracticeVenue) -> None:
    start = int(time.time()) // MINUTE_S * MINUTE_S - 100 * MINUTE_S
    rows = await ExtendedPerpetualLocalCandles(PAIR).fetch_candles(start_time=start, limit=10)
    assert list(rows[:, 0]) == [start + number * MINUTE_S for number in range(10)]


async def test_fetch_candles_needs_a_start_or_an_end(venue: PracticeVenue) -> None:
    with pytest.raises(ValueError, match="Either the start time or end time"):
        await ExtendedPerpetualLocalCandles(PAIR).fetch_candles()


async def test_fetch_candles_of_a_time_without_candles_is_an_empty_table(venue: PracticeVenue) -> None:
    rows = await ExtendedPerpetualLocalCandles(PAIR).fetch_candles(end_time=1_000_000_000, limit=5)
    assert rows.shape == (0, 10)


async def test_get_historical_candles_for_backtesting(venue: PracticeVenue) -> None:
    end = int(time.time()) // MINUTE_S * MINUTE_S
    config = HistoricalCandlesConfig(
        connector_name=LOCAL, trading_pair=PAIR, interval="1m", start_time=end - 2_500 * MINUTE_S, end_time=end
    )
    feed = ExtendedPerpetualLocalCandles(PAIR)
    table = await feed.get_historical_candles(config)
    assert list(table.columns) == CandlesBase.columns
    assert len(table) == 2_501
    assert (table["timestamp"].diff().dropna() == MINUTE_S).all()
    assert not feed._candles


async def test_a_hub_in_this_process_answers_first(venue: PracticeVenue) -> None:
    class Hub:
        name = "hub"

        async def load(self, market, frame, *, limit, start_ms=None, end_ms=None):
            return [flat_bar(OPEN_S * 1000, Decimal(7))]

    hub = Hub()
    register_in_process_loader(hub, LOCAL)
    try:
        rows = await ExtendedPerpetualLocalCandles(PAIR).fetch_candles(end_time=OPEN_S, limit=5)
    finally:
        unregister_in_process_loader(hub, LOCAL)
    assert rows.tolist() == [[OPEN_S, 7, 7, 7, 7, 0, 0, 0, 0, 0]]


# --- Hummingbot's users of feeds --------------------------------------------------------------------------------------


async def test_candles_factory_and_market_data_provider(venue: PracticeVenue, factory: type[CandlesFactory]) -> None:
    config = CandlesConfig(connector=LOCAL, trading_pair=PAIR, interval="1m", max_records=30)
    assert isinstance(factory.get_candle(config), ExtendedPerpetualLocalCandles)
    provider = MarketDataProvider(connectors={})
    provider.initialize_candles_feed(config)
    feed = provider.get_candles_feed(config)
    await until(lambda: feed.ready)
    table = provider.get_candles_df(LOCAL, PAIR, "1m", 20)
    assert len(table) == 20
    assert provider.ready
    feed._candles.clear()
    feed._candles.extend([np.zeros(10)])
    assert isinstance(feed._candles, deque)
    provider.stop_candle_feed(config)
    await until(lambda: feed._listen_candles_task is None)
    await until(lambda: not venue.core.hub.count_by_path())


# --- live -------------------------------------------------------------------------------------------------------------


async def test_history_and_the_running_candle(feed: ExtendedPerpetualLocalCandles) -> None:
    assert len(feed._candles) == 50
    assert_equidistant(feed)
    before = feed.candles_df.iloc[-1]
    await until(lambda: feed.candles_df.iloc[-1]["volume"] > before["volume"])
    assert feed.candles_df.iloc[-1]["timestamp"] - before["timestamp"] in (0, MINUTE_S)


async def test_start_network_twice_keeps_one_stream(venue: PracticeVenue, feed: ExtendedPerpetualLocalCandles) -> None:
    await feed.start_network()
    await until(lambda: feed._is_streaming)
    await until(lambda: list(venue.core.hub.count_by_path().values()) == [1])
    assert len(feed._candles) == 50


async def test_a_dropped_socket_loses_no_candle(venue: PracticeVenue, feed: ExtendedPerpetualLocalCandles) -> None:
    lengths: list[int] = []
    fault = set_fault(venue, FaultKind.CUT, STREAM, count=2)
    await until(lambda: lengths.append(len(feed._candles)) or not feed._is_streaming)
    await until(lambda: lengths.append(len(feed._candles)) or (feed._is_streaming and fault.fired == 2))
    assert set(lengths) == {50}
    assert feed.ready


async def test_rest_keeps_the_last_candle_alive_while_there_is_no_stream(
    venue: PracticeVenue, feed: ExtendedPerpetualLocalCandles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_WITHOUT_STREAM_S", 0.1)
    monkeypatch.setattr(module, "VERIFY_AFTER_S", 0.0)
    set_fault(venue, FaultKind.CUT, STREAM)
    await until(lambda: not feed._is_streaming)
    seen = feed._candles[-1][5]
    await until(lambda: feed._candles[-1][5] > seen or len(feed._candles) > 50)
    assert feed.ready


async def test_what_was_missed_is_loaded_after_an_outage(
    feed: ExtendedPerpetualLocalCandles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERIFY_AFTER_S", 0.0)
    await feed.stop_network()
    complete = [row.tolist() for row in feed._candles]
    for _ in range(10):
        feed._candles.pop()
    await feed.start_network()
    await until(lambda: feed._candles[-1][0] >= complete[-1][0])
    held = {row[0]: row.tolist() for row in feed._candles}
    assert [held[row[0]] for row in complete[-11:-1]] == complete[-11:-1]
    assert_equidistant(feed)


async def test_an_exchange_that_does_not_answer_is_asked_again(
    venue: PracticeVenue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    caplog.set_level(logging.WARNING)
    set_fault(venue, FaultKind.SERVER_ERROR, "*/info/candles/*", count=2)
    feed = ExtendedPerpetualLocalCandles(PAIR, "1m", 20)
    await feed.start_network()
    await until(lambda: feed.ready)
    await feed.stop_network()
    assert caplog.text.count("No BTC-USD 1m candles") == 2
    assert len(feed._candles) == 20


# --- the running candle, message by message ---------------------------------------------------------------------------


@pytest.fixture
async def quiet() -> ExtendedPerpetualLocalCandles:
    """A feed that is given its messages by hand."""
    return ExtendedPerpetualLocalCandles(PAIR, "1m", 5)


async def test_the_running_candle_is_replaced_in_place(quiet: ExtendedPerpetualLocalCandles) -> None:
    quiet._handle(frame(1, (0, "100", "1")))
    quiet._handle(frame(2, (0, "101", "2")))
    assert shown(quiet) == [(0, 101.0, 2.0)]
    assert not quiet._history_wanted.is_set()


async def test_a_new_candle_is_appended_and_has_the_closed_one_checked(quiet: ExtendedPerpetualLocalCandles) -> None:
    quiet._handle(frame(1, (0, "100", "1")))
    quiet._handle(frame(2, (1, "101", "2")))
    assert shown(quiet) == [(0, 100.0, 1.0), (1, 101.0, 2.0)]
    assert quiet._history_wanted.is_set()


async def test_a_candle_after_a_hole_waits_for_rest(quiet: ExtendedPerpetualLocalCandles) -> None:
    quiet._handle(frame(1, (0, "100", "1")))
    quiet._handle(frame(2, (3, "101", "2")))
    assert shown(quiet) == [(0, 100.0, 1.0)]
    assert quiet._history_wanted.is_set()


async def test_times_for_which_rest_has_no_trades_become_flat_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the last ones, or the next message of the stream would find a hole again."""
    now_s = int(time.time()) // MINUTE_S * MINUTE_S

    class Hub:
        name = "hub"

        async def load(self, market, frame, *, limit, start_ms=None, end_ms=None):
            return [flat_bar((now_s - 3 * MINUTE_S) * 1000, Decimal(7))]

    hub = Hub()
    register_in_process_loader(hub, LOCAL)
    try:
        feed = ExtendedPerpetualLocalCandles(PAIR, "1m", 5)
        await feed._load_history()
    finally:
        unregister_in_process_loader(hub, LOCAL)
    assert [row[4] for row in feed._candles][:3] == [7, 7, 7]
    assert feed._candles[-1][0] >= now_s - MINUTE_S
    assert_equidistant(feed)


async def test_an_earlier_candle_is_corrected_in_place_and_one_too_old_is_left_alone(
    quiet: ExtendedPerpetualLocalCandles,
) -> None:
    quiet._handle(frame(1, (0, "100", "1"), (1, "101", "2")))
    quiet._handle(frame(2, (0, "99", "5")))
    quiet._handle(frame(3, (-7, "1", "1")))
    assert shown(quiet) == [(0, 99.0, 5.0), (1, 101.0, 2.0)]


async def test_the_deque_never_outgrows_max_records(quiet: ExtendedPerpetualLocalCandles) -> None:
    held = quiet._candles
    for minute in range(20):
        quiet._handle(frame(minute + 1, (minute, "100", "1")))
    assert [minute for minute, *_ in shown(quiet)] == [15, 16, 17, 18, 19]
    assert quiet._candles is held


@pytest.mark.parametrize("raw", [frame(3, (0, "1", "1")), "nonsense", '{"data":7,"ts":1,"seq":2}'])
async def test_a_gap_or_garbage_reconnects(quiet: ExtendedPerpetualLocalCandles, raw: str) -> None:
    quiet._handle(frame(1, (0, "100", "1")))
    with pytest.raises(ProtocolError) as caught:
        quiet._handle(raw)
    assert isinstance(caught.value, SequenceGap) or "seq" not in str(type(caught.value))
    assert shown(quiet) == [(0, 100.0, 1.0)]


async def test_parse_rest_candles_and_websocket_message(quiet: ExtendedPerpetualLocalCandles) -> None:
    data = json.loads(frame(1, (2, "102", "3"), (0, "100", "1")))
    rows = quiet._parse_rest_candles(data)
    assert [(row[0], row[4], row[5]) for row in rows] == [
        (OPEN_S, 100.0, 1.0),
        (OPEN_S + 60, 100.0, 0.0),
        (OPEN_S + 120, 102.0, 3.0),
    ]
    assert len(quiet._parse_rest_candles(data, end_time=OPEN_S)) == 1
    newest = quiet._parse_websocket_message(data)
    assert (newest["timestamp"], newest["close"], newest["volume"]) == (OPEN_S + 120, 102.0, 3.0)
    assert quiet._parse_websocket_message({"data": []}) is None
    assert quiet._get_rest_candles_params(end_time=OPEN_S) == {
        "interval": "PT1M",
        "limit": 1000,
        "endTime": OPEN_S * 1000,
    }
    assert quiet._get_rest_candles_params(limit=3) == {"interval": "PT1M", "limit": 3}


# --- rows -------------------------------------------------------------------------------------------------------------


def rows(*bars: tuple[int, int]) -> list[np.ndarray]:
    return [row_of(flat_bar(minute * 60_000, Decimal(price))) for minute, price in bars]


async def test_merged_lets_rest_correct_what_is_closed_and_the_stream_know_the_rest(quiet) -> None:
    result = merged(rows((1, 10), (2, 20), (3, 30)), rows((0, 5), (2, 21), (3, 31)), quiet._frame, final_before_s=180)
    assert [(row[0] / 60, row[4]) for row in result] == [(0, 5), (1, 10), (2, 21), (3, 30)]


async def test_merged_fills_what_neither_has(quiet) -> None:
    result = merged(rows((1, 10)), rows((4, 40)), quiet._frame, final_before_s=0)
    assert [(row[0] / 60, row[4]) for row in result] == [(1, 10), (2, 10), (3, 10), (4, 40)]


async def test_table_of_nothing_has_ten_columns(quiet) -> None:
    assert table_of([]).shape == (0, 10)
    assert flat_rows(rows((1, 10))[0], 120, quiet._frame) == []


async def test_stopping_waits_for_the_end_of_the_stream(venue: PracticeVenue) -> None:
    feed = ExtendedPerpetualLocalCandles(PAIR, "1m", 5)
    await feed.stop_network()
    await feed.start_network()
    await until(lambda: feed._is_streaming)
    task = feed._listen_candles_task
    async with asyncio.timeout(30):
        await feed.stop_network()
    assert task is not None
    assert task.cancelled()
    assert len(feed._candles) > 0

"""The tracker over real sockets: what strategies see while the venue makes trouble."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator

import pytest
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.event.event_listener import EventListener
from hummingbot.core.event.events import OrderBookEvent, OrderBookTradeEvent

from hummingbot_extended.connector import market_streams, order_book_tracker, staleness
from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
    NOT_SUBSCRIBED,
    ExtendedPerpetualAPIOrderBookDataSource,
)
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory
from hummingbot_extended.connector.order_book_tracker import ExtendedOrderBookTracker
from hummingbot_extended.venue.faults import FaultKind
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.connector.market_data import LOCAL, PAIR, Symbols, running_venue, set_fault
from test.until import until

BOOKS = "*/orderbooks/*"
OTHER = "ETH-USD"


class Trades(EventListener):
    """Collects the trade events of an order book, as strategies do."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[OrderBookTradeEvent] = []

    def __call__(self, event: OrderBookTradeEvent) -> None:
        self.events.append(event)


def make_tracker(pairs: list[str]) -> ExtendedOrderBookTracker:
    source = ExtendedPerpetualAPIOrderBookDataSource(pairs, Symbols(), build_api_factory(), LOCAL)
    return ExtendedOrderBookTracker(source, pairs, LOCAL)


@pytest.fixture
async def venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PracticeVenue]:
    async with running_venue(monkeypatch) as venue:
        yield venue


@pytest.fixture
async def tracker(venue: PracticeVenue) -> AsyncIterator[ExtendedOrderBookTracker]:
    """A tracker that is ready for one pair."""
    tracker = make_tracker([PAIR])
    tracker.start()
    await until(lambda: tracker.ready)
    yield tracker
    tracker.stop()
    async with asyncio.timeout(30):
        await tracker.wait_stopped()
    assert not tracker._running


def deltas(tracker: ExtendedOrderBookTracker) -> int:
    return tracker.data_source.streams(PAIR).book.deltas


async def test_ready_from_the_first_snapshots_on(venue: PracticeVenue) -> None:
    tracker = make_tracker([PAIR, OTHER])
    assert not tracker.ready
    assert tracker.broken_reason(PAIR) == NOT_SUBSCRIBED
    tracker.start()
    assert not tracker.ready
    await until(lambda: tracker.ready)
    assert set(tracker.order_books) == {PAIR, OTHER}
    assert repr(tracker).startswith("<ExtendedOrderBookTracker ready ")
    assert tracker.snapshot[PAIR][0].shape[0] > 0
    tracker.stop()
    assert not tracker.ready
    await tracker.wait_stopped()
    await until(lambda: not venue.core.hub.count_by_path())


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (FaultKind.CUT, {}),
        (FaultKind.CUT, {"value": 1013}),
        (FaultKind.GAP, {}),
        (FaultKind.DUPLICATE, {}),
        (FaultKind.REORDER, {}),
        (FaultKind.GARBAGE, {}),
    ],
)
async def test_a_fault_of_the_book_stream_breaks_the_book_and_heals(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker, kind: FaultKind, more: dict[str, float]
) -> None:
    await until(lambda: deltas(tracker) > 3)
    book = tracker.order_books[PAIR]
    uid = book.last_diff_uid
    feed = tracker.data_source.streams(PAIR).book
    fault = set_fault(venue, kind, BOOKS, count=1, **more)
    await until(lambda: not tracker.ready)
    assert tracker.broken_reason(PAIR)
    await until(lambda: tracker.ready)
    assert (fault.fired, feed.breaks) == (1, 1)
    assert tracker.order_books[PAIR] is book
    assert book.snapshot_uid > uid
    seen = deltas(tracker)
    await until(lambda: deltas(tracker) > seen)


async def test_a_broken_book_is_frozen_and_the_other_pairs_is_not(venue: PracticeVenue) -> None:
    tracker = make_tracker([PAIR, OTHER])
    tracker.start()
    await until(lambda: tracker.ready)
    fault = set_fault(venue, FaultKind.CUT, f"{BOOKS[:-1]}{PAIR}")
    await until(lambda: tracker.broken_reason(PAIR))
    uid = tracker.order_books[PAIR].last_diff_uid
    other = tracker.order_books[OTHER].last_diff_uid
    await until(lambda: tracker.order_books[OTHER].last_diff_uid > other)
    assert tracker.broken_reason(OTHER) is None
    assert not tracker.ready
    assert tracker.order_books[PAIR].last_diff_uid == uid
    venue.faults.remove(fault.id)
    await until(lambda: tracker.ready)
    tracker.stop()
    await tracker.wait_stopped()


async def test_a_stalled_stream_that_answers_pings_breaks_the_book(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staleness, "SHORTEST_S", 0.5)
    monkeypatch.setattr(staleness, "FACTOR", 1.5)
    await until(lambda: deltas(tracker) > staleness.WARM_UP_MESSAGES)
    set_fault(venue, FaultKind.STALL, BOOKS, count=1, value=600)
    await until(lambda: "no data for" in str(tracker.broken_reason(PAIR)))
    assert not tracker.ready
    await until(lambda: tracker.ready)
    assert tracker.data_source.streams(PAIR).supervisors[0].generation == 2


@pytest.mark.parametrize(
    ("path", "name", "number"),
    [("*publicTrades*", "TRADES_SILENCE_S", 1), ("*prices/mark*", "PRICE_SILENCE_S", 3)],
)
async def test_a_silent_stream_of_trades_or_prices_is_opened_anew(
    venue: PracticeVenue,
    tracker: ExtendedOrderBookTracker,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    name: str,
    number: int,
) -> None:
    supervisor = tracker.data_source.streams(PAIR).supervisors[number]
    await until(lambda: supervisor.stats.messages > 1)
    set_fault(venue, FaultKind.STALL, path, count=1, value=600)
    monkeypatch.setattr(market_streams, name, 0.3)
    await until(lambda: supervisor.generation > 1)
    assert tracker.broken_reason(PAIR) is None


async def test_trade_events_reach_listeners_once_and_history_does_not(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker
) -> None:
    book = tracker.order_books[PAIR]
    await until(lambda: not math.isnan(book.last_trade_price))
    trades = Trades()
    book.add_listener(OrderBookEvent.TradeEvent, trades)
    set_fault(venue, FaultKind.CUT, "*publicTrades*", count=1, after=3)
    supervisor = tracker.data_source.streams(PAIR).supervisors[1]
    await until(lambda: supervisor.generation == 2 and supervisor.is_connected)
    count = len(trades.events)
    await until(lambda: len(trades.events) > count + 3)
    ids = [event.trade_id for event in trades.events]
    assert len(set(ids)) == len(ids)
    public = {str(trade.id): trade for trade in venue.engine.queries.public_trades(PAIR, 1000)}
    first = min(public[trade_id].id for trade_id in ids)
    missed = {str(trade.id) for trade in public.values() if first <= trade.id <= int(ids[-1])} - set(ids)
    assert not missed, "a trade of the outage is reported from the replay"
    assert book.last_trade_price == trades.events[-1].price
    assert trades.events[-1].trading_pair == PAIR


async def test_add_trading_pair_and_remove_trading_pair_while_running(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker
) -> None:
    assert await tracker.add_trading_pair(OTHER) is True
    assert tracker.order_books[OTHER].get_price(True) > 0
    assert tracker.ready
    assert await tracker.add_trading_pair(OTHER) is False
    assert await tracker.remove_trading_pair(OTHER) is True
    assert set(tracker.order_books) == {PAIR}
    assert await tracker.remove_trading_pair(OTHER) is False
    await until(lambda: not [path for path in venue.core.hub.count_by_path() if OTHER in str(path)])
    assert tracker.ready
    assert tracker._trading_pairs == [PAIR]
    assert await tracker.add_trading_pair(OTHER) is True


async def test_add_trading_pair_that_gets_no_book_changes_nothing(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_book_tracker, "FIRST_SNAPSHOT_TIMEOUT_S", 0.3)
    set_fault(venue, FaultKind.CUT, f"{BOOKS[:-1]}{OTHER}")
    assert await tracker.add_trading_pair(OTHER) is False
    assert set(tracker.order_books) == {PAIR}
    assert tracker.ready


async def test_add_trading_pair_needs_running_streams(venue: PracticeVenue) -> None:
    assert await make_tracker([PAIR]).add_trading_pair(OTHER) is False


async def test_a_restart_keeps_the_order_book_that_strategies_hold(
    venue: PracticeVenue, tracker: ExtendedOrderBookTracker
) -> None:
    book = tracker.order_books[PAIR]
    uid = book.last_diff_uid
    tracker.start()
    assert not tracker.ready
    await until(lambda: tracker.ready)
    assert tracker.order_books[PAIR] is book
    assert book.snapshot_uid > uid
    await until(lambda: len(venue.core.hub.count_by_path()) == 5)


async def test_last_trade_prices_come_from_rest_where_nothing_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_venue(monkeypatch, VenueSettings(port=0, makers=False)) as venue:
        refused = set_fault(venue, FaultKind.SERVER_ERROR, "*stats*", count=1)
        monkeypatch.setattr(order_book_tracker, "LAST_PRICE_INTERVAL_S", 0.01)
        tracker = make_tracker([PAIR])
        tracker.start()
        await until(lambda: tracker.ready)
        await until(lambda: tracker.order_books[PAIR].last_trade_price > 0)
        assert refused.fired == 1
        tracker.stop()
        await tracker.wait_stopped()


async def test_metrics_count_what_was_applied(tracker: ExtendedOrderBookTracker) -> None:
    await until(lambda: deltas(tracker) > 3)
    metrics = tracker.metrics
    assert metrics.total_snapshots_processed == 1
    assert metrics.total_diffs_processed == deltas(tracker)
    assert metrics.to_dict()["per_pair_metrics"][PAIR]["diffs_processed"] == deltas(tracker)
    tracker.stop()
    await tracker.wait_stopped()
    assert tracker.metrics.total_diffs_processed == 0


async def test_a_task_that_fails_is_told_and_leaves_the_tracker_not_ready(
    venue: PracticeVenue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object) -> str:
        raise LookupError("a defect")

    caplog.set_level(logging.ERROR)
    tracker = make_tracker([PAIR])
    monkeypatch.setattr(market_streams, "trades_path", broken)
    tracker.start()
    await until(lambda: "market data' failed" in caplog.text)
    assert not tracker.ready
    assert tracker.broken_reason(PAIR) == NOT_SUBSCRIBED
    tracker.stop()
    await tracker.wait_stopped()


async def test_hummingbots_own_tracker_shows_the_same_live_books(venue: PracticeVenue) -> None:
    """ExchangePyBase makes one before ours takes its place; whoever kept it would still see the truth."""
    from hummingbot.core.data_type.order_book_tracker import OrderBookTracker

    source = ExtendedPerpetualAPIOrderBookDataSource([PAIR], Symbols(), build_api_factory(), LOCAL)
    stock = OrderBookTracker(source, [PAIR], LOCAL)
    stock.start()
    await until(lambda: PAIR in stock.order_books)
    book: OrderBook = stock.order_books[PAIR]
    assert book is source.streams(PAIR).order_book
    uid = book.last_diff_uid
    await until(lambda: book.last_diff_uid > uid)
    stock.stop()
    await until(lambda: not source.is_running)

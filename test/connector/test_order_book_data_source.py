"""The data source as Hummingbot uses it: names of the tests as upstream's, sockets and venue real."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.funding_info import FundingInfoUpdate
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType

from hummingbot_extended.connector import extended_perpetual_api_order_book_data_source as module
from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
    NOT_SUBSCRIBED,
    ExtendedPerpetualAPIOrderBookDataSource,
)
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory
from hummingbot_extended.errors import ApiError, MalformedMessage
from hummingbot_extended.venue.faults import FaultKind
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.connector.market_data import (
    LOCAL,
    PAIR,
    Symbols,
    book_frame,
    funding_frame,
    price_frame,
    running_venue,
    set_fault,
    trades_frame,
)
from test.until import until


@pytest.fixture
async def venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PracticeVenue]:
    async with running_venue(monkeypatch) as venue:
        yield venue


@pytest.fixture
def symbols() -> Symbols:
    return Symbols()


@pytest.fixture
def source(symbols: Symbols, request: pytest.FixtureRequest) -> ExtendedPerpetualAPIOrderBookDataSource:
    return ExtendedPerpetualAPIOrderBookDataSource([PAIR], symbols, build_api_factory(), LOCAL)


@pytest.fixture
async def running(venue: PracticeVenue, source) -> AsyncIterator[ExtendedPerpetualAPIOrderBookDataSource]:
    """A data source whose streams run at the venue."""
    task = asyncio.create_task(source.listen_for_subscriptions())
    yield source
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not source.is_running


@pytest.fixture
def no_funding_stream(venue: PracticeVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FUNDING_REFRESH_S", 0.05)
    set_fault(venue, FaultKind.CUT, "*/v1/funding/*")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    return caplog


# --- REST -------------------------------------------------------------------------------------------------------------


async def test_get_new_order_book_successful(venue: PracticeVenue, source) -> None:
    book = await source.get_new_order_book(PAIR)
    bids, asks = list(book.bid_entries()), list(book.ask_entries())
    assert bids
    assert asks
    assert bids[0].price < asks[0].price
    assert book.snapshot_uid == 1


async def test_get_new_order_book_raises_exception(venue: PracticeVenue, source) -> None:
    set_fault(venue, FaultKind.SERVER_ERROR, "*orderbook*")
    with pytest.raises(ApiError):
        await source.get_new_order_book(PAIR)


async def test_get_new_order_book_of_a_running_stream_is_the_live_book(running) -> None:
    await until(lambda: running._tasks)
    book = await running.get_new_order_book(PAIR)
    assert book is running.streams(PAIR).order_book
    assert book is await running.wait_live(PAIR)


async def test_get_last_traded_prices(venue: PracticeVenue, source) -> None:
    prices = await source.get_last_traded_prices(trading_pairs=[PAIR, "ETH-USD"], domain=LOCAL)
    assert set(prices) == {PAIR, "ETH-USD"}
    assert all(isinstance(price, float) and price > 0 for price in prices.values())


async def test_get_funding_info(venue: PracticeVenue, source) -> None:
    info = await source.get_funding_info(PAIR)
    assert info.trading_pair == PAIR
    assert info.mark_price > 0
    assert info.index_price > 0
    assert isinstance(info.rate, Decimal)
    assert time.time() < info.next_funding_utc_timestamp <= time.time() + 3600


async def test_get_funding_info_raises_exception(venue: PracticeVenue, source) -> None:
    set_fault(venue, FaultKind.SERVER_ERROR, "*stats*")
    with pytest.raises(ApiError):
        await source.get_funding_info(PAIR)


# --- Hummingbot's queues ----------------------------------------------------------------------------------------------

EVENTS = {
    "trade": json.loads(trades_frame(1, 7, side="SELL")),
    "order_book_diff": json.loads(book_frame("DELTA", 2, [("100", "2")], [("101", "0")])),
    "order_book_snapshot": json.loads(book_frame("SNAPSHOT", 1, [("100", "1")], [("101", "3")])),
    "funding_info": funding_frame("0.00002"),
}
LISTENERS = {
    "trade": "listen_for_trades",
    "order_book_diff": "listen_for_order_book_diffs",
    "order_book_snapshot": "listen_for_order_book_snapshots",
    "funding_info": "listen_for_funding_info",
}
CHANNELS = pytest.mark.parametrize("channel", sorted(EVENTS))


async def heard(source: ExtendedPerpetualAPIOrderBookDataSource, channel: str, *events: Any) -> Any:
    """What the channel's listener puts out for the events, the first that comes."""
    output: asyncio.Queue[Any] = asyncio.Queue()
    for event in events:
        source._message_queue[channel].put_nowait(event)
    listen = getattr(source, LISTENERS[channel])
    arguments = (output,) if channel == "funding_info" else (asyncio.get_running_loop(), output)
    task = asyncio.create_task(listen(*arguments))
    try:
        async with asyncio.timeout(30):
            return await output.get()
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_listen_for_trades_successful(source) -> None:
    message: OrderBookMessage = await heard(source, "trade", EVENTS["trade"])
    assert message.type is OrderBookMessageType.TRADE
    assert message.trading_pair == PAIR
    assert message.trade_id == "7"
    assert message.content["trade_type"] == float(TradeType.SELL.value)
    assert (message.content["price"], message.content["amount"]) == (Decimal("100.5"), Decimal("0.25"))
    assert message.timestamp == 1_795_219_200.007


async def test_listen_for_order_book_diffs_successful(source) -> None:
    message: OrderBookMessage = await heard(source, "order_book_diff", EVENTS["order_book_diff"])
    assert message.type is OrderBookMessageType.DIFF
    assert [(row.price, row.amount) for row in message.bids] == [(100.0, 2.0)]
    assert [(row.price, row.amount) for row in message.asks] == [(101.0, 0.0)]
    assert message.update_id == 1


async def test_listen_for_order_book_snapshots_successful(source) -> None:
    message: OrderBookMessage = await heard(source, "order_book_snapshot", EVENTS["order_book_snapshot"])
    assert message.type is OrderBookMessageType.SNAPSHOT
    assert [(row.price, row.amount) for row in message.bids] == [(100.0, 1.0)]
    assert message.timestamp == 1_795_219_200.001


async def test_listen_for_funding_info_successful(source) -> None:
    update: FundingInfoUpdate = await heard(source, "funding_info", EVENTS["funding_info"])
    assert (update.trading_pair, update.rate) == (PAIR, Decimal("0.00002"))
    assert update.next_funding_utc_timestamp == (1_795_219_250 // 3600 + 1) * 3600


@pytest.mark.parametrize(("kind", "field"), [("MP", "mark_price"), ("IP", "index_price")])
async def test_listen_for_funding_info_takes_mark_and_index_prices(source, kind: str, field: str) -> None:
    update = await heard(source, "funding_info", price_frame(kind, "84075.123456789"))
    assert getattr(update, field) == Decimal("84075.123456789")


@CHANNELS
async def test_listen_for_messages_logs_what_is_wrong_and_goes_on(source, log, channel: str) -> None:
    wrong = price_frame("MP", "1", market="?") if channel == "funding_info" else {"data": "?"}
    source._connector.missing.add("?")
    assert await heard(source, channel, wrong, EVENTS[channel])
    assert "Unexpected error when processing public" in log.text


@CHANNELS
async def test_channel_originating_message_identifies_the_channel(source, channel: str) -> None:
    assert source._channel_originating_message(event_message=EVENTS[channel]) == channel


@pytest.mark.parametrize("event", [{}, {"data": []}, {"data": [{"T": 1, "o": "1"}]}, {"type": "ORDER", "data": {}}])
async def test_channel_originating_message_of_something_else_is_no_channel(source, event: dict[str, Any]) -> None:
    assert source._channel_originating_message(event_message=event) == ""


@pytest.mark.parametrize(("kind", "channel"), [("MP", "funding_info"), ("PRICES.IP", "funding_info")])
async def test_channel_originating_message_of_prices(source, kind: str, channel: str) -> None:
    assert source._channel_originating_message(event_message=price_frame(kind, "1")) == channel


async def test_parse_order_book_diff_message_refuses_changes_without_totals(source) -> None:
    event = json.loads(book_frame("DELTA", 2, [("100", "2")], []))
    del event["data"]["b"][0]["c"]
    with pytest.raises(MalformedMessage, match="without its total size"):
        await source._parse_order_book_diff_message(raw_message=event, message_queue=asyncio.Queue())


async def test_funding_news_are_conflated_by_kind_and_pair(source) -> None:
    queue = source._message_queue["funding_info"]
    for seq in range(100):
        queue.put_nowait(price_frame("MP", str(seq + 1), seq=seq))
        queue.put_nowait(price_frame("IP", "5", seq=seq))
        queue.put_nowait(funding_frame("0.1", seq=seq))
        queue.put_nowait(FundingInfoUpdate(PAIR, rate=Decimal(seq)))
    assert queue.qsize() == 4
    assert (await heard(source, "funding_info")).mark_price == 100


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_listen_for_subscriptions_keeps_the_book_as_the_venue_has_it(venue: PracticeVenue, running) -> None:
    book = await running.wait_live(PAIR)
    assert running.broken_reason(PAIR) is None
    streams = running.streams(PAIR)
    await until(lambda: streams.book.deltas > 5)
    venue.core.paused = True
    await until(lambda: levels(book) == venue_levels(venue))
    assert repr(running) == f"<ExtendedPerpetualAPIOrderBookDataSource {LOCAL}: 1 markets, broken: none>"


def levels(book: OrderBook) -> tuple[dict[float, float], dict[float, float]]:
    bids = {row.price: row.amount for row in book.bid_entries()}
    return bids, {row.price: row.amount for row in book.ask_entries()}


def venue_levels(venue: PracticeVenue) -> tuple[dict[float, float], dict[float, float]]:
    sides = venue.engine.queries.book(PAIR)
    bids, asks = ({float(price): float(size) for price, size in side} for side in sides)
    return bids, asks


async def test_listen_for_subscriptions_feeds_funding_info(running) -> None:
    output: asyncio.Queue[FundingInfoUpdate] = asyncio.Queue()
    task = asyncio.create_task(running.listen_for_funding_info(output))
    seen: set[str] = set()
    async with asyncio.timeout(30):
        while seen != {"mark_price", "index_price", "rate"}:
            update = await output.get()
            seen |= {name for name in ("mark_price", "index_price", "rate") if getattr(update, name) is not None}
    task.cancel()
    await asyncio.wait([task])
    assert running.mark_price(PAIR) == running.streams(PAIR).prices.mark_price


async def test_mark_price_is_none_while_its_stream_is_down(venue: PracticeVenue, running) -> None:
    assert running.mark_price("ETH-USD") is None
    await until(lambda: running.mark_price(PAIR))
    fault = set_fault(venue, FaultKind.CUT, "*prices/mark*")
    await until(lambda: running.mark_price(PAIR) is None)
    assert running.streams(PAIR).prices.mark_price is not None, "Hummingbot's funding info keeps the last one"
    venue.faults.remove(fault.id)
    await until(lambda: running.mark_price(PAIR))


async def test_next_funding_time_is_asked_for_once_it_has_passed(
    no_funding_stream: None, venue: PracticeVenue, running
) -> None:
    """And asked again where the exchange does not answer, or answers with the time that has passed."""
    await running.wait_live(PAIR)
    prices = running.streams(PAIR).prices
    expected = (await running.get_funding_info(PAIR)).next_funding_utc_timestamp
    refused = set_fault(venue, FaultKind.SERVER_ERROR, "*stats*", count=2)
    prices.next_funding_s = 1
    output: asyncio.Queue[FundingInfoUpdate] = asyncio.Queue()
    task = asyncio.create_task(running.listen_for_funding_info(output))
    await until(lambda: prices.next_funding_s == expected)
    assert refused.fired == 2
    async with asyncio.timeout(30):
        while (await output.get()).next_funding_utc_timestamp != expected:
            pass
    task.cancel()
    await asyncio.wait([task])


async def test_subscribe_to_trading_pair_successful(running) -> None:
    await running.wait_live(PAIR)
    assert running.broken_reason("ETH-USD") == NOT_SUBSCRIBED
    assert await running.subscribe_to_trading_pair(trading_pair="ETH-USD") is True
    await running.wait_live("ETH-USD")
    assert running.broken_reason("ETH-USD") is None
    assert "ETH-USD" in running._trading_pairs


async def test_subscribe_to_trading_pair_twice_opens_nothing_more(venue: PracticeVenue, running) -> None:
    await running.wait_live(PAIR)
    await until(lambda: sum(venue.core.hub.count_by_path().values()) == 5)
    assert await running.subscribe_to_trading_pair(trading_pair=PAIR) is True
    await asyncio.sleep(0.1)
    assert sum(venue.core.hub.count_by_path().values()) == 5


async def test_subscribe_to_trading_pair_websocket_not_connected(source, log) -> None:
    assert await source.subscribe_to_trading_pair(trading_pair="ETH-USD") is False
    assert "Cannot subscribe to ETH-USD: the streams are not running" in log.text


async def test_unsubscribe_from_trading_pair_successful(venue: PracticeVenue, running) -> None:
    await running.wait_live(PAIR)
    await until(lambda: sum(venue.core.hub.count_by_path().values()) == 5)
    assert await running.unsubscribe_from_trading_pair(trading_pair=PAIR) is True
    await until(lambda: not venue.core.hub.count_by_path())
    assert running.streams(PAIR) is None
    assert running.broken_reason(PAIR) == NOT_SUBSCRIBED
    assert running._trading_pairs == []


async def test_unsubscribe_from_trading_pair_websocket_not_connected(source, log) -> None:
    assert await source.unsubscribe_from_trading_pair(trading_pair="ETH-USD") is False
    assert "Cannot unsubscribe from ETH-USD" in log.text


async def test_a_pair_whose_symbol_is_not_known_yet_is_waited_for(
    venue: PracticeVenue, source, symbols: Symbols, log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYMBOL_RETRY_S", 0.01)
    symbols.missing.add(PAIR)
    task = asyncio.create_task(source.listen_for_subscriptions())
    await until(lambda: f"No market for {PAIR} yet" in log.text)
    assert source.broken_reason(PAIR) == NOT_SUBSCRIBED
    symbols.missing.clear()
    await source.wait_live(PAIR)
    task.cancel()
    await asyncio.wait([task])
    assert log.text.count(f"No market for {PAIR} yet") == 1


@pytest.mark.slow
async def test_twenty_pairs_at_once(monkeypatch: pytest.MonkeyPatch, symbols: Symbols) -> None:
    """Twenty names for the venue's four markets: a hundred sockets, all live, all closed in the end."""
    pairs = [f"{number}-{market}" for number in range(5) for market in ("BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD")]
    monkeypatch.setattr(Symbols, "exchange_symbol_associated_to_pair", _without_number)
    async with running_venue(monkeypatch) as venue:
        source = ExtendedPerpetualAPIOrderBookDataSource(list(pairs), symbols, build_api_factory(), LOCAL)
        task = asyncio.create_task(source.listen_for_subscriptions())
        async with asyncio.timeout(30):
            await asyncio.gather(*(source.wait_live(pair) for pair in pairs))
        assert sum(venue.core.hub.count_by_path().values()) <= 80, "books are opened before the rest"
        await until(lambda: sum(venue.core.hub.count_by_path().values()) == 100)
        assert all(source.broken_reason(pair) is None for pair in pairs)
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: not venue.core.hub.count_by_path())


async def _without_number(_symbols: Symbols, trading_pair: str) -> str:
    return trading_pair.partition("-")[2]


async def test_streams_over_sse_through_a_relay(monkeypatch: pytest.MonkeyPatch, symbols: Symbols) -> None:
    from hummingbot_extended.connector.transport import stream_transports

    async with running_venue(monkeypatch, VenueSettings(port=0)) as venue:
        monkeypatch.setenv("EXTENDED_PERPETUAL_STREAM_URL", venue.stream_url.replace("ws", "http", 1))
        factory = build_api_factory()
        source = ExtendedPerpetualAPIOrderBookDataSource(
            [PAIR], symbols, factory, LOCAL, transports=stream_transports(factory, "sse", url=venue.stream_url)
        )
        task = asyncio.create_task(source.listen_for_subscriptions())
        await source.wait_live(PAIR)
        streams = source.streams(PAIR)
        await until(lambda: streams.book.deltas > 3)
        assert {supervisor.transport_name for supervisor in streams.supervisors} == {"sse"}
        task.cancel()
        await asyncio.wait([task])


async def test_streams_of_a_market_that_have_failed_are_opened_again(
    monkeypatch: pytest.MonkeyPatch, symbols: Symbols, log
) -> None:
    """HTTP 204 ends an event stream for good; a proxy may answer so for a while."""
    from hummingbot_extended.connector.transport import stream_transports

    monkeypatch.setattr(module, "RESTART_AFTER_S", 0.01)

    async def answer(request: web.Request) -> web.StreamResponse:
        requests.append(request.path)
        if len(requests) <= 2:
            return web.Response(status=204)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if "orderbooks" in request.path:
            snapshot = book_frame("SNAPSHOT", 1, [("100", "1")], [("101", "3")])
            await response.write(f"data: {snapshot}\n\n".encode())
        await until(lambda: request.transport is None or request.transport.is_closing())
        return response

    requests: list[str] = []
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    async with running_venue(monkeypatch, VenueSettings(port=0)):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        relay = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        monkeypatch.setenv("EXTENDED_PERPETUAL_STREAM_URL", relay)
        factory = build_api_factory()
        source = ExtendedPerpetualAPIOrderBookDataSource(
            [PAIR], symbols, factory, LOCAL, transports=stream_transports(factory, "sse", url=relay)
        )
        task = asyncio.create_task(source.listen_for_subscriptions())
        await source.wait_live(PAIR)
        assert source.broken_reason(PAIR) is None
        assert log.text.count(f"The market data of {PAIR} failed") == 2
        task.cancel()
        await asyncio.wait([task])
        await runner.cleanup()


async def test_all_streams_of_two_markets_are_topics_of_one_socket(venue: PracticeVenue, symbols: Symbols) -> None:
    source = ExtendedPerpetualAPIOrderBookDataSource(
        [PAIR, "ETH-USD"], symbols, build_api_factory(), LOCAL, use_rpc=True
    )
    task = asyncio.create_task(source.listen_for_subscriptions())
    for pair in (PAIR, "ETH-USD"):
        await source.wait_live(pair)
        streams = source.streams(pair)
        await until(lambda streams=streams: all(stream.is_connected for stream in streams.supervisors))
        await until(lambda streams=streams: streams.book.deltas > 3 and streams.mark_price is not None)
        assert {stream.transport_name for stream in streams.supervisors} == {"rpc"}
    (connection,) = venue.core.hub.connections
    assert connection.path.endswith("/v2/rpc")
    set_fault(venue, FaultKind.CUT, "*rpc*", count=1)
    for pair in (PAIR, "ETH-USD"):
        await until(lambda pair=pair: all(stream.generation > 1 for stream in source.streams(pair).supervisors))
        await until(lambda pair=pair: source.broken_reason(pair) is None)
    task.cancel()
    await asyncio.wait([task])
    await until(lambda: not venue.core.hub.count_by_path())


async def test_streams_of_a_host_without_v2_are_read_over_v1(
    venue: PracticeVenue, symbols: Symbols, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "rpc_url", lambda domain: venue.rpc_url.replace("/v2/", "/v3/"))
    source = ExtendedPerpetualAPIOrderBookDataSource([PAIR], symbols, build_api_factory(), LOCAL, use_rpc=True)
    task = asyncio.create_task(source.listen_for_subscriptions())
    await source.wait_live(PAIR)
    streams = source.streams(PAIR)
    await until(lambda: streams.book.deltas > 3)
    assert {stream.transport_name for stream in streams.supervisors if stream.is_connected} == {"websocket"}
    task.cancel()
    await asyncio.wait([task])

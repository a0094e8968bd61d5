"""The client against a practice venue: M15–M21 of the statements on streams, transports, limits, a clean end."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from hummingbot_extended.client import Book, ExtendedClient, Funding, MarkPrice, Quote, Trade
from hummingbot_extended.errors import (
    ConnectFailed,
    InboxFull,
    NotConnected,
    SettingsError,
    StreamLimitReached,
    Unauthorized,
)
from hummingbot_extended.exchange.endpoints import MAINNET, TESTNET, local_domain
from hummingbot_extended.streams import Subscription
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from test.client.conftest import Heard, proven_client
from test.until import until

ACCOUNT = "/stream.extended.exchange/v1/account"


async def test_m15_and_m17_service_methods_return_subscriptions_with_ids_of_their_own(client):
    data, heard = client.market_data, Heard()
    subscriptions = [
        await data.stream_quotes("BTC-USD", heard),
        await data.stream_bars("BTC-USD", "1m", heard, history=2),
        await data.stream_time_and_sales("BTC-USD", heard),
        await client.order_execution.stream_order_updates(heard),
        await client.brokerage.stream_position_changes(heard),
        await client.brokerage.stream_balance_changes(heard),
    ]
    assert all(isinstance(subscription, Subscription) for subscription in subscriptions)
    assert all(subscription.is_active() for subscription in subscriptions)
    assert len({subscription.get_id() for subscription in subscriptions}) == len(subscriptions)


async def test_m16_unsubscribe_releases_the_connection_and_may_be_repeated(venue, client):
    subscription = await client.market_data.stream_quotes(["BTC-USD", "ETH-USD"], Heard())
    assert len(venue.core.hub.connections) == 2
    await subscription.unsubscribe()
    await subscription.unsubscribe()
    assert not subscription.is_active()
    await until(lambda: not venue.core.hub.connections)
    assert client.stats() == {}


async def test_m17_a_second_callback_gets_the_events_too(client):
    first, second = Heard(), Heard()
    subscription = await client.market_data.stream_quotes("BTC-USD", first)
    subscription.add_callback(second)
    await second.count(2)
    assert second.events[-1] in first.events


async def test_m18_a_subscription_is_a_context_manager_and_an_iterator_with_stats(venue, client):
    async with await client.market_data.stream_order_book("BTC-USD", depth=3) as books:
        async for book in books:
            assert isinstance(book, Book)
            if books.stats.delivered == 3:
                break
    assert books.stats.received >= 3
    await until(lambda: not venue.core.hub.connections)


async def test_m19_the_account_methods_share_one_socket_and_ending_one_leaves_the_others(venue, client):
    orders, positions, balance = Heard(), Heard(), Heard()
    order_updates = await client.order_execution.stream_order_updates(orders)
    position_changes = await client.brokerage.stream_position_changes(positions)
    await client.brokerage.stream_balance_changes(balance)
    assert venue.core.hub.count_by_path() == {ACCOUNT: 1}
    await balance.count(1)
    await position_changes.unsubscribe()
    assert order_updates.is_active()
    await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
    await orders.until(lambda events: events[-1:] and events[-1].order.status.is_final)
    await balance.count(2)
    assert not positions.events
    assert venue.core.hub.count_by_path() == {ACCOUNT: 1}


async def test_who_joins_an_account_later_gets_its_present_first(venue, client):
    await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
    first, later = Heard(), Heard()
    await client.brokerage.stream_position_changes(first)
    assert (await first.count(1))[0].size == Decimal("0.001")
    await client.brokerage.stream_position_changes(later)
    event = (await later.count(1))[0]
    assert event.is_snapshot
    assert (event.market, event.size) == ("BTC-USD", Decimal("0.001"))
    assert venue.core.hub.count_by_path() == {ACCOUNT: 1}


async def test_who_joins_a_book_later_gets_it_without_waiting_for_the_next_snapshot(venue, client):
    shallow, deep = Heard(), Heard()
    await client.market_data.stream_order_book("BTC-USD", shallow, depth=1)
    await shallow.count(1)
    await client.market_data.stream_order_book("BTC-USD", deep, depth=None)
    book = (await deep.count(1))[0]
    assert book.is_snapshot
    assert len(book.bids) > 10
    assert all(len(event.bids) == 1 for event in shallow.events)
    assert len(venue.core.hub.connections) == 1


async def test_events_are_typed_decimal_and_carry_the_raw_message(client):
    data = client.market_data
    heard = {kind: Heard() for kind in (Quote, Book, Trade, Funding, MarkPrice)}
    await data.stream_quotes("BTC-USD", heard[Quote])
    await data.stream_order_book("BTC-USD", heard[Book])
    await data.stream_time_and_sales("BTC-USD", heard[Trade])
    await data.stream_funding("BTC-USD", heard[Funding])
    await data.stream_mark_price("BTC-USD", heard[MarkPrice])
    for kind, events in heard.items():
        event = (await events.count(1))[0]
        assert type(event) is kind
        assert event.market == "BTC-USD"
        assert event.ts_ms > 1_700_000_000_000
        assert "BTC-USD" in (event.raw if isinstance(event.raw, str) else event.raw.decode())
        with pytest.raises(AttributeError):
            event.market = "ETH-USD"
    quote = heard[Quote].events[0]
    assert isinstance(quote.bid, Decimal)
    assert quote.bid < quote.ask


async def test_a_failing_callback_is_reported_and_hurts_nobody_else(client):
    errors, others = Heard(), Heard()

    def broken(_quote):
        raise RuntimeError("mine")

    await client.market_data.stream_quotes("BTC-USD", broken, errors)
    await client.market_data.stream_quotes("BTC-USD", others)
    await others.count(3)
    assert type(errors.events[0].__cause__) is RuntimeError


async def test_a_subscriber_that_its_policy_ends_frees_the_connection(venue, client):
    errors = Heard()

    async def stuck(_quote):
        await asyncio.Event().wait()

    subscription = await client.market_data.stream_quotes("BTC-USD", stuck, errors, policy="error", limit=2)
    await until(lambda: not subscription.is_active())
    assert isinstance(errors.events[-1], InboxFull)
    await until(lambda: not venue.core.hub.connections)
    assert client.stats() == {}
    await subscription.unsubscribe()


async def test_a_subscriber_that_blocks_loses_nothing_while_the_stream_waits(client):
    gate, seen = asyncio.Event(), Heard()

    async def wait(trade):
        await gate.wait()
        seen(trade)

    subscription = await client.market_data.stream_time_and_sales("BTC-USD", wait, policy="block", limit=3)
    await until(lambda: subscription.stats.received >= 4)
    await asyncio.sleep(0.5)
    received = subscription.stats.received
    await asyncio.sleep(0.5)
    assert subscription.stats.received == received
    gate.set()
    await seen.count(received + 5)
    assert subscription.stats.dropped == 0


async def test_the_limit_holds_and_leaves_nothing_subscribed(venue):
    async with proven_client(venue, max_streams=2) as client:
        with pytest.raises(StreamLimitReached):
            await client.market_data.stream_quotes(["BTC-USD", "ETH-USD", "XAU-USD"], Heard())
        await until(lambda: not venue.core.hub.connections)
        assert client.stats() == {}
        await client.market_data.stream_quotes(["BTC-USD", "ETH-USD"], Heard())


async def test_a_market_that_does_not_exist_is_refused(client):
    with pytest.raises(ConnectFailed) as refused:
        await client.market_data.stream_quotes("NOPE-USD", Heard())
    assert refused.value.status == 404
    assert client.stats() == {}


@pytest.mark.parametrize("symbols", [[], "", ["BTC-USD", ""]])
async def test_no_symbol_is_no_subscription(client, symbols):
    with pytest.raises(SettingsError, match="BTC-USD"):
        await client.market_data.stream_quotes(symbols, Heard())


async def test_account_streams_need_a_key_and_a_right_one(venue):
    async with proven_client(venue, api_key=None) as client:
        with pytest.raises(SettingsError, match="api_key"):
            await client.brokerage.stream_balance_changes(Heard())
    async with proven_client(venue, api_key="wrong") as client:
        with pytest.raises(Unauthorized):
            await client.brokerage.stream_balance_changes(Heard())


async def test_close_from_a_callback_ends_everything(venue):
    async with proven_client(venue) as client:
        closed = asyncio.Event()

        async def close(_quote):
            await client.close()
            closed.set()

        await client.market_data.stream_quotes("BTC-USD", close)
        async with asyncio.timeout(30):
            await closed.wait()


async def test_m21_close_ends_iterators_and_refuses_new_work(venue):
    async with proven_client(venue) as client:
        subscription = await client.market_data.stream_quotes("BTC-USD")
        seen = Heard()

        async def read():
            async for quote in subscription:
                seen(quote)

        reading = asyncio.create_task(read())
        await seen.count(1)
        await client.close()
        await client.close()
        async with asyncio.timeout(30):
            await reading
        with pytest.raises(NotConnected):
            await client.market_data.stream_quotes("BTC-USD")
        with pytest.raises(NotConnected):
            await client.rest.markets()


async def test_close_while_a_stream_opens_leaves_nothing(venue):
    async with proven_client(venue) as client:
        opening = asyncio.create_task(client.market_data.stream_bars("BTC-USD", "1m", Heard()))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(ConnectionError):
            await opening


async def test_cancelling_a_subscription_that_opens_leaves_nothing(venue, client):
    slow = FaultSpec(kind=FaultKind.SLOW_REPLY, path="*candles*", value=20.0)
    fault = venue.faults.add(slow, venue.core.now_ms())
    opening = asyncio.create_task(client.market_data.stream_bars("BTC-USD", "1m", Heard()))
    await until(lambda: fault.fired)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: not venue.core.hub.connections)
    assert client.stats() == {}


# --- transports -----------------------------------------------------------------------------------------------------


async def test_sse_serves_the_same_events(venue):
    async with proven_client(venue, transport="sse") as client:
        books = Heard()
        await client.market_data.stream_order_book("BTC-USD", books)
        await books.count(3)
        assert {type(connection._wire).__name__ for connection in venue.core.hub.connections} == {"EventStreamWire"}


async def test_rpc_carries_all_public_topics_over_one_socket_within_the_limit(venue):
    async with proven_client(venue, transport="rpc", max_streams=1) as client:
        quotes, books, trades = Heard(), Heard(), Heard()
        await client.market_data.stream_quotes(["BTC-USD", "ETH-USD"], quotes)
        book = await client.market_data.stream_order_book("BTC-USD", books)
        await client.market_data.stream_time_and_sales("ETH-USD", trades)
        await quotes.until(lambda events: {event.market for event in events} == {"BTC-USD", "ETH-USD"})
        await books.count(3)
        await trades.count(1)
        assert len(venue.core.hub.connections) == 1
        assert "1 of 1 streams" in repr(client)
        with pytest.raises(StreamLimitReached):
            await client._manager.create_stream(venue.stream_url)
        await book.unsubscribe()
        seen = len(books)
        await quotes.count(len(quotes) + 20)
        assert len(books) == seen


async def test_rpc_falls_back_to_v1_where_there_is_no_v2(venue):
    domain = replace(local_domain(venue.origin), rpc_url=venue.stream_url.replace("/v1", "/v3"))
    async with proven_client(venue, url=None, domain=domain, transport="rpc") as client:
        quotes = Heard()
        await client.market_data.stream_quotes("BTC-USD", quotes)
        await quotes.count(1)
        assert "/orderbooks/BTC-USD" in next(iter(venue.core.hub.count_by_path()))


# --- what it is made with -------------------------------------------------------------------------------------------


def test_it_needs_no_loop_and_shows_no_secret():
    client = ExtendedClient(TESTNET.name, api_key="k-e-y", stark_private_key="0x1234567")
    shown = f"{client!r} {client.__dict__!r} {client.order_execution.__dict__!r}"
    assert "k-e-y" not in shown
    assert "1234567" not in shown
    assert client.domain is TESTNET


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"domain": "extended"}, "unknown domain"),
        ({"url": "http://example.com"}, "this machine"),
        ({"transport": "smoke"}, "transport"),
        ({"transport": "sse"}, "WebSocket only"),
        ({"api_key": " "}, "API key"),
        ({"stark_private_key": "xyz"}, "Stark private key"),
        ({"max_streams": -1}, "max_concurrent_streams"),
    ],
)
def test_wrong_settings_are_refused_at_once(options, sentence):
    with pytest.raises(SettingsError, match=sentence):
        ExtendedClient(**options)


def test_the_exchange_is_never_asked_for_sse():
    client = ExtendedClient(MAINNET)
    assert "sse" not in repr(client.market_data._source._transports)

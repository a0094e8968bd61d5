"""Market data and the account: asked for, subscribed to, and what a connector tells of itself."""

import asyncio
from decimal import Decimal

import pytest

from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.gateway import EventType
from hummingbot_extended.gateway.errors import InvalidOrderError, NotSupportedError, UnknownMarketError
from test.bridge.running import EXCHANGE, PAIR, bridged
from test.until import until


async def test_book_and_ticker_have_texts_and_none_for_an_empty_side(bridge, client):
    price, other = await bridge.price(), await bridge.venue.trader()
    book = await client.get_order_book(EXCHANGE, PAIR)
    assert (book["bids"], book["asks"]) == ([], [])
    await other.place(Side.BUY, "0.5", price - 1)
    await until(lambda: bridge.connector.order_book_tracker.order_books[PAIR].snapshot[0].shape[0])
    ticker = await client.get_ticker(EXCHANGE, PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["symbol"]) == (str(price - 1), None, PAIR)
    assert Decimal(ticker["mark_price"]) > 0
    assert (await client.get_order_book(EXCHANGE, PAIR))["bids"] == [[str(price - 1), "0.5"]]
    with pytest.raises(UnknownMarketError, match="add it to the markets"):
        await client.get_ticker(EXCHANGE, "ETH-USD")


async def test_subscriptions_send_the_present_state_then_every_change_until_unsubscribed(bridge, client):
    price, other = await bridge.price(), await bridge.venue.trader()
    assert (await client.subscribe_to_order_book(EXCHANGE, PAIR))["status"] == "success"
    await client.subscribe_to_ticker(EXCHANGE, PAIR)
    await client.subscribe_to_trades(EXCHANGE, PAIR)
    await until(lambda: client.ears.of(EventType.MARKET_DATA, bids=[]))
    await other.place(Side.SELL, "0.5", price + 5)
    await until(lambda: client.ears.of(EventType.MARKET_DATA, asks=[[str(price + 5), "0.5"]]))
    await until(lambda: client.ears.of(EventType.MARKET_DATA, ask=str(price + 5)))
    third = await bridge.venue.trader(bridge.venue.venue.api_key)
    # The connector takes the first message of a market's trades for history.
    for _ in range(2):
        await third.place(Side.BUY, "0.1", price + 5, ioc=True)
    await until(lambda: client.ears.of(EventType.TRADE_UPDATE, own=False))
    trade = client.ears.of(EventType.TRADE_UPDATE, own=False)[0]
    assert (trade["price"], trade["amount"], trade["side"]) == (str(price + 5), "0.1", "buy")
    for channel in ("order_book", "ticker", "trades"):
        assert (await client.unsubscribe(channel, EXCHANGE, PAIR))["status"] == "success"
    assert repr(bridge.server.feeds) == "<Feeds 0>"
    with pytest.raises(InvalidOrderError, match="no channel 'candles'"):
        await client._link.request("subscribe", {"channel": "candles", "exchange": EXCHANGE, "market": PAIR})


async def test_slow_reader_gets_the_newest_book_not_every_book(bridge, client):
    await client.subscribe_to_order_book(EXCHANGE, PAIR)
    (session,) = bridge.server._sessions
    other, price = await bridge.venue.trader(), await bridge.price()
    before = session._outbox.conflated
    for number in range(3):
        await other.place(Side.BUY, "0.5", price - number)
    await until(lambda: len(client.ears.of(EventType.MARKET_DATA)) >= 2)
    assert session._outbox.conflated >= before


async def test_balances_positions_rules_and_leverage(bridge, client):
    balances = await client.get_balances(EXCHANGE)
    assert balances == {EXCHANGE: {"USD": {"total": "10000", "available": "10000"}}}
    assert await client.get_positions(EXCHANGE) == []
    rules = await client.get_trading_rules(EXCHANGE, PAIR)
    assert (rules["min_order_size"], rules["market_type"], rules["native_stop_orders"]) == ("0.0001", "futures", True)
    assert await client.set_leverage(EXCHANGE, PAIR, 7) == {"symbol": PAIR, "exchange": EXCHANGE, "leverage": 7}
    assert bridge.connector.get_leverage(PAIR) == 7
    with pytest.raises(InvalidOrderError, match="leverage must be"):
        await client.set_leverage(EXCHANGE, PAIR, 0)
    assert await client.set_position_mode(EXCHANGE, "oneway") == {"exchange": EXCHANGE, "mode": "ONEWAY"}
    with pytest.raises(NotSupportedError, match="position modes ONEWAY"):
        await client.set_position_mode(EXCHANGE, "HEDGE")
    assert await client.get_fills(EXCHANGE, PAIR) == []


async def test_leverage_that_the_exchange_does_not_confirm_says_so():
    async with bridged(acknowledge_within_s=0.2) as bridge, bridge.client(retry_attempts=0) as client:
        with pytest.raises(Exception, match="has not confirmed a leverage of 500"):
            await client.set_leverage(EXCHANGE, PAIR, 500)


async def test_funding_payment_is_told(bridge, client):
    other, price = await bridge.venue.trader(), await bridge.price()
    order_id = bridge.bot.buy("0.05", price)
    await bridge.bot.until_open(order_id)
    await other.place(Side.SELL, "0.05", price, ioc=True)
    await bridge.bot.until_done(order_id)
    await bridge.venue.control("POST", "funding", {})
    await until(lambda: client.ears.of(EventType.INFO, kind="funding_payment"))
    (payment,) = client.ears.of(EventType.INFO, kind="funding_payment")
    assert payment["exchange"] == EXCHANGE
    assert payment["symbol"] == PAIR
    assert 1.6e9 < payment["timestamp"] < 2e9


async def test_connector_that_loses_its_exchange_is_told_and_its_return_too(bridge, client, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.bridge.connector_watch.LOOK_S", 0.02)
    await asyncio.sleep(1.0)  # the look under way still waits its second
    fault = await bridge.venue.fault("server_error", path="*account*", value=503)
    await bridge.venue.fault("cut", path="*account*", count=1)
    await bridge.venue.control("POST", "deposit", {"account": bridge.venue.venue.trader.account.id, "amount": "1"})
    await until(lambda: client.ears.of(EventType.ERROR, kind="connector"))
    await bridge.venue.control("DELETE", f"faults/{fault['id']}")
    await until(lambda: client.ears.of(EventType.INFO, kind="connector"))


async def test_connector_added_while_running_is_served(bridge, client):
    connectors = bridge.server.exchanges._connectors
    connectors["another"] = connectors[EXCHANGE]
    assert (await client.get_balances("another"))["another"]["USD"]["total"] == "10000"
    del connectors["another"]
    with pytest.raises(UnknownMarketError, match="it has extended_perpetual_local"):
        await client.get_balances("another")

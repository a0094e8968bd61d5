"""STOP and STOP_LIMIT: on the exchange where the connector can, held by the bridge elsewhere."""

from decimal import Decimal

import pytest

from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.gateway import EventType, OrderSide, OrderType
from test.bridge.running import EXCHANGE, PAIR, bridged
from test.until import until


class PlainConnector(ExtendedPerpetualDerivative):
    """A connector like Hummingbot's others: it offers their interface, and nothing of ours beyond it."""

    acknowledged = None
    exchange_status = None


def plain(venue):
    """A connector of an exchange that is not ours, as far as the bridge can see."""
    return PlainConnector(
        venue.venue.api_key, venue.venue.stark_private_key, trading_pairs=[PAIR], domain=EXCHANGE, bot_id="bot1"
    )


async def jump(bridge, price):
    await bridge.venue.control("POST", "price", {"market": PAIR, "price": str(price)})


async def test_stop_is_a_conditional_order_of_the_exchange_and_its_trigger_is_told(bridge, client):
    price, other = await bridge.price(), await bridge.venue.trader()
    order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP, "0.01", stop_price=price + 400)
    assert (order["type"], order["trigger"], order["held_by"]) == ("stop", "armed", "exchange")
    (resting,) = await bridge.venue.open_orders()
    assert (resting.status, resting.external_id) == ("UNTRIGGERED", order["order_id"])
    await other.place(Side.SELL, "0.05", price + 410)
    await until(lambda: bridge.connector.order_book_tracker.order_books[PAIR].snapshot[1].shape[0])
    await jump(bridge, price + 401)
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])
    assert client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], trigger="triggered")
    assert len(client.ears.fills(order_id=order["order_id"])) == 1


async def test_stop_limit_rests_at_its_price_once_triggered(bridge, client):
    price = await bridge.price()
    order = await client.create_order(
        EXCHANGE, PAIR, OrderSide.SELL, OrderType.STOP_LIMIT, "0.01", price - 390, stop_price=price - 400
    )
    await jump(bridge, price - 401)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], trigger="triggered"))
    (resting,) = await bridge.venue.open_orders()
    assert resting.price == Decimal(price - 390)
    result = await client.cancel_order(EXCHANGE, PAIR, order["order_id"])
    assert result["cancelled"] is True


async def test_stop_that_meets_its_price_and_ends_unfilled_at_once_is_told_as_triggered_first(monkeypatch):
    for pause in ("SOON_S", "SELDOM_S", "ARMED_S"):  # nobody looks between the trigger and the end
        monkeypatch.setattr(f"hummingbot_extended.bridge.order_watch.{pause}", 60)
    async with bridged() as bridge, bridge.client() as client:
        price = await bridge.price()
        order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP, "0.01", stop_price=price + 400)
        await jump(bridge, price + 401)  # and nothing is in the book to trade with
        await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["cancelled"])
        told = [
            (each["status"], each["trigger"])
            for each in client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"])
        ]
        assert told[-2:] == [("open", "triggered"), ("cancelled", "triggered")]


async def test_untriggered_stop_can_be_cancelled(bridge, client):
    price = await bridge.price()
    order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP, "0.01", stop_price=price + 400)
    assert (await client.cancel_order(EXCHANGE, PAIR, order["order_id"]))["cancelled"] is True
    assert await bridge.venue.open_orders() == []


async def test_stop_is_restored_after_a_restart_of_the_bridge(tmp_path):
    async with bridged(journal=tmp_path / "journal.sqlite") as bridge:
        price = await bridge.price()
        async with bridge.client() as client:
            order = await client.create_order(
                EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP_LIMIT, "0.01", price + 390, stop_price=price + 400
            )
        await bridge.stop(cancel=False)
        await bridge.start()
        async with bridge.client() as client:
            (restored,) = await client.get_open_orders(EXCHANGE, PAIR)
            assert (restored["order_id"], restored["trigger"]) == (order["order_id"], "armed")
            await jump(bridge, price + 401)
            await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], trigger="triggered"))


@pytest.fixture
async def elsewhere():
    """A bridge over a connector that knows no stop orders."""
    async with bridged(connector=plain) as running:
        yield running


async def test_stop_is_held_by_the_bridge_where_the_connector_has_none(elsewhere):
    async with elsewhere.client() as client:
        price, other = await elsewhere.price(), await elsewhere.venue.trader()
        await other.place(Side.SELL, "0.05", price + 400)
        order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP, "0.01", stop_price=price + 400)
        assert (order["held_by"], order["status"], order["acknowledged"]) == ("bridge", "open", True)
        # Its price, the ask of the only order in the book, is at the stop price: it fires at once, and once.
        await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])
        assert len(client.ears.fills()) == 1
        assert client.ears.fills()[0]["order_id"] == order["order_id"]
        assert elsewhere.bot.position() in (Decimal(0), Decimal("0.01"))
        assert len((await elsewhere.venue.ledger())["trades"]) == 1


async def test_held_stop_waits_and_is_cancelled_at_once(elsewhere):
    async with elsewhere.client() as client:
        price = await elsewhere.price()
        order = await client.create_order(
            EXCHANGE, PAIR, OrderSide.SELL, OrderType.STOP_LIMIT, "0.01", price - 500, stop_price=price - 400
        )
        assert await elsewhere.venue.open_orders() == []
        assert [each["order_id"] for each in await client.get_open_orders(EXCHANGE, PAIR)] == [order["order_id"]]
        assert (await client.cancel_order(EXCHANGE, PAIR, order["order_id"]))["cancelled"] is True
        assert await client.get_open_orders(EXCHANGE, PAIR) == []


async def test_connector_without_acknowledgement_is_answered_on_its_created_event(elsewhere):
    async with elsewhere.client() as client:
        price = await elsewhere.price()
        order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", price - 100)
        assert order["acknowledged"] is True
        assert (await client.cancel_order(EXCHANGE, PAIR, order["order_id"]))["cancelled"] is True

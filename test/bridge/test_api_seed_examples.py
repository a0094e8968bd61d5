"""The examples through a local hummingbot-api, over a real connector that is driven as the real one drives it."""

import asyncio
import time

import pytest

from hummingbot_extended.gateway import OrderSide, OrderType
from test.bridge.api_host import api_of
from test.bridge.running import EXCHANGE, PAIR
from test.connector.running import stage
from test.hummingbot_api.cases import (
    connected,
    test_basic_market_making,
    test_refusals_have_their_phrases_and_the_listener_hears_of_them,
    test_risk_manager_counts_own_fills_only,
    test_simple_market_maker_and_every_other_call,
)
from test.until import until

__all__ = [
    "test_basic_market_making",
    "test_refusals_have_their_phrases_and_the_listener_hears_of_them",
    "test_risk_manager_counts_own_fills_only",
    "test_simple_market_maker_and_every_other_call",
]


@pytest.fixture
async def venue():
    async with stage(makers=True) as running:
        yield running


@pytest.fixture
async def api(venue):
    async with api_of(venue) as running:
        yield running


async def test_order_that_is_on_its_way_hides_no_other(venue, api):
    """Without Hummingbot's clock an order would have no time, and that server then shows none of the connector's."""
    async with connected(api) as client:
        price = float((await client.get_ticker(EXCHANGE, PAIR))["bid"]) * 0.99
        bid = {"exchange": EXCHANGE, "market": PAIR, "side": OrderSide.BUY, "order_type": OrderType.LIMIT}
        first = await client.create_order(**bid, price=price, amount=0.01)
        await venue.fault("slow_reply", path="POST /api/v1/user/order", value=1, count=1)
        placing = asyncio.create_task(client.create_order(**bid, price=price, amount=0.02))
        await until(lambda: len(api.exchange.connector_.in_flight_orders) == 2)
        shown = {order["order_id"]: order["acknowledged"] for order in await client.get_open_orders(EXCHANGE, PAIR)}
        assert (len(shown), shown[first["order_id"]]) == (2, True)
        await placing


async def test_fill_and_order_have_the_time_at_which_they_were(api):
    began_s = time.time()
    async with connected(api) as client:
        order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.MARKET, amount=0.01)
        await until(client.ears.fills)
        assert min(client.ears.fills()[0]["timestamp"], order["created_at"]) >= began_s

"""An order's Created event comes before everything else of it, once, so that Hummingbot's database holds all of it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.core.event.events import MarketEvent
from hummingbot.model.sql_connection_manager import SQLConnectionManager, SQLConnectionType

from hummingbot_extended.exchange.enums import Side
from test.connector.running import stage
from test.until import until

POST = "POST /api/v1/user/order"
CREATED = (MarketEvent.BuyOrderCreated, MarketEvent.SellOrderCreated)


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


@contextmanager
def recorded(connector, path) -> Iterator[SimpleNamespace]:
    """Have Hummingbot's own recorder write a connector's events; give its tables as lists of rows."""
    sql = SQLConnectionManager(
        ClientConfigAdapter(ClientConfigMap()), SQLConnectionType.TRADE_FILLS, db_path=str(path / "trades.sqlite")
    )
    collection = ClientConfigMap().market_data_collection
    recorder = MarketsRecorder(sql, [connector], "conf.yml", "test", collection)
    recorder.start()

    def rows(statement):
        with closing(sqlite3.connect(sql.db_path)) as connection:
            return list(connection.execute(statement))

    try:
        yield SimpleNamespace(
            orders=lambda: rows('SELECT id, last_status, exchange_order_id FROM "Order"'),
            statuses=lambda: [status for (status,) in rows("SELECT status FROM OrderStatus ORDER BY id")],
            fills=lambda: rows("SELECT order_id, amount FROM TradeFill"),
        )
    finally:
        recorder.stop()
        sql.engine.dispose()


async def place_unanswered(venue, bot, price) -> str:
    """Place an order whose reply stays away, and return when the exchange has received it."""
    await venue.fault("late_reply", path=POST, value=1.5, count=1)
    order_id = bot.buy("0.02", price)
    engine, account = venue.venue.engine, venue.venue.trader.account.id
    await until(lambda: [order.external_id for order in engine.queries.open_and_pending(account)] == [order_id])
    return order_id


ENDS = {
    "cancelled": ("OrderCancelled", "0"),
    "partly filled": ("OrderCancelled", "0.01"),
    "filled": ("BuyOrderCompleted", "0.02"),
    "rejected": ("OrderFailure", "0"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_order_that_is_cancelled_before_anything_is_known_of_it_is_recorded_whole(end, tmp_path):
    """The cancel is accepted while the order waits for its acceptance and the reply to its POST is under way."""
    status, filled = ENDS[end]
    async with stage(acceptance_delay_ms=400) as venue, venue.bot() as bot:
        price = (await venue.mark()).quantize(Decimal(1))
        if Decimal(filled):
            await (await venue.trader()).place(Side.SELL, filled, price)
            await asyncio.sleep(0.5)
        if end == "rejected":
            await venue.fault("late_rejection", count=1)
        with recorded(bot.connector, tmp_path) as database:
            order_id = await place_unanswered(venue, bot, price)
            bot.cancel(order_id)
            await bot.until_done(order_id)
            ((recorded_id, last_status, exchange_id),) = database.orders()
            assert (recorded_id, last_status) == (order_id, status)
            assert exchange_id == str((await venue.ledger())["orders"][-1]["id"])
            assert database.statuses()[0] == "BuyOrderCreated"
            assert database.statuses().count("BuyOrderCreated") == 1
            assert sum(amount for _, amount in database.fills()) == Decimal(filled) * 10**6
            assert await venue.open_orders() == []


async def test_cancel_that_the_exchange_confirms_before_it_has_the_order_is_repeated(venue, tmp_path):
    """How a cancel of an unknown order is answered is not documented; with OK, it must not be believed."""
    async with venue.bot() as bot:
        await venue.control("PATCH", "variants", {"unknown_cancel": "ok"})
        with recorded(bot.connector, tmp_path) as database:
            await venue.fault("slow_reply", path=POST, value=1.0, count=1)
            order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
            await until(lambda: order_id in bot.connector.in_flight_orders)
            bot.cancel(order_id)
            await bot.until_done(order_id)
            assert await venue.open_orders() == []
            assert database.statuses() == ["BuyOrderCreated", "OrderCancelled"]

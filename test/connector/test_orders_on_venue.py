"""Orders from Hummingbot to a real venue and back: placing, fills, cancels, and what is refused."""

import asyncio
from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType, PositionAction
from hummingbot.core.event.events import MarketEvent

from hummingbot_extended.exchange.enums import OrderStatus, Side
from test.connector.running import PAIR, Bot, stage
from test.until import until


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


async def test_limit_order_rests_is_acknowledged_and_cancelled(venue):
    async with venue.bot() as bot:
        mark = await venue.mark()
        order_id = bot.buy("0.01", mark * Decimal("0.99"))
        await bot.until_open(order_id)
        assert [order.external_id for order in await venue.open_orders()] == [order_id]
        assert len(bot.recorder.created) == 1
        bot.cancel(order_id)
        await bot.until_done(order_id)
        assert len(bot.cancelled(order_id)) == 1
        assert await venue.open_orders() == []


async def test_partial_fills_are_reported_once_with_their_fees_and_the_position_is_signed(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.03", price)
        await bot.until_open(order_id)
        await other.place(Side.BUY, "0.01", price, ioc=True)
        await until(lambda: bot.filled(order_id) == Decimal("0.01"))
        await other.place(Side.BUY, "0.02", price, ioc=True)
        await bot.until_done(order_id)
        trades = (await venue.ledger())["trades"]
        assert [fill.exchange_trade_id for fill in bot.fills()] == [str(trade["id"]) for trade in trades]
        assert [str(fill.price) for fill in bot.fills()] == [str(Decimal(trade["price"])) for trade in trades]
        assert sum(fill.trade_fee.flat_fees[0].amount for fill in bot.fills()) == sum(
            Decimal(trade["fee"]) for trade in trades
        )
        assert len(bot.recorder.of(MarketEvent.SellOrderCompleted)) == 1
        await until(lambda: bot.position() == Decimal("-0.03"))


async def test_market_order_ignores_the_callers_price_and_a_remainder_is_cancelled_after_its_fill(venue):
    async with venue.bot() as bot:
        other, mark = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", mark)
        await until(lambda: bot.connector.order_book_tracker.order_books[PAIR].snapshot[1].shape[0])
        order_id = bot.buy("0.03", "1", OrderType.MARKET)
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")
        assert len(bot.cancelled(order_id)) == 1
        assert bot.connector.exchange_status(order_id) is OrderStatus.CANCELLED
        order = (await venue.ledger())["orders"][0]
        assert order["type"] == "MARKET"
        assert Decimal(order["price"]) <= mark * Decimal("1.05")


async def test_close_is_reduce_only_and_a_closed_position_disappears(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        bot.buy("0.01", price)
        await until(lambda: bot.position() == Decimal("0.01"))
        await other.place(Side.BUY, "0.01", price)
        closing = bot.sell("0.01", price, position_action=PositionAction.CLOSE)
        await bot.until_done(closing)
        await until(lambda: PAIR not in bot.connector.account_positions)
        assert (await venue.ledger())["orders"][-1]["reduceOnly"] is True


async def test_late_rejection_becomes_a_failure_with_the_exchanges_reason(venue):
    async with venue.bot() as bot:
        await venue.fault("late_rejection", count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_done(order_id)
        (failure,) = bot.failures(order_id)
        assert failure.error_message.startswith("REJECTED: ")
        assert failure.error_type != "UNKNOWN"
        assert not bot.connector.acknowledged(order_id)


async def test_post_only_order_that_would_cross_fails_and_does_not_trade(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        order_id = bot.buy("0.01", price, OrderType.LIMIT_MAKER)
        await bot.until_done(order_id)
        assert [failure.error_type for failure in bot.failures(order_id)] == ["POST_ONLY_FAILED"]
        assert bot.fills() == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"pair": "NONE-USD", "price": "1"}, "NONE-USD is not a market"),
        ({"price": "200000"}, "above"),
        ({"amount": "500", "price": "80000"}, "above the maximum"),
        ({"amount": "NaN"}, "the amount must be above 0"),
        ({"amount": "-0.01"}, "the amount must be above 0"),
        ({"amount": "0.000000001"}, "lower than minimum order size"),
        ({"position_action": PositionAction.NIL}, "position_action"),
        ({"price": None}, "needs a price"),
        ({"order_type": OrderType.AMM_SWAP}, "not in the list of supported order types"),
        ({"execution": "MARKET"}, "execution is for orders with a trigger_price"),
        ({"take_profit": {"price": 1}}, "take_profit needs a trigger_price"),
        ({"trigger_price": "-1"}, "trigger_price must be above 0"),
    ],
)
async def test_what_the_exchange_would_refuse_fails_with_the_reason_and_is_not_sent(venue, arguments, reason):
    async with venue.bot() as bot:
        order_id = bot.buy(**{"amount": "0.01", "price": "84000", **arguments})
        await until(lambda: bot.failures(order_id))
        assert reason in bot.failures(order_id)[0].error_message
        assert (await venue.ledger())["orders"] == []
        assert order_id not in bot.connector.in_flight_orders


async def test_order_before_the_rules_were_read_reads_them(venue):
    """hummingbot-api asks for the pairs and trades; it starts no network."""
    bot = Bot(venue.connector())
    assert PAIR in await bot.connector.all_trading_pairs()
    assert bot.connector.trading_rules == {}
    order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
    await until(lambda: bot.recorder.created)
    assert bot.failures(order_id) == []
    assert [event.order_id for event in bot.recorder.created] == [order_id]


async def test_market_that_is_reduce_only_refuses_to_open(venue):
    await venue.control("POST", "market", {"market": PAIR, "status": "REDUCE_ONLY"})
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", "84000")
        await until(lambda: bot.failures(order_id))
        assert "reduce-only" in bot.failures(order_id)[0].error_message


async def test_refresh_of_twenty_orders_checks_one_and_signs_one_a_turn(venue, monkeypatch):
    async with venue.bot() as bot:
        price, turns, checked_in, signed_in = (await venue.mark()) * Decimal("0.99"), 0, [], []
        check = bot.connector._desk.check
        sign = bot.connector._auth_keys.signer.backend.sign

        async def count_turns():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        def spied_check(*args, **kwargs):
            checked_in.append(turns)
            check(*args, **kwargs)

        class Backend:
            def __getattr__(self, name):
                return getattr(real, name)

            def sign(self, *args):
                signed_in.append(turns)
                return sign(*args)

        real = bot.connector._auth_keys.signer.backend
        bot.connector._auth_keys.signer.backend = Backend()
        monkeypatch.setattr(bot.connector._desk, "check", spied_check)
        counting = asyncio.create_task(count_turns())
        order_ids = [bot.buy("0.01", price) for _ in range(20)]
        for order_id in order_ids:
            await bot.until_open(order_id)
        counting.cancel()
        assert len(set(checked_in)) == len(set(signed_in)) == len(checked_in) == len(signed_in) == 20
        assert all(result.success for result in await bot.connector.cancel_all(5))
        assert await venue.open_orders() == []


async def test_orders_that_wait_for_their_turn_are_cancelled_too(venue):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        orders = [bot.buy("0.01", price) for _ in range(20)]
        await asyncio.sleep(0)
        assert len(bot.connector.in_flight_orders) < 20
        bot.cancel(orders[-1])
        results = await bot.connector.cancel_all(20)
        assert {result.order_id for result in results} == set(orders)
        await until(lambda: not bot.connector.in_flight_orders)
        assert await venue.open_orders() == []
        bot.buy("0.01", price)
        last = bot.buy("0.01", price)
        bot.cancel(last)
        await bot.until_done(last)
        assert len(await venue.open_orders()) == 1


async def test_cancel_all_spares_manual_orders_and_other_bots(venue):
    async with venue.bot() as bot:
        mark = await venue.mark()
        manual = await (await venue.trader(venue.venue.api_key)).place(Side.BUY, "0.01", round(mark * Decimal("0.9")))
        mine = [bot.buy("0.01", mark * Decimal("0.99")) for _ in range(3)]
        for order_id in mine:
            await bot.until_open(order_id)
        results = await bot.connector.cancel_all(5)
        assert {result.order_id for result in results if result.success} == set(mine)
        assert [order.id for order in await venue.open_orders()] == [manual]


async def test_fill_that_wins_the_race_against_a_cancel_is_a_fill(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.01", price)
        await bot.until_open(order_id)
        await asyncio.gather(other.place(Side.BUY, "0.01", price, ioc=True), _cancel(bot, order_id))
        await bot.until_done(order_id)
        traded = sum(Decimal(trade["qty"]) for trade in (await venue.ledger())["trades"])
        assert bot.filled(order_id) == traded
        assert bool(bot.cancelled(order_id)) == (traded == 0)


async def _cancel(bot, order_id):
    bot.cancel(order_id)


@pytest.mark.parametrize("answer", ["404", "error", "ok"])
async def test_cancel_of_an_order_that_is_gone_already_is_found_out(venue, answer):
    """The account stream is silent, so the connector thinks that the order is open."""
    async with venue.bot() as bot:
        await venue.control("PATCH", "variants", {"unknown_cancel": answer})
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await venue.fault("stall", path="*account*", value=60, count=1)
        order_id = bot.sell("0.01", price)
        await until(lambda: bot.recorder.created)
        await other.place(Side.BUY, "0.01", price, ioc=True)
        await until(lambda: venue.venue.engine.queries.trades(venue.venue.trader.account.id).items)
        bot.cancel(order_id)
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")
        assert bot.cancelled(order_id) == []


async def test_refused_order_is_logged_with_the_exchange_s_reason(venue, caplog):
    """A user reads why, not "Check API key and network connection"."""
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", await venue.mark(), position_action=PositionAction.CLOSE)
        await bot.until_done(order_id)
    (line,) = [
        record.getMessage()
        for record in caplog.records
        if order_id in record.getMessage() and "not placed" in record.getMessage()
    ]
    assert "1137" in line
    assert "Check API key" not in caplog.text

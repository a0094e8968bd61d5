"""The account over gaps, crashes and other users of one key; funding, liquidation, leverage."""

import asyncio
import time
from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.network_iterator import NetworkStatus

from hummingbot_extended.connector import extended_perpetual_derivative as derivative
from hummingbot_extended.exchange.enums import OrderStatus, Side
from test.connector import models
from test.connector.running import PAIR, Bot, stage
from test.until import until


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


async def reconnected(bot, since):
    stream = bot.connector._user_stream
    await until(lambda: stream.generation > since and bot.connector.ready, "the account is current again")


async def test_fills_missed_in_a_gap_are_reported_after_the_reconnect(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        partly, wholly = bot.sell("0.02", price), bot.sell("0.01", price)
        for order_id in (partly, wholly):
            await bot.until_open(order_id)
        generation = bot.connector._user_stream.generation
        await venue.fault("gap", path="*account*", count=2)
        await other.place(Side.BUY, "0.03", price, ioc=True)
        await reconnected(bot, generation)
        await bot.until_done(partly)
        await bot.until_done(wholly)
        trades = (await venue.ledger())["trades"]
        assert {fill.exchange_trade_id for fill in bot.fills()} == {str(trade["id"]) for trade in trades}
        assert len(bot.fills()) == len(trades)
        assert bot.position() == Decimal("-0.03")


async def test_empty_order_snapshot_cancels_nothing(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        generation = bot.connector._user_stream.generation
        await venue.fault("empty_order_snapshot", count=1)
        await venue.fault("cut", path="*account*", count=1)
        await venue.control("POST", "deposit", {"account": venue.venue.trader.account.id, "amount": "1"})
        await reconnected(bot, generation)
        assert await venue.fired("empty_order_snapshot") == 1
        assert order_id in bot.connector.in_flight_orders
        assert bot.cancelled(order_id) == []


async def test_stream_that_is_open_and_silent_is_noticed_by_rest_and_replaced(venue):
    async with venue.bot() as bot:
        generation = bot.connector._user_stream.generation
        await venue.fault("stall", path="*account*", value=60, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await reconnected(bot, generation)
        assert bot.connector.acknowledged(order_id)


async def test_nothing_is_opened_while_the_account_stream_is_down_but_cancels_and_closes_pass(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        bot.buy("0.01", price)
        resting = bot.buy("0.01", price * Decimal("0.99"))
        await until(lambda: bot.position() == Decimal("0.01"))
        await bot.until_open(resting)
        await venue.fault("server_error", path="*account*", value=503)
        await venue.fault("cut", path="*account*", count=1)
        await venue.control("POST", "deposit", {"account": venue.venue.trader.account.id, "amount": "1"})
        await until(lambda: not bot.connector.ready)
        assert bot.connector.network_status is NetworkStatus.NOT_CONNECTED
        refused = bot.buy("0.01", price * Decimal("0.98"))
        await until(lambda: bot.failures(refused))
        assert "account stream" in bot.failures(refused)[0].error_message
        closing = bot.sell("0.01", price * Decimal("1.01"), position_action=PositionAction.CLOSE)
        bot.cancel(resting)
        await until(lambda: any(event.order_id == closing for event in bot.recorder.created))
        await venue.control("DELETE", "faults")
        await bot.until_done(resting)
        assert [order.external_id for order in await venue.open_orders()] == [closing]


async def test_broken_book_refuses_to_open_and_heals(venue):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        await venue.fault("server_error", path="*orderbooks*", value=503)
        await venue.fault("cut", path="*orderbooks*", count=1)
        await (await venue.trader()).place(Side.BUY, "0.01", round(price))
        await until(lambda: not bot.connector.ready)
        assert not bot.connector.status_dict["order_books_initialized"]
        refused = bot.buy("0.01", price)
        await until(lambda: bot.failures(refused))
        assert "order book of BTC-USD" in bot.failures(refused)[0].error_message
        await venue.control("DELETE", "faults")
        await until(lambda: bot.connector.ready)
        await bot.until_open(bot.buy("0.01", price))


async def test_position_is_closed_at_market_while_no_stream_tells_a_price(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        bot.buy("0.01", price)
        await until(lambda: bot.position() == Decimal("0.01"))
        await other.place(Side.BUY, "0.02", price)
        for path in ("*orderbooks*", "*prices/mark*"):
            await venue.fault("server_error", path=path, value=503)
            await venue.fault("cut", path=path, count=1)
        await other.place(Side.BUY, "0.01", price - 100)
        await venue.control("POST", "price", {"market": PAIR, "price": str(price + 5)})
        await until(
            lambda: bot.connector._orderbook_ds.mark_price(PAIR) is None and bot.connector.trading_refusal(PAIR)
        )
        no_stats = await venue.fault("server_error", path="*stats*")
        unpriced = bot.sell("0.01", None, OrderType.MARKET, position_action=PositionAction.CLOSE)
        await until(lambda: bot.failures(unpriced))
        assert "HTTP 500" in bot.failures(unpriced)[0].error_message
        await venue.control("DELETE", f"faults/{no_stats['id']}")
        closing = bot.sell("0.01", None, OrderType.MARKET, position_action=PositionAction.CLOSE)
        await bot.until_done(closing)
        assert bot.filled(closing) == Decimal("0.01")
        await until(lambda: bot.position() == 0)


# --- crashes and neighbours -----------------------------------------------------------------------------------------


async def crash(venue, arguments):
    """Leave an open and a filled order behind that no database knows, only the bot's journal; return their ids."""
    connector = venue.connector(**arguments)
    other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
    async with venue.bot(connector) as bot:
        await other.place(Side.SELL, "0.01", price)
        orders = [bot.buy("0.01", price), bot.buy("0.02", price * Decimal("0.99"))]
        for order_id in orders:
            await bot.until_open(order_id)
        for order_id in orders:  # as if SIGKILL had come before Hummingbot recorded them
            connector._identity.journal.write(order_id)
    return orders


@pytest.mark.parametrize("mode", ["adopt", "cancel", "ignore"])
async def test_orders_of_a_crashed_life_are_dealt_with_by_setting(venue, mode):
    arguments = {"bot_id": f"crash{mode[0]}", "orders_after_restart": mode}
    filled, resting = await crash(venue, arguments)
    connector = venue.connector(**arguments)
    bot = Bot(connector)
    async with venue.bot(connector):
        if mode == "ignore":
            assert connector.in_flight_orders == {}
            assert len(await venue.open_orders()) == 1
            return
        await until(lambda: bot.filled(filled) == Decimal("0.01"))
        assert {event.order_id for event in bot.recorder.created} == {filled, resting}
        if mode == "cancel":
            await bot.until_done(resting)
            assert await venue.open_orders() == []
        else:
            await until(lambda: list(connector.in_flight_orders) == [resting])
            bot.cancel(resting)
            await bot.until_done(resting)
        assert connector._identity.journal.pending == []


@pytest.mark.parametrize("mode", ["adopt", "cancel", "ignore"])
async def test_orders_that_hummingbots_database_brings_back_are_dealt_with_by_setting(venue, mode):
    """They are tracked in every mode; only with "cancel" they do not outlive the start."""
    price = (await venue.mark()) * Decimal("0.99")
    async with venue.bot() as bot:
        orders = [bot.buy("0.01", price) for _ in range(2)]
        for order_id in orders:
            await bot.until_open(order_id)
        saved = bot.connector.tracking_states
    connector = venue.connector(orders_after_restart=mode)
    connector.restore_tracking_states(saved)
    bot = Bot(connector)
    async with venue.bot(connector):
        if mode == "cancel":
            for order_id in orders:
                await bot.until_done(order_id)
            assert await venue.open_orders() == []
            assert connector.in_flight_orders == {}
            await connector._reconciler.apply_orders()
            assert sum(event.order_id in orders for event in bot.recorder.of(MarketEvent.OrderCancelled)) == 2
        else:
            assert sorted(connector.in_flight_orders) == sorted(orders)
            assert not any(order.is_pending_cancel_confirmation for order in connector.in_flight_orders.values())
            assert len(await venue.open_orders()) == 2
        own = bot.buy("0.01", price)
        await bot.until_open(own)
        await connector._reconciler.apply_orders()
        assert own in connector.in_flight_orders
        assert bot.recorder.created == bot.recorder.of(MarketEvent.BuyOrderCreated, own)


async def test_cancel_of_restored_orders_that_fails_is_tried_again(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        saved = bot.connector.tracking_states
    connector = venue.connector()
    connector.restore_tracking_states(saved)
    bot = Bot(connector)
    await venue.fault("server_error", path="POST *massCancel", count=2)
    async with venue.bot(connector):
        await bot.until_done(order_id)
        assert await venue.fired("server_error") == 2
        assert await venue.open_orders() == []


async def test_cancel_of_a_crashed_lifes_orders_that_fails_is_tried_again(venue):
    arguments = {"bot_id": "crashed", "orders_after_restart": "cancel"}
    _filled, resting = await crash(venue, arguments)
    connector = venue.connector(**arguments)
    bot = Bot(connector)
    await venue.fault("server_error", path="POST *massCancel", count=1)
    async with venue.bot(connector):
        await bot.until_done(resting)
        assert await venue.fired("server_error") == 1
        assert await venue.open_orders() == []


async def test_host_whose_clients_know_the_orders_has_them_adopted_whatever_the_setting_is(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        saved = bot.connector.tracking_states
    connector = venue.connector(orders_after_restart="cancel")
    connector.adopt_orders_after_restart()
    connector.restore_tracking_states(saved)
    async with venue.bot(connector):
        assert list(connector.in_flight_orders) == [order_id]
        assert len(await venue.open_orders()) == 1


async def test_restored_order_that_was_filled_while_away_is_reported_with_its_fill(venue):
    other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
    async with venue.bot() as bot:
        order_id = bot.sell("0.01", price)
        await bot.until_open(order_id)
        saved = bot.connector.tracking_states
    await other.place(Side.BUY, "0.01", price, ioc=True)
    connector = venue.connector()
    connector.restore_tracking_states(saved)
    bot = Bot(connector)
    async with venue.bot(connector):
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")


async def test_bot_that_runs_under_the_same_id_elsewhere_is_told_and_left_alone(venue, caplog, monkeypatch):
    """A folder of configuration that was copied to another machine has the same id, and no lock of a file tells."""
    monkeypatch.setattr(derivative, "BORN_MARGIN_MS", 0)
    async with venue.bot() as bot:
        by_hand, price = await venue.trader(venue.venue.api_key), round((await venue.mark()) * Decimal("0.99"))
        mine = bot.buy("0.01", price)
        await bot.until_open(mine)
        theirs = await by_hand.place(Side.BUY, "0.01", price, external_id=bot.connector.client_order_id_prefix + "x")
        while theirs not in [order.id for order in await venue.open_orders()]:
            await asyncio.sleep(0.01)
        for _ in range(2):
            await bot.connector._reconciler.apply_orders()
        assert theirs in [order.id for order in await venue.open_orders()]
        assert list(bot.connector.in_flight_orders) == [mine]
        assert sum("Another bot places orders as bot1" in message for message in caplog.messages) == 1


async def test_two_bots_on_one_key_do_not_touch_each_others_orders(venue):
    async with venue.bot(bot_id="left") as left, venue.bot(bot_id="right") as right:
        price = (await venue.mark()) * Decimal("0.99")
        mine, theirs = left.buy("0.01", price), right.buy("0.01", price)
        await left.until_open(mine)
        await right.until_open(theirs)
        for bot, own in ((left, mine), (right, theirs)):
            await bot.connector._status_polling_loop_fetch_updates()
            assert list(bot.connector.in_flight_orders) == [own]
        await left.connector.cancel_all(5)
        assert [order.external_id for order in await venue.open_orders()] == [theirs]


# --- funding, liquidation, leverage ---------------------------------------------------------------------------------


async def hold(venue, bot, amount="0.01"):
    other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
    await other.place(Side.SELL, amount, price)
    bot.buy(amount, price)
    await until(lambda: bot.position() == Decimal(amount))


def payments(bot):
    return bot.recorder.events[MarketEvent.FundingPaymentCompleted]


async def test_funding_payments_are_reported_once_with_their_sign(venue):
    async with venue.bot() as bot:
        await hold(venue, bot)
        await venue.control("POST", "funding", {"market": PAIR, "rate": "0.001"})
        for count in (1, 2):
            await venue.control("POST", "funding", {})
            bot.connector._funding_fee_poll_notifier.set()
            await until(lambda count=count: len(payments(bot)) == count)
        await bot.connector._update_all_funding_payments(fire_event_on_new=True)
        paid = (await venue.ledger())["fundingPayments"]
        assert [payment.amount for payment in payments(bot)] == [Decimal(each["fundingFee"]) for each in paid]
        assert all(payment.amount < 0 for payment in payments(bot))
        assert len({payment.timestamp for payment in payments(bot)}) == 2


async def test_funding_paid_while_the_bot_was_away_is_reported_after_the_restart_and_older_is_not(venue):
    async with venue.bot() as bot:
        await hold(venue, bot)
        await venue.control("POST", "funding", {"market": PAIR, "rate": "0.001"})
        await venue.control("POST", "funding", {})
        bot.connector._funding_fee_poll_notifier.set()
        await until(lambda: payments(bot))
        saved = bot.connector.tracking_states
    await asyncio.sleep(0.01)
    await venue.control("POST", "funding", {})
    connector = venue.connector()
    connector.restore_tracking_states(saved)
    bot = Bot(connector)
    async with venue.bot(connector):
        await until(lambda: payments(bot))
        paid = (await venue.ledger())["fundingPayments"]
        assert [payment.amount for payment in payments(bot)] == [Decimal(paid[-1]["fundingFee"])]
    bot = Bot(venue.connector())
    async with venue.bot(bot.connector):
        await until(lambda: bot.connector._funding.reported_until_ms)
        assert payments(bot) == []


async def test_liquidation_is_reported_though_this_machines_clock_is_ahead(venue):
    async with venue.bot() as bot:
        connector = bot.connector
        connector._born_ms += 600_000
        connector._clock.offset_s = -600.0
        trade = models.trade(7, tradeType="LIQUIDATION", createdTime=int(time.time() * 1000))
        connector.foreign_trade(trade, PAIR, is_leg=False)
        await until(lambda: [fill.exchange_trade_id for fill in bot.fills()] == ["7"])


async def test_liquidation_is_reported_and_the_position_is_gone(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        bot.connector.set_leverage(PAIR, 50)
        await until(lambda: bot.connector.get_leverage(PAIR) == 50)
        await other.place(Side.SELL, "5", price)
        bot.buy("5", price)
        await until(lambda: bot.position() == Decimal(5))
        await other.place(Side.BUY, "20", round(price * Decimal("0.97")))
        await venue.control("POST", "price", {"market": PAIR, "price": str(price * Decimal("0.97"))})
        await until(lambda: PAIR not in bot.connector.account_positions)
        reported = [fill for fill in bot.fills() if fill.order_id.startswith("liquidation-")]
        liquidated = [trade for trade in (await venue.ledger())["trades"] if trade["tradeType"] == "LIQUIDATION"]
        assert liquidated
        assert {fill.exchange_trade_id for fill in reported} == {str(trade["id"]) for trade in liquidated}
        assert sum(fill.amount for fill in reported) == Decimal(5)


async def test_leverage_is_set_and_read_back(venue):
    async with venue.bot() as bot:
        bot.connector.set_leverage(PAIR, 7)
        await until(lambda: bot.connector.get_leverage(PAIR) == 7)
        assert await bot.connector._set_trading_pair_leverage(PAIR, 5_000) != (True, "")
        await venue.control("PATCH", "variants", {"leverage_reply": "empty"})
        assert await bot.connector._set_trading_pair_leverage(PAIR, 9) == (True, "")
    async with venue.bot() as bot:
        assert bot.connector.get_leverage(PAIR) == 9


# --- conditional orders, expiry, switch, clock ------------------------------------------------------------------------


async def test_stop_order_waits_is_triggered_and_survives_a_restart(venue, caplog):
    caplog.set_level("INFO")
    other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
    trigger = round(price * Decimal("1.01"))
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", None, OrderType.MARKET, trigger_price=trigger)
        await bot.until_open(order_id)
        assert bot.connector.exchange_status(order_id).value == "UNTRIGGERED"
        saved = bot.connector.tracking_states
    connector = venue.connector(orders_after_restart="adopt")
    connector.restore_tracking_states(saved)
    bot = Bot(connector)
    async with venue.bot(connector):
        assert list(connector.in_flight_orders) == [order_id]
        await other.place(Side.SELL, "0.01", trigger)
        await until(lambda: connector.order_book_tracker.order_books[PAIR].snapshot[1].shape[0])
        await venue.control("POST", "price", {"market": PAIR, "price": str(trigger + 10)})
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")
        assert f"The conditional order {order_id} on {PAIR} was triggered." in caplog.messages


async def test_stop_order_gets_out_though_the_market_jumped_past_its_trigger(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        bot.buy("0.01", price)
        await until(lambda: bot.position() == Decimal("0.01"))
        trigger, bid = round(price * Decimal("0.98")), round(price * Decimal("0.95"))
        await other.place(Side.BUY, "0.01", bid)
        await until(lambda: bot.connector.get_price(PAIR, False) == bid)
        close = {"position_action": PositionAction.CLOSE}
        order_id = bot.sell("0.01", None, OrderType.MARKET, trigger_price=trigger, **close)
        await bot.until_open(order_id)
        await venue.control("POST", "price", {"market": PAIR, "price": str(bid)})
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")
        assert bot.fills(order_id)[0].price == bid


async def test_stop_limit_order_with_exits_has_its_signed_legs(venue):
    async with venue.bot() as bot:
        price = (await venue.mark()).quantize(Decimal(1))
        order_id = bot.buy(
            "0.01",
            price * Decimal("1.02"),
            trigger_price=price * Decimal("1.01"),
            trigger_price_type="LAST",
            take_profit=price * Decimal("1.2"),
            stop_loss={"trigger_price": price * Decimal("0.9"), "price": price * Decimal("0.89")},
        )
        await bot.until_open(order_id)
        (order,) = await venue.open_orders()
        assert order.trigger.trigger_price_type.value == "LAST"
        assert order.trigger.execution_price_type.value == "LIMIT"
        assert order.take_profit.trigger_price == round(price * Decimal("1.2"))


async def test_legs_of_an_order_are_not_the_order_and_their_fills_are_reported(venue):
    """The exchange has one external id for an order and for its take-profit (API reference §3.6)."""
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        profit = round(price * Decimal("1.02"))
        order_id = bot.buy("0.02", price, take_profit=profit)
        await bot.until_open(order_id)
        await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: bot.filled(order_id) == Decimal("0.01"))
        tracked = bot.connector.in_flight_orders[order_id]
        parent = int(tracked.exchange_order_id)
        leg = next(order for order in await venue.open_orders() if order.id != parent)
        assert leg.external_id == order_id
        await bot.connector._status_polling_loop_fetch_updates()
        assert bot.connector.exchange_status(order_id) is OrderStatus.PARTIALLY_FILLED
        await other.place(Side.BUY, "0.01", profit)
        await until(lambda: bot.connector.get_price(PAIR, False) == profit)
        await venue.control("POST", "price", {"market": PAIR, "price": str(profit)})
        await until(lambda: bot.fills(f"tpsl-{leg.id}"))
        await until(lambda: bot.position() == 0)
        (fill,) = bot.fills(f"tpsl-{leg.id}")
        assert (fill.trade_type, fill.amount, fill.position) == (TradeType.SELL, Decimal("0.01"), "CLOSE")
        assert bot.filled(order_id) == Decimal("0.01")
        assert tracked.is_open
        assert {str(trade["id"]) for trade in (await venue.ledger())["trades"]} == {
            each.exchange_trade_id for each in bot.fills()
        }
        assert all(result.success for result in await bot.connector.cancel_all(5))
        await bot.until_done(order_id)


@pytest.mark.parametrize("mode", ["adopt", "cancel"])
async def test_legs_that_protect_a_position_outlive_a_restart(venue, mode):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.buy("0.02", price, stop_loss=price * Decimal("0.9"))
        await bot.until_open(order_id)
        await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: bot.filled(order_id) == Decimal("0.01"))
        parent = int(bot.connector.in_flight_orders[order_id].exchange_order_id)
        assert all(result.success for result in await bot.connector.cancel_all(5))
        (leg,) = await venue.open_orders()
        assert leg.id != parent
    async with venue.bot(orders_after_restart=mode) as bot:
        assert [order.id for order in await venue.open_orders()] == [leg.id]
        assert bot.connector.in_flight_orders == {}
        assert bot.recorder.created == []


async def test_expired_order_is_reported_as_expired(venue):
    async with venue.bot() as bot:
        connector = bot.connector
        connector._clock.ms = lambda: connector._born_ms - 14 * 86_400_000 + 3_000 + _lived_ms(connector)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: bot.recorder.of(MarketEvent.OrderExpired, order_id))
        assert connector.exchange_status(order_id).value == "EXPIRED"
        assert len(bot.cancelled(order_id)) == 1


def _lived_ms(connector):
    return int(time.time() * 1000) - connector._born_ms


async def test_dead_mans_switch_is_wound_up_while_the_bot_runs_and_off_when_it_stops(venue):
    account = venue.venue.trader.account
    async with venue.bot(dead_mans_switch_s=10):
        await until(lambda: account.dead_man_ms)
        armed_ms = account.dead_man_ms
        await until(lambda: account.dead_man_ms > armed_ms)
    assert account.dead_man_ms is None


async def test_clock_that_is_off_is_told_once_and_orders_still_expire_in_time(venue, caplog):
    await venue.fault("slow_clock", value=-60)
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        told = [message for message in caplog.messages if "clock is 60 s ahead of the exchange's" in message]
        assert len(told) == 1
        (order,) = await venue.open_orders()
        assert order.expire_time_ms - bot.connector._clock.ms() == pytest.approx(14 * 86_400_000, abs=5_000)


async def test_stop_network_leaves_no_task_behind(venue):
    before = asyncio.all_tasks()
    async with venue.bot() as bot:
        await bot.until_open(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
    left = {task.get_name() for task in asyncio.all_tasks() - before if not task.done()}
    assert not {name for name in left if "aiohttp" not in name and not name.startswith("Task-")}, left

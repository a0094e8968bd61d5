"""What the connector does by itself while it runs: catching up, watching, renewing; and how it speaks of failures."""

import asyncio
import json
import logging
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType, PositionAction, PositionMode, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.network_iterator import NetworkStatus

from hummingbot_extended.connector import account_watch, dead_mans_switch
from hummingbot_extended.connector import extended_perpetual_user_stream_data_source as user_stream
from hummingbot_extended.exchange.enums import Side
from test.connector.models import tracked
from test.connector.running import PAIR, TICK_S, Bot, stage
from test.until import until


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


async def test_reconciliation_is_repeated_until_rest_answers(venue, caplog):
    await venue.fault("server_error", path="GET /api/v1/user/trades*", count=2)
    async with venue.bot() as bot:
        assert bot.connector._reconciler.passes == 1
        assert sum("could not be reconciled yet" in message for message in caplog.messages) == 1


async def test_polls_that_fail_are_told_once_and_their_recovery_once(venue, caplog):
    caplog.set_level(logging.INFO)
    async with venue.bot() as bot:
        connector = bot.connector
        await bot.until_open(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
        await venue.fault("server_error", path="GET /api/v1/user/*")
        for _ in range(3):
            await connector._status_polling_loop_fetch_updates()
            await connector._update_all_funding_payments(fire_event_on_new=True)
        await venue.control("DELETE", "faults")
        for _ in range(3):
            await connector._status_polling_loop_fetch_updates()
            await connector._update_all_funding_payments(fire_event_on_new=True)
        for what in ("Polling the account", "Reading the account's fills", "Reading the open orders"):
            assert sum(message.startswith(f"{what} failed") for message in caplog.messages) == 1, what
            assert caplog.messages.count(f"{what} works again.") == 1, what
        assert caplog.messages.count("Reading the funding payments works again.") == 1


async def test_rules_and_fees_are_read_again_after_a_failure(venue, caplog):
    caplog.set_level(logging.INFO)
    await venue.fault("server_error", path="GET /api/v1/user/fees*", count=1)
    await venue.fault("server_error", path="GET /api/v1/info/markets", count=2)
    async with venue.bot() as bot:
        await until(lambda: bot.connector._fees.by_pair)
        await until(lambda: "Reading the markets works again." in caplog.messages)


async def test_funding_rates_that_cannot_be_read_at_the_start_are_read_again(venue, caplog):
    caplog.set_level(logging.INFO)
    await venue.fault("server_error", path="*ETH-USD/stats", count=2)
    async with venue.bot(trading_pairs=[PAIR, "ETH-USD"]) as bot:
        assert bot.connector.get_funding_info("ETH-USD").mark_price > 0
        assert "Reading the funding rates works again." in caplog.messages


async def test_pair_that_is_no_market_is_one_sentence(venue, caplog):
    """Hummingbot waits for such a pair; its log must say why, and the rest of the connector works."""
    connector = venue.connector(trading_pairs=["NOPE-USD", PAIR])
    with Clock(ClockMode.REALTIME, TICK_S) as clock:
        clock.add_iterator(connector)
        ticking = asyncio.create_task(clock.run())
        await until(lambda: connector.status_dict["user_stream_initialized"])
        await until(lambda: connector.get_funding_info(PAIR) is not None)
        await connector._update_trading_rules()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        connector.stop(clock)
        await connector.stop_network()
    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error.startswith("NOPE-USD is not a market of the exchange, so nothing is traded: correct the strategy's")
    assert "BTC-USD" in error
    assert not connector.ready


async def test_rest_failure_does_not_tear_live_streams_down(venue):
    async with venue.bot() as bot:
        await venue.fault("server_error", path="*stats*")
        assert await bot.connector.check_network() is NetworkStatus.CONNECTED
        await bot.connector.stop_network()
        assert await bot.connector.check_network() is NetworkStatus.NOT_CONNECTED
        bot.connector._throttler.back_off(60)
        assert await bot.connector.check_network() is NetworkStatus.CONNECTED
    assert await venue.connector().check_network() is NetworkStatus.NOT_CONNECTED
    await venue.control("DELETE", "faults")
    assert await venue.connector().check_network() is NetworkStatus.CONNECTED


async def test_stream_that_fills_faster_than_it_is_read_reconnects_and_loses_nothing(venue, monkeypatch):
    monkeypatch.setattr(user_stream, "QUEUE_SIZE", 6)
    connector = venue.connector()
    async with venue.bot(connector) as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.05", price)
        await bot.until_open(order_id)
        generation = connector._user_stream.generation
        reading = asyncio.Event()
        apply = connector._feed._handle

        async def slowly(item):
            await reading.wait()
            await apply(item)

        monkeypatch.setattr(connector._feed, "_handle", slowly)
        for _ in range(5):
            await other.place(Side.BUY, "0.01", price, ioc=True)
        await until(lambda: connector._user_stream.generation > generation)
        reading.set()
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.05")
        assert len(bot.fills()) == 5


async def test_watch_goes_on_after_what_nobody_expected(venue, monkeypatch, caplog):
    monkeypatch.setattr(account_watch, "REGULAR_S", 0.2)
    async with venue.bot() as bot:
        reconciler, checks = bot.connector._reconciler, []
        apply_fills = reconciler.apply_fills

        async def fail_once(orders):
            checks.append(orders)
            if len(checks) == 1:
                raise KeyError("unexpected")
            await apply_fills(orders)

        monkeypatch.setattr(reconciler, "apply_fills", fail_once)
        await bot.until_open(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
        await until(lambda: len(checks) > 2)
        assert any("The account could not be checked" in message for message in caplog.messages)


async def test_watch_goes_on_while_the_wall_clock_is_set_back(venue, monkeypatch):
    monkeypatch.setattr(account_watch, "REGULAR_S", 0.2)
    async with venue.bot() as bot:
        reconciler, checks = bot.connector._reconciler, []
        apply_fills = reconciler.apply_fills

        async def count(orders):
            checks.append(orders)
            await apply_fills(orders)

        monkeypatch.setattr(reconciler, "apply_fills", count)
        await bot.until_open(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
        await until(lambda: checks)
        set_back = SimpleNamespace(time=lambda: time.time() - 3600.0, monotonic=time.monotonic)
        monkeypatch.setattr(account_watch, "time", set_back)
        seen = len(checks)
        await until(lambda: len(checks) > seen + 1)


async def test_cancel_that_was_acknowledged_and_not_carried_out_is_repeated(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        tracked = bot.connector.in_flight_orders[order_id]
        await until(lambda: tracked.is_open and order_id not in bot.connector._entries)  # the reply is processed, too
        tracked.current_state = OrderState.PENDING_CANCEL
        tracked.last_update_timestamp -= 11
        await bot.until_done(order_id)
        assert await venue.open_orders() == []


async def test_order_of_this_bot_that_hummingbot_lost_is_found_again_without_a_second_record(venue):
    connector = venue.connector(orders_after_restart="adopt")
    async with venue.bot(connector) as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        connector._order_tracker._in_flight_orders.clear()
        await connector._reconciler.apply_orders()
        assert list(connector.in_flight_orders) == [order_id]
        assert len(bot.recorder.created) == 1


async def test_journal_entry_that_never_reached_the_exchange_is_struck_out(venue):
    connector = venue.connector(bot_id="journal")
    connector._identity.journal.write("hbx-journal-never")
    async with venue.bot(connector):
        assert connector._identity.journal.pending == []


async def test_cancel_all_reports_what_is_still_open_when_its_time_is_up(venue, caplog):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        await venue.fault("server_error", path="POST *massCancel*")
        await venue.fault("server_error", path="GET /api/v1/user/orders*")
        (result,) = await bot.connector.cancel_all(1.5)
        assert (result.order_id, result.success) == (order_id, False)
        assert any("Not all orders could be cancelled within" in message for message in caplog.messages)


async def test_cancel_all_without_orders_sends_nothing(venue):
    async with venue.bot() as bot:
        assert await bot.connector.cancel_all(1) == []


async def test_switch_that_cannot_be_wound_up_is_told_once(venue, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(dead_mans_switch, "BEATS", 100)
    switch = dead_mans_switch.DeadMansSwitch(venue.rest(venue.venue.api_key), countdown_s=1)
    await venue.fault("server_error", path="*deadmanswitch*", count=3)
    task = asyncio.create_task(switch.run())
    await until(lambda: "Renewing the dead man's switch works again." in caplog.messages)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sum("Renewing the dead man's switch failed" in message for message in caplog.messages) == 1
    await venue.fault("server_error", path="*deadmanswitch*", count=1)
    await switch.disarm()
    assert any("stays armed" in message for message in caplog.messages)
    assert "works" not in repr(switch)


async def test_pair_is_added_and_removed_while_running(venue):
    async with venue.bot() as bot:
        assert await bot.connector.add_trading_pair("ETH-USD")
        assert bot.connector.ready
        assert bot.connector.get_funding_info("ETH-USD").mark_price > 0
        price = (await venue.mark("ETH-USD")) * Decimal("0.99")
        await bot.until_open(bot.buy("0.1", price, pair="ETH-USD"))
        assert await bot.connector.remove_trading_pair("ETH-USD")
        assert bot.connector.trading_pairs == [PAIR]


async def test_stop_and_start_again_is_ready_again(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        await bot.connector.stop_network()
        assert not bot.connector.ready
        await bot.connector.start_network()
        await until(lambda: bot.connector.ready)
        bot.cancel(order_id)
        await bot.until_done(order_id)


async def test_fee_estimate_is_the_accounts_own(venue):
    async with venue.bot() as bot:
        await until(lambda: bot.connector._fees.by_pair)
        arguments = ("BTC", "USD", OrderType.LIMIT, TradeType.BUY, PositionAction.OPEN, Decimal(1), Decimal(1))
        assert bot.connector.get_fee(*arguments).percent == Decimal("0.00025")
        assert bot.connector.get_fee(*arguments, is_maker=True).percent == 0


async def test_last_payment_of_a_pair(venue):
    async with venue.bot() as bot:
        assert await bot.connector._fetch_last_fee_payment(PAIR) == (0, Decimal(-1), Decimal(-1))
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        bot.buy("0.01", price)
        await until(lambda: bot.position())
        await venue.control("POST", "funding", {"market": PAIR, "rate": "0.001"})
        await venue.control("POST", "funding", {})
        at_ms, rate, amount = await bot.connector._fetch_last_fee_payment(PAIR)
        paid = (await venue.ledger())["fundingPayments"][0]
        assert (at_ms, rate, amount) == (paid["paidTime"], Decimal("0.001"), Decimal(paid["fundingFee"]))


async def test_message_that_cannot_be_applied_is_told_and_reconciled(venue, caplog):
    async with venue.bot() as bot:
        generation = bot.connector._user_stream.generation
        bot.connector._user_stream_tracker.user_stream.put_nowait("nonsense")
        await until(lambda: bot.connector._user_stream.generation > generation and bot.connector.ready)
        assert "Unexpected error in user stream listener loop." in caplog.messages


async def test_record_that_cannot_be_read_is_told_once_and_the_stream_goes_on(venue, caplog):
    stream = venue.connector()._user_stream
    queue = asyncio.Queue()
    bad = {"type": "ORDER", "data": {"orders": [{"id": 1}]}, "ts": 1, "seq": 1}
    for seq in (1, 2):
        stream._take(json.dumps({**bad, "seq": seq}), queue)
    assert queue.qsize() == 2
    assert sum("a record that cannot be read" in message for message in caplog.messages) == 1


async def test_rest_tells_what_the_silent_stream_does_not_of_a_resting_order(venue, monkeypatch):
    """A resting order owes no news, so only the regular look finds its fill."""
    monkeypatch.setattr(account_watch, "REGULAR_S", 0.5)
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.01", price)
        await bot.until_open(order_id)
        generation = bot.connector._user_stream.generation
        await venue.fault("stall", path="*account*", value=60, count=1)
        await other.place(Side.BUY, "0.01", price, ioc=True)
        await bot.until_done(order_id)
        assert bot.filled(order_id) == Decimal("0.01")
        await until(lambda: bot.connector._user_stream.generation > generation)


async def test_every_transport_trades(venue):
    for transport in ("websocket", "sse", "rpc"):
        connector = venue.connector(transport=transport)
        bot = Bot(connector)
        async with venue.bot(connector):
            order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
            await bot.until_open(order_id)
            bot.cancel(order_id)
            await bot.until_done(order_id)


async def test_connector_says_what_it_is_and_where_its_parts_stand(venue):
    connector = venue.connector()
    assert connector.trading_rules_request_path == connector.trading_pairs_request_path == "/info/markets"
    assert connector.check_network_request_path == "/info/markets/BTC-USD/stats"
    for part in ("_desk", "_canceller", "_outcomes", "_reconciler", "_markets", "_identity", "_fills", "_rest"):
        assert type(getattr(connector, part)).__name__ in repr(getattr(connector, part))
    assert await connector._trading_pair_position_mode_set(PositionMode.ONEWAY, PAIR) == (True, "")
    assert (await connector._trading_pair_position_mode_set(PositionMode.HEDGE, PAIR))[0] is False
    assert await connector._all_trade_updates_for_order(tracked(exchange_id=None)) == []


async def test_fills_of_an_order_by_rest(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.02", price)
        await bot.until_open(order_id)
        await other.place(Side.BUY, "0.01", price, ioc=True)
        await until(lambda: bot.filled(order_id))
        (update,) = await bot.connector._all_trade_updates_for_order(bot.connector.in_flight_orders[order_id])
        assert (update.fill_base_amount, update.fill_price) == (Decimal("0.01"), price)


async def test_leverage_that_the_exchange_does_not_keep_is_not_taken_for_set(venue, monkeypatch):
    async with venue.bot() as bot:
        rest = bot.connector._rest

        async def ignore(market, leverage):
            return None

        monkeypatch.setattr(rest, "set_leverage", ignore)
        assert await bot.connector._set_trading_pair_leverage(PAIR, 33) == (
            False,
            "the exchange keeps a leverage of 10",
        )


async def test_pair_without_fee_rates_is_refused(venue, monkeypatch):
    async with venue.bot() as bot:
        fees = bot.connector._fees
        await until(lambda: fees.by_pair)
        fees.by_pair.clear()
        monkeypatch.setattr(fees._markets, "pair_of", lambda name: None)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: bot.failures(order_id))
        assert "states no fee rates" in bot.failures(order_id)[0].error_message

"""Orders whose outcome the network hides: none is lost, none is doubled, none is left behind."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from hummingbot_extended.connector import cancel_order, order_desk, order_outcomes, rest
from hummingbot_extended.errors import NotFound, RequestTimedOut
from hummingbot_extended.exchange.enums import Side
from test.connector.running import stage
from test.until import until

POST = "POST /api/v1/user/order"


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch):
    """Ask for less long than in life, so that a test is short."""
    monkeypatch.setattr(order_outcomes, "IN_CALL_S", 0.5)
    monkeypatch.setattr(order_outcomes, "VISIBLE_AFTER_S", 2.0)


@pytest.mark.parametrize("kind", ["reply_lost", "reply_error"])
async def test_order_whose_reply_is_lost_is_created_once_and_can_be_cancelled(venue, kind):
    async with venue.bot() as bot:
        await venue.fault(kind, path=POST, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        await until(lambda: bot.recorder.created)
        assert [order.external_id for order in await venue.open_orders()] == [order_id]
        bot.cancel(order_id)
        await bot.until_done(order_id)
        assert len(bot.recorder.created) == len(bot.cancelled(order_id)) == 1
        assert bot.failures(order_id) == []


async def test_order_whose_reply_is_lost_while_the_account_stream_is_down_is_found_by_rest(venue):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        await venue.fault("reply_lost", path=POST, count=1)
        await venue.fault("stall", path="*account*", value=60, count=1)
        order_id = bot.buy("0.01", price)
        await until(lambda: bot.recorder.created)
        assert [order.external_id for order in await venue.open_orders()] == [order_id]


@pytest.mark.parametrize("kind", ["server_error", "too_many_requests"])
async def test_order_that_the_exchange_never_took_fails_in_the_end_and_is_not_sent_again(venue, kind, impatient):
    async with venue.bot() as bot:
        await venue.fault(kind, path=POST, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: bot.connector._outcomes.is_searching(order_id))
        assert order_id in bot.connector.in_flight_orders
        await bot.until_done(order_id)
        assert len(bot.failures(order_id)) == 1
        assert (await venue.ledger())["orders"] == []


async def test_order_stays_tracked_while_nobody_can_tell_and_is_found_when_somebody_can(venue, impatient):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        await venue.fault("stall", path="*account*", value=60, count=1)
        await venue.fault("reply_lost", path=POST, count=1)
        outage = await venue.fault("server_error", path="GET /api/v1/user/*")
        order_id = bot.buy("0.01", price)
        await until(lambda: bot.connector._outcomes.is_searching(order_id))
        await asyncio.sleep(order_outcomes.VISIBLE_AFTER_S + 1)  # the outage outlives every grace time
        assert order_id in bot.connector.in_flight_orders
        assert bot.failures(order_id) == []
        await venue.control("DELETE", f"faults/{outage['id']}")
        await until(lambda: bot.recorder.created)
        assert [order.external_id for order in await venue.open_orders()] == [order_id]


async def test_order_that_is_filled_before_its_reply_is_recorded_whole(venue):
    async with venue.bot() as bot:
        other, price = await venue.trader(), (await venue.mark()).quantize(Decimal(1))
        await other.place(Side.SELL, "0.01", price)
        await venue.fault("late_reply", path=POST, value=3, count=1)
        order_id = bot.buy("0.01", price)
        await bot.until_done(order_id)
        assert order_id in bot.connector._entries
        await until(lambda: not bot.connector._entries)  # the reply is there, and must change nothing
        assert len(bot.recorder.created) == 1
        assert bot.filled(order_id) == Decimal("0.01")
        assert order_id not in bot.connector.in_flight_orders
        assert bot.connector.order_book_tracker is not None


async def test_cancel_before_the_reply_is_not_lost(venue):
    async with venue.bot() as bot:
        await venue.fault("slow_reply", path=POST, value=0.5, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: order_id in bot.connector.in_flight_orders)
        bot.cancel(order_id)
        await bot.until_done(order_id)
        assert await venue.open_orders() == []
        assert len(bot.cancelled(order_id)) == 1


@pytest.mark.parametrize("trouble", [("server_error", "GET /api/v1/user/*"), ("bare_404", "* /api/v1/user/order*")])
async def test_failing_polls_and_cancels_never_make_an_order_lost(venue, trouble):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        tracked = bot.connector.in_flight_orders[order_id]
        tracked.creation_timestamp -= 100
        kind, path = trouble
        await venue.fault(kind, path=path)
        for _ in range(6):
            await bot.connector._status_polling_loop_fetch_updates()
            if kind == "bare_404":
                assert not await bot.connector._execute_order_cancel(tracked)
        assert order_id in bot.connector.in_flight_orders
        assert bot.connector._order_tracker.lost_orders == {}
        assert bot.connector._order_tracker._order_not_found_records[order_id] == 0


async def test_order_that_rest_does_not_show_yet_is_not_lost():
    async with stage(visibility_delay_ms=3_000) as venue, venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        for _ in range(6):
            await bot.connector._status_polling_loop_fetch_updates()
        assert order_id in bot.connector.in_flight_orders


async def test_cancel_is_tried_again_when_the_exchange_fails(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        await venue.fault("server_error", path="DELETE *", count=2)
        bot.cancel(order_id)
        await bot.until_done(order_id)
        assert await venue.fired("server_error") == 2
        assert await venue.open_orders() == []


async def test_cancel_all_survives_a_lost_reply(venue):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        order_ids = [bot.buy("0.01", price) for _ in range(3)]
        for order_id in order_ids:
            await bot.until_open(order_id)
        await venue.fault("server_error", path="POST *massCancel", count=1)
        results = await bot.connector.cancel_all(10)
        assert [result.success for result in results] == [True, True, True]
        assert await venue.open_orders() == []


async def test_order_that_is_received_and_not_listed_yet_is_not_taken_for_cancelled():
    async with stage(acceptance_delay_ms=2_500) as venue, venue.bot() as bot:
        await venue.fault("server_error", path="POST *massCancel*", count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: bot.recorder.created)
        (result,) = await bot.connector.cancel_all(20)
        assert (result.order_id, result.success) == (order_id, True)
        assert await venue.fired("server_error") == 1
        await bot.until_done(order_id)
        assert bot.cancelled(order_id)
        assert await venue.open_orders() == []


async def test_cancel_all_does_not_give_an_order_up_for_an_answer_that_says_nothing(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        await venue.fault("server_error", path="POST *massCancel*", count=1)
        await venue.fault("bare_404", path="DELETE *", count=2)
        (result,) = await bot.connector.cancel_all(20)
        assert result.success
        assert await venue.fired("bare_404") == 2
        assert await venue.open_orders() == []


async def test_order_that_was_on_its_way_when_all_were_cancelled_is_cancelled_when_it_arrives(venue):
    async with venue.bot() as bot:
        await venue.fault("slow_reply", path=POST, value=5, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: order_id in bot.connector.in_flight_orders)
        (result,) = await bot.connector.cancel_all(0.5)
        assert not result.success
        await bot.until_done(order_id)
        assert bot.cancelled(order_id)
        assert await venue.open_orders() == []


async def test_order_that_the_request_budget_holds_up_is_not_sent_late(venue, monkeypatch):
    monkeypatch.setattr(rest, "ORDER_WAIT_S", 0.2)
    async with venue.bot() as bot:
        bot.connector._throttler.back_off(60)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_done(order_id)
        assert "not sent, the request budget left no room for 0.2 s" in bot.failures(order_id)[0].error_message
        assert (await venue.ledger())["orders"] == []


async def test_order_whose_fee_rates_the_request_budget_holds_up_is_not_sent_late(venue, monkeypatch):
    monkeypatch.setattr(order_desk, "ORDER_WAIT_S", 0.2)
    async with venue.bot() as bot:
        fees = bot.connector._fees.by_pair
        await until(lambda: fees)
        fees.clear()
        bot.connector._throttler.back_off(60)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_done(order_id)
        assert "fee rates were not known within 0.2 s" in bot.failures(order_id)[0].error_message


async def test_not_found_of_an_order_that_is_still_being_sent_does_not_count(venue):
    async with venue.bot() as bot:
        await venue.fault("slow_reply", path=POST, value=2, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: order_id in bot.connector.in_flight_orders)
        tracked = bot.connector.in_flight_orders[order_id]
        tracked.creation_timestamp -= order_outcomes.VISIBLE_AFTER_S
        await bot.connector._handle_update_error_for_active_order(tracked, NotFound(404, "NOT_FOUND", "not found"))
        assert bot.connector._order_tracker._order_not_found_records[order_id] == 0
        await bot.until_open(order_id)


async def test_fee_rates_that_have_changed_are_read_again(venue):
    async with venue.bot() as bot:
        fees = bot.connector._fees.by_pair
        await until(lambda: fees)
        fees["BTC-USD"] = msgspec.structs.replace(fees["BTC-USD"], taker_fee_rate=Decimal("0.0001"))
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        assert fees["BTC-USD"].taker_fee_rate == Decimal("0.00025")


async def test_cancel_of_an_order_whose_outcome_is_unknown_is_kept_until_it_is_known(venue, impatient):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        await venue.fault("stall", path="*account*", value=60, count=1)
        await venue.fault("reply_lost", path=POST, count=1)
        outage = await venue.fault("server_error", path="GET /api/v1/user/*")
        order_id = bot.buy("0.01", price)
        await until(lambda: bot.connector._outcomes.is_searching(order_id))
        for _ in range(3):
            bot.cancel(order_id)
        await asyncio.sleep(0.1)
        await venue.control("DELETE", f"faults/{outage['id']}")
        await bot.until_done(order_id)
        assert await venue.open_orders() == []
        assert len(bot.cancelled(order_id)) == 1


async def test_cancel_that_was_kept_is_tried_until_the_exchange_takes_it(venue, impatient):
    async with venue.bot() as bot:
        price = (await venue.mark()) * Decimal("0.99")
        await venue.fault("stall", path="*account*", value=60, count=1)
        await venue.fault("reply_lost", path=POST, count=1)
        outage = await venue.fault("server_error", path="GET /api/v1/user/*")
        order_id = bot.buy("0.01", price)
        await until(lambda: bot.connector._outcomes.is_searching(order_id))
        await venue.fault("server_error", path="DELETE *", count=cancel_order.ATTEMPTS)
        bot.cancel(order_id)
        await until(lambda: order_id in bot.connector._canceller._wished)
        await venue.control("DELETE", f"faults/{outage['id']}")
        await bot.until_done(order_id)
        assert await venue.open_orders() == []
        assert len(bot.cancelled(order_id)) == 1


async def test_cancel_that_is_asked_for_twice_is_sent_once(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        slow = await venue.fault("slow_reply", path="DELETE *", value=0.2)
        for _ in range(5):
            bot.cancel(order_id)
        await bot.until_done(order_id)
        seen = {fault["id"]: fault["fired"] for fault in await venue.control("GET", "faults")}
        assert seen[slow["id"]] == 1


async def test_only_a_not_found_of_an_order_that_is_old_enough_counts(venue):
    async with venue.bot() as bot:
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await bot.until_open(order_id)
        connector, tracked = bot.connector, bot.connector.in_flight_orders[order_id]
        counted = connector._order_tracker._order_not_found_records
        not_found, other = NotFound(404, "NOT_FOUND", "Order not found"), NotFound(404, 1004, "Account not found")
        await connector._handle_update_error_for_active_order(tracked, not_found)
        assert counted[order_id] == 0
        tracked.creation_timestamp -= order_outcomes.VISIBLE_AFTER_S
        for error in (other, RequestTimedOut("late"), TimeoutError()):
            await connector._handle_update_error_for_active_order(tracked, error)
        assert counted[order_id] == 0
        await connector._handle_update_error_for_active_order(tracked, not_found)
        assert counted[order_id] == 1


async def test_order_is_in_the_journal_from_before_it_is_sent_until_it_is_recorded(venue):
    async with venue.bot() as bot:
        journal = bot.connector._identity.journal
        await venue.fault("slow_reply", path=POST, value=0.3, count=1)
        order_id = bot.buy("0.01", (await venue.mark()) * Decimal("0.99"))
        await until(lambda: journal.pending == [order_id])
        assert bot.recorder.created == []
        await until(lambda: bot.recorder.created)
        assert journal.pending == []
        await bot.until_open(order_id)  # or the rejection could meet this order
        await venue.fault("late_rejection", count=1)
        await bot.until_done(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
        assert journal.pending == []

"""Orders with a known outcome, whatever happens to the reply."""

import asyncio
from decimal import Decimal

import pytest

from hummingbot_extended.client import OrderOutcome
from hummingbot_extended.client import order_execution as module
from hummingbot_extended.client.order_search import OrderSearch
from hummingbot_extended.errors import ConnectFailed, NotFound, ServerUnavailable, SettingsError, Unauthorized
from hummingbot_extended.exchange.endpoints import local_domain
from hummingbot_extended.exchange.enums import (
    ExecutionPriceType,
    OrderStatus,
    OrderType,
    TimeInForce,
    TpSlType,
    TriggerPriceType,
)
from hummingbot_extended.exchange.orders import ExitLeg
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.client.conftest import Heard, proven_client
from test.until import until

ORDER = "POST /api/v1/user/order"
CANCEL = "DELETE /api/v1/user/order*"
SIZE = Decimal("0.001")


def fault(venue, kind: FaultKind, path: str, *, count: int = 1, **values):
    return venue.faults.add(FaultSpec(kind=kind, path=path, count=count, **values), venue.core.now_ms())


@pytest.fixture
async def orders(client):
    return client.order_execution


@pytest.fixture
async def price(client) -> Decimal:
    """Where a bid rests."""
    mark = (await client.rest.market_stats("BTC-USD")).mark_price
    return (mark * Decimal("0.97")).quantize(Decimal(1))


@pytest.fixture
def impatient(monkeypatch):
    """An outcome is waited for in the call only briefly."""
    monkeypatch.setattr(module, "IN_CALL_S", 0.3)


async def test_a_limit_order_is_accepted_replaced_and_cancelled(orders, price):
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="mine-1", wait_s=5)
    assert (placed.outcome, placed.external_id, placed.reason) == (OrderOutcome.ACCEPTED, "mine-1", "")
    assert placed.order.status is OrderStatus.NEW
    assert placed.order.id == placed.order_id
    moved = await orders.replace_order("mine-1", price=price - 1, qty=2 * SIZE, wait_s=5)
    assert (moved.order.price, moved.order.qty) == (price - 1, 2 * SIZE)
    old = await orders.outcome_of("mine-1")
    assert old.order.status is OrderStatus.CANCELLED
    gone = await orders.cancel_order(moved.external_id, wait_s=5)
    assert gone.is_accepted
    assert gone.order.status is OrderStatus.CANCELLED


async def test_a_replacement_keeps_what_is_not_named(quiet_venue):
    async with proven_client(quiet_venue) as client:
        orders = client.order_execution
        mark = (await client.rest.market_stats("BTC-USD")).mark_price
        price = (mark * Decimal("0.97")).quantize(Decimal(1))
        leg = ExitLeg(
            trigger_price=price - 1000,
            trigger_price_type=TriggerPriceType.MARK,
            price=price - 1000,
            price_type=ExecutionPriceType.LIMIT,
        )
        legs = {"tp_sl_type": TpSlType.ORDER, "stop_loss": leg}
        placed = await orders.place_order("BTC-USD", "BUY", 3 * SIZE, price, expiry_s=3600, wait_s=5, **legs)
        assert placed.is_accepted, placed.reason
        moved = await orders.replace_order(placed.external_id, price=price - 1, wait_s=5)
        assert moved.is_accepted, moved.reason
        assert abs(moved.order.expire_time_ms - placed.order.expire_time_ms) < 1000
        assert moved.order.time_in_force is placed.order.time_in_force
        assert moved.order.stop_loss.trigger_price == price - 1000
        with pytest.raises(SettingsError, match="nothing to replace"):
            await orders.replace_order(placed.external_id, price=price)


async def test_a_replacement_of_a_partly_filled_order_is_for_what_is_left(venue):
    async with proven_client(venue) as client:
        orders = client.order_execution
        for house in venue.core.house.values():
            house.step = lambda *_: None  # the market stands still
        best = (await client.rest.order_book("BTC-USD")).ask[0]
        told = Heard()
        await orders.stream_order_updates(told)
        placed = await orders.place_order("BTC-USD", "BUY", best.qty + 2 * SIZE, best.price)
        assert placed.is_accepted, placed.reason
        await told.until(lambda events: any(event.order.filled_qty == best.qty for event in events))
        moved = await orders.replace_order(placed.external_id, price=best.price - 1, wait_s=5)
        assert moved.is_accepted, moved.reason
        assert moved.order.qty == 2 * SIZE


async def test_an_order_whose_command_was_cancelled_is_looked_for(venue, client, orders, price):
    await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="first")
    fault(venue, FaultKind.LATE_REPLY, ORDER, value=5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="abandoned")
    assert orders.unresolved == ("abandoned",)
    assert (await orders.outcome_of("abandoned")).outcome is OrderOutcome.ACCEPTED


async def test_an_order_that_was_received_but_shows_later_is_not_called_rejected():
    settings = VenueSettings(port=0, rate_limit=0, acceptance_delay_ms=1_000)
    async with PracticeVenue(settings) as venue, proven_client(venue) as client:
        orders = client.order_execution
        placed = await orders.place_order("BTC-USD", "BUY", SIZE)
        assert (await orders.outcome_of(placed.external_id, timeout_s=0.01)).outcome is OrderOutcome.UNKNOWN
        assert (await orders.outcome_of(placed.external_id)).is_accepted


async def test_an_order_that_was_received_is_accepted_also_where_it_may_not_be_read(client, orders, price, monkeypatch):
    async def refused(*_args):
        raise Unauthorized(401, None, "no")

    monkeypatch.setattr(client.rest, "orders_by_external_id", refused)
    monkeypatch.setattr(client.rest, "order", refused)
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, wait_s=5)
    assert placed.is_accepted
    assert placed.order_id is not None


async def test_without_waiting_a_receipt_is_enough(orders, price):
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price)
    assert placed.is_accepted
    assert placed.order is None
    assert (await orders.cancel_order(order_id=placed.order_id)).is_accepted


async def test_without_a_price_an_order_trades_at_market(orders):
    bought = await orders.place_order("BTC-USD", "BUY", SIZE, wait_s=5)
    assert (bought.order.type, bought.order.time_in_force) == (OrderType.MARKET, TimeInForce.IOC)
    final = await until_final(orders, bought.external_id)
    assert final.order.status is OrderStatus.FILLED
    sold = await orders.place_order("BTC-USD", "SELL", SIZE, reduce_only=True, wait_s=5)
    assert (await until_final(orders, sold.external_id)).order.status is OrderStatus.FILLED


async def test_take_profit_and_stop_loss_go_with_an_order(orders, price):
    def leg(trigger: Decimal) -> ExitLeg:
        return ExitLeg(
            trigger_price=trigger,
            trigger_price_type=TriggerPriceType.MARK,
            price=trigger,
            price_type=ExecutionPriceType.LIMIT,
        )

    placed = await orders.place_order(
        "BTC-USD",
        "BUY",
        SIZE,
        price,
        wait_s=5,
        tp_sl_type=TpSlType.ORDER,
        take_profit=leg(price + 3000),
        stop_loss=leg(price - 1000),
    )
    assert placed.is_accepted, placed.reason
    assert placed.order.take_profit.trigger_price == price + 3000


async def test_a_late_rejection_is_a_rejection_for_who_waits(venue, orders, price):
    fault(venue, FaultKind.LATE_REJECTION, "*")
    refused = await orders.place_order("BTC-USD", "BUY", SIZE, price, wait_s=5)
    assert refused.outcome is OrderOutcome.REJECTED
    assert refused.order.status is OrderStatus.REJECTED
    assert refused.reason


async def test_a_post_only_order_that_would_trade_is_rejected(client, orders):
    ask = (await client.rest.market_stats("BTC-USD")).ask_price
    refused = await orders.place_order("BTC-USD", "BUY", SIZE, ask + 100, post_only=True, wait_s=5)
    assert (refused.outcome, refused.reason) == (OrderOutcome.REJECTED, "POST_ONLY_FAILED")


async def test_what_the_exchange_refuses_is_rejected_with_its_reason(orders, price):
    refused = await orders.place_order("BTC-USD", "SELL", SIZE, price + 5000, reduce_only=True, wait_s=5)
    assert refused.outcome is OrderOutcome.REJECTED
    assert refused.error.status == 400
    assert "113" in str(refused.error.code)


async def test_an_external_id_is_taken_once(orders, price):
    assert (await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="twice")).is_accepted
    again = await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="twice")
    assert (again.outcome, again.error.code) == (OrderOutcome.REJECTED, 1134)


@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.REPLY_ERROR])
async def test_an_order_whose_reply_is_lost_is_found_and_sent_once(venue, client, orders, price, kind):
    fault(venue, kind, ORDER)
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="lost")
    assert placed.outcome is OrderOutcome.ACCEPTED
    assert placed.order.status is OrderStatus.NEW
    assert [order.external_id for order in await client.rest.open_orders()] == ["lost"]
    assert orders.unresolved == ()


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.TOO_MANY_REQUESTS])
async def test_an_order_that_never_arrived_is_unknown_first_and_rejected_in_the_end(venue, price, kind, impatient):
    async with proven_client(venue) as client:
        orders = client.order_execution
        client._search._visible_after_s = 1.0
        fault(venue, kind, ORDER)
        placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="never")
        assert placed.outcome is OrderOutcome.UNKNOWN
        assert placed.error is not None
        assert orders.unresolved == ("never",)
        final = await orders.outcome_of("never", timeout_s=10)
        assert final.outcome is OrderOutcome.REJECTED
        assert orders.unresolved == ()


async def test_a_network_that_fails_says_nothing_of_an_order(venue, price, impatient):
    async with proven_client(venue) as client:
        orders = client.order_execution
        client._search._visible_after_s = 0.2
        fault(venue, FaultKind.REPLY_LOST, ORDER)
        trouble = fault(venue, FaultKind.SERVER_ERROR, "GET /api/v1/user/orders*", count=0)
        placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, external_id="behind")
        assert placed.outcome is OrderOutcome.UNKNOWN
        await until(lambda: trouble.fired >= 3)
        assert (await orders.outcome_of("behind", timeout_s=0.01)).outcome is OrderOutcome.UNKNOWN
        venue.faults.remove(trouble.id)
        assert (await orders.outcome_of("behind", timeout_s=10)).is_accepted


async def test_closing_ends_a_search(venue, price, impatient):
    async with proven_client(venue) as client:
        fault(venue, FaultKind.SERVER_ERROR, ORDER)
        await client.order_execution.place_order("BTC-USD", "BUY", SIZE, price)
        assert client.order_execution.unresolved
    assert client.order_execution.unresolved == ()


async def test_an_order_without_a_venue_is_rejected_because_nothing_was_sent(venue, client, orders, price):
    await orders.place_order("BTC-USD", "BUY", SIZE, price)  # rules, fees and account are known now
    client._send._send._base_url = local_domain("http://127.0.0.1:9").rest_url
    refused = await orders.place_order("BTC-USD", "BUY", SIZE, price)
    assert refused.outcome is OrderOutcome.REJECTED
    assert isinstance(refused.error, ConnectFailed)


async def test_a_cancel_whose_reply_is_lost_is_repeated(venue, orders, price):
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, wait_s=5)
    fault(venue, FaultKind.SERVER_ERROR, CANCEL)
    gone = await orders.cancel_order(placed.external_id, wait_s=5)
    assert gone.order.status is OrderStatus.CANCELLED


async def test_a_cancel_that_stays_without_answer_is_unknown(venue, orders, price, impatient):
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price, wait_s=5)
    fault(venue, FaultKind.SERVER_ERROR, CANCEL, count=0)
    result = await orders.cancel_order(placed.external_id)
    assert result.outcome is OrderOutcome.UNKNOWN
    assert isinstance(result.error, ServerUnavailable)


async def test_cancelling_what_is_not_there_is_rejected(orders):
    result = await orders.cancel_order("nobody-knows-me")
    assert result.outcome is OrderOutcome.REJECTED
    assert isinstance(result.error, NotFound)
    with pytest.raises(SettingsError):
        await orders.cancel_order()


async def test_replacing_what_is_not_there_or_not_limit_is_refused(orders):
    with pytest.raises(NotFound):
        await orders.replace_order("nobody-knows-me", price=Decimal(1))
    bought = await orders.place_order("BTC-USD", "BUY", SIZE, wait_s=5)
    with pytest.raises(SettingsError, match="LIMIT"):
        await orders.replace_order(bought.external_id, price=Decimal(1))


@pytest.mark.parametrize(
    ("market", "qty", "price", "sentence"),
    [
        ("BTC-USD", Decimal("0.000123456"), Decimal(80000), "multiple of"),
        ("BTC-USD", SIZE, Decimal("80000.5"), "the nearest is"),
        ("BTC-USD", Decimal(0), Decimal(80000), "above 0"),
        ("BTC-USD", 0.001, Decimal(80000), "Decimal"),
        ("BTC-USD", SIZE, Decimal("NaN"), "above 0"),
        ("BTC-USDC", SIZE, Decimal(80000), "did you mean BTC-USD"),
        ("???", SIZE, Decimal(80000), "no market"),
    ],
)
async def test_a_wrong_argument_is_refused_before_anything_is_sent(venue, orders, market, qty, price, sentence):
    with pytest.raises(SettingsError, match=sentence):
        await orders.place_order(market, "BUY", qty, price)
    assert not venue.rest.requests.get("POST /user/order")


async def test_keys_that_do_not_belong_together_sign_nothing(venue):
    async with proven_client(venue, stark_private_key="0x1234") as client:
        with pytest.raises(SettingsError, match="not that of the API key's account"):
            await client.order_execution.place_order("BTC-USD", "BUY", SIZE, Decimal(80000))
    async with proven_client(venue, stark_private_key=None) as client:
        with pytest.raises(SettingsError, match="stark_private_key"):
            await client.order_execution.place_order("BTC-USD", "BUY", SIZE, Decimal(80000))


async def test_fees_that_the_exchange_does_not_tell_are_no_fees(client, orders, monkeypatch):
    async def none(*_markets):
        return []

    monkeypatch.setattr(client.rest, "fees", none)
    with pytest.raises(SettingsError, match="costs"):
        await orders.place_order("BTC-USD", "BUY", SIZE, Decimal(80000))


async def test_an_order_that_is_not_visible_yet_is_waited_for():
    settings = VenueSettings(port=0, rate_limit=0, acceptance_delay_ms=300)
    async with PracticeVenue(settings) as venue, proven_client(venue) as client:
        bought = await client.order_execution.place_order("BTC-USD", "BUY", SIZE, wait_s=5)
        assert bought.order is not None


async def test_outcome_of_says_unknown_where_rest_fails_and_rejected_where_there_is_none(venue, client):
    search = OrderSearch(client.rest)
    assert (await search.result("nobody", 1)).outcome is OrderOutcome.REJECTED
    fault(venue, FaultKind.SERVER_ERROR, "GET /api/v1/user/orders*")
    assert (await search.result("nobody", 1)).outcome is OrderOutcome.UNKNOWN
    assert "nothing" in repr(search)


async def test_orders_are_told_by_the_stream_while_the_command_is_under_way(client, orders, price):
    heard = Heard()
    await orders.stream_order_updates(heard)
    placed = await orders.place_order("BTC-USD", "BUY", SIZE, price)
    await heard.until(lambda events: any(event.order.external_id == placed.external_id for event in events))
    assert "stark" not in repr(client._trader).lower() or "public_key" in repr(client._trader)


async def until_final(orders, external_id: str):
    async with asyncio.timeout(30):
        while not (result := await orders.outcome_of(external_id)).order.status.is_final:
            await asyncio.sleep(0.02)
    return result

"""Conditional orders: when they go to the book, and how."""

from decimal import Decimal as D

import pytest

from hummingbot_extended.venue.enums import Mode, OrderStatus, StatusReason
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import BUY, MARKET, NOW_MS, SELL, Desk, conditional, limit, trigger

NEW, FILLED, CANCELLED = OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELLED
UNTRIGGERED, TRIGGERED = OrderStatus.UNTRIGGERED, OrderStatus.TRIGGERED


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_conditional_order_waits_off_the_book_and_costs_no_margin(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(BUY, "1", 85000, trigger(85000)))
    assert order.status is UNTRIGGERED
    assert desk.engine.queries.book(MARKET) == ([], [])
    assert desk.engine.queries.balance(desk.a.id, NOW_MS).initial_margin == 0
    assert desk.engine.queries.open_orders(desk.a.id) == [order]


@pytest.mark.parametrize(
    ("direction", "source", "away", "reached"),
    [
        ("UP", "MARK", (84999, 86000), (85000, 84000)),
        ("DOWN", "MARK", (83001, 82000), (83000, 84000)),
        ("UP", "INDEX", (86000, 84999), (84000, 85000)),
        ("DOWN", "INDEX", (82000, 83001), (84000, 83000)),
    ],
)
def test_mark_and_index_triggers_fire_in_their_direction(desk: Desk, direction, source, away, reached) -> None:
    at = 85000 if direction == "UP" else 83000
    order = desk.place(desk.a, conditional(BUY, "0.01", at, trigger(at, direction, source)))
    desk.engine.drain()
    desk.mark(*away)
    assert desk.order(desk.a, order).status is UNTRIGGERED
    desk.mark(*reached)
    assert desk.order(desk.a, order).status is NEW
    assert [status for status, _ in desk.statuses(desk.a)] == [TRIGGERED, NEW]


def test_last_price_triggers_wait_for_a_trade(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(SELL, "0.01", 84500, trigger(84500, "UP", "LAST")))
    desk.mark(90000)
    assert desk.order(desk.a, order).status is UNTRIGGERED
    desk.mark(84000)
    desk.trade(desk.b, desk.open("c"), "0.01", 84500)
    assert desk.order(desk.a, order).status is NEW


def test_one_triggered_trade_can_trigger_the_next(desk: Desk) -> None:
    seller = desk.open("c")
    for price in (84500, 84600):
        desk.place(seller, limit(SELL, "0.01", price))
    desk.place(seller, limit(SELL, "0.01", 84400))
    first = desk.place(desk.a, conditional(BUY, "0.01", 84500, trigger(84400, "UP", "LAST", "MARKET")))
    second = desk.place(desk.a, conditional(BUY, "0.01", 84600, trigger(84500, "UP", "LAST", "MARKET")))
    desk.place(desk.b, limit(BUY, "0.01", 84400))
    assert [desk.order(desk.a, o).status for o in (first, second)] == [FILLED, FILLED]
    assert desk.order(desk.a, second).average_price == 84600


def test_market_execution_does_not_rest(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(BUY, "0.01", 85500, trigger(85000, execution="MARKET")))
    desk.mark(85000)
    found = desk.order(desk.a, order)
    assert (found.status, found.status_reason) == (CANCELLED, StatusReason.NO_LIQUIDITY)


def test_a_condition_that_holds_already_fires_at_once(desk: Desk) -> None:
    assert desk.place(desk.a, conditional(BUY, "0.01", 83000, trigger(83000))).status is NEW


def test_a_triggered_order_without_funds_is_cancelled(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(BUY, "13", 85000, trigger(85000)))
    desk.mark(85000)
    found = desk.order(desk.a, order)
    assert (found.status, found.status_reason) == (CANCELLED, StatusReason.NOT_ENOUGH_FUNDS)


def test_nothing_fires_in_post_only_mode_but_afterwards(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(BUY, "0.01", 85000, trigger(85000)))
    desk.engine.set_mode(Mode.POST_ONLY, NOW_MS)
    desk.mark(85000)
    assert desk.order(desk.a, order).status is UNTRIGGERED
    desk.engine.set_mode(Mode.NORMAL, NOW_MS)
    assert desk.order(desk.a, order).status is NEW


def test_a_waiting_order_can_be_cancelled_replaced_and_expire(desk: Desk) -> None:
    order = desk.place(desk.a, conditional(BUY, "0.01", 85000, trigger(85000), "c1"))
    moved = desk.place(desk.a, conditional(BUY, "0.01", 85500, trigger(85500), cancel_id="c1"))
    assert desk.order(desk.a, order).status_reason is StatusReason.ORDER_REPLACED
    desk.mark(85000)
    assert desk.order(desk.a, moved).status is UNTRIGGERED
    assert desk.cancel(desk.a, moved).status is CANCELLED
    short = desk.place(desk.a, conditional(BUY, "0.01", 86000, trigger(86000), expire_ms=NOW_MS + 5))
    desk.engine.advance(NOW_MS + 5)
    assert desk.order(desk.a, short).status is OrderStatus.EXPIRED
    desk.mark(86000)
    assert desk.engine.queries.open_orders(desk.a.id) == []


def test_an_order_of_the_same_batch_may_be_gone_when_its_turn_comes(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.place(desk.b, limit(BUY, "0.01", 85000))
    first = desk.place(desk.a, conditional(SELL, "0.01", 85000, trigger(85000), reduce_only=True))
    second = desk.place(desk.a, conditional(SELL, "0.01", 85000, trigger(85000), reduce_only=True))
    desk.mark(85000)
    assert desk.order(desk.a, first).status is FILLED
    assert desk.order(desk.a, second).status_reason is StatusReason.REDUCE_ONLY_FAILED


@pytest.mark.parametrize(("mark", "index"), [(0, 1), (1, 0), (-1, 1)])
def test_prices_are_positive(desk: Desk, mark: int, index: int) -> None:
    with pytest.raises(Refusal) as refused:
        desk.engine.set_prices(MARKET, D(mark), D(index), NOW_MS)
    assert refused.value.code == 1141

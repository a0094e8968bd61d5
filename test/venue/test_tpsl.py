"""Take-profits and stop-losses: standalone and attached, for a quantity and for the whole position."""

from decimal import Decimal as D

import pytest

from hummingbot_extended.venue.enums import OrderStatus, OrderType, StatusReason, TpSlType
from test.venue.engine_kit import BUY, NOW_MS, SELL, Desk, leg, limit, market_order, tpsl

NEW, FILLED, CANCELLED, REJECTED = OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED
UNTRIGGERED = OrderStatus.UNTRIGGERED
BOTH = {"take_profit": leg(85000, 84900), "stop_loss": leg(83000, 82900, execution="MARKET")}
WHOLE = TpSlType.POSITION


@pytest.fixture
def desk() -> Desk:
    """Account `a` is long 0.05, `b` short."""
    desk = Desk()
    desk.trade(desk.a, desk.b, "0.05", 84000)
    desk.engine.drain()
    return desk


def legs(desk: Desk, name: str):
    orders = desk.engine.queries.orders_by_external_id(desk.a.id, name)
    return [order for order in orders if order.type is OrderType.TPSL]


def test_two_legs_are_two_orders_under_one_external_id(desk: Desk) -> None:
    order = desk.place(desk.a, tpsl(SELL, "0.02", "tp", **BOTH))
    profit, loss = legs(desk, "tp")
    assert profit.id == order.id
    assert (profit.sibling_id, loss.sibling_id) == (loss.id, profit.id)
    assert (profit.take_profit, profit.stop_loss) == (BOTH["take_profit"], None)
    assert (loss.take_profit, loss.stop_loss) == (None, BOTH["stop_loss"])
    assert {o.status for o in (profit, loss)} == {UNTRIGGERED}
    assert (profit.price, profit.qty, profit.reduce_only) == (None, D("0.02"), True)


def test_the_profit_leg_rests_at_its_price_and_its_fill_cancels_the_other(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0.02", "tp", **BOTH))
    desk.mark(85000)
    profit, loss = legs(desk, "tp")
    assert (profit.status, profit.price, loss.status) == (NEW, D(84900), UNTRIGGERED)
    desk.place(desk.b, limit(BUY, "0.01", 84900))
    assert legs(desk, "tp")[1].status is UNTRIGGERED
    desk.place(desk.b, limit(BUY, "0.01", 84900))
    profit, loss = legs(desk, "tp")
    assert profit.status is FILLED
    assert (loss.status, loss.status_reason) == (CANCELLED, StatusReason.TPSL_OTHER_SIDE_FILLED)
    assert desk.size(desk.a) == D("0.03")


def test_the_loss_leg_trades_at_once_with_market_execution(desk: Desk) -> None:
    desk.place(desk.b, limit(BUY, "0.01", 82950))
    desk.place(desk.a, tpsl(SELL, "0.02", "tp", **BOTH))
    desk.mark(83000)
    profit, loss = legs(desk, "tp")
    assert (loss.status, loss.status_reason, loss.filled_qty) == (CANCELLED, StatusReason.NO_LIQUIDITY, D("0.01"))
    assert profit.status is UNTRIGGERED


def test_a_sibling_that_is_gone_already_is_no_trouble(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0.02", "tp", **BOTH))
    desk.cancel(desk.a, legs(desk, "tp")[1])
    desk.mark(85000)
    desk.place(desk.b, limit(BUY, "0.02", 84900))
    assert legs(desk, "tp")[0].status is FILLED


def test_a_buy_leg_closes_a_short_in_the_other_directions(desk: Desk) -> None:
    short = desk.place(desk.b, tpsl(BUY, "0.01", "s", take_profit=leg(83000, 83100)))
    stop = desk.place(desk.b, tpsl(BUY, "0.01", "t", stop_loss=leg(85000, 85100)))
    desk.mark(84999)
    assert desk.order(desk.b, stop).status is UNTRIGGERED
    desk.mark(85000)
    assert desk.order(desk.b, stop).status is NEW
    desk.mark(83000)
    assert desk.order(desk.b, short).status is NEW


def test_a_whole_position_leg_takes_the_size_of_its_moment(desk: Desk) -> None:
    order = desk.place(desk.a, tpsl(SELL, "0", "w", kind=WHOLE, stop_loss=leg(83000, 82900)))
    assert order.qty == 0
    position = desk.engine.queries.positions(desk.a.id)[0]
    assert (position.sl_trigger_price, position.sl_limit_price) == (D(83000), D(82900))
    assert (position.tp_trigger_price, position.tp_limit_price) == (None, None)
    desk.trade(desk.a, desk.b, "0.02", 84000)
    desk.mark(83000)
    assert desk.order(desk.a, order).qty == D("0.07")
    desk.place(desk.b, limit(BUY, "0.07", 82900))
    assert desk.size(desk.a) == 0


def test_a_second_whole_position_leg_of_a_kind_is_refused(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0", "w", kind=WHOLE, stop_loss=leg(83000, 82900)))
    second = desk.place(desk.a, tpsl(SELL, "0", "x", kind=WHOLE, stop_loss=leg(82000, 82000)))
    assert (second.status, second.status_reason) == (REJECTED, StatusReason.POSITION_TPSL_CONFLICT)
    other_kind = desk.place(desk.a, tpsl(SELL, "0", "y", kind=WHOLE, take_profit=leg(85000, 85000)))
    assert other_kind.status is UNTRIGGERED
    third = desk.place(desk.a, tpsl(SELL, "0", "z", kind=WHOLE, take_profit=leg(86000, 86000)))
    assert third.status is REJECTED


def test_legs_end_with_the_position(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0.02", "q", **BOTH))
    desk.place(desk.a, tpsl(SELL, "0", "w", kind=WHOLE, **BOTH))
    desk.trade(desk.b, desk.a, "0.05", 84000)
    assert {(o.status, o.status_reason) for o in legs(desk, "q") + legs(desk, "w")} == {
        (CANCELLED, StatusReason.REDUCE_ONLY_FAILED)
    }


def test_a_position_that_went_between_receipt_and_acceptance_fails_the_leg(desk: Desk) -> None:
    order_id = desk.receive(desk.a, tpsl(SELL, "0.02", "q", **BOTH))
    desk.trade(desk.b, desk.a, "0.05", 84000)
    desk.engine.accept(order_id, NOW_MS)
    assert desk.engine.queries.order(desk.a.id, order_id).status_reason is StatusReason.REDUCE_ONLY_FAILED


def test_a_triggered_leg_cannot_be_replaced_but_a_waiting_one_can(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0.02", "q", take_profit=leg(85000, 84900)))
    moved = desk.place(desk.a, tpsl(SELL, "0.02", "r", take_profit=leg(84500, 84900), cancel_id="q"))
    assert legs(desk, "q")[0].status_reason is StatusReason.ORDER_REPLACED
    desk.mark(84500)
    assert desk.order(desk.a, moved).status is NEW
    late = desk.place(desk.a, tpsl(SELL, "0.02", "s", take_profit=leg(86000, 86000), cancel_id="r"))
    assert (late.status, late.status_reason) == (REJECTED, StatusReason.PREV_ORDER_TRIGGERED)


# ------------------------------------------------------------------------------------------------------------ brackets
def bracket(qty: str, price: int, kind: TpSlType = TpSlType.ORDER):
    return limit(BUY, qty, price, "parent", tp_sl_type=kind, **BOTH)


def test_the_legs_of_a_bracket_appear_with_the_first_fill_and_grow_with_it(desk: Desk) -> None:
    parent = desk.place(desk.a, bracket("0.03", 84000))
    assert legs(desk, "parent") == []
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    assert [(o.qty, o.side, o.status, o.parent_id) for o in legs(desk, "parent")] == [
        (D("0.01"), SELL, UNTRIGGERED, parent.id)
    ] * 2
    desk.place(desk.b, limit(SELL, "0.02", 84000))
    assert [o.qty for o in legs(desk, "parent")] == [D("0.03")] * 2
    desk.mark(83000)
    assert desk.order(desk.a, parent).status is FILLED


def test_triggered_legs_do_not_grow(desk: Desk) -> None:
    desk.place(desk.a, bracket("0.03", 84000))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.mark(85000)
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    assert [o.qty for o in legs(desk, "parent")] == [D("0.01"), D("0.02")]


def test_the_fill_of_a_taker_bracket_spawns_legs_too(desk: Desk) -> None:
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.place(
        desk.a, market_order(BUY, "0.01", 84100, "parent", tp_sl_type=TpSlType.ORDER, take_profit=leg(85000, 85000))
    )
    (profit,) = legs(desk, "parent")
    assert (profit.qty, profit.sibling_id, profit.stop_loss) == (D("0.01"), None, None)


def test_a_whole_position_bracket_conflicts_with_an_earlier_one(desk: Desk) -> None:
    desk.place(desk.a, tpsl(SELL, "0", "w", kind=WHOLE, stop_loss=leg(83000, 82900)))
    desk.place(desk.b, limit(SELL, "0.02", 84000))
    desk.place(desk.a, bracket("0.01", 84000, WHOLE))
    (refused,) = legs(desk, "parent")
    assert (refused.status, refused.status_reason) == (REJECTED, StatusReason.POSITION_TPSL_CONFLICT)


def test_a_whole_position_bracket_follows_the_position(desk: Desk) -> None:
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.place(desk.a, bracket("0.02", 84000, WHOLE))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    assert [o.qty for o in legs(desk, "parent")] == [D(0)] * 2
    desk.mark(85000)
    assert legs(desk, "parent")[0].qty == D("0.07")


@pytest.mark.parametrize("qty", ["0.01", "0.05"])
def test_a_bracket_that_only_reduces_the_other_side_gets_no_legs(desk: Desk, qty: str) -> None:
    desk.place(desk.a, limit(SELL, qty, 84000))
    desk.place(desk.b, bracket(qty, 84000))
    orders = desk.engine.queries.orders_by_external_id(desk.b.id, "parent")
    assert [o.type for o in orders] == [OrderType.LIMIT]


def test_a_bracket_that_turns_the_position_gets_legs_for_what_it_opened(desk: Desk) -> None:
    bracket = {"take_profit": leg(83000, 83100), "stop_loss": leg(85000, 85100), "tp_sl_type": TpSlType.ORDER}
    desk.place(desk.a, limit(SELL, "0.08", 84000, "turn", **bracket))
    for qty, opened in (("0.04", []), ("0.02", ["0.01"] * 2), ("0.02", ["0.03"] * 2)):
        desk.place(desk.b, limit(BUY, qty, 84000))
        assert [order.qty for order in legs(desk, "turn")] == [D(number) for number in opened]
    assert desk.size(desk.a) == D("-0.03")
    desk.mark(83000)
    desk.place(desk.b, limit(SELL, "0.03", 83100))
    assert [order.status for order in legs(desk, "turn")] == [FILLED, CANCELLED]


def test_a_bracket_filled_again_after_its_position_was_closed_gets_new_legs(desk: Desk) -> None:
    bracket = {"take_profit": leg(85000, 84900), "stop_loss": leg(83000, 82900), "tp_sl_type": TpSlType.ORDER}
    desk.trade(desk.b, desk.a, "0.05", 84000)
    desk.place(desk.a, limit(BUY, "0.02", 84000, "twice", **bracket))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.place(desk.b, limit(BUY, "0.01", 84001))
    desk.place(desk.a, limit(SELL, "0.01", 84001))
    assert [order.status for order in legs(desk, "twice")] == [CANCELLED] * 2
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    waiting = [order for order in legs(desk, "twice") if order.status is UNTRIGGERED]
    assert [order.qty for order in waiting] == [D("0.01")] * 2

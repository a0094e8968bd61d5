"""Accounts in trouble: orders cancelled, liquidation, insurance, deleveraging."""

from decimal import Decimal as D

import pytest

from hummingbot_extended.venue.enums import Mode, OrderStatus, StatusReason, TradeType
from hummingbot_extended.venue.events import AccountTradeEvent, PublicTradeEvent
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import BUY, MARKET, NOW_MS, SELL, Desk, conditional, leg, limit, tpsl, trigger

NEW, CANCELLED, FILLED = OrderStatus.NEW, OrderStatus.CANCELLED, OrderStatus.FILLED


@pytest.fixture
def desk() -> Desk:
    """`poor` is long 0.1 with 1,000 USD at 10x; `b` is short."""
    desk = Desk()
    desk.poor = desk.open("poor", balance=1000)
    desk.trade(desk.poor, desk.b, "0.1", 84000)
    desk.engine.drain()
    return desk


def test_orders_that_only_increase_go_when_nothing_is_available(desk: Desk) -> None:
    increasing = desk.place(desk.poor, limit(BUY, "0.01", 80000))
    waiting = desk.place(desk.poor, conditional(BUY, "0.01", 90000, trigger(90000)))
    reducing = desk.place(desk.poor, limit(SELL, "0.05", 90000, reduce_only=True))
    desk.mark(82500)
    assert desk.order(desk.poor, increasing).status_reason is StatusReason.NOT_ENOUGH_FUNDS
    assert desk.order(desk.poor, waiting).status is CANCELLED
    assert desk.order(desk.poor, reducing).status is NEW
    assert desk.size(desk.poor) == D("0.1")


def test_liquidation_sells_into_the_book_and_cancels_everything(desk: Desk) -> None:
    desk.place(desk.b, limit(BUY, "0.04", 74800))
    desk.place(desk.b, limit(BUY, "0.06", 74700))
    reducing = desk.place(desk.poor, limit(SELL, "0.05", 90000, reduce_only=True))
    stop = desk.place(desk.poor, tpsl(SELL, "0.1", take_profit=leg(95000, 95000)))
    desk.engine.drain()
    desk.mark(74730)
    events = desk.engine.drain()
    trades = [e.trade for e in events if isinstance(e, AccountTradeEvent) and e.account_id == desk.poor.id]
    assert [(t.price, t.qty, t.trade_type, t.is_taker) for t in trades] == [
        (D(74800), D("0.04"), TradeType.LIQUIDATION, True),
        (D(74700), D("0.06"), TradeType.LIQUIDATION, True),
    ]
    assert {e.trade.trade_type for e in events if isinstance(e, PublicTradeEvent)} == {TradeType.LIQUIDATION}
    assert desk.order(desk.poor, reducing).status_reason is StatusReason.ACCOUNT_LIQUIDATION
    assert desk.order(desk.poor, stop).status_reason is StatusReason.ACCOUNT_LIQUIDATION
    (closed,) = desk.engine.queries.position_history(desk.poor.id).items
    assert closed.exit_type is TradeType.LIQUIDATION
    assert desk.engine.queries.order(desk.poor.id, trades[0].order_id).status is FILLED
    assert desk.size(desk.poor) == 0
    assert desk.money() == 201_000


def test_the_price_of_a_liquidation_triggers_orders_that_wait_for_it(desk: Desk) -> None:
    waiting = desk.place(desk.a, conditional(BUY, "0.01", 74000, trigger(74800, "DOWN", "LAST")))
    desk.place(desk.b, limit(BUY, "0.1", 74800))
    desk.mark(74730)
    assert desk.order(desk.a, waiting).status is NEW


def test_the_insurance_fund_takes_what_the_book_does_not_and_pays_what_is_owed(desk: Desk) -> None:
    desk.place(desk.b, limit(BUY, "0.04", 69000))
    desk.mark(70000)
    insurance = desk.engine.queries.account(desk.engine.floor.state.insurance_id)
    assert desk.size(desk.poor) == 0
    assert desk.size(insurance) == D("0.06")
    assert desk.engine.queries.balance(desk.poor.id, NOW_MS).balance == 0
    assert insurance.balance < 0
    assert desk.money() == 201_000
    assert desk.engine.queries.position_history(desk.poor.id).items[0].exit_price == (
        D("0.04") * 69000 + D("0.06") * 70000
    ) / D("0.1")


@pytest.mark.parametrize(("mark", "price"), [("70000.4999", 70000), ("70000.7", 70001), ("0.2", 1)])
def test_what_the_insurance_fund_takes_is_priced_on_the_tick(desk: Desk, mark: str, price: int) -> None:
    desk.mark(D(mark))
    assert desk.engine.queries.trades(desk.poor.id).items[0].price == price
    assert desk.money() == 201_000


def test_the_book_is_not_swept_beyond_the_band(desk: Desk) -> None:
    desk.place(desk.b, limit(BUY, "0.1", 60000))
    desk.mark(70000)
    assert desk.engine.queries.book(MARKET)[0] == [(D(60000), D("0.1"))]
    assert desk.size(desk.poor) == 0


def test_a_short_is_liquidated_by_buying() -> None:
    desk = Desk()
    poor = desk.open("poor", balance=1000)
    desk.trade(desk.a, poor, "0.1", 84000)
    desk.place(desk.a, limit(SELL, "0.1", 93200))
    desk.mark(93300)
    assert desk.size(poor) == 0
    assert desk.engine.queries.trades(poor.id).items[0].price == 93200
    assert desk.money() == 201_000


@pytest.mark.parametrize("mode", [Mode.POST_ONLY, Mode.MAINTENANCE])
def test_no_liquidation_while_the_exchange_restarts(desk: Desk, mode: Mode) -> None:
    desk.engine.set_mode(mode, NOW_MS)
    desk.mark(70000)
    assert desk.size(desk.poor) == D("0.1")
    desk.engine.set_mode(Mode.NORMAL, NOW_MS)
    assert desk.size(desk.poor) == 0


def test_the_insurance_fund_itself_is_never_liquidated(desk: Desk) -> None:
    desk.mark(70000)
    desk.mark(40000)
    insurance = desk.engine.queries.account(desk.engine.floor.state.insurance_id)
    assert desk.size(insurance) == D("0.1")
    assert desk.money() == 201_000


def test_deleveraging_closes_against_the_best_ranked_opposite_positions(desk: Desk) -> None:
    early, late = desk.open("early"), desk.open("late")
    desk.trade(desk.a, early, "0.02", 84000)
    desk.mark(85000)
    desk.trade(desk.a, late, "0.02", 85000)
    desk.mark(83000)
    stop = desk.place(late, limit(BUY, "0.02", 80000, reduce_only=True))
    desk.engine.drain()
    desk.engine.deleverage(desk.poor.id, MARKET, D("0.03"), NOW_MS)
    trades = [e.trade for e in desk.told(AccountTradeEvent)]
    assert [(t.account_id, t.qty, t.price, t.fee, t.trade_type) for t in trades] == [
        (late.id, D("0.02"), D(83000), D(0), TradeType.DELEVERAGE),
        (desk.poor.id, D("0.02"), D(83000), D(0), TradeType.DELEVERAGE),
        (desk.b.id, D("0.01"), D(83000), D(0), TradeType.DELEVERAGE),
        (desk.poor.id, D("0.01"), D(83000), D(0), TradeType.DELEVERAGE),
    ]
    assert desk.order(late, stop).status_reason is StatusReason.REDUCE_ONLY_FAILED
    assert desk.size(desk.poor) == D("0.07")
    (row,) = desk.engine.queries.position_history(late.id).items
    assert row.exit_type is TradeType.DELEVERAGE
    assert desk.money() == 401_000


def test_a_short_is_deleveraged_against_longs(desk: Desk) -> None:
    desk.engine.deleverage(desk.b.id, MARKET, D(1), NOW_MS)
    assert desk.size(desk.b) == 0
    assert desk.size(desk.poor) == 0


@pytest.mark.parametrize(("who", "qty", "code"), [("a", 1, 1137), ("b", 0, 1120)])
def test_deleveraging_wants_a_position_and_a_size(desk: Desk, who: str, qty: int, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        desk.engine.deleverage(getattr(desk, who).id, MARKET, D(qty), NOW_MS)
    assert refused.value.code == code


def test_adl_levels_rank_positions_of_a_side(desk: Desk) -> None:
    others = [desk.open(f"x{n}") for n in range(3)]
    for n, other in enumerate(others):
        desk.mark(84000 + 300 * (n + 1))
        desk.trade(other, desk.b, "0.001", 84000 + 300 * (n + 1))
    levels = [desk.engine.queries.positions(account.id)[0].adl for account in (desk.poor, *others)]
    assert levels == [4, 3, 2, 1]
    assert desk.engine.queries.positions(desk.b.id)[0].adl == 4

"""Reading: pages, filters, what is kept and what is forgotten."""

from decimal import Decimal as D

import pytest

from hummingbot_extended.venue.enums import AccountKind, OrderStatus, OrderType, Side, TradeType
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import BUY, DAY_MS, MARKET, NOW_MS, SELL, Desk, conditional, leg, limit, tpsl, trigger


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_pages_are_newest_first_and_end_with_an_empty_one(desk: Desk) -> None:
    for number in range(5):
        desk.trade(desk.a, desk.b, "0.01", 84000 + number)
    seen, cursor = [], None
    while (page := desk.engine.queries.trades(desk.a.id, cursor=cursor, limit=2)).items:
        assert len(page.items) <= 2
        seen += page.items
        cursor = page.cursor
    assert page.cursor is None
    assert [row.price for row in seen] == [84004, 84003, 84002, 84001, 84000]
    assert len({row.id for row in seen}) == 5


def test_trades_are_filtered(desk: Desk) -> None:
    desk.mark(3120, market="ETH-USD")
    desk.trade(desk.a, desk.b, "0.01", 84000)
    queries = desk.engine.queries
    assert queries.trades(desk.a.id, markets=["ETH-USD"]).items == []
    assert queries.trades(desk.a.id, side=SELL).items == []
    assert queries.trades(desk.a.id, type=TradeType.LIQUIDATION).items == []
    (row,) = queries.trades(desk.a.id, markets=[MARKET], side=BUY, type=TradeType.TRADE).items
    assert (row.value, row.external_id) == (840, "order-2")


def test_open_orders_are_filtered_and_only_ones_own(desk: Desk) -> None:
    desk.mark(3120, market="ETH-USD")
    one = desk.place(desk.a, limit(BUY, "0.01", 83000))
    two = desk.place(desk.a, limit(SELL, "0.1", 3200, market="ETH-USD"))
    three = desk.place(desk.a, conditional(BUY, "0.01", 90000, trigger(90000)))
    foreign = desk.place(desk.b, limit(BUY, "0.01", 83000))
    queries = desk.engine.queries
    assert queries.open_orders(desk.a.id) == [one, two, three]
    assert queries.open_orders(desk.a.id, [MARKET]) == [one, three]
    assert queries.open_orders(desk.a.id, type=OrderType.CONDITIONAL) == [three]
    assert queries.open_orders(desk.a.id, side=SELL) == [two]
    assert queries.order(desk.a.id, foreign.id) is None


def test_order_history_has_the_final_ones_by_id_or_by_change(desk: Desk) -> None:
    orders = [desk.place(desk.a, limit(BUY, "0.01", 83000 - n, f"n{n}")) for n in range(4)]
    for n, order in enumerate((orders[2], orders[0], orders[1])):
        desk.now_ms = NOW_MS + n
        desk.cancel(desk.a, order)
    queries = desk.engine.queries

    def names(**how) -> list[str]:
        return [order.external_id for order in queries.order_history(desk.a.id, **how).items]

    assert names() == ["n2", "n1", "n0"]
    assert names(by_update=True) == ["n1", "n0", "n2"]
    assert names(by_update=True, limit=1) == ["n1"]
    assert names(by_update=True, cursor=orders[1].id) == ["n0", "n2"]
    assert names(by_update=True, cursor=orders[2].id) == []
    assert names(by_update=True, cursor=1) == []  # forgotten meanwhile: never the first page again
    assert names(cursor=orders[2].id) == ["n1", "n0"]
    assert names(ids=[orders[0].id, orders[3].id]) == ["n0"]
    assert names(external_ids=["n1"]) == ["n1"]
    assert names(side=SELL) == names(type=OrderType.MARKET) == names(markets=["ETH-USD"]) == []


def test_positions_and_their_history_are_filtered(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    queries = desk.engine.queries
    assert [row.market for row in queries.position_history(desk.a.id, markets=[MARKET]).items] == [MARKET]
    assert queries.position_history(desk.a.id, markets=["ETH-USD"]).items == []
    assert queries.position_history(desk.a.id, side=queries.positions(desk.b.id)[0].side).items == []


def test_funding_payments_are_filtered(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    for n in range(3):
        desk.engine.apply_funding(NOW_MS + n, MARKET)
    queries = desk.engine.queries
    rows = queries.funding_payments(desk.a.id, NOW_MS + 1).items
    assert [row.paid_ms for row in rows] == [NOW_MS + 2, NOW_MS + 1]
    assert queries.funding_payments(desk.a.id, 0, markets=["ETH-USD"]).items == []
    assert queries.funding_payments(desk.a.id, 0, side=queries.positions(desk.b.id)[0].side).items == []
    assert [r.ts_ms for r in queries.funding_rates(MARKET, NOW_MS, NOW_MS + 1).items] == [NOW_MS + 1, NOW_MS]


def test_a_market_tells_its_moving_part(desk: Desk) -> None:
    before = desk.engine.queries.market(MARKET)
    assert (before.last_price, before.best_bid, before.best_ask, before.open_interest_base) == (None, None, None, 0)
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.place(desk.a, limit(BUY, "0.01", 83000))
    desk.place(desk.b, limit(SELL, "0.01", 85000))
    desk.mark(D("84058.4735417500051"), D("84105.1460"))
    after = desk.engine.queries.market(MARKET)
    assert (after.last_price, after.best_bid, after.best_ask) == (84000, 83000, 85000)
    assert after.open_interest_base == D("0.01")
    assert (str(after.mark_price), str(after.index_price)) == ("84058.473541750005", "84105.1460")
    assert [spec.name for spec in desk.engine.queries.market_specs()] == [
        "BTC-USD",
        "ETH-USD",
        "XAU-USD",
        "SPX500m-USD",
    ]
    for unknown in (desk.engine.queries.market, desk.engine.queries.book, desk.engine.queries.public_trades):
        with pytest.raises(Refusal):
            unknown("nope")


def test_the_book_can_be_cut_to_a_depth(desk: Desk) -> None:
    for price in (83000, 82999, 82998):
        desk.place(desk.a, limit(BUY, "0.01", price))
    assert desk.engine.queries.book(MARKET, 2) == ([(D(83000), D("0.01")), (D(82999), D("0.01"))], [])


def test_public_trades_are_the_last_ones_oldest_first() -> None:
    desk = Desk(max_public_trades=4)
    for number in range(10):
        desk.trade(desk.a, desk.b, "0.001", 84000 + number)
    trades = desk.engine.queries.public_trades(MARKET)
    assert 4 <= len(trades) <= 5
    assert [t.price for t in desk.engine.queries.public_trades(MARKET, 2)] == [84008, 84009]
    assert trades[0].side is Side.BUY


def test_unfilled_closed_orders_are_forgotten_after_a_week_and_their_ids_freed(desk: Desk) -> None:
    unfilled = desk.cancel(desk.a, desk.place(desk.a, limit(BUY, "0.01", 83000, "unfilled")))
    part = desk.place(desk.a, limit(BUY, "0.02", 84000, "filled"))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.cancel(desk.a, part)
    desk.engine.advance(NOW_MS + 7 * DAY_MS)
    assert desk.order(desk.a, unfilled)
    desk.engine.advance(NOW_MS + 7 * DAY_MS + 60_001)
    assert desk.engine.queries.order(desk.a.id, unfilled.id) is None
    assert desk.engine.queries.orders_by_external_id(desk.a.id, "unfilled") == []
    assert desk.order(desk.a, part).filled_qty == D("0.01")
    desk.now_ms = NOW_MS + 8 * DAY_MS
    later = {"expire_ms": desk.now_ms + DAY_MS}
    desk.receive(desk.a, limit(BUY, "0.01", 83000, "unfilled", **later))
    with pytest.raises(Refusal):
        desk.receive(desk.a, limit(BUY, "0.01", 83000, "filled", **later))


@pytest.mark.parametrize("by_setting", [True, False])
def test_high_volume_accounts_keep_no_unfilled_orders(by_setting: bool) -> None:
    desk = Desk(archive_unfilled=not by_setting)
    fast = desk.open("fast", is_high_volume=not by_setting)
    order = desk.place(fast, limit(BUY, "0.01", 83000, "gone"))
    desk.engine.execute_cancel(order.id, NOW_MS)
    assert desk.engine.queries.order(fast.id, order.id) is None
    filled = desk.place(fast, limit(BUY, "0.01", 84000))
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    assert desk.order(fast, filled).status is OrderStatus.FILLED
    assert desk.place(fast, limit(BUY, "0.01", 83000, "gone")) is not None


def test_of_two_legs_one_can_be_forgotten() -> None:
    desk = Desk()
    fast = desk.open("fast", is_high_volume=True)
    desk.trade(fast, desk.a, "0.01", 84000)
    legs = {"take_profit": leg(85000, 85000), "stop_loss": leg(83000, 83000)}
    first = desk.place(fast, tpsl(SELL, "0.01", "legs", **legs))
    desk.engine.execute_cancel(first.id, NOW_MS)
    (other,) = desk.engine.queries.orders_by_external_id(fast.id, "legs")
    assert other.stop_loss == legs["stop_loss"]


def test_house_accounts_are_remembered_briefly() -> None:
    desk = Desk(max_house_history=4)
    house = desk.open("house", kind=AccountKind.HOUSE)
    cancelled = desk.place(house, limit(BUY, "0.01", 83000))
    desk.engine.execute_cancel(cancelled.id, NOW_MS)
    assert desk.engine.queries.order(house.id, cancelled.id) is None
    for _ in range(10):
        desk.trade(desk.a, house, "0.001", 84000)
    desk.engine.advance(NOW_MS + 60_000)
    assert len(desk.engine.queries.order_history(house.id).items) == 4
    assert 4 <= len(desk.engine.queries.trades(house.id).items) <= 5
    assert len(desk.engine.queries.trades(desk.a.id).items) == 10


def test_histories_are_bounded() -> None:
    desk = Desk(max_history=8)
    for _ in range(20):
        desk.trade(desk.a, desk.b, "0.001", 84000)
        desk.trade(desk.b, desk.a, "0.001", 84000)
    desk.engine.advance(NOW_MS + 60_000)
    queries = desk.engine.queries
    assert 8 <= len(queries.trades(desk.a.id).items) <= 10
    assert 8 <= len(queries.position_history(desk.a.id).items) <= 10
    assert len(queries.order_history(desk.a.id).items) == 8

"""Orders in the matching engine: acceptance, trading, resting, replacing, cancelling; told by events."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from hummingbot_extended.venue.enums import (
    AccountKind,
    MarketStatus,
    Mode,
    OrderStatus,
    SelfTradeProtection,
    StatusReason,
    TimeInForce,
)
from hummingbot_extended.venue.events import AccountTradeEvent, BookEvent, OrderEvent, PublicTradeEvent
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import BUY, MARKET, NOW_MS, SELL, Desk, conditional, limit, market_order, trigger

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, REJECTED, EXPIRED = OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED


@pytest.fixture
def desk() -> Desk:
    return Desk()


def book(desk: Desk) -> tuple[list[tuple[D, D]], list[tuple[D, D]]]:
    return desk.engine.queries.book(MARKET)


def test_a_received_order_is_nowhere_until_it_is_accepted(desk: Desk) -> None:
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83000, "mine"))
    queries = desk.engine.queries
    assert queries.order(desk.a.id, order_id) is None
    assert queries.orders_by_external_id(desk.a.id, "mine") == []
    assert queries.pending_ids() == [order_id]
    assert desk.engine.drain() == []
    desk.engine.accept(order_id, NOW_MS + 7)
    assert queries.orders_by_external_id(desk.a.id, "mine")[0].updated_ms == NOW_MS + 7
    assert book(desk) == ([(D(83000), D("0.01"))], [])
    assert desk.statuses(desk.a) == [(NEW, None)]


def test_accepting_twice_or_nothing_does_nothing(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    desk.engine.accept(order.id, NOW_MS)
    desk.engine.accept(17, NOW_MS)
    desk.engine.reject(order.id, StatusReason.UNKNOWN, NOW_MS)
    desk.engine.execute_cancel(17, NOW_MS)
    assert desk.order(desk.a, order) == order


def test_a_late_rejection_takes_the_place_of_acceptance(desk: Desk) -> None:
    old = desk.place(desk.a, limit(BUY, "0.01", 83000, "old"))
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83001, "new", cancel_id="old"))
    desk.engine.reject(order_id, StatusReason.NOT_ENOUGH_FUNDS, NOW_MS)
    rejected = desk.engine.queries.order(desk.a.id, order_id)
    assert (rejected.status, rejected.status_reason) == (REJECTED, StatusReason.NOT_ENOUGH_FUNDS)
    assert desk.order(desk.a, old).status is CANCELLED
    assert book(desk) == ([], [])
    plain = desk.receive(desk.a, limit(BUY, "0.01", 83000))
    desk.engine.reject(plain, StatusReason.UNKNOWN, NOW_MS)
    assert desk.engine.queries.order(desk.a.id, plain).status is REJECTED


def test_best_price_trades_first_then_the_earliest(desk: Desk) -> None:
    late_best = [desk.place(desk.a, limit(SELL, "0.01", price)) for price in (84002, 84001, 84001, 84003)]
    desk.engine.drain()
    taker = desk.place(desk.b, limit(BUY, "0.025", 84002))
    trades = [event.trade for event in desk.told(AccountTradeEvent) if event.account_id == desk.a.id]
    assert [(t.order_id, t.price, t.qty) for t in trades] == [
        (late_best[1].id, 84001, D("0.01")),
        (late_best[2].id, 84001, D("0.01")),
        (late_best[0].id, 84002, D("0.005")),
    ]
    assert taker.average_price == (2 * D(84001) * D("0.01") + D(84002) * D("0.005")) / D("0.025")
    assert book(desk) == ([], [(D(84002), D("0.005")), (D(84003), D("0.01"))])


def test_one_trade_has_one_public_id_and_no_account_sees_an_id_twice(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.place(desk.a, limit(BUY, "0.01", 84000, self_trade_protection=SelfTradeProtection.DISABLED))
    events = desk.engine.drain()
    (public,) = [e.trade for e in events if isinstance(e, PublicTradeEvent)]
    own = [e.trade for e in events if isinstance(e, AccountTradeEvent)]
    assert (public.side, public.price, public.qty) == (BUY, D(84000), D("0.01"))
    assert [t.id for t in own if t.is_taker] == [public.id]
    assert len({t.id for t in own}) == 2


def test_a_partial_fill_keeps_its_place_in_the_queue(desk: Desk) -> None:
    first = desk.place(desk.a, limit(SELL, "0.02", 84000))
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.place(desk.b, limit(BUY, "0.01", 84000))
    assert desk.order(desk.a, first).status is PARTIAL
    desk.place(desk.b, limit(BUY, "0.01", 84000))
    assert desk.order(desk.a, first).status is FILLED


def test_a_crossing_limit_order_fills_and_rests(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.engine.drain()
    order = desk.place(desk.b, limit(BUY, "0.03", 84001))
    assert (order.status, order.filled_qty, order.remaining) == (PARTIAL, D("0.01"), D("0.02"))
    assert book(desk) == ([(D(84001), D("0.02"))], [])
    assert desk.statuses(desk.b) == [(NEW, None), (PARTIAL, None)]


@pytest.mark.parametrize(("new_first", "expected"), [(True, [NEW, FILLED]), (False, [FILLED])])
def test_whether_new_comes_before_an_immediate_fill_is_a_setting(new_first: bool, expected) -> None:
    desk = Desk(filled_ioc_new_first=new_first)
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.engine.drain()
    desk.place(desk.b, market_order(BUY, "0.01", 84500))
    assert [status for status, _ in desk.statuses(desk.b)] == expected


def test_without_new_first_a_resting_remainder_is_told_once() -> None:
    desk = Desk(filled_ioc_new_first=False)
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.engine.drain()
    desk.place(desk.b, limit(BUY, "0.02", 84000))
    assert [status for status, _ in desk.statuses(desk.b)] == [PARTIAL]


def test_an_ioc_remainder_is_cancelled_for_want_of_liquidity(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    order = desk.place(desk.b, limit(BUY, "0.03", 84000, time_in_force=TimeInForce.IOC))
    assert (order.status, order.status_reason) == (CANCELLED, StatusReason.NO_LIQUIDITY)
    assert (order.filled_qty, order.cancelled_qty, order.remaining) == (D("0.01"), D("0.02"), D(0))
    assert book(desk) == ([], [])


def test_a_market_order_pays_no_more_than_its_price(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.place(desk.a, limit(SELL, "0.01", 85000))
    order = desk.place(desk.b, market_order(BUY, "0.02", 84500))
    assert (order.status, order.filled_qty) == (CANCELLED, D("0.01"))


def test_post_only_rests_or_fails(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    failed = desk.place(desk.b, limit(BUY, "0.01", 84000, post_only=True))
    assert (failed.status, failed.status_reason) == (REJECTED, StatusReason.POST_ONLY_FAILED)
    assert failed.filled_qty == 0
    rests = desk.place(desk.b, limit(BUY, "0.01", 83999, post_only=True))
    assert rests.status is NEW


def test_funds_that_went_between_receipt_and_acceptance_reject_the_order(desk: Desk) -> None:
    first = desk.receive(desk.a, limit(BUY, "10", 84000))
    second = desk.receive(desk.a, limit(BUY, "10", 84000))
    desk.engine.accept(first, NOW_MS)
    desk.engine.accept(second, NOW_MS)
    order = desk.engine.queries.order(desk.a.id, second)
    assert (order.status, order.status_reason) == (REJECTED, StatusReason.NOT_ENOUGH_FUNDS)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (Mode.POST_ONLY, StatusReason.POST_ONLY_MODE),
        (Mode.REDUCE_ONLY, StatusReason.REDUCE_ONLY_MODE),
        (Mode.MAINTENANCE, StatusReason.TRADING_OFF_MODE),
    ],
)
def test_a_mode_that_came_after_receipt_rejects_the_order(desk: Desk, mode: Mode, reason: StatusReason) -> None:
    ids = [
        desk.receive(desk.a, limit(BUY, "0.01", 83000)),
        desk.receive(desk.a, conditional(BUY, "0.01", 83000, trigger(90000))),
    ]
    desk.engine.set_mode(mode, NOW_MS)
    for order_id in ids:
        desk.engine.accept(order_id, NOW_MS)
        order = desk.engine.queries.order(desk.a.id, order_id)
        assert (order.status, order.status_reason) == (REJECTED, reason)


def test_modes_let_their_own_orders_through(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.02", 84000)
    desk.engine.set_mode(Mode.POST_ONLY, NOW_MS)
    assert desk.place(desk.a, limit(BUY, "0.01", 83000, post_only=True)).status is NEW
    desk.engine.set_mode(Mode.REDUCE_ONLY, NOW_MS)
    assert desk.place(desk.a, limit(SELL, "0.01", 85000, reduce_only=True)).status is NEW


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (MarketStatus.DISABLED, StatusReason.DISABLED_MARKET),
        (MarketStatus.REDUCE_ONLY, StatusReason.REDUCE_ONLY_MODE),
    ],
)
def test_a_market_that_closed_after_receipt_rejects_the_order(desk: Desk, status, reason) -> None:
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83000))
    desk.engine.set_market_status(MARKET, status, NOW_MS)
    desk.engine.accept(order_id, NOW_MS)
    order = desk.engine.queries.order(desk.a.id, order_id)
    assert (order.status, order.status_reason) == (REJECTED, reason)


def test_a_reduce_only_market_still_lets_positions_be_closed(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.02", 84000)
    desk.engine.set_market_status(MARKET, MarketStatus.REDUCE_ONLY, NOW_MS)
    assert desk.place(desk.a, limit(SELL, "0.02", 84500, reduce_only=True)).status is NEW


def test_disabling_a_market_cancels_its_orders_only(desk: Desk) -> None:
    gone = desk.place(desk.a, limit(BUY, "0.01", 83000))
    desk.mark(3120, market="ETH-USD")
    stays = desk.place(desk.a, limit(BUY, "0.1", 3000, market="ETH-USD"))
    desk.engine.set_market_status(MARKET, MarketStatus.DISABLED, NOW_MS)
    assert desk.order(desk.a, gone).status_reason is StatusReason.DISABLED_MARKET
    assert desk.order(desk.a, stays).status is NEW


def test_an_order_that_expired_before_acceptance_is_rejected(desk: Desk) -> None:
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83000, expire_ms=NOW_MS + 5))
    desk.engine.accept(order_id, NOW_MS + 5)
    order = desk.engine.queries.order(desk.a.id, order_id)
    assert (order.status, order.status_reason) == (REJECTED, StatusReason.INVALID_EXPIRE_TIME)


def test_a_gtt_order_expires_with_its_fills(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.02", 84000, expire_ms=NOW_MS + 1000))
    longer = desk.place(desk.a, limit(BUY, "0.02", 83000, expire_ms=NOW_MS + 2000))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    assert desk.engine.next_due_ms() == NOW_MS + 1000
    desk.engine.advance(NOW_MS + 999)
    assert desk.order(desk.a, order).status is PARTIAL
    desk.engine.advance(NOW_MS + 1000)
    expired = desk.order(desk.a, order)
    assert (expired.status, expired.filled_qty, expired.cancelled_qty) == (EXPIRED, D("0.01"), D("0.01"))
    assert book(desk) == ([(D(83000), D("0.02"))], [])
    assert desk.order(desk.a, longer).status is NEW


# ------------------------------------------------------------------------------------------------------------- cancels
def test_cancelling_frees_the_book_and_the_margin(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "10", 84000))
    assert desk.engine.queries.balance(desk.a.id, NOW_MS).available_for_trade == 16000
    assert desk.cancel(desk.a, order).status_reason is StatusReason.NONE
    assert desk.engine.queries.balance(desk.a.id, NOW_MS).available_for_trade == 100000
    assert book(desk) == ([], [])


def test_the_reason_of_a_users_cancel_is_a_setting() -> None:
    desk = Desk(user_cancel_reason="absent")
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    assert desk.cancel(desk.a, order).status_reason is None


def test_a_fill_may_win_the_race_against_a_cancel(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.01", 84000))
    (order_id,) = desk.engine.receive_cancel(desk.a.id, NOW_MS, order_id=order.id)
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.engine.execute_cancel(order_id, NOW_MS)
    assert desk.order(desk.a, order).status is FILLED


def test_a_cancel_may_overtake_the_acceptance(desk: Desk) -> None:
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83000, "early"))
    assert desk.engine.receive_cancel(desk.a.id, NOW_MS, external_id="early") == [order_id]
    desk.engine.execute_cancel(order_id, NOW_MS)
    desk.engine.accept(order_id, NOW_MS)
    assert desk.engine.queries.order(desk.a.id, order_id).status is CANCELLED
    assert book(desk) == ([], [])


@pytest.mark.parametrize(("setting", "expected"), [("404", (404, "NOT_FOUND")), ("error", (400, 1133)), ("ok", None)])
def test_cancelling_what_is_not_open_answers_by_setting(setting: str, expected) -> None:
    desk = Desk(unknown_cancel=setting)
    order = desk.place(desk.a, limit(BUY, "0.01", 83000, "mine"))
    for arguments in ({"order_id": 99}, {"external_id": "nobody"}):
        if expected is None:
            assert desk.engine.receive_cancel(desk.a.id, NOW_MS, **arguments) == []
            continue
        with pytest.raises(Refusal) as refused:
            desk.engine.receive_cancel(desk.a.id, NOW_MS, **arguments)
        assert (refused.value.status, refused.value.code) == expected
    if expected is not None:
        with pytest.raises(Refusal):
            desk.engine.receive_cancel(desk.b.id, NOW_MS, order_id=order.id)


def test_mass_cancel_takes_ids_external_ids_markets_or_all(desk: Desk) -> None:
    desk.mark(3120, market="ETH-USD")
    one, two, three = (desk.place(desk.a, limit(BUY, "0.01", 83000, name)) for name in ("one", "two", "three"))
    eth = desk.place(desk.a, limit(BUY, "0.1", 3000, market="ETH-USD"))
    foreign = desk.place(desk.b, limit(BUY, "0.01", 83000, "theirs"))
    pending = desk.receive(desk.a, limit(BUY, "0.01", 82000))

    def mass(**what) -> list[int]:
        return desk.engine.receive_mass_cancel(desk.a.id, NOW_MS, **what)

    assert mass(order_ids=[one.id, 5, foreign.id], external_ids=["two", "theirs"]) == [one.id, two.id]
    assert mass(order_ids=[one.id], external_ids=["one"]) == [one.id]
    assert mass(markets=["ETH-USD"]) == [eth.id]
    assert set(mass(cancel_all=True)) == {one.id, two.id, three.id, eth.id, pending}
    with pytest.raises(Refusal) as refused:
        mass()
    assert refused.value.code == 1133


def test_maintenance_refuses_cancels_too(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    desk.engine.set_mode(Mode.MAINTENANCE, NOW_MS)
    with pytest.raises(Refusal) as refused:
        desk.engine.receive_cancel(desk.a.id, NOW_MS, order_id=order.id)
    assert refused.value.code == 1010
    with pytest.raises(Refusal):
        desk.engine.receive_mass_cancel(desk.a.id, NOW_MS, cancel_all=True)


@pytest.mark.parametrize(("unit_ms", "countdown"), [(1000, 5), (1, 5000)])
def test_the_dead_mans_switch_cancels_all_unless_it_is_armed_again(unit_ms: int, countdown: int) -> None:
    desk = Desk(deadmanswitch_unit_ms=unit_ms)
    desk.trade(desk.a, desk.b, "0.01", 84000)
    mine, theirs = desk.place(desk.a, limit(BUY, "0.01", 83000)), desk.place(desk.b, limit(BUY, "0.01", 83000))
    waiting = desk.place(desk.a, conditional(BUY, "0.01", 90000, trigger(90000)))
    desk.engine.set_dead_mans_switch(desk.a.id, countdown, NOW_MS)
    assert desk.engine.next_due_ms() == NOW_MS + 5000
    desk.engine.advance(NOW_MS + 4999)
    desk.engine.set_dead_mans_switch(desk.a.id, countdown, NOW_MS + 4999)
    desk.engine.advance(NOW_MS + 9998)
    assert desk.order(desk.a, mine).status is NEW
    desk.engine.advance(NOW_MS + 9999)
    assert [desk.order(desk.a, o).status for o in (mine, waiting)] == [CANCELLED, CANCELLED]
    assert desk.order(desk.b, theirs).status is NEW
    assert desk.size(desk.a) == D("0.01")


def test_the_dead_mans_switch_can_be_disarmed_and_is_not_negative(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    desk.engine.set_dead_mans_switch(desk.a.id, 1, NOW_MS)
    desk.engine.set_dead_mans_switch(desk.a.id, 0, NOW_MS)
    desk.engine.advance(NOW_MS + 10_000)
    assert desk.order(desk.a, order).status is NEW
    with pytest.raises(Refusal):
        desk.engine.set_dead_mans_switch(desk.a.id, -1, NOW_MS)


# ------------------------------------------------------------------------------------------------------------- replace
def test_a_replacement_cancels_the_old_order_and_points_back(desk: Desk) -> None:
    old = desk.place(desk.a, limit(BUY, "0.01", 83000, "old"))
    new = desk.place(desk.a, limit(BUY, "0.02", 83500, "new", cancel_id="old"))
    assert desk.order(desk.a, old).status_reason is StatusReason.ORDER_REPLACED
    assert (new.status, new.prev_order_id) == (NEW, old.id)
    assert book(desk) == ([(D(83500), D("0.02"))], [])


def test_a_replacement_refused_at_rest_leaves_the_old_order(desk: Desk) -> None:
    old = desk.place(desk.a, limit(BUY, "0.01", 83000, "old"))
    with pytest.raises(Refusal):
        desk.receive(desk.a, limit(BUY, "0.01", 89000, "new", cancel_id="old"))
    assert desk.order(desk.a, old).status is NEW


def test_a_replacement_that_fails_in_the_engine_cancels_both(desk: Desk) -> None:
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    old = desk.place(desk.a, limit(BUY, "0.01", 83000, "old"))
    new = desk.place(desk.a, limit(BUY, "0.01", 84000, "new", cancel_id="old", post_only=True))
    assert (new.status, new.status_reason) == (REJECTED, StatusReason.POST_ONLY_FAILED)
    assert desk.order(desk.a, old).status is CANCELLED


def test_a_replacement_of_an_order_that_is_filled_meanwhile_is_rejected(desk: Desk) -> None:
    old = desk.place(desk.a, limit(BUY, "0.01", 84000, "old"))
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 83000, "new", cancel_id="old"))
    desk.place(desk.b, limit(SELL, "0.01", 84000))
    desk.engine.accept(order_id, NOW_MS)
    new = desk.engine.queries.order(desk.a.id, order_id)
    assert (new.status, new.status_reason) == (REJECTED, StatusReason.PREV_ORDER_NOT_FOUND)
    assert desk.order(desk.a, old).status is FILLED


# ------------------------------------------------------------------------------------------- self-trade, reduce-only
@pytest.mark.parametrize(
    ("level", "same_account", "same_client", "trades"),
    [
        (SelfTradeProtection.DISABLED, True, True, True),
        (SelfTradeProtection.ACCOUNT, True, True, False),
        (SelfTradeProtection.ACCOUNT, False, True, True),
        (SelfTradeProtection.CLIENT, False, True, False),
        (SelfTradeProtection.CLIENT, False, False, True),
    ],
)
def test_self_trade_protection_cancels_the_resting_order(desk: Desk, level, same_account, same_client, trades) -> None:
    other = desk.a if same_account else desk.open("c", client_id=desk.a.client_id if same_client else None)
    resting = desk.place(other, limit(SELL, "0.01", 84000))
    taker = desk.place(desk.a, limit(BUY, "0.01", 84000, self_trade_protection=level))
    expected = (FILLED, None) if trades else (CANCELLED, StatusReason.SELF_TRADE_PROTECTION)
    found = desk.order(other, resting)
    assert (found.status, found.status_reason) == expected
    assert taker.status is (FILLED if trades else NEW)


def test_self_trade_protection_goes_on_behind_the_cancelled_order(desk: Desk) -> None:
    desk.place(desk.a, limit(SELL, "0.01", 84000))
    desk.place(desk.b, limit(SELL, "0.01", 84001))
    assert desk.place(desk.a, limit(BUY, "0.01", 84001)).average_price == 84001


def test_reduce_only_orders_shrink_with_the_position_and_keep_their_place(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    resting = desk.place(desk.a, limit(SELL, "0.05", 84500, reduce_only=True))
    small = desk.place(desk.a, limit(SELL, "0.01", 84600, reduce_only=True))
    desk.engine.drain()
    desk.place(desk.b, limit(BUY, "0.03", 84000))
    desk.place(desk.a, limit(SELL, "0.03", 84000))
    shrunk = desk.order(desk.a, resting)
    assert (shrunk.status, shrunk.remaining, shrunk.cancelled_qty) == (NEW, D("0.02"), D("0.03"))
    assert desk.order(desk.a, small).remaining == D("0.01")
    assert book(desk)[1] == [(D(84500), D("0.02")), (D(84600), D("0.01"))]
    desk.place(desk.b, limit(BUY, "0.02", 84000))
    desk.place(desk.a, limit(SELL, "0.02", 84000))
    found = desk.order(desk.a, resting)
    assert (found.status, found.status_reason) == (CANCELLED, StatusReason.REDUCE_ONLY_FAILED)
    assert book(desk) == ([], [])


def test_a_shrunk_reduce_only_order_ends_cancelled_when_the_rest_is_filled(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    resting = desk.place(desk.a, limit(SELL, "0.05", 84500, reduce_only=True))
    desk.place(desk.b, limit(BUY, "0.03", 84000))
    desk.place(desk.a, limit(SELL, "0.03", 84000))
    desk.place(desk.b, limit(BUY, "0.02", 84500))
    found = desk.order(desk.a, resting)
    assert (found.status, found.filled_qty, found.cancelled_qty) == (CANCELLED, D("0.02"), D("0.03"))
    assert desk.size(desk.a) == 0


def test_a_reduce_only_taker_is_cut_to_a_position_that_shrank_meanwhile(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    order_id = desk.receive(desk.a, limit(SELL, "0.05", 84000, reduce_only=True))
    desk.place(desk.b, limit(BUY, "0.08", 84000))
    desk.place(desk.a, limit(SELL, "0.03", 84000))
    desk.engine.accept(order_id, NOW_MS)
    order = desk.engine.queries.order(desk.a.id, order_id)
    assert (order.status, order.filled_qty, order.cancelled_qty) == (CANCELLED, D("0.02"), D("0.03"))
    assert desk.size(desk.a) == 0


def test_a_reduce_only_order_whose_position_is_gone_fails_in_the_engine(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    order_id = desk.receive(desk.a, limit(SELL, "0.05", 84500, reduce_only=True))
    desk.place(desk.b, limit(BUY, "0.05", 84000))
    desk.place(desk.a, limit(SELL, "0.05", 84000))
    desk.engine.accept(order_id, NOW_MS)
    order = desk.engine.queries.order(desk.a.id, order_id)
    assert (order.status, order.status_reason) == (REJECTED, StatusReason.REDUCE_ONLY_FAILED)


def test_a_sweep_through_one_accounts_reduce_only_orders_never_flips_it(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    for price in (84500, 84501, 84502):
        desk.place(desk.a, limit(SELL, "0.04", price, reduce_only=True))
    taker = desk.place(desk.b, limit(BUY, "1", 84600))
    assert taker.filled_qty == D("0.05")
    assert desk.size(desk.a) == 0


def test_book_events_add_up_to_the_book(desk: Desk) -> None:
    for price, size in ((84000, "0.01"), (84000, "0.02"), (84001, "0.03")):
        desk.place(desk.a, limit(SELL, size, price))
    desk.place(desk.b, limit(BUY, "0.02", 84000))
    levels: dict[D, D] = {}
    for event in desk.told(BookEvent):
        levels[event.price] = levels.get(event.price, D(0)) + event.change
        assert levels[event.price] == event.total
    assert {price: size for price, size in levels.items() if size} == dict(book(desk)[1])


def test_house_accounts_have_no_account_events(desk: Desk) -> None:
    house = desk.open("house", kind=AccountKind.HOUSE)
    desk.engine.drain()
    desk.place(house, limit(SELL, "0.01", 84000))
    assert [type(e) for e in desk.engine.drain()] == [BookEvent]
    desk.place(desk.b, limit(BUY, "0.01", 84000))
    assert {e.account_id for e in desk.engine.drain() if isinstance(e, OrderEvent | AccountTradeEvent)} == {desk.b.id}


def test_no_order_trades_without_a_price(desk: Desk) -> None:
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    with pytest.raises(ValueError, match="no price"):
        _ = replace(order, price=None).limit_price
    assert order.average_price is None


def test_a_post_only_order_that_would_trade_ends_by_setting() -> None:
    for status, left in ((REJECTED, D(0)), (CANCELLED, D("0.01"))):
        desk = Desk(post_only_failed=status.value)
        desk.place(desk.b, limit(SELL, "0.01", 84000))
        order = desk.place(desk.a, limit(BUY, "0.01", 84000, post_only=True))
        assert (order.status, order.status_reason) == (status, StatusReason.POST_ONLY_FAILED)
        assert order.cancelled_qty == left


def test_fees_are_exact_or_rounded_down_to_the_collaterals_unit_by_setting() -> None:
    for rounding, fee in (("exact", D("0.01456245")), ("down", D("0.014562"))):
        desk = Desk(fee_rounding=rounding)
        desk.place(desk.b, limit(SELL, "0.0007", "83214"))
        desk.place(desk.a, limit(BUY, "0.0007", "83214"))
        (row,) = desk.engine.queries.trades(desk.a.id).items
        assert row.fee == fee
        assert desk.a.balance == 100_000 - row.fee
        assert desk.engine.floor.state.fees_collected == row.fee
